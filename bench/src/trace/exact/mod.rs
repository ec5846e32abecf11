//! Policies as their definitions say, one request after another, nothing sampled.
//!
//! Owns the closed list of references. Invariant: a cache never weighs more than it may, and an
//! object that alone would is never in it. Cost: constant a request (lfu: a logarithm), some
//! twenty bytes a key.

// First in, first out.
mod fifo;
// The least recently used goes.
mod lru;
// The least often used goes.
mod lfu;
// A small queue on trial, a main queue, and a memory of those that failed.
mod s3fifo;

use fifo::Fifo;
use lfu::Lfu;
use lru::Lru;
use s3fifo::S3Fifo;

/// What an exact simulation is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// First in, first out.
    Fifo,
    /// Least recently used.
    Lru,
    /// Least often used since it came, the least recently used of those.
    Lfu,
    /// S3-FIFO.
    S3Fifo,
}

/// A simulated cache.
#[derive(Debug)]
pub enum Exact {
    /// First in, first out.
    Fifo(Fifo),
    /// Least recently used.
    Lru(Lru),
    /// Least often used.
    Lfu(Lfu),
    /// S3-FIFO.
    S3Fifo(S3Fifo),
}

impl Reference {
    /// Every reference.
    pub const ALL: [Reference; 4] =
        [Reference::Fifo, Reference::Lru, Reference::Lfu, Reference::S3Fifo];

    /// The policy's name, as the engine calls its own.
    pub fn name(self) -> &'static str {
        match self {
            Reference::Fifo => "fifo",
            Reference::Lru => "lru",
            Reference::Lfu => "lfu",
            Reference::S3Fifo => "s3fifo",
        }
    }

    /// The reference for a policy of this name.
    pub fn of(name: &str) -> Option<Reference> {
        Reference::ALL.into_iter().find(|reference| reference.name() == name)
    }

    /// An empty cache that may weigh `weight_max`, for keys below `keys`.
    pub fn cache(self, weight_max: u64, keys: usize) -> Exact {
        match self {
            Reference::Fifo => Exact::Fifo(Fifo::new(weight_max, keys)),
            Reference::Lru => Exact::Lru(Lru::new(weight_max, keys)),
            Reference::Lfu => Exact::Lfu(Lfu::new(weight_max, keys)),
            Reference::S3Fifo => Exact::S3Fifo(S3Fifo::new(weight_max, keys)),
        }
    }
}

impl Exact {
    /// Asks for `key`, which weighs `weight` whenever it is asked for, and puts it in if it is not
    /// there. Returns whether it was there.
    #[inline]
    pub fn access(&mut self, key: u32, weight: u64) -> bool {
        match self {
            Exact::Fifo(cache) => cache.access(key, weight),
            Exact::Lru(cache) => cache.access(key, weight),
            Exact::Lfu(cache) => cache.access(key, weight),
            Exact::S3Fifo(cache) => cache.access(key, weight),
        }
    }

    /// Whether `key` is in the cache.
    pub fn contains(&self, key: u32) -> bool {
        match self {
            Exact::Fifo(cache) => cache.contains(key),
            Exact::Lru(cache) => cache.contains(key),
            Exact::Lfu(cache) => cache.contains(key),
            Exact::S3Fifo(cache) => cache.contains(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hits of a sequence of keys of weight 1.
    fn hits(reference: Reference, weight_max: u64, keys: &[u32]) -> String {
        let mut cache = reference.cache(weight_max, 100);
        let hit = |key: &u32| if cache.access(*key, 1) { 'h' } else { '-' };
        keys.iter().map(hit).collect()
    }

    #[test]
    fn sequences_worked_out_by_hand() {
        let check = |reference, weight_max, keys: &[u32], expected: &str| {
            assert_eq!(hits(reference, weight_max, keys), expected, "{reference:?} {keys:?}");
        };
        // 1 is used, but came first.
        check(Reference::Fifo, 2, &[1, 2, 1, 3, 2, 1, 3], "--h-h-h");
        check(Reference::Lru, 2, &[1, 2, 1, 3, 1, 2, 3], "--h-h--");
        // 1 was used three times, 2 once when 3 came; 3 goes when 2 comes back.
        check(Reference::Lfu, 2, &[1, 1, 1, 2, 3, 1, 2, 3], "-hh--h--");
        // Ten items, one of them on trial. The first ten fill both queues; 11 pushes 1 out, which
        // comes back as the main queue's, as does 11. 4 is used and gets another round for it.
        let keys = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 11, 2, 3, 4, 2, 12, 4, 5];
        check(Reference::S3Fifo, 10, &keys, "---------------h--h-");
        // 1 is used twice on trial and moves to the main queue.
        check(
            Reference::S3Fifo,
            10,
            &[1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1],
            "-hh----------h",
        );
    }

    #[test]
    fn weights_are_kept_and_giants_stay_outside() {
        for reference in Reference::ALL {
            let mut cache = reference.cache(100, 10);
            assert!(!cache.access(0, 101) && !cache.access(0, 101), "{reference:?}");
            assert!(!cache.access(1, 5) && cache.access(1, 5), "{reference:?}");
            // Three of forty do not fit.
            for _ in 0..3 {
                (2..5).for_each(|key| {
                    cache.access(key, 40);
                });
            }
            let there = (2..5).filter(|key| cache.contains(*key)).count();
            assert!(there <= 2, "{reference:?}: {there}");
        }
    }

    #[test]
    fn names_are_those_of_policies() {
        for reference in Reference::ALL {
            assert_eq!(Reference::of(reference.name()), Some(reference));
        }
        assert_eq!(Reference::of("random"), None);
    }
}
