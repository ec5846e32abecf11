//! The control group's bounds.
//!
//! Owns what a quota of CPU time and a bound on memory do to a node. Cost: none, the host has been
//! read.

use super::Check;
use super::sight::Sight;
use crate::cpuset::CpuSet;
use crate::finding::Look;
use crate::memory::memory_default;

const AREA: &str = "Control group";

/// Below this a node has no room for its data beside itself.
const MEMORY_MIN_BYTES: u64 = 128 << 20;

pub(super) const QUOTA: Check = Check {
    name: "CPU quota",
    area: AREA,
    wanted: "none; whole CPUs instead",
    why: "a group that has used its quota stands still for the rest of the period, up to 100 ms; \
          a set of CPUs gives the same share without the stalls",
    look: quota,
};

pub(super) const MEMORY: Check = Check {
    name: "memory bound",
    area: AREA,
    wanted: "none, or 128 MiB or more",
    why: "the kernel kills a node that grows beyond its group; the default --max-memory is three \
          quarters of the bound",
    look: memory,
};

fn quota(sight: &Sight) -> Look {
    let Some(milli) = sight.host.cgroup.cpu_quota_milli else { return Look::good("none") };
    let cpus = sight.host.allowed();
    let whole: CpuSet = cpus.iter().take((milli / 1000).max(1) as usize).collect();
    let found = format!("{} of {} CPUs", milli as f64 / 1000.0, cpus.len());
    let look = if milli < 1000 { Look::important(found) } else { Look::advice(found) };
    look.fix(format!("docker run --cpuset-cpus {whole} IMAGE   # in a unit: AllowedCPUs={whole}"))
}

fn memory(sight: &Sight) -> Look {
    let Some(bytes) = sight.host.cgroup.memory_bytes_max else { return Look::good("none") };
    let default = memory_default(&sight.host) >> 20;
    let found = format!("{} MiB; --max-memory {default} MiB", bytes >> 20);
    let look = if bytes < MEMORY_MIN_BYTES { Look::important(found) } else { Look::good(found) };
    look.fix("docker run --memory 1g IMAGE   # in a unit: MemoryMax=1G")
}
