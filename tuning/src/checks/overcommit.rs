//! Promises of memory.
//!
//! Owns whether the kernel lets a node reserve addresses for all its data. Cost: none, the host has
//! been read.

use super::Check;
use super::sight::Sight;
use crate::finding::Look;

pub(super) const OVERCOMMIT: Check = Check {
    name: "overcommit",
    area: "Memory",
    wanted: "0 or 1",
    why: "with 2 the kernel counts memory when it is mapped, not when it is touched: a node is \
          refused segments it may have. All programs' bounds hang on it: apply leaves it alone",
    look: overcommit,
};

fn overcommit(sight: &Sight) -> Look {
    let setting = sight.setting("proc/sys/vm/overcommit_memory", "0");
    match sight.host.kernel.overcommit_memory {
        None => Look::unknown(),
        Some(2) => Look::important("2: never").setting(setting),
        Some(0) => Look::good("0: by judgement"),
        Some(mode) => Look::good(format!("{mode}: always")),
    }
}
