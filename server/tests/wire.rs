//! Bytes on the wire that no well-behaved client sends, and values that few do.
//!
//! Owns what is checked byte by byte: large values, refusals of the protocol, peers that close half
//! of their connection. Invariant: a peer gets every reply it is owed, then the refusal, then the
//! end. Cost: the values of 64 MiB take a second.

mod node;
mod peer;

use node::{Node, Shape, on_every_shape};
use peer::{Peer, bulk, request};

on_every_shape! {
    inline_requests,
    requests_in_pieces,
    values_of_a_mebibyte,
    values_of_64_mebibytes,
    large_values_in_company,
    values_over_the_limit,
    a_half_closed_peer_gets_its_replies,
    quitting_ends_after_the_replies,
    protocol_errors_are_told_before_the_end,
    oversized_requests_without_a_password,
    a_web_browser_is_turned_away,
}

const MEBIBYTE: usize = 1 << 20;

/// Bytes that compress to nothing and that differ by where they stand.
fn value(len: usize) -> Vec<u8> {
    let mut word = len as u64 | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Fails, without printing it all, unless a long value comes next.
fn expect_long(peer: &mut Peer, value: &[u8]) {
    let expected = bulk(value);
    let found = peer.take(expected.len());
    let differs = found.iter().zip(&expected).position(|(found, expected)| found != expected);
    assert_eq!((found.len(), differs), (expected.len(), None));
}

fn inline_requests(shape: Shape) {
    let node = Node::start(shape, &[]);
    let mut peer = Peer::connect(node.address());
    for (sent, expected) in [
        ("PING\r\n", "+PONG\r\n"),
        ("ping\n", "+PONG\r\n"),
        ("\r\n\r\nSET k v\r\n", "+OK\r\n"),
        ("  GET   k  \r\n", "$1\r\nv\r\n"),
        ("SET \"a b\" 'it''s'\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
    ] {
        peer.send(sent.as_bytes());
        peer.expect(expected.as_bytes());
    }
    peer.expect_last(b"");
    let mut peer = Peer::connect(node.address());
    peer.send(b"SET \"a\\r\\x41\" 'it\\'s'\r\nGET \"a\\r\\x41\"\r\nMGET k nothing\r\nDBSIZE\r\n");
    peer.expect(b"+OK\r\n$4\r\nit's\r\n*2\r\n$1\r\nv\r\n$-1\r\n:2\r\n");
}

/// However the bytes are cut, the replies are the same.
fn requests_in_pieces(shape: Shape) {
    let node = Node::start(shape, &[]);
    let mut bytes = request(&[b"SET", b"k", b"\r\nvalue\r\n"]);
    bytes.extend(request(&[b"GET", b"k"]));
    bytes.extend(b"PING\r\n");
    bytes.extend(request(&[b"MGET", b"k", b"none", b"k2"]));
    let replies =
        b"+OK\r\n$9\r\n\r\nvalue\r\n\r\n+PONG\r\n*3\r\n$9\r\n\r\nvalue\r\n\r\n$-1\r\n$-1\r\n";
    let mut peer = Peer::connect(node.address());
    for cut in 1..bytes.len() {
        peer.send(&bytes[..cut]);
        // A reply in between proves that the first piece has arrived on its own.
        if let Some(first) = [b"+OK\r\n"].into_iter().find(|_| cut >= 35) {
            peer.expect(first);
            peer.send(&bytes[cut..]);
            peer.expect(&replies[first.len()..]);
        } else {
            peer.send(&bytes[cut..]);
            peer.expect(replies);
        }
    }
    for byte in &bytes {
        peer.send(std::slice::from_ref(byte));
    }
    peer.expect(replies);
}

fn check_round_trip(node: &Node, len: usize) {
    let value = value(len);
    let mut peer = Peer::connect(node.address());
    peer.send(&request(&[b"SET", b"large", &value]));
    peer.expect(b"+OK\r\n");
    // The value is sent while others are read and while it is replaced.
    let mut pipeline = request(&[b"GET", b"large"]);
    pipeline.extend(request(&[b"SET", b"large", b"small"]));
    pipeline.extend(request(&[b"GET", b"large"]));
    peer.send(&pipeline);
    expect_long(&mut peer, &value);
    peer.expect(b"+OK\r\n$5\r\nsmall\r\n");
}

fn values_of_a_mebibyte(shape: Shape) {
    let node = Node::start(shape, &[]);
    for len in [MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1, 100 << 10, 64 << 10, 4 << 10] {
        check_round_trip(&node, len);
    }
    let (one, two) = (value(MEBIBYTE), value(MEBIBYTE / 2));
    let mut peer = Peer::connect(node.address());
    peer.send(&request(&[b"MSET", b"one", &one, b"two", &two, b"three", b"3"]));
    peer.expect(b"+OK\r\n");
    peer.send(&request(&[b"MGET", b"two", b"three", b"none", b"one", b"two"]));
    peer.expect(b"*5\r\n");
    expect_long(&mut peer, &two);
    peer.expect(b"$1\r\n3\r\n$-1\r\n");
    expect_long(&mut peer, &one);
    expect_long(&mut peer, &two);
    peer.send(&request(&[b"APPEND", b"one", &two]));
    peer.expect(format!(":{}\r\n", one.len() + two.len()).as_bytes());
    peer.send(&request(&[b"GETDEL", b"one"]));
    expect_long(&mut peer, &[one, two].concat());
}

fn values_of_64_mebibytes(shape: Shape) {
    let node = Node::start(shape, &[]);
    check_round_trip(&node, 64 * MEBIBYTE);
}

/// Large values, whatever comes before them, behind them and with them, cut anywhere.
fn large_values_in_company(shape: Shape) {
    let node = Node::start(shape, &[]);
    let mut peer = Peer::connect(node.address());
    let (one, two) = (value(300_001), value(900_000));
    let mut sent = request(&[b"SET", b"first", b"1"]);
    sent.extend(request(&[b"SET", b"one", &one, b"PX", b"10000000"]));
    sent.extend(request(&[b"SET", b"one", &two, b"NX"]));
    sent.extend(request(&[b"SET", b"two", &two, b"KEEPTTL"]));
    sent.extend(request(&[b"APPEND", b"two", b"tail"]));
    sent.extend(request(&[b"SETRANGE", b"one", b"300010", b"end"]));
    sent.extend(request(&[b"MSET", b"three", &one, b"four", &two, b"five", b"5"]));
    sent.extend(b"\r\nPING\r\n");
    sent.extend(request(&[b"SET", b"three", b"3"]));
    sent.extend(request(&[b"GETSET", b"four", &one]));
    sent.extend(request(&[b"NONSENSE", b"six", &one]));
    sent.extend(request(&[b"ECHO", &one]));
    let replies = |peer: &mut Peer| {
        peer.expect(b"+OK\r\n+OK\r\n$-1\r\n+OK\r\n:900004\r\n:300013\r\n+OK\r\n+PONG\r\n+OK\r\n");
        expect_long(peer, &two);
        assert!(peer.line().starts_with("-ERR unknown command 'NONSENSE'"));
        expect_long(peer, &one);
    };
    for step in [sent.len(), 1 << 20, 300_100, 77_777] {
        peer.send(&request(&[b"FLUSHALL"]));
        peer.expect(b"+OK\r\n");
        for part in sent.chunks(step) {
            peer.send(part);
        }
        replies(&mut peer);
        peer.send(&request(&[b"GET", b"one"]));
        expect_long(&mut peer, &[&one[..], &[0; 9], b"end"].concat());
        peer.send(&request(&[b"MGET", b"four", b"two", b"three"]));
        peer.expect(b"*3\r\n");
        expect_long(&mut peer, &one);
        expect_long(&mut peer, &[&two[..], b"tail"].concat());
        peer.expect(b"$1\r\n3\r\n");
    }
}

fn values_over_the_limit(shape: Shape) {
    let node = Node::start(shape, &["--max-memory=16mb"]);
    // No byte of such a value is waited for.
    let mut peer = Peer::connect(node.address());
    peer.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$67108865\r\n");
    peer.expect_last(b"-ERR Protocol error: invalid bulk length\r\n");
    // A value that the node's memory cannot hold is refused, and the connection goes on.
    let mut peer = Peer::connect(node.address());
    peer.send(&request(&[b"SET", b"k", &value(20 * MEBIBYTE)]));
    let refusal = peer.line();
    let is_refused = refusal.starts_with("-OOM ") || refusal.starts_with("-ERR ");
    assert!(is_refused, "{refusal}");
    println!("refused: {refusal}");
    peer.send(b"EXISTS k\r\nSET k small\r\n");
    peer.expect(b":0\r\n+OK\r\n");
    peer.send(b"SETRANGE k 67108864 x\r\n");
    peer.expect(b"-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n");
    peer.send(b"GET k\r\n");
    peer.expect(b"$5\r\nsmall\r\n");
    let node = Node::start(shape, &["--value-len-max=1mb"]);
    let mut peer = Peer::connect(node.address());
    peer.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048577\r\n");
    peer.expect_last(b"-ERR Protocol error: invalid bulk length\r\n");
    // Three arguments that are possible each make a request that is not.
    let mut peer = Peer::connect(node.address());
    peer.send(b"*4\r\n$4\r\nMGET\r\n");
    for _ in 0..3 {
        let _ = peer.try_send(&bulk(&vec![b'k'; MEBIBYTE]));
    }
    peer.expect_last(b"-ERR Protocol error: too big request\r\n");
}

fn a_half_closed_peer_gets_its_replies(shape: Shape) {
    let node = Node::start(shape, &[]);
    let large = value(8 * MEBIBYTE);
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for number in 0..1000_u32 {
        let key = format!("k{number}");
        sent.extend(request(&[b"SET", key.as_bytes(), b"v"]));
        sent.extend(request(&[b"MGET", key.as_bytes(), b"none", b"k0"]));
        expected.extend(b"+OK\r\n*3\r\n$1\r\nv\r\n$-1\r\n$1\r\nv\r\n");
    }
    sent.extend(request(&[b"SET", b"large", &large]));
    sent.extend(request(&[b"GET", b"large"]));
    sent.extend(request(&[b"EXISTS", b"large", b"k0", b"k1"]));
    expected.extend(b"+OK\r\n");
    expected.extend(bulk(&large));
    expected.extend(b":3\r\n");
    let mut peer = Peer::connect(node.address());
    peer.send_beside(sent);
    let found = peer.take(expected.len());
    assert!(found == expected, "{} of {} bytes", found.len(), expected.len());
    peer.expect_last(b"");
    // A peer that sends half a request and closes is owed nothing, and is closed.
    let mut peer = Peer::connect(node.address());
    peer.send(b"PING\r\n*2\r\n$3\r\nGE");
    peer.shut_down_sending();
    peer.expect_last(b"+PONG\r\n");
}

fn quitting_ends_after_the_replies(shape: Shape) {
    let node = Node::start(shape, &[]);
    let mut peer = Peer::connect(node.address());
    peer.send(b"SET a 1\r\nMGET a b c\r\nQUIT\r\nSET a 2\r\n");
    peer.expect_last(b"+OK\r\n*3\r\n$1\r\n1\r\n$-1\r\n$-1\r\n+OK\r\n");
    let mut peer = Peer::connect(node.address());
    peer.send(b"GET a\r\n");
    peer.expect(b"$1\r\n1\r\n");
}

fn protocol_errors_are_told_before_the_end(shape: Shape) {
    let node = Node::start(shape, &[]);
    let long_line = [&b"GET "[..], &vec![b'x'; 64 << 10]].concat();
    let cases: [(&[u8], &str); 10] = [
        (b"*1\r\n+PING\r\n", "expected '$', got '+'"),
        (b"*x\r\n", "invalid multibulk length"),
        (b"*1048577\r\n", "invalid multibulk length"),
        (b"*1\r\n$x\r\n", "invalid bulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*2\r\n$3\r\nGET\r\n:1\r\n", "expected '$', got ':'"),
        (b"GET \"x\r\n", "unbalanced quotes in request"),
        (b"GET 'x'y\r\n", "unbalanced quotes in request"),
        (&long_line, "too big inline request"),
        (b"*2\r\n$3\r\nGET\r\nk\r\n", "expected '$', got 'k'"),
    ];
    for (sent, text) in cases {
        let mut peer = Peer::connect(node.address());
        // What came before is answered first, also what runs on two shards.
        let before = request(&[b"MSET", b"a", b"1", b"b", b"2", b"c", b"3", b"d", b"4"]);
        peer.send(&[&before[..], b"MGET a b\r\n", sent].concat());
        let refusal = format!("-ERR Protocol error: {text}\r\n");
        let expected = format!("+OK\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n{refusal}");
        peer.expect_last(expected.as_bytes());
    }
}

fn oversized_requests_without_a_password(shape: Shape) {
    let node = Node::start(shape, &["--requirepass=secret"]);
    let refused = |sent: &[u8], expected: &str| {
        let mut peer = Peer::connect(node.address());
        peer.send(sent);
        peer.expect_last(format!("-ERR Protocol error: {expected}\r\n").as_bytes());
    };
    refused(b"*11\r\n", "unauthenticated multibulk length");
    refused(b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "unauthenticated bulk length");
    let mut peer = Peer::connect(node.address());
    // One who has the password may go on at once, within the same pipeline.
    let mut pipeline = request(&[b"GET", b"k"]);
    pipeline.extend(request(&[b"AUTH", b"secret"]));
    pipeline.extend(request(&[b"SET", b"k", &value(MEBIBYTE)]));
    pipeline.extend(request(&[b"STRLEN", b"k"]));
    peer.send(&pipeline);
    peer.expect(b"-NOAUTH Authentication required.\r\n+OK\r\n+OK\r\n:1048576\r\n");
}

fn a_web_browser_is_turned_away(shape: Shape) {
    let node = Node::start(shape, &[]);
    for line in ["POST / HTTP/1.1\r\n", "Host: 127.0.0.1\r\n"] {
        let mut peer = Peer::connect(node.address());
        peer.send(line.as_bytes());
        let _ = peer.try_send(b"SET forged v\r\n");
        peer.wait_for_end();
    }
    let mut peer = Peer::connect(node.address());
    peer.send(b"EXISTS forged\r\n");
    peer.expect(b":0\r\n");
}
