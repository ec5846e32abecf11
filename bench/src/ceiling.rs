//! The highest rate a server answers in time.
//!
//! Owns the search: rates rise by half until one is not served, then the gap is halved. Invariant:
//! requests come due whatever the server does, and a rate is given up only after
//! `TRIES` measurements, since a virtual machine may be stopped for a millisecond at any time.
//! Cost: some twenty measurements a server.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use velodrome_net::DriverChoice;

use crate::failure::Failure;
use crate::limits::RATE_PER_S_MAX;
use crate::load::{Arrivals, Limit, Outcome, Pace, Session, Stage};
use crate::peers::{load_plan, sound};
use crate::provenance::Provenance;
use crate::scenario::Scenario;
use crate::server_process::{Kind, ServerProcess, ServerSpec};
use crate::verify::verify;

/// Measurements of a rate before it counts as not served.
const TRIES: u32 = 5;
/// Factor from one rate to the next while all are served.
const RISE: f64 = 1.5;
/// The search ends when served and not served are this close.
const CLOSE: f64 = 1.03;
/// Seconds of load before each measurement.
const WARM_UP_S: f64 = 0.3;

/// What is searched, and where.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The servers, one after the other.
    pub servers: Vec<ServerSpec>,
    /// Where they listen: a loopback address.
    pub ip: IpAddr,
    /// The core they run on.
    pub server_core: usize,
    /// The core of the load.
    pub load_core: usize,
    /// The load's event loop.
    pub driver: DriverChoice,
    /// Commands, connections, depth, keys.
    pub scenario: Scenario,
    /// Seconds of one measurement.
    pub seconds: f64,
    /// The rate to begin with.
    pub start_per_s: f64,
    /// What the 99th percentile must stay below, in microseconds.
    pub p99_us_max: f64,
}

/// One server's rates, lowest first, and the highest that was served.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The server.
    pub server: String,
    /// Every rate that was offered, with the better of its measurements.
    pub outcomes: Vec<Outcome>,
    /// The highest rate that was served; 0 when none was.
    pub ceiling_per_s: f64,
}

/// What a search leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ceilings {
    /// Where it comes from.
    #[serde(flatten)]
    pub of: Provenance,
    /// The scenario's name.
    pub scenario: String,
    /// What the 99th percentile had to stay below, in microseconds.
    pub p99_us_max: f64,
    /// Seconds of one measurement.
    pub seconds: f64,
    /// A curve a server.
    pub curves: Vec<Curve>,
}

/// The rates still to try.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Search {
    served_per_s: f64,
    refused_per_s: f64,
    start_per_s: f64,
}

impl Search {
    fn new(start_per_s: f64) -> Search {
        Search { served_per_s: 0.0, refused_per_s: f64::INFINITY, start_per_s }
    }

    /// The next rate; `None` when served and not served are close.
    fn next(&self) -> Option<f64> {
        let rate = if self.refused_per_s.is_finite() {
            f64::midpoint(self.served_per_s, self.refused_per_s)
        } else {
            (self.served_per_s * RISE).max(self.start_per_s)
        };
        let close = self.refused_per_s <= self.served_per_s * CLOSE;
        let idle = self.refused_per_s < self.start_per_s / 8.0;
        (!close && !idle && rate <= RATE_PER_S_MAX).then_some(rate)
    }

    fn told(&mut self, rate_per_s: f64, served: bool) {
        if served {
            self.served_per_s = rate_per_s;
        } else {
            self.refused_per_s = rate_per_s;
        }
    }
}

/// Searches every server's ceiling, telling `progress` a line at a time.
///
/// # Errors
/// When a server cannot be started, ends or answers wrongly, and when `stop` is set.
pub fn search(
    plan: &Plan,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Curve>, Failure> {
    if !plan.ip.is_loopback() {
        return Err(Failure::NotLoopback(plan.ip));
    }
    if !(plan.start_per_s > 0.0 && plan.p99_us_max > 0.0 && plan.seconds > 0.0) {
        return Err(Failure::Option("--start, --p99 and --seconds must be above 0".to_owned()));
    }
    plan.servers.iter().map(|spec| search_one(plan, spec, stop, progress)).collect()
}

fn search_one(
    plan: &Plan,
    spec: &ServerSpec,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<Curve, Failure> {
    let server = ServerProcess::start(spec, plan.ip, &[plan.server_core])?;
    let connections = plan.scenario.connections as usize;
    let load = load_plan(&plan.scenario, &server, plan.load_core, plan.driver, connections);
    if spec.kind != Kind::Echo {
        verify(&server)?;
    }
    let mut session = Session::start(load, Some(server.pid()))?;
    if spec.kind != Kind::Echo {
        sound(&server, &plan.scenario, &session.run(Stage::Fill, stop, &mut |_| {})?)?;
    }
    let mut measure = |rate_per_s: f64| -> Result<Outcome, Failure> {
        let pace = Pace::Open { rate_per_s, arrivals: Arrivals::Poisson };
        let mut run = |seconds| {
            let limit = Limit::Seconds(seconds);
            session.run(Stage::Traffic { limit, pace }, stop, &mut |_| {})
        };
        run(WARM_UP_S)?;
        let mut outcome = run(plan.seconds)?;
        sound(&server, &plan.scenario, &outcome)?;
        outcome.series.clear();
        Ok(outcome)
    };
    let mut search = Search::new(plan.start_per_s);
    let mut curve = Curve { server: spec.name.clone(), ..Curve::default() };
    while let Some(rate_per_s) = search.next() {
        let best = best_of(TRIES, plan.p99_us_max, || measure(rate_per_s))?;
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        let served = is_served(&best, plan.p99_us_max);
        progress(&line(&spec.name, rate_per_s, &best, served));
        search.told(rate_per_s, served);
        curve.outcomes.push(best);
    }
    let offered = |outcome: &Outcome| outcome.offered_per_s.unwrap_or(0.0);
    curve.outcomes.sort_by(|one, two| offered(one).total_cmp(&offered(two)));
    curve.ceiling_per_s = search.served_per_s;
    Ok(curve)
}

/// The first measurement that was served, or the one with the lowest 99th percentile.
fn best_of(
    tries: u32,
    p99_us_max: f64,
    mut measure: impl FnMut() -> Result<Outcome, Failure>,
) -> Result<Outcome, Failure> {
    let mut best = measure()?;
    for _ in 1..tries {
        if is_served(&best, p99_us_max) {
            break;
        }
        let again = measure()?;
        if again.latencies.p99_us < best.latencies.p99_us {
            best = again;
        }
    }
    Ok(best)
}

fn is_served(outcome: &Outcome, p99_us_max: f64) -> bool {
    outcome.unsent == 0 && outcome.latencies.p99_us < p99_us_max
}

fn line(server: &str, rate_per_s: f64, outcome: &Outcome, served: bool) -> String {
    let latencies = &outcome.latencies;
    format!(
        "{server} at {:.0}k/s: p50 {:.0} µs, p99 {:.0} µs, {:.0} ns/op{}",
        rate_per_s / 1000.0,
        latencies.p50_us,
        latencies.p99_us,
        outcome.server.map_or(f64::NAN, |server| server.cpu_ns_per_op),
        if served { "" } else { ", not served" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ceiling_per_s: f64) -> (f64, u32) {
        let (mut search, mut rates) = (Search::new(100_000.0), 0);
        while let Some(rate_per_s) = search.next() {
            search.told(rate_per_s, rate_per_s <= ceiling_per_s);
            rates += 1;
        }
        (search.served_per_s, rates)
    }

    #[test]
    fn the_search_comes_close_in_few_measurements() {
        for ceiling_per_s in [60_000.0, 100_000.0, 123_456.0, 999_999.0, 4_000_000.0] {
            let (served_per_s, rates) = found(ceiling_per_s);
            assert!(served_per_s <= ceiling_per_s, "{served_per_s}");
            assert!(
                served_per_s * CLOSE * 1.001 >= ceiling_per_s,
                "{served_per_s} of {ceiling_per_s}"
            );
            assert!(rates < 25, "{rates}");
        }
    }

    #[test]
    fn a_server_that_serves_nothing_ends_the_search() {
        let (served_per_s, rates) = found(0.0);
        assert!(served_per_s == 0.0 && rates < 10, "{served_per_s} after {rates}");
    }

    #[test]
    fn one_bad_measurement_is_forgiven() {
        let outcomes = [1500.0, 400.0];
        let mut next = outcomes.iter();
        let mut measure = || {
            let mut outcome = Outcome::default();
            outcome.latencies.p99_us = *next.next().expect("two tries");
            Ok(outcome)
        };
        assert_eq!(best_of(2, 1000.0, &mut measure).unwrap().latencies.p99_us, 400.0);
    }
}
