//! `velodrome-bench suite`, `compare` and `echo`.
//!
//! Owns the flags. Invariant: a record is written only when every scenario was measured. Cost: the
//! suite's.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Args;
use velodrome_net::{DriverChoice, bind_tcp};

use super::{print, told, units, write_file};
use crate::echo;
use crate::failure::Failure;
use crate::provenance::Provenance;
use crate::suite::{self, Plan, Record};

/// Connections that wait to be accepted by the echo server.
const BACKLOG: u32 = 4096;

#[derive(Args)]
pub(super) struct SuiteArgs {
    /// The velodrome binary.
    #[arg(long, default_value = "target/release/velodrome")]
    velodrome: PathBuf,
    /// A further flag for velodrome; repeat for more. Write it as --velodrome-arg=--driver=epoll.
    #[arg(long, allow_hyphen_values = true)]
    velodrome_arg: Vec<String>,
    /// Cores of the servers; scenarios of two shards use two.
    #[arg(long, value_delimiter = ',', default_value = "0,1")]
    server_cores: Vec<usize>,
    /// Cores of the load, a thread each.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    load_cores: Vec<usize>,
    /// The load's own event loop: auto, io_uring or epoll.
    #[arg(long, default_value = "auto", value_parser = units::driver)]
    driver: DriverChoice,
    /// Seconds of one measurement.
    #[arg(long, default_value = "5s", value_parser = units::seconds)]
    seconds: f64,
    /// Factor on the number of keys.
    #[arg(long, default_value_t = 1.0)]
    keys_scale: f64,
    /// Only these scenarios; no record is written then, unless --json says where.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// List the scenarios and end.
    #[arg(long)]
    list: bool,
    /// The folder of the records.
    #[arg(long, default_value = "bench/records")]
    records: PathBuf,
    /// Write the record here instead.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct CompareArgs {
    /// The earlier record.
    before: PathBuf,
    /// The later record.
    after: PathBuf,
}

#[derive(Args)]
pub(super) struct EchoArgs {
    /// The address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// The port.
    #[arg(long, default_value_t = 7)]
    port: u16,
    /// The event loop: auto, io_uring or epoll.
    #[arg(long, default_value = "auto", value_parser = units::driver)]
    driver: DriverChoice,
}

pub(super) fn run(args: &SuiteArgs, stop: &AtomicBool) -> Result<(), Failure> {
    let mut cases = suite::all();
    if args.list {
        let lines = cases.iter().map(|case| format!("{:<16} {}", case.name, case.what));
        return print(&lines.collect::<Vec<_>>().join("\n"));
    }
    for name in &args.only {
        if !cases.iter().any(|case| case.name == name) {
            return Err(Failure::Option(format!("no scenario is called `{name}`; see --list")));
        }
    }
    cases.retain(|case| args.only.is_empty() || args.only.iter().any(|name| name == case.name));
    if !(args.keys_scale > 0.0 && args.seconds > 0.0) {
        return Err(Failure::Option("--keys-scale and --seconds must be above 0".to_owned()));
    }
    super::raise_descriptors(10_000);
    let plan = Plan {
        velodrome: args.velodrome.clone(),
        velodrome_args: args.velodrome_arg.clone(),
        own_program: std::env::current_exe().map_err(Failure::system("cannot find itself"))?,
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        server_cores: args.server_cores.clone(),
        load_cores: args.load_cores.clone(),
        driver: args.driver,
        seconds: args.seconds,
        keys_scale: args.keys_scale,
    };
    let scenarios =
        suite::run(&plan, &cases, stop, &mut |line| eprintln!("{line}")).map_err(told(stop))?;
    let record = Record { of: Provenance::here(), seconds: args.seconds, scenarios };
    let path = match &args.json {
        Some(path) => path.clone(),
        None if args.only.is_empty() => record.of.path(&args.records, ""),
        None => return Ok(()),
    };
    let text = serde_json::to_string_pretty(&record).expect("figures are plain data");
    write_file(&path, &(text + "\n"))?;
    print(&path.display().to_string())
}

pub(super) fn compare(args: &CompareArgs) -> Result<(), Failure> {
    let read = |path: &Path| -> Result<Record, Failure> {
        let refused = || Failure::system(format!("cannot read the record {}", path.display()));
        let text = std::fs::read_to_string(path).map_err(refused())?;
        serde_json::from_str(&text).map_err(|error| refused()(error.into()))
    };
    print(&suite::compare(&read(&args.before)?, &read(&args.after)?))
}

pub(super) fn echo(args: &EchoArgs, stop: &AtomicBool) -> Result<(), Failure> {
    let address = SocketAddr::new(args.bind, args.port);
    let socket = bind_tcp(address, BACKLOG, "--port");
    let socket = socket.map_err(|error| Failure::Option(error.to_string()))?;
    eprintln!("echo on {address}");
    echo::serve(socket, args.driver, stop)
}
