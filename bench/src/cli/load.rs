//! `velodrome-bench load`: one server, one mix, one report.
//!
//! Owns the flags and their meaning. Invariant: what was asked for is checked before a connection
//! is opened. Cost: the load's.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use velodrome_net::{Address, DriverChoice};

use super::{Verdict, print, told, units, write_file};
use crate::failure::Failure;
use crate::html;
use crate::limits::{KEY_LEN_MAX, KEYS_MAX};
use crate::live::Live;
use crate::load::{Arrivals, Limit, Outcome, Pace, Plan, Second, Session, Stage};
use crate::protocol::Protocol;
use crate::resident::listener_pid;
use crate::summary;
use crate::trace::file;
use crate::workload::{KeyDraw, KeySpace, Lengths, Mix, Values, Workload};

#[derive(Args)]
pub(super) struct LoadArgs {
    /// The server: host:port, redis://host:port, memcached://host:port or unix:/path.
    #[arg(long, default_value = "127.0.0.1:6379")]
    url: String,
    /// How the server is spoken to: resp, memcached-text, memcached-meta, memcached-binary, echo.
    /// Default: what --url says, else resp.
    #[arg(long, value_parser = Protocol::parse)]
    protocol: Option<Protocol>,
    /// Connections, all threads together.
    #[arg(short, long, default_value_t = 10)]
    connections: usize,
    /// Threads, each with its own event loop.
    #[arg(short, long, default_value_t = 1)]
    threads: usize,
    /// Cores of the threads, one after the other, such as 2,3.
    #[arg(long, value_delimiter = ',')]
    cores: Vec<usize>,
    /// The load's own event loop: auto, io_uring or epoll.
    #[arg(long, default_value = "auto", value_parser = units::driver)]
    driver: DriverChoice,
    /// Requests a connection sends before it waits for their answers.
    #[arg(short = 'P', long, default_value_t = 1)]
    pipeline: usize,
    /// How long is measured.
    #[arg(short, long, default_value = "30s", value_parser = units::seconds)]
    duration: f64,
    /// Measure this many requests instead of a time.
    #[arg(short = 'n', long, value_parser = units::whole)]
    requests: Option<u64>,
    /// Open loop: requests a second, whatever the server does. Several, such as 100k,200k, are
    /// measured one after the other and make a curve of latency against load.
    #[arg(long, value_delimiter = ',', value_parser = units::count)]
    rate: Vec<f64>,
    /// Times between requests of an open loop: constant or poisson.
    #[arg(long, default_value = "constant", value_parser = Arrivals::parse)]
    arrivals: Arrivals,
    /// Load before the measurement, with the same mix.
    #[arg(long, default_value = "0s", value_parser = units::seconds)]
    warm_up: f64,
    /// Write every key once before.
    #[arg(long)]
    preload: bool,
    /// Keys there are.
    #[arg(long, default_value = "1000", value_parser = units::whole)]
    keys: u64,
    /// Bytes of a key, at least its prefix and digits.
    #[arg(long, default_value_t = 24)]
    key_len: usize,
    /// What keys begin with.
    #[arg(long, default_value = "key:")]
    key_prefix: String,
    /// How a key is chosen: uniform, zipf[:EXPONENT], hot:KEYS_SHARE:REQUESTS_SHARE, sequential.
    #[arg(long, default_value = "uniform", value_parser = KeyDraw::parse)]
    key_draw: KeyDraw,
    /// Replay the keys of this file instead: the first field of each line, or as `trace` reads it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keys", "key_len", "key_draw"])]
    trace: Option<PathBuf>,
    /// Bytes of a value: LENGTH or MIN-MAX, several as 32*90,100-1000*10.
    #[arg(long, default_value = "100", value_parser = Lengths::parse)]
    size: Lengths,
    /// Share of reads, the rest being writes.
    #[arg(long, default_value_t = 0.7)]
    read: f64,
    /// Commands and weights instead of --read, such as get=80,set=15,delete=4,incr=1; also mget
    /// and mset.
    #[arg(long, value_parser = Mix::parse, conflicts_with = "read")]
    mix: Option<Mix>,
    /// How long written values live, such as 60s or 10s-1m; for ever without.
    #[arg(long, value_parser = units::ttl)]
    ttl: Option<(u32, u32)>,
    /// Keys of one mget or mset.
    #[arg(long, default_value_t = 10)]
    multi_keys: u32,
    /// Seed of all draws.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Silence after which the server counts as dead.
    #[arg(long, default_value = "10s", value_parser = units::seconds)]
    timeout: f64,
    /// Open lost connections again and go on.
    #[arg(long)]
    reconnect: bool,
    /// Close and reopen a connection after this many answers.
    #[arg(long, value_name = "ANSWERS")]
    reconnect_after: Option<u64>,
    /// The server's process, for its processor time and memory; found by itself on loopback.
    #[arg(long)]
    pid: Option<u32>,
    /// Write all figures here, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a report with plots here, as one HTML file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl LoadArgs {
    fn plan(&self) -> Result<Plan, Failure> {
        let target = units::target(&self.url).map_err(Failure::Option)?;
        let protocol = self.protocol.or(target.protocol).unwrap_or_default();
        let plan = Plan {
            target: target.address,
            protocol,
            workload: self.workload(protocol)?,
            connections: self.connections,
            threads: self.threads,
            cores: self.cores.clone(),
            driver: self.driver,
            pipeline: self.pipeline,
            timeout_s: self.timeout,
            reconnect: self.reconnect,
            reconnect_after: self.reconnect_after,
        };
        plan.check()?;
        Ok(plan)
    }

    fn workload(&self, protocol: Protocol) -> Result<Workload, Failure> {
        let refused = |text: String| Err(Failure::Option(text));
        if self.keys == 0 || self.keys > KEYS_MAX {
            return refused(format!("--keys must be 1 to {KEYS_MAX}, not {}", self.keys));
        }
        if self.key_len > KEY_LEN_MAX || self.key_prefix.len() + 12 > KEY_LEN_MAX {
            return refused(format!("--key-len and --key-prefix: at most {KEY_LEN_MAX} bytes"));
        }
        let unclean = |byte: u8| byte <= b' ' || byte == 0x7f;
        if self.key_prefix.bytes().any(unclean) {
            return refused("--key-prefix must not contain blanks".to_owned());
        }
        if !(0.0..=1.0).contains(&self.read) {
            return refused(format!("--read must be 0 to 1, not {}", self.read));
        }
        let (keys, draw) = match &self.trace {
            Some(path) => {
                (KeySpace::traced(Arc::new(file::read(path, None, None)?)), KeyDraw::Trace)
            }
            None => {
                let keys = KeySpace::numbered(&self.key_prefix, self.key_len, self.keys);
                (keys, self.key_draw.clone())
            }
        };
        let only_reads = protocol == Protocol::Echo && self.mix.is_none();
        let read_share = if only_reads { 1.0 } else { self.read };
        Ok(Workload {
            keys,
            draw,
            values: Values::new(self.size.clone()),
            mix: self.mix.clone().unwrap_or_else(|| Mix::read_share(read_share)),
            ttl_s: self.ttl,
            multi_keys: self.multi_keys,
            seed: self.seed,
        })
    }

    fn limit(&self) -> Limit {
        self.requests.map_or(Limit::Seconds(self.duration), Limit::Requests)
    }

    fn paces(&self) -> Vec<Pace> {
        let open = |&rate_per_s: &f64| Pace::Open { rate_per_s, arrivals: self.arrivals };
        let open: Vec<Pace> = self.rate.iter().map(open).collect();
        if open.is_empty() { vec![Pace::Closed] } else { open }
    }

    fn server_pid(&self, target: &Address) -> Option<u32> {
        self.pid.or_else(|| match target {
            Address::Tcp(address) => listener_pid(Path::new("/proc"), *address),
            Address::Unix(_) => None,
        })
    }
}

pub(super) fn run(args: &LoadArgs, stop: &AtomicBool) -> Result<Verdict, Failure> {
    let plan = args.plan()?;
    super::raise_descriptors(plan.connections);
    let pid = args.server_pid(&plan.target);
    let mut session = Session::start(plan, pid)?;
    let mut live = Live::new(std::io::stderr().is_terminal());
    live.say(&format!("{} on {}, {}", args.url, session.driver(), summary::setting(&session)));
    let outcomes = stages(args, &mut session, stop, &mut live).map_err(told(stop))?;
    live.end();
    for outcome in &outcomes {
        print(&summary::text(outcome))?;
    }
    let title = format!("{} {}", args.url, summary::setting(&session));
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&summary::document(&title, &outcomes))
            .expect("figures are plain data");
        write_file(path, &(text + "\n"))?;
    }
    if let Some(path) = &args.html {
        write_file(path, &html::page(&title, &outcomes))?;
    }
    Ok(if outcomes.iter().any(Outcome::is_broken) && !args.reconnect {
        Verdict::ServerGone
    } else if outcomes.iter().any(Outcome::is_wrong) {
        Verdict::WrongAnswers
    } else {
        Verdict::Good
    })
}

/// Filling, warm-up, and one measurement for each rate; a broken stage is the last.
fn stages(
    args: &LoadArgs,
    session: &mut Session,
    stop: &AtomicBool,
    live: &mut Live,
) -> Result<Vec<Outcome>, Failure> {
    let mut before = Vec::new();
    if args.preload {
        before.push(("preload", Stage::Fill));
    }
    let first = args.paces()[0];
    if args.warm_up > 0.0 {
        let limit = Limit::Seconds(args.warm_up);
        before.push(("warm-up", Stage::Traffic { limit, pace: first }));
    }
    for (name, stage) in before {
        live.expect((name == "warm-up").then_some(args.warm_up));
        let mut outcome =
            session.run(stage, stop, &mut |second: &Second| live.show(name, second))?;
        outcome.name = name.to_owned();
        if outcome.is_broken() && !args.reconnect || outcome.is_wrong() {
            return Ok(vec![outcome]);
        }
    }
    let mut outcomes = Vec::new();
    live.expect(args.requests.is_none().then_some(args.duration));
    for pace in args.paces() {
        let stage = Stage::Traffic { limit: args.limit(), pace };
        let name = match pace {
            Pace::Closed => "closed loop".to_owned(),
            Pace::Open { rate_per_s, .. } => format!("open loop at {rate_per_s:.0}/s"),
        };
        let mut outcome =
            session.run(stage, stop, &mut |second: &Second| live.show(&name, second))?;
        outcome.name = name;
        let broken = outcome.is_broken() && !args.reconnect;
        outcomes.push(outcome);
        if broken {
            break;
        }
    }
    Ok(outcomes)
}
