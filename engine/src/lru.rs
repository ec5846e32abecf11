//! LRU: which item and which segment pay.
//!
//! Owns the access clock and the candidates remembered between evictions. The clock ticks with
//! every access while there are few items and about 4096 times a turnover of all items otherwise,
//! so that 20 bits last for hundreds of turnovers. Invariant: with at most 4096 items no two
//! accesses share a tick. Cost: a counter per access; choices sort a handful of ages.

use crate::key::Place;
use crate::limits::EVICTION_POOL_MAX;
use crate::record::ACCESS_BITS;
use crate::table::Address;

const CLOCK_MASK: u64 = (1 << ACCESS_BITS) - 1;
/// Ticks in which as many accesses happen as there are items, as a power of two.
const TURNOVER_TICKS_BITS: u32 = 12;
/// Sampled items are evicted with their segment when they are among the oldest of this many.
const OLDEST_SHARE: usize = 8;
/// Ticks from one walk over all ages to the next.
const WALK_TICKS: u64 = 1 << 18;
/// A segment is worth copying when one part in this many is reclaimed.
const WORTHWHILE_SHARE: usize = 4;

/// An item that may be evicted soon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) place: Place,
    pub(crate) at: Address,
    pub(crate) access: u32,
}

/// What a segment would give.
#[derive(Clone, Debug)]
pub(crate) struct Prospect {
    pub(crate) number: u32,
    pub(crate) used: usize,
    pub(crate) live: usize,
    /// Ages of some of its live records.
    pub(crate) ages: Vec<u32>,
}

/// The least recently used item is evicted first.
#[derive(Debug, Default)]
pub(crate) struct Lru {
    ticks: u64,
    accesses_left: u64,
    pool: Vec<Candidate>,
    /// Ticks when the last walk over all ages began.
    walked: u64,
}

impl Lru {
    /// Whether a walk over all ages is due; if so it counts as begun.
    pub(crate) fn walk_is_due(&mut self) -> bool {
        let due = self.ticks - self.walked >= WALK_TICKS;
        if due {
            self.walked = self.ticks;
        }
        due
    }

    /// The clock of an item of this age.
    pub(crate) fn access_of_age(&self, age: u32) -> u32 {
        (self.ticks.wrapping_sub(u64::from(age)) & CLOCK_MASK) as u32
    }

    /// The clock for one access, of a store with `items` items.
    #[inline]
    pub(crate) fn tick(&mut self, items: u64) -> u32 {
        if self.accesses_left == 0 {
            self.ticks += 1;
            self.accesses_left = items >> TURNOVER_TICKS_BITS;
        } else {
            self.accesses_left -= 1;
        }
        (self.ticks & CLOCK_MASK) as u32
    }

    /// Ticks since `access`.
    #[inline]
    pub(crate) fn age(&self, access: u32) -> u32 {
        (self.ticks.wrapping_sub(u64::from(access)) & CLOCK_MASK) as u32
    }

    /// Remembers a candidate if it is among the oldest.
    pub(crate) fn consider(&mut self, candidate: Candidate) {
        self.pool.retain(|known| known.at != candidate.at);
        let age = self.age(candidate.access);
        let after = self.pool.partition_point(|known| self.age(known.access) <= age);
        if self.pool.len() < EVICTION_POOL_MAX {
            self.pool.insert(after, candidate);
        } else if after > 0 {
            self.pool.remove(0);
            self.pool.insert(after - 1, candidate);
        }
    }

    /// The oldest candidate; the caller checks that it is still what it was.
    pub(crate) fn oldest(&mut self) -> Option<Candidate> {
        self.pool.pop()
    }

    /// The age from which items are evicted with their segment, from ages sampled everywhere.
    pub(crate) fn cutoff(ages: &mut [u32]) -> u32 {
        if ages.is_empty() {
            return 0;
        }
        ages.sort_unstable();
        ages[ages.len() - 1 - ages.len() / OLDEST_SHARE]
    }

    /// The segment that pays, and the age from which its items are evicted.
    pub(crate) fn choose(prospects: &mut [Prospect], cutoff: u32) -> Option<(u32, u32)> {
        let best = prospects.iter_mut().max_by_key(|prospect| prospect.reclaimed(cutoff))?;
        let wanted = best.used / WORTHWHILE_SHARE;
        if best.reclaimed(cutoff) >= wanted || best.ages.is_empty() {
            return Some((best.number, cutoff));
        }
        // Too little is old enough: the oldest of this segment pay all the same.
        let dead = best.used - best.live;
        let share = (wanted.saturating_sub(dead) * best.ages.len()).div_ceil(best.live.max(1));
        best.ages.sort_unstable();
        let index = best.ages.len() - share.clamp(1, best.ages.len());
        Some((best.number, cutoff.min(best.ages[index])))
    }
}

impl Prospect {
    /// Bytes that come back when items of at least `cutoff` go.
    fn reclaimed(&self, cutoff: u32) -> usize {
        let old = self.ages.iter().filter(|age| **age >= cutoff).count();
        let evicted = (self.live * old).checked_div(self.ages.len()).unwrap_or(0);
        self.used - self.live + evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(number: u64, access: u32) -> Candidate {
        let place = Place { slot: 0, db: 0, fragment: 0 };
        Candidate { place, at: Address(number), access }
    }

    #[test]
    fn a_small_store_ticks_with_every_access_and_ages_wrap() {
        let mut lru = Lru::default();
        let first = lru.tick(100);
        for _ in 0..1 << 18 {
            lru.tick(100);
        }
        assert_eq!(lru.age(first), 1 << 18);
        lru.ticks += 1 << 19;
        assert_eq!(lru.age(first), (1 << 19) + (1 << 18));
    }

    #[test]
    fn a_large_store_ticks_rarely() {
        let mut lru = Lru::default();
        for _ in 0..1 << 20 {
            lru.tick(1 << 20);
        }
        assert!((4000..4200).contains(&lru.ticks), "{}", lru.ticks);
    }

    #[test]
    fn the_pool_keeps_the_oldest() {
        let mut lru = Lru { ticks: 1000, ..Lru::default() };
        for i in 0..200_u32 {
            lru.consider(candidate(u64::from(i), i * 37 % 200));
        }
        let oldest: Vec<_> =
            core::iter::from_fn(|| lru.oldest()).map(|candidate| candidate.access).collect();
        assert_eq!(oldest, (0..EVICTION_POOL_MAX as u32).collect::<Vec<_>>());
    }

    #[test]
    fn the_segment_that_gives_most_pays() {
        let prospect =
            |number, live, ages: &[u32]| Prospect { number, used: 1000, live, ages: ages.to_vec() };
        let mut prospects = [prospect(1, 900, &[1, 2, 3, 90]), prospect(2, 900, &[80, 90, 90, 1])];
        assert_eq!(Lru::choose(&mut prospects, 75), Some((2, 75)));
        let mut young = [prospect(3, 1000, &[1, 2, 3, 4])];
        assert_eq!(Lru::choose(&mut young, 75), Some((3, 4)));
        assert_eq!(Lru::choose(&mut [], 75), None);
    }
}
