//! Idle time: what the access clock's ticks are in milliseconds.
//!
//! Remembers when some ticks were the latest, to a sixth of their age or better. Invariant: moments
//! and ticks ascend. Cost: a comparison a turn.

use crate::limits::IDLE_MOMENTS_MAX;

/// Moments nearer than this to the one before replace it.
const APART_MS: u64 = 1000;
/// Moments nearer to each other than this share of their age are not told apart.
const NEAR_SHARE: u64 = 6;

/// Which tick was the latest when.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    /// Tick and wall time.
    moments: Vec<(u64, u64)>,
}

impl Idle {
    /// The latest tick at `now_ms`.
    pub(crate) fn note(&mut self, tick: u64, now_ms: u64) {
        let len = self.moments.len();
        if len > 0 && self.moments[len - 1].0 == tick {
            return;
        }
        if len > 1 && now_ms.saturating_sub(self.moments[len - 2].1) < APART_MS {
            self.moments[len - 1] = (tick, now_ms);
            return;
        }
        if len == IDLE_MOMENTS_MAX {
            self.thin(now_ms);
        }
        self.moments.push((tick, now_ms));
    }

    /// Drops moments whose neighbours lie near each other for their age.
    fn thin(&mut self, now_ms: u64) {
        let mut kept: Vec<(u64, u64)> = Vec::with_capacity(IDLE_MOMENTS_MAX);
        for (index, moment) in self.moments.iter().enumerate() {
            let next = self.moments.get(index + 1);
            let near = kept.last().zip(next).is_some_and(|(before, next)| {
                (next.1 - before.1) * NEAR_SHARE <= now_ms.saturating_sub(next.1)
            });
            if !near {
                kept.push(*moment);
            }
        }
        if kept.len() == IDLE_MOMENTS_MAX {
            kept.remove(0);
        }
        self.moments = kept;
    }

    /// Milliseconds since `tick` was the latest.
    pub(crate) fn since(&self, tick: u64, now_ms: u64) -> u64 {
        let at = self.moments.partition_point(|moment| moment.0 < tick);
        self.moments.get(at).map_or(0, |moment| now_ms.saturating_sub(moment.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_times_are_near_enough() {
        let mut idle = Idle::default();
        for second in 0..10_000 {
            idle.note(second * 3, second * 1000);
            assert!(idle.moments.len() <= IDLE_MOMENTS_MAX);
        }
        let now_ms = 10_000_000;
        for second in [9_999, 9_990, 9_900, 5_000, 10] {
            let want = now_ms - second * 1000;
            let have = idle.since(second * 3, now_ms);
            assert!(have <= want && have + want / 4 + 1000 >= want, "{have} of {want}");
        }
    }

    #[test]
    fn a_tick_keeps_the_moment_it_came_in() {
        let mut idle = Idle::default();
        [(1, 0), (1, 400), (2, 500), (2, 9000)].iter().for_each(|(tick, ms)| idle.note(*tick, *ms));
        assert_eq!(
            (idle.since(2, 10_000), idle.since(1, 10_000), idle.since(3, 10_000)),
            (9500, 10_000, 0)
        );
    }
}
