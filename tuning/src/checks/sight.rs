//! What the checks look at.
//!
//! Owns the host as read, its files, and where a node's shards would run. Invariant: read only.
//! Cost: reading the host once.

use std::path::Path;

use crate::cpuset::CpuSet;
use crate::finding::{Look, Setting};
use crate::host::Host;
use crate::plan::{Plan, plan_shards};
use crate::tree::Tree;

/// What came of setting up an io_uring as a shard does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IoUring {
    /// It works.
    Works,
    /// It is refused, and why.
    Refused(String),
    /// Nobody tried, for the host is not the one the process runs on.
    NotTried,
}

/// What the checks look at.
pub(super) struct Sight {
    pub(super) tree: Tree,
    pub(super) host: Host,
    pub(super) io_uring: IoUring,
    /// Where a node without flags would run; `None` when it may run nowhere.
    pub(super) plan: Option<Plan>,
}

impl Sight {
    pub(super) fn new(root: &Path, io_uring: IoUring) -> Sight {
        let here = root == Path::new("/");
        let host = if here { Host::read_here() } else { Host::read(root, None) };
        let plan = plan_shards(&host, None, None).ok();
        Sight { tree: Tree::new(root), host, io_uring, plan }
    }

    /// The CPUs the shards of a node without flags would run on.
    pub(super) fn shard_cpus(&self) -> CpuSet {
        self.plan.iter().flat_map(|plan| plan.shard_cpus.iter().copied()).collect()
    }

    /// A number of the process, as `/proc/self/status` shows it.
    pub(super) fn status(&self, name: &str) -> Option<u64> {
        let status = self.tree.read("proc/self/status")?;
        let value = status.lines().find_map(|line| line.strip_prefix(name))?.strip_prefix(':')?;
        value.trim().parse().ok()
    }

    /// The setting at `path`, to be `wanted`.
    pub(super) fn setting(&self, path: &str, wanted: &str) -> Setting {
        Setting::new(&self.tree, path, wanted)
    }

    /// The setting at `path`, right as it is.
    pub(super) fn kept(&self, path: &str) -> Option<Setting> {
        let found = self.setting(path, "").found?;
        Some(self.setting(path, &found))
    }

    /// A number that should be at least `least`.
    pub(super) fn at_least(&self, path: &str, least: u64, off: fn(String) -> Look) -> Look {
        self.number(path, |number| number >= least, least, off)
    }

    /// A number that should be as `right` says, and is set to `wanted` where it is not.
    pub(super) fn number(
        &self,
        path: &str,
        right: impl Fn(u64) -> bool,
        wanted: u64,
        off: fn(String) -> Look,
    ) -> Look {
        let setting = self.setting(path, &wanted.to_string());
        match (self.tree.number(path), self.kept(path)) {
            (Some(number), Some(kept)) if right(number) => {
                Look::good(number.to_string()).setting(kept)
            }
            (Some(number), _) => off(number.to_string()).setting(setting),
            (None, _) => Look::unknown().setting(setting),
        }
    }
}
