//! Batching: for how many receives a wait in the kernel is worth holding out.
//!
//! Taking several requests with one entry saves processor time, and under load latency too, but a
//! request must never wait for company that does not come, nor where there is time for it at once.
//! So the wait asks for what lately arrived in `BATCH_WAIT_US_MAX`, for a quarter of the
//! connections at most, and trusts that only as far as such waits have been filled: one that was
//! not halves the trust, one that was adds to it. Invariant: with fewer than
//! `2 * BATCH_CONNECTIONS_EACH` connections, or while the thread is busy for less than `BUSY_MIN`
//! of the time, nothing ever waits. Cost: a few floating-point operations a turn, a look at the
//! thread's clock a millisecond; the times are arguments.

use crate::limits::{BATCH_COMPLETIONS_MAX, BATCH_CONNECTIONS_EACH, BATCH_WAIT_US_MAX};

/// Receives from which waiting for them together is worth anything.
const WORTH_IT: f32 = 2.0;
/// Microseconds over which the rate of receives is averaged.
const RATE_OVER_US: f32 = 1000.0;
/// What a filled wait adds to the trust.
const FILLED_ADDS: f32 = 0.5;
/// What a turn without a batching wait adds, so that the trust is tried again some time.
const TURN_ADDS: f32 = 1.0 / 128.0;

/// Part of the time that the thread must be busy.
const BUSY_MIN: f32 = 0.8;
/// Nanoseconds over which that is looked at.
const BUSY_OVER_NS: u64 = 1_000_000;

/// How receives arrive, and how far that is trusted.
#[derive(Debug)]
pub(super) struct Batching {
    receives_per_us: f32,
    /// Receives that a wait may ask for.
    trust: f32,
    /// Receives that the wait under way asked for; 0 when it does not hold out.
    asked: u32,
    turned_at_ns: u64,
    /// Whether the thread was busy in the last look's time.
    busy: bool,
    /// When that was looked at, and the thread's processor time then.
    looked_at_ns: u64,
    cpu_ns: u64,
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            receives_per_us: 0.0,
            trust: WORTH_IT,
            asked: 0,
            turned_at_ns: 0,
            busy: false,
            looked_at_ns: 0,
            cpu_ns: 0,
        }
    }
}

impl Batching {
    /// Receives to hold out for, with this many connections; below 2 it is not worth waiting.
    #[inline]
    pub(super) fn ask(&mut self, connections: usize) -> Option<u32> {
        let arriving = self.receives_per_us * BATCH_WAIT_US_MAX as f32;
        let most = (connections / BATCH_CONNECTIONS_EACH).min(BATCH_COMPLETIONS_MAX as usize);
        let receives = arriving.min(self.trust).min(most as f32);
        self.asked = if receives < WORTH_IT || !self.busy { 0 } else { receives as u32 };
        (self.asked > 0).then_some(self.asked)
    }

    /// A turn that ended at `now_ns` brought so many receives; `cpu_ns` is what the thread has run.
    #[inline]
    pub(super) fn turned(&mut self, receives: u32, now_ns: u64, cpu_ns: impl FnOnce() -> u64) {
        let looked_ns = now_ns.saturating_sub(self.looked_at_ns);
        if looked_ns >= BUSY_OVER_NS {
            let cpu_ns = cpu_ns();
            let ran_ns = cpu_ns.saturating_sub(self.cpu_ns);
            self.busy = ran_ns as f32 >= BUSY_MIN * looked_ns as f32;
            (self.looked_at_ns, self.cpu_ns) = (now_ns, cpu_ns);
        }
        let passed_us = now_ns.saturating_sub(self.turned_at_ns) as f32 / 1000.0;
        self.turned_at_ns = now_ns;
        if passed_us > 0.0 {
            let weight = passed_us / (passed_us + RATE_OVER_US);
            let rate = receives as f32 / passed_us;
            self.receives_per_us += (rate - self.receives_per_us) * weight;
        }
        match std::mem::take(&mut self.asked) {
            0 => self.trust += TURN_ADDS,
            // A wait that was filled to three quarters did what it was meant to.
            asked if receives * 4 >= asked * 3 => self.trust += FILLED_ADDS,
            _ => self.trust /= 2.0,
        }
        self.trust = self.trust.min(BATCH_COMPLETIONS_MAX as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns of a busy thread in which `arriving` receives come every `every_us`; returns how often
    /// a wait asked.
    fn drive(batching: &mut Batching, connections: usize, arriving: u32, every_us: u64) -> u32 {
        drive_at(1.0, batching, connections, arriving, every_us)
    }

    /// The same, the thread being busy for `busy` of the time.
    fn drive_at(
        busy: f64,
        batching: &mut Batching,
        connections: usize,
        arriving: u32,
        every_us: u64,
    ) -> u32 {
        let mut asked = 0;
        for turn in 1..=2000 {
            asked += u32::from(batching.ask(connections).is_some());
            let now_ns = turn * every_us * 1000;
            batching.turned(arriving, now_ns, || (now_ns as f64 * busy) as u64);
        }
        asked
    }

    #[test]
    fn who_has_time_takes_requests_as_they_come() {
        assert_eq!(drive_at(0.7, &mut Batching::default(), 50, 10, 50), 0);
        assert!(drive_at(0.9, &mut Batching::default(), 50, 10, 50) > 1900);
    }

    #[test]
    fn many_connections_under_load_are_taken_together() {
        let mut batching = Batching::default();
        assert!(drive(&mut batching, 50, 10, 50) > 1900);
        // Ten arrive in the time of a wait; the running mean is a little below.
        assert!(matches!(batching.ask(50), Some(9 | 10)));
        assert!(matches!(batching.ask(500), Some(9 | 10)), "not more than arrive in time");
    }

    #[test]
    fn few_connections_or_little_traffic_never_wait() {
        assert_eq!(drive(&mut Batching::default(), 2 * BATCH_CONNECTIONS_EACH - 1, 4, 10), 0);
        assert_eq!(drive(&mut Batching::default(), 1000, 1, 100), 0);
    }

    #[test]
    fn waits_that_are_not_filled_become_rare() {
        // Two of many connections are busy: two receives come at a time, never more.
        let mut batching = Batching { trust: 25.0, busy: true, ..Batching::default() };
        let mut missed = 0;
        for turn in 1..=2000 {
            missed += u32::from(batching.ask(50).is_some_and(|asked| asked > 2));
            batching.turned(2, turn * 30_000, || turn * 30_000);
        }
        assert!(missed < 60, "{missed} of 2000 turns waited in vain");
    }

    #[test]
    fn a_busy_time_that_ends_is_soon_forgotten() {
        let mut batching = Batching::default();
        drive(&mut batching, 50, 10, 50);
        let start_ns = 2000 * 50_000;
        let waits = (1..=100).filter(|turn| {
            let waits = batching.ask(50).is_some();
            let now_ns = start_ns + turn * 50_000;
            batching.turned(0, now_ns, || now_ns);
            waits
        });
        assert!(waits.count() <= 5);
    }
}
