//! The least often used goes, and of those the least recently used.
//!
//! Owns counts that begin when a key comes in and never age. Invariant: the order holds every key
//! inside exactly once. Cost: a logarithm of the keys inside.

use std::collections::BTreeMap;

/// A cache that forgets what was used least often.
#[derive(Debug)]
pub struct Lfu {
    weight_max: u64,
    weight: u64,
    clock: u64,
    /// By uses and time of the last use.
    order: BTreeMap<(u32, u64), u32>,
    inside: Vec<Option<Inside>>,
}

#[derive(Clone, Copy, Debug)]
struct Inside {
    uses: u32,
    used: u64,
    weight: u64,
}

impl Lfu {
    pub(super) fn new(weight_max: u64, keys: usize) -> Lfu {
        Lfu { weight_max, weight: 0, clock: 0, order: BTreeMap::new(), inside: vec![None; keys] }
    }

    pub(super) fn access(&mut self, key: u32, weight: u64) -> bool {
        self.clock += 1;
        let found = self.inside[key as usize];
        let uses = match found {
            Some(inside) => {
                self.order.remove(&(inside.uses, inside.used));
                inside.uses + 1
            }
            None if weight > self.weight_max => return false,
            None => {
                self.make_room(weight);
                self.weight += weight;
                1
            }
        };
        let weight = found.map_or(weight, |inside| inside.weight);
        self.inside[key as usize] = Some(Inside { uses, used: self.clock, weight });
        self.order.insert((uses, self.clock), key);
        found.is_some()
    }

    pub(super) fn contains(&self, key: u32) -> bool {
        self.inside[key as usize].is_some()
    }

    fn make_room(&mut self, weight: u64) {
        while self.weight + weight > self.weight_max {
            let (_, least) = self.order.pop_first().expect("what weighs is in the order");
            let gone = self.inside[least as usize].take().expect("the order names those inside");
            self.weight -= gone.weight;
        }
    }
}
