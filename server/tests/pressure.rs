//! Memory under pressure: peers that do not read, writes without end, limits that shrink.
//!
//! Owns the node's memory as its operator sees it, from `/proc` and INFO. Invariant: the limits
//! hold while the pressure lasts, and well-behaved clients are served meanwhile. Cost: two seconds
//! a shape.

mod node;
mod peer;

use std::io::Write;
use std::net::TcpStream;

use node::{Node, Shape, eventually, info, info_number, on_every_shape, say};
use peer::{Peer, bulk, request};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use socket2::{Domain, SockAddr, Socket, Type};

on_every_shape! {
    slow_readers_are_bounded,
    a_slow_reader_that_reads_on_gets_everything,
    items_are_limited,
    memory_is_limited,
    the_limit_shrinks_while_running,
    what_dying_senders_leave_is_given_back,
    many_long_requests_share_the_buffers,
}

const MEBIBYTE: usize = 1 << 20;
const SLOW_READERS: usize = 2000;
const SMALL: usize = 2000;
const CLIENT_MEMORY_MAX: usize = 64 * MEBIBYTE;
/// What two thousand connections cost beside their buffers, and what arrives between two looks.
const CLIENT_SLACK: usize = 64 * MEBIBYTE;

/// A connection whose kernel buffers are as small as they get.
fn narrow(node: &Node) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a socket option");
    // Small packets keep the node's side of the kernel's buffers small as well.
    socket.set_tcp_mss(536).expect("a socket option");
    socket.connect(&SockAddr::from(node.address())).expect("the node listens");
    socket.into()
}

fn slow_readers_are_bounded(shape: Shape) {
    let node = Node::start(shape, &["--client-memory-max=64mb", "--max-memory=64mb"]);
    let value = vec![b'v'; 100 << 10];
    let mut fast = Peer::connect(node.address());
    fast.send(&request(&[b"SET", b"value", &value]));
    fast.expect(b"+OK\r\n");
    // A large value may be sent from its place; these are copied for each that asks.
    fast.send(&request(&[b"SET", b"small", &value[..SMALL]]));
    fast.expect(b"+OK\r\n");
    let before = node.memory_bytes("VmRSS");
    let gets = [
        request(&[b"GET", b"value"]).repeat(20),
        request(&[b"GET", b"small"]).repeat(2 * MEBIBYTE / SMALL),
    ];
    let mut slow = Vec::new();
    for number in 0..SLOW_READERS {
        let mut stream = narrow(&node);
        // A reset is how the node closes one that asks for too much.
        let _ = stream.write_all(&gets[number % 2]);
        slow.push(stream);
        if number % 50 == 0 {
            fast.send(b"PING\r\n");
            fast.expect(b"+PONG\r\n");
            fast.send(&request(&[b"GET", b"value"]));
            fast.expect(&bulk(&value));
        }
    }
    let mut observer = node.connect();
    eventually("the buffers are within their limit", || {
        info_number(&mut observer, "client_buffers_bytes") <= CLIENT_MEMORY_MAX as u64
    });
    let most = node.memory_bytes("VmHWM");
    println!("{} MiB before, at most {} MiB", before / MEBIBYTE, most / MEBIBYTE);
    assert!(most <= before + CLIENT_MEMORY_MAX + CLIENT_SLACK, "{before} grew to {most} bytes");
    let fields = info(&mut observer, "everything");
    assert_eq!(fields["evicted_keys"], "0", "clients cost items");
    fast.send(&request(&[b"GET", b"value"]));
    fast.expect(&bulk(&value));
    // One of them is told to go, by who it is; the rest leave by themselves.
    let survivor = slow.iter().rev().find(|stream| {
        let address = stream.local_addr().expect("a bound socket");
        say(&mut observer, &format!("CLIENT KILL {address}")) == "+OK"
    });
    println!("one was left to be killed: {}", survivor.is_some());
    drop(slow);
    eventually("all slow readers have gone", || {
        info_number(&mut observer, "connected_clients") == 2
    });
}

/// One that asks for more than it is sent at once, and reads later, loses nothing.
fn a_slow_reader_that_reads_on_gets_everything(shape: Shape) {
    const ASKED: usize = 200;
    const PINGS: usize = 4000;
    let node = Node::start(shape, &[]);
    let value = vec![b'v'; 100 << 10];
    let mut other = Peer::connect(node.address());
    other.send(&request(&[b"SET", b"value", &value]));
    other.expect(b"+OK\r\n");
    let mut stream = narrow(&node);
    let mut pipeline = Vec::new();
    for number in 0..ASKED {
        pipeline.extend(request(&[b"GET", b"value"]));
        pipeline.extend(request(&[b"MGET", b"none", b"value"]));
        pipeline.extend(request(&[b"SET", format!("k{number}").as_bytes(), b"1"]));
    }
    // Shards may have begun with what a turn takes of one connection, not with more.
    pipeline.extend(b"PING\r\n".repeat(PINGS));
    pipeline.extend(b"SET last 1\r\n");
    stream.write_all(&pipeline).expect("the node takes requests");
    // The node holds back: what cannot be sent is not run either.
    for _ in 0..100 {
        other.send(b"EXISTS last\r\n");
        other.expect(b":0\r\n");
    }
    let mut slow = Peer::of(stream);
    let bulk = bulk(&value);
    let expected = [&bulk[..], b"*2\r\n$-1\r\n", &bulk, b"+OK\r\n"].concat();
    for number in 0..ASKED {
        assert!(slow.take(expected.len()) == expected, "the replies differ from {number} on");
    }
    slow.expect(&b"+PONG\r\n".repeat(PINGS));
    slow.expect(b"+OK\r\n");
    other.send(b"EXISTS k199 last\r\n");
    other.expect(b":2\r\n");
}

fn items_are_limited(shape: Shape) {
    const ITEMS_MAX: u64 = 1000;
    let node = Node::start(shape, &["--max-items=1000"]);
    let mut connection = node.connect();
    for round in 0..40 {
        let mut pipe = redis::pipe();
        (0..500).for_each(|number| {
            pipe.set(format!("{round}:{number}"), round).ignore();
        });
        pipe.cmd("DBSIZE");
        let (size,): (u64,) = pipe.query(&mut connection).unwrap();
        assert!(size <= ITEMS_MAX, "{size} items in round {round}");
    }
    let size = say(&mut connection, "DBSIZE");
    let evicted = info_number(&mut connection, "evicted_keys");
    assert_eq!(format!(":{}", 20_000 - evicted), size);
    // Keys fall on shards unevenly, but each may keep its half.
    assert!(20_000 - evicted >= ITEMS_MAX * 9 / 10, "{size} items are left");
    assert_eq!(say(&mut connection, "GET 39:499"), "\"39\"");
    assert_eq!(say(&mut connection, "GET 0:0"), "nil");
    assert_eq!(say(&mut connection, "CONFIG SET max-items 200"), "+OK");
    eventually("items go when their limit shrinks", || {
        let size = say(&mut connection, "DBSIZE");
        size.trim_start_matches(':').parse::<u64>().expect("a number") <= 200
    });
}

/// Writes `len` bytes in values of many sizes, checking the limit after every pipeline.
fn flood(node: &Node, limit: u64, len: usize, random: &mut SmallRng) {
    let mut connection = node.connect();
    let (mut written, mut number) = (0, 0);
    while written < len {
        let mut pipe = redis::pipe();
        for _ in 0..100 {
            let value_len = match random.random_range(0..10) {
                0 => random.random_range(64 << 10..200 << 10),
                1..4 => random.random_range(1000..10_000),
                _ => random.random_range(10..1000),
            };
            pipe.set(format!("flood:{number}"), vec![b'f'; value_len]).ignore();
            (written, number) = (written + value_len, number + 1);
        }
        pipe.query::<()>(&mut connection).expect("every write is taken");
        let accounted = accounted_bytes(&mut connection);
        assert!(accounted <= limit, "{accounted} bytes after {written}");
        let memory = info(&mut connection, "memory");
        let figure = |name: &str| memory[name].parse::<u64>().expect("a number");
        let counted = figure("used_memory") - figure("mem_not_counted_for_evict");
        assert!(counted <= limit, "{counted} bytes count for eviction after {written}");
        assert_eq!(figure("maxmemory_clients"), 64 << 20);
    }
    let last: Vec<u8> =
        redis::cmd("GET").arg(format!("flood:{}", number - 1)).query(&mut connection).unwrap();
    assert!(!last.is_empty(), "what was written last is gone");
}

fn accounted_bytes(connection: &mut redis::Connection) -> u64 {
    let fields = info(connection, "shards");
    let shards = (0..).map_while(|shard| fields.get(&format!("shard{shard}")));
    let bytes = |line: &String| {
        let field = line.split(',').find_map(|part| part.strip_prefix("bytes="));
        field.expect("a shard's bytes").parse::<u64>().expect("a number")
    };
    shards.map(bytes).sum()
}

/// The bound on resident memory that goes with a limit.
fn resident_max(limit: u64) -> usize {
    limit as usize + limit as usize / 20 + 64 * MEBIBYTE
}

fn memory_is_limited(shape: Shape) {
    let seed = 0x5eed_0007;
    println!("seed {seed:#x}");
    let mut random = SmallRng::seed_from_u64(seed);
    let limit = 64 << 20;
    let node = Node::start(shape, &["--max-memory=64mb"]);
    flood(&node, limit, 200 * MEBIBYTE, &mut random);
    let mut connection = node.connect();
    assert!(info_number(&mut connection, "evicted_keys") > 0);
    let accounted = accounted_bytes(&mut connection);
    assert!(accounted >= limit / 2, "only {accounted} of {limit} bytes are used");
    let most = node.memory_bytes("VmHWM");
    assert!(most <= resident_max(limit), "{most} bytes are resident");
    assert_eq!(say(&mut connection, "FLUSHALL"), "+OK");
    assert_eq!(say(&mut connection, "DBSIZE"), ":0");
}

fn the_limit_shrinks_while_running(shape: Shape) {
    let mut random = SmallRng::seed_from_u64(8);
    let (before, after) = (128 << 20, 64 << 20);
    let node = Node::start(shape, &["--max-memory=128mb"]);
    flood(&node, before, 160 * MEBIBYTE, &mut random);
    let mut connection = node.connect();
    assert_eq!(say(&mut connection, "CONFIG GET maxmemory"), "[\"maxmemory\" \"134217728\"]");
    assert_eq!(say(&mut connection, "CONFIG SET maxmemory 64mb"), "+OK");
    eventually("the data shrinks", || accounted_bytes(&mut connection) <= after);
    eventually("the memory is given back", || node.memory_bytes("VmRSS") <= resident_max(after));
    assert_eq!(info_number(&mut connection, "maxmemory"), after);
    flood(&node, after, 20 * MEBIBYTE, &mut random);
    assert_eq!(say(&mut connection, "CONFIG SET maxmemory 128mb"), "+OK");
    flood(&node, before, 40 * MEBIBYTE, &mut random);
}

/// Clients that are killed, hang up or fall silent halfway through a value of 64 MiB.
fn what_dying_senders_leave_is_given_back(shape: Shape) {
    const SENT: usize = 32 * MEBIBYTE;
    let node = Node::start(shape, &["--max-memory=256mb"]);
    let mut observer = node.connect();
    let before = node.memory_bytes("VmRSS");
    let mut half = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$67108864\r\n".to_vec();
    half.resize(half.len() + SENT, b'v');
    let held = |observer: &mut redis::Connection| info_number(observer, "client_buffers_bytes");
    for end in ["hangs up", "is killed", "is silent"] {
        let mut stream = TcpStream::connect(node.address()).expect("the node listens");
        stream.write_all(&half).expect("the node reads");
        eventually("what has come counts", || held(&mut observer) >= SENT as u64);
        assert!(accounted_bytes(&mut observer) < MEBIBYTE as u64, "it is no data yet");
        match end {
            "is killed" => {
                let address = stream.local_addr().expect("a bound socket");
                assert_eq!(say(&mut observer, &format!("CLIENT KILL {address}")), "+OK");
            }
            "is silent" => assert_eq!(say(&mut observer, "CONFIG SET timeout 1"), "+OK"),
            _ => drop(stream),
        }
        // The receive buffers of each shard do.
        eventually("no more counts", || held(&mut observer) <= SENT as u64 / 2);
        let slack = 16 * MEBIBYTE;
        eventually("memory is given back", || node.memory_bytes("VmRSS") <= before + slack);
        assert_eq!(info_number(&mut observer, "connected_clients"), 1, "one that {end}");
    }
    let longest = info(&mut observer, "everything")["longest_step_bytes"].parse::<u64>();
    assert!(longest.expect("a number") <= 64 << 10);
    assert_eq!(say(&mut observer, "EXISTS k"), ":0");
}

/// More values at a time than buffers may hold: all are taken, a few at a time.
fn many_long_requests_share_the_buffers(shape: Shape) {
    const CLIENTS: usize = 24;
    const VALUE_LEN: usize = 16 * MEBIBYTE;
    let node = Node::start(shape, &["--max-memory=96mb", "--client-memory-max=64mb"]);
    let mut observer = node.connect();
    let before = node.memory_bytes("VmRSS");
    let request = request(&[b"SET", b"k", &vec![b'v'; VALUE_LEN]]);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut peer = Peer::connect(node.address());
                peer.send(&request);
                peer.expect(b"+OK\r\n");
            });
        }
    });
    let most = node.memory_bytes("VmHWM") - before;
    println!("{} MiB more at most", most / MEBIBYTE);
    // A request a shard may go beyond its share, and of each what a turn receives.
    assert!(most <= (96 + 64 + 2 * 16 + 64) * MEBIBYTE, "{most} bytes");
    assert_eq!(say(&mut observer, "STRLEN k"), format!(":{VALUE_LEN}"));
    assert_eq!(info_number(&mut observer, "connected_clients"), 1);
}
