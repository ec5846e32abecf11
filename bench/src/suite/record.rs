//! What a run of the suite leaves behind: one JSON file.
//!
//! Owns the record's names. Invariant: a record says on what and of what it was taken. Cost: none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::load::Outcome;
use crate::provenance::Provenance;
use crate::spread::Spread;

/// A figure and the most it may be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// What it is, in words.
    pub what: String,
    /// The figure, and its range over rounds or seconds.
    pub figure: Spread,
    /// The most it may be.
    pub at_most: f64,
}

/// One scenario's figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The scenario.
    pub name: String,
    /// What it shows.
    pub what: String,
    /// One outcome; several where rates were offered one after the other.
    pub outcomes: Vec<Outcome>,
    /// The scenario this one is measured by.
    pub base: Option<String>,
    /// Processor time an operation over that scenario's.
    pub over_base: Option<f64>,
    /// What the server itself counted, by name with unit: turns, steps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counted: BTreeMap<String, f64>,
    /// What the scenario is about, where that has a bar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
}

/// A whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Where it comes from.
    #[serde(flatten)]
    pub of: Provenance,
    /// Seconds of one measurement.
    pub seconds: f64,
    /// Every scenario.
    pub scenarios: Vec<Scored>,
}

impl Judged {
    /// Whether the figure is no more than it may be.
    pub fn is_met(&self) -> bool {
        self.figure.median <= self.at_most
    }

    /// The figure in one line.
    pub(super) fn line(&self) -> String {
        let Judged { what, figure: Spread { min, median, max }, at_most } = self;
        let verdict = if self.is_met() { "met" } else { "MISSED" };
        format!("    {what}: {median:.2} ({min:.2}..{max:.2}), at most {at_most}: {verdict}")
    }
}

impl Scored {
    pub(super) fn new(name: &str, what: &str, outcomes: Vec<Outcome>) -> Scored {
        let (name, what) = (name.to_owned(), what.to_owned());
        Scored { name, what, outcomes, ..Scored::default() }
    }

    /// The outcome that counts: the highest rate served well, or the last where the rate is one.
    pub fn best(&self) -> Option<&Outcome> {
        let last = self.outcomes.last()?;
        if self.outcomes.iter().all(|outcome| outcome.offered_per_s == last.offered_per_s) {
            return Some(last);
        }
        let well = |outcome: &&Outcome| {
            let p99_us = outcome.latencies.p99_us;
            outcome.offered_per_s.is_none()
                || outcome.unsent == 0 && p99_us < super::SERVED_P99_US_MAX
        };
        self.outcomes.iter().rfind(well).or(self.outcomes.first())
    }

    /// Processor time of the server an operation.
    pub fn cpu_ns(&self) -> Option<f64> {
        Some(self.best()?.server?.cpu_ns_per_op).filter(|ns| *ns > 0.0)
    }

    /// The figures in one line.
    pub(super) fn line(&self) -> String {
        let Some(outcome) = self.best() else { return String::new() };
        let latencies = &outcome.latencies;
        let server = outcome.server.unwrap_or_default();
        let base = self.base.as_deref().unwrap_or_default();
        let over = self.over_base.map(|ratio| format!(", {ratio:.2} of {base}"));
        format!(
            "    {:.0}k/s, {:.0} ns/op{}, p50 {:.0} µs, p99 {:.0} µs, p99.9 {:.0} µs, \
             {:.3} cores, {} MiB",
            outcome.answers_per_s / 1000.0,
            server.cpu_ns_per_op,
            over.unwrap_or_default(),
            latencies.p50_us,
            latencies.p99_us,
            latencies.p999_us,
            server.cores_busy,
            server.rss_bytes >> 20,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_rate_is_the_last_that_was_served() {
        let outcome = |offered: f64, p99_us| {
            let mut outcome = Outcome { offered_per_s: Some(offered), ..Outcome::default() };
            outcome.latencies.p99_us = p99_us;
            outcome
        };
        let outcomes = vec![outcome(1.0, 10.0), outcome(2.0, 999.0), outcome(3.0, 1001.0)];
        let scored = Scored::new("a", "b", outcomes);
        assert_eq!(scored.best().unwrap().offered_per_s, Some(2.0));
        let equal = vec![outcome(2.0, 10.0), outcome(2.0, 2000.0)];
        assert_eq!(Scored::new("a", "b", equal).best().unwrap().latencies.p99_us, 2000.0);
    }

    #[test]
    fn a_figure_at_its_bar_is_met() {
        let figure = Spread { min: 1.0, median: 1.5, max: 2.0 };
        let judged = Judged { what: "w".to_owned(), figure, at_most: 1.5 };
        assert!(judged.is_met() && judged.line().ends_with("at most 1.5: met"));
        let above = Judged { at_most: 1.4, ..judged };
        assert!(!above.is_met() && above.line().ends_with("MISSED"));
    }
}
