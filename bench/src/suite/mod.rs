//! The latency suite: named scenarios, each on a server of its own, in one record.
//!
//! Owns the run. Invariant: every scenario starts with an empty server, and a scenario's figures
//! stand in the record or the run fails. Cost: a few seconds a scenario, and filling.

// The named scenarios.
mod scenarios;
// What a run leaves behind.
mod record;
// Two records side by side.
mod compare;
// Reads while many keys expire at once, beside the same reads before.
mod expiring;
// Overwrites in just the memory they need, beside the same with memory to spare.
mod roomy;
// A client that reads slowly beside the load.
mod slow_reader;
// What a node says about its turns.
mod turns;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use velodrome_net::{Address, DriverChoice};

pub use compare::compare;
pub use record::{Judged, Record, Scored};
pub use scenarios::{Case, all};

use crate::cpu_time::process_cpu_ns;
use crate::failure::Failure;
use crate::load::{Arrivals, Limit, Outcome, Pace, Plan as LoadPlan, ServerCost, Session, Stage};
use crate::resident::resident_bytes;
use crate::server_process::{Kind, ServerProcess, ServerSpec};
use crate::workload::{KeySpace, Kind as Command, Values, Workload};
use scenarios::{Beside, Server};
use slow_reader::SlowReader;

/// Seconds of load before each measurement.
const WARM_UP_S: f64 = 0.2;
/// Silence after which a server counts as dead, in seconds.
const TIMEOUT_S: f64 = 10.0;
/// Seconds for which an idle node is watched at least.
const IDLE_S_MIN: f64 = 20.0;
/// Bytes of every key.
const KEY_LEN: usize = 24;
/// An offered rate counts as served while this holds for its p99, in microseconds.
const SERVED_P99_US_MAX: f64 = 1000.0;

/// What a run of the suite needs to know.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The velodrome binary.
    pub velodrome: PathBuf,
    /// Further flags for it.
    pub velodrome_args: Vec<String>,
    /// This program, which is the echo server too.
    pub own_program: PathBuf,
    /// Where servers listen: a loopback address.
    pub ip: IpAddr,
    /// Cores of the servers; the first is used unless a scenario wants two shards.
    pub server_cores: Vec<usize>,
    /// Cores of the load.
    pub load_cores: Vec<usize>,
    /// The load's event loop.
    pub driver: DriverChoice,
    /// Seconds of one measurement.
    pub seconds: f64,
    /// Factor on the number of keys.
    pub keys_scale: f64,
}

/// Runs the scenarios, telling `progress` a line at a time.
///
/// # Errors
/// When a server cannot be started or answers wrongly, and when `stop` is set.
pub fn run(
    plan: &Plan,
    cases: &[Case],
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Scored>, Failure> {
    let mut scored: Vec<Scored> = Vec::new();
    for case in cases {
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        progress(&format!("{}: {}", case.name, case.what));
        let mut found = measure(plan, case, stop)?;
        let base = case.beside.and_then(|name| scored.iter().find(|other| other.name == name));
        found.base = base.map(|base| base.name.clone());
        found.over_base = base.and_then(|base| Some(found.cpu_ns()? / base.cpu_ns()?));
        progress(&found.line());
        if !found.counted.is_empty() {
            progress(&turns::line(&found.counted));
        }
        if let Some(judged) = &found.judged {
            progress(&judged.line());
        }
        scored.push(found);
    }
    Ok(scored)
}

fn measure(plan: &Plan, case: &Case, stop: &AtomicBool) -> Result<Scored, Failure> {
    let server = start(plan, case, None)?;
    match case.extra {
        Beside::Idle => {
            let outcome = idle(&server, plan.seconds.max(IDLE_S_MIN))?;
            return Ok(Scored::new(case.name, case.what, vec![outcome]));
        }
        Beside::Expiring => return expiring::measure(plan, case, &server, stop),
        Beside::Roomy => return roomy::measure(plan, case, &server, stop),
        _ => {}
    }
    let outcomes = load(plan, case, &server, stop)?;
    let mut scored = Scored::new(case.name, case.what, outcomes);
    if case.counts_turns {
        scored.counted = turns::read(server.address())?;
    }
    Ok(scored)
}

/// Fills the server and sends what is measured.
fn load(
    plan: &Plan,
    case: &Case,
    server: &ServerProcess,
    stop: &AtomicBool,
) -> Result<Vec<Outcome>, Failure> {
    let ends_at_s = case.ends_after_s.map(|after_s| unix_s() + u64::from(after_s));
    let load_plan = load_plan(plan, case, server, ends_at_s);
    let mut session = Session::start(load_plan, Some(server.pid()))?;
    let mut stage = |stage: Stage| -> Result<Outcome, Failure> {
        let outcome = session.run(stage, stop, &mut |_| {})?;
        sound(case, outcome)
    };
    if case.fill {
        let outcome = stage(Stage::Fill)?;
        if case.extra == Beside::Filling {
            return Ok(vec![outcome]);
        }
    }
    let _slow = match case.extra {
        Beside::SlowReader => Some(SlowReader::start(server.address(), KEY_LEN)?),
        _ => None,
    };
    let traffic = |seconds, pace| Stage::Traffic { limit: Limit::Seconds(seconds), pace };
    if case.warm_up {
        stage(traffic(WARM_UP_S, Pace::Closed))?;
    }
    if case.counts_turns {
        turns::forget(server.address())?;
    }
    let flush = (case.extra == Beside::Flush).then(|| flush_later(server.address()));
    if case.rates.is_empty() {
        let until_s = ends_at_s.map_or(0.0, seconds_until);
        let outcome = stage(traffic(until_s + plan.seconds, Pace::Closed))?;
        flush.map_or(Ok(()), |flush| flush.join().expect("it does not panic"))?;
        return Ok(vec![outcome]);
    }
    let mut outcomes = Vec::new();
    for &rate_per_s in case.rates {
        let pace = Pace::Open { rate_per_s, arrivals: Arrivals::Poisson };
        let outcome = stage(traffic(plan.seconds, pace))?;
        let served = outcome.unsent == 0 && outcome.latencies.p99_us < SERVED_P99_US_MAX;
        outcomes.push(outcome);
        if !served {
            break;
        }
    }
    Ok(outcomes)
}

/// Empties the node while the load runs.
fn flush_later(node: SocketAddr) -> JoinHandle<Result<(), Failure>> {
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs_f64(WARM_UP_S));
        turns::flush(node)
    })
}

/// The Unix time in whole seconds.
fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Seconds until a Unix time.
fn seconds_until(at_s: u64) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (at_s as f64 - now.as_secs_f64()).max(0.0)
}

/// A server for the scenario; `memory` is what a node gets instead of the scenario's.
fn start(plan: &Plan, case: &Case, memory: Option<&str>) -> Result<ServerProcess, Failure> {
    let mut extra_args = plan.velodrome_args.clone();
    let (kind, program, shards) = match case.server {
        Server::Echo => {
            extra_args.clear();
            (Kind::Echo, plan.own_program.clone(), 1)
        }
        Server::Node { shards, memory: usual } => {
            let memory = memory.unwrap_or(usual).to_owned();
            extra_args.extend(["--max-memory".to_owned(), memory]);
            (Kind::Velodrome, plan.velodrome.clone(), shards)
        }
    };
    let cores: Vec<usize> = plan.server_cores.iter().copied().take(shards).collect();
    if cores.len() < shards {
        let text = format!("{} needs {shards} cores; see --server-cores", case.name);
        return Err(Failure::Option(text));
    }
    let name = case.name.to_owned();
    let spec = ServerSpec { name, kind, program, extra_args, shards };
    ServerProcess::start(&spec, plan.ip, &cores)
}

fn load_plan(plan: &Plan, case: &Case, server: &ServerProcess, ends_at_s: Option<u64>) -> LoadPlan {
    let keys = ((case.keys as f64 * plan.keys_scale) as u64).max(1);
    LoadPlan {
        target: Address::Tcp(server.address()),
        protocol: server.protocol(),
        workload: Workload {
            keys: KeySpace::numbered("key:", KEY_LEN, keys),
            draw: case.draw.clone(),
            values: Values::new(case.size.clone()),
            mix: case.mix.clone(),
            ttl_s: ends_at_s.map(|at_s| (at_s as u32, at_s as u32)).or(case.ttl_s),
            multi_keys: 10.min(keys as u32),
            seed: 1,
        },
        connections: case.connections,
        threads: plan.load_cores.len().max(1).min(case.connections),
        cores: plan.load_cores.clone(),
        driver: plan.driver,
        pipeline: case.pipeline,
        timeout_s: TIMEOUT_S,
        reconnect: false,
        reconnect_after: case.reconnect_after,
    }
}

/// Refuses an outcome whose figures mean nothing.
fn sound(case: &Case, outcome: Outcome) -> Result<Outcome, Failure> {
    let failed = |reason: String| {
        let (server, scenario) = ("the server".to_owned(), case.name.to_owned());
        Err(Failure::Load { server, scenario, reason })
    };
    if outcome.is_broken() {
        let why = outcome.loss.as_deref().unwrap_or("it fell silent");
        return failed(format!("{} connections lost: {why}", outcome.lost_connections));
    }
    if outcome.is_wrong() {
        let trouble = outcome.trouble.as_deref().unwrap_or_default();
        return failed(format!("{} wrong answers: {trouble}", outcome.wrong + outcome.refused));
    }
    if outcome.missing > 0 && !case.may_miss && case.mix.has(Command::Get) {
        return failed(format!("{} keys are gone", outcome.missing));
    }
    Ok(outcome)
}

/// What a server costs that nobody asks for anything.
fn idle(server: &ServerProcess, seconds: f64) -> Result<Outcome, Failure> {
    let (before_ns, began) = (process_cpu_ns(server.pid())?, Instant::now());
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let spent_ns = process_cpu_ns(server.pid())?.saturating_sub(before_ns);
    let seconds = began.elapsed().as_secs_f64();
    let rss_bytes = resident_bytes(std::path::Path::new("/proc"), server.pid());
    let cost = ServerCost {
        pid: server.pid(),
        cpu_ns_per_op: 0.0,
        cores_busy: spent_ns as f64 / 1e9 / seconds,
        rss_bytes: rss_bytes.unwrap_or(0),
    };
    Ok(Outcome { seconds, server: Some(cost), ..Outcome::default() })
}
