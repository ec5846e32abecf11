//! The node's wall clock: anchored once, then driven by the boot clock.
//!
//! Deadlines are absolute, so a wall clock that somebody sets a day ahead would flush the cache.
//! Invariant: time never steps; a correction of the wall clock is seen at the next start.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

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
        Self { boot_at_ms: (wall.as_millis() as u64).saturating_sub(since_boot_ms()) }
    }

    /// Milliseconds since 1970.
    #[inline]
    pub(crate) fn now_ms(self) -> u64 {
        self.boot_at_ms + since_boot_ms()
    }
}

fn since_boot_ms() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_the_wall_time_of_its_start_and_goes_forward() {
        let clock = Clock::anchor();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        assert!(clock.now_ms().abs_diff(wall) < 1000);
        assert!(clock.now_ms() <= clock.now_ms());
    }
}
