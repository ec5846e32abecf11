//! Exact caches of weighted keys, to compare with.
//!
//! Invariant: after an access no more is held than allowed. Cost: maps and queues of every key.

use std::collections::{BTreeMap, HashMap, VecDeque};

/// A cache that says whether it had a key, which it has afterwards.
pub trait Exact {
    fn access(&mut self, number: u64, weight: u64) -> bool;
}

/// The least recently used goes first.
pub struct Lru {
    weight_max: u64,
    weight: u64,
    clock: u64,
    by_key: HashMap<u64, (u64, u64)>,
    by_age: BTreeMap<u64, u64>,
}

impl Lru {
    pub fn new(weight_max: u64) -> Self {
        let (by_key, by_age) = (HashMap::new(), BTreeMap::new());
        Self { weight_max, weight: 0, clock: 0, by_key, by_age }
    }
}

impl Exact for Lru {
    fn access(&mut self, number: u64, weight: u64) -> bool {
        self.clock += 1;
        let before = self.by_key.insert(number, (self.clock, weight));
        match before {
            Some((used, _)) => drop(self.by_age.remove(&used)),
            None => self.weight += weight,
        }
        self.by_age.insert(self.clock, number);
        while self.weight > self.weight_max {
            let (_, oldest) = self.by_age.pop_first().expect("something weighs");
            self.weight -= self.by_key.remove(&oldest).expect("is there").1;
        }
        before.is_some()
    }
}

/// What was written first goes first.
pub struct Fifo {
    weight_max: u64,
    weight: u64,
    by_key: HashMap<u64, u64>,
    queue: VecDeque<u64>,
}

impl Fifo {
    pub fn new(weight_max: u64) -> Self {
        Self { weight_max, weight: 0, by_key: HashMap::new(), queue: VecDeque::new() }
    }
}

impl Exact for Fifo {
    fn access(&mut self, number: u64, weight: u64) -> bool {
        if self.by_key.contains_key(&number) {
            return true;
        }
        while self.weight + weight > self.weight_max {
            let oldest = self.queue.pop_front().expect("something weighs");
            self.weight -= self.by_key.remove(&oldest).expect("is there");
        }
        self.by_key.insert(number, weight);
        self.queue.push_back(number);
        self.weight += weight;
        false
    }
}

/// S3-FIFO with a small queue of a tenth, a ghost of nine, and two uses to stay.
pub struct S3Fifo {
    weight_max: u64,
    held: HashMap<u64, (u64, u64)>,
    small: VecDeque<u64>,
    main: VecDeque<u64>,
    small_weight: u64,
    main_weight: u64,
    ghost: HashMap<u64, (u64, u64)>,
    ghosts: VecDeque<(u64, u64)>,
    ghost_weight: u64,
    clock: u64,
}

impl S3Fifo {
    pub fn new(weight_max: u64) -> Self {
        Self {
            weight_max,
            held: HashMap::new(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            small_weight: 0,
            main_weight: 0,
            ghost: HashMap::new(),
            ghosts: VecDeque::new(),
            ghost_weight: 0,
            clock: 0,
        }
    }

    fn evict_main(&mut self) {
        loop {
            let number = self.main.pop_front().expect("main weighs something");
            let held = self.held.get_mut(&number).expect("is held");
            if held.1 == 0 {
                self.main_weight -= held.0;
                self.held.remove(&number);
                return;
            }
            held.1 = held.1.min(3) - 1;
            self.main.push_back(number);
        }
    }

    fn evict_small(&mut self) {
        while let Some(number) = self.small.pop_front() {
            let held = self.held.get_mut(&number).expect("is held");
            let weight = held.0;
            self.small_weight -= weight;
            if held.1 < 2 {
                self.held.remove(&number);
                return self.remember(number, weight);
            }
            held.1 = 0;
            self.main_weight += weight;
            self.main.push_back(number);
        }
    }

    fn remember(&mut self, number: u64, weight: u64) {
        self.clock += 1;
        self.ghost.insert(number, (self.clock, weight));
        self.ghosts.push_back((number, self.clock));
        self.ghost_weight += weight;
        while self.ghost_weight > self.weight_max * 9 / 10 {
            let (oldest, clock) = self.ghosts.pop_front().expect("something weighs");
            if self.ghost.get(&oldest).is_some_and(|(entered, _)| *entered == clock) {
                self.ghost_weight -= self.ghost.remove(&oldest).expect("is there").1;
            }
        }
    }
}

impl Exact for S3Fifo {
    fn access(&mut self, number: u64, weight: u64) -> bool {
        if let Some(held) = self.held.get_mut(&number) {
            held.1 += 1;
            return true;
        }
        let known = self.ghost.remove(&number);
        self.ghost_weight -= known.map_or(0, |(_, weight)| weight);
        let small_max = self.weight_max / 10;
        while self.small_weight + self.main_weight + weight > self.weight_max {
            if self.main_weight > self.weight_max - small_max || self.small_weight == 0 {
                self.evict_main();
            } else {
                self.evict_small();
            }
        }
        self.held.insert(number, (weight, 0));
        let filling = self.clock == 0 && self.small_weight >= small_max;
        if known.is_some() || filling {
            self.main.push_back(number);
            self.main_weight += weight;
        } else {
            self.small.push_back(number);
            self.small_weight += weight;
        }
        false
    }
}
