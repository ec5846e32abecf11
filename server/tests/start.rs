//! Starting and stopping: what keeps a node from starting, and how one ends.
//!
//! Owns exit codes and the lines that explain them. Invariant: a node that cannot start says so in
//! one line on standard error and exits with 1; one that is asked to stop answers what it was asked
//! before, and exits with 0. Cost: some tens of milliseconds a node.

mod node;
mod peer;

use std::net::{Ipv6Addr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::process::Command;

use node::{
    Node, Shape, binary, binary_after, binary_without, connect, eventually, free_port, info,
    on_every_shape, say,
};
use peer::{Peer, bulk, request};
use rustix::process::Signal;

on_every_shape! {
    signals_stop_a_node,
    what_was_asked_is_answered_before_the_end,
    clients_that_wait_do_not_keep_a_node,
    a_client_stops_the_node,
}

fn signals_stop_a_node(shape: Shape) {
    for signal in [Signal::TERM, Signal::INT] {
        let mut node = Node::start(shape, &[]);
        let mut peers: Vec<Peer> = (0..10).map(|_| Peer::connect(node.address())).collect();
        peers.iter_mut().for_each(|peer| peer.send(b"PING\r\n"));
        peers.iter_mut().for_each(|peer| peer.expect(b"+PONG\r\n"));
        node.signal(signal);
        peers.iter_mut().for_each(|peer| peer.expect_last(b""));
        let ended = node.ended();
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
        for line in
            ["stopping", "stopped", if signal == Signal::INT { "SIGINT" } else { "SIGTERM" }]
        {
            assert!(ended.stdout.contains(line), "{line} is not in {ended:?}");
        }
    }
}

fn what_was_asked_is_answered_before_the_end(shape: Shape) {
    let mut node = Node::start(shape, &[]);
    let value = vec![b'v'; 8 << 20];
    let mut witness = node.connect();
    let mut peer = Peer::connect(node.address());
    peer.send(&request(&[b"SET", b"large", &value]));
    peer.expect(b"+OK\r\n");
    let mut pipeline = request(&[b"MGET", b"a", b"b", b"c", b"d"]).repeat(100);
    pipeline.extend(request(&[b"GET", b"large"]));
    pipeline.extend(request(&[b"INCR", b"witness"]));
    peer.send(&pipeline);
    let nils = b"*4\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n".repeat(100);
    peer.expect(&nils);
    peer.expect(b"$8388608\r\nv");
    // The node has seen all of it once it has begun with the value; most of it is still unsent.
    node.signal(Signal::TERM);
    let rest = bulk(&value)["$8388608\r\nv".len()..].to_vec();
    assert!(peer.take(rest.len()) == rest, "the value was cut off");
    // What came after a reply that was too long to send at once may be answered or not.
    let last = peer.line();
    assert!(["", ":1"].contains(&&*last), "{last}");
    peer.expect_last(b"");
    let ended = node.ended();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
    // Another shard may have stopped a moment later, but not without ending its connections.
    assert!(say(&mut witness, "PING").starts_with("broken"));
}

fn clients_that_wait_do_not_keep_a_node(shape: Shape) {
    let mut node = Node::start(shape, &[]);
    let mut inside = Peer::connect(node.address());
    inside.send(b"WATCH a b c\r\nMULTI\r\nSET a 1\r\n");
    inside.expect(b"+OK\r\n+OK\r\n+QUEUED\r\n");
    let mut half = Peer::connect(node.address());
    half.send(b"PING\r\n*2\r\n$3\r\nGE");
    half.expect(b"+PONG\r\n");
    let mut pausing = node.connect();
    let mut paused = Peer::connect(node.address());
    paused.send(b"PING\r\n");
    paused.expect(b"+PONG\r\n");
    assert_eq!(say(&mut pausing, "CLIENT PAUSE 600000 ALL"), "+OK");
    paused.send(b"SET k v\r\n");
    node.signal(Signal::TERM);
    for peer in [&mut inside, &mut half, &mut paused] {
        peer.expect_last(b"");
    }
    let ended = node.ended();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
}

fn a_client_stops_the_node(shape: Shape) {
    for words in ["SHUTDOWN", "SHUTDOWN NOSAVE"] {
        let mut node = Node::start(shape, &[]);
        let mut other = Peer::connect(node.address());
        let mut peer = Peer::connect(node.address());
        peer.send(format!("SHUTDOWN NONSENSE\r\nPING\r\n{words}\r\n").as_bytes());
        peer.expect_last(b"-ERR syntax error\r\n+PONG\r\n");
        other.expect_last(b"");
        let ended = node.ended();
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
    }
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = taken.local_addr().expect("a bound socket").port();
    let mut node = Node::spawn(binary(), Shape::PLAIN, &[], port);
    let place = format!("127.0.0.1:{port}");
    node.ended().check_refused(&[&place, "in use", "--resp-port"]);
}

#[test]
fn a_unix_socket_that_is_taken_or_left_behind() {
    let mut first = Node::start(Shape::PLAIN, &[]);
    let path = first.unix_socket().display().to_string();
    let common = ["--resp-port=0", "--memcached-port=0", "--http-port=0", "--log-format=json"];
    let args = [&common[..], &["--shards=1", "--driver=epoll", "--unix-socket", &path]].concat();
    Node::bare(&args).ended().check_refused(&[&path, "in use", "--unix-socket"]);
    let url = format!("redis+unix://{path}");
    assert_eq!(say(&mut connect(&url), "SET whose first"), "+OK");
    first.signal(Signal::KILL);
    assert_eq!(first.killed_by(), Some(9));
    let second = Node::bare(&args);
    second.wait_for_log("is ready");
    assert_eq!(say(&mut connect(&url), "GET whose"), "nil");
}

#[test]
fn a_unix_socket_is_for_its_owner() {
    let node = Node::start_as(&|| binary_after("umask 0"), Shape::PLAIN, &[]);
    let metadata = std::fs::metadata(node.unix_socket()).expect("a socket");
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let mut client = connect(&format!("redis+unix://{}", node.unix_socket().display()));
    assert_eq!(say(&mut client, "PING"), "+PONG");
    let list = say(&mut client, "CLIENT LIST");
    assert!(list.contains("/socket:0"), "{list}");
}

#[test]
fn several_addresses_of_both_families() {
    if let Err(error) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        println!("skipped: no ::1 on this host: {error}");
        return;
    }
    let node = Node::start(Shape::PLAIN, &["--bind=127.0.0.1,::1"]);
    let mut four = node.connect();
    let mut six = connect(&format!("redis://[::1]:{}/", node.port));
    assert_eq!(say(&mut four, "SET k v"), "+OK");
    assert_eq!(say(&mut six, "GET k"), "\"v\"");
    // A client is sent to the address it came from.
    assert!(say(&mut six, "CLUSTER SLOTS").contains("\"::1\""));
    assert!(say(&mut four, "CLUSTER SLOTS").contains("\"127.0.0.1\""));
    assert!(say(&mut six, "CLIENT INFO").contains(&format!("laddr=[::1]:{} ", node.port)));
}

#[test]
fn settings_that_keep_a_node_from_starting() {
    let ports = ["--memcached-port=0", "--http-port=0"];
    let refused = |args: &[&str], parts: &[&str]| {
        let ended = Node::bare(&[&ports[..], args].concat()).ended();
        assert_eq!(ended.code, Some(1), "{args:?}: {ended:?}");
        for part in parts {
            assert!(ended.stderr.contains(part), "{args:?}: {part} is not in {ended:?}");
        }
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    };
    refused(&["--no-such-flag"], &["--no-such-flag"]);
    refused(&["--shards=0"], &["shards", "1 to 256"]);
    refused(&["--driver=kqueue"], &["driver", "epoll"]);
    refused(&["--bind=0.0.0.0"], &["0.0.0.0", "password", "--insecure"]);
    refused(&["--bind=0.0.0.0", "--check-config"], &["0.0.0.0", "password", "--insecure"]);
    refused(&["--resp-port=0"], &["every port is 0"]);
    refused(&["--cores=4095"], &["cores"]);
    refused(&["--config=/no/such/file"], &["/no/such/file"]);
    refused(&["--bind=192.0.2.1", "--requirepass=x"], &["192.0.2.1"]);
    refused(
        &["--resp-port=0", "--unix-socket=/no/such/folder/socket"],
        &["/no/such/folder/socket"],
    );
}

#[test]
fn beyond_loopback_with_a_password_or_on_request() {
    for args in [["--bind=*", "--requirepass=secret"], ["--bind=0.0.0.0", "--insecure"]] {
        let node = Node::start(Shape::PLAIN, &args);
        let mut client = connect(
            &format!("redis://:secret@{}/", node.address())
                .replace(if args[1] == "--insecure" { ":secret@" } else { "\0" }, ""),
        );
        assert_eq!(say(&mut client, "PING"), "+PONG");
    }
}

#[test]
fn looking_without_starting() {
    let ended = Node::bare(&["--check-config", "--shards=3"]).ended();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
    assert!(ended.stdout.contains("shards"), "{ended:?}");
    let ended = Node::bare(&["--help"]).ended();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
    assert!(ended.stdout.contains("--check-config"), "{ended:?}");
}

/// With no memory that may be locked the node serves, or says in one line why it cannot.
#[test]
fn memory_that_may_not_be_locked() {
    let command = || binary_without("ipc_lock", "ulimit -l 0");
    for shards in [1, 2] {
        let node = Node::start_as(&command, Shape { shards, driver: "auto" }, &[]);
        let mut client = node.connect();
        assert_eq!(say(&mut client, "SET k v"), "+OK");
        let driver = &info(&mut client, "server")["multiplexing_api"];
        println!("{shards} shards use {driver}");
        if driver == "epoll" {
            node.wait_for_log("epoll instead of io_uring");
        }
    }
    let shape = Shape { shards: 1, driver: "io_uring" };
    let mut node = Node::spawn(command(), shape, &[], free_port());
    if node.is_ready() {
        assert_eq!(say(&mut node.connect(), "PING"), "+PONG");
    } else {
        node.ended().check_refused(&["io_uring"]);
    }
}

#[test]
fn memory_that_is_short() {
    let command: Command = binary_after("ulimit -v 400000");
    let args = ["--max-memory=8gb"];
    let mut node = Node::spawn(command, Shape { shards: 2, driver: "epoll" }, &args, free_port());
    node.ended().check_refused(&["memory"]);
}

#[test]
fn descriptors_that_are_short() {
    let command = || binary_without("sys_resource", "ulimit -n 64");
    let node = Node::start_as(&command, Shape::PLAIN, &[]);
    node.wait_for_log("fewer file descriptors");
    assert_eq!(say(&mut node.connect(), "PING"), "+PONG");
}

/// One node after the other on the same port: none of them leaves it blocked.
#[test]
fn a_port_is_free_again_at_once() {
    let mut node = Node::start(Shape::PLAIN, &[]);
    let port = node.port;
    for round in 0..5 {
        let mut peer = Peer::connect(node.address());
        peer.send(b"PING\r\n");
        peer.expect(b"+PONG\r\n");
        node.signal(Signal::TERM);
        assert_eq!(node.ended().code, Some(0), "round {round}");
        node = Node::spawn(binary(), Shape::PLAIN, &[], port);
        assert!(node.is_ready(), "round {round}: {:?}", node.ended());
    }
    eventually("it listens", || say(&mut node.connect(), "PING") == "+PONG");
}
