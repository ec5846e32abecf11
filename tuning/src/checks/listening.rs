//! Connections that wait to be accepted.
//!
//! Owns how many may. Cost: two small files.

use super::Check;
use super::sight::Sight;
use crate::finding::{Look, Verdict};

const AREA: &str = "Network";

/// The backlog a node asks for.
const BACKLOG: u64 = 4096;
/// Below this a fleet of clients that reconnects is refused.
const BACKLOG_TOLERABLE: u64 = 1024;

pub(super) const SOMAXCONN: Check = Check {
    name: "somaxconn",
    area: AREA,
    wanted: "4096 or more",
    why: "it cuts the listening sockets' backlog; when clients reconnect all at once, what does \
          not fit is dropped and tried again a second later",
    look: somaxconn,
};

pub(super) const SYN_BACKLOG: Check = Check {
    name: "tcp_max_syn_backlog",
    area: AREA,
    wanted: "4096 or more",
    why: "connections whose handshake is not over; beyond it the kernel answers with cookies, \
          which lose window scaling, or drops",
    look: syn_backlog,
};

fn somaxconn(sight: &Sight) -> Look {
    let mut look = sight.at_least("proc/sys/net/core/somaxconn", BACKLOG, Look::advice);
    if look.found.parse().is_ok_and(|found: u64| found < BACKLOG_TOLERABLE) {
        look.verdict = Verdict::Important;
    }
    look
}

fn syn_backlog(sight: &Sight) -> Look {
    sight.at_least("proc/sys/net/ipv4/tcp_max_syn_backlog", BACKLOG, Look::advice)
}
