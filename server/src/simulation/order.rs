//! Every request gets one reply, in order, and it is the right one.

use super::foreseen::{Foreseeing, Manner};
use super::node::{Node, Weather};
use super::seeds::each_seed;

fn check(seed: u64, weather: Weather, manner: Manner) {
    let mut node = Node::new(seed, weather);
    for name in 0..4 {
        node.connect(Foreseeing::new(name, weather.shards, manner));
    }
    node.run();
}

fn manner(seed: u64, shared: bool) -> Manner {
    let pipeline_max = [1, 4, 30][seed as usize % 3];
    Manner { requests: 60, pipeline_max, shared }
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
