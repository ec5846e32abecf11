//! Every request gets one reply, in order, and it is the right one.

use std::cell::Cell;

use velodrome_engine::{Codec, Compression};

use super::foreseen::{Foreseeing, Manner};
use super::node::{Node, Weather};
use super::seeds::each_seed;

/// Runs four clients. Returns how many values were packed and unpacked.
fn check(seed: u64, weather: Weather, manner: Manner) -> [u64; 2] {
    let mut node = Node::new(seed, weather);
    for name in 0..4 {
        node.connect(Foreseeing::new(name, weather.shards, manner));
    }
    node.run();
    let stats = node.shards.iter().map(|shard| shard.engine.stats());
    stats.fold([0; 2], |[packs, unpacks], it| [packs + it.packs, unpacks + it.unpacks])
}

fn manner(seed: u64, shared: bool) -> Manner {
    let pipeline_max = [1, 4, 30][seed as usize % 3];
    Manner { requests: 60, pipeline_max, shared, padding: 0 }
}

#[test]
fn replies_are_right_and_in_order() {
    each_seed("order", 600, |seed| {
        let shards = [4, 5, 1, 2][seed as usize % 4];
        check(seed, Weather { shards, ..Weather::default() }, manner(seed, false));
    });
}

#[test]
fn slow_readers_and_hung_up_peers_get_all_they_asked_for() {
    each_seed("slow readers", 300, |seed| {
        let weather = Weather { weight: 8192, half_closes: 30, ..Weather::default() };
        check(seed, weather, manner(seed, false));
    });
}

#[test]
fn order_holds_while_data_comes_and_goes_and_clients_die() {
    each_seed("shared", 600, |seed| {
        let kills = [0, 40][seed as usize % 2];
        check(seed, Weather { kills, ..Weather::default() }, manner(seed, true));
    });
}

#[test]
fn replies_are_right_while_values_are_packed() {
    let sums = [Cell::new(0), Cell::new(0)];
    each_seed("packed", 200, |seed| {
        let shards = [4, 1, 2][seed as usize % 3];
        // The highest levels of Zstandard leave every value to the worker.
        let codec = [Codec::Lz4, Codec::Zstd(10), Codec::Gzip(6)][seed as usize / 3 % 3];
        let compression = Compression { codec, threshold_bytes: 64 };
        let manner = Manner { padding: 3000, ..manner(seed, seed % 2 == 0) };
        let done = check(seed, Weather { shards, compression, ..Weather::default() }, manner);
        sums.iter().zip(done).for_each(|(sum, done)| sum.set(sum.get() + done));
    });
    println!("{sums:?} values packed and unpacked");
    assert!(sums.iter().all(|sum| sum.get() > 0), "{sums:?}");
}
