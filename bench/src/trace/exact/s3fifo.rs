//! S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: FIFO queues are all you need for cache eviction,
//! SOSP 2023), with the parameters of libCacheSim.
//!
//! ```text
//!              used < 2 times            remembered: 9/10 of the weight
//!   new ──► small, 1/10 ──────────► ghost ──┐ asked for again
//!             │ used ≥ 2 times               ▼
//!             └───────────────────────────► main, 9/10 ──► out, when not used since its last round
//! ```
//!
//! Invariant: a key is in small, in main or in neither; only one in neither is remembered. Cost:
//! constant, amortised over the rounds a key survives.

use std::collections::VecDeque;

/// Uses on trial that are worth a place in the main queue.
const USES_TO_STAY: u8 = 2;
/// Rounds a key can earn.
const ROUNDS_MAX: u8 = 3;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Outside,
    Small,
    Main,
    /// Remembered, with the number of its entry.
    Ghost(u64),
}

#[derive(Debug, Default)]
struct Queue {
    weight_max: u64,
    weight: u64,
    keys: VecDeque<(u32, u64)>,
}

/// What a key that went is remembered by; entries of keys that came back are skipped.
#[derive(Debug, Default)]
struct Ghost {
    weight_max: u64,
    weight: u64,
    entries: VecDeque<(u32, u64, u64)>,
    count: u64,
}

/// A cache of two queues and a memory.
#[derive(Debug)]
pub struct S3Fifo {
    weight_max: u64,
    small: Queue,
    main: Queue,
    ghost: Ghost,
    places: Vec<Place>,
    uses: Vec<u8>,
    /// Whether anything was ever evicted: until then the main queue takes what small cannot.
    evicted: bool,
}

impl Queue {
    fn new(weight_max: u64) -> Queue {
        Queue { weight_max, ..Queue::default() }
    }

    fn push(&mut self, key: u32, weight: u64) {
        self.keys.push_back((key, weight));
        self.weight += weight;
    }

    fn pop(&mut self) -> Option<(u32, u64)> {
        let (key, weight) = self.keys.pop_front()?;
        self.weight -= weight;
        Some((key, weight))
    }
}

impl S3Fifo {
    pub(super) fn new(weight_max: u64, keys: usize) -> S3Fifo {
        let small = ((weight_max as f64 * 0.1) as u64).max(1);
        let ghost = (weight_max as f64 * 0.9) as u64;
        S3Fifo {
            weight_max,
            small: Queue::new(small),
            main: Queue::new(weight_max - small),
            ghost: Ghost { weight_max: ghost, ..Ghost::default() },
            places: vec![Place::Outside; keys],
            uses: vec![0; keys],
            evicted: false,
        }
    }

    #[inline]
    pub(super) fn access(&mut self, key: u32, weight: u64) -> bool {
        let at = key as usize;
        if self.contains(key) {
            self.uses[at] = self.uses[at].saturating_add(1);
            return true;
        }
        let known = matches!(self.places[at], Place::Ghost(_));
        if known {
            self.ghost.weight -= weight;
            self.places[at] = Place::Outside;
        }
        if weight <= self.weight_max {
            while self.small.weight + self.main.weight + weight > self.weight_max {
                self.evict();
            }
            self.put(key, weight, known);
        }
        false
    }

    pub(super) fn contains(&self, key: u32) -> bool {
        matches!(self.places[key as usize], Place::Small | Place::Main)
    }

    fn put(&mut self, key: u32, weight: u64, known: bool) {
        if !known && weight > self.small.weight_max {
            return;
        }
        let filling = !self.evicted && self.small.weight >= self.small.weight_max;
        let (queue, place) = match known || filling {
            true => (&mut self.main, Place::Main),
            false => (&mut self.small, Place::Small),
        };
        queue.push(key, weight);
        self.places[key as usize] = place;
        self.uses[key as usize] = 0;
    }

    fn evict(&mut self) {
        self.evicted = true;
        if self.main.weight > self.main.weight_max || self.small.keys.is_empty() {
            self.evict_main();
        } else {
            self.evict_small();
        }
    }

    fn evict_small(&mut self) {
        while let Some((key, weight)) = self.small.pop() {
            let at = key as usize;
            if self.uses[at] < USES_TO_STAY {
                self.remember(key, weight);
                return;
            }
            self.main.push(key, weight);
            self.places[at] = Place::Main;
            self.uses[at] = 0;
        }
    }

    fn evict_main(&mut self) {
        while let Some((key, weight)) = self.main.pop() {
            let at = key as usize;
            if self.uses[at] == 0 {
                self.places[at] = Place::Outside;
                return;
            }
            self.uses[at] = self.uses[at].min(ROUNDS_MAX) - 1;
            self.main.push(key, weight);
        }
    }

    fn remember(&mut self, key: u32, weight: u64) {
        self.places[key as usize] = Place::Outside;
        if weight > self.ghost.weight_max {
            return;
        }
        while self.ghost.weight + weight > self.ghost.weight_max {
            let (old, its_weight, number) =
                self.ghost.entries.pop_front().expect("what weighs is remembered");
            if self.places[old as usize] == Place::Ghost(number) {
                self.places[old as usize] = Place::Outside;
                self.ghost.weight -= its_weight;
            }
        }
        self.ghost.count += 1;
        self.ghost.weight += weight;
        self.places[key as usize] = Place::Ghost(self.ghost.count);
        self.ghost.entries.push_back((key, weight, self.ghost.count));
    }
}
