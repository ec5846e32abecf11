//! The report as one HTML file.
//!
//! Owns the page: figures and plots, nothing fetched from elsewhere, light or dark as the reader
//! has it. Invariant: every text is escaped. Cost: one pass over the series.

use std::fmt::Write;

use crate::drawing::{self, PALETTE, escape, short};
use crate::load::{Outcome, Second};
use crate::plot::{Line, Plot};
use crate::summary;

const STYLE: &str = "
body{background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif;margin:2rem auto;
max-width:820px;padding:0 1rem}h1{font-size:1.3rem}h2{font-size:1.1rem;margin-top:2.5rem}
pre{background:color-mix(in srgb,var(--grid) 45%,transparent);padding:.8rem;border-radius:6px;
overflow-x:auto;font-size:12px}figure{margin:1.6rem 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem}
.tile{border:1px solid var(--grid);border-radius:8px;padding:.5rem .8rem}
.tile strong{display:block;font-size:1.25rem;font-variant-numeric:tabular-nums}
.tile span,footer{color:var(--dim);font-size:.8rem}.trouble{color:var(--c3);font-weight:600}";

/// The whole page.
pub fn page(title: &str, outcomes: &[Outcome]) -> String {
    let title = escape(title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{PALETTE}{STYLE}{}</style>\n<h1>{title}</h1>\n",
        drawing::STYLE
    );
    if outcomes.len() > 1 {
        page.push_str(&curve(outcomes));
    }
    for outcome in outcomes {
        let _ = writeln!(page, "<h2>{}</h2>", escape(&outcome.name));
        for trouble in summary::troubles(outcome) {
            let _ = writeln!(page, "<p class=\"trouble\">{}</p>", escape(&trouble));
        }
        page.push_str(&tiles(outcome));
        page.push_str(&series(&outcome.series));
        let figures = escape(&summary::text(outcome));
        let _ = writeln!(
            page,
            "<details open><summary>Figures</summary><pre>{figures}</pre></details>"
        );
    }
    page.push_str("<footer>Point at a plot to read its figures.</footer></html>\n");
    page
}

/// The figures most look for.
fn tiles(outcome: &Outcome) -> String {
    let latencies = &outcome.latencies;
    let mut tiles = vec![
        ("answers a second", short(outcome.answers_per_s)),
        ("p50", time(latencies.p50_us)),
        ("p99", time(latencies.p99_us)),
        ("p99.9", time(latencies.p999_us)),
    ];
    if let Some(server) = &outcome.server {
        tiles.push(("server, an operation", time(server.cpu_ns_per_op / 1000.0)));
        tiles.push(("server, resident", format!("{} MiB", server.rss_bytes >> 20)));
    }
    let wrong = outcome.wrong + outcome.refused + outcome.missing;
    tiles.push(("missing, wrong, refused", wrong.to_string()));
    let tile = |(name, figure)| {
        format!("<div class=\"tile\"><strong>{figure}</strong><span>{name}</span></div>")
    };
    format!("<div class=\"tiles\">{}</div>\n", tiles.into_iter().map(tile).collect::<String>())
}

/// A time in the unit that makes it short.
fn time(us: f64) -> String {
    match us {
        us if us >= 1e6 => format!("{} s", short(us / 1e6)),
        us if us >= 1e3 => format!("{} ms", short(us / 1e3)),
        us if us >= 1.0 => format!("{} µs", short(us)),
        us => format!("{:.0} ns", us * 1e3),
    }
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
    let (title, x, y) = ("Latency against load", "answers a second", "µs");
    let latency = Plot { title, x, y, logarithmic: true, lines, ..Plot::default() };
    let cost = |outcome: &Outcome| Some((outcome.answers_per_s, outcome.server?.cpu_ns_per_op));
    let lines = vec![Line { name: "server", points: outcomes.iter().filter_map(cost).collect() }];
    let (title, y) = ("Processor time against load", "ns an operation");
    latency.svg() + &Plot { title, x, y, lines, ..Plot::default() }.svg()
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
        ("Throughput", "answers a second", false, throughput),
        ("Latency percentiles", "µs", true, latency),
        ("Processor time of the server", "ns an operation", false, cost),
        ("Resident memory of the server", "MiB", false, memory),
    ];
    let draw = |(title, y, logarithmic, lines)| {
        Plot { title, x: "s", y, logarithmic, lines, ..Plot::default() }.svg()
    };
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
        assert_eq!(page.matches("\">Latency against load<").count(), 1);
        assert_eq!(page.matches("\">Throughput<").count(), 2);
        assert!(!page.contains("Resident memory"), "nothing known, nothing drawn");
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }

    #[test]
    fn times_choose_their_unit() {
        let shown = [0.43, 5.0, 123.4, 2700.0, 3e6].map(time);
        assert_eq!(shown, ["430 ns", "5 µs", "123 µs", "2.7 ms", "3 s"]);
    }

    #[test]
    fn one_outcome_has_no_curve() {
        assert!(!page("t", &[outcome("one")]).contains("Latency against load"));
    }
}
