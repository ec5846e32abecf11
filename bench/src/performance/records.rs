//! The records of one machine, the newest of each kind.
//!
//! Invariant: a record that cannot be read is refused by name, never passed over. Cost: every file
//! of the folder is read once.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::ceiling::Ceilings;
use crate::density;
use crate::failure::Failure;
use crate::report::{Comparison, Summary};
use crate::suite::Record;
use crate::trace;

/// The newest record of each kind.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// All servers as fast as they can, by this program's load; of several records of one commit
    /// together.
    pub(super) peers: Option<Comparison>,
    /// The same by redis-benchmark's.
    pub(super) redis_benchmark: Option<Comparison>,
    /// All servers at one rate.
    pub(super) one_rate: Option<Comparison>,
    /// Two shards beside one.
    pub(super) two_shards: Option<Comparison>,
    /// The highest rates.
    pub(super) ceilings: Option<Ceilings>,
    /// The latency suite.
    pub(super) suite: Option<Record>,
    /// Miss ratios by policy: of every trace the newest sized by items, and by bytes.
    pub(super) policies: Vec<trace::record::Record>,
    /// What items weigh.
    pub(super) density: Option<density::Record>,
    /// The file of ceilings of instructions, which is of no machine.
    pub(super) instructions: Option<String>,
}

impl Records {
    pub(super) fn read(folder: &Path) -> Result<Records, Failure> {
        let refused =
            || Failure::system(format!("cannot read the records of {}", folder.display()));
        let entries = fs::read_dir(folder).map_err(refused())?;
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        let newest = |what: &str| -> Vec<PathBuf> {
            let of = |name: &&String| kind_of(name).is_some_and(|kind| is_of(kind, what));
            names.iter().filter(of).map(|name| folder.join(name)).collect()
        };
        Ok(Records {
            peers: together(all(&newest("peers"))?),
            redis_benchmark: last(&newest("redis-benchmark"), |r: &Comparison| r.of.unix_s)?,
            one_rate: last(&newest("one-rate"), |record: &Comparison| record.of.unix_s)?,
            two_shards: last(&newest("two-shards"), |record: &Comparison| record.of.unix_s)?,
            ceilings: last(&newest("ceiling"), |record: &Ceilings| record.of.unix_s)?,
            suite: last(&newest(""), |record: &Record| record.of.unix_s)?,
            policies: of_traces(all(&newest("policies"))?),
            density: last(&newest("density"), |record: &density::Record| record.of.unix_s)?,
            instructions: folder
                .ancestors()
                .nth(2)
                .and_then(|bench| fs::read_to_string(bench.join("instructions.ceilings")).ok()),
        })
    }
}

fn all<T: DeserializeOwned>(paths: &[PathBuf]) -> Result<Vec<T>, Failure> {
    let read = |path: &PathBuf| {
        let refused = || Failure::system(format!("cannot read the record {}", path.display()));
        let text = fs::read_to_string(path).map_err(refused())?;
        serde_json::from_str(&text).map_err(|error| refused()(error.into()))
    };
    paths.iter().map(read).collect()
}

/// The record taken last; of records that do not say when, the last by name.
fn last<T: DeserializeOwned>(paths: &[PathBuf], at: fn(&T) -> u64) -> Result<Option<T>, Failure> {
    Ok(all(paths)?.into_iter().max_by_key(at))
}

/// The newest record of every trace and way of sizing, in the order they were taken.
fn of_traces(mut records: Vec<trace::record::Record>) -> Vec<trace::record::Record> {
    records.sort_by_key(|record| record.of.unix_s);
    let mut kept: Vec<trace::record::Record> = Vec::new();
    for record in records {
        kept.retain(|old| (&old.trace, &old.sized_by) != (&record.trace, &record.sized_by));
        kept.push(record);
    }
    kept
}

/// The newest record, and what others of its commit hold beside it.
fn together(mut records: Vec<Comparison>) -> Option<Comparison> {
    records.sort_by_key(|record| record.of.unix_s);
    let mut newest = records.pop()?;
    let same = |record: &Comparison| record.of.commit == newest.of.commit;
    let (mut summaries, mut conditions) = (Vec::new(), Vec::new());
    for record in records.into_iter().filter(same).chain([newest.clone()]) {
        let again = |summary: &Summary| {
            let same = |other: &Summary| {
                (&other.scenario, &other.peer) == (&summary.scenario, &summary.peer)
            };
            record.summaries.iter().any(same)
        };
        summaries.retain(|summary| !again(summary));
        summaries.extend(record.summaries.iter().cloned());
        if !conditions.contains(&record.conditions) {
            conditions.push(record.conditions);
        }
    }
    newest.conditions = conditions.join("; ");
    newest.summaries = summaries;
    Some(newest)
}

/// `peers-zipf` is a record of peers.
fn is_of(kind: &str, what: &str) -> bool {
    kind == what
        || !what.is_empty() && kind.strip_prefix(what).is_some_and(|it| it.starts_with('-'))
}

/// What `<date>-<commit>[-<what>].json` is a record of.
fn kind_of(name: &str) -> Option<&str> {
    let dated = name.strip_suffix(".json")?.get(11..)?;
    Some(dated.split_once('-').map_or("", |(_, what)| what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::Provenance;

    #[test]
    fn names_tell_kinds() {
        let cases = [
            ("2031-01-02-abc.json", Some("")),
            ("2031-01-02-abc-peers.json", Some("peers")),
            ("2031-01-02-abc-redis-benchmark.json", Some("redis-benchmark")),
            ("2031-01-02-abc-peers.md", None),
            ("x.json", None),
        ];
        for (name, expected) in cases {
            assert_eq!(kind_of(name), expected, "{name}");
        }
        assert!(is_of("peers-zipf", "peers") && is_of("", "") && !is_of("peers", ""));
    }

    #[test]
    fn records_of_a_commit_are_shown_together_the_newest_first_choice() {
        let summary = |scenario: &str, ns| Summary {
            scenario: scenario.to_owned(),
            subject_ns_per_op: ns,
            ..Summary::default()
        };
        let record = |unix_s, commit: &str, summaries| {
            let of = Provenance { unix_s, commit: commit.to_owned(), ..Provenance::default() };
            Comparison { of, conditions: "c".to_owned(), summaries }
        };
        let found = together(vec![
            record(3, "b", vec![summary("y", 5.0)]),
            record(2, "b", vec![summary("x", 3.0), summary("y", 4.0)]),
            record(1, "a", vec![summary("z", 1.0)]),
        ]);
        let found = found.unwrap();
        let names: Vec<_> =
            found.summaries.iter().map(|it| (&it.scenario[..], it.subject_ns_per_op)).collect();
        assert_eq!((names, &found.conditions[..]), (vec![("x", 3.0), ("y", 5.0)], "c"));
        assert!(together(Vec::new()).is_none());
    }

    #[test]
    fn of_every_trace_the_newest_is_kept() {
        let record = |unix_s, trace: &str, sized_by: &str| trace::record::Record {
            of: Provenance { unix_s, ..Provenance::default() },
            trace: trace.to_owned(),
            sized_by: sized_by.to_owned(),
            ..trace::record::Record::default()
        };
        let kept = of_traces(vec![
            record(5, "a", "items"),
            record(3, "a", "bytes"),
            record(1, "a", "items"),
            record(4, "b", "items"),
        ]);
        let times: Vec<u64> = kept.iter().map(|record| record.of.unix_s).collect();
        assert_eq!(times, [3, 4, 5]);
    }
}
