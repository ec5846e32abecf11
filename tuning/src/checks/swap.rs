//! Swapping.
//!
//! Owns whether the node's memory may be put on a disk. Cost: two small files.

use super::Check;
use super::sight::Sight;
use crate::finding::{Look, Verdict};

const AREA: &str = "Memory";
const SWAPPINESS_PATH: &str = "proc/sys/vm/swappiness";
const SWAPPINESS_WANTED: u64 = 1;
/// As little as leaves anonymous memory alone while there is page cache to drop.
const SWAPPINESS_MAX: u64 = 10;

pub(super) const SWAP: Check = Check {
    name: "swap",
    area: AREA,
    wanted: "none for the node",
    why: "a request for a value that was swapped out waits for the disk, and so does every other \
          request of that shard",
    look: swap,
};

pub(super) const SWAPPINESS: Check = Check {
    name: "swappiness",
    area: AREA,
    wanted: "10 or less",
    why: "how readily the kernel swaps memory out rather than drop the page cache of log and \
          snapshots",
    look: swappiness,
};

/// The areas in use and their KiB; `None` where the host does not tell.
fn areas(sight: &Sight) -> Option<(usize, u64)> {
    let text = sight.tree.read("proc/swaps")?;
    let sizes = text.lines().skip(1).filter_map(|line| {
        line.split_ascii_whitespace().nth(2).and_then(|size| size.parse::<u64>().ok())
    });
    Some(sizes.fold((0, 0), |(count, sum), size| (count + 1, sum.saturating_add(size))))
}

fn swap(sight: &Sight) -> Look {
    let look = match areas(sight) {
        None => Look::unknown(),
        Some((0, _)) => Look::good("none"),
        Some((_, kib)) => Look::advice(format!("{} MiB", kib >> 10)),
    };
    look.unit("MemorySwapMax=0")
        .fix("swapoff -a   # for the node alone, in a unit: MemorySwapMax=0")
}

fn swappiness(sight: &Sight) -> Look {
    let right = |value| value <= SWAPPINESS_MAX;
    let look = sight.number(SWAPPINESS_PATH, right, SWAPPINESS_WANTED, Look::advice);
    match areas(sight) {
        // Without swap the number means nothing; it is kept in the files that are generated.
        Some((0, _)) if look.verdict != Verdict::Unknown => {
            let good = Look::good(format!("{}, without swap", look.found));
            look.settings.into_iter().fold(good, Look::setting)
        }
        _ => look,
    }
}
