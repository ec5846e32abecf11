//! What a request costs that crosses to a sibling, beside one that does not.
//!
//! Two shards in one thread, one connection, pipelines of which a share crosses. Run under
//! callgrind it counts instructions of everything between the bytes of requests and those of
//! replies, drivers and mailboxes excepted. Cost: nothing, unless it is asked for.

use velodrome_net::{Chunk, ConnId};

use super::node::{Weather, key_on, shards_of};
use super::wire::SimulatedWire;
use crate::shard::Shard;
use crate::shard::session::Profile;

/// Requests of a pipeline.
const PIPELINE: usize = 16;

/// Requests for keys of which every `crossing` sixteenths are the second shard's.
fn pipeline(crossing: usize) -> Vec<u8> {
    let request = |n: usize| {
        let shard = usize::from(n * 7 % PIPELINE < crossing);
        let key = key_on(2, shard, &format!("key:{n:016}"));
        format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len())
    };
    (0..PIPELINE).map(request).collect::<String>().into_bytes()
}

/// Sends a parcel from one shard to the other, if there is one.
fn post(shards: &mut [Shard], from: usize, to: usize, wire: &mut SimulatedWire) {
    if let Some(parcel) = shards[from].take_parcel(to as u16) {
        shards[to].deliver(from as u16, parcel, wire);
    }
}

/// Four connections' pipelines a turn, answered `rounds` times; returns the bytes of replies.
fn converse(crossing: usize, rounds: u64) -> usize {
    let mut shards = shards_of(1, &Weather { shards: 2, ..Weather::default() });
    let mut wires = [SimulatedWire::new(1), SimulatedWire::new(1)];
    let conns = [1, 2, 3, 4].map(|place| ConnId::new(1, place));
    for conn in conns {
        wires[0].open(conn);
        shards[0].open(conn, Profile::default());
    }
    let (bytes, mut inputs, mut heard) = (pipeline(crossing), Vec::new(), 0);
    for round in 0..rounds {
        shards[0].begin_turn(round, round, &mut wires[0]);
        for conn in conns {
            shards[0].receive(conn, Chunk::copied(&bytes), &mut inputs, &mut wires[0]);
        }
        shards[0].serve(&mut inputs, &mut wires[0]);
        shards[1].begin_turn(round, round, &mut wires[1]);
        post(&mut shards, 0, 1, &mut wires[1]);
        post(&mut shards, 1, 0, &mut wires[0]);
        for conn in conns {
            heard += wires[0].take(conn, usize::MAX).len();
        }
    }
    heard
}

/// A number from the environment.
fn asked(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// For callgrind: the difference of two runs of different `VELODROME_ROUNDS`, by 64, is what a
/// request takes of which `VELODROME_CROSSING` sixteenths cross.
#[test]
fn what_crosses_is_answered() {
    let rounds = asked("VELODROME_ROUNDS", 3);
    for crossing in [0, 8, 16] {
        let crossing = asked("VELODROME_CROSSING", crossing) as usize;
        let expected = rounds as usize * 4 * PIPELINE * "$-1\r\n".len();
        assert_eq!(converse(crossing, rounds), expected, "{crossing}");
    }
}
