//! What the run found, as a table for people and as JSON for machines.
//!
//! Owns the samples and their summary. Invariant: a ratio is formed only from two samples of the
//! same round, and below 1 always means that the subject needed less. Cost: none worth naming.

use std::fmt::{self, Display, Write};

use serde::Serialize;

use crate::scenario::Scenario;
use crate::spread::Spread;

/// One server, one scenario, one round.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// Processor time of all the server's threads, per request, in nanoseconds.
    pub cpu_ns_per_op: f64,
    /// Requests answered a second, as the generator saw it.
    pub requests_per_s: f64,
    /// Median latency in milliseconds, as the generator saw it.
    pub p50_ms: f64,
    /// 99th percentile of latency in milliseconds.
    pub p99_ms: f64,
}

/// The two servers' samples of one scenario in one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pair {
    /// The server under test.
    pub subject: Sample,
    /// The server it is compared with.
    pub peer: Sample,
}

/// One scenario with the pairs of all rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub scenario: Scenario,
    /// Requests of one round.
    pub requests: u64,
    /// One pair a round, oldest first.
    pub pairs: Vec<Pair>,
}

/// A row reduced to its medians and ratios.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The scenario's name.
    pub name: String,
    /// Median processor time a request of the subject, in nanoseconds.
    pub subject_ns_per_op: f64,
    /// Median processor time a request of the peer, in nanoseconds.
    pub peer_ns_per_op: f64,
    /// Processor time, subject over peer, pair by pair.
    pub cpu_ratio: Spread,
    /// Throughput, subject over peer: here more is better.
    pub throughput_ratio: Spread,
    /// Median latency, subject over peer.
    pub p50_ratio: Spread,
    /// 99th percentile of latency, subject over peer.
    pub p99_ratio: Spread,
}

/// Everything a run found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The server under test.
    pub subject: String,
    /// The server it is compared with.
    pub peer: String,
    /// The conditions, in words: connections, value length, keys, cores.
    pub conditions: String,
    /// Every scenario with its samples.
    pub rows: Vec<Row>,
}

/// What `--json` writes: summaries first, samples after.
#[derive(Serialize)]
struct Document<'a> {
    summaries: Vec<Summary>,
    #[serde(flatten)]
    report: &'a Report,
}

impl Row {
    /// Reduces the row; `None` before its first round.
    pub fn summary(&self) -> Option<Summary> {
        let ratio = |figure: fn(&Sample) -> f64| {
            Spread::of(self.pairs.iter().map(|pair| figure(&pair.subject) / figure(&pair.peer)))
        };
        let median = |values: Vec<f64>| Spread::of(values).map(|spread| spread.median);
        Some(Summary {
            name: self.scenario.name(),
            subject_ns_per_op: median(
                self.pairs.iter().map(|pair| pair.subject.cpu_ns_per_op).collect(),
            )?,
            peer_ns_per_op: median(
                self.pairs.iter().map(|pair| pair.peer.cpu_ns_per_op).collect(),
            )?,
            cpu_ratio: ratio(|sample| sample.cpu_ns_per_op)?,
            throughput_ratio: ratio(|sample| sample.requests_per_s)?,
            p50_ratio: ratio(|sample| sample.p50_ms)?,
            p99_ratio: ratio(|sample| sample.p99_ms)?,
        })
    }
}

impl Report {
    /// The whole report as indented JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let summaries = self.rows.iter().filter_map(Row::summary).collect();
        serde_json::to_string_pretty(&Document { summaries, report: self })
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} against {}: {}", self.subject, self.peer, self.conditions)?;
        writeln!(
            out,
            "{:<9} {:>7} {:>9} {:>9}  {:<19} {:<19} {:>5} {:>5}",
            "scenario", "rounds", "ns/op", "peer", "cpu ratio", "throughput ratio", "p50", "p99"
        )?;
        for row in &self.rows {
            let Some(summary) = row.summary() else { continue };
            writeln!(
                out,
                "{:<9} {:>7} {:>9.0} {:>9.0}  {:<19} {:<19} {:>5.2} {:>5.2}",
                summary.name,
                row.pairs.len(),
                summary.subject_ns_per_op,
                summary.peer_ns_per_op,
                range(&summary.cpu_ratio)?,
                range(&summary.throughput_ratio)?,
                summary.p50_ratio.median,
                summary.p99_ratio.median,
            )?;
        }
        write!(out, "ns/op: processor time of all the server's threads; ratios: median (min..max)")
    }
}

fn range(spread: &Spread) -> Result<String, fmt::Error> {
    let mut text = String::new();
    write!(text, "{:.2} ({:.2}..{:.2})", spread.median, spread.min, spread.max)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Operation;

    fn sample(cpu_ns_per_op: f64, requests_per_s: f64) -> Sample {
        Sample { cpu_ns_per_op, requests_per_s, p50_ms: 0.2, p99_ms: 0.4 }
    }

    fn report() -> Report {
        // Each round is twice as slow as the last for both: the ratio must not notice.
        let pairs = [1.0, 2.0, 4.0]
            .map(|slow| Pair {
                subject: sample(500.0 * slow, 200.0),
                peer: sample(1000.0 * slow, 100.0),
            })
            .to_vec();
        let scenario = Scenario { operation: Operation::Get, pipeline: 16 };
        Report {
            subject: "velodrome".to_owned(),
            peer: "redis".to_owned(),
            conditions: "50 connections".to_owned(),
            rows: vec![Row { scenario, requests: 10, pairs }],
        }
    }

    #[test]
    fn ratios_are_formed_round_by_round() {
        let summary = report().rows[0].summary().unwrap();
        assert_eq!(summary.cpu_ratio, Spread { min: 0.5, median: 0.5, max: 0.5 });
        assert_eq!(summary.throughput_ratio.median, 2.0);
        assert_eq!((summary.subject_ns_per_op, summary.peer_ns_per_op), (1000.0, 2000.0));
    }

    #[test]
    fn the_table_names_scenario_and_ratio_and_fits_a_terminal() {
        let text = report().to_string();
        assert!(text.contains("GET P16") && text.contains("0.50 (0.50..0.50)"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    }

    #[test]
    fn json_carries_summaries_and_samples() {
        let json: serde_json::Value = serde_json::from_str(&report().to_json().unwrap()).unwrap();
        assert_eq!(json["summaries"][0]["cpu_ratio"]["median"], 0.5);
        assert_eq!(json["rows"][0]["pairs"].as_array().unwrap().len(), 3);
        assert_eq!(json["rows"][0]["scenario"]["operation"], "get");
    }

    #[test]
    fn a_row_without_rounds_is_left_out() {
        let mut report = report();
        report.rows[0].pairs.clear();
        assert!(report.rows[0].summary().is_none());
        assert!(!report.to_string().contains("GET"));
    }
}
