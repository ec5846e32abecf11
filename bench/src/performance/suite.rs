//! Blocks of the latency suite.
//!
//! Owns which scenarios stand in which block. Invariant: what has a bar is shown beside it. Cost:
//! none worth naming.

use super::block::Block;
use super::tables;
use crate::bars::{Bar, Bars};
use crate::spread::Spread;
use crate::suite::{Record, Scored};

/// Scenarios whose dataset changes under the load.
const CHURNS: [&str; 7] = [
    "ttl-churn",
    "mass-expiry",
    "eviction-churn",
    "index-growth",
    "flushall",
    "slow-reader",
    "reconnect-storm",
];

/// What makes the record.
const COMMAND: &str = "velodrome-bench suite";
/// The most that a turn in ten thousand may take, in microseconds.
const TURN_P9999_US_MAX: f64 = 1000.0;
/// Name of the figure that this is the bar of.
const TURN_P9999: &str = "turn p99.99, µs";
/// The most of a core that a node takes which nobody asks.
const IDLE_CORES_MAX: f64 = 0.001;
/// The most memory it takes.
const IDLE_MIB_MAX: u64 = 32;
/// Larger values would leave the others no length in the drawing.
const DRAWN_NS_MAX: f64 = 20_000.0;

/// The blocks.
pub(super) fn blocks(record: Option<&Record>) -> Vec<Block> {
    vec![
        floor(record),
        turns(record),
        idle(record),
        judged(record, "expiry", "expiry-10m"),
        judged(record, "overwrites", "overwrite-limit"),
        suite(record),
    ]
}

fn floor(record: Option<&Record>) -> Block {
    let name = "floor";
    let scenarios = chosen(record, |scored| scored.over_base.is_some());
    if scenarios.is_empty() {
        return Block::missing(name, COMMAND);
    }
    let table = tables::over_base(&scenarios);
    let rows = scenarios.iter().filter_map(|scored| bar(scored, scored.over_base, None)).collect();
    let title = "Processor time an operation over that of what it is measured by";
    let unit = "ratio: less is better";
    let svg = Bars { title, unit, one: Some("the floor"), rows }.file();
    Block::text(name, format!("{}.\n\n{table}", head(record))).drawn("floor.svg", svg)
}

fn turns(record: Option<&Record>) -> Block {
    let name = "turns";
    let churns = chosen(record, |scored| {
        CHURNS.contains(&scored.name.as_str()) || !scored.counted.is_empty()
    });
    let counted = chosen(record, |scored| scored.counted.contains_key(TURN_P9999));
    if churns.is_empty() {
        return Block::missing(name, COMMAND);
    }
    let late = |scored: &&&Scored| scored.counted[TURN_P9999] > TURN_P9999_US_MAX;
    let late: Vec<&str> = counted.iter().filter(late).map(|scored| &scored.name[..]).collect();
    let verdict = match (counted.is_empty(), late.is_empty()) {
        (true, _) => String::new(),
        (_, true) => format!("p99.99 is below {TURN_P9999_US_MAX} µs in all of them.\n\n"),
        (_, false) => {
            format!("p99.99 is above {TURN_P9999_US_MAX} µs, the bar, in {}.\n\n", late.join(", "))
        }
    };
    let rows = |scored: &&Scored| {
        bar(scored, scored.counted.get(TURN_P9999).copied(), Some(TURN_P9999_US_MAX))
    };
    let rows = counted.iter().filter_map(rows).collect();
    let title = "Processor time of a turn in ten thousand";
    let svg = Bars { title, unit: "µs: the mark is the bar", one: None, rows }.file();
    let mut markdown = format!("{}.\n\n", head(record));
    if !counted.is_empty() {
        markdown += &format!("{}\n{verdict}", tables::turns(&counted));
    }
    markdown += &tables::suite(&churns);
    Block::text(name, markdown).drawn("turns.svg", svg)
}

fn idle(record: Option<&Record>) -> Block {
    let name = "idle";
    let found = chosen(record, |scored| scored.name == "idle");
    let Some(outcome) = found.first().and_then(|scored| scored.outcomes.first()) else {
        return Block::missing(name, COMMAND);
    };
    let server = outcome.server.unwrap_or_default();
    let mib = server.rss_bytes >> 20;
    let is_met = server.cores_busy < IDLE_CORES_MAX && mib <= IDLE_MIB_MAX;
    let markdown = format!(
        "{}. Nobody asked it for anything for {:.0} s: it took {:.3} % of a core (at most {} %) \
         and {mib} MiB (at most {IDLE_MIB_MAX}): {}.",
        head(record),
        outcome.seconds,
        server.cores_busy * 100.0,
        IDLE_CORES_MAX * 100.0,
        if is_met { "met" } else { "missed" },
    );
    Block::text(name, markdown)
}

/// A scenario that is about one figure with a bar.
fn judged(record: Option<&Record>, name: &'static str, scenario: &str) -> Block {
    let found = chosen(record, |scored| scored.name == scenario);
    let Some(scored) = found.first() else {
        return Block::missing(name, &format!("{COMMAND} --only {scenario} --json FILE"));
    };
    let verdict = match &scored.judged {
        Some(judged) => {
            let Spread { min, median, max } = judged.figure;
            let verdict = if judged.is_met() { "met" } else { "missed" };
            let (what, at_most) = (&judged.what, judged.at_most);
            format!("{what}: **{median:.2}** ({min:.2}..{max:.2}), at most {at_most}: {verdict}.")
        }
        None => "Nothing was judged: what it is about did not happen.".to_owned(),
    };
    let verdict = capital(&verdict);
    let text = format!("{}: {}. {verdict}\n\n", head(record), scored.what);
    Block::text(name, text + &tables::counted(scored))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn suite(record: Option<&Record>) -> Block {
    let name = "suite";
    let scenarios = chosen(record, |_| true);
    if scenarios.is_empty() {
        return Block::missing(name, COMMAND);
    }
    let small = |scored: &&&Scored| scored.cpu_ns().is_some_and(|ns| ns < DRAWN_NS_MAX);
    let rows = scenarios.iter().filter(small).filter_map(|one| bar(one, one.cpu_ns(), None));
    let (title, unit) = ("Processor time an operation", "ns: less is better");
    let svg = Bars { title, unit, one: None, rows: rows.collect() }.file();
    let seconds = record.map_or(0.0, |record| record.seconds);
    let markdown =
        format!("{}, {seconds} s a scenario.\n\n{}", head(record), tables::suite(&scenarios));
    Block::text(name, markdown).drawn("suite.svg", svg)
}

fn bar(scored: &Scored, figure: Option<f64>, at_most: Option<f64>) -> Option<Bar> {
    Some(Bar { name: scored.name.clone(), figure: Spread::of([figure?])?, at_most })
}

fn chosen(record: Option<&Record>, wanted: impl Fn(&Scored) -> bool) -> Vec<&Scored> {
    let scenarios = record.map(|record| &record.scenarios[..]).unwrap_or_default();
    scenarios.iter().filter(|scored| wanted(scored)).collect()
}

fn head(record: Option<&Record>) -> String {
    record.map(|record| record.of.words()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Outcome, ServerCost};
    use crate::suite::Judged;

    fn scored(name: &str, cores_busy: f64) -> Scored {
        let server = ServerCost { cores_busy, rss_bytes: 9 << 20, ..ServerCost::default() };
        let outcome = Outcome { server: Some(server), seconds: 20.0, ..Outcome::default() };
        Scored { name: name.to_owned(), outcomes: vec![outcome], ..Scored::default() }
    }

    fn text_of(name: &str, scenarios: Vec<Scored>) -> String {
        let record = Record { scenarios, ..Record::default() };
        let blocks = blocks(Some(&record));
        blocks.into_iter().find(|block| block.name == name).unwrap().markdown
    }

    #[test]
    fn bars_are_met_or_missed() {
        let idle = |cores| text_of("idle", vec![scored("idle", cores)]);
        assert!(idle(0.0005).contains("0.050 % of a core (at most 0.1 %) and 9 MiB"));
        assert!(idle(0.0005).ends_with("met.") && idle(0.002).ends_with("missed."));

        let figure = Spread { min: 1.0, median: 1.7, max: 2.0 };
        let judged = Some(Judged { what: "cost".to_owned(), figure, at_most: 1.6 });
        let mut limit = Scored { judged, ..scored("overwrite-limit", 0.0) };
        limit.counted.insert("MiB".to_owned(), 1.5);
        let text = text_of("overwrites", vec![limit]);
        assert!(text.contains("Cost: **1.70** (1.00..2.00), at most 1.6: missed."), "{text}");
        assert!(text.contains("| MiB | 1.50 |"), "{text}");
    }

    #[test]
    fn late_turns_are_named() {
        let turns = |us: f64| {
            let mut one = scored("growth-20m", 0.0);
            one.counted.insert(TURN_P9999.to_owned(), us);
            text_of("turns", vec![one])
        };
        assert!(turns(900.0).contains("p99.99 is below 1000 µs in all of them."));
        assert!(turns(1100.0).contains("above 1000 µs, the bar, in growth-20m."));
    }
}
