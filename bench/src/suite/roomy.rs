//! Overwrites in just the memory they need, beside the same overwrites with memory to spare.
//!
//! Owns two nodes on one core. Invariant: both are filled by the same requests and take turns round
//! by round; the limit of one is what the same data takes in the other. Cost: two fills and some
//! rounds.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use super::record::{Judged, Scored};
use super::scenarios::Case;
use super::{Plan, load_plan, sound, start, turns};
use crate::failure::Failure;
use crate::load::{Limit, Outcome, Pace, Session, Stage};
use crate::server_process::ServerProcess;
use crate::spread::Spread;

/// Rounds of both.
const ROUNDS: usize = 5;
/// The most that an overwrite may cost of one with room to spare.
const CPU_RATIO_MAX: f64 = 1.6;
/// Turnovers of the data before it is measured, so that memory is as mixed up as it gets.
const TURNOVERS: u64 = 3;

/// Counts of INFO.
#[derive(Clone, Copy)]
struct Counts {
    copied_bytes: f64,
    written_bytes: f64,
    evicted: f64,
}

/// `roomy` has memory to spare; the node at its limit is started here.
pub(super) fn measure(
    plan: &Plan,
    case: &Case,
    roomy: &ServerProcess,
    stop: &AtomicBool,
) -> Result<Scored, Failure> {
    let fill = |server: &ServerProcess| -> Result<Session, Failure> {
        let mut session = Session::start(load_plan(plan, case, server, None), Some(server.pid()))?;
        session.run(Stage::Fill, stop, &mut |_| {})?;
        Ok(session)
    };
    let mut with_room = fill(roomy)?;
    let [used, buffers] =
        turns::numbers(roomy.address(), ["used_memory", "mem_not_counted_for_evict"])?;
    let limit_bytes = used - buffers;
    let memory = format!("{limit_bytes:.0}");
    let full = start(plan, case, Some(&memory))?;
    let mut at_limit = fill(&full)?;
    for session in [&mut with_room, &mut at_limit] {
        let requests = TURNOVERS * session.plan().workload.keys.count();
        let limit = Limit::Requests(requests);
        session.run(Stage::Traffic { limit, pace: Pace::Closed }, stop, &mut |_| {})?;
    }
    let before = counts(&full)?;
    let mut rounds: Vec<[Outcome; 2]> = Vec::new();
    for _ in 0..ROUNDS {
        let limit = Limit::Seconds(plan.seconds);
        let measured = |session: &mut Session| -> Result<Outcome, Failure> {
            let stage = Stage::Traffic { limit, pace: Pace::Closed };
            let mut outcome = sound(case, session.run(stage, stop, &mut |_| {})?)?;
            outcome.series.clear();
            Ok(outcome)
        };
        rounds.push([measured(&mut with_room)?, measured(&mut at_limit)?]);
    }
    let after = counts(&full)?;
    Ok(judge(case, rounds, before, after, limit_bytes))
}

fn counts(node: &ServerProcess) -> Result<Counts, Failure> {
    let names = ["compaction_copied_bytes", "written_bytes", "evicted_keys"];
    let [copied_bytes, written_bytes, evicted] = turns::numbers(node.address(), names)?;
    Ok(Counts { copied_bytes, written_bytes, evicted })
}

/// Ratios of rounds; the last outcome is one of the node at its limit.
fn judge(
    case: &Case,
    rounds: Vec<[Outcome; 2]>,
    before: Counts,
    after: Counts,
    limit_bytes: f64,
) -> Scored {
    let cpu_ns = |outcome: &Outcome| outcome.server.map_or(f64::NAN, |cost| cost.cpu_ns_per_op);
    let of = |which: usize| Spread::of(rounds.iter().map(|round| cpu_ns(&round[which])));
    let (room, limit) = (of(0).unwrap_or_default(), of(1).unwrap_or_default());
    let ratios = rounds.iter().map(|[room, limit]| cpu_ns(limit) / cpu_ns(room));
    let judged = Spread::of(ratios).map(|ratios| Judged {
        what: "processor time of an overwrite at the limit, of one with room".to_owned(),
        figure: Spread { median: limit.median / room.median, ..ratios },
        at_most: CPU_RATIO_MAX,
    });
    let writes = rounds.iter().map(|round| round[1].answered).sum::<u64>().max(1) as f64;
    let copied = after.copied_bytes - before.copied_bytes;
    let written = (after.written_bytes - before.written_bytes).max(1.0);
    let counted: BTreeMap<String, f64> = [
        ("ns/op with room", room.median),
        ("ns/op at the limit", limit.median),
        ("bytes copied a write", copied / writes),
        ("bytes copied a byte written", copied / written),
        ("keys evicted a write", (after.evicted - before.evicted) / writes),
        ("MiB of the limit", limit_bytes / f64::from(1 << 20)),
    ]
    .map(|(name, figure)| (name.to_owned(), figure))
    .into();
    let outcomes = rounds.into_iter().map(|[_, limit]| limit).collect();
    Scored { judged, counted, ..Scored::new(case.name, case.what, outcomes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::ServerCost;

    #[test]
    fn the_ratio_is_of_medians_and_its_range_of_rounds() {
        let cases = super::super::all();
        let case = cases.iter().find(|case| case.name == "overwrite-limit").unwrap();
        let outcome = |cpu_ns_per_op| Outcome {
            server: Some(ServerCost { cpu_ns_per_op, ..ServerCost::default() }),
            answered: 10,
            ..Outcome::default()
        };
        let round = |room, limit| [outcome(room), outcome(limit)];
        let rounds = vec![round(100.0, 150.0), round(200.0, 220.0), round(100.0, 180.0)];
        let counts =
            |bytes| Counts { copied_bytes: bytes, written_bytes: 2.0 * bytes, evicted: bytes };
        let scored = judge(case, rounds, counts(30.0), counts(90.0), 1.0);
        let judged = scored.judged.clone().unwrap();
        let Spread { min, median, max } = judged.figure;
        assert_eq!((min, median, max), (1.1, 1.8, 1.8));
        assert!(!judged.is_met());
        assert_eq!(scored.counted["bytes copied a byte written"], 0.5);
        assert_eq!(scored.counted["keys evicted a write"], 2.0);
        assert_eq!(scored.best().unwrap().server.unwrap().cpu_ns_per_op, 180.0);
    }
}
