//! The pool: items that may be evicted soon.
//!
//! Invariant: it holds the least worthy of the items considered since they were last taken; the
//! caller checks that one taken is still what it was. Cost: a short sorted list.

use crate::key::Place;
use crate::limits::EVICTION_POOL_MAX;
use crate::table::Address;

/// An item that may be evicted soon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) place: Place,
    pub(crate) at: Address,
    /// The lower, the sooner it goes.
    pub(crate) worth: u64,
}

/// Candidates remembered between evictions, the least worthy last.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    candidates: Vec<Candidate>,
}

impl Pool {
    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.candidates.clear();
    }

    /// Remembers a candidate if it is among the least worthy.
    pub(crate) fn consider(&mut self, candidate: Candidate) {
        self.candidates.retain(|known| known.at != candidate.at);
        let after = self.candidates.partition_point(|known| known.worth >= candidate.worth);
        if self.candidates.len() < EVICTION_POOL_MAX {
            self.candidates.insert(after, candidate);
        } else if after > 0 {
            self.candidates.remove(0);
            self.candidates.insert(after - 1, candidate);
        }
    }

    /// Takes the least worthy.
    pub(crate) fn take(&mut self) -> Option<Candidate> {
        self.candidates.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_keeps_the_least_worthy() {
        let mut pool = Pool::default();
        for i in 0..200_u64 {
            let place = Place { slot: 0, db: 0, fragment: 0 };
            pool.consider(Candidate { place, at: Address(i), worth: i * 37 % 200 });
        }
        let taken: Vec<_> = core::iter::from_fn(|| pool.take()).map(|it| it.worth).collect();
        assert_eq!(taken, (0..EVICTION_POOL_MAX as u64).collect::<Vec<_>>());
    }
}
