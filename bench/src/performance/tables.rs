//! Figures as tables in Markdown.
//!
//! Invariant: every table names its units. Cost: none worth naming.

use std::fmt::Write;

use crate::ceiling::Ceilings;
use crate::report::{Comparison, Summary};
use crate::spread::Spread;
use crate::suite::Scored;

/// A comparison: a table a peer.
pub fn peers(comparison: &Comparison) -> String {
    let mut out = String::new();
    for group in comparison.summaries.chunk_by(|one, two| one.peer == two.peer) {
        let _ = writeln!(out, "{} beside {}:\n", group[0].subject, group[0].peer);
        out.push_str(&summaries(group));
        out.push('\n');
    }
    out
}

/// Every scenario beside one peer.
pub(super) fn summaries(group: &[Summary]) -> String {
    let mut out = String::from(
        "| scenario | ns/op | peer | ratio (min..max) | bar | throughput | p50 | p99 | verdict |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for summary in group {
        let bar = summary.cpu_bar.map(|bar| format!("≤ {bar:.2}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {} | {:.0} | {:.0} | {} | {bar} | {:.2} | {:.2} | {:.2} | {} |",
            summary.scenario,
            summary.subject_ns_per_op,
            summary.peer_ns_per_op,
            range(&summary.cpu_ratio),
            summary.throughput_ratio.median,
            summary.p50_ratio.median,
            summary.p99_ratio.median,
            verdict(summary),
        );
    }
    out
}

/// What was reached, in absolute figures.
pub(super) fn medians(group: &[Summary]) -> String {
    let mut out = format!(
        "| scenario | {0}, k/s | {1}, k/s | {0} p50, µs | {1} | {0} p99, µs | {1} |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
        group[0].subject, group[0].peer
    );
    for Summary { scenario, subject_medians: one, peer_medians: two, .. } in group {
        let _ = writeln!(
            out,
            "| {scenario} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            one.requests_per_s / 1000.0,
            two.requests_per_s / 1000.0,
            one.p50_us,
            two.p50_us,
            one.p99_us,
            two.p99_us,
        );
    }
    out
}

fn verdict(summary: &Summary) -> String {
    if summary.missed.is_empty() {
        "met".to_owned()
    } else {
        format!("missed: {}", summary.missed.join(", "))
    }
}

fn range(spread: &Spread) -> String {
    format!("**{:.2}** ({:.2}..{:.2})", spread.median, spread.min, spread.max)
}

/// Scenarios that are measured by another: the echo server's, mostly.
pub(super) fn over_base(scenarios: &[&Scored]) -> String {
    let mut out = String::from("| scenario | ns/op | measured by | ratio |\n|---|--:|---|--:|\n");
    for scored in scenarios {
        let (Some(ns), Some(base), Some(over)) = (scored.cpu_ns(), &scored.base, scored.over_base)
        else {
            continue;
        };
        let _ = writeln!(out, "| {} | {ns:.0} | {base} | {over:.2} |", scored.name);
    }
    out
}

/// Scenarios of the suite.
pub(super) fn suite(scenarios: &[&Scored]) -> String {
    let mut out = String::from(
        "| scenario | what | k/s | ns/op | of the floor | p50, µs | p99 | p99.9 | p99.99 | max \
         | cores | MiB |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for scored in scenarios {
        let Some(outcome) = scored.best() else { continue };
        let (server, latencies) = (outcome.server.unwrap_or_default(), outcome.latencies);
        let floor = scored.base.as_ref().filter(|base| base.starts_with("echo"));
        let over = floor.and(scored.over_base).map(|over| format!("{over:.2}"));
        let _ = writeln!(
            out,
            "| {} | {} | {:.0} | {:.0} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.3} | {} |",
            scored.name,
            scored.what,
            outcome.answers_per_s / 1000.0,
            server.cpu_ns_per_op,
            over.unwrap_or_default(),
            latencies.p50_us,
            latencies.p99_us,
            latencies.p999_us,
            latencies.p9999_us,
            latencies.max_us,
            server.cores_busy,
            server.rss_bytes >> 20,
        );
    }
    out
}

/// The node's own account of its turns, where a scenario has it.
pub(super) fn turns(scenarios: &[&Scored]) -> String {
    const COLUMNS: [&str; 9] = [
        "turns",
        "turn p50, µs",
        "turn p99, µs",
        "turn p99.9, µs",
        "turn p99.99, µs",
        "turn max, µs",
        "step max, items",
        "step max, bytes",
        "step max, entries",
    ];
    let heads: String = COLUMNS.iter().map(|name| format!(" {name} |")).collect();
    let mut out = format!("| scenario |{heads}\n|---|{}\n", "--:|".repeat(COLUMNS.len()));
    for scored in scenarios {
        let cell = |name: &&str| match scored.counted.get(*name) {
            Some(figure) => format!(" {figure} |"),
            None => " |".to_owned(),
        };
        let cells: String = COLUMNS.iter().map(cell).collect();
        let _ = writeln!(out, "| {} |{cells}", scored.name);
    }
    out
}

/// What one scenario counted, a row a figure; those of turns stand elsewhere.
pub(super) fn counted(scored: &Scored) -> String {
    let mut out = String::from("| what | figure |\n|---|--:|\n");
    let other = |name: &str| !name.starts_with("turn") && !name.starts_with("step");
    for (name, figure) in scored.counted.iter().filter(|(name, _)| other(name)) {
        let digits = if figure.fract() == 0.0 || figure.abs() >= 1000.0 { 0 } else { 2 };
        let _ = writeln!(out, "| {name} | {figure:.digits$} |");
    }
    out
}

/// The most instructions each operation may take.
pub(super) fn instructions(rows: &[(&str, &str)]) -> String {
    let mut out = String::from("| operation | instructions, at most |\n|---|--:|\n");
    for (name, figure) in rows {
        let _ = writeln!(out, "| {name} | {} |", figure.trim());
    }
    out
}

/// The highest rates, and what an operation costs there.
pub(super) fn ceilings(ceilings: &Ceilings) -> String {
    let mut out = String::from(
        "| server | highest rate, k/s | p50, µs | p99 | p99.9 | ns/op | cores |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
    );
    for curve in &ceilings.curves {
        let at = |rate: f64| curve.outcomes.iter().find(|it| it.offered_per_s == Some(rate));
        let Some(outcome) = at(curve.ceiling_per_s) else {
            let _ = writeln!(out, "| {} | none served | | | | | |", curve.server);
            continue;
        };
        let (server, latencies) = (outcome.server.unwrap_or_default(), outcome.latencies);
        let _ = writeln!(
            out,
            "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} |",
            curve.server,
            curve.ceiling_per_s / 1000.0,
            latencies.p50_us,
            latencies.p99_us,
            latencies.p999_us,
            server.cpu_ns_per_op,
            server.cores_busy,
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ceiling::Curve;
    use crate::load::Outcome;

    fn summary(missed: &[&str]) -> Summary {
        Summary {
            scenario: "GET 32 c50 P16".to_owned(),
            subject: "velodrome".to_owned(),
            peer: "redis".to_owned(),
            subject_ns_per_op: 400.0,
            peer_ns_per_op: 1000.0,
            cpu_ratio: Spread { min: 0.35, median: 0.4, max: 0.45 },
            cpu_bar: Some(0.45),
            missed: missed.iter().map(|&text| text.to_owned()).collect(),
            ..Summary::default()
        }
    }

    fn is_table(text: &str) {
        let mut lines = text.trim().lines();
        let columns = |line: &str| line.matches('|').count();
        let head = columns(lines.next().unwrap());
        lines.for_each(|line| assert_eq!(columns(line), head, "{line}"));
    }

    #[test]
    fn a_row_says_whether_the_bar_was_met() {
        let text = summaries(&[summary(&[]), summary(&["cpu", "p99"])]);
        is_table(&text);
        assert!(
            text.contains("**0.40** (0.35..0.45) | ≤ 0.45") && text.contains("| met |"),
            "{text}"
        );
        assert!(text.contains("missed: cpu, p99"));
        is_table(&medians(&[summary(&[])]));
    }

    #[test]
    fn tables_have_as_many_cells_as_heads() {
        let outcome = |rate| Outcome { offered_per_s: Some(rate), ..Outcome::default() };
        let curve = |ceiling_per_s| Curve {
            server: "s".to_owned(),
            outcomes: vec![outcome(1000.0)],
            ceiling_per_s,
        };
        let text =
            ceilings(&Ceilings { curves: vec![curve(1000.0), curve(0.0)], ..Ceilings::default() });
        is_table(&text);
        assert!(text.contains("none served"));
        let mut scored = Scored { outcomes: vec![Outcome::default()], ..Scored::default() };
        is_table(&suite(&[&scored]));
        is_table(&turns(&[&scored]));
        scored.counted.insert("turn max, µs".to_owned(), 256.0);
        scored.counted.insert("keys expired".to_owned(), 5e6);
        is_table(&turns(&[&scored]));
        assert!(turns(&[&scored]).contains("| 256 |"));
        is_table(&counted(&scored));
        assert!(counted(&scored).ends_with("| keys expired | 5000000 |\n"));
        is_table(&instructions(&[("get", "454")]));
    }
}
