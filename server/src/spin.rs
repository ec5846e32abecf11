//! Spinning: who waits for siblings' answers looks for them for a while before sleeping.
//!
//! Invariant: no longer than `SPIN_US_MAX`, and as long as it lately paid. Cost: a look at the
//! clock a turn while answers are waited for.

use crate::limits::SPIN_US_MAX;

/// How one shard spins.
#[derive(Debug)]
pub(crate) struct Spin {
    /// When it ends; `None` when it has not begun.
    until_ns: Option<u64>,
    /// How long the next one may be.
    us: u64,
}

impl Default for Spin {
    fn default() -> Self {
        Self { until_ns: None, us: SPIN_US_MAX }
    }
}

impl Spin {
    /// Whether to look again rather than to sleep.
    pub(crate) fn goes_on(&mut self, now_ns: u64) -> bool {
        let goes_on = now_ns < *self.until_ns.get_or_insert(now_ns.saturating_add(self.us * 1000));
        if !goes_on {
            // In vain: the sibling may not be running at all.
            self.us = (self.us / 2).max(1);
        }
        goes_on
    }

    /// Mail has come.
    pub(crate) fn ends(&mut self) {
        if self.until_ns.take().is_some() {
            self.us = (self.us + 1).min(SPIN_US_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it spins from `now_ns` on, in microseconds.
    fn spun_us(spin: &mut Spin, now_ns: u64) -> u64 {
        (0..).find(|us| !spin.goes_on(now_ns + us * 1000)).expect("it ends")
    }

    #[test]
    fn it_is_as_long_as_it_lately_paid() {
        let mut spin = Spin::default();
        assert_eq!(spun_us(&mut spin, 5), SPIN_US_MAX);
        spin.ends();
        let shorter = spun_us(&mut spin, 5);
        assert_eq!(shorter, SPIN_US_MAX / 2 + 1, "in vain halves it, mail lengthens it");
        for _ in 0..10 {
            assert!(!spin.goes_on(u64::MAX), "it stays over until mail comes");
        }
        for _ in 0..2 * SPIN_US_MAX {
            spin.ends();
            assert!(spin.goes_on(5));
        }
        spin.ends();
        assert_eq!(spun_us(&mut spin, 5), SPIN_US_MAX, "never longer");
    }
}
