//! The least recently used goes.
//!
//! Owns the order of use: a list threaded through the keys' numbers.
//!
//! ```text
//! links[nobody].next = oldest ⇄ … ⇄ newest = links[nobody].previous
//! ```
//!
//! Invariant: a key is in the list if and only if its links do not name itself. Cost: constant.

#[derive(Clone, Copy, Debug)]
struct Links {
    previous: u32,
    next: u32,
}

/// A cache that forgets what was used longest ago.
#[derive(Debug)]
pub struct Lru {
    weight_max: u64,
    weight: u64,
    links: Vec<Links>,
    weights: Vec<u64>,
    /// The number after the last key's: where the list begins and ends.
    nobody: u32,
}

impl Lru {
    pub(super) fn new(weight_max: u64, keys: usize) -> Lru {
        let alone = |key| Links { previous: key, next: key };
        let links = (0..=keys as u32).map(alone).collect();
        Lru { weight_max, weight: 0, links, weights: vec![0; keys], nobody: keys as u32 }
    }

    #[inline]
    pub(super) fn access(&mut self, key: u32, weight: u64) -> bool {
        let hit = self.contains(key);
        if hit {
            self.unlink(key);
        } else if weight > self.weight_max {
            return false;
        } else {
            while self.weight + weight > self.weight_max {
                let oldest = self.links[self.nobody as usize].next;
                self.unlink(oldest);
                self.weight -= self.weights[oldest as usize];
            }
            self.weight += weight;
            self.weights[key as usize] = weight;
        }
        self.append(key);
        hit
    }

    pub(super) fn contains(&self, key: u32) -> bool {
        self.links[key as usize].next != key
    }

    fn unlink(&mut self, key: u32) {
        let Links { previous, next } = self.links[key as usize];
        self.links[previous as usize].next = next;
        self.links[next as usize].previous = previous;
        self.links[key as usize] = Links { previous: key, next: key };
    }

    fn append(&mut self, key: u32) {
        let newest = self.links[self.nobody as usize].previous;
        self.links[key as usize] = Links { previous: newest, next: self.nobody };
        self.links[newest as usize].next = key;
        self.links[self.nobody as usize].previous = key;
    }
}
