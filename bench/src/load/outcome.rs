//! What came of a stage: figures for people and machines.
//!
//! Owns the figures' names and units. Invariant: a percentile is of whole histograms, never a mean
//! of percentiles. Cost: one pass over each histogram.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::tally::Tally;
use crate::workload::Kind;

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latencies {
    /// Answers counted.
    pub count: u64,
    /// The mean.
    pub mean_us: f64,
    /// Half are faster.
    pub p50_us: f64,
    /// 90 %.
    pub p90_us: f64,
    /// 95 %.
    pub p95_us: f64,
    /// 99 %.
    pub p99_us: f64,
    /// 99.9 %.
    pub p999_us: f64,
    /// 99.99 %.
    pub p9999_us: f64,
    /// The slowest.
    pub max_us: f64,
}

/// One second of a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Seconds since the stage began, at the end of this one.
    pub at_s: usize,
    /// Answers a second.
    pub answers_per_s: f64,
    /// Percentiles of this second.
    pub latencies: Latencies,
    /// The server's processor time an answer, in nanoseconds, where it is known.
    pub cpu_ns_per_op: Option<f64>,
    /// The server's resident memory at the end of the second.
    pub rss_bytes: Option<u64>,
}

/// What the stage cost a server on this host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerCost {
    /// Its process.
    pub pid: u32,
    /// Processor time of all its threads an answer, in nanoseconds.
    pub cpu_ns_per_op: f64,
    /// Cores it kept busy.
    pub cores_busy: f64,
    /// Resident memory after the stage.
    pub rss_bytes: u64,
}

/// What came of one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// What was measured, in words.
    pub name: String,
    /// Requests a second that were offered, in an open loop.
    pub offered_per_s: Option<f64>,
    /// Seconds from the first request to the last answer.
    pub seconds: f64,
    /// Requests answered.
    pub answered: u64,
    /// Answers a second.
    pub answers_per_s: f64,
    /// Bytes received a second.
    pub received_bytes_per_s: f64,
    /// Keys that were not there.
    pub missing: u64,
    /// Answers with another value than the key's, or of the wrong kind.
    pub wrong: u64,
    /// Requests the server refused.
    pub refused: u64,
    /// Requests on connections that ended, or without an answer in time.
    pub unanswered: u64,
    /// Requests of an open loop that came due and could not be sent.
    pub unsent: u64,
    /// Connections that ended against the plan.
    pub lost_connections: u64,
    /// Why the first of them ended.
    pub loss: Option<String>,
    /// Whether the server fell silent.
    pub stalled: bool,
    /// The first wrong answer or refusal.
    pub trouble: Option<String>,
    /// Latencies of all answers; in an open loop from the time a request was due.
    pub latencies: Latencies,
    /// Latencies by command.
    pub commands: Vec<(String, Latencies)>,
    /// Second by second.
    pub series: Vec<Second>,
    /// What the server spent, when it runs on this host.
    pub server: Option<ServerCost>,
    /// The busiest load thread's share of its core: near 1 the load is the bottleneck. An open
    /// loop spins, so it is always near 1 there.
    pub generator_busy: f64,
}

impl Latencies {
    pub(super) fn of(histogram: &Histogram<u64>) -> Latencies {
        let us = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        if histogram.is_empty() {
            return Latencies::default();
        }
        Latencies {
            count: histogram.len(),
            mean_us: histogram.mean() / 1000.0,
            p50_us: us(0.5),
            p90_us: us(0.9),
            p95_us: us(0.95),
            p99_us: us(0.99),
            p999_us: us(0.999),
            p9999_us: us(0.9999),
            max_us: histogram.max() as f64 / 1000.0,
        }
    }
}

impl Second {
    pub(super) fn of(at_s: usize, tally: &Tally) -> Second {
        Second {
            at_s,
            answers_per_s: tally.answered as f64,
            latencies: Latencies::of(&tally.overall()),
            cpu_ns_per_op: None,
            rss_bytes: None,
        }
    }
}

impl Outcome {
    /// Takes what all threads saw.
    pub(super) fn take(&mut self, tally: &Tally) {
        self.answered = tally.answered;
        self.answers_per_s = tally.answered as f64 / self.seconds.max(1e-9);
        self.received_bytes_per_s = tally.received_bytes as f64 / self.seconds.max(1e-9);
        (self.missing, self.wrong, self.refused) = (tally.missing, tally.wrong, tally.refused);
        self.trouble.clone_from(&tally.trouble);
        self.latencies = Latencies::of(&tally.overall());
        let seen =
            |kind: Kind| Some((kind.name().to_owned(), Latencies::of(tally.latencies(kind)?)));
        self.commands = Kind::ALL.into_iter().filter_map(seen).collect();
    }

    /// Whether the server went away or fell silent.
    pub fn is_broken(&self) -> bool {
        self.lost_connections > 0 || self.stalled
    }

    /// Whether an answer was not what it must be.
    pub fn is_wrong(&self) -> bool {
        self.wrong > 0 || self.refused > 0
    }
}
