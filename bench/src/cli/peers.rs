//! `velodrome-bench peers`: Velodrome beside the installed servers.
//!
//! Owns the flags. Invariant: only servers this command started itself are measured. Cost: the
//! comparison's.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::{Args, ValueEnum};
use velodrome_net::DriverChoice;

use super::{print, told, units, write_file};
use crate::failure::Failure;
use crate::peers::{Generator, Plan, compare};
use crate::performance::tables;
use crate::redis_benchmark::RedisBenchmark;
use crate::report::Report;
use crate::scenario::{KeyCounts, Scenario};
use crate::server_process::{Kind, ServerSpec, is_installed};

/// A server to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Peer {
    Redis,
    Valkey,
    Memcached,
    Dragonfly,
}

/// Who makes the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Load {
    Own,
    RedisBenchmark,
}

#[derive(Args)]
pub(super) struct PeersArgs {
    /// Rounds; each runs every scenario once on every server.
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    /// Seconds of one measurement.
    #[arg(long, default_value = "2s", value_parser = units::seconds)]
    seconds: f64,
    /// Servers to compare with; without the flag those that are installed.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<Peer>,
    /// The velodrome binary.
    #[arg(long, default_value = "target/release/velodrome")]
    velodrome: PathBuf,
    /// The redis-server binary.
    #[arg(long, default_value = "redis-server")]
    redis: PathBuf,
    /// The valkey-server binary.
    #[arg(long, default_value = "valkey-server")]
    valkey: PathBuf,
    /// The memcached binary.
    #[arg(long, default_value = "memcached")]
    memcached: PathBuf,
    /// The dragonfly binary.
    #[arg(long, default_value = "dragonfly")]
    dragonfly: PathBuf,
    /// Compare memcached with velodrome's memcached protocol rather than with its RESP.
    #[arg(long)]
    text: bool,
    /// Compare Redis with itself instead: shows how far from 1 noise alone takes the ratios.
    #[arg(long)]
    self_check: bool,
    /// Compare two shards with one instead, clients knowing nothing of shards: half of all requests
    /// cross. With two CPUs the load shares the second shard's.
    #[arg(long, conflicts_with_all = ["peers", "text", "self_check"])]
    two_shards: bool,
    /// Core of the second shard.
    #[arg(long, default_value_t = 1)]
    second_core: usize,
    /// A further flag for velodrome; repeat for more. Write it as --velodrome-arg=--driver=epoll.
    #[arg(long, allow_hyphen_values = true)]
    velodrome_arg: Vec<String>,
    /// A further flag for Redis; repeat for more.
    #[arg(long, allow_hyphen_values = true)]
    redis_arg: Vec<String>,
    /// Who makes the load; redis-benchmark runs its own tests: PING, SET, GET, INCR and MSET.
    #[arg(long, value_enum, default_value = "own")]
    generator: Load,
    /// The load's own event loop: auto, io_uring or epoll.
    #[arg(long, default_value = "auto", value_parser = units::driver)]
    driver: DriverChoice,
    /// Open loop at this many requests a second for every server, Poisson arrivals, instead of as
    /// many as each can answer: what an operation costs where nobody is driven to batch.
    #[arg(long, value_parser = units::count)]
    rate: Option<f64>,
    /// The redis-benchmark binary, for --generator redis-benchmark.
    #[arg(long, default_value = "redis-benchmark")]
    redis_benchmark: PathBuf,
    /// Factor on the requests of a round of redis-benchmark.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Core of the servers.
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// Core of the load.
    #[arg(long, default_value_t = 1)]
    load_core: usize,
    /// Loopback address the servers listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// Keys of 32 bytes.
    #[arg(long, default_value = "1m", value_parser = units::whole)]
    keys: u64,
    /// Keys of 1 KiB.
    #[arg(long, default_value = "1m", value_parser = units::whole)]
    medium_keys: u64,
    /// Keys of the zipf mix; 10 million need about 7 GiB on every server.
    #[arg(long, default_value = "10m", value_parser = units::whole)]
    zipf_keys: u64,
    /// Only scenarios whose name contains one of these, such as "P16" or "GET 32 c50 P1".
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Write all samples and their summary here as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the tables here, as Markdown.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write a record into the folder of records.
    #[arg(long)]
    record: bool,
    /// A word at the end of the record's name: records of one commit are reported together.
    #[arg(long)]
    label: Option<String>,
    /// The folder of the records.
    #[arg(long, default_value = "bench/records")]
    records: PathBuf,
}

impl PeersArgs {
    fn plan(&self) -> Result<Plan, Failure> {
        if !(self.scale > 0.0 && self.scale.is_finite() && self.seconds > 0.0) {
            return Err(Failure::Option("--scale and --seconds must be above 0".to_owned()));
        }
        let (servers, subjects) = self.servers()?;
        Ok(Plan {
            servers,
            subjects,
            ip: self.bind,
            server_core: self.server_core,
            second_core: self.second_core,
            generator: match self.generator {
                Load::Own => {
                    let (core, seconds) = (self.load_core, self.seconds);
                    Generator::Own { core, seconds, driver: self.driver, rate_per_s: self.rate }
                }
                Load::RedisBenchmark => {
                    let (program, core) = (self.redis_benchmark.clone(), self.load_core);
                    Generator::RedisBenchmark(RedisBenchmark { program, core }, self.scale)
                }
            },
            scenarios: self.scenarios(),
            rounds: self.rounds,
        })
    }

    /// The servers, and how many of the first are under test.
    fn servers(&self) -> Result<(Vec<ServerSpec>, usize), Failure> {
        let redis = self.peer(Peer::Redis);
        if self.self_check {
            let twin = ServerSpec { name: "redis (twin)".to_owned(), ..redis.clone() };
            return Ok((vec![twin, redis], 1));
        }
        let subject = |name: &str, kind| ServerSpec {
            name: name.to_owned(),
            kind,
            program: self.velodrome.clone(),
            extra_args: self.velodrome_arg.clone(),
            shards: 1,
        };
        if self.two_shards {
            let one = subject("one shard", Kind::Velodrome);
            let two = ServerSpec { name: "two shards".to_owned(), shards: 2, ..one.clone() };
            return Ok((vec![two, one], 1));
        }
        let mut servers = vec![subject("velodrome", Kind::Velodrome)];
        if self.text {
            servers.push(subject("velodrome (text)", Kind::VelodromeText));
        }
        let subjects = servers.len();
        let resp_only = self.generator == Load::RedisBenchmark;
        if resp_only && (self.text || self.peers.contains(&Peer::Memcached)) {
            return Err(Failure::Option("redis-benchmark does not speak to memcached".to_owned()));
        }
        let wanted = |peer: &Peer| match self.peers.is_empty() {
            false => self.peers.contains(peer),
            true => {
                let speaks = !resp_only || *peer != Peer::Memcached;
                speaks && is_installed(&self.peer(*peer).program)
            }
        };
        let peers = Peer::value_variants().iter().filter(|peer| wanted(peer));
        servers.extend(peers.map(|peer| self.peer(*peer)));
        Ok((servers, subjects))
    }

    fn peer(&self, peer: Peer) -> ServerSpec {
        let (name, kind, program) = match peer {
            Peer::Redis => ("redis", Kind::Redis, &self.redis),
            Peer::Valkey => ("valkey", Kind::Redis, &self.valkey),
            Peer::Memcached => ("memcached", Kind::Memcached, &self.memcached),
            Peer::Dragonfly => ("dragonfly", Kind::Dragonfly, &self.dragonfly),
        };
        let extra_args = match peer {
            Peer::Redis => self.redis_arg.clone(),
            _ => Vec::new(),
        };
        ServerSpec { name: name.to_owned(), kind, program: program.clone(), extra_args, shards: 1 }
    }

    fn scenarios(&self) -> Vec<Scenario> {
        let (small, medium, zipf) = (self.keys, self.medium_keys, self.zipf_keys);
        let mut scenarios = if self.generator == Load::Own {
            Scenario::matrix(KeyCounts { small, medium, zipf })
        } else {
            Scenario::redis_benchmark_tests(small)
        };
        if self.two_shards {
            scenarios.retain(|it| it.connections == 50 && it.dataset.size == "32");
        }
        if !self.only.is_empty() {
            let named = |name: &str| {
                self.only.iter().any(|only| {
                    // A whole word: P1 is not P16.
                    format!("{name} ").contains(&format!("{} ", only.trim()))
                })
            };
            scenarios.retain(|scenario| named(&scenario.name()));
        }
        scenarios
    }
}

impl PeersArgs {
    /// The end of the record's name.
    fn what(&self) -> String {
        let what = match self.generator {
            _ if self.two_shards => "two-shards",
            Load::Own if self.rate.is_some() => "one-rate",
            Load::Own => "peers",
            Load::RedisBenchmark => "redis-benchmark",
        };
        self.label.as_ref().map_or(what.to_owned(), |label| format!("{what}-{label}"))
    }
}

pub(super) fn run(args: &PeersArgs, stop: &AtomicBool) -> Result<(), Failure> {
    let plan = args.plan()?;
    let report = compare(&plan, stop, &mut |line| eprintln!("{line}")).map_err(told(stop))?;
    print(&report.to_string())?;
    write(args, &report)?;
    let broken = report.broken.first();
    broken.map_or(Ok(()), |text| Err(Failure::Option(format!("left out: {text}"))))
}

fn write(args: &PeersArgs, report: &Report) -> Result<(), Failure> {
    if args.json.is_none() && args.markdown.is_none() && !args.record {
        return Ok(());
    }
    let text = report.to_json().map_err(|error| Failure::Option(error.to_string()))?;
    if let Some(path) = &args.json {
        write_file(path, &(text.clone() + "\n"))?;
    }
    if args.record {
        let path = report.of.path(&args.records, &args.what());
        write_file(&path, &(text + "\n"))?;
        print(&path.display().to_string())?;
    }
    args.markdown
        .as_ref()
        .map_or(Ok(()), |path| write_file(path, &tables::peers(&report.comparison())))
}
