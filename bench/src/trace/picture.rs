//! What a replay found, as plots: miss ratio against size, a line a policy.
//!
//! Owns which lines share a plot: those of engines with as many shards, those of exact
//! simulations, those of a server. Invariant: a page holds every figure that its table holds.
//! Cost: one pass over the figures.

use super::figure::{Figure, Kind};
use super::table;
use crate::drawing::{PALETTE, STYLE, escape};
use crate::plot::{Line, Plot};

const PAGE_STYLE: &str = "
body{background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif;margin:2rem auto;
max-width:820px;padding:0 1rem}h1{font-size:1.2rem}figure{margin:1.6rem 0}
pre{background:color-mix(in srgb,var(--grid) 45%,transparent);padding:.8rem;border-radius:6px;
overflow-x:auto;font-size:12px}";

/// Lines that share a plot.
type Group = (Kind, usize);

/// A page with the table and all plots.
pub fn page(title: &str, trace: &str, figures: &[Figure], by_bytes: bool) -> String {
    let mut plots = String::new();
    for group in groups(figures) {
        plots += &plot(trace, figures, group, by_bytes, false, |plot| plot.svg());
        if by_bytes {
            plots += &plot(trace, figures, group, by_bytes, true, |plot| plot.svg());
        }
    }
    let (title, table) = (escape(title), escape(&table::text(figures, by_bytes)));
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{PALETTE}{PAGE_STYLE}{STYLE}</style>\n<h1>{title}</h1>\n{plots}\
         <pre>{table}</pre>\n</html>\n"
    )
}

/// The first plot alone; nothing when there is no figure.
pub fn file(trace: &str, figures: &[Figure], by_bytes: bool) -> String {
    let Some(&group) = groups(figures).first() else { return String::new() };
    plot(trace, figures, group, by_bytes, false, |plot| plot.file().unwrap_or_default())
}

fn groups(figures: &[Figure]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for figure in figures {
        if !groups.contains(&group_of(figure)) {
            groups.push(group_of(figure));
        }
    }
    groups
}

/// Exact simulations share a plot whatever shards they were charged for.
fn group_of(figure: &Figure) -> Group {
    (figure.kind, if figure.kind == Kind::Exact { 0 } else { figure.shards })
}

fn plot(
    trace: &str,
    figures: &[Figure],
    group: Group,
    by_bytes: bool,
    of_bytes: bool,
    draw: impl FnOnce(&Plot<'_>) -> String,
) -> String {
    let figures: Vec<Figure> =
        figures.iter().filter(|figure| group_of(figure) == group).cloned().collect();
    let rows = table::rows(&figures);
    let line = |(name, row): &(String, Vec<&Figure>)| -> (String, Vec<(f64, f64)>) {
        let ratio = |figure: &Figure| match of_bytes {
            true => figure.byte_miss_ratio,
            false => figure.miss_ratio,
        };
        let mut points: Vec<(f64, f64)> =
            row.iter().map(|figure| (figure.size as f64, ratio(figure))).collect();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        let name = name.split(", ").next().unwrap_or_default().to_owned();
        (name, points)
    };
    let lines: Vec<(String, Vec<(f64, f64)>)> = rows.iter().map(line).collect();
    let what = if of_bytes { "bytes missed" } else { "objects missed" };
    let by = match group {
        (Kind::Engine, 1) => "one shard".to_owned(),
        (Kind::Engine, shards) => format!("{shards} shards"),
        (Kind::Exact, _) => "exact".to_owned(),
        (Kind::Node, _) => "over the network".to_owned(),
    };
    let title = format!("{trace}: {what}, {by}");
    let (x, y) = (if by_bytes { "bytes of cache" } else { "items of cache" }, "miss ratio");
    let lines = lines.iter().map(|(name, points)| Line { name, points: points.clone() }).collect();
    draw(&Plot { title: &title, x, y, logarithmic_x: true, lines, ..Plot::default() })
}

#[cfg(test)]
mod tests {
    use super::super::figure::Tally;
    use super::*;

    fn figures() -> Vec<Figure> {
        let mut figures = Vec::new();
        for (kind, shards) in [(Kind::Engine, 1), (Kind::Exact, 1), (Kind::Engine, 8)] {
            for (size, misses) in [(1 << 21, 40), (1 << 22, 30), (1 << 23, 10)] {
                for policy in ["lru", "fifo"] {
                    let (bytes, bytes_missed) = (1_000, misses * 5);
                    let tally = Tally { requests: 100, misses, refused: 0, bytes, bytes_missed };
                    figures.push(Figure::new(kind, policy, shards, size, tally));
                }
            }
        }
        figures
    }

    #[test]
    fn a_page_has_a_plot_for_each_group_and_ratio() {
        let page = page("a<b", "web", &figures(), true);
        assert!(page.contains("<title>a&lt;b</title>") && !page.contains("a<b"));
        assert_eq!(page.matches("<svg").count(), 6);
        assert!(page.contains("web: bytes missed, 8 shards") && page.contains("lru, exact"));
        assert!(!page.contains("src="), "nothing is fetched");
    }

    #[test]
    fn a_file_is_the_first_plot_with_a_line_a_policy() {
        let svg = file("web", &figures(), true);
        assert!(svg.starts_with("<svg") && svg.contains("web: objects missed, one shard"));
        assert_eq!(svg.matches("class=\"line ").count(), 2);
        assert_eq!(file("web", &[], true), "");
    }
}
