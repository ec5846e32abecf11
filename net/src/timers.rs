//! One-shot timers in a heap: the server's and the driver's own.
//!
//! Timers due at the same instant fire in the order they were set. None is cancelled: whoever set
//! it ignores a stale one. Cost: logarithmic to set and to take; an empty heap costs nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::connections::ConnId;
use crate::limits::TIMERS_MAX;

/// Whose timer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// The server's, with its token.
    Token(u64),
    /// A closing connection's patience is over.
    Linger(ConnId),
    /// A listener, by slot, may accept again.
    Accept(usize),
}

/// All timers of a driver.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(u64, u64, Due)>>,
    set_count: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, at_mono_ns: u64, due: Due) {
        assert!(self.heap.len() < TIMERS_MAX, "timers are bounded by what sets them");
        self.set_count += 1;
        self.heap.push(Reverse((at_mono_ns, self.set_count, due)));
    }

    /// The earliest deadline.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Takes one timer that is due at `now_ns`.
    pub(crate) fn take_due(&mut self, now_ns: u64) -> Option<Due> {
        if self.next_at()? > now_ns {
            return None;
        }
        self.heap.pop().map(|Reverse((_, _, due))| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires_by_time_then_by_order_of_setting() {
        let mut timers = Timers::default();
        for (at, token) in [(30, 1), (10, 9), (20, 3), (10, 4)] {
            timers.set(at, Due::Token(token));
        }
        assert_eq!(timers.next_at(), Some(10));
        assert_eq!(timers.take_due(9), None);
        let fired: Vec<_> = std::iter::from_fn(|| timers.take_due(20)).collect();
        assert_eq!(fired, [Due::Token(9), Due::Token(4), Due::Token(3)]);
        assert_eq!(timers.next_at(), Some(30));
    }
}
