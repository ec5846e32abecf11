//! The command line of the measurements.
//!
//! Owns flags and exit codes: 0 when the run completed, 1 with one clear line otherwise. Invariant:
//! the report goes to standard output, progress to standard error. Cost: the run's.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Parser, Subcommand};
use velodrome_bench::failure::Failure;
use velodrome_bench::generator::Generator;
use velodrome_bench::peers::{Plan, compare};
use velodrome_bench::report::Report;
use velodrome_bench::scenario::{Operation, Scenario};
use velodrome_bench::server_process::{Kind, ServerSpec};

/// Measures Velodrome beside its peers on this machine.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
    /// Velodrome against Redis: processor time an operation, throughput and latency, as ratios of
    /// interleaved rounds. Starts and stops both servers itself, on free loopback ports.
    Peers(PeersArgs),
}

#[derive(Args)]
struct PeersArgs {
    /// Rounds; each runs every scenario once on both servers.
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    /// The velodrome binary.
    #[arg(long, default_value = "target/release/velodrome")]
    velodrome: PathBuf,
    /// The Redis server to compare with.
    #[arg(long, default_value = "redis-server")]
    redis: PathBuf,
    /// Compare Redis with itself instead: shows how far from 1 noise alone takes the ratios.
    #[arg(long)]
    self_check: bool,
    /// A further flag for velodrome; repeat for more. Write it as --velodrome-arg=--driver=epoll.
    #[arg(long, allow_hyphen_values = true)]
    velodrome_arg: Vec<String>,
    /// A further flag for Redis; repeat for more.
    #[arg(long, allow_hyphen_values = true)]
    redis_arg: Vec<String>,
    /// The load generator.
    #[arg(long, default_value = "redis-benchmark")]
    redis_benchmark: PathBuf,
    /// Core of the servers.
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// Core of the load generator.
    #[arg(long, default_value_t = 1)]
    load_core: usize,
    /// Loopback address the servers listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// Commands: ping, set, get, incr, mset.
    #[arg(long, value_delimiter = ',', value_parser = parse_operation,
        default_value = "ping,set,get,incr,mset")]
    operations: Vec<Operation>,
    /// Pipeline depths.
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    pipelines: Vec<u32>,
    /// Connections of the load.
    #[arg(long, default_value_t = 50)]
    connections: u32,
    /// Bytes of a value.
    #[arg(long, default_value_t = 32)]
    value_len: u32,
    /// Keys to draw from.
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Factor on the requests of a round; 1 makes a scenario last one to three seconds.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Write all samples and their summary here as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn parse_operation(name: &str) -> Result<Operation, String> {
    Operation::parse(name)
        .ok_or_else(|| format!("`{name}` is not one of ping, set, get, incr, mset"))
}

impl PeersArgs {
    fn plan(&self) -> Plan {
        let redis = ServerSpec {
            name: "redis".to_owned(),
            kind: Kind::Redis,
            program: self.redis.clone(),
            extra_args: self.redis_arg.clone(),
        };
        let velodrome = ServerSpec {
            name: "velodrome".to_owned(),
            kind: Kind::Velodrome,
            program: self.velodrome.clone(),
            extra_args: self.velodrome_arg.clone(),
        };
        let twin = ServerSpec { name: "redis (twin)".to_owned(), ..redis.clone() };
        Plan {
            subject: if self.self_check { twin } else { velodrome },
            peer: redis,
            ip: self.bind,
            server_core: self.server_core,
            generator: Generator {
                program: self.redis_benchmark.clone(),
                core: self.load_core,
                connections: self.connections,
                value_len: self.value_len,
                keys: self.keys,
            },
            scenarios: Scenario::matrix(&self.operations, &self.pipelines),
            rounds: self.rounds,
            scale: self.scale,
        }
    }
}

fn main() -> ExitCode {
    let Cli { command: Measurement::Peers(args) } = Cli::parse();
    match run_peers(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("velodrome-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run_peers(args: &PeersArgs) -> Result<(), Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(Failure::system("cannot watch for signals"))?;
    }
    // A signal from the terminal ends the children too: their failure is not the news.
    let told = |failure| if stop.load(Ordering::Relaxed) { Failure::Interrupted } else { failure };
    let report = compare(&args.plan(), &stop, &mut |line| eprintln!("{line}")).map_err(told)?;
    println!("{report}");
    match &args.json {
        Some(path) => write_json(&report, path),
        None => Ok(()),
    }
}

fn write_json(report: &Report, path: &Path) -> Result<(), Failure> {
    let refused = || Failure::system(format!("cannot write {}", path.display()));
    let text = report.to_json().map_err(|error| refused()(error.into()))?;
    std::fs::write(path, text + "\n").map_err(refused())
}
