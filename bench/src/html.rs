//! The report as one HTML file.
//!
//! Owns the page: figures and plots, nothing fetched from elsewhere, light or dark as the reader
//! has it. Invariant: every text is escaped. Cost: one pass over the series.

use std::fmt::Write;

use crate::load::{Outcome, Second};
use crate::plot::{Line, Plot, escape};
use crate::summary;

const STYLE: &str = "
:root{color-scheme:light dark;--bg:#fff;--ink:#1c2430;--dim:#687385;--grid:#e3e7ee;
--c0:#0b7285;--c1:#e8590c;--c2:#7048e8;--c3:#c92a2a;--c4:#2b8a3e}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--ink:#dfe5ee;--dim:#93a0b4;--grid:#28303b;
--c0:#3bc9db;--c1:#ffa94d;--c2:#b197fc;--c3:#ff8787;--c4:#69db7c}}
body{background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif;margin:2rem auto;
max-width:780px;padding:0 1rem}h1{font-size:1.3rem}h2{font-size:1.1rem;margin-top:2.5rem}
pre{background:color-mix(in srgb,var(--grid) 45%,transparent);padding:.8rem;border-radius:6px;
overflow-x:auto;font-size:12px}figure{margin:1.4rem 0}figcaption{font-weight:600}
svg{width:100%;height:auto}svg text{fill:var(--dim);font-size:11px;text-anchor:middle}
svg text.y,svg text.unit{text-anchor:end}.grid{stroke:var(--grid);fill:none}
.line{fill:none;stroke-width:1.8}.legend{margin:0;font-size:13px}.legend span{margin-right:1rem}
.line.c0{stroke:var(--c0)}.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}
.line.c3{stroke:var(--c3)}.line.c4{stroke:var(--c4)}
.dot.c0{fill:var(--c0)}.dot.c1{fill:var(--c1)}.dot.c2{fill:var(--c2)}.dot.c3{fill:var(--c3)}
.dot.c4{fill:var(--c4)}span.c0{color:var(--c0)}span.c1{color:var(--c1)}span.c2{color:var(--c2)}
span.c3{color:var(--c3)}span.c4{color:var(--c4)}";

/// The whole page.
pub fn page(title: &str, outcomes: &[Outcome]) -> String {
    let title = escape(title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{STYLE}</style>\n<h1>{title}</h1>\n"
    );
    if outcomes.len() > 1 {
        page.push_str(&curve(outcomes));
    }
    for outcome in outcomes {
        let _ = write!(
            page,
            "<h2>{}</h2>\n<pre>{}</pre>\n",
            escape(&outcome.name),
            escape(&summary::text(outcome))
        );
        page.push_str(&series(&outcome.series));
    }
    page.push_str("</html>\n");
    page
}

/// Latency against load: one point a rate.
fn curve(outcomes: &[Outcome]) -> String {
    let line = |name, figure: fn(&Outcome) -> f64| {
        let point = |outcome: &Outcome| (outcome.answers_per_s, figure(outcome));
        Line { name, points: outcomes.iter().map(point).collect() }
    };
    let lines = vec![
        line("p50", |outcome| outcome.latencies.p50_us),
        line("p99", |outcome| outcome.latencies.p99_us),
        line("p99.9", |outcome| outcome.latencies.p999_us),
    ];
    let title = "Latency against load, µs";
    Plot { title, x: "answers a second", logarithmic: true, lines }.svg()
}

/// Throughput, latency and the server's cost over time.
fn series(seconds: &[Second]) -> String {
    let line = |name, figure: fn(&Second) -> Option<f64>| {
        let point = |second: &Second| Some((second.at_s as f64, figure(second)?));
        Line { name, points: seconds.iter().filter_map(point).collect() }
    };
    let throughput = vec![line("answers", |second| Some(second.answers_per_s))];
    let latency = vec![
        line("p50", |second| Some(second.latencies.p50_us)),
        line("p90", |second| Some(second.latencies.p90_us)),
        line("p99", |second| Some(second.latencies.p99_us)),
        line("p99.9", |second| Some(second.latencies.p999_us)),
        line("max", |second| Some(second.latencies.max_us)),
    ];
    let cost = vec![line("server", |second| second.cpu_ns_per_op)];
    let memory = vec![line("server", |second| second.rss_bytes.map(|b| b as f64 / 1048576.0))];
    let plots = [
        ("Throughput, answers a second", false, throughput),
        ("Latency, µs", true, latency),
        ("Processor time of the server, ns an operation", false, cost),
        ("Resident memory of the server, MiB", false, memory),
    ];
    let draw = |(title, logarithmic, lines)| Plot { title, x: "seconds", logarithmic, lines }.svg();
    plots.map(draw).concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Latencies;

    fn outcome(name: &str) -> Outcome {
        let latencies = Latencies { p50_us: 100.0, max_us: 900.0, ..Latencies::default() };
        let second = |at_s| Second {
            at_s,
            answers_per_s: 1000.0,
            latencies,
            cpu_ns_per_op: Some(500.0),
            rss_bytes: None,
        };
        let series = (1..=3).map(second).collect();
        Outcome { name: name.to_owned(), series, ..Outcome::default() }
    }

    #[test]
    fn the_page_stands_alone_and_escapes() {
        let page = page("<b>", &[outcome("one"), outcome("two")]);
        assert!(page.contains("<title>&lt;b&gt;</title>") && !page.contains("<b>"));
        assert!(!page.contains("http") && !page.contains("src="));
        assert_eq!(page.matches("Latency against load").count(), 1);
        assert_eq!(page.matches("Throughput, answers").count(), 2);
        assert!(!page.contains("Resident memory"), "nothing known, nothing drawn");
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }

    #[test]
    fn one_outcome_has_no_curve() {
        assert!(!page("t", &[outcome("one")]).contains("Latency against load"));
    }
}
