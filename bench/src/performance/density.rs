//! The block of density: what an item weighs beside its key and value.
//!
//! Invariant: every figure stands beside its bar. Cost: none worth naming.

use std::fmt::Write;

use super::block::Block;
use crate::bars::{Bar, Bars};
use crate::density::{DOCUMENTED_LEN, KEY_LEN, Line, Record};
use crate::spread::Spread;

/// The block.
pub(super) fn block(record: Option<&Record>) -> Block {
    let name = "density";
    let Some(record) = record else {
        return Block::missing(name, "velodrome-bench density --record");
    };
    let (turnovers, minutes) = (record.turnovers, record.seconds / 60.0);
    let (sizes, fixed): (Vec<&Line>, Vec<&Line>) =
        record.lines.iter().partition(|line| line.case.has_changing_sizes());
    let mut markdown = format!(
        "{}. {KEY_LEN}-byte keys; bytes an item beside key and value, by growth of resident memory \
         and, in brackets, as accounted; then after every item was replaced {turnovers} times \
         (`velodrome-bench density --record`, {minutes:.0} minutes).\n\n{}",
        record.of.words(),
        table(&fixed, turnovers)
    );
    for line in sizes {
        markdown += &format!(
            "\n{} items whose lengths rise from 0..100 to 0..600 bytes and fall again while all \
             are replaced {turnovers} times: resident memory at its worst moment **{:.3}** of live \
             bytes ({:.3} accounted), at most {}: {}. Live are keys, values and {DOCUMENTED_LEN} \
             bytes an item; {:.2} bytes were copied a byte written.\n",
            line.case.items,
            line.turned.resident,
            line.turned.accounted,
            line.case.bars().1,
            verdict(line),
            line.copied,
        );
    }
    let bar = |line: &&Line| {
        let figure = Spread::of([line.turned.resident])?;
        Some(Bar { name: line.case.name.clone(), figure, at_most: Some(line.case.bars().1) })
    };
    let rows = fixed.iter().filter_map(bar).collect();
    let title = format!("Bytes an item beside key and value, after {turnovers} turnovers");
    let unit = "bytes: less is better; the mark is the bar";
    let svg = Bars { title: &title, unit, one: None, rows }.file();
    Block::text(name, markdown).drawn("density.svg", svg)
}

fn table(lines: &[&Line], turnovers: u64) -> String {
    let mut out = format!(
        "| value | items | deadlines | fresh | at most | after {turnovers} turnovers | at most | \
         verdict |\n|--:|--:|---|--:|--:|--:|--:|---|\n"
    );
    for line in lines {
        let (fresh_max, turned_max) = line.case.bars();
        let _ = writeln!(
            out,
            "| {} | {} | {} | **{:.1}** ({:.1}) | {fresh_max} | **{:.1}** ({:.1}) | {turned_max} | \
             {} |",
            line.case.value_len,
            line.case.items,
            if line.case.dated { "yes" } else { "no" },
            line.fresh.resident,
            line.fresh.accounted,
            line.turned.resident,
            line.turned.accounted,
            verdict(line),
        );
    }
    out
}

fn verdict(line: &Line) -> &'static str {
    if line.is_met() { "met" } else { "missed" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::{Case, Weight};

    #[test]
    fn every_case_stands_beside_its_bar() {
        let weight = |resident| Weight { resident, accounted: resident - 1.0 };
        let line = |name: &str, turned| {
            let case = Case::all().into_iter().find(|case| case.name == name).unwrap();
            let (fresh, turned) = (weight(1.0), weight(turned));
            Line { case, fresh, turned, copied: 0.5, seconds: 1.0 }
        };
        let lines = vec![line("32-5m", 41.0), line("32-5m-ttl", 44.0), line("changing-sizes", 1.1)];
        let block = block(Some(&Record { turnovers: 10, lines, ..Record::default() }));
        let text = &block.markdown;
        assert!(
            text.contains(
                "| 32 | 5000000 | no | **1.0** (0.0) | 32 | **41.0** (40.0) | 40 | missed |"
            ),
            "{text}"
        );
        assert!(text.contains("**44.0** (43.0) | 46 | met |"), "{text}");
        assert!(text.contains("**1.100** of live bytes"), "{text}");
        assert_eq!(block.plots.len(), 1);
    }
}
