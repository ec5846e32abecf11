//! The block of eviction policies: miss ratios on recorded traces.
//!
//! Owns its tables and the bars. Invariant: an engine's figure stands beside what it is measured
//! by: its policy's definition, and what others published. Cost: one pass over the figures a cell.

use std::fmt::Write;

use super::block::Block;
use super::published::{NAMES, Published};
use crate::trace::figure::{Figure, Kind};
use crate::trace::picture;
use crate::trace::record::Record;
use crate::trace::table::{ratio, signed, sizes};

/// What makes the records.
const COMMAND: &str = "bench/policies TRACES bench/records/MACHINE/DATE-COMMIT-policies";
/// The most by which a policy may differ from what was published, sized by items.
const BY_ITEMS: [(&str, f64); 3] = [("fifo", 0.003), ("lru", 0.010), ("s3fifo", 0.010)];
/// The most by which the best of ours may be above the best published, at larger sizes.
const ABOVE_BEST_MAX: f64 = 0.010;
/// The most by which a policy may differ from its definition, sized by bytes.
const BY_BYTES: [(&str, f64); 2] = [("lru", 0.010), ("s3fifo", 0.010)];
/// Differences are judged in the digits that are shown.
const HALF_DIGIT: f64 = 0.00005;

/// One bar and the case furthest from it.
struct Worst {
    what: String,
    at_most: f64,
    /// The difference and where it was found.
    found: Option<(f64, String)>,
}

/// The block.
pub(super) fn block(records: &[Record]) -> Block {
    let name = "policies";
    let Some(newest) = records.iter().max_by_key(|record| record.of.unix_s) else {
        return Block::missing(name, COMMAND);
    };
    let mut markdown = format!(
        "{}, by `{COMMAND}`. In brackets: the engine's miss ratio minus that of its policy's \
         definition, simulated request by request.\n\n{}",
        newest.of.words(),
        bars(records)
    );
    let mut plots = Vec::new();
    for record in records {
        let by = &record.sized_by;
        let _ = writeln!(
            markdown,
            "\n**{}** sized by {by}: {} requests for {} objects, {}.\n",
            record.name(),
            record.requests,
            record.objects,
            record.sizes
        );
        markdown += &if record.by_bytes() { of_bytes(record) } else { of_items(record) };
        let svg = picture::file(record.name(), &record.figures, record.by_bytes());
        if !svg.is_empty() {
            plots.push((format!("policies-{}-{by}.svg", record.name()), svg));
        }
    }
    Block { plots, ..Block::text(name, markdown) }
}

/// Every bar with the case that is furthest from it.
fn bars(records: &[Record]) -> String {
    let mut all: Vec<Worst> = Vec::new();
    let of_items = || records.iter().filter(|record| !record.by_bytes());
    for (policy, at_most) in BY_ITEMS {
        let what = format!("{policy} by items, from what was published");
        let found = of_items().flat_map(|record| from_published(record, policy));
        all.push(Worst { what, at_most, found: furthest(found) });
    }
    let found = furthest(of_items().flat_map(above_best));
    let what = "the best of ours above the best published, larger sizes".to_owned();
    all.push(Worst { what, at_most: ABOVE_BEST_MAX, found });
    for (policy, at_most) in BY_BYTES {
        for (of, ratio) in [("objects", objects as fn(&Figure) -> f64), ("bytes", bytes)] {
            let what = format!("{policy} by bytes, {of} missed, from the definition");
            let by_bytes = records.iter().filter(|record| record.by_bytes());
            let found = by_bytes.flat_map(|record| from_definition(record, policy, ratio));
            all.push(Worst { what, at_most, found: furthest(found) });
        }
    }
    let mut out =
        String::from("| bar | at most | furthest | where | verdict |\n|---|--:|--:|---|---|\n");
    for Worst { what, at_most, found } in all {
        let Some((difference, place)) = found else {
            let _ = writeln!(out, "| {what} | {at_most:.3} | | not in the records | |");
            continue;
        };
        let verdict = if difference.abs() < at_most + HALF_DIGIT { "met" } else { "missed" };
        let difference = signed(difference);
        let _ = writeln!(out, "| {what} | {at_most:.3} | {difference} | {place} | {verdict} |");
    }
    out
}

fn furthest(found: impl Iterator<Item = (f64, String)>) -> Option<(f64, String)> {
    found.max_by(|one, other| one.0.abs().total_cmp(&other.0.abs()))
}

fn from_published(record: &Record, policy: &str) -> Vec<(f64, String)> {
    let differs = |figure: &Figure| {
        let row = Published::find(record.name(), figure.size)?;
        let difference = figure.miss_ratio - row.ratio(&figure.policy)?;
        Some((difference, format!("{}, {} items", record.name(), figure.size)))
    };
    let own = |figure: &&Figure| figure.policy == policy && is_one_engine(figure);
    record.figures.iter().filter(own).filter_map(differs).collect()
}

/// How far the best of ours is above the best published; 0 where it is not.
fn above_best(record: &Record) -> Vec<(f64, String)> {
    let at = |size: u64| {
        let row = Published::find(record.name(), size).filter(|row| row.is_large)?;
        let ours = record.figures.iter().filter(|figure| figure.size == size);
        let best = ours.filter(|figure| is_one_engine(figure)).map(objects).reduce(f64::min)?;
        Some(((best - row.best()).max(0.0), format!("{}, {size} items", record.name())))
    };
    sizes(&record.figures).into_iter().filter_map(at).collect()
}

fn from_definition(record: &Record, policy: &str, ratio: fn(&Figure) -> f64) -> Vec<(f64, String)> {
    let differs = |figure: &Figure| {
        let difference = above_exact(record, figure, ratio)?;
        let (name, shards) = (record.name(), figure.shards);
        Some((difference, format!("{name}, {} MiB, {shards} shards", mib(figure.size))))
    };
    record.figures.iter().filter(|figure| figure.policy == policy).filter_map(differs).collect()
}

fn above_exact(record: &Record, figure: &Figure, ratio: fn(&Figure) -> f64) -> Option<f64> {
    let exact = record.figures.iter().find(|exact| figure.is_measured_by(exact))?;
    Some(ratio(figure) - ratio(exact))
}

fn is_one_engine(figure: &Figure) -> bool {
    figure.kind == Kind::Engine && figure.shards == 1
}

fn objects(figure: &Figure) -> f64 {
    figure.miss_ratio
}

fn bytes(figure: &Figure) -> f64 {
    figure.byte_miss_ratio
}

/// A row a size and cache, a column a policy.
fn of_items(record: &Record) -> String {
    let policies = policies(record);
    let mut out = head("items", &policies);
    for size in sizes(&record.figures) {
        for shards in shards(record) {
            let cell = |policy: &&str| {
                let is_it = |figure: &&Figure| is_engine(figure, policy, size, shards);
                let figure = record.figures.iter().find(is_it)?;
                let above = above_exact(record, figure, objects).map(signed);
                Some(with(ratio(figure.miss_ratio), above))
            };
            out += &row(size.to_string(), &cache(shards), policies.iter().map(cell));
        }
        let exact = |policy: &&str| {
            let is_it = |figure: &&Figure| {
                figure.kind == Kind::Exact && figure.policy == **policy && figure.size == size
            };
            Some(ratio(record.figures.iter().find(is_it)?.miss_ratio))
        };
        out += &row(size.to_string(), "definition", policies.iter().map(exact));
        if let Some(published) = Published::find(record.name(), size) {
            let cell = |policy: &&str| published.ratio(policy).map(ratio);
            out += &row(size.to_string(), "published", policies.iter().map(cell));
            let others = NAMES.iter().filter(|name| !policies.contains(name));
            let others = others
                .filter_map(|name| Some(format!("{name} {}", published.ratio(name).map(ratio)?)));
            let others = others.collect::<Vec<_>>().join(", ");
            let _ = writeln!(
                out,
                "| {size} | others published: {others} |{}",
                " |".repeat(policies.len())
            );
        }
    }
    out
}

/// The same, objects and bytes missed in each cell.
fn of_bytes(record: &Record) -> String {
    let policies = policies(record);
    let mut out = head("MiB: objects / bytes missed", &policies);
    for size in sizes(&record.figures) {
        for shards in shards(record) {
            let cell = |policy: &&str| {
                let is_it = |figure: &&Figure| is_engine(figure, policy, size, shards);
                let figure = record.figures.iter().find(is_it)?;
                let one = |of: fn(&Figure) -> f64| {
                    with(ratio(of(figure)), above_exact(record, figure, of).map(signed))
                };
                Some(format!("{} / {}", one(objects), one(bytes)))
            };
            out += &row(mib(size), &cache(shards), policies.iter().map(cell));
        }
    }
    out
}

fn is_engine(figure: &Figure, policy: &str, size: u64, shards: usize) -> bool {
    figure.kind == Kind::Engine
        && figure.policy == policy
        && (figure.size, figure.shards) == (size, shards)
}

fn policies(record: &Record) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for figure in record.figures.iter().filter(|figure| figure.kind == Kind::Engine) {
        if !names.contains(&&figure.policy[..]) {
            names.push(&figure.policy);
        }
    }
    names
}

fn shards(record: &Record) -> Vec<usize> {
    let engines = record.figures.iter().filter(|figure| figure.kind == Kind::Engine);
    let mut found: Vec<usize> = engines.map(|figure| figure.shards).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn cache(shards: usize) -> String {
    if shards == 1 { "one shard".to_owned() } else { format!("{shards} shards") }
}

fn head(size: &str, policies: &[&str]) -> String {
    let names: String = policies.iter().map(|name| format!(" {name} |")).collect();
    format!("| {size} | cache |{names}\n|--:|---|{}\n", "--:|".repeat(policies.len()))
}

fn row(size: String, cache: &str, cells: impl Iterator<Item = Option<String>>) -> String {
    let cells: String = cells.map(|cell| format!(" {} |", cell.unwrap_or_default())).collect();
    format!("| {size} | {cache} |{cells}\n")
}

fn with(figure: String, above: Option<String>) -> String {
    above.map_or_else(|| figure.clone(), |above| format!("{figure} ({above})"))
}

fn mib(bytes: u64) -> String {
    format!("{}", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::figure::Tally;

    fn figure(kind: Kind, policy: &str, shards: usize, size: u64, misses: u64) -> Figure {
        let tally =
            Tally { requests: 10_000, misses, bytes: 10_000, bytes_missed: misses, refused: 0 };
        Figure::new(kind, policy, shards, size, tally)
    }

    fn record(sized_by: &str, figures: Vec<Figure>) -> Record {
        let (trace, sized_by) = ("web12.trace.xz".to_owned(), sized_by.to_owned());
        Record { trace, sized_by, figures, ..Record::default() }
    }

    fn columns_agree(text: &str) {
        let tables = text.split("\n\n").filter(|part| part.starts_with('|'));
        for table in tables {
            let columns = |line: &str| line.matches('|').count();
            let head = columns(table.lines().next().unwrap());
            table.lines().for_each(|line| assert_eq!(columns(line), head, "{line}"));
        }
    }

    #[test]
    fn figures_stand_beside_definition_and_publication() {
        let items = record(
            "items",
            vec![
                figure(Kind::Engine, "lru", 1, 1375, 3155),
                figure(Kind::Exact, "lru", 0, 1375, 3152),
                figure(Kind::Engine, "fifo", 1, 1375, 3580),
                figure(Kind::Exact, "fifo", 0, 1375, 3546),
            ],
        );
        let size = 24 << 20;
        let bytes = record(
            "bytes",
            vec![
                figure(Kind::Engine, "lru", 8, size, 2000),
                figure(Kind::Exact, "lru", 8, size, 2110),
            ],
        );
        let block = block(&[items, bytes]);
        let text = &block.markdown;
        columns_agree(text);
        let has = |part: &str| assert!(text.contains(part), "{part}\n{text}");
        has("| lru by items, from what was published | 0.010 | +.0003 | web12, 1375 items | met |");
        has("from what was published | 0.003 | +.0034 | web12, 1375 items | missed |");
        has("larger sizes | 0.010 | +.0367 | web12, 1375 items | missed |");
        has("from the definition | 0.010 | -.0110 | web12, 24 MiB, 8 shards | missed |");
        has("| 1375 | one shard | .3155 (+.0003) | .3580 (+.0034) |");
        has("| 1375 | published | .3152 | .3546 |");
        has("| 24 | 8 shards | .2000 (-.0110) / .2000 (-.0110) |");
        has("| s3fifo by items, from what was published | 0.010 | | not in the records | |");
        let names: Vec<&str> = block.plots.iter().map(|plot| &plot.0[..]).collect();
        assert_eq!(names, ["policies-web12-items.svg", "policies-web12-bytes.svg"]);
    }
}
