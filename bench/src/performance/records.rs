//! The records of one machine, the newest of each kind.
//!
//! Invariant: a record that cannot be read is refused by name, never passed over. Cost: every file
//! of the folder is read once.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::ceiling::Ceilings;
use crate::failure::Failure;
use crate::report::Comparison;
use crate::suite::Record;

/// The newest record of each kind.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// All servers as fast as they can, by this program's load.
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
            let of = |name: &&String| kind_of(name) == Some(what);
            names.iter().filter(of).map(|name| folder.join(name)).collect()
        };
        Ok(Records {
            peers: last(&newest("peers"), |record: &Comparison| record.of.unix_s)?,
            redis_benchmark: last(&newest("redis-benchmark"), |r: &Comparison| r.of.unix_s)?,
            one_rate: last(&newest("one-rate"), |record: &Comparison| record.of.unix_s)?,
            two_shards: last(&newest("two-shards"), |record: &Comparison| record.of.unix_s)?,
            ceilings: last(&newest("ceiling"), |record: &Ceilings| record.of.unix_s)?,
            suite: last(&newest(""), |record: &Record| record.of.unix_s)?,
        })
    }
}

/// The record taken last; of records that do not say when, the last by name.
fn last<T: DeserializeOwned>(paths: &[PathBuf], at: fn(&T) -> u64) -> Result<Option<T>, Failure> {
    let mut newest: Option<T> = None;
    for path in paths {
        let refused = || Failure::system(format!("cannot read the record {}", path.display()));
        let text = fs::read_to_string(path).map_err(refused())?;
        let record: T = serde_json::from_str(&text).map_err(|error| refused()(error.into()))?;
        if newest.as_ref().is_none_or(|newest| at(newest) <= at(&record)) {
            newest = Some(record);
        }
    }
    Ok(newest)
}

/// What `<date>-<commit>[-<what>].json` is a record of.
fn kind_of(name: &str) -> Option<&str> {
    let dated = name.strip_suffix(".json")?.get(11..)?;
    Some(dated.split_once('-').map_or("", |(_, what)| what))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
