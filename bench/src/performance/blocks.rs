//! What each block of the document says.
//!
//! Owns names, words and drawings of blocks. Invariant: every block is there, with or without a
//! record, so that the document never shows figures of another machine. Cost: none worth naming.

use std::path::Path;

use super::records::Records;
use super::tables;
use crate::bars::{Bar, Bars};
use crate::ceiling::Ceilings;
use crate::load::Outcome;
use crate::plot::{Line, Plot};
use crate::report::{Comparison, Summary};
use crate::suite::{Record, Scored};

/// Scenarios whose dataset changes under the load.
const CHURNS: [&str; 8] = [
    "ttl-churn",
    "mass-expiry",
    "eviction-churn",
    "index-growth",
    "flushall",
    "slow-reader",
    "reconnect-storm",
    "idle",
];

/// One block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its name in the document.
    pub name: &'static str,
    /// What stands there.
    pub markdown: String,
    /// Files' names and drawings.
    pub plots: Vec<(&'static str, String)>,
}

/// Every block; `plots` is the folder of the drawings as the document names it.
pub(super) fn all(records: &Records, plots: &Path) -> Vec<Block> {
    let blocks = vec![
        peers(
            "redis",
            records.peers.as_ref(),
            "redis.svg",
            "velodrome-bench peers --peers redis --record",
        ),
        peers(
            "memcached",
            records.peers.as_ref(),
            "memcached.svg",
            "velodrome-bench peers --text --record",
        ),
        peers(
            "redis-benchmark",
            records.redis_benchmark.as_ref(),
            "redis-benchmark.svg",
            "velodrome-bench peers --generator redis-benchmark --peers redis --record",
        ),
        peers(
            "one-rate",
            records.one_rate.as_ref(),
            "one-rate.svg",
            "velodrome-bench peers --rate 100k --record",
        ),
        peers(
            "two-shards",
            records.two_shards.as_ref(),
            "two-shards.svg",
            "velodrome-bench peers --two-shards --record",
        ),
        open_loop(records.ceilings.as_ref()),
        floor(records.suite.as_ref()),
        churns(records.suite.as_ref()),
        suite(records.suite.as_ref()),
    ];
    let finish = |mut block: Block| {
        for (name, _) in &block.plots {
            let path = plots.join(name);
            let title = name.trim_end_matches(".svg");
            block.markdown += &format!("\n![{title}]({})\n", path.display());
        }
        block
    };
    blocks.into_iter().map(finish).collect()
}

fn missing(name: &'static str, command: &str) -> Block {
    let markdown = format!("Not in the committed records; `{command}` makes one.");
    Block { name, markdown, plots: Vec::new() }
}

/// A comparison with one peer. Blocks that carry a peer's name show that peer only.
fn peers(
    name: &'static str,
    comparison: Option<&Comparison>,
    file: &'static str,
    command: &str,
) -> Block {
    let Some(comparison) = comparison else { return missing(name, command) };
    let shown = |summary: &&Summary| match name {
        "redis" | "memcached" => summary.peer == name,
        _ => true,
    };
    let group: Vec<Summary> = comparison.summaries.iter().filter(shown).cloned().collect();
    let (Some(first), of) = (group.first(), comparison.of.words()) else {
        return missing(name, command);
    };
    let of = if comparison.of.date.is_empty() { String::new() } else { format!("{of}. ") };
    let (subject, peer) = (&first.subject, &first.peer);
    let mut markdown =
        format!("{of}{}.\n\n{}", capital(&comparison.conditions), tables::summaries(&group));
    if group.iter().all(|summary| summary.subject_medians.requests_per_s > 0.0) {
        markdown += &format!("\n{}", tables::medians(&group));
    }
    let bar = |summary: &Summary| Bar {
        name: summary.scenario.clone(),
        figure: summary.cpu_ratio,
        at_most: summary.cpu_bar,
    };
    let title = format!("Processor time an operation, {subject} over {peer}");
    let rows = group.iter().map(bar).collect();
    let (unit, one) = ("ratio: less is better; the mark is the bar", Some(peer.as_str()));
    let svg = Bars { title: &title, unit, one, rows }.file();
    Block { name, markdown, plots: svg.map(|svg| (file, svg)).into_iter().collect() }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn open_loop(ceilings: Option<&Ceilings>) -> Block {
    let name = "open-loop";
    let Some(record) = ceilings else { return missing(name, "velodrome-bench ceiling --record") };
    let markdown = format!(
        "{}. {}, Poisson arrivals, {} s a rate; a rate is served while p99 stays below {:.0} \
         µs.\n\n{}",
        record.of.words(),
        record.scenario,
        record.seconds,
        record.p99_us_max,
        tables::ceilings(record)
    );
    let line = |name, outcomes: &[Outcome], figure: fn(&Outcome) -> Option<f64>| {
        let point = |outcome: &Outcome| Some((outcome.offered_per_s?, figure(outcome)?));
        Line { name, points: outcomes.iter().filter_map(point).collect() }
    };
    let all = |figure: fn(&Outcome) -> Option<f64>| {
        record.curves.iter().map(|curve| line(&curve.server, &curve.outcomes, figure)).collect()
    };
    let x = "requests offered a second";
    let latency = Plot {
        title: "99th percentile against load",
        x,
        y: "µs",
        logarithmic: true,
        lines: all(|outcome| Some(outcome.latencies.p99_us)),
        ..Plot::default()
    };
    let median = Plot {
        title: "Median against load",
        lines: all(|outcome| Some(outcome.latencies.p50_us)),
        ..latency.clone()
    };
    let files = [("latency-against-load.svg", latency), ("median-against-load.svg", median)];
    let plots = files.into_iter().filter_map(|(file, plot)| Some((file, plot.file()?))).collect();
    Block { name, markdown, plots }
}

fn floor(record: Option<&Record>) -> Block {
    let name = "floor";
    let scenarios = chosen(record, |scored| scored.over_base.is_some());
    if scenarios.is_empty() {
        return missing(name, "velodrome-bench suite");
    }
    let table = tables::over_base(&scenarios);
    Block { name, markdown: format!("{}.\n\n{table}", head(record)), plots: Vec::new() }
}

fn churns(record: Option<&Record>) -> Block {
    let name = "turns";
    let scenarios = chosen(record, |scored| {
        CHURNS.contains(&scored.name.as_str()) || !scored.counted.is_empty()
    });
    if scenarios.is_empty() {
        return missing(name, "velodrome-bench suite");
    }
    let (table, counted) = (tables::suite(&scenarios), tables::counted(&scenarios));
    Block { name, markdown: format!("{}.\n\n{table}{counted}", head(record)), plots: Vec::new() }
}

fn suite(record: Option<&Record>) -> Block {
    let name = "suite";
    let scenarios = chosen(record, |_| true);
    if scenarios.is_empty() {
        return missing(name, "velodrome-bench suite");
    }
    let bar = |scored: &&Scored| {
        let figure = crate::spread::Spread::of([scored.cpu_ns()?])?;
        Some(Bar { name: scored.name.clone(), figure, at_most: None })
    };
    // Large values would leave the others no length.
    let small = scenarios.iter().filter(|scored| scored.cpu_ns().is_some_and(|ns| ns < 20_000.0));
    let rows = small.filter_map(bar).collect();
    let title = "Processor time an operation";
    let svg = Bars { title, unit: "ns: less is better", one: None, rows }.file();
    let markdown = format!("{}.\n\n{}", head(record), tables::suite(&scenarios));
    Block { name, markdown, plots: svg.map(|svg| ("suite.svg", svg)).into_iter().collect() }
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
    use crate::ceiling::Curve;
    use crate::spread::Spread;

    #[test]
    fn without_records_every_block_names_its_command() {
        let blocks = all(&Records::default(), Path::new("plots"));
        for (index, block) in blocks.iter().enumerate() {
            assert!(block.markdown.contains("velodrome-bench "), "{}", block.name);
            assert!(block.plots.is_empty());
            assert!(blocks[..index].iter().all(|other| other.name != block.name));
        }
    }

    #[test]
    fn blocks_of_a_peer_show_that_peer_and_its_drawing() {
        let summary = |peer: &str| Summary {
            scenario: format!("GET beside {peer}"),
            subject: "velodrome".to_owned(),
            peer: peer.to_owned(),
            cpu_ratio: Spread { min: 0.4, median: 0.5, max: 0.6 },
            ..Summary::default()
        };
        let summaries = vec![summary("redis"), summary("memcached")];
        let comparison = Comparison { summaries, ..Comparison::default() };
        let records = Records { peers: Some(comparison), ..Records::default() };
        let blocks = all(&records, Path::new("bench/plots"));
        let of = |name: &str| blocks.iter().find(|block| block.name == name).unwrap();
        let redis = of("redis");
        assert!(
            redis.markdown.contains("GET beside redis") && !redis.markdown.contains("memcached")
        );
        assert!(redis.markdown.contains("![redis](bench/plots/redis.svg)"));
        assert_eq!(redis.plots.len(), 1);
        assert!(of("memcached").markdown.contains("GET beside memcached"));
    }

    #[test]
    fn curves_are_drawn() {
        let outcome = |rate| {
            let mut outcome = Outcome { offered_per_s: Some(rate), ..Outcome::default() };
            outcome.latencies.p99_us = rate / 1000.0;
            outcome
        };
        let outcomes = vec![outcome(1e5), outcome(2e5)];
        let curve = Curve { server: "velodrome".to_owned(), outcomes, ceiling_per_s: 2e5 };
        let block = open_loop(Some(&Ceilings { curves: vec![curve], ..Ceilings::default() }));
        assert_eq!(block.plots.len(), 2);
        assert!(block.plots[0].1.contains("velodrome") && block.markdown.contains("| 200 |"));
    }
}
