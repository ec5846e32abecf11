//! Turns are short: connections that have more to be executed share them, long commands span them.

use velodrome_engine::{Codec, Compression};
use velodrome_net::{Chunk, ConnId};

use super::actor::{Actor, Answer, Words};
use super::node::{Node, Weather};
use super::wire::SimulatedWire;
use crate::limits::{
    COMMANDS_PER_CONNECTION_PER_TURN_MAX, COMMANDS_PER_TURN_MAX, PIECES_PER_TURN_MAX,
    UNPACKED_IN_ONE_PIECE_BYTES_MAX,
};
use crate::shard::session::Profile;
use crate::shard::wire::Wire;

/// Nobody: the test speaks for the clients.
pub(super) struct Absent;

impl Actor for Absent {
    fn speak(&mut self, _: &mut rand::rngs::SmallRng, _: u64) -> Option<Vec<Words>> {
        None
    }

    fn hear(&mut self, _: Answer, _: u64) {}

    fn cut_off(&mut self, _: u64) {}

    fn satisfied(&self) -> bool {
        true
    }
}

#[test]
fn greedy_connections_starve_nobody() {
    const CONNECTIONS: u32 = 6;
    const TURNS: usize = 60;
    let mut node = Node::<Absent>::new(1, Weather { shards: 1, ..Weather::default() });
    let (shard, mut wire) = (&mut node.shards[0], SimulatedWire::new(0));
    let conns: Vec<ConnId> = (0..CONNECTIONS).map(|place| ConnId::new(1, place)).collect();
    for conn in &conns {
        wire.open(*conn);
        shard.open(*conn, Profile::default());
    }
    let (requests, mut inputs) = ("PING\r\n".repeat(1024), Vec::new());
    for _ in 0..TURNS {
        for conn in &conns {
            shard.receive(*conn, Chunk::copied(requests.as_bytes()), &mut inputs, &mut wire);
        }
        shard.serve(&mut inputs, &mut wire);
        shard.settle_own(&mut wire);
        shard.turns += 1;
    }
    let fair = TURNS * COMMANDS_PER_TURN_MAX / conns.len();
    for conn in conns {
        let replies = wire.output(conn).expect("it is open").len() / "+PONG\r\n".len();
        assert!(replies * 10 > fair * 9, "{replies} of {fair} for {conn:?}");
    }
}

#[test]
fn who_waits_longest_comes_first() {
    const CONNECTIONS: usize = 6;
    let mut node = Node::<Absent>::new(1, Weather { shards: 1, ..Weather::default() });
    let (shard, mut wire) = (&mut node.shards[0], SimulatedWire::new(0));
    let conns: Vec<ConnId> = (0..CONNECTIONS as u32).map(|place| ConnId::new(1, place)).collect();
    for conn in &conns {
        wire.open(*conn);
        shard.open(*conn, Profile::default());
    }
    let requests = "PING\r\n".repeat(COMMANDS_PER_CONNECTION_PER_TURN_MAX);
    let (mut inputs, mut before) = (Vec::new(), vec![0; CONNECTIONS]);
    let turns_of_a_round =
        CONNECTIONS / (COMMANDS_PER_TURN_MAX / COMMANDS_PER_CONNECTION_PER_TURN_MAX) + 1;
    for turn in 1..=20 {
        for conn in &conns {
            shard.receive(*conn, Chunk::copied(requests.as_bytes()), &mut inputs, &mut wire);
        }
        shard.serve(&mut inputs, &mut wire);
        shard.settle_own(&mut wire);
        shard.turns += 1;
        if turn % turns_of_a_round != 0 {
            continue;
        }
        for (conn, before) in conns.iter().zip(&mut before) {
            let replies = wire.output(*conn).expect("it is open").len() / "+PONG\r\n".len();
            assert!(replies > *before, "{conn:?} waited for more than a round, at turn {turn}");
            *before = replies;
        }
        let (least, most) = (before.iter().min(), before.iter().max());
        let apart = most.expect("some") - least.expect("some");
        assert!(apart <= COMMANDS_PER_CONNECTION_PER_TURN_MAX, "{before:?} at turn {turn}");
    }
}

#[test]
fn a_long_command_is_run_in_slices() {
    let mut node = Node::<Absent>::new(1, Weather { shards: 1, ..Weather::default() });
    let (shard, mut wire) = (&mut node.shards[0], SimulatedWire::new(1));
    let (conn, mut inputs) = (ConnId::new(1, 0), Vec::new());
    wire.open(conn);
    shard.open(conn, Profile::default());
    let pairs: String = (0..3000).map(|n| format!(" {n} v")).collect();
    let request = format!("MSET{pairs}\r\n");
    shard.receive(conn, Chunk::copied(request.as_bytes()), &mut inputs, &mut wire);
    let mut before = 0;
    while before < 3000 {
        shard.serve(&mut inputs, &mut wire);
        shard.settle_own(&mut wire);
        let written = shard.engine.len(0) as usize - before;
        assert!((1..=PIECES_PER_TURN_MAX).contains(&written), "{written} in one turn");
        before += written;
    }
    assert_eq!(wire.output(conn).expect("it is open"), b"+OK\r\n");
}

#[test]
fn values_that_take_long_to_unpack_are_read_in_slices() {
    const VALUE_LEN: usize = 4096;
    let compression = Compression { codec: Codec::Lz4, threshold_bytes: 64 };
    let mut node = Node::<Absent>::new(1, Weather { shards: 1, compression, ..Weather::default() });
    let (shard, mut wire) = (&mut node.shards[0], SimulatedWire::new(1));
    let (conn, mut inputs) = (ConnId::new(1, 0), Vec::new());
    wire.open(conn);
    shard.open(conn, Profile::default());
    let value = "v".repeat(VALUE_LEN);
    let few = UNPACKED_IN_ONE_PIECE_BYTES_MAX / VALUE_LEN;
    for count in [few, few + 1] {
        let keys: Vec<String> = (0..count).map(|n| format!("k{n}")).collect();
        for key in &keys {
            let request = format!("SET {key} {value}\r\n");
            shard.receive(conn, Chunk::copied(request.as_bytes()), &mut inputs, &mut wire);
            shard.serve(&mut inputs, &mut wire);
        }
        wire.output(conn).expect("it is open").clear();
        assert_eq!(shard.engine.stats().packed_items, count as u64);
        let request = format!("MGET {}\r\n", keys.join(" "));
        shard.receive(conn, Chunk::copied(request.as_bytes()), &mut inputs, &mut wire);
        shard.serve(&mut inputs, &mut wire);
        let at_once = !wire.output(conn).expect("it is open").is_empty();
        assert_eq!(at_once, count == few, "{count} values");
        while wire.output(conn).expect("it is open").is_empty() {
            shard.settle_own(&mut wire);
        }
        let expected =
            format!("*{count}\r\n") + &format!("${VALUE_LEN}\r\n{value}\r\n").repeat(count);
        assert!(*wire.output(conn).expect("it is open") == expected.as_bytes());
        wire.output(conn).expect("it is open").clear();
    }
}
