//! The control groups' bounds on CPUs and memory.
//!
//! Owns the tightest bound over the process's group and all groups around it, for version 1,
//! version 2 and hosts that mount both. A container may see its own group as the root of the mount
//! while `/proc/self/cgroup` names the path outside; directories that do not exist are passed over,
//! so the walk towards the root finds it all the same.
//! Source: the kernel's cgroup-v1 and cgroup-v2 documents. Cost: three small files a level.

use crate::cpuset::CpuSet;
use crate::limits::CGROUP_DEPTH_MAX;
use crate::tree::Tree;

const MOUNT: &str = "sys/fs/cgroup";

/// What the control groups permit; `None` is no bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cgroup {
    /// 1 or 2: the version that bounds CPUs and memory; `None` when there is none.
    pub version: Option<u8>,
    /// CPU time per wall time, in thousandths of a CPU: 1500 is one CPU and a half.
    pub cpu_quota_milli: Option<u64>,
    /// Memory in bytes.
    pub memory_bytes_max: Option<u64>,
    /// The CPUs the group may run on.
    pub cpus: Option<CpuSet>,
}

impl Cgroup {
    pub(crate) fn read(tree: &Tree) -> Cgroup {
        let mut found = Cgroup::default();
        let groups = tree.read("proc/self/cgroup").unwrap_or_else(|| "0::/".to_owned());
        for line in groups.lines() {
            // hierarchy ':' controllers ':' path; no controllers mean version 2.
            let mut parts = line.splitn(3, ':').skip(1);
            match (parts.next(), parts.next()) {
                (Some(""), Some(path)) => found.read_v2(tree, path),
                (Some(controllers), Some(path)) => found.read_v1(tree, controllers, path),
                _ => {}
            }
        }
        found
    }

    fn read_v2(&mut self, tree: &Tree, path: &str) {
        let mount = [MOUNT.to_owned(), format!("{MOUNT}/unified")];
        let is_v2 = |mount: &&String| tree.has(&format!("{mount}/cgroup.controllers"));
        let Some(mount) = mount.iter().find(is_v2) else { return };
        for group in groups_around(mount, path) {
            self.bound_quota(tree.read(&format!("{group}/cpu.max")).and_then(|max| quota_v2(&max)));
            self.bound_memory(tree.number(&format!("{group}/memory.max")));
            self.bound_cpus(tree.read(&format!("{group}/cpuset.cpus.effective")));
        }
        // Where both are mounted, version 1 keeps the controllers and is read from its own lines.
        let controllers = tree.read(&format!("{mount}/cgroup.controllers")).unwrap_or_default();
        if controllers.split_ascii_whitespace().any(|name| name == "cpu" || name == "memory") {
            self.version = Some(2);
        }
    }

    fn read_v1(&mut self, tree: &Tree, controllers: &str, path: &str) {
        let has = |name| controllers.split(',').any(|controller| controller == name);
        let Some(name) = ["cpu", "memory", "cpuset"].into_iter().find(|&name| has(name)) else {
            return;
        };
        let mounts = [format!("{MOUNT}/{controllers}"), format!("{MOUNT}/{name}")];
        let Some(mount) = mounts.iter().find(|mount| tree.has(mount)) else { return };
        self.version = Some(1);
        for group in groups_around(mount, path) {
            let quota = tree.number(&format!("{group}/cpu.cfs_quota_us"));
            let period = tree.number(&format!("{group}/cpu.cfs_period_us"));
            self.bound_quota(quota.zip(period).and_then(|(quota, period)| milli(quota, period)));
            self.bound_memory(tree.number(&format!("{group}/memory.limit_in_bytes")));
            let effective = tree.read(&format!("{group}/cpuset.effective_cpus"));
            self.bound_cpus(effective.or_else(|| tree.read(&format!("{group}/cpuset.cpus"))));
        }
    }

    fn bound_quota(&mut self, milli: Option<u64>) {
        self.cpu_quota_milli = tighter(self.cpu_quota_milli, milli);
    }

    fn bound_memory(&mut self, bytes: Option<u64>) {
        // Version 1 writes "no limit" as the largest number of whole pages.
        let bytes = bytes.filter(|&bytes| bytes < 1 << 62);
        self.memory_bytes_max = tighter(self.memory_bytes_max, bytes);
    }

    fn bound_cpus(&mut self, text: Option<String>) {
        let Some(cpus) = text.and_then(|text| CpuSet::parse(&text).ok()) else { return };
        self.cpus = Some(self.cpus.take().map_or(cpus.clone(), |held| held.intersection(&cpus)));
    }
}

fn tighter(held: Option<u64>, found: Option<u64>) -> Option<u64> {
    held.into_iter().chain(found).min()
}

/// `max 100000` is no quota, `150000 100000` one CPU and a half.
fn quota_v2(text: &str) -> Option<u64> {
    let (quota, period) = text.split_once(' ')?;
    milli(quota.parse().ok()?, period.parse().ok()?)
}

fn milli(quota_us: u64, period_us: u64) -> Option<u64> {
    quota_us.checked_mul(1000)?.checked_div(period_us)
}

/// The directories of the group at `path` and of all around it, up to the mount itself.
fn groups_around(mount: &str, path: &str) -> Vec<String> {
    // A process outside its namespace's root sees `/../..`; those steps lead nowhere in the mount.
    let names = path.split('/').filter(|name| !name.is_empty() && *name != "..");
    let mut groups = vec![mount.to_owned()];
    for name in names.take(CGROUP_DEPTH_MAX) {
        groups.push(format!("{}/{name}", groups[groups.len() - 1]));
    }
    groups
}
