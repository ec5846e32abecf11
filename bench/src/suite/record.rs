//! What a run of the suite leaves behind: one JSON file.
//!
//! ```text
//! bench/records/<cpu-and-kernel>/<date>-<commit>.json
//! ```
//!
//! Owns the record's names. Invariant: a record says on what and of what it was taken. Cost: none.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::load::Outcome;

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// The processor's name.
    pub cpu: String,
    /// The kernel's release.
    pub kernel: String,
    /// CPUs.
    pub cpus: usize,
}

/// One scenario's figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The scenario.
    pub name: String,
    /// What it shows.
    pub what: String,
    /// One outcome; several where rates were offered one after the other.
    pub outcomes: Vec<Outcome>,
    /// The scenario this one is measured by.
    pub base: Option<String>,
    /// Processor time an operation over that scenario's.
    pub over_base: Option<f64>,
}

/// A whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The day, as 2031-12-31.
    pub date: String,
    /// The commit measured.
    pub commit: String,
    /// Whether the tree had changes beside that commit.
    pub dirty: bool,
    /// The machine.
    pub host: Host,
    /// Seconds of one measurement.
    pub seconds: f64,
    /// Every scenario.
    pub scenarios: Vec<Scored>,
}

impl Host {
    /// This machine.
    pub fn here(proc: &Path) -> Host {
        let read = |name: &str| std::fs::read_to_string(proc.join(name)).unwrap_or_default();
        let cpuinfo = read("cpuinfo");
        let names = cpuinfo.lines().filter_map(|line| line.strip_prefix("model name"));
        let cpu = names.map(|name| name.trim_start_matches(['\t', ' ', ':']).to_owned()).next();
        Host {
            cpu: cpu.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            kernel: read("sys/kernel/osrelease").trim().to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The machine as a folder's name.
    pub fn folder(&self) -> String {
        let text = format!("{} {}", self.cpu, self.kernel).to_lowercase();
        let kept = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { ' ' };
        let words: String = text.chars().map(kept).collect();
        words.split_ascii_whitespace().collect::<Vec<_>>().join("-")
    }
}

impl Scored {
    pub(super) fn new(name: &str, what: &str, outcomes: Vec<Outcome>) -> Scored {
        let (name, what) = (name.to_owned(), what.to_owned());
        Scored { name, what, outcomes, base: None, over_base: None }
    }

    /// The outcome that counts: the highest rate served well, or the only one.
    pub fn best(&self) -> Option<&Outcome> {
        let well = |outcome: &&Outcome| {
            let p99_us = outcome.latencies.p99_us;
            outcome.offered_per_s.is_none()
                || outcome.unsent == 0 && p99_us < super::SERVED_P99_US_MAX
        };
        self.outcomes.iter().rfind(well).or(self.outcomes.first())
    }

    /// Processor time of the server an operation.
    pub fn cpu_ns(&self) -> Option<f64> {
        Some(self.best()?.server?.cpu_ns_per_op).filter(|ns| *ns > 0.0)
    }

    /// The figures in one line.
    pub(super) fn line(&self) -> String {
        let Some(outcome) = self.best() else { return String::new() };
        let latencies = &outcome.latencies;
        let server = outcome.server.unwrap_or_default();
        let base = self.base.as_deref().unwrap_or_default();
        let over = self.over_base.map(|ratio| format!(", {ratio:.2} of {base}"));
        format!(
            "    {:.0}k/s, {:.0} ns/op{}, p50 {:.0} µs, p99 {:.0} µs, p99.9 {:.0} µs, \
             {:.3} cores, {} MiB",
            outcome.answers_per_s / 1000.0,
            server.cpu_ns_per_op,
            over.unwrap_or_default(),
            latencies.p50_us,
            latencies.p99_us,
            latencies.p999_us,
            server.cores_busy,
            server.rss_bytes >> 20,
        )
    }
}

impl Record {
    /// The file below `records` that this record belongs in.
    pub fn path(&self, records: &Path) -> PathBuf {
        records.join(self.host.folder()).join(format!("{}-{}.json", self.date, self.commit))
    }
}

/// The commit of the working tree around `folder`, and whether files differ from it.
pub fn commit(folder: &Path) -> (String, bool) {
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=10", "HEAD"]);
    let changes = git(&["status", "--porcelain", "--untracked-files=no"]);
    (commit.unwrap_or_else(|| "unknown".to_owned()), changes.is_some_and(|text| !text.is_empty()))
}

/// The day of a Unix time, in the Gregorian calendar.
pub fn day(unix_s: u64) -> String {
    // Counted in years that begin in March, so that the leap day comes last.
    let days = unix_s / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
        ];
        for (unix_s, expected) in cases {
            assert_eq!(day(unix_s), expected);
        }
    }

    #[test]
    fn a_record_has_its_place() {
        let host = Host { cpu: "A(R) B @ 2GHz".into(), kernel: "6.18.1-x".into(), cpus: 2 };
        let (date, commit) = ("2031-01-02".to_owned(), "abc".to_owned());
        let record = Record { date, commit, host, ..Record::default() };
        let path = record.path(Path::new("records"));
        assert_eq!(path, Path::new("records/a-r-b-2ghz-6.18.1-x/2031-01-02-abc.json"));
        assert!(!Host::here(Path::new("/proc")).kernel.is_empty());
    }

    #[test]
    fn the_best_rate_is_the_last_that_was_served() {
        let outcome = |offered: f64, p99_us| {
            let mut outcome = Outcome { offered_per_s: Some(offered), ..Outcome::default() };
            outcome.latencies.p99_us = p99_us;
            outcome
        };
        let outcomes = vec![outcome(1.0, 10.0), outcome(2.0, 999.0), outcome(3.0, 1001.0)];
        let scored = Scored::new("a", "b", outcomes);
        assert_eq!(scored.best().unwrap().offered_per_s, Some(2.0));
    }
}
