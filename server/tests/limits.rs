//! Limits on who may connect, how many, for how long, and with how many descriptors.
//!
//! Owns the node's front door. Invariant: whoever is turned away is told why, and those who come
//! after there is room again are served. Cost: a second for the hundred trials with sixteen shards.

mod node;
mod peer;

use std::io::Read;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use node::{
    DEADLINE, Node, Shape, binary_without, connect, eventually, info, info_number, on_every_shape,
    say,
};
use peer::Peer;

on_every_shape! {
    a_client_too_many_is_told,
    a_password_is_asked_for,
    idle_clients_are_closed,
    clients_are_killed,
    running_out_of_descriptors_is_survived,
    connections_leak_no_descriptor,
}

const REFUSAL: &[u8] = b"-ERR max number of clients reached\r\n";

#[test]
fn connections_are_shared_out_with_io_uring() {
    node::on("io_uring", 16, connections_are_shared_out);
}

#[test]
fn connections_are_shared_out_with_epoll() {
    node::on("epoll", 16, connections_are_shared_out);
}

/// Fifty connections on sixteen shards: each shard has two to five, a hundred times.
fn connections_are_shared_out(shape: Shape) {
    let node = Node::start(shape, &["--max-memory=256mb"]);
    let mut observer = node.connect();
    for trial in 0..100 {
        let mut peers: Vec<Peer> = (1..50).map(|_| Peer::connect(node.address())).collect();
        peers.iter_mut().for_each(|peer| peer.send(b"PING\r\n"));
        peers.iter_mut().for_each(|peer| peer.expect(b"+PONG\r\n"));
        let held = connections_of_shards(&mut observer);
        assert_eq!((held.len(), held.iter().sum::<u64>()), (16, 50), "trial {trial}: {held:?}");
        assert!(held.iter().all(|count| (2..=5).contains(count)), "trial {trial}: {held:?}");
        drop(peers);
        eventually("all but the observer have gone", || {
            info_number(&mut observer, "connected_clients") == 1
        });
    }
}

fn connections_of_shards(observer: &mut redis::Connection) -> Vec<u64> {
    let fields = info(observer, "shards");
    let connections = |line: &str| {
        let first = line.split(',').find_map(|part| part.strip_prefix("connections="));
        first.expect("a shard's connections").parse().expect("a number")
    };
    let shards = (0..).map_while(|shard| fields.get(&format!("shard{shard}")));
    shards.map(|line| connections(line)).collect()
}

fn a_client_too_many_is_told(shape: Shape) {
    let node = Node::start(shape, &["--maxclients=5"]);
    let mut observer = node.connect();
    let mut peers: Vec<Peer> = (1..5).map(|_| Peer::connect(node.address())).collect();
    for peer in &mut peers {
        peer.send(b"PING\r\n");
        peer.expect(b"+PONG\r\n");
    }
    for _ in 0..3 {
        Peer::connect(node.address()).expect_last(REFUSAL);
        let mut local = UnixStream::connect(node.unix_socket()).expect("the node listens");
        local.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut found = Vec::new();
        local.read_to_end(&mut found).expect("a refusal");
        assert_eq!(found, REFUSAL);
    }
    assert_eq!(info_number(&mut observer, "connected_clients"), 5);
    assert_eq!(info_number(&mut observer, "rejected_connections"), 6);
    peers.pop();
    eventually("there is room again", || {
        let mut peer = Peer::connect(node.address());
        peer.try_send(b"PING\r\n").is_ok() && peer.line() == "+PONG"
    });
    assert_eq!(say(&mut observer, "CONFIG SET maxclients 100"), "+OK");
    for _ in 0..20 {
        let mut peer = Peer::connect(node.address());
        peer.send(b"PING\r\n");
        peer.expect(b"+PONG\r\n");
        peers.push(peer);
    }
}

fn a_password_is_asked_for(shape: Shape) {
    let node = Node::start(shape, &["--requirepass=secret"]);
    let mut peer = Peer::connect(node.address());
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
    for (sent, expected) in [
        ("GET k", "-NOAUTH Authentication required."),
        ("MGET a b c d", "-NOAUTH Authentication required."),
        ("INFO", "-NOAUTH Authentication required."),
        ("MULTI", "-NOAUTH Authentication required."),
        ("AUTH wrong", wrong),
        ("AUTH default wrong", wrong),
        ("AUTH nobody secret", wrong),
        ("HELLO 3 AUTH default wrong", wrong),
        ("GET k", "-NOAUTH Authentication required."),
        ("AUTH secret", "+OK"),
        ("SET k v", "+OK"),
        ("AUTH default secret", "+OK"),
        ("RESET", "+RESET"),
        ("GET k", "-NOAUTH Authentication required."),
    ] {
        peer.send(format!("{sent}\r\n").as_bytes());
        assert_eq!(peer.line(), expected, "{sent}");
    }
    for query in ["", "?protocol=resp3"] {
        let mut client = connect(&format!("redis://:secret@{}/{query}", node.address()));
        assert_eq!(say(&mut client, "GET k"), "\"v\"");
    }
    let client = redis::Client::open(format!("redis://:wrong@{}/", node.address())).unwrap();
    assert!(client.get_connection_with_timeout(DEADLINE).is_err());
    // A new password holds for those who come after.
    let mut client = connect(&format!("redis://:secret@{}/", node.address()));
    assert_eq!(say(&mut client, "CONFIG SET requirepass other"), "+OK");
    assert_eq!(say(&mut client, "GET k"), "\"v\"");
    let mut client = connect(&format!("redis://:other@{}/", node.address()));
    assert_eq!(
        say(&mut client, "CONFIG SET requirepass"),
        "-ERR wrong number of arguments for \
               'config|set' command"
    );
    let mut peer = Peer::connect(node.address());
    peer.send(b"AUTH secret\r\n");
    assert_eq!(peer.line(), wrong);
    // Without a password AUTH is a mistake, and nobody is asked.
    let node = Node::start(shape, &[]);
    let mut client = node.connect();
    let refusal = say(&mut client, "AUTH secret");
    assert!(refusal.starts_with("-ERR AUTH <password> called without any password"), "{refusal}");
}

fn idle_clients_are_closed(shape: Shape) {
    let node = Node::start(shape, &["--timeout=1"]);
    let mut busy = node.connect();
    let mut idle = Peer::connect(node.address());
    idle.send(b"PING\r\n");
    idle.expect(b"+PONG\r\n");
    let silent = Peer::connect(node.address());
    // The busy one asks all the while, and stays.
    eventually("the idle clients are closed", || info_number(&mut busy, "connected_clients") == 1);
    idle.expect_last(b"");
    { silent }.expect_last(b"");
    assert_eq!(say(&mut busy, "CONFIG SET timeout 0"), "+OK");
    assert_eq!(say(&mut busy, "PING"), "+PONG");
}

fn clients_are_killed(shape: Shape) {
    let node = Node::start(shape, &[]);
    let mut killer = node.connect();
    let mut victims: Vec<Peer> = (0..6).map(|_| Peer::connect(node.address())).collect();
    let mut ids = Vec::new();
    for victim in &mut victims {
        victim.send(b"CLIENT ID\r\n");
        ids.push(victim.line().trim_start_matches(':').to_owned());
    }
    let list = say(&mut killer, "CLIENT LIST");
    for (id, mut victim) in ids.iter().zip(victims) {
        assert!(list.contains(&format!("id={id} ")), "{id} is not in {list}");
        // A transaction, a watch and a pause die with their client.
        victim.send(b"WATCH a b\r\nMULTI\r\nSET a lost\r\n");
        victim.expect(b"+OK\r\n+OK\r\n+QUEUED\r\n");
        assert_eq!(say(&mut killer, &format!("CLIENT KILL ID {id}")), ":1");
        assert_eq!(say(&mut killer, &format!("CLIENT KILL ID {id}")), ":0");
        victim.expect_last(b"");
    }
    let address = "CLIENT KILL 127.0.0.1:1";
    assert_eq!(say(&mut killer, address), "-ERR No such client");
    assert_eq!(say(&mut killer, "MGET a b"), "[nil nil]");
    eventually("only the killer is left", || info_number(&mut killer, "connected_clients") == 1);
    assert_eq!(info_number(&mut killer, "watching_clients"), 0);
    // It spares itself unless told otherwise.
    let _other = node.connect();
    assert_eq!(say(&mut killer, "CLIENT KILL TYPE normal"), ":1");
    assert_eq!(say(&mut killer, "PING"), "+PONG");
    let mut last = Peer::connect(node.address());
    last.send(b"CLIENT KILL TYPE normal SKIPME no\r\n");
    assert_eq!(last.line(), ":2");
    last.expect_last(b"");
}

/// With every descriptor taken newcomers are told or wait; when some are free they are served.
fn running_out_of_descriptors_is_survived(shape: Shape) {
    // As root the node could raise its limit itself, so that capability goes too.
    let command = || binary_without("sys_resource", "ulimit -n 64");
    let node = Node::start_as(&command, shape, &[]);
    let mut observer = node.connect();
    let own = node.descriptors();
    let mut peers: Vec<Peer> = (0..80).map(|_| Peer::connect(node.address())).collect();
    node.wait_for_log("could not be accepted");
    assert!(node.descriptors() >= 62, "{} descriptors", node.descriptors());
    assert_eq!(say(&mut observer, "SET k v"), "+OK");
    // Those who came first are served all the while.
    for peer in &mut peers[..64 - own - 4] {
        peer.send(b"GET k\r\n");
        peer.expect(b"$1\r\nv\r\n");
    }
    drop(peers);
    eventually("the node accepts again", || {
        let Ok(stream) = TcpStream::connect_timeout(&node.address(), DEADLINE) else {
            return false;
        };
        let mut peer = Peer::of(stream);
        peer.try_send(b"GET k\r\n").is_ok() && peer.line() == "$1"
    });
    eventually("only the observer is left", || {
        info_number(&mut observer, "connected_clients") == 1
    });
    for _ in 0..20 {
        let mut client = node.connect();
        assert_eq!(say(&mut client, "GET k"), "\"v\"");
    }
}

fn connections_leak_no_descriptor(shape: Shape) {
    let node = Node::start(shape, &[]);
    let mut observer = node.connect();
    let before = node.descriptors();
    for round in 0..300 {
        let mut peer = Peer::connect(node.address());
        match round % 3 {
            0 => peer.send(b"SET k v\r\n"),
            1 => peer.send(b"MULTI\r\nSET k v\r\nWATCH"),
            _ => peer.shut_down_sending(),
        }
    }
    eventually("only the observer is left", || {
        info_number(&mut observer, "connected_clients") == 1
    });
    eventually("no descriptor is left open", || node.descriptors() <= before);
}
