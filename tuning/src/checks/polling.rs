//! Busy polling of network devices.
//!
//! Owns how long a waiting thread may spin in the kernel. Cost: two small files.

use super::Check;
use super::sight::Sight;
use crate::finding::Look;

/// Microseconds up to which spinning buys latency.
const POLL_US_MAX: u64 = 100;

pub(super) const BUSY_POLL: Check = Check {
    name: "busy poll",
    area: "Network",
    wanted: "0, or up to 100 µs for latency",
    why: "a thread that waits spins on the device that long before it sleeps: some microseconds \
          less at light load, for a CPU that is never idle. Yours to weigh: apply leaves it alone",
    look: busy_poll,
};

fn busy_poll(sight: &Sight) -> Look {
    let paths = ["proc/sys/net/core/busy_poll", "proc/sys/net/core/busy_read"];
    let [Some(poll), Some(read)] = paths.map(|path| sight.tree.number(path)) else {
        return Look::unknown();
    };
    let found = match (poll, read) {
        (0, 0) => "0".to_owned(),
        _ => format!("poll {poll} µs, read {read} µs"),
    };
    if poll.max(read) <= POLL_US_MAX {
        return Look::good(found);
    }
    paths.iter().map(|path| sight.setting(path, "0")).fold(Look::advice(found), Look::setting)
}
