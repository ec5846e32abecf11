//! Hosts made of files, for tests.
//!
//! Owns a temporary directory that looks like `/`. Invariant: it goes when the value does.
//! Cost: some files in the temporary folder.

#![allow(dead_code, reason = "each test binary uses some of it")]

pub(crate) mod hosts;

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use velodrome_tuning::{CpuSet, Host};

/// A host whose `/proc` and `/sys` a test writes.
pub(crate) struct Fake {
    root: TempDir,
}

impl Fake {
    /// A host that tells nothing.
    pub(crate) fn empty() -> Fake {
        Fake { root: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Adds a file; `path` is relative to the root.
    pub(crate) fn file(self, path: &str, text: &str) -> Fake {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(path, text).expect("writable");
        self
    }

    /// `cpus` CPUs on `cpus / threads` cores on `nodes` nodes, numbered as servers do: first one
    /// CPU of each core, node after node, then the siblings in the same order.
    pub(crate) fn machine(cpus: usize, threads: usize, nodes: usize) -> Fake {
        let cores = cpus / threads;
        let last = cpus - 1;
        let mut fake = Fake::empty()
            .file("sys/devices/system/cpu/online", &format!("0-{last}\n"))
            .file("sys/devices/system/node/online", &format!("0-{}\n", nodes - 1));
        for cpu in 0..cpus {
            let siblings: CpuSet =
                (0..threads).map(|thread| cpu % cores + thread * cores).collect();
            let folder = format!("sys/devices/system/cpu/cpu{cpu}/topology");
            fake = fake.file(&format!("{folder}/thread_siblings_list"), &format!("{siblings}\n"));
        }
        for node in 0..nodes {
            let held = |cpu: &usize| cpu % cores / (cores / nodes) == node;
            let held: CpuSet = (0..cpus).filter(held).collect();
            let path = format!("sys/devices/system/node/node{node}/cpulist");
            fake = fake.file(&path, &format!("{held}\n"));
        }
        fake
    }

    /// The memory `/proc/meminfo` shows, in MiB.
    pub(crate) fn memory_mib(self, mib: u64) -> Fake {
        let text = format!("MemTotal:       {} kB\nMemFree:        1234 kB\n", mib * 1024);
        self.file("proc/meminfo", &text)
    }

    /// The folder that stands for `/`.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The host as read, with a mask if `affinity` is not empty.
    pub(crate) fn read(&self, affinity: &str) -> Host {
        Host::read(self.root.path(), CpuSet::parse(affinity).ok())
    }
}
