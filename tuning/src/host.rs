//! Everything known of the host.
//!
//! Owns what was read at one moment; bounds that change later are not followed. Invariant: reading
//! changes nothing and never fails. Cost: some hundred small files on a large host, once.

use std::fmt;
use std::path::Path;

use rustix::thread::sched_getaffinity;

use crate::cgroup::Cgroup;
use crate::cpuset::CpuSet;
use crate::kernel::Kernel;
use crate::limits::CPUS_MAX;
use crate::topology::Topology;
use crate::tree::Tree;

/// What the host is and what it lets the process use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The online CPUs.
    pub topology: Topology,
    /// The CPUs the process was given, by its mask; `None` when unknown.
    pub affinity: Option<CpuSet>,
    /// The control groups' bounds.
    pub cgroup: Cgroup,
    /// The machine's memory in bytes; `None` when unknown.
    pub memory_bytes: Option<u64>,
    /// The kernel's version and settings, the process's limits.
    pub kernel: Kernel,
}

impl Host {
    /// The host this process runs on, with the calling thread's affinity mask. To be called before
    /// the thread is pinned.
    #[must_use]
    pub fn read_here() -> Host {
        let mask = sched_getaffinity(None).ok();
        let mask = mask.map(|mask| (0..CPUS_MAX).filter(|&cpu| mask.is_set(cpu)).collect());
        Host::read(Path::new("/"), mask)
    }

    /// The host whose `/sys` and `/proc` stand under `root`. Without an `affinity` the mask is what
    /// `/proc/self/status` tells.
    #[must_use]
    pub fn read(root: &Path, affinity: Option<CpuSet>) -> Host {
        let tree = Tree::new(root);
        let told = || CpuSet::parse(&field(&tree, "proc/self/status", "Cpus_allowed_list:")?).ok();
        Host {
            topology: Topology::read(&tree),
            affinity: affinity.or_else(told),
            cgroup: Cgroup::read(&tree),
            memory_bytes: memory_bytes(&tree),
            kernel: Kernel::read(&tree),
        }
    }

    /// The CPUs the process may use: online, in its mask and in its control group's.
    #[must_use]
    pub fn allowed(&self) -> CpuSet {
        let bounds = [self.affinity.as_ref(), self.cgroup.cpus.as_ref()];
        let online = self.topology.online();
        bounds.into_iter().flatten().fold(online, |allowed, bound| allowed.intersection(bound))
    }
}

/// One line for the log.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Host { topology, cgroup, kernel, .. } = self;
        let (cpus, cores) = (topology.cpus.len(), topology.core_count());
        write!(f, "CPUs: {cpus} (cores: {cores}, NUMA nodes: {})", topology.node_count())?;
        let allowed = self.allowed();
        if allowed != topology.online() {
            write!(f, ", allowed: {allowed}")?;
        }
        if let Some(milli) = cgroup.cpu_quota_milli {
            write!(f, ", quota: {}", milli as f64 / 1000.0)?;
        }
        if let Some(bytes) = self.memory_bytes {
            write!(f, ", memory: {} MiB", bytes >> 20)?;
        }
        if let Some(bytes) = cgroup.memory_bytes_max {
            write!(f, " ({} MiB by control group)", bytes >> 20)?;
        }
        write!(f, ", Linux {}", kernel.release.as_deref().unwrap_or("of unknown release"))
    }
}

/// `MemTotal` is in units of 1024 bytes.
fn memory_bytes(tree: &Tree) -> Option<u64> {
    let total = field(tree, "proc/meminfo", "MemTotal:")?;
    total.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What follows `name` on its line of a file.
fn field(tree: &Tree, path: &str, name: &str) -> Option<String> {
    let text = tree.read(path)?;
    text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
}
