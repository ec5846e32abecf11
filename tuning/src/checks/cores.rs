//! The CPUs the shards run on, and who else runs there.
//!
//! Owns isolation, ticks and SMT siblings. Cost: two small files.

use super::Check;
use super::sight::Sight;
use crate::cpuset::CpuSet;
use crate::finding::{Look, Verdict};

const AREA: &str = "CPU";

/// With fewer CPUs there is none to give away: one must be left to everything else.
const CPUS_TO_ISOLATE_MIN: usize = 4;

pub(super) const CPUS: Check = Check {
    name: "CPUs",
    area: AREA,
    wanted: "one a shard",
    why: "a shard is one thread on one CPU; of four CPUs or more one is left to the node's \
          other threads, with fewer they share a shard's at lower priority",
    look: cpus,
};

pub(super) const ISOLATED: Check = Check {
    name: "isolated CPUs",
    area: AREA,
    wanted: "the shards'",
    why: "the scheduler puts other threads on CPUs that are not isolated, and each stay there \
          delays a shard by milliseconds; worth it on a host of the node's own",
    look: isolated,
};

pub(super) const NOHZ: Check = Check {
    name: "CPUs without tick",
    area: AREA,
    wanted: "the shards'",
    why: "the scheduler's tick and RCU's callbacks interrupt a busy shard some hundred times a \
          second; goes with isolated CPUs",
    look: nohz,
};

pub(super) const SMT: Check = Check {
    name: "SMT siblings",
    area: AREA,
    wanted: "one shard a physical core",
    why: "two shards on one core share its caches and units: together faster than one, each \
          slower and less even than alone",
    look: smt,
};

fn cpus(sight: &Sight) -> Look {
    let Some(plan) = &sight.plan else {
        return Look::important("none that the process may use").fix("taskset -c 0 velodrome");
    };
    let (shards, control) = (sight.shard_cpus(), plan.control_cpu);
    let share = if plan.shared { ", shared" } else { "" };
    Look::good(format!("shards on {shards}; control on {control}{share}"))
}

fn list(sight: &Sight, name: &str) -> Option<CpuSet> {
    let text = sight.tree.read(&format!("sys/devices/system/cpu/{name}"))?;
    // Nothing, or "(null)" where the kernel was not told of any.
    Some(CpuSet::parse(&text).unwrap_or_default())
}

fn isolated(sight: &Sight) -> Look {
    let Some(isolated) = list(sight, "isolated") else { return Look::unknown() };
    let shards = sight.shard_cpus();
    let isolated = isolated.intersection(&sight.host.topology.online());
    if isolated.is_empty() {
        return spare(sight, "isolcpus=managed_irq,domain");
    }
    let missed = isolated.difference(&shards);
    let unit = format!("CPUAffinity={isolated}");
    if missed.len() == isolated.len() {
        // The scheduler keeps threads off isolated CPUs unless their mask names them.
        return Look::important(format!("{isolated}, and no shard on them"))
            .unit(unit)
            .fix(format!("taskset -c {isolated} velodrome --cores {isolated}"));
    }
    if !shards.difference(&isolated).is_empty() {
        return Look::advice(format!("{isolated}; shards on {shards}"))
            .unit(unit)
            .fix(format!("taskset -c {isolated} velodrome --cores {isolated}"));
    }
    Look::good(isolated.to_string()).unit(unit)
}

fn nohz(sight: &Sight) -> Look {
    let Some(quiet) = list(sight, "nohz_full") else {
        return Look::new(Verdict::Unknown, "not in this kernel");
    };
    let ticking = sight.shard_cpus().difference(&quiet);
    match (quiet.is_empty(), ticking.is_empty()) {
        (true, _) => spare(sight, "nohz_full"),
        (false, true) => Look::good(quiet.to_string()),
        (false, false) => Look::advice(format!("{quiet}; not {ticking}")).fix(format!(
            "add to the kernel's command line and reboot: nohz_full={0} rcu_nocbs={0}",
            sight.shard_cpus()
        )),
    }
}

/// No CPU is set apart: worth a word where there are enough of them.
fn spare(sight: &Sight, option: &str) -> Look {
    let (online, shards) = (sight.host.topology.online(), sight.shard_cpus());
    if online.len() < CPUS_TO_ISOLATE_MIN {
        return Look::good("none, with so few CPUs");
    }
    if online.difference(&shards).is_empty() {
        return Look::good("none, for every CPU has a shard");
    }
    let (option, rest) = match option {
        "nohz_full" => ("nohz_full=", format!(" rcu_nocbs={shards}")),
        _ => ("isolcpus=managed_irq,domain,", String::new()),
    };
    Look::advice("none")
        .wanted(shards.to_string())
        .fix(format!("add to the kernel's command line and reboot: {option}{shards}{rest}"))
}

fn smt(sight: &Sight) -> Look {
    let (topology, shards) = (&sight.host.topology, sight.shard_cpus());
    if topology.core_count() == topology.cpus.len() {
        return Look::good("none");
    }
    let firsts: CpuSet =
        shards.iter().filter_map(|cpu| topology.cpu(cpu)).map(|cpu| cpu.core).collect();
    if firsts.len() == shards.len() {
        return Look::good("shards on different cores");
    }
    Look::advice(format!("{} shards on {} cores", shards.len(), firsts.len()))
        .fix(format!("velodrome --shards {}", firsts.len()))
}
