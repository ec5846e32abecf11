//! Reads at a fraction of the peak while as many other keys expire in one second.
//!
//! ```text
//! fill keys that stay ─► peak ─► fill keys that end ─► normal seconds ─┬─ seconds of expiry ─►
//!                                                     they all end here ┘
//! ```
//!
//! Owns the order of the stages. Invariant: what is compared is the same load on the same keys, so
//! only the expiry differs; no expired value is ever read, or the run fails. Cost: two fills and
//! half a minute.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::record::{Judged, Scored};
use super::scenarios::Case;
use super::{Plan, load_plan, seconds_until, sound, turns, unix_s};
use crate::failure::Failure;
use crate::load::{Arrivals, Limit, Outcome, Pace, Plan as LoadPlan, Session, Stage};
use crate::server_process::ServerProcess;
use crate::spread::Spread;
use crate::workload::KeySpace;

/// Share of the peak that is offered.
const LOAD_SHARE: f64 = 0.3;
/// The most that p99 may be of what it was before.
const P99_RATIO_MAX: f64 = 1.5;
/// Seconds from the fill's start to the common end, for every million keys and beside them.
const FILL_S_EACH_MILLION: f64 = 6.0;
const FILL_S_BESIDE: f64 = 12.0;
/// Seconds that are compared with those of the expiry, at least.
const NORMAL_SECONDS_MIN: usize = 3;
/// Seconds watched from the end on: deadlines pass at ticks of a second.
const WATCHED_SECONDS: usize = 6;
/// A second counts as one of expiry when this share of the keys went in it.
const SHARE_MIN: f64 = 0.02;
/// Nothing is sent so long before the common end, so that no second lies on both sides.
const GUARD_S: f64 = 0.05;

/// One second of the load.
struct Second {
    outcome: Outcome,
    expired: f64,
}

pub(super) fn measure(
    plan: &Plan,
    case: &Case,
    server: &ServerProcess,
    stop: &AtomicBool,
) -> Result<Scored, Failure> {
    let pid = Some(server.pid());
    let staying_plan = load_plan(plan, case, server, None);
    let mut staying = Session::start(staying_plan.clone(), pid)?;
    staying.run(Stage::Fill, stop, &mut |_| {})?;
    drop(staying);
    // An open loop sends requests as they are due, one by one, so its peak is that of such a load.
    let mut stay = Session::start(LoadPlan { pipeline: 1, ..staying_plan }, pid)?;
    let peak = sound(case, stay.run(traffic(plan.seconds, Pace::Closed), stop, &mut |_| {})?)?;
    let keys = stay.plan().workload.keys.count();
    let ends_at_s = unix_s() + (FILL_S_BESIDE + FILL_S_EACH_MILLION * keys as f64 / 1e6) as u64;
    let mut ending_plan = load_plan(plan, case, server, Some(ends_at_s));
    ending_plan.workload.keys = KeySpace::numbered("end:", super::KEY_LEN, keys);
    let mut ending = Session::start(ending_plan, pid)?;
    ending.run(Stage::Fill, stop, &mut |_| {})?;

    let rate_per_s = peak.answers_per_s * LOAD_SHARE;
    let pace = Pace::Open { rate_per_s, arrivals: Arrivals::Poisson };
    let expired = || turns::numbers(server.address(), ["expired_keys", "used_memory"]);
    let mut second = || -> Result<Second, Failure> {
        let [before, _] = expired()?;
        let mut outcome = sound(case, stay.run(traffic(1.0, pace), stop, &mut |_| {})?)?;
        outcome.series.clear();
        Ok(Second { outcome, expired: expired()?[0] - before })
    };
    second()?;
    turns::forget(server.address())?;
    let mut normal = Vec::new();
    while seconds_until(ends_at_s) > 1.0 + 2.0 * GUARD_S {
        normal.push(second()?);
    }
    if normal.len() < NORMAL_SECONDS_MIN {
        return Err(failed(case, format!("filling left {} seconds to compare", normal.len())));
    }
    let mut counted = named("before: ", turns::read(server.address())?);
    let [_, full_bytes] = expired()?;
    std::thread::sleep(Duration::from_secs_f64(seconds_until(ends_at_s)));
    turns::forget(server.address())?;
    let watched: Vec<Second> =
        (0..WATCHED_SECONDS).map(|_| second()).collect::<Result<_, Failure>>()?;
    counted.extend(turns::read(server.address())?);
    let [_, left_bytes] = expired()?;
    counted.insert("MiB used before".to_owned(), full_bytes / f64::from(1 << 20));
    counted.insert("MiB used 6 s after".to_owned(), left_bytes / f64::from(1 << 20));

    let gone = sound(case, ending.run(traffic(1.0, Pace::Closed), stop, &mut |_| {})?)?;
    if gone.missing != gone.answered {
        let read = gone.answered - gone.missing;
        return Err(failed(case, format!("{read} expired values were read")));
    }
    Ok(judge(case, keys, &normal, watched, counted))
}

/// The seconds of expiry beside those before; the outcome that stands for the scenario comes last.
fn judge(
    case: &Case,
    keys: u64,
    normal: &[Second],
    watched: Vec<Second>,
    mut counted: BTreeMap<String, f64>,
) -> Scored {
    let p99_us = |second: &Second| second.outcome.latencies.p99_us;
    let before = Spread::of(normal.iter().map(p99_us)).unwrap_or_default();
    let (mut expiry, quiet): (Vec<Second>, Vec<Second>) =
        watched.into_iter().partition(|second| second.expired >= keys as f64 * SHARE_MIN);
    expiry.sort_by(|one, other| one.expired.total_cmp(&other.expired));
    let ratios = Spread::of(expiry.iter().map(|second| p99_us(second) / before.median));
    let gone: f64 = expiry.iter().chain(&quiet).map(|second| second.expired).sum();
    let worst = expiry.last().map_or(f64::NAN, |second| p99_us(second) / before.median);
    let judged = ratios.map(|ratios| Judged {
        what: "p99 in the second in which most expired, of that of the seconds before".to_owned(),
        figure: Spread { median: worst, ..ratios },
        at_most: P99_RATIO_MAX,
    });
    for (name, figure) in [
        ("p99 before, µs", before.median),
        ("p99 before, lowest second, µs", before.min),
        ("p99 before, highest second, µs", before.max),
        ("p99 while they expire, µs", expiry.last().map_or(f64::NAN, p99_us)),
        ("keys expired", gone),
        ("keys expired in that second", expiry.last().map_or(0.0, |second| second.expired)),
        ("seconds in which keys expired", expiry.len() as f64),
    ] {
        counted.insert(name.to_owned(), figure);
    }
    let before = normal.iter().map(|second| second.outcome.clone());
    let outcomes = before.chain(quiet.into_iter().chain(expiry).map(|second| second.outcome));
    Scored { judged, counted, ..Scored::new(case.name, case.what, outcomes.collect()) }
}

fn named(before: &str, counted: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let of_time = counted.into_iter().filter(|(name, _)| name.starts_with("turn p"));
    of_time.map(|(name, figure)| (format!("{before}{name}"), figure)).collect()
}

fn traffic(seconds: f64, pace: Pace) -> Stage {
    Stage::Traffic { limit: Limit::Seconds(seconds), pace }
}

fn failed(case: &Case, reason: String) -> Failure {
    Failure::Load { server: "the server".to_owned(), scenario: case.name.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(p99_us: f64, expired: f64) -> Second {
        let mut outcome = Outcome { offered_per_s: Some(1.0), ..Outcome::default() };
        outcome.latencies.p99_us = p99_us;
        Second { outcome, expired }
    }

    #[test]
    fn the_second_in_which_most_expired_is_judged() {
        let case = super::super::all().into_iter().find(|case| case.name == "expiry-10m").unwrap();
        let normal = [second(90.0, 0.0), second(100.0, 0.0), second(300.0, 0.0)];
        let watched = vec![second(200.0, 10.0), second(140.0, 90.0), second(900.0, 1.0)];
        let scored = judge(&case, 100, &normal, watched, BTreeMap::new());
        let judged = scored.judged.clone().unwrap();
        assert_eq!((judged.figure.median, judged.figure.max), (1.4, 2.0));
        assert!(judged.is_met());
        assert_eq!(scored.best().unwrap().latencies.p99_us, 140.0);
        assert_eq!((scored.counted["keys expired"], scored.outcomes.len()), (101.0, 6));
        let none = judge(&case, 100, &normal, vec![second(1.0, 0.0)], BTreeMap::new());
        assert!(none.judged.is_none(), "nothing expired, so nothing is judged");
    }
}
