//! LFU: the least often used item goes first.
//!
//! ```text
//! access field   minutes:rest | counter:8
//! ```
//!
//! The counter is Redis's: it starts at 5, rises with a probability that falls as it rises (a
//! million uses fill it), and fades by one a minute without use. Invariant: any bits of the field
//! read as some counter. Cost: a random number per access.

use crate::record::ACCESS_BITS;

const COUNTER_BITS: u32 = 8;
const COUNTER_MAX: u32 = (1 << COUNTER_BITS) - 1;
const MINUTES_MASK: u32 = (1 << (ACCESS_BITS - COUNTER_BITS)) - 1;
/// What a new item starts with, so that it is not evicted before it was used.
const COUNTER_START: u32 = 5;
/// The higher, the more uses the counter can tell apart.
const LOG_FACTOR: u32 = 10;
const MINUTE_MS: u64 = 60_000;

/// Counters of use.
#[derive(Debug, Default)]
pub(crate) struct Lfu {
    minutes: u32,
    drawn: u32,
}

impl Lfu {
    /// The field of an item that is used for the first time.
    pub(crate) fn fresh(&self) -> u32 {
        (self.minutes << COUNTER_BITS) | COUNTER_START
    }

    /// The field of an item that is used again.
    pub(crate) fn used(&mut self, access: u32) -> u32 {
        let counter = self.counter(access);
        let beyond = counter.saturating_sub(COUNTER_START);
        let rises = self.draw().is_multiple_of(beyond * LOG_FACTOR + 1);
        (self.minutes << COUNTER_BITS) | (counter + u32::from(rises)).min(COUNTER_MAX)
    }

    /// How often the item was used, on the counter's scale.
    pub(crate) fn counter(&self, access: u32) -> u32 {
        let idle = self.minutes.wrapping_sub(access >> COUNTER_BITS) & MINUTES_MASK;
        (access & COUNTER_MAX).saturating_sub(idle)
    }

    /// Time passes.
    pub(crate) fn advance(&mut self, now_ms: u64) {
        self.minutes = (now_ms / MINUTE_MS) as u32 & MINUTES_MASK;
    }

    /// Any number: a xorshift that never rests at zero.
    fn draw(&mut self) -> u32 {
        let mut drawn = self.drawn | 1;
        drawn ^= drawn << 13;
        drawn ^= drawn >> 17;
        drawn ^= drawn << 5;
        self.drawn = drawn.wrapping_add(0x9e37_79b8);
        drawn >> 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_rises_ever_more_slowly_and_fades() {
        let mut lfu = Lfu::default();
        lfu.advance(1_800_000_000_000);
        let mut access = lfu.fresh();
        assert_eq!(lfu.counter(access), 5);
        let mut after = Vec::new();
        for uses in 1..=100_000 {
            access = lfu.used(access);
            if [100, 1000, 100_000].contains(&uses) {
                after.push(lfu.counter(access));
            }
        }
        // Redis documents 10, 18 and 142 for this factor.
        assert!((8..=14).contains(&after[0]), "{after:?}");
        assert!((14..=26).contains(&after[1]), "{after:?}");
        assert!((120..=165).contains(&after[2]), "{after:?}");
        lfu.advance(1_800_000_000_000 + 10 * MINUTE_MS);
        assert_eq!(lfu.counter(access), after[2] - 10);
        assert_eq!(lfu.used(access) >> COUNTER_BITS, lfu.minutes);
    }

    #[test]
    fn any_bits_read_as_a_counter() {
        let mut lfu = Lfu::default();
        for access in (0..1 << ACCESS_BITS).step_by(97) {
            assert!(lfu.counter(access) <= COUNTER_MAX);
            assert!(lfu.used(access) < 1 << ACCESS_BITS);
        }
    }
}
