//! What came of a load, as text and as JSON.
//!
//! Owns the words. Invariant: trouble comes first and says what happened. Cost: none.

use std::fmt::Write;

use serde::Serialize;

use crate::load::{Latencies, Outcome, Session};

/// What `--json` writes.
#[derive(Serialize)]
pub struct Document<'a> {
    /// What was measured.
    title: &'a str,
    /// The version of this program.
    version: &'static str,
    /// One outcome a rate, or one.
    outcomes: &'a [Outcome],
}

/// The figures as JSON wants them.
pub fn document<'a>(title: &'a str, outcomes: &'a [Outcome]) -> Document<'a> {
    Document { title, version: env!("CARGO_PKG_VERSION"), outcomes }
}

/// The load's setting in a few words.
pub fn setting(session: &Session) -> String {
    let plan = session.plan();
    let (threads, keys) = (plan.threads, plan.workload.keys.count());
    format!(
        "{}: {} connections, {threads} thread{}, pipeline {}, {keys} keys",
        plan.protocol.name(),
        plan.connections,
        if threads == 1 { "" } else { "s" },
        plan.pipeline,
    )
}

/// An outcome for people.
pub fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    let line = &mut out;
    for trouble in troubles(outcome) {
        let _ = writeln!(line, "{trouble}");
    }
    let _ = writeln!(
        line,
        "{}: {} answers in {:.2} s, {:.0}/s, {:.1} MiB/s received",
        outcome.name,
        outcome.answered,
        outcome.seconds,
        outcome.answers_per_s,
        outcome.received_bytes_per_s / f64::from(1 << 20),
    );
    if let Some(server) = &outcome.server {
        let _ = writeln!(
            line,
            "server (pid {}): {:.0} ns of processor time an operation, {:.2} cores busy, {} MiB \
             resident",
            server.pid,
            server.cpu_ns_per_op,
            server.cores_busy,
            server.rss_bytes >> 20,
        );
    }
    let _ = writeln!(
        line,
        "load: busiest thread {:.0} % busy; {} keys missing, {} answers wrong, {} refused",
        outcome.generator_busy * 100.0,
        outcome.missing,
        outcome.wrong,
        outcome.refused,
    );
    let heads = ["µs", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "max", "mean", "count"];
    let _ = write!(line, "{:<8}", heads[0]);
    heads[1..].iter().for_each(|head| line.push_str(&format!("{head:>10}")));
    let commands = outcome.commands.iter().map(|(name, latencies)| (name.as_str(), latencies));
    for (name, latencies) in std::iter::once(("all", &outcome.latencies)).chain(commands) {
        let _ = write!(line, "\n{name:<8}{}", row(latencies));
    }
    out
}

fn row(latencies: &Latencies) -> String {
    let figures = [
        latencies.p50_us,
        latencies.p90_us,
        latencies.p95_us,
        latencies.p99_us,
        latencies.p999_us,
        latencies.p9999_us,
        latencies.max_us,
        latencies.mean_us,
    ];
    let mut text: String = figures.iter().map(|figure| format!("{figure:>10.1}")).collect();
    let _ = write!(text, "{:>10}", latencies.count);
    text
}

/// What went wrong, a line each.
pub fn troubles(outcome: &Outcome) -> Vec<String> {
    let mut found = Vec::new();
    if outcome.lost_connections > 0 {
        let last = outcome.series.last().map_or(0, |second| second.at_s);
        found.push(format!(
            "THE SERVER WENT AWAY: {} connections lost after {:.1} s ({} whole seconds \
             measured), {} requests unanswered; the first because: {}",
            outcome.lost_connections,
            outcome.seconds,
            last,
            outcome.unanswered,
            outcome.loss.as_deref().unwrap_or("unknown"),
        ));
    }
    if outcome.stalled {
        let unanswered = outcome.unanswered;
        found.push(format!("THE SERVER FELL SILENT: {unanswered} requests unanswered in time"));
    }
    if outcome.is_wrong() {
        found.push(format!(
            "WRONG ANSWERS: {} wrong, {} refused; the first: {}",
            outcome.wrong,
            outcome.refused,
            outcome.trouble.as_deref().unwrap_or("unknown"),
        ));
    }
    if outcome.unsent > 0 {
        found.push(format!(
            "OVERLOADED: {} requests came due and could not be sent; latencies leave them out",
            outcome.unsent
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_comes_first_and_lines_fit() {
        let outcome = Outcome {
            name: "closed loop".to_owned(),
            lost_connections: 2,
            loss: Some("reset".to_owned()),
            wrong: 1,
            unsent: 4,
            ..Outcome::default()
        };
        let text = text(&outcome);
        let heads: Vec<&str> = text.lines().map(|l| l.split(':').next().unwrap()).collect();
        assert_eq!(
            heads[..4],
            ["THE SERVER WENT AWAY", "WRONG ANSWERS", "OVERLOADED", "closed loop"]
        );
        assert!(text.contains("because: reset"));
        assert!(text.lines().skip(3).all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn nothing_wrong_is_not_mentioned() {
        assert!(troubles(&Outcome::default()).is_empty());
    }
}
