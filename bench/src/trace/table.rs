//! What a replay found, as lines for people.
//!
//! ```text
//! lru, 1 shard      .3071 +.0003    one column a size, beside it what the engine is above exact
//! lru, exact        .3068
//! ```
//!
//! Owns the layout. Invariant: every figure is in it, and none is rounded into a better one: four
//! digits, to the nearest. Cost: none.

use super::figure::{Figure, Kind};

/// Columns of a row's name.
const NAME_LEN: usize = 22;

/// Miss ratios by object, and by byte where `by_bytes`.
pub fn text(figures: &[Figure], by_bytes: bool) -> String {
    let mut text = lines("objects missed", figures, |figure| figure.miss_ratio);
    if by_bytes {
        text += "\n";
        text += &lines("bytes missed", figures, |figure| figure.byte_miss_ratio);
        text += &held(figures);
    }
    for figure in figures.iter().filter(|figure| figure.tally.refused > 0) {
        let (refused, requests) = (figure.tally.refused, figure.tally.requests);
        let name = name(figure);
        text += &format!("{name} at {}: {refused} of {requests} not taken\n", figure.size);
    }
    text
}

/// A figure in one line, as it is found.
pub fn line(figure: &Figure) -> String {
    let (name, size) = (name(figure), figure.size);
    let held = figure.held.map(|held| {
        format!(
            ", {} items at the end, overhead {:.1} bytes, idle {:.1} %",
            held.items,
            held.overhead_bytes,
            held.idle_share * 100.0
        )
    });
    format!(
        "{name} at {size}: {} of objects, {} of bytes missed{}",
        ratio(figure.miss_ratio),
        ratio(figure.byte_miss_ratio),
        held.unwrap_or_default()
    )
}

/// What a row is called.
pub fn name(figure: &Figure) -> String {
    let policy = &figure.policy;
    match (figure.kind, figure.shards) {
        (Kind::Engine, 1) => format!("{policy}, 1 shard"),
        (Kind::Engine, shards) => format!("{policy}, {shards} shards"),
        (Kind::Exact, 0 | 1) => format!("{policy}, exact"),
        (Kind::Exact, shards) => format!("{policy}, exact for {shards}"),
        (Kind::Node, _) => format!("{policy}, node"),
    }
}

/// The sizes there are, each once, in order.
pub fn sizes(figures: &[Figure]) -> Vec<u64> {
    let mut sizes: Vec<u64> = figures.iter().map(|figure| figure.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// The rows there are, in the order they were found, each with its figures.
pub fn rows(figures: &[Figure]) -> Vec<(String, Vec<&Figure>)> {
    let mut rows: Vec<(String, Vec<&Figure>)> = Vec::new();
    for figure in figures {
        let name = name(figure);
        match rows.iter_mut().find(|row| row.0 == name) {
            Some(row) => row.1.push(figure),
            None => rows.push((name, vec![figure])),
        }
    }
    rows
}

fn lines(title: &str, figures: &[Figure], ratio_of: fn(&Figure) -> f64) -> String {
    let sizes = sizes(figures);
    let mut text = format!("{title:<NAME_LEN$}");
    for size in &sizes {
        // A server that was left as it is has a size that only it knows.
        let size = if *size == 0 { "its own".to_owned() } else { size.to_string() };
        text += &format!("{size:>14}");
    }
    text += "\n";
    for (name, row) in rows(figures) {
        text += &format!("{name:<NAME_LEN$}");
        for size in &sizes {
            let figure = row.iter().find(|figure| figure.size == *size);
            let cell = figure.map(|figure| {
                let above = figures.iter().find(|exact| figure.is_measured_by(exact));
                let above = above.map(|exact| signed(ratio_of(figure) - ratio_of(exact)));
                format!("{} {:>6}", ratio(ratio_of(figure)), above.unwrap_or_default())
            });
            text += &format!("{:>14}", cell.unwrap_or_default());
        }
        text.truncate(text.trim_end().len());
        text += "\n";
    }
    text
}

/// What engines took beyond keys and values; nothing when there were none.
fn held(figures: &[Figure]) -> String {
    let (held, size, items, beside, idle) = ("held", "size", "items", "bytes beside each", "idle");
    let head = format!("{held:<NAME_LEN$}{size:>14}{items:>10}{beside:>18}{idle:>8}\n");
    let line = |figure: &Figure| {
        let held = figure.held.filter(|_| figure.kind == Kind::Engine)?;
        let (name, size, items) = (name(figure), figure.size, held.items);
        let (beside, idle) = (held.overhead_bytes, held.idle_share * 100.0);
        Some(format!("{name:<NAME_LEN$}{size:>14}{items:>10}{beside:>18.1}{idle:>6.1} %\n"))
    };
    let lines: String = figures.iter().filter_map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{head}{lines}") }
}

/// `.1234`, as papers write miss ratios.
pub(crate) fn ratio(value: f64) -> String {
    let text = format!("{value:.4}");
    text.strip_prefix('0').map(str::to_owned).unwrap_or(text)
}

/// The same with its sign: what a ratio differs by.
pub(crate) fn signed(value: f64) -> String {
    let sign = if value < 0.0 { '-' } else { '+' };
    format!("{sign}{}", ratio(value.abs()))
}

#[cfg(test)]
mod tests {
    use super::super::figure::{Held, Tally};
    use super::*;

    fn figure(kind: Kind, shards: usize, size: u64, misses: u64) -> Figure {
        let tally = Tally { requests: 10_000, misses, bytes: 100, bytes_missed: 5, refused: 0 };
        Figure::new(kind, "lru", shards, size, tally)
    }

    #[test]
    fn figures_stand_beside_their_references() {
        let figures = [
            figure(Kind::Engine, 1, 100, 3_071),
            figure(Kind::Exact, 1, 100, 3_068),
            figure(Kind::Engine, 8, 100, 3_000),
            figure(Kind::Exact, 8, 100, 3_100),
            figure(Kind::Engine, 1, 2000, 10_000),
        ];
        let expected = "objects missed                   100          2000\n\
                        lru, 1 shard            .3071 +.0003 1.0000\n\
                        lru, exact              .3068\n\
                        lru, 8 shards           .3000 -.0100\n\
                        lru, exact for 8        .3100\n";
        assert_eq!(text(&figures, false), expected);
    }

    #[test]
    fn bytes_and_overhead_are_shown_where_they_count() {
        let held = Held { items: 7, payload_bytes: 1, overhead_bytes: 26.25, idle_share: 0.03 };
        let figure = Figure { held: Some(held), ..figure(Kind::Engine, 1, 4096, 100) };
        let text = text(std::slice::from_ref(&figure), true);
        assert!(text.contains("bytes missed") && text.contains(".0500"), "{text}");
        assert!(text.contains("26.2") && text.contains("3.0 %"), "{text}");
        assert!(
            line(&figure).starts_with("lru, 1 shard at 4096: .0100 of objects, .0500 of bytes")
        );
    }

    #[test]
    fn what_is_not_taken_is_said() {
        let mut figure = figure(Kind::Node, 0, 9, 100);
        figure.tally.refused = 3;
        let text = text(&[figure], false);
        assert!(text.contains("lru, node at 9: 3 of 10000 not taken"), "{text}");
        assert!(!text.contains("held"), "{text}");
    }

    #[test]
    fn a_server_that_was_left_as_it_is_has_its_own_size() {
        let text = text(&[figure(Kind::Node, 0, 0, 100)], true);
        assert!(text.contains("its own") && !text.contains("held"), "{text}");
    }
}
