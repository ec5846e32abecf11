//! The load beside real servers: those that are installed, this program's echo server, and the
//! node that `VELODROME` names.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use velodrome_bench::affinity::Pinned;
use velodrome_bench::load::{Limit, Outcome, Pace, Plan, Session, Stage};
use velodrome_bench::protocol::Protocol;
use velodrome_bench::server_process::{Kind, ServerProcess, ServerSpec, is_installed};
use velodrome_bench::verify::verify;
use velodrome_bench::workload::{KeyDraw, KeySpace, Lengths, Mix, Values, Workload};
use velodrome_net::{Address, DriverChoice};

/// Starts a server of `kind`; `None` when its program is not there.
fn start(kind: Kind, program: &Path) -> Option<ServerProcess> {
    if !is_installed(program) {
        println!("skipped: {} is not installed", program.display());
        return None;
    }
    let core = (0..1024).find(|core| Pinned::to(&[*core]).is_ok()).unwrap();
    let name = format!("{kind:?}");
    let spec =
        ServerSpec { name, kind, program: program.to_owned(), extra_args: Vec::new(), shards: 1 };
    let server = ServerProcess::start(&spec, IpAddr::V4(Ipv4Addr::LOCALHOST), &[core]).unwrap();
    Some(server)
}

/// Fills a server and sends it ten thousand requests of a mix.
fn load(server: &ServerProcess, protocol: Protocol, mix: &str) -> Outcome {
    let plan = Plan {
        target: Address::Tcp(server.address()),
        protocol,
        workload: Workload {
            keys: KeySpace::numbered("key:", 24, 1000),
            draw: KeyDraw::Zipf(0.99),
            values: Values::new(Lengths::parse("10-5000").unwrap()),
            mix: Mix::parse(mix).unwrap(),
            ttl_s: Some((100, 200)),
            multi_keys: 5,
            seed: 3,
        },
        connections: 30,
        threads: 1,
        cores: Vec::new(),
        driver: DriverChoice::Auto,
        pipeline: 8,
        timeout_s: 5.0,
        reconnect: false,
        reconnect_after: None,
    };
    let stop = AtomicBool::new(false);
    let mut session = Session::start(plan, Some(server.pid())).unwrap();
    if protocol != Protocol::Echo {
        session.run(Stage::Fill, &stop, &mut |_| {}).unwrap();
    }
    let stage = Stage::Traffic { limit: Limit::Requests(10_000), pace: Pace::Closed };
    let outcome = session.run(stage, &stop, &mut |_| {}).unwrap();
    assert_eq!((outcome.answered, outcome.unanswered), (10_000, 0));
    assert!(!outcome.is_wrong() && !outcome.is_broken(), "{:?}", outcome.trouble);
    let cost = outcome.server.unwrap();
    assert!(cost.cpu_ns_per_op > 0.0 && cost.rss_bytes > 1 << 20, "{cost:?}");
    outcome
}

#[test]
fn memcached_answers_in_all_its_protocols() {
    let Some(server) = start(Kind::Memcached, Path::new("memcached")) else { return };
    verify(&server).unwrap();
    let outcome = load(&server, Protocol::MemcachedText, "get=5,set=2,incr=1,mget=1");
    assert_eq!(outcome.missing, 0);
    let outcome = load(&server, Protocol::MemcachedMeta, "get=5,set=2,incr=1");
    assert_eq!(outcome.missing, 0);
    let outcome = load(&server, Protocol::MemcachedBinary, "get=5,set=2,incr=1,delete=1");
    assert!(outcome.missing > 0, "some keys were deleted");
}

#[test]
fn redis_answers_every_command() {
    let Some(server) = start(Kind::Redis, Path::new("redis-server")) else { return };
    verify(&server).unwrap();
    load(&server, Protocol::Resp, "get=5,set=2,delete=1,incr=1,mget=1,mset=1");
}

#[test]
fn the_named_node_answers_every_command() {
    let Some(program) = std::env::var_os("VELODROME").map(PathBuf::from) else {
        return println!("skipped: VELODROME names no binary");
    };
    let server = start(Kind::Velodrome, &program).expect("VELODROME names a binary that runs");
    verify(&server).unwrap();
    load(&server, Protocol::Resp, "get=5,set=2,delete=1,incr=1,mget=1,mset=1");
}

#[test]
fn echo_returns_every_request() {
    let program = Path::new(env!("CARGO_BIN_EXE_velodrome-bench"));
    let server = start(Kind::Echo, program).unwrap();
    load(&server, Protocol::Echo, "get");
}
