//! Which CPU each shard and the control thread run on, and why.
//!
//! Owns the rules. CPUs are taken in an order that lists each physical core once before any SMT
//! sibling. One shard a CPU, except that with four CPUs or more the last of the order is left to
//! the node's other threads; with fewer, or with `cores` given, these share the last shard's
//! CPU at lower priority. A control group's quota counts as so many whole CPUs, at least one.
//! `shards` overrides the number: fewer leave the rest of the CPUs alone, more go round.
//! Invariant: a pure function; every choice a user may wonder about has a note. Cost: none.

use std::collections::BTreeSet;
use std::{error, fmt};

use crate::cpuset::CpuSet;
use crate::host::Host;
use crate::limits::SHARDS_MAX;

/// From this many CPUs on, one is left to the node's other threads.
const CPUS_TO_SPARE_ONE: usize = 4;

/// Where the threads of a node run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The CPU of each shard, at least one.
    pub shard_cpus: Vec<usize>,
    /// The CPU of the node's other threads.
    pub control_cpu: usize,
    /// Whether that is a shard's CPU too: these threads are then to lower their priority.
    pub shared: bool,
    /// What was chosen and why, a sentence each, for the log.
    pub notes: Vec<String>,
}

/// Why there is no plan; the text says what would be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// No shard was asked for.
    NoShards,
    /// More than `SHARDS_MAX` shards were asked for.
    TooManyShards(usize),
    /// An empty set of cores was given.
    NoCores,
    /// These of the given cores the process may not use; those it may.
    CoresOutside {
        /// Given and not allowed.
        refused: CpuSet,
        /// What may be given.
        allowed: CpuSet,
    },
    /// Online CPUs, affinity mask and control group have no CPU in common.
    NothingAllowed,
}

impl error::Error for PlanError {}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::NoShards => write!(f, "shards must be 1 to {SHARDS_MAX}, not 0"),
            PlanError::TooManyShards(count) => {
                write!(f, "shards must be 1 to {SHARDS_MAX}, not {count}")
            }
            PlanError::NoCores => f.write_str("cores names no CPU: expected a list such as 0,2-5"),
            PlanError::CoresOutside { refused, allowed } => write!(
                f,
                "cores {refused} cannot be used: the process may use {allowed} \
                 (online, in its affinity mask and in its control group)"
            ),
            PlanError::NothingAllowed => f.write_str(
                "no CPU can be used: none is online, in the process's affinity mask and in its \
                 control group at once",
            ),
        }
    }
}

/// The plan for `host`, with the CPUs and the number of shards the user asked for, if any.
pub fn plan_shards(
    host: &Host,
    cores: Option<CpuSet>,
    shards: Option<usize>,
) -> Result<Plan, PlanError> {
    let allowed = host.allowed();
    if allowed.is_empty() {
        return Err(PlanError::NothingAllowed);
    }
    let pool = match &cores {
        None => in_order(host, &allowed),
        Some(cores) => in_order(host, &checked(cores, &allowed)?),
    };
    let mut notes = Vec::new();
    let count = match shards {
        Some(0) => return Err(PlanError::NoShards),
        Some(count) if count > SHARDS_MAX => return Err(PlanError::TooManyShards(count)),
        Some(count) => asked(count, &pool, host, &mut notes),
        None => default_count(&pool, cores.is_some(), host, &mut notes),
    };
    let shard_cpus: Vec<usize> = pool.iter().copied().cycle().take(count).collect();
    note_siblings(host, &shard_cpus, &mut notes);
    let spare = pool.get(count).copied();
    let control_cpu = spare.unwrap_or(pool[pool.len() - 1]);
    notes.push(match spare {
        Some(cpu) => format!("CPU {cpu} is left to the node's other threads"),
        None => format!(
            "the node's other threads share CPU {control_cpu} with a shard, at lower priority"
        ),
    });
    Ok(Plan { shard_cpus, control_cpu, shared: spare.is_none(), notes })
}

fn checked(cores: &CpuSet, allowed: &CpuSet) -> Result<CpuSet, PlanError> {
    let refused = cores.difference(allowed);
    match (cores.is_empty(), refused.is_empty()) {
        (true, _) => Err(PlanError::NoCores),
        (_, true) => Ok(cores.clone()),
        _ => Err(PlanError::CoresOutside { refused, allowed: allowed.clone() }),
    }
}

/// The CPUs of `set`, each physical core once before any core twice, ascending within that.
fn in_order(host: &Host, set: &CpuSet) -> Vec<usize> {
    let rank = |cpu: usize| {
        let siblings = host.topology.siblings(cpu).intersection(set);
        siblings.iter().take_while(|&sibling| sibling < cpu).count()
    };
    let mut order: Vec<usize> = set.iter().collect();
    order.sort_by_cached_key(|&cpu| (rank(cpu), cpu));
    order
}

/// Whole CPUs the quota is worth, at least one.
fn quota_cpus(host: &Host) -> Option<usize> {
    host.cgroup.cpu_quota_milli.map(|milli| (milli / 1000).max(1) as usize)
}

fn default_count(pool: &[usize], cores_given: bool, host: &Host, notes: &mut Vec<String>) -> usize {
    let quota = quota_cpus(host).unwrap_or(usize::MAX);
    let usable = pool.len().min(quota);
    let spared = usize::from(!cores_given && usable >= CPUS_TO_SPARE_ONE);
    let count = (usable - spared).min(SHARDS_MAX);
    let milli = host.cgroup.cpu_quota_milli.filter(|_| quota < pool.len());
    notes.push(match milli {
        Some(milli) => format!(
            "shards: {count}, for the control group's quota is {} of {} CPUs",
            milli as f64 / 1000.0,
            pool.len()
        ),
        None if count == SHARDS_MAX && usable > SHARDS_MAX => {
            format!("{count} shards, the most there can be, on {usable} CPUs")
        }
        None => format!("shards: {count}, for there are {usable} CPUs"),
    });
    count
}

fn asked(count: usize, pool: &[usize], host: &Host, notes: &mut Vec<String>) -> usize {
    notes.push(format!("shards: {count}, as asked, on CPUs: {}", pool.len()));
    if count > pool.len() {
        notes.push("there are more shards than CPUs: several share one and slow each other".into());
    }
    if let Some(quota) = quota_cpus(host).filter(|&quota| quota < count.min(pool.len())) {
        notes.push(format!(
            "the control group's quota is worth fewer CPUs ({quota}): shards will stall"
        ));
    }
    count
}

fn note_siblings(host: &Host, shard_cpus: &[usize], notes: &mut Vec<String>) {
    let cpus: CpuSet = shard_cpus.iter().copied().collect();
    let cores: BTreeSet<usize> =
        cpus.iter().filter_map(|cpu| host.topology.cpu(cpu)).map(|cpu| cpu.core).collect();
    if cores.len() < cpus.len() {
        notes.push(format!(
            "some shards run on SMT siblings of one core; with --shards {} each has its own core",
            cores.len()
        ));
    }
}
