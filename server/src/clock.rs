//! The node's wall clock: anchored once, then driven by the boot clock.
//!
//! Deadlines are absolute, so a wall clock that somebody sets a day ahead would flush the cache.
//! Invariant: time never steps; a correction of the wall clock is seen at the next start.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Wall time that goes at the boot clock's pace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Milliseconds since 1970 at boot, as known when the node started.
    boot_at_ms: u64,
}

impl Clock {
    /// Reads the wall clock for the only time.
    pub(crate) fn anchor() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self::anchored(wall.as_millis() as u64, boot_ns())
    }

    /// A clock of a node that starts at `wall_ms`, `boot_ns` after the boot.
    fn anchored(wall_ms: u64, boot_ns: u64) -> Self {
        Self { boot_at_ms: wall_ms.saturating_sub(boot_ns / 1_000_000) }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(self) -> u64 {
        self.ms_at(boot_ns())
    }

    /// Milliseconds since 1970, `boot_ns` after the boot.
    #[inline]
    pub(crate) fn ms_at(self, boot_ns: u64) -> u64 {
        self.boot_at_ms + boot_ns / 1_000_000
    }
}

/// Nanoseconds since the boot: one vDSO call.
#[inline]
pub(crate) fn boot_ns() -> u64 {
    ns(clock_gettime(ClockId::Boottime))
}

/// Processor time of the calling thread in nanoseconds: one system call.
pub(crate) fn thread_cpu_ns() -> u64 {
    ns(clock_gettime(ClockId::ThreadCPUTime))
}

#[inline]
fn ns(time: Timespec) -> u64 {
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_the_wall_time_of_its_start_and_goes_forward() {
        let clock = Clock::anchor();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        assert!(clock.ms_at(boot_ns()).abs_diff(wall) < 1000);
        assert!(boot_ns() <= boot_ns() && thread_cpu_ns() <= thread_cpu_ns());
    }

    #[test]
    fn a_step_of_the_wall_clock_by_a_day_is_seen_by_nodes_that_start_after_it_only() {
        const DAY_MS: u64 = 86_400_000;
        let (start_ms, boot_ns) = (1_800_000_000_000, 3_600_000_000_000);
        let before = Clock::anchored(start_ms, boot_ns);
        // An hour later somebody sets the wall clock a day ahead, or a day back.
        let later_ns = 2 * boot_ns;
        let is_ms = start_ms + later_ns / 2_000_000;
        for wall_ms in [is_ms + DAY_MS, is_ms - DAY_MS] {
            let after = Clock::anchored(wall_ms, later_ns);
            assert_eq!((before.ms_at(later_ns), after.ms_at(later_ns)), (is_ms, wall_ms));
        }
        let day_ns = DAY_MS * 1_000_000;
        assert_eq!(before.ms_at(later_ns + day_ns) - before.ms_at(later_ns), DAY_MS);
    }
}
