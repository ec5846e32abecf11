//! Two records side by side.
//!
//! Invariant: only scenarios of the same name are compared; the others are named. Cost: none.

use std::fmt::Write;

use super::record::{Record, Scored};

/// A table of what changed from `before` to `after`; ratios are after over before.
pub fn compare(before: &Record, after: &Record) -> String {
    let mut text = format!("before: {}\nafter:  {}\n", before.of.words(), after.of.words());
    if before.of.host != after.of.host {
        text.push_str("THE MACHINES DIFFER: ratios say nothing about the code\n");
    }
    let _ = writeln!(
        text,
        "\n{:<16} {:>17} {:>5}  {:>17} {:>5}  {:>15} {:>15}",
        "scenario", "ns/op", "ratio", "k/s", "ratio", "p50 µs", "p99 µs"
    );
    for one in &before.scenarios {
        match after.scenarios.iter().find(|two| two.name == one.name) {
            Some(two) => text.push_str(&row(one, two)),
            None => drop(writeln!(text, "{:<16} only before", one.name).is_ok()),
        }
    }
    let known = |two: &&Scored| before.scenarios.iter().any(|one| one.name == two.name);
    for two in after.scenarios.iter().filter(|two| !known(two)) {
        let _ = writeln!(text, "{:<16} only after", two.name);
    }
    text
}

fn row(one: &Scored, two: &Scored) -> String {
    let figure = |figure: fn(&Scored) -> Option<f64>| {
        (figure(one).unwrap_or(f64::NAN), figure(two).unwrap_or(f64::NAN))
    };
    let pair = |(before, after): (f64, f64)| format!("{} {}", number(before), number(after));
    let ratio = |(before, after): (f64, f64)| {
        let ratio = after / before;
        if ratio.is_finite() { format!("{ratio:.2}") } else { "-".to_owned() }
    };
    let cpu = figure(Scored::cpu_ns);
    let served = figure(|scored| Some(scored.best()?.answers_per_s / 1000.0));
    let p50 = figure(|scored| Some(scored.best()?.latencies.p50_us));
    let p99 = figure(|scored| Some(scored.best()?.latencies.p99_us));
    format!(
        "{:<16} {:>17} {:>5}  {:>17} {:>5}  {:>15} {:>15}\n",
        one.name,
        pair(cpu),
        ratio(cpu),
        pair(served),
        ratio(served),
        pair(p50),
        pair(p99),
    )
}

fn number(value: f64) -> String {
    if value.is_nan() { format!("{:>8}", "-") } else { format!("{value:>8.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Outcome, ServerCost};

    fn record(ns: f64, names: &[&str]) -> Record {
        let scored = |name: &&str| {
            let server = ServerCost { cpu_ns_per_op: ns, ..ServerCost::default() };
            let outcome =
                Outcome { server: Some(server), answers_per_s: 2e6, ..Outcome::default() };
            Scored::new(name, "", vec![outcome])
        };
        Record { scenarios: names.iter().map(scored).collect(), ..Record::default() }
    }

    #[test]
    fn equal_names_are_compared_and_others_named() {
        let text = compare(&record(400.0, &["a", "b"]), &record(300.0, &["b", "c"]));
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line("b ").contains("400      300  0.75"), "{text}");
        assert!(line("a ").ends_with("only before") && line("c ").ends_with("only after"));
        assert!(!text.contains("DIFFER"));
    }

    #[test]
    fn another_machine_is_pointed_out() {
        let mut other = record(1.0, &["a"]);
        other.of.host.kernel = "x".to_owned();
        assert!(compare(&record(1.0, &["a"]), &other).contains("THE MACHINES DIFFER"));
    }
}
