//! Reads at a fraction of the peak while as many other keys expire in one second.
//!
//! ```text
//!                              ┌───────────────────── each round ──────────────────────┐
//! fill keys that stay ─► peak ─► fill keys that end ─► windows before ─┬─ windows of expiry
//!                                                     they all end here ┘
//! ```
//!
//! Owns the order of the stages. Invariant: what is compared is the same load on the same keys, so
//! only the expiry differs; no expired value is ever read, or the run fails. What is judged is the
//! node's own account of its turns: clients' p99 is recorded beside it, but where a host stops a
//! core for a percent of the time it says when that was. Any window may be disturbed, so the median
//! of the rounds counts. Cost: a minute a round.

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

/// How often it is done.
const ROUNDS: usize = 3;
/// Share of the peak that is offered.
const LOAD_SHARE: f64 = 0.3;
/// The most that p99 may be of what it was before.
const P99_RATIO_MAX: f64 = 1.5;
/// Seconds from the fill's start to the common end, for every million keys and beside them.
const FILL_S_EACH_MILLION: f64 = 6.0;
const FILL_S_BESIDE: f64 = 12.0;
/// Seconds of a window: long enough that a pause of the host of some milliseconds is below a
/// percent of it, short enough that keys expire in all of it.
const WINDOW_S: f64 = 2.0;
/// Windows that are compared with those of the expiry, at least.
const NORMAL_WINDOWS_MIN: usize = 3;
/// Windows watched from the first expiry on.
const WATCHED_WINDOWS: usize = 3;
/// A window counts as one of expiry when this share of the keys went in it.
const SHARE_MIN: f64 = 0.02;
/// Nothing is sent so long before the common end, so that no window lies on both sides.
const GUARD_S: f64 = 0.05;
/// Keys expire within this of the common end: deadlines pass at ticks of a second.
const TICK_S_MAX: f64 = 3.0;
/// So many keys that have gone say that the common end has come: single ones go all the time.
const KEYS_SEEN_MIN: f64 = 5_000.0;
/// Time between two looks whether they do.
const LOOK_MS: u64 = 5;

/// Some seconds of the load.
struct Window {
    outcome: Outcome,
    expired: f64,
    /// What the node says of its turns.
    turns: BTreeMap<String, f64>,
}

/// A figure of a window.
type Figure = fn(&Window) -> f64;

/// What is compared of the windows; the first is judged.
const COMPARED: [(&str, Figure); 5] = [
    ("turns' p99", |window| window.turns.get("turn p99, µs").copied().unwrap_or(f64::NAN)),
    ("turns' p99.9", |window| window.turns.get("turn p99.9, µs").copied().unwrap_or(f64::NAN)),
    ("clients' p50", |window| window.outcome.latencies.p50_us),
    ("clients' p95", |window| window.outcome.latencies.p95_us),
    ("clients' p99", |window| window.outcome.latencies.p99_us),
];

/// What a round saw.
struct Round {
    normal: Vec<Window>,
    watched: Vec<Window>,
    counted: BTreeMap<String, f64>,
}

/// A node under the load of the keys that stay.
struct Rig<'a> {
    plan: &'a Plan,
    case: &'a Case,
    server: &'a ServerProcess,
    stay: Session,
    pace: Pace,
    stop: &'a AtomicBool,
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
    let rate_per_s = peak.answers_per_s * LOAD_SHARE;
    let pace = Pace::Open { rate_per_s, arrivals: Arrivals::Poisson };
    let keys = stay.plan().workload.keys.count();
    let mut rig = Rig { plan, case, server, stay, pace, stop };
    let rounds = (0..ROUNDS).map(|_| rig.round(keys)).collect::<Result<_, Failure>>()?;
    Ok(judge(case, keys, rounds))
}

impl Rig<'_> {
    fn expired_and_used(&self) -> Result<[f64; 2], Failure> {
        turns::numbers(self.server.address(), ["expired_keys", "used_memory"])
    }

    fn window(&mut self) -> Result<Window, Failure> {
        let address = self.server.address();
        turns::forget(address)?;
        let outcome = self.stay.run(traffic(WINDOW_S, self.pace), self.stop, &mut |_| {})?;
        let mut outcome = sound(self.case, outcome)?;
        outcome.series.clear();
        let [expired, _] = self.expired_and_used()?;
        Ok(Window { outcome, expired, turns: turns::read(address)? })
    }

    /// Waits until keys that ended at `ends_at_s` are expired, so that they do in all of a window.
    fn wait_for_expiry(&self, ends_at_s: u64) -> Result<(), Failure> {
        let [before, _] = self.expired_and_used()?;
        while self.expired_and_used()?[0] < before + KEYS_SEEN_MIN {
            if -seconds_until(ends_at_s) > TICK_S_MAX {
                return Err(failed(self.case, format!("nothing expired in {TICK_S_MAX} s")));
            }
            std::thread::sleep(Duration::from_millis(LOOK_MS));
        }
        Ok(())
    }

    /// Fills the keys that end, and watches the load until they have.
    fn round(&mut self, keys: u64) -> Result<Round, Failure> {
        let ends_at_s = unix_s() + (FILL_S_BESIDE + FILL_S_EACH_MILLION * keys as f64 / 1e6) as u64;
        let mut ending_plan = load_plan(self.plan, self.case, self.server, Some(ends_at_s));
        ending_plan.workload.keys = KeySpace::numbered("end:", super::KEY_LEN, keys);
        let mut ending = Session::start(ending_plan, Some(self.server.pid()))?;
        ending.run(Stage::Fill, self.stop, &mut |_| {})?;

        self.window()?;
        let mut normal = Vec::new();
        while seconds_until(ends_at_s) > WINDOW_S + 2.0 * GUARD_S {
            normal.push(self.window()?);
        }
        if normal.len() < NORMAL_WINDOWS_MIN {
            let reason = format!("filling left {} windows to compare", normal.len());
            return Err(failed(self.case, reason));
        }
        let [_, full_bytes] = self.expired_and_used()?;
        std::thread::sleep(Duration::from_secs_f64(seconds_until(ends_at_s)));
        self.wait_for_expiry(ends_at_s)?;
        let watched: Vec<Window> =
            (0..WATCHED_WINDOWS).map(|_| self.window()).collect::<Result<_, Failure>>()?;
        let [_, left_bytes] = self.expired_and_used()?;
        let counted = [
            ("MiB used before", full_bytes / f64::from(1 << 20)),
            ("MiB used 6 s after", left_bytes / f64::from(1 << 20)),
        ];
        let counted = counted.map(|(name, figure)| (name.to_owned(), figure)).into();

        let gone = ending.run(traffic(1.0, Pace::Closed), self.stop, &mut |_| {})?;
        let gone = sound(self.case, gone)?;
        if gone.missing != gone.answered {
            let read = gone.answered - gone.missing;
            return Err(failed(self.case, format!("{read} expired values were read")));
        }
        Ok(Round { normal, watched, counted })
    }
}

/// The rounds' ratios; the round in the middle stands for the scenario.
fn judge(case: &Case, keys: u64, rounds: Vec<Round>) -> Scored {
    let scored = rounds.into_iter().map(|round| judge_round(case, keys, round));
    let mut scored: Vec<(f64, Scored)> = scored.collect();
    scored.sort_by(|one, other| one.0.total_cmp(&other.0));
    let figure = Spread::of(scored.iter().map(|one| one.0).filter(|ratio| ratio.is_finite()));
    let (_, middle) = scored.swap_remove(scored.len() / 2);
    let judged = figure.map(|figure| Judged {
        what: "p99 of turns while most expired, of that before, in the middle of the rounds"
            .to_owned(),
        figure,
        at_most: P99_RATIO_MAX,
    });
    Scored { judged, ..middle }
}

/// The windows of expiry beside those before; the outcome that stands for the round comes last.
/// Returns the ratio too, not finite when nothing expired.
fn judge_round(case: &Case, keys: u64, round: Round) -> (f64, Scored) {
    let Round { normal, watched, mut counted } = round;
    let (mut expiry, quiet): (Vec<Window>, Vec<Window>) =
        watched.into_iter().partition(|window| window.expired >= keys as f64 * SHARE_MIN);
    expiry.sort_by(|one, other| one.expired.total_cmp(&other.expired));
    let ratios = COMPARED.map(|(name, figure)| {
        let before = Spread::of(normal.iter().map(figure)).unwrap_or_default();
        let meanwhile = expiry.last().map_or(f64::NAN, figure);
        for (when, figure) in [
            ("before", before.median),
            ("before, lowest window", before.min),
            ("before, highest window", before.max),
            ("while most expired", meanwhile),
        ] {
            counted.insert(format!("{name} {when}, µs"), figure);
        }
        meanwhile / before.median
    });
    let gone: f64 = expiry.iter().chain(&quiet).map(|window| window.expired).sum();
    let most = expiry.last().map_or(0.0, |window| window.expired);
    counted.insert("keys expired".to_owned(), gone);
    counted.insert("keys expired in that window".to_owned(), most);
    let before_all = normal.into_iter().map(|window| window.outcome);
    let outcomes = before_all.chain(quiet.into_iter().chain(expiry).map(|window| window.outcome));
    let scored = Scored { counted, ..Scored::new(case.name, case.what, outcomes.collect()) };
    (ratios[0], scored)
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

    fn window(p99_us: f64, expired: f64) -> Window {
        let mut outcome = Outcome { offered_per_s: Some(1.0), ..Outcome::default() };
        outcome.latencies.p99_us = 7.0 * p99_us;
        let turns = BTreeMap::from([("turn p99, µs".to_owned(), p99_us)]);
        Window { outcome, expired, turns }
    }

    fn round(normal_us: [f64; 3], watched: Vec<Window>) -> Round {
        let normal = normal_us.map(|p99_us| window(p99_us, 0.0)).into();
        Round { normal, watched, counted: BTreeMap::new() }
    }

    #[test]
    fn the_window_in_which_most_expired_is_judged_in_the_middle_of_the_rounds() {
        let case = super::super::all().into_iter().find(|case| case.name == "expiry-10m").unwrap();
        let rounds = [1.0, 9.0, 1.4].map(|ratio| {
            let watched = vec![window(2e3, 9.0), window(100.0 * ratio, 90.0), window(9e3, 1.0)];
            round([90.0, 100.0, 300.0], watched)
        });
        let scored = judge(&case, 100, rounds.into());
        let judged = scored.judged.clone().unwrap();
        assert_eq!((judged.figure.min, judged.figure.median, judged.figure.max), (1.0, 1.4, 9.0));
        assert!(judged.is_met());
        assert_eq!(scored.best().unwrap().latencies.p99_us, 980.0);
        assert_eq!((scored.counted["keys expired"], scored.outcomes.len()), (100.0, 6));
        let none = judge(&case, 100, vec![round([1.0; 3], vec![window(1.0, 0.0)])]);
        assert!(none.judged.is_none(), "nothing expired, so nothing is judged");
    }
}
