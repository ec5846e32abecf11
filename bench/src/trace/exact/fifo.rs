//! First in, first out.
//!
//! Owns the order of arrival. Invariant: `weight` is the sum over the queue, whose keys are those
//! marked. Cost: constant.

use std::collections::VecDeque;

/// A cache that forgets what came first.
#[derive(Debug)]
pub struct Fifo {
    weight_max: u64,
    weight: u64,
    queue: VecDeque<(u32, u64)>,
    inside: Vec<bool>,
}

impl Fifo {
    pub(super) fn new(weight_max: u64, keys: usize) -> Fifo {
        Fifo { weight_max, weight: 0, queue: VecDeque::new(), inside: vec![false; keys] }
    }

    #[inline]
    pub(super) fn access(&mut self, key: u32, weight: u64) -> bool {
        if self.inside[key as usize] {
            return true;
        }
        if weight <= self.weight_max {
            self.put(key, weight);
        }
        false
    }

    pub(super) fn contains(&self, key: u32) -> bool {
        self.inside[key as usize]
    }

    fn put(&mut self, key: u32, weight: u64) {
        while self.weight + weight > self.weight_max {
            let (first, its_weight) = self.queue.pop_front().expect("what weighs is queued");
            self.inside[first as usize] = false;
            self.weight -= its_weight;
        }
        self.queue.push_back((key, weight));
        self.inside[key as usize] = true;
        self.weight += weight;
    }
}
