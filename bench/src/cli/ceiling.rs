//! `velodrome-bench ceiling`: the highest rate each server answers in time.
//!
//! Owns the flags. Invariant: only servers this command started itself are measured. Cost: some
//! twenty measurements a server.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::{Args, ValueEnum};
use velodrome_net::DriverChoice;

use super::{print, told, units, write_file};
use crate::ceiling::{Ceilings, Curve, Plan, search};
use crate::failure::Failure;
use crate::provenance::Provenance;
use crate::scenario::{Dataset, Operation, Scenario};
use crate::server_process::{Kind, ServerSpec, is_installed};

/// A server to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Server {
    Velodrome,
    Echo,
    Redis,
    Valkey,
    Memcached,
}

#[derive(Args)]
pub(super) struct CeilingArgs {
    /// The servers; those that are not installed are left out.
    #[arg(long, value_delimiter = ',', default_value = "velodrome,redis")]
    servers: Vec<Server>,
    /// The velodrome binary.
    #[arg(long, default_value = "target/release/velodrome")]
    velodrome: PathBuf,
    /// A further flag for velodrome; repeat for more.
    #[arg(long, allow_hyphen_values = true)]
    velodrome_arg: Vec<String>,
    /// Writes instead of reads.
    #[arg(long)]
    set: bool,
    /// Connections.
    #[arg(short, long, default_value_t = 50)]
    connections: u32,
    /// Requests a connection may have on their way.
    #[arg(short = 'P', long, default_value_t = 16)]
    pipeline: u32,
    /// Keys of 32 bytes.
    #[arg(long, default_value = "1m", value_parser = units::whole)]
    keys: u64,
    /// Seconds of one measurement.
    #[arg(long, default_value = "3s", value_parser = units::seconds)]
    seconds: f64,
    /// The rate to begin with.
    #[arg(long, default_value = "100k", value_parser = units::count)]
    start: f64,
    /// What the 99th percentile must stay below.
    #[arg(long, default_value = "1ms", value_parser = units::seconds)]
    p99: f64,
    /// Core of the servers.
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// Core of the load.
    #[arg(long, default_value_t = 1)]
    load_core: usize,
    /// The load's own event loop: auto, io_uring or epoll.
    #[arg(long, default_value = "auto", value_parser = units::driver)]
    driver: DriverChoice,
    /// Write the curves here, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a record into the folder of records.
    #[arg(long)]
    record: bool,
    /// The folder of the records.
    #[arg(long, default_value = "bench/records")]
    records: PathBuf,
}

impl CeilingArgs {
    fn plan(&self) -> Result<Plan, Failure> {
        let mut servers = Vec::new();
        for &server in &self.servers {
            let spec = self.spec(server)?;
            if matches!(server, Server::Velodrome | Server::Echo) || is_installed(&spec.program) {
                servers.push(spec);
            }
        }
        let operation = if self.set { Operation::Set } else { Operation::Get };
        if self.set && self.servers.contains(&Server::Echo) {
            return Err(Failure::Option("the echo server answers reads only".to_owned()));
        }
        Ok(Plan {
            servers,
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            server_core: self.server_core,
            load_core: self.load_core,
            driver: self.driver,
            scenario: Scenario {
                operation,
                connections: self.connections,
                pipeline: self.pipeline,
                dataset: Dataset { size: "32".to_owned(), keys: self.keys.max(1) },
                bars: None,
            },
            seconds: self.seconds,
            start_per_s: self.start,
            p99_us_max: self.p99 * 1e6,
        })
    }

    fn spec(&self, server: Server) -> Result<ServerSpec, Failure> {
        let (name, kind, program) = match server {
            Server::Velodrome => ("velodrome", Kind::Velodrome, self.velodrome.clone()),
            Server::Echo => {
                let own = std::env::current_exe().map_err(Failure::system("cannot find itself"))?;
                ("echo", Kind::Echo, own)
            }
            Server::Redis => ("redis", Kind::Redis, "redis-server".into()),
            Server::Valkey => ("valkey", Kind::Redis, "valkey-server".into()),
            Server::Memcached => ("memcached", Kind::Memcached, "memcached".into()),
        };
        let extra_args = match server {
            Server::Velodrome => self.velodrome_arg.clone(),
            _ => Vec::new(),
        };
        Ok(ServerSpec { name: name.to_owned(), kind, program, extra_args, shards: 1 })
    }
}

pub(super) fn run(args: &CeilingArgs, stop: &AtomicBool) -> Result<(), Failure> {
    let plan = args.plan()?;
    let of = Provenance::here();
    let curves = search(&plan, stop, &mut |line| eprintln!("{line}")).map_err(told(stop))?;
    let line = |curve: &Curve| format!("{}: {:.0} requests/s", curve.server, curve.ceiling_per_s);
    let below = format!("p99 below {:.0} µs, {}", plan.p99_us_max, plan.scenario.name());
    let lines: Vec<String> = curves.iter().map(line).collect();
    print(&format!("{below}\n{}", lines.join("\n")))?;
    let (scenario, seconds, p99_us_max) = (plan.scenario.name(), plan.seconds, plan.p99_us_max);
    let record = Ceilings { of, scenario, p99_us_max, seconds, curves };
    let text = serde_json::to_string_pretty(&record).expect("figures are plain data") + "\n";
    let own = args.record.then(|| record.of.path(&args.records, "ceiling"));
    for path in args.json.iter().map(PathBuf::as_path).chain(own.iter().map(Path::new)) {
        write_file(path, &text)?;
        print(&path.display().to_string())?;
    }
    Ok(())
}
