//! Every block of the document.
//!
//! Owns their list, and words and drawings of comparisons and rates. Invariant: every block is
//! there, with or without a record, so that the document never shows figures of another machine.
//! Cost: none worth naming.

use std::path::Path;

use super::block::Block;
use super::records::Records;
use super::{density, policies, suite, tables};
use crate::bars::{Bar, Bars};
use crate::ceiling::Ceilings;
use crate::load::Outcome;
use crate::plot::{Line, Plot};
use crate::report::{Comparison, Summary};

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
        instructions(records.instructions.as_deref()),
        policies::block(&records.policies),
        density::block(records.density.as_ref()),
    ];
    let of_suite = suite::blocks(records.suite.as_ref());
    blocks.into_iter().chain(of_suite).map(|block| block.linked(plots)).collect()
}

/// A comparison with one peer. Blocks that carry a peer's name show that peer only.
fn peers(
    name: &'static str,
    comparison: Option<&Comparison>,
    file: &'static str,
    command: &str,
) -> Block {
    let Some(comparison) = comparison else { return Block::missing(name, command) };
    let shown = |summary: &&Summary| match name {
        "redis" | "memcached" => summary.peer == name,
        _ => true,
    };
    let group: Vec<Summary> = comparison.summaries.iter().filter(shown).cloned().collect();
    let (Some(first), of) = (group.first(), comparison.of.words()) else {
        return Block::missing(name, command);
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
    Block::text(name, markdown).drawn(file, svg)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn open_loop(ceilings: Option<&Ceilings>) -> Block {
    let name = "open-loop";
    let Some(record) = ceilings else {
        return Block::missing(name, "velodrome-bench ceiling --record");
    };
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
    let block = Block::text(name, markdown);
    files.into_iter().fold(block, |block, (file, plot)| block.drawn(file, plot.file()))
}

/// The committed ceilings, a line each: `name instructions`.
fn instructions(text: Option<&str>) -> Block {
    let name = "instructions";
    let rows: Vec<(&str, &str)> = text
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .collect();
    if rows.is_empty() {
        return Block::missing(name, "velodrome-bench instructions --lower");
    }
    Block::text(name, tables::instructions(&rows))
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
            let command = ["velodrome-bench ", "bench/policies "];
            assert!(command.iter().any(|it| block.markdown.contains(it)), "{}", block.name);
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
