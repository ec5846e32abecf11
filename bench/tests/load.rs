//! Sessions with a fake server that behaves or does not: every answer is counted and judged.

mod fake;

use std::sync::atomic::{AtomicBool, Ordering};

use fake::{Fake, Fault};
use velodrome_bench::load::{Arrivals, Limit, Outcome, Pace, Plan, Session, Stage};
use velodrome_bench::protocol::Protocol;
use velodrome_bench::workload::{KeyDraw, KeySpace, Lengths, Mix, Values, Workload};
use velodrome_net::{Address, DriverChoice};

fn plan(server: &Fake, mix: &str) -> Plan {
    Plan {
        target: Address::Tcp(server.address),
        protocol: Protocol::Resp,
        workload: Workload {
            keys: KeySpace::numbered("key:", 24, 500),
            draw: KeyDraw::Uniform,
            values: Values::new(Lengths::parse("1-3000").unwrap()),
            mix: Mix::parse(mix).unwrap(),
            ttl_s: None,
            multi_keys: 7,
            seed: 11,
        },
        connections: 20,
        threads: 2,
        cores: Vec::new(),
        driver: DriverChoice::Auto,
        pipeline: 5,
        timeout_s: 5.0,
        reconnect: false,
        reconnect_after: None,
    }
}

fn traffic(requests: u64) -> Stage {
    Stage::Traffic { limit: Limit::Requests(requests), pace: Pace::Closed }
}

/// Fills the server, then runs one stage.
fn run(plan: Plan, stage: Stage) -> (Outcome, Outcome) {
    let stop = AtomicBool::new(false);
    let mut session = Session::start(plan, None).unwrap();
    let filled = session.run(Stage::Fill, &stop, &mut |_| {}).unwrap();
    (filled, session.run(stage, &stop, &mut |_| {}).unwrap())
}

#[test]
fn every_request_of_a_mix_is_answered_and_right() {
    let mix = "get=6,set=3,incr=2,mget=1,mset=1";
    for driver in [DriverChoice::Auto, DriverChoice::Epoll] {
        let server = Fake::start(Fault::None);
        let (filled, outcome) = run(Plan { driver, ..plan(&server, mix) }, traffic(20_000));
        assert_eq!((filled.answered, filled.missing), (1000, 0), "values and counters");
        assert_eq!((outcome.answered, outcome.missing), (20_000, 0));
        assert!(!outcome.is_wrong() && !outcome.is_broken(), "{:?}", outcome.trouble);
        assert_eq!(outcome.unanswered, 0);
        let counts: u64 = outcome.commands.iter().map(|(_, latencies)| latencies.count).sum();
        assert_eq!((outcome.commands.len(), counts), (5, 20_000));
        let gets = outcome.commands[0].1.count as f64 / 20_000.0;
        assert!((gets - 6.0 / 13.0).abs() < 0.03, "{gets}");
    }
}

#[test]
fn deleted_keys_are_missing_and_nothing_worse() {
    let server = Fake::start(Fault::None);
    let (_, outcome) = run(plan(&server, "get=1,delete=1"), traffic(10_000));
    assert!(outcome.missing > 1000, "{}", outcome.missing);
    assert!(!outcome.is_wrong());
}

#[test]
fn wrong_values_are_counted_one_by_one() {
    let server = Fake::start(Fault::WrongValue(10));
    let (_, outcome) = run(plan(&server, "get"), traffic(5000));
    assert_eq!(outcome.wrong, 500);
    assert!(outcome.trouble.unwrap().starts_with("get of key "));
}

#[test]
fn refusals_are_counted_with_their_words() {
    let server = Fake::start(Fault::Full);
    let (filled, _) = run(plan(&server, "get"), traffic(10));
    assert_eq!((filled.answered, filled.refused), (500, 500));
    assert!(filled.trouble.unwrap().contains("OOM no room"));
}

#[test]
fn a_servers_death_ends_the_run_with_its_count() {
    let server = Fake::start(Fault::Death(3000));
    let (_, outcome) = run(plan(&server, "get"), traffic(1_000_000));
    assert_eq!(outcome.lost_connections, 20);
    assert!(outcome.is_broken() && outcome.loss.is_some());
    assert!(outcome.answered > 2000 && outcome.answered <= 2500, "{}", outcome.answered);
    assert!(outcome.unanswered > 0);
}

#[test]
fn a_silent_server_counts_as_dead() {
    let server = Fake::start(Fault::Silence(3000));
    let short = Plan { timeout_s: 0.2, ..plan(&server, "get") };
    let (_, outcome) = run(short, traffic(1_000_000));
    assert!(outcome.stalled && outcome.is_broken());
    assert_eq!(outcome.lost_connections, 0);
    assert!(outcome.unanswered > 0 && outcome.answered > 2000);
}

#[test]
fn an_open_loop_charges_the_wait_to_every_request_that_came_due() {
    // One pause of 300 ms within one second: three in ten requests come due in it.
    let server = Fake::start(Fault::Pause(1000, 300));
    let pace = Pace::Open { rate_per_s: 5000.0, arrivals: Arrivals::Constant };
    let stage = Stage::Traffic { limit: Limit::Seconds(1.0), pace };
    let (_, outcome) = run(plan(&server, "get"), stage);
    assert!((4_950..=5_050).contains(&outcome.answered), "{}", outcome.answered);
    assert!(outcome.latencies.p90_us > 100_000.0, "{:?}", outcome.latencies);
    assert_eq!((outcome.unsent, outcome.unanswered), (0, 0));
    assert_eq!(outcome.offered_per_s, Some(5000.0));
}

#[test]
fn poisson_arrivals_keep_their_rate() {
    let server = Fake::start(Fault::None);
    let pace = Pace::Open { rate_per_s: 4000.0, arrivals: Arrivals::Poisson };
    let stage = Stage::Traffic { limit: Limit::Requests(2000), pace };
    let (_, outcome) = run(plan(&server, "get"), stage);
    assert_eq!(outcome.answered, 2000);
    assert!((0.3..5.0).contains(&outcome.seconds), "{}", outcome.seconds);
}

#[test]
fn connections_are_renewed_as_asked() {
    let server = Fake::start(Fault::None);
    let renewing = Plan { reconnect_after: Some(10), ..plan(&server, "get") };
    let (_, outcome) = run(renewing, traffic(5000));
    assert_eq!(outcome.answered, 5000);
    assert!(!outcome.is_broken() && outcome.unanswered == 0);
    let accepted = server.accepted.load(Ordering::Relaxed);
    assert!((400..=600).contains(&accepted), "{accepted}");
    assert!(outcome.commands.iter().any(|(name, _)| name == "connect"));
}

#[test]
fn the_same_seed_asks_the_same() {
    let counts = || {
        let server = Fake::start(Fault::None);
        let (_, outcome) = run(plan(&server, "get=3,set=1"), traffic(3000));
        outcome.commands.iter().map(|(_, latencies)| latencies.count).collect::<Vec<_>>()
    };
    assert_eq!(counts(), counts());
}

#[test]
fn seconds_sum_to_the_whole() {
    let server = Fake::start(Fault::None);
    let stage = Stage::Traffic { limit: Limit::Seconds(2.1), pace: Pace::Closed };
    let (_, outcome) = run(plan(&server, "get"), stage);
    assert_eq!(outcome.series.len(), 2);
    let summed: f64 = outcome.series.iter().map(|second| second.answers_per_s).sum();
    assert!(summed < outcome.answered as f64 && summed > outcome.answered as f64 * 0.8);
}

#[test]
fn a_server_that_is_not_there_is_a_clear_failure() {
    let server = Fake::start(Fault::None);
    let gone = plan(&server, "get");
    drop(server);
    let failure = Session::start(gone, None).err().unwrap().to_string();
    assert!(failure.contains("cannot reach the server"), "{failure}");
}

#[test]
fn an_interrupted_run_ends_at_once() {
    let server = Fake::start(Fault::None);
    let mut session = Session::start(plan(&server, "get"), None).unwrap();
    let stage = Stage::Traffic { limit: Limit::Seconds(60.0), pace: Pace::Closed };
    let failure = session.run(stage, &AtomicBool::new(true), &mut |_| {}).unwrap_err();
    assert!(failure.to_string().contains("signal"), "{failure}");
}
