//! The comparison: servers, rounds, and the order in which they take their turns.
//!
//! Owns the interleaving. Invariant: within a round all servers run a scenario back to back, and
//! the one that goes first changes, so that drift of the machine falls on all alike. Cost: the
//! product of rounds, scenarios, servers and the seconds a scenario takes, and filling.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use velodrome_net::{Address, DriverChoice};

use crate::cpu_time::process_cpu_ns;
use crate::failure::Failure;
use crate::limits::{KEYS_MAX, ROUNDS_MAX};
use crate::load::{Arrivals, Limit, Outcome, Pace, Plan as LoadPlan, Session, Stage};
use crate::provenance::Provenance;
use crate::redis_benchmark::RedisBenchmark;
use crate::report::{Report, Row, Sample};
use crate::scenario::{Operation, Scenario};
use crate::server_process::{ServerProcess, ServerSpec};
use crate::verify::verify;

/// Seconds of load before each measurement.
const WARM_UP_S: f64 = 0.2;
/// Silence after which a server counts as dead, in seconds.
const TIMEOUT_S: f64 = 10.0;
/// The share of reads that may find nothing before the figures count for nothing.
const MISSING_SHARE_MAX: f64 = 0.01;

/// Who makes the load.
#[derive(Clone, Debug)]
pub enum Generator {
    /// This program, on a core of its own.
    Own {
        /// The core.
        core: usize,
        /// Seconds of one measurement.
        seconds: f64,
        /// The load's event loop.
        driver: DriverChoice,
        /// Requests a second, the same for all servers; `None` for as many as each can answer.
        rate_per_s: Option<f64>,
    },
    /// redis-benchmark.
    RedisBenchmark(RedisBenchmark, f64),
}

/// Everything a comparison needs to know.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The servers: the one under test first, perhaps in two protocols, then its peers.
    pub servers: Vec<ServerSpec>,
    /// How many of the first servers are under test.
    pub subjects: usize,
    /// Where all listen: a loopback address.
    pub ip: IpAddr,
    /// The core all servers run on, one at a time.
    pub server_core: usize,
    /// The core of a second shard, where a server has two.
    pub second_core: usize,
    /// The load.
    pub generator: Generator,
    /// What is measured, dataset by dataset.
    pub scenarios: Vec<Scenario>,
    /// How often.
    pub rounds: u32,
}

/// Runs `plan`, telling `progress` a line at a time. When `stop` is set the run ends after the
/// measurement at hand with [`Failure::Interrupted`]. A dataset on which a server ends, answers
/// wrongly or loses its keys is left out of the report, which names it.
///
/// # Errors
/// When the plan cannot be run, or nothing of it was measured.
pub fn compare(
    plan: &Plan,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<Report, Failure> {
    validate(plan)?;
    if let Generator::RedisBenchmark(program, _) = &plan.generator {
        program.probe()?;
    }
    let (mut rows, mut broken) = (Vec::new(), Vec::new());
    for group in plan.scenarios.chunk_by(|one, two| one.dataset == two.dataset) {
        match compare_group(plan, group, stop, progress) {
            Ok(measured) => rows.extend(measured),
            Err(failure) if stop.load(Ordering::Relaxed) => return Err(failure),
            Err(failure) => {
                progress(&failure.to_string());
                broken.push(failure);
            }
        }
    }
    if rows.is_empty()
        && let Some(failure) = broken.pop()
    {
        return Err(failure);
    }
    Ok(Report {
        of: Provenance::here(),
        servers: plan.servers.iter().map(|spec| (spec.name.clone(), spec.kind)).collect(),
        subjects: plan.subjects,
        conditions: conditions(plan),
        broken: broken.iter().map(Failure::to_string).collect(),
        rows,
    })
}

fn validate(plan: &Plan) -> Result<(), Failure> {
    let refused = |text: String| Err(Failure::Option(text));
    if !plan.ip.is_loopback() {
        return Err(Failure::NotLoopback(plan.ip));
    }
    if plan.rounds == 0 || plan.rounds > ROUNDS_MAX {
        return refused(format!("--rounds must be 1 to {ROUNDS_MAX}, not {}", plan.rounds));
    }
    if plan.servers.len() <= plan.subjects || plan.subjects == 0 {
        return refused("no peer to compare with is installed; see --peers".to_owned());
    }
    if plan.scenarios.is_empty() {
        return refused("no scenario was chosen; see --only".to_owned());
    }
    if plan.scenarios.iter().any(|scenario| !(1..=KEYS_MAX).contains(&scenario.dataset.keys)) {
        return refused(format!("--keys and its kin must be 1 to {KEYS_MAX}"));
    }
    Ok(())
}

/// Starts and fills all servers, measures the scenarios of one dataset, and stops the servers.
fn compare_group(
    plan: &Plan,
    group: &[Scenario],
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Row>, Failure> {
    let mut servers = Vec::new();
    for spec in &plan.servers {
        servers.push(prepare(plan, spec, &group[0], stop, progress)?);
    }
    let row = |scenario: &Scenario| Row { scenario: scenario.clone(), rounds: Vec::new() };
    let mut rows: Vec<Row> = group.iter().map(row).collect();
    for round in 0..plan.rounds {
        for row in &mut rows {
            let mut samples = vec![Sample::default(); servers.len()];
            for step in 0..servers.len() {
                let turn = (round as usize + step) % servers.len();
                samples[turn] = measure(plan, &row.scenario, &servers[turn], stop)?;
                if stop.load(Ordering::Relaxed) {
                    return Err(Failure::Interrupted);
                }
            }
            progress(&progress_line(plan, round + 1, &row.scenario, &samples));
            row.rounds.push(samples);
        }
    }
    Ok(rows)
}

fn prepare(
    plan: &Plan,
    spec: &ServerSpec,
    scenario: &Scenario,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<ServerProcess, Failure> {
    let cores = [plan.server_core, plan.second_core];
    let server = ServerProcess::start(spec, plan.ip, &cores[..spec.shards])?;
    verify(&server)?;
    let (name, pid, address) = (server.name(), server.pid(), server.address());
    let (keys, size) = (scenario.dataset.keys, &scenario.dataset.size);
    progress(&format!("{name}: pid {pid} on {address}; filling {keys} keys of {size} bytes"));
    match &plan.generator {
        Generator::RedisBenchmark(program, _) => program.fill(&server, &scenario.dataset)?,
        Generator::Own { core, driver, .. } => {
            let load = load_plan(scenario, &server, *core, *driver, 50);
            let outcome = Session::start(load, None)?.run(Stage::Fill, stop, &mut |_| {})?;
            sound(&server, scenario, &outcome)?;
        }
    }
    Ok(server)
}

/// What the load is told about a scenario.
pub(crate) fn load_plan(
    scenario: &Scenario,
    server: &ServerProcess,
    core: usize,
    driver: DriverChoice,
    connections: usize,
) -> LoadPlan {
    LoadPlan {
        target: Address::Tcp(server.address()),
        protocol: server.protocol(),
        workload: scenario.workload(),
        connections,
        threads: 1,
        cores: vec![core],
        driver,
        pipeline: scenario.pipeline as usize,
        timeout_s: TIMEOUT_S,
        reconnect: false,
        reconnect_after: None,
    }
}

fn measure(
    plan: &Plan,
    scenario: &Scenario,
    server: &ServerProcess,
    stop: &AtomicBool,
) -> Result<Sample, Failure> {
    match &plan.generator {
        Generator::Own { core, seconds, driver, rate_per_s } => {
            let connections = scenario.connections as usize;
            let load = load_plan(scenario, server, *core, *driver, connections);
            let mut session = Session::start(load, Some(server.pid()))?;
            let open = |rate_per_s| Pace::Open { rate_per_s, arrivals: Arrivals::Poisson };
            let pace = rate_per_s.map_or(Pace::Closed, open);
            let mut run = |seconds| {
                let stage = Stage::Traffic { limit: Limit::Seconds(seconds), pace };
                session.run(stage, stop, &mut |_| {})
            };
            run(WARM_UP_S)?;
            let outcome = run(*seconds)?;
            sound(server, scenario, &outcome)?;
            Ok(Sample {
                cpu_ns_per_op: outcome.server.map_or(f64::NAN, |server| server.cpu_ns_per_op),
                requests_per_s: outcome.answers_per_s,
                p50_ms: outcome.latencies.p50_us / 1000.0,
                p99_ms: outcome.latencies.p99_us / 1000.0,
                load_busy: Some(outcome.generator_busy),
            })
        }
        Generator::RedisBenchmark(program, scale) => {
            let requests = scenario.requests(*scale);
            let before_ns = process_cpu_ns(server.pid())?;
            let seen = program.run(server, scenario, requests)?;
            let spent_ns = process_cpu_ns(server.pid())?.saturating_sub(before_ns);
            Ok(Sample {
                cpu_ns_per_op: spent_ns as f64 / requests as f64,
                requests_per_s: seen.requests_per_s,
                p50_ms: seen.p50_ms,
                p99_ms: seen.p99_ms,
                load_busy: None,
            })
        }
    }
}

/// Refuses figures of a server that died, answered wrongly or lost its keys.
pub(crate) fn sound(
    server: &ServerProcess,
    scenario: &Scenario,
    outcome: &Outcome,
) -> Result<(), Failure> {
    let failed = |reason: String| {
        let server = server.name().to_owned();
        Err(Failure::Load { server, scenario: scenario.name(), reason })
    };
    if outcome.is_broken() {
        let why = outcome.loss.as_deref().unwrap_or("it fell silent");
        return failed(format!("{} connections lost: {why}", outcome.lost_connections));
    }
    if outcome.is_wrong() {
        let trouble = outcome.trouble.as_deref().unwrap_or_default();
        return failed(format!("{} wrong answers: {trouble}", outcome.wrong + outcome.refused));
    }
    let reads = scenario.operation != Operation::Set;
    if reads && outcome.missing as f64 > outcome.answered as f64 * MISSING_SHARE_MAX {
        let (missing, all) = (outcome.missing, outcome.answered);
        return failed(format!("{missing} of {all} keys are gone; give it more memory"));
    }
    Ok(())
}

fn progress_line(plan: &Plan, round: u32, scenario: &Scenario, samples: &[Sample]) -> String {
    let mut line = format!("round {round}/{} {:<20}", plan.rounds, scenario.name());
    for (spec, sample) in plan.servers.iter().zip(samples) {
        let (ns, thousands) = (sample.cpu_ns_per_op, sample.requests_per_s / 1000.0);
        line += &format!(" {}: {ns:.0} ns, {thousands:.0}k/s;", spec.name);
    }
    line.trim_end_matches(';').to_owned()
}

fn conditions(plan: &Plan) -> String {
    let load = match &plan.generator {
        Generator::Own { core, seconds, .. } => {
            format!("own load on core {core}, {seconds} s each")
        }
        Generator::RedisBenchmark(program, _) => {
            format!("redis-benchmark on core {}", program.core)
        }
    };
    let second = plan.servers.iter().any(|spec| spec.shards > 1);
    let second = second.then(|| format!(", second shard on core {}", plan.second_core));
    let (core, second, rounds) = (plan.server_core, second.unwrap_or_default(), plan.rounds);
    format!("servers on core {core}{second}, {load}, {rounds} rounds")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::KeyCounts;
    use crate::server_process::Kind;

    fn plan() -> Plan {
        let spec = ServerSpec {
            name: "it".to_owned(),
            kind: Kind::Redis,
            program: "/nonexistent".into(),
            extra_args: Vec::new(),
            shards: 1,
        };
        Plan {
            servers: vec![spec.clone(), spec],
            subjects: 1,
            ip: IpAddr::from([127, 0, 0, 1]),
            server_core: 0,
            second_core: 1,
            generator: Generator::RedisBenchmark(
                RedisBenchmark { program: "/nonexistent".into(), core: 0 },
                1.0,
            ),
            scenarios: Scenario::matrix(KeyCounts { small: 1, medium: 1, zipf: 1 }),
            rounds: 1,
        }
    }

    #[test]
    fn impossible_plans_are_refused_before_anything_starts() {
        type Change = fn(&mut Plan);
        let cases: [(Change, &str); 6] = [
            (|plan| plan.ip = IpAddr::from([0, 0, 0, 0]), "not a loopback address"),
            (|plan| plan.rounds = 0, "--rounds"),
            (|plan| plan.scenarios[0].dataset.keys = 0, "--keys"),
            (|plan| plan.scenarios.clear(), "no scenario"),
            (|plan| plan.subjects = 2, "no peer"),
            (|_| {}, "redis-tools"),
        ];
        for (change, expected) in cases {
            let mut plan = plan();
            change(&mut plan);
            let failure = compare(&plan, &AtomicBool::new(false), &mut |_| {}).unwrap_err();
            assert!(failure.to_string().contains(expected), "{failure}");
        }
    }
}
