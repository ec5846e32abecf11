//! CPUs, their SMT siblings and NUMA nodes.
//!
//! Owns the online CPUs in ascending order. Invariant: there is at least one; a host that tells
//! nothing of siblings or nodes has one CPU a core and one node.
//! Cost: two small files a CPU, one a node.

use std::collections::BTreeSet;

use crate::cpuset::CpuSet;
use crate::tree::Tree;

/// One online CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Its number.
    pub id: usize,
    /// Its physical core, named by the lowest CPU of it.
    pub core: usize,
    /// Its NUMA node.
    pub node: usize,
}

/// The online CPUs. See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Ascending by number, at least one.
    pub cpus: Vec<Cpu>,
}

impl Topology {
    pub(crate) fn read(tree: &Tree) -> Topology {
        let nodes = nodes(tree);
        let node_of =
            |id| nodes.iter().find(|(_, cpus)| cpus.contains(id)).map_or(0, |node| node.0);
        let cpu = |id| Cpu { id, core: core_of(tree, id), node: node_of(id) };
        Topology { cpus: online(tree).iter().map(cpu).collect() }
    }

    /// The CPU of number `id`, if it is online.
    #[must_use]
    pub fn cpu(&self, id: usize) -> Option<Cpu> {
        self.cpus.iter().copied().find(|cpu| cpu.id == id)
    }

    /// The online CPUs' numbers.
    #[must_use]
    pub fn online(&self) -> CpuSet {
        self.cpus.iter().map(|cpu| cpu.id).collect()
    }

    /// The CPUs that share a physical core with `id`, itself included.
    #[must_use]
    pub fn siblings(&self, id: usize) -> CpuSet {
        let core = self.cpu(id).map(|cpu| cpu.core);
        self.cpus.iter().filter(|cpu| Some(cpu.core) == core).map(|cpu| cpu.id).collect()
    }

    /// Physical cores with an online CPU.
    #[must_use]
    pub fn core_count(&self) -> usize {
        self.cpus.iter().map(|cpu| cpu.core).collect::<BTreeSet<_>>().len()
    }

    /// NUMA nodes with an online CPU.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.cpus.iter().map(|cpu| cpu.node).collect::<BTreeSet<_>>().len()
    }
}

/// From `/sys`, else from `/proc/cpuinfo`, else CPU 0 alone.
fn online(tree: &Tree) -> CpuSet {
    let listed = list(tree, "sys/devices/system/cpu/online");
    let counted = || {
        let info = tree.read("proc/cpuinfo")?;
        let numbers = info.lines().filter_map(|line| {
            let (name, number) = line.split_once(':')?;
            (name.trim_end() == "processor").then(|| number.trim().parse().ok())?
        });
        Some(numbers.collect::<CpuSet>()).filter(|cpus| !cpus.is_empty())
    };
    listed.or_else(counted).unwrap_or_else(|| [0].into_iter().collect())
}

fn core_of(tree: &Tree, id: usize) -> usize {
    let folder = format!("sys/devices/system/cpu/cpu{id}/topology");
    let siblings = list(tree, &format!("{folder}/core_cpus_list"))
        .or_else(|| list(tree, &format!("{folder}/thread_siblings_list")));
    siblings.and_then(|cpus| cpus.iter().next()).unwrap_or(id)
}

fn nodes(tree: &Tree) -> Vec<(usize, CpuSet)> {
    let online = list(tree, "sys/devices/system/node/online").unwrap_or_default();
    let cpus = |node| list(tree, &format!("sys/devices/system/node/node{node}/cpulist"));
    online.iter().filter_map(|node| Some((node, cpus(node)?))).collect()
}

fn list(tree: &Tree, path: &str) -> Option<CpuSet> {
    CpuSet::parse(&tree.read(path)?).ok()
}
