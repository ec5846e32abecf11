//! Huge pages, transparent and reserved.
//!
//! Owns when segments may be backed by huge pages without stalls or waste. Cost: three small files.

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
    wanted: "madvise",
    why: "madvise gives huge pages to who asks for them; always also gives them to what is used \
          only in part, and the node's memory grows beyond what it counts; never takes them away",
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
    let setting = sight.setting(ENABLED_PATH, "madvise");
    match setting.found.clone() {
        None => Look::unknown().setting(setting),
        Some(found) if found == "madvise" => Look::good(found).setting(setting),
        Some(found) => Look::advice(found).setting(setting),
    }
}

fn defrag(sight: &Sight) -> Look {
    let setting = sight.setting(DEFRAG_PATH, "madvise");
    match setting.found.clone() {
        None => Look::unknown().setting(setting),
        Some(found) if found == "always" => Look::advice(found).setting(setting),
        Some(found) => match sight.kept(DEFRAG_PATH) {
            Some(kept) => Look::good(found).setting(kept),
            None => Look::unknown(),
        },
    }
}

fn pool(sight: &Sight) -> Look {
    sight.number(POOL_PATH, |pages| pages == 0, 0, Look::advice)
}
