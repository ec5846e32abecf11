//! The run itself: rounds, scenarios and the order in which the two servers take their turns.
//!
//! Owns the interleaving. Invariant: within a round both servers run a scenario back to back, and
//! the one that goes first alternates, so that drift of the machine falls on both alike. Cost: the
//! product of rounds, scenarios and the seconds a scenario takes, twice.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cpu_time::process_cpu_ns;
use crate::failure::Failure;
use crate::generator::Generator;
use crate::limits::{KEYS_MAX, ROUNDS_MAX};
use crate::report::{Pair, Report, Row, Sample};
use crate::scenario::Scenario;
use crate::server_process::{ServerProcess, ServerSpec};
use crate::verify::verify;

/// Everything a comparison needs to know.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server under test.
    pub subject: ServerSpec,
    /// The server it is compared with.
    pub peer: ServerSpec,
    /// Where both listen: a loopback address.
    pub ip: IpAddr,
    /// The core both servers run on, one at a time.
    pub server_core: usize,
    /// The load.
    pub generator: Generator,
    /// What is measured.
    pub scenarios: Vec<Scenario>,
    /// How often.
    pub rounds: u32,
    /// Factor on the number of requests of a round.
    pub scale: f64,
}

/// Runs `plan`, telling `progress` a line at a time. When `stop` is set the run ends after the
/// scenario at hand with [`Failure::Interrupted`].
pub fn compare(
    plan: &Plan,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<Report, Failure> {
    validate(plan)?;
    plan.generator.probe()?;
    let subject = prepare(plan, &plan.subject, progress)?;
    let peer = prepare(plan, &plan.peer, progress)?;
    let mut rows: Vec<Row> = plan
        .scenarios
        .iter()
        .map(|&scenario| Row {
            scenario,
            requests: scenario.requests(plan.scale),
            pairs: Vec::new(),
        })
        .collect();
    for round in 0..plan.rounds {
        for row in &mut rows {
            let pair = measure_pair(plan, row, &subject, &peer, round % 2 == 0)?;
            row.pairs.push(pair);
            if stop.load(Ordering::Relaxed) {
                return Err(Failure::Interrupted);
            }
            progress(&progress_line(round + 1, plan.rounds, row.scenario, &pair));
        }
    }
    Ok(Report {
        subject: plan.subject.name.clone(),
        peer: plan.peer.name.clone(),
        conditions: conditions(plan),
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
    if plan.generator.keys == 0 || plan.generator.keys > KEYS_MAX {
        return refused(format!("--keys must be 1 to {KEYS_MAX}, not {}", plan.generator.keys));
    }
    if !plan.scale.is_finite() || plan.scale <= 0.0 {
        return refused(format!("--scale must be above 0, not {}", plan.scale));
    }
    if plan.scenarios.is_empty() {
        return refused("no scenario was chosen; see --operations and --pipelines".to_owned());
    }
    if plan.scenarios.iter().any(|scenario| scenario.pipeline == 0) {
        return refused("--pipelines must be 1 or more".to_owned());
    }
    Ok(())
}

fn prepare(
    plan: &Plan,
    spec: &ServerSpec,
    progress: &mut dyn FnMut(&str),
) -> Result<ServerProcess, Failure> {
    let server = ServerProcess::start(spec, plan.ip, plan.server_core)?;
    verify(&server)?;
    let (name, pid, address) = (server.name(), server.pid(), server.address());
    progress(&format!("{name}: pid {pid} on {address}; filling {} keys", plan.generator.keys));
    plan.generator.fill(&server)?;
    Ok(server)
}

fn measure_pair(
    plan: &Plan,
    row: &Row,
    subject: &ServerProcess,
    peer: &ServerProcess,
    subject_first: bool,
) -> Result<Pair, Failure> {
    let measure = |server| measure(plan, row.scenario, row.requests, server);
    if subject_first {
        let subject = measure(subject)?;
        Ok(Pair { subject, peer: measure(peer)? })
    } else {
        let peer = measure(peer)?;
        Ok(Pair { subject: measure(subject)?, peer })
    }
}

fn measure(
    plan: &Plan,
    scenario: Scenario,
    requests: u64,
    server: &ServerProcess,
) -> Result<Sample, Failure> {
    let before_ns = process_cpu_ns(server.pid())?;
    let seen = plan.generator.run(server, scenario, requests)?;
    let spent_ns = process_cpu_ns(server.pid())?.saturating_sub(before_ns);
    Ok(Sample {
        cpu_ns_per_op: spent_ns as f64 / requests as f64,
        requests_per_s: seen.requests_per_s,
        p50_ms: seen.p50_ms,
        p99_ms: seen.p99_ms,
    })
}

fn progress_line(round: u32, rounds: u32, scenario: Scenario, pair: &Pair) -> String {
    let (subject, peer) = (&pair.subject, &pair.peer);
    format!(
        "round {round}/{rounds} {:<9} {:>6.0} ns/op against {:>6.0}, ratio {:.2}; {:>5.0}k/s \
         against {:>5.0}k/s",
        scenario.name(),
        subject.cpu_ns_per_op,
        peer.cpu_ns_per_op,
        subject.cpu_ns_per_op / peer.cpu_ns_per_op,
        subject.requests_per_s / 1_000.0,
        peer.requests_per_s / 1_000.0,
    )
}

fn conditions(plan: &Plan) -> String {
    let generator = &plan.generator;
    format!(
        "{} connections, {}-byte values, {} keys, server on core {}, load on core {}",
        generator.connections,
        generator.value_len,
        generator.keys,
        plan.server_core,
        generator.core
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Operation;
    use crate::server_process::Kind;

    fn plan() -> Plan {
        let spec = ServerSpec {
            name: "it".to_owned(),
            kind: Kind::Redis,
            program: "/nonexistent".into(),
            extra_args: Vec::new(),
        };
        Plan {
            subject: spec.clone(),
            peer: spec,
            ip: IpAddr::from([127, 0, 0, 1]),
            server_core: 0,
            generator: Generator {
                program: "/nonexistent".into(),
                core: 0,
                connections: 1,
                value_len: 1,
                keys: 1,
            },
            scenarios: vec![Scenario { operation: Operation::Ping, pipeline: 1 }],
            rounds: 1,
            scale: 1.0,
        }
    }

    #[test]
    fn impossible_plans_are_refused_before_anything_starts() {
        type Change = fn(&mut Plan);
        let cases: [(Change, &str); 7] = [
            (|plan| plan.ip = IpAddr::from([0, 0, 0, 0]), "not a loopback address"),
            (|plan| plan.rounds = 0, "--rounds"),
            (|plan| plan.generator.keys = 0, "--keys"),
            (|plan| plan.scale = f64::NAN, "--scale"),
            (|plan| plan.scenarios.clear(), "no scenario"),
            (|plan| plan.scenarios[0].pipeline = 0, "--pipelines"),
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
