//! What the comparison found, as a table for people and as JSON for machines.
//!
//! Owns the samples and their summary. Invariant: a ratio is formed only from two samples of the
//! same round; below 1 means that the server under test needed less. Cost: none worth naming.

use std::fmt::{self, Display, Write};

use serde::{Deserialize, Serialize};

use crate::provenance::Provenance;
use crate::scenario::Scenario;
use crate::server_process::Kind;
use crate::spread::Spread;

/// Latency may be this much of a peer's.
const LATENCY_BAR: f64 = 1.1;
/// Throughput at least the peer's; half a percent is the measurement's own grain.
const THROUGHPUT_BAR: f64 = 0.995;
/// A single connection's median may be this much longer than a peer's.
const SINGLE_P50_BAR_US: f64 = 5.0;

/// Two shards may need this much of what one needs for an operation, at this depth.
const TWO_SHARDS_BAR: f64 = 1.5;
const TWO_SHARDS_DEPTH: u32 = 16;

/// One server, one scenario, one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Processor time of all the server's threads, per request, in nanoseconds.
    pub cpu_ns_per_op: f64,
    /// Requests answered a second, as the load saw it.
    pub requests_per_s: f64,
    /// Median latency in milliseconds, as the load saw it.
    pub p50_ms: f64,
    /// 99th percentile of latency in milliseconds.
    pub p99_ms: f64,
    /// The load's share of its core: near 1 the load is the bottleneck. `None` for other loads.
    pub load_busy: Option<f64>,
}

/// One scenario with the samples of all rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub scenario: Scenario,
    /// Oldest round first; in each one sample a server.
    pub rounds: Vec<Vec<Sample>>,
}

/// Medians of one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Medians {
    /// Requests answered a second.
    pub requests_per_s: f64,
    /// Median latency in microseconds.
    pub p50_us: f64,
    /// 99th percentile of latency in microseconds.
    pub p99_us: f64,
}

/// A server under test beside one peer, in one scenario.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// The scenario's name.
    pub scenario: String,
    /// The server under test.
    pub subject: String,
    /// The other one.
    pub peer: String,
    /// Median processor time a request of the subject, in nanoseconds.
    pub subject_ns_per_op: f64,
    /// Median processor time a request of the peer, in nanoseconds.
    pub peer_ns_per_op: f64,
    /// Processor time, subject over peer, round by round.
    pub cpu_ratio: Spread,
    /// The most the median of that ratio may be, where a bar is set.
    pub cpu_bar: Option<f64>,
    /// Throughput, subject over peer: here more is better.
    pub throughput_ratio: Spread,
    /// Median latency, subject over peer.
    pub p50_ratio: Spread,
    /// 99th percentile of latency, subject over peer.
    pub p99_ratio: Spread,
    /// Median latency, subject less peer, in microseconds.
    pub p50_difference_us: Spread,
    /// Throughput and latency of the subject.
    pub subject_medians: Medians,
    /// Throughput and latency of the peer.
    pub peer_medians: Medians,
    /// What of the bars was missed: `cpu`, `throughput`, `p50`, `p99`.
    pub missed: Vec<String>,
}

/// Everything a comparison found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Where it comes from.
    #[serde(flatten)]
    pub of: Provenance,
    /// Names and kinds of the servers.
    pub servers: Vec<(String, Kind)>,
    /// How many of the first servers are under test.
    pub subjects: usize,
    /// The conditions, in words.
    pub conditions: String,
    /// Why datasets were left out.
    pub broken: Vec<String>,
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

/// What is read back of a record.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Comparison {
    /// Where it comes from.
    #[serde(flatten)]
    pub of: Provenance,
    /// The conditions, in words.
    pub conditions: String,
    /// Every scenario beside every peer.
    pub summaries: Vec<Summary>,
}

impl Row {
    fn spread(&self, figure: impl Fn(&[Sample]) -> f64) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|samples| figure(samples)))
    }
}

impl Report {
    /// Every scenario beside every peer.
    pub fn summaries(&self) -> Vec<Summary> {
        let peers = self.subjects..self.servers.len();
        let pairs = peers.flat_map(|peer| self.rows.iter().map(move |row| (peer, row)));
        pairs.filter_map(|(peer, row)| self.summary(row, peer)).collect()
    }

    /// One scenario beside one peer; `None` before its first round.
    fn summary(&self, row: &Row, peer: usize) -> Option<Summary> {
        let subject = self.subject_for(peer);
        let ratio = |figure: fn(&Sample) -> f64| {
            row.spread(|samples| figure(&samples[subject]) / figure(&samples[peer]))
        };
        let ns = |server: usize| Some(row.spread(|s| s[server].cpu_ns_per_op)?.median);
        let difference =
            row.spread(|samples| (samples[subject].p50_ms - samples[peer].p50_ms) * 1000.0)?;
        let two_shards = (row.scenario.pipeline == TWO_SHARDS_DEPTH).then_some(TWO_SHARDS_BAR);
        let cpu_bar = match self.servers[peer].1 {
            Kind::Redis => row.scenario.bars.map(|bars| bars.redis),
            Kind::Memcached => row.scenario.bars.map(|bars| bars.memcached),
            Kind::Velodrome => two_shards,
            _ => None,
        };
        let mut summary = Summary {
            scenario: row.scenario.name(),
            subject: self.servers[subject].0.clone(),
            peer: self.servers[peer].0.clone(),
            subject_ns_per_op: ns(subject)?,
            peer_ns_per_op: ns(peer)?,
            cpu_ratio: ratio(|sample| sample.cpu_ns_per_op)?,
            cpu_bar,
            throughput_ratio: ratio(|sample| sample.requests_per_s)?,
            p50_ratio: ratio(|sample| sample.p50_ms)?,
            p99_ratio: ratio(|sample| sample.p99_ms)?,
            p50_difference_us: difference,
            subject_medians: medians(row, subject)?,
            peer_medians: medians(row, peer)?,
            missed: Vec::new(),
        };
        if self.servers[peer].1 == Kind::Velodrome {
            // Two shards beside one: only the processor time an operation has a bar.
            summary.judge_cpu();
            return Some(summary);
        }
        summary.judge(row.scenario.connections == 1);
        Some(summary)
    }

    /// The server a peer is compared with: the one under test that speaks its protocol, or else
    /// the first.
    fn subject_for(&self, peer: usize) -> usize {
        let wanted = self.servers[peer].1.protocol();
        let mut subjects = self.servers[..self.subjects].iter();
        subjects.position(|(_, kind)| kind.protocol() == wanted).unwrap_or(0)
    }

    /// What a record of this report would be read back as.
    pub fn comparison(&self) -> Comparison {
        let (of, conditions) = (self.of.clone(), self.conditions.clone());
        Comparison { of, conditions, summaries: self.summaries() }
    }

    /// The whole report as indented JSON.
    ///
    /// # Errors
    /// When a figure is no number.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let summaries = self.summaries();
        serde_json::to_string_pretty(&Document { summaries, report: self })
    }
}

impl Summary {
    fn judge_cpu(&mut self) {
        if self.cpu_bar.is_some_and(|bar| self.cpu_ratio.median > bar) {
            self.missed.push("cpu".to_owned());
        }
    }

    fn judge(&mut self, single: bool) {
        self.judge_cpu();
        let mut missed =
            |name: &str, missed: bool| self.missed.extend(missed.then(|| name.to_owned()));
        if single {
            missed("p50", self.p50_difference_us.median > SINGLE_P50_BAR_US);
            return;
        }
        missed("throughput", self.throughput_ratio.median < THROUGHPUT_BAR);
        missed("p50", self.p50_ratio.median > LATENCY_BAR);
        missed("p99", self.p99_ratio.median > LATENCY_BAR);
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\n{}", self.of.words(), self.conditions)?;
        let summaries = self.summaries();
        for group in summaries.chunk_by(|one, two| one.peer == two.peer) {
            writeln!(out, "\n{} against {}", group[0].subject, group[0].peer)?;
            writeln!(
                out,
                "{:<21} {:>6} {:>6}  {:<17} {:<4}  {:<17} {:>5} {:>5}  missed",
                "scenario", "ns/op", "peer", "cpu ratio", "bar", "throughput", "p50", "p99"
            )?;
            for summary in group {
                writeln!(
                    out,
                    "{:<21} {:>6.0} {:>6.0}  {:<17} {:<4}  {:<17} {:>5.2} {:>5.2}  {}",
                    summary.scenario,
                    summary.subject_ns_per_op,
                    summary.peer_ns_per_op,
                    range(&summary.cpu_ratio)?,
                    summary.cpu_bar.map(|bar| format!("{bar:.2}")).unwrap_or_default(),
                    range(&summary.throughput_ratio)?,
                    summary.p50_ratio.median,
                    summary.p99_ratio.median,
                    summary.missed.join(" "),
                )?;
            }
        }
        write!(out, "\nns/op: processor time of all the server's threads; median (min..max)")
    }
}

/// Throughput and latency of one server, over all rounds.
fn medians(row: &Row, server: usize) -> Option<Medians> {
    let median = |figure: fn(&Sample) -> f64| Some(row.spread(|s| figure(&s[server]))?.median);
    Some(Medians {
        requests_per_s: median(|sample| sample.requests_per_s)?,
        p50_us: median(|sample| sample.p50_ms)? * 1000.0,
        p99_us: median(|sample| sample.p99_ms)? * 1000.0,
    })
}

fn range(spread: &Spread) -> Result<String, fmt::Error> {
    let mut text = String::new();
    write!(text, "{:.2} ({:.2}..{:.2})", spread.median, spread.min, spread.max)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::KeyCounts;

    fn sample(cpu_ns_per_op: f64, requests_per_s: f64) -> Sample {
        Sample { cpu_ns_per_op, requests_per_s, p50_ms: 0.2, p99_ms: 0.4, load_busy: None }
    }

    fn report() -> Report {
        // Each round is twice as slow as the last for all: the ratio must not notice.
        let rounds = [1.0, 2.0, 4.0].map(|slow| {
            vec![
                sample(500.0 * slow, 200.0),
                sample(900.0 * slow, 90.0),
                sample(1000.0 * slow, 100.0),
                sample(1000.0 * slow, 100.0),
            ]
        });
        let keys = KeyCounts { small: 1, medium: 1, zipf: 1 };
        let scenario = Scenario::matrix(keys).swap_remove(4);
        Report {
            of: Provenance::default(),
            servers: vec![
                ("velodrome".to_owned(), Kind::Velodrome),
                ("velodrome text".to_owned(), Kind::VelodromeText),
                ("redis".to_owned(), Kind::Redis),
                ("memcached".to_owned(), Kind::Memcached),
            ],
            subjects: 2,
            conditions: "cores".to_owned(),
            broken: Vec::new(),
            rows: vec![Row { scenario, rounds: rounds.to_vec() }],
        }
    }

    #[test]
    fn ratios_are_formed_round_by_round_and_within_a_protocol() {
        let summaries = report().summaries();
        assert_eq!(summaries.len(), 2);
        let (redis, memcached) = (&summaries[0], &summaries[1]);
        assert_eq!(redis.cpu_ratio, Spread { min: 0.5, median: 0.5, max: 0.5 });
        assert_eq!((redis.throughput_ratio.median, redis.cpu_bar), (2.0, Some(0.45)));
        assert_eq!(redis.missed, ["cpu"]);
        assert_eq!(memcached.subject, "velodrome text");
        assert_eq!((memcached.cpu_ratio.median, memcached.cpu_bar), (0.9, Some(0.35)));
        assert_eq!(memcached.missed, ["cpu", "throughput"]);
    }

    #[test]
    fn a_single_connection_is_judged_by_its_median_alone() {
        let mut report = report();
        report.rows[0].scenario.connections = 1;
        report.rows[0].scenario.bars = None;
        assert!(report.summaries()[1].missed.is_empty());
        report.rows[0].rounds.iter_mut().for_each(|samples| samples[0].p50_ms += 0.006);
        assert_eq!(report.summaries()[0].missed, ["p50"]);
    }

    #[test]
    fn the_table_names_scenario_and_ratio_and_fits_a_terminal() {
        let text = report().to_string();
        assert!(text.contains("GET 32 c50 P16") && text.contains("0.50 (0.50..0.50)"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 110), "{text}");
    }

    #[test]
    fn json_carries_summaries_and_samples() {
        let json: serde_json::Value = serde_json::from_str(&report().to_json().unwrap()).unwrap();
        assert_eq!(json["summaries"][0]["cpu_ratio"]["median"], 0.5);
        assert_eq!(json["rows"][0]["rounds"].as_array().unwrap().len(), 3);
        assert_eq!(json["rows"][0]["scenario"]["operation"], "get");
    }

    #[test]
    fn a_row_without_rounds_is_left_out() {
        let mut report = report();
        report.rows[0].rounds.clear();
        assert!(report.summaries().is_empty());
        assert!(!report.to_string().contains("GET"));
    }
}
