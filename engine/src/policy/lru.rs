//! LRU: the least recently used item goes first.
//!
//! Owns the access clock. It ticks with every access while there are few items and about 4096
//! times a turnover of all items otherwise, so that the record's field lasts for hundreds of
//! turnovers. Sized by bytes, a segment of new items is due when its time of writing is the
//! oldest; what was used since survives in streams by age, so that these segments, too, hold
//! items that fall due together. Invariant: with at most 4096 items no two accesses share a tick.
//! Cost: a counter per access.

use crate::record::ACCESS_BITS;

const CLOCK_MASK: u64 = (1 << ACCESS_BITS) - 1;
/// Ticks in which as many accesses happen as there are items, as a power of two.
const TURNOVER_TICKS_BITS: u32 = 12;
/// Ticks from one walk over all ages to the next.
const WALK_TICKS: u64 = 1 << (ACCESS_BITS - 2);

/// The access clock.
#[derive(Debug, Default)]
pub(crate) struct Lru {
    ticks: u64,
    accesses_left: u64,
    /// Ticks when the last walk over all ages began.
    walked: u64,
    /// The age at which items lately fell due.
    horizon: u64,
}

impl Lru {
    /// Ticks so far.
    #[inline]
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks
    }

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

    /// The tick of the last use, counted from half the clock's range before the first.
    pub(crate) fn last_used(&self, access: u32) -> u64 {
        self.ticks + (1 << ACCESS_BITS) - u64::from(self.age(access))
    }

    /// Now, as `last_used` counts.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.ticks + (1 << ACCESS_BITS)
    }

    /// Items last used at `tick` fall due now.
    pub(crate) fn fell_due(&mut self, tick: u64) {
        self.horizon = self.now().saturating_sub(tick);
    }

    /// Which of `classes` a survivor belongs to by its age: 0 for the latest used.
    pub(crate) fn class(&self, last_used: u64, classes: u64) -> u64 {
        let age = self.now().saturating_sub(last_used);
        (age * classes / self.horizon.max(1)).min(classes - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_store_ticks_with_every_access_and_ages_wrap() {
        let mut lru = Lru::default();
        let first = lru.tick(100);
        for _ in 0..1 << 18 {
            lru.tick(100);
        }
        assert_eq!(lru.age(first), 1 << 18);
        lru.ticks += 1 << (ACCESS_BITS - 1);
        assert_eq!(lru.age(first), (1 << (ACCESS_BITS - 1)) + (1 << 18));
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
    fn survivors_are_told_apart_by_age() {
        let mut lru = Lru { ticks: 1000, ..Lru::default() };
        lru.fell_due(lru.now() - 300);
        let class = |age| lru.class(lru.now() - age, 3);
        assert_eq!([class(0), class(99), class(100), class(299), class(900)], [0, 0, 1, 2, 2]);
    }
}
