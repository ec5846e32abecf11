//! The table of checks.
//!
//! Owns which checks there are and their order. Invariant: the table is closed; every check answers
//! on every host, if only that the host does not tell. Cost: some hundred small files on a large
//! host, once.

mod clock_source;
mod cores;
mod frequency;
mod group;
mod huge_pages;
mod interfaces;
mod io_uring;
mod listening;
mod numa;
mod overcommit;
mod polling;
mod ports;
mod queues;
mod resources;
mod sight;
mod swap;

use std::path::Path;

pub use sight::IoUring;

use crate::finding::{Finding, Look};
use sight::Sight;

/// One row of the table.
pub(crate) struct Check {
    name: &'static str,
    area: &'static str,
    /// What there should be, where that does not depend on the host.
    wanted: &'static str,
    why: &'static str,
    look: fn(&Sight) -> Look,
}

/// Every check, area by area.
const TABLE: [Check; 29] = [
    io_uring::RELEASE,
    io_uring::SWITCH,
    io_uring::PROBE,
    io_uring::SECCOMP,
    resources::MEMLOCK,
    resources::NOFILE,
    cores::CPUS,
    cores::ISOLATED,
    cores::NOHZ,
    cores::SMT,
    numa::NODES,
    numa::BALANCING,
    frequency::GOVERNOR,
    clock_source::CLOCK_SOURCE,
    group::QUOTA,
    group::MEMORY,
    huge_pages::ENABLED,
    huge_pages::DEFRAG,
    huge_pages::POOL,
    swap::SWAP,
    swap::SWAPPINESS,
    overcommit::OVERCOMMIT,
    numa::RECLAIM,
    listening::SOMAXCONN,
    listening::SYN_BACKLOG,
    ports::RANGE,
    polling::BUSY_POLL,
    queues::SPREAD,
    queues::INTERRUPTS,
];

/// What all checks say of the host whose `/proc` and `/sys` stand under `root`, in the table's
/// order; `io_uring` is what came of trying it.
#[must_use]
pub fn findings(root: &Path, io_uring: IoUring) -> Vec<Finding> {
    let sight = Sight::new(root, io_uring);
    TABLE.iter().map(|check| finding(check, (check.look)(&sight))).collect()
}

fn finding(check: &Check, look: Look) -> Finding {
    Finding {
        check: check.name,
        area: check.area,
        verdict: look.verdict,
        fix: look.command(),
        found: look.found,
        wanted: look.wanted.unwrap_or_else(|| check.wanted.to_owned()),
        why: check.why,
        settings: look.settings,
        unit: look.unit,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_whole() {
        let names: BTreeSet<_> = TABLE.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), TABLE.len(), "each check once");
        let areas = TABLE.chunk_by(|left, right| left.area == right.area).map(|rows| rows[0].area);
        let areas: Vec<_> = areas.collect();
        let distinct: BTreeSet<_> = areas.iter().collect();
        assert_eq!(distinct.len(), areas.len(), "each area in one piece: {areas:?}");
        for check in &TABLE {
            assert!(!check.wanted.is_empty() && check.why.len() > 40, "{}", check.name);
            assert!(!check.why.ends_with('.'), "{}", check.name);
        }
    }
}
