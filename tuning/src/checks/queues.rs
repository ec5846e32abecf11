//! Network queues against CPUs.
//!
//! Owns whether the work of receiving and sending is spread over the CPUs that have shards: by the
//! device's queues, else by the kernel (RPS for receiving, XPS for sending), and where the queues'
//! interrupts go. Cost: as `interfaces`.

use super::Check;
use super::interfaces::{Interface, interfaces};
use super::sight::Sight;
use crate::cpuset::CpuSet;
use crate::finding::{Look, Setting};

const AREA: &str = "Network";

/// With fewer CPUs, handing packets from one to another costs more than it gives.
const CPUS_TO_SPREAD_MIN: usize = 4;

/// Shards that one receive queue can feed.
const SHARDS_A_QUEUE_MAX: usize = 4;

pub(super) const SPREAD: Check = Check {
    name: "network queues",
    area: AREA,
    wanted: "1 for 4 shards, or RPS; XPS",
    why: "one queue is one CPU's work: it receives for all shards and is full long before they \
          are. Better than RPS are more hardware queues, where the device has them: ethtool -L",
    look: spread,
};

pub(super) const INTERRUPTS: Check = Check {
    name: "network interrupts",
    area: AREA,
    wanted: "spread over CPUs",
    why: "queues whose interrupts all go to one CPU are one queue; irqbalance spreads them over \
          time, fixed CPUs (and no irqbalance) spread them for good",
    look: interrupts,
};

fn spread(sight: &Sight) -> Look {
    let interfaces = interfaces(sight);
    let cpus = sight.host.allowed();
    if interfaces.is_empty() {
        return Look::good("no device of this host's own");
    }
    let found: Vec<String> = interfaces.iter().map(queues).collect();
    let found = found.join(", ");
    if cpus.len() < CPUS_TO_SPREAD_MIN {
        return Look::good(format!("{found}; few CPUs"));
    }
    let settings = interfaces.iter().flat_map(|one| {
        receive_settings(sight, one, &cpus).into_iter().chain(send_settings(sight, one, &cpus))
    });
    let settings: Vec<Setting> = settings.collect();
    let look = match settings.iter().any(Setting::is_off) {
        false => Look::good(found),
        // There may be hundreds of queues: one command sets them all.
        true => Look::advice(found).fix("velodrome tune apply"),
    };
    settings.into_iter().fold(look, Look::setting)
}

fn queues(interface: &Interface) -> String {
    let Interface { name, receive, transmit, .. } = interface;
    let spread = receive.iter().any(|(_, cpus)| !cpus.is_empty());
    let rps = if spread { " with RPS" } else { "" };
    format!("{name}: {} rx{rps}, {} tx", receive.len(), transmit.len())
}

/// The CPUs near the device share the work of each queue where there are far too few queues and
/// nobody has said else. With some queues more, handing packets on costs what it gives.
fn receive_settings(sight: &Sight, interface: &Interface, cpus: &CpuSet) -> Vec<Setting> {
    let receive = &interface.receive;
    let few = receive.len() * SHARDS_A_QUEUE_MAX < sight.shard_cpus().len();
    let told = receive.iter().any(|(_, cpus)| !cpus.is_empty());
    if !few || told {
        return receive.iter().filter_map(|(path, _)| sight.kept(path)).collect();
    }
    let on_node = |cpu: &usize| sight.host.topology.cpu(*cpu).map(|cpu| cpu.node) == interface.node;
    let near: CpuSet = cpus.iter().filter(on_node).collect();
    let mask = if near.is_empty() { cpus.to_mask() } else { near.to_mask() };
    receive.iter().map(|(path, _)| sight.setting(path, &mask)).collect()
}

/// The CPUs are dealt out to the queues where no queue has any.
fn send_settings(sight: &Sight, interface: &Interface, cpus: &CpuSet) -> Vec<Setting> {
    let queues: Vec<_> =
        interface.transmit.iter().filter_map(|(path, cpus)| Some((path, cpus.as_ref()?))).collect();
    let told = queues.iter().any(|(_, cpus)| !cpus.is_empty());
    if queues.len() < 2 || told {
        return queues.iter().filter_map(|(path, _)| sight.kept(path)).collect();
    }
    let dealt = |index: usize| -> CpuSet {
        cpus.iter()
            .enumerate()
            .filter(|(nth, _)| nth % queues.len() == index)
            .map(|c| c.1)
            .collect()
    };
    let settings = queues.iter().enumerate().filter(|(index, _)| !dealt(*index).is_empty());
    settings.map(|(index, (path, _))| sight.setting(path, &dealt(index).to_mask())).collect()
}

fn interrupts(sight: &Sight) -> Look {
    let interfaces = interfaces(sight);
    let (shards, mut shown) = (sight.host.allowed(), Vec::new());
    for Interface { name, receive, interrupts, .. } in &interfaces {
        let used: CpuSet = interrupts.iter().flat_map(|(_, cpus)| cpus.iter()).collect();
        let several = receive.len() > 1 && interrupts.len() > 1 && shards.len() > 1;
        if several && used.len() == 1 {
            return Look::advice(format!("{name}: all on CPU {used}"))
                .fix(deal_command(interrupts, &shards));
        }
        if !interrupts.is_empty() {
            shown.push(format!("{name}: {} on {used}", interrupts.len()));
        }
    }
    if interfaces.is_empty() {
        return Look::good("no device of this host's own");
    }
    if shown.is_empty() { Look::unknown() } else { Look::good(shown.join(", ")) }
}

/// A line of shell that gives each interrupt a CPU, in turn.
fn deal_command(interrupts: &[(usize, CpuSet)], cpus: &CpuSet) -> String {
    let numbers: Vec<String> = interrupts.iter().map(|(number, _)| number.to_string()).collect();
    let cpus: Vec<String> = cpus.iter().map(|cpu| cpu.to_string()).collect();
    let cpus: Vec<&str> = cpus.iter().map(String::as_str).cycle().take(numbers.len()).collect();
    format!(
        "set -- {}; for irq in {}; do echo $1 > /proc/irq/$irq/smp_affinity_list; shift; done",
        cpus.join(" "),
        numbers.join(" ")
    )
}
