//! What an item weighs: resident memory beside its key and value, in a process of its own.
//!
//! Owns the cases and their record. Invariant: growth is counted from just before the engine was
//! made, and the allocator is the node's. Cost: some 8 GB of memory for
//! the largest case, and a minute or two of churn for each.

// One case, in this process.
mod store;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::provenance::Provenance;
use store::Store;

/// Bytes of every key.
pub const KEY_LEN: usize = 24;
/// Documented bytes of an item beside key and value, which count as live where sizes change.
pub const DOCUMENTED_LEN: u64 = 32;
/// The most that resident memory may be of live bytes where sizes change.
pub const OVER_LIVE_MAX: f64 = 1.15;
/// The count of items with the tighter bars: the middle one.
const USUAL_ITEMS: u64 = 5_000_000;

/// What is stored and how often it is replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Bytes of a value; 0 where sizes change.
    pub value_len: u32,
    /// Items.
    pub items: u64,
    /// Whether they have deadlines.
    pub dated: bool,
}

/// Bytes an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    /// By growth of resident memory; of live bytes where sizes change.
    pub resident: f64,
    /// By what the engine accounts, the same.
    pub accounted: f64,
}

/// One case's figures: bytes an item beside key and value, or multiples of live bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What was stored.
    pub case: Case,
    /// After filling.
    pub fresh: Weight,
    /// After the turnovers; where sizes change, at the worst moment of them.
    pub turned: Weight,
    /// Bytes that compaction copied a byte written.
    pub copied: f64,
    /// Seconds it took.
    pub seconds: f64,
}

/// A whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Where it comes from.
    #[serde(flatten)]
    pub of: Provenance,
    /// How often all items were replaced.
    pub turnovers: u64,
    /// Factor on the numbers of items.
    pub scale: f64,
    /// Seconds of all cases.
    pub seconds: f64,
    /// Every case.
    pub lines: Vec<Line>,
}

impl Case {
    /// Every case: three lengths, three counts, with deadlines and without, and changing lengths.
    pub fn all() -> Vec<Case> {
        let mut cases = Vec::new();
        for value_len in [32, 100, 1000] {
            for (count, items) in [("3.7m", 3_700_000), ("5m", USUAL_ITEMS), ("7m", 7_000_000)] {
                for (ttl, dated) in [("", false), ("-ttl", true)] {
                    let name = format!("{value_len}-{count}{ttl}");
                    cases.push(Case { name, value_len, items, dated });
                }
            }
        }
        let name = "changing-sizes".to_owned();
        cases.push(Case { name, value_len: 0, items: 2_000_000, dated: false });
        cases
    }

    /// Whether the lengths of values change.
    pub fn has_changing_sizes(&self) -> bool {
        self.value_len == 0
    }

    /// The most that an item may weigh, fresh and after churn.
    pub fn bars(&self) -> (f64, f64) {
        match (self.has_changing_sizes(), self.dated, self.items == USUAL_ITEMS) {
            (true, ..) => (OVER_LIVE_MAX, OVER_LIVE_MAX),
            (_, false, true) => (32.0, 40.0),
            (_, false, false) => (40.0, 40.0),
            (_, true, true) => (38.0, 46.0),
            (_, true, false) => (46.0, 46.0),
        }
    }
}

impl Line {
    /// The figures in one line.
    pub fn text(&self) -> String {
        let Line { case, fresh, turned, copied, seconds } = self;
        let (fresh_max, turned_max) = case.bars();
        let unit = if case.has_changing_sizes() { "of live bytes" } else { "bytes an item" };
        format!(
            "{:<16} {:>9} items  fresh {:.2} ({:.2} accounted, at most {fresh_max}), then {:.2} \
             ({:.2}, at most {turned_max}) {unit}, {copied:.2} copied a byte, {seconds:.0} s{}",
            case.name,
            case.items,
            fresh.resident,
            fresh.accounted,
            turned.resident,
            turned.accounted,
            if self.is_met() { "" } else { ": MISSED" },
        )
    }

    /// Whether both figures are no more than they may be.
    pub fn is_met(&self) -> bool {
        let (fresh_max, turned_max) = self.case.bars();
        self.fresh.resident <= fresh_max && self.turned.resident <= turned_max
    }
}

/// Measures a case in this process, which must have measured nothing before.
///
/// # Errors
/// When the system refuses memory, or the engine an item.
pub fn measure_here(case: &Case, turnovers: u64) -> Result<Line, Failure> {
    let began = Instant::now();
    let mut store = Store::new(case)?;
    let (fresh, turned) = store.measure(turnovers)?;
    let (case, copied) = (case.clone(), store.copied_a_byte());
    Ok(Line { case, fresh, turned, copied, seconds: began.elapsed().as_secs_f64() })
}

/// Measures cases, each by a process of its own: `velodrome-weigh CASE TURNOVERS`.
///
/// # Errors
/// When a process fails, and when `stop` is set.
pub fn run(
    program: &Path,
    cases: &[Case],
    turnovers: u64,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        progress(&format!("{} of {}: {}", number + 1, cases.len(), case.name));
        let text = serde_json::to_string(case).expect("a case is plain data");
        let mut command = Command::new(program);
        command.args([text, turnovers.to_string()]).stderr(Stdio::inherit());
        let output = command.output().map_err(|source| Failure::ProgramMissing {
            program: program.display().to_string(),
            source,
            hint: "build it with `cargo build --release -p velodrome-bench`",
        })?;
        let refused = || Failure::system(format!("cannot measure {}", case.name));
        if !output.status.success() {
            return Err(refused()(std::io::Error::other(output.status.to_string())));
        }
        let line: Line =
            serde_json::from_slice(&output.stdout).map_err(|error| refused()(error.into()))?;
        progress(&line.text());
        lines.push(line);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_have_names_of_their_own_and_bars() {
        let cases = Case::all();
        assert_eq!(cases.len(), 19);
        for (index, case) in cases.iter().enumerate() {
            assert!(cases[..index].iter().all(|other| other.name != case.name), "{}", case.name);
            assert!(case.bars().0 <= case.bars().1);
        }
        let bars = |name: &str| cases.iter().find(|case| case.name == name).unwrap().bars();
        assert_eq!((bars("100-5m"), bars("32-7m-ttl")), ((32.0, 40.0), (46.0, 46.0)));
    }

    #[test]
    fn a_small_case_is_measured_and_said() {
        for name in ["100-3.7m-ttl", "changing-sizes"] {
            let case = Case::all().into_iter().find(|case| case.name == name).unwrap();
            let line = measure_here(&Case { items: 5000, ..case }, 2).unwrap();
            // So few items hardly fill the index's tables, and nothing weighs less than its record.
            let least = if line.case.has_changing_sizes() { 0.5 } else { 22.0 };
            assert!(line.turned.accounted > least, "{line:?}");
            assert!(line.text().starts_with(name));
        }
    }
}
