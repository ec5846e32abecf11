//! Huge pages, transparent and reserved.
//!
//! Owns when huge pages would make a node stall or grow beyond what it counts; it asks for none.
//! Cost: three small files.

use super::Check;
use super::sight::Sight;
use crate::finding::Look;

const AREA: &str = "Memory";
const ENABLED_PATH: &str = "sys/kernel/mm/transparent_hugepage/enabled";
const DEFRAG_PATH: &str = "sys/kernel/mm/transparent_hugepage/defrag";
const POOL_PATH: &str = "proc/sys/vm/nr_hugepages";

pub(super) const ENABLED: Check = Check {
    name: "huge pages",
    area: AREA,
    wanted: "madvise, or any but always",
    why: "always gives huge pages to what is used only in part, and the node's memory grows beyond \
          what it counts; a node asks for none, other programs may",
    look: enabled,
};

pub(super) const DEFRAG: Check = Check {
    name: "huge page defrag",
    area: AREA,
    wanted: "madvise, or any but always",
    why: "always makes a page fault wait while the kernel moves other pages together, for \
          milliseconds and in the middle of a turn",
    look: defrag,
};

pub(super) const POOL: Check = Check {
    name: "reserved huge pages",
    area: AREA,
    wanted: "0",
    why: "a node does not use the reserved pool, so what lies there is lost to it, unless another \
          program of this host wants it",
    look: pool,
};

fn enabled(sight: &Sight) -> Look {
    any_but_always(sight, ENABLED_PATH)
}

fn defrag(sight: &Sight) -> Look {
    any_but_always(sight, DEFRAG_PATH)
}

fn any_but_always(sight: &Sight, path: &'static str) -> Look {
    let setting = sight.setting(path, "madvise");
    match setting.found.clone() {
        None => Look::unknown().setting(setting),
        Some(found) if found == "always" => Look::advice(found).setting(setting),
        Some(found) => match sight.kept(path) {
            Some(kept) => Look::good(found).setting(kept),
            None => Look::unknown(),
        },
    }
}

fn pool(sight: &Sight) -> Look {
    sight.number(POOL_PATH, |pages| pages == 0, 0, Look::advice)
}
