//! The process's limits on locked memory and descriptors.
//!
//! Owns how much of both a node wants. Invariant: what counts is the hard limit, for a node raises
//! its soft limits itself. Cost: none, the host has been read.

use super::Check;
use super::sight::Sight;
use crate::finding::Look;
use crate::kernel::Limit;

const AREA: &str = "Kernel";

/// The default of `--maxclients` and what else a node opens.
const NOFILE_MIN: u64 = 10_000 + 128;
/// Asked for in units: leaves room for a larger `--maxclients`.
const NOFILE_UNIT: u64 = 65_536;
/// What the rings of the file work register.
const MEMLOCK_MIN: u64 = 64 << 20;
/// From here on rings are no longer charged to the limit.
const RELEASE_OF_FREE_RINGS: (u32, u32) = (5, 12);

pub(super) const MEMLOCK: Check = Check {
    name: "memlock",
    area: AREA,
    wanted: "64 MiB or more",
    why: "what a ring registers is locked memory: where the limit is short, files are written \
          through slower system calls, and before Linux 5.12 the shards' rings are refused too",
    look: memlock,
};

pub(super) const NOFILE: Check = Check {
    name: "nofile",
    area: AREA,
    wanted: "10128 or more",
    why: "each connection is a descriptor: the default --maxclients is 10000, and 128 are for the \
          node itself; what is short is refused to clients",
    look: nofile,
};

fn memlock(sight: &Sight) -> Look {
    let kernel = &sight.host.kernel;
    let Some(Limit { hard, .. }) = kernel.memlock_bytes else { return Look::unknown() };
    let charged = kernel.version.is_some_and(|version| version < RELEASE_OF_FREE_RINGS);
    let found = match hard {
        u64::MAX => "unlimited".to_owned(),
        bytes => format!("{} KiB", bytes >> 10),
    };
    let look = match hard {
        hard if hard >= MEMLOCK_MIN => Look::good(found),
        _ if charged => Look::important(found),
        _ => Look::advice(found),
    };
    look.unit("LimitMEMLOCK=infinity")
        .fix("ulimit -l unlimited   # as root; in a unit: LimitMEMLOCK=infinity")
}

fn nofile(sight: &Sight) -> Look {
    let Some(Limit { soft, hard }) = sight.host.kernel.nofile else { return Look::unknown() };
    let found = if hard == u64::MAX { "unlimited".to_owned() } else { format!("{soft} to {hard}") };
    let look = if hard >= NOFILE_MIN { Look::good(found) } else { Look::important(found) };
    look.unit(format!("LimitNOFILE={NOFILE_UNIT}"))
        .fix(format!("ulimit -n {NOFILE_UNIT}   # as root; in a unit: LimitNOFILE={NOFILE_UNIT}"))
}
