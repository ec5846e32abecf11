//! On what, of what and when a record was taken.
//!
//! ```text
//! bench/records/<cpu, cpus and kernel>/<date>-<commit>[-<what>].json
//! ```
//!
//! Owns the names of records. Invariant: two machines of a kind share a folder. Cost: none.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

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

/// Where a record comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The day, as 2031-12-31.
    pub date: String,
    /// The same to the second, as Unix time.
    pub unix_s: u64,
    /// The commit measured.
    pub commit: String,
    /// Whether the tree had changes beside that commit.
    pub dirty: bool,
    /// The machine.
    pub host: Host,
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
            kernel: release(read("sys/kernel/osrelease").trim()),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The machine as a folder's name.
    pub fn folder(&self) -> String {
        let named = self.cpu.split('@').next().unwrap_or_default().to_lowercase();
        let named = named.replace("(r)", " ").replace("(tm)", " ");
        let kept = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { ' ' };
        let words: String = named.chars().map(kept).collect();
        let words =
            words.split_ascii_whitespace().filter(|word| !matches!(*word, "processor" | "cpu"));
        let cpu = words.collect::<Vec<_>>().join("-");
        let version: Vec<&str> = self.kernel.split(['.', '-']).take(2).collect();
        format!("{cpu}-{}cpu-linux-{}", self.cpus, version.join("."))
    }
}

impl Provenance {
    /// Of the working tree here, on this machine, now.
    pub fn here() -> Provenance {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let (commit, dirty) = commit(Path::new("."));
        let host = Host::here(Path::new("/proc"));
        Provenance { date: day(now), unix_s: now, commit, dirty, host }
    }

    /// The file below `records` for a record of `what`.
    pub fn path(&self, records: &Path, what: &str) -> PathBuf {
        let dash = if what.is_empty() { "" } else { "-" };
        let name = format!("{}-{}{dash}{what}.json", self.date, self.commit);
        records.join(self.host.folder()).join(name)
    }

    /// The same in words.
    pub fn words(&self) -> String {
        let Provenance { date, commit, host, .. } = self;
        let changes = if self.dirty { " with changes" } else { "" };
        let Host { cpu, kernel, cpus } = host;
        format!("{date}, commit {commit}{changes}, {cpu}, {cpus} CPUs, Linux {kernel}")
    }
}

/// The version of a kernel's release, without its builder's names.
fn release(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect::<String>()
}

/// The commit of the working tree around `folder`, and whether files differ from it.
fn commit(folder: &Path) -> (String, bool) {
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=7", "HEAD"]);
    let changes = git(&["status", "--porcelain", "--untracked-files=no"]);
    (commit.unwrap_or_else(|| "unknown".to_owned()), changes.is_some_and(|text| !text.is_empty()))
}

/// The day of a Unix time, in the Gregorian calendar.
fn day(unix_s: u64) -> String {
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
        let cpu = "Intel(R) Xeon(R) Processor @ 2.60GHz".to_owned();
        let host = Host { cpu, kernel: "6.18.1".to_owned(), cpus: 2 };
        let (date, commit) = ("2031-01-02".to_owned(), "abc".to_owned());
        let of = Provenance { date, commit, host, ..Provenance::default() };
        let path = of.path(Path::new("records"), "peers");
        assert_eq!(path, Path::new("records/intel-xeon-2cpu-linux-6.18/2031-01-02-abc-peers.json"));
        assert!(of.path(Path::new("r"), "").ends_with("2031-01-02-abc.json"));
        assert_eq!((release("6.18.1-x"), release("6.1")), ("6.18.1".to_owned(), "6.1".to_owned()));
        assert!(!Host::here(Path::new("/proc")).kernel.is_empty());
    }
}
