//! Slots that move while clients work: no reply is lost, none is doubled, whoever owns the slots.

use super::foreseen::{Foreseeing, Manner};
use super::node::{Node, Weather};
use super::seeds::each_seed;

#[test]
fn a_table_swapped_under_load_loses_no_reply() {
    each_seed("tables", 900, |seed| {
        let (kills, weight) = ([0, 30][seed as usize % 2], [1, 8192][seed as usize / 2 % 2]);
        let weather = Weather { swaps: 150, kills, weight, ..Weather::default() };
        let mut node = Node::new(seed, weather);
        let manner = Manner { requests: 60, pipeline_max: 12, shared: true, padding: 0 };
        for name in 0..5 {
            node.connect(Foreseeing::new(name, weather.shards, manner));
        }
        node.run();
    });
}
