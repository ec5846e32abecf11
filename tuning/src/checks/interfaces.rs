//! Network interfaces with hardware behind them.
//!
//! Owns their queues and interrupts. Invariant: bounded by `INTERFACES_MAX` and `QUEUES_MAX`.
//! Cost: one small file a queue and an interrupt.

use super::sight::Sight;
use crate::cpuset::CpuSet;
use crate::limits::{INTERFACES_MAX, QUEUES_MAX};

/// One interface.
pub(super) struct Interface {
    pub(super) name: String,
    /// The NUMA node the device is on, where it tells.
    pub(super) node: Option<usize>,
    /// Receive queues: the file of the CPUs that share the work (RPS), and those CPUs.
    pub(super) receive: Vec<(String, CpuSet)>,
    /// Transmit queues: the file of the CPUs that use it (XPS), and those CPUs; `None` where the
    /// device has one queue for all.
    pub(super) transmit: Vec<(String, Option<CpuSet>)>,
    /// Interrupts by number, and the CPUs that may take them.
    pub(super) interrupts: Vec<(usize, CpuSet)>,
}

/// The interfaces that are up, or do not tell.
pub(super) fn interfaces(sight: &Sight) -> Vec<Interface> {
    let tree = &sight.tree;
    let names = tree.names("sys/class/net").into_iter();
    let hardware = names.filter(|name| tree.has(&format!("sys/class/net/{name}/device")));
    let up = hardware.filter(|name| {
        let state = tree.read(&format!("sys/class/net/{name}/operstate"));
        state.is_none_or(|state| state != "down")
    });
    up.take(INTERFACES_MAX).map(|name| interface(sight, name)).collect()
}

fn interface(sight: &Sight, name: String) -> Interface {
    let tree = &sight.tree;
    let folder = format!("sys/class/net/{name}/queues");
    let queues = |prefix: &str, file: &str| -> Vec<(String, Option<CpuSet>)> {
        let names = tree.names(&folder).into_iter();
        let names = names.filter(|queue| queue.starts_with(prefix)).take(QUEUES_MAX);
        let paths = names.map(|queue| format!("{folder}/{queue}/{file}"));
        let mask = |path: &str| CpuSet::from_mask(&tree.read(path)?);
        paths.map(|path| (path.clone(), mask(&path))).collect()
    };
    let receive = queues("rx-", "rps_cpus").into_iter();
    // -1 where there is but one.
    let node = tree.read(&format!("sys/class/net/{name}/device/numa_node"));
    Interface {
        node: node.and_then(|node| node.parse().ok()),
        receive: receive.map(|(path, cpus)| (path, cpus.unwrap_or_default())).collect(),
        transmit: queues("tx-", "xps_cpus"),
        interrupts: interrupts(sight, &name),
        name,
    }
}

/// The device lists them itself; a virtio device's are those of the PCI device above it.
fn interrupts(sight: &Sight, name: &str) -> Vec<(usize, CpuSet)> {
    let folders = ["device/msi_irqs", "device/../msi_irqs"];
    let folders = folders.map(|folder| format!("sys/class/net/{name}/{folder}"));
    let names = folders.iter().map(|folder| sight.tree.names(folder));
    let names = names.into_iter().find(|names| !names.is_empty()).unwrap_or_default();
    let numbers = names.iter().take(QUEUES_MAX).filter_map(|name| name.parse::<usize>().ok());
    let cpus = |number: usize| {
        let file = |name| sight.tree.read(&format!("proc/irq/{number}/{name}"));
        let effective = file("effective_affinity_list").filter(|list| !list.is_empty());
        CpuSet::parse(&effective.or_else(|| file("smp_affinity_list"))?).ok()
    };
    numbers.filter_map(|number| Some((number, cpus(number)?))).collect()
}
