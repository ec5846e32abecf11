//! The other load: redis-benchmark, one scenario at a time.
//!
//! Owns calling the installed redis-benchmark and reading its CSV. Invariant: a figure is returned
//! only when every request was answered and none with an error. Cost: the load itself, on its own
//! core; unpipelined throughput is often bounded by it rather than by the server.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::affinity::Pinned;
use crate::failure::Failure;
use crate::scenario::{Dataset, Operation, Scenario};
use crate::server_process::ServerProcess;

/// How the load is made, for every scenario alike.
#[derive(Clone, Debug)]
pub struct RedisBenchmark {
    /// redis-benchmark: a path or a name found in `PATH`.
    pub program: PathBuf,
    /// The core it runs on.
    pub core: usize,
}

/// What the load saw of one scenario in one round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Requests answered a second.
    pub requests_per_s: f64,
    /// Median latency in milliseconds, as the client saw it.
    pub p50_ms: f64,
    /// 99th percentile of latency in milliseconds.
    pub p99_ms: f64,
}

impl RedisBenchmark {
    /// Fails clearly when redis-benchmark is not installed.
    pub fn probe(&self) -> Result<(), Failure> {
        let output = self.command_output(Command::new(&self.program).arg("--version"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(Failure::Option(format!("`{} --version` failed", self.program.display())))
    }

    /// Sends `requests` of `scenario` to `server` and waits for all replies.
    pub fn run(
        &self,
        server: &ServerProcess,
        scenario: &Scenario,
        requests: u64,
    ) -> Result<Seen, Failure> {
        let test = match scenario.operation {
            Operation::Get => "get",
            Operation::Set => "set",
            Operation::Ping => "ping_mbulk",
            Operation::Incr => "incr",
            Operation::MSet => "mset",
            Operation::Zipf => {
                return Err(Failure::Option("redis-benchmark has no zipf mix".to_owned()));
            }
        };
        let value_len = scenario.dataset.size.as_str();
        let failed = |reason: String| Failure::Load {
            server: server.name().to_owned(),
            scenario: scenario.name(),
            reason,
        };
        let pinned = Pinned::to(&[self.core])?;
        let output = self.command_output(
            Command::new(&self.program)
                .args(["-h", &server.address().ip().to_string()])
                .args(["-p", &server.address().port().to_string()])
                .args(["-c", &scenario.connections.to_string()])
                .args(["-n", &requests.to_string()])
                .args(["-P", &scenario.pipeline.to_string()])
                .args(["-d", value_len])
                .args(["-r", &scenario.dataset.keys.to_string()])
                .args(["-t", test, "--csv"]),
        )?;
        drop(pinned);
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(failed(format!("{}: {}{}", output.status, text.trim(), errors.trim())));
        }
        parse_csv(&text).map_err(failed)
    }

    /// Sets most of the keyspace, so that later GETs find something.
    pub fn fill(&self, server: &ServerProcess, dataset: &Dataset) -> Result<(), Failure> {
        let (operation, dataset) = (Operation::Set, dataset.clone());
        let requests = dataset.keys.saturating_mul(2).max(64);
        let scenario = Scenario { operation, connections: 50, pipeline: 64, dataset, bars: None };
        self.run(server, &scenario, requests).map(|_| ())
    }

    fn command_output(&self, command: &mut Command) -> Result<Output, Failure> {
        command.stdin(Stdio::null()).output().map_err(|source| Failure::ProgramMissing {
            program: self.program.display().to_string(),
            source,
            hint: "install Debian's redis-tools, or name it with --redis-benchmark",
        })
    }
}

/// Reads the header and the one line of figures that `--csv` prints for one test.
fn parse_csv(text: &str) -> Result<Seen, String> {
    let unreadable = || format!("unreadable output {text:?}");
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let header: Vec<&str> = split_line(lines.next().ok_or_else(unreadable)?);
    let figures: Vec<&str> = split_line(lines.next().ok_or_else(unreadable)?);
    if lines.next().is_some() {
        return Err(unreadable());
    }
    let column = |name: &str| {
        let index = header.iter().position(|title| *title == name).ok_or_else(unreadable)?;
        figures.get(index).and_then(|field| field.parse::<f64>().ok()).ok_or_else(unreadable)
    };
    Ok(Seen {
        requests_per_s: column("rps")?,
        p50_ms: column("p50_latency_ms")?,
        p99_ms: column("p99_latency_ms")?,
    })
}

fn split_line(line: &str) -> Vec<&str> {
    line.split(',').map(|field| field.trim().trim_matches('"')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\
        \"p50_latency_ms\",\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n";

    #[test]
    fn figures_are_found_by_their_column() {
        let line =
            "\"MSET (10 keys)\",\"200000.50\",\"3.8\",\"0.2\",\"2.223\",\"7.5\",\"7.599\",\"7.6\"";
        let seen = parse_csv(&format!("{HEADER}{line}\n")).unwrap();
        assert_eq!(seen, Seen { requests_per_s: 200_000.5, p50_ms: 2.223, p99_ms: 7.599 });
    }

    #[test]
    fn anything_else_is_refused_with_its_text() {
        let cases =
            ["", HEADER, "Error from server: ERR unknown command\n", "\"a\"\n\"1\"\n\"2\"\n"];
        for text in cases {
            assert!(parse_csv(text).unwrap_err().contains("unreadable"), "{text:?}");
        }
        assert!(parse_csv(&format!("{HEADER}\"GET\",\"many\"\n")).is_err());
    }
}
