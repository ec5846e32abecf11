//! Descriptors: running out of them is survived, and none leaks.
//!
//! The tests change the process's limit and count its descriptors, so this binary runs them one
//! after another in `main`.

mod rig;

use std::fs::File;
use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use rig::{Rig, both, open_descriptors};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use velodrome_net::{Event, Limits, Wait, mono_ns};

fn main() {
    both(survives_running_out);
    both(leaks_nothing_over_many_connections);
    both(serves_two_thousand);
    println!("descriptors: 3 tests passed");
}

fn set_limit(current: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let next = Rlimit { current: Some(current), maximum: limit.maximum };
    setrlimit(Resource::Nofile, next).unwrap();
    limit.current.unwrap()
}

/// Takes every descriptor that is left.
fn take_all() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

/// With no descriptor left, waiting peers are told and dropped; later ones are served again.
fn survives_running_out(choice: velodrome_net::DriverChoice) {
    // Before the driver: io_uring remembers the limit from when it was asked to accept.
    let before = set_limit(200);
    let mut rig = Rig::new(choice);
    let mut kept: Vec<_> = (0..4).map(|_| rig.pair().0).collect();
    let clients: Vec<TcpStream> = (0..3).map(|_| rig.client()).collect();
    let fillers = take_all();
    let mut told = 0;
    let deadline = mono_ns() + 20_000_000_000;
    while told == 0 {
        assert!(mono_ns() < deadline, "the failure is never reported");
        for event in rig.turn(Wait::Until(Some(mono_ns() + 20_000_000))) {
            match event {
                Event::AcceptFailed { listener: 7, error } => {
                    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                    told += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    drop(fillers);
    for mut client in clients {
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "-ERR max number of clients reached\r\n");
    }
    let (client, _) = rig.pair();
    kept.push(client);
    drop(kept);
    rig.until("all are closed", |rig| rig.closed == 5);
    set_limit(before);
    println!("{choice:?}: survived running out");
}

fn leaks_nothing_over_many_connections(choice: velodrome_net::DriverChoice) {
    let mut rig = Rig::new(choice);
    drop(rig.pair());
    rig.until("the first is closed", |rig| rig.closed == 1);
    let before = open_descriptors();
    let rounds = 10_000 / 50;
    for round in 0..rounds {
        let clients: Vec<_> = (0..50).map(|_| rig.client()).collect();
        let adopted = 1 + (round + 1) * 50;
        rig.until("all are adopted", |rig| rig.conns.len() == adopted);
        if round % 3 == 0 {
            let conns = rig.conns.split_off(adopted - 50);
            conns.iter().for_each(|conn| rig.driver.abort(*conn));
            rig.conns.extend(conns);
        }
        drop(clients);
        rig.until("all are closed", |rig| rig.closed == adopted);
    }
    assert_eq!(open_descriptors(), before);
    assert_eq!(rig.driver.connections(), 0);
    drop(rig);
    println!("{choice:?}: no leak over {} connections", rounds * 50);
}

fn serves_two_thousand(choice: velodrome_net::DriverChoice) {
    use std::io::Write;
    let limits = Limits { receive_blocks: 4, receive_block_bytes: 16 << 10, ..Limits::default() };
    let mut rig = Rig::with_limits(choice, limits);
    let mut clients = Vec::new();
    while clients.len() < 2000 {
        clients.extend((0..100).map(|_| rig.client()));
        let count = clients.len();
        rig.until("they are adopted", |rig| rig.conns.len() == count);
    }
    let line = [b'x'; 500];
    clients.iter_mut().for_each(|client| client.write_all(&line).unwrap());
    rig.until("all bytes are here", |rig| {
        rig.seen.values().map(|seen| seen.received).sum::<usize>() == 2000 * line.len()
    });
    rig.turn(Wait::Now);
    let mut got = [0; 500];
    clients.iter_mut().for_each(|client| client.read_exact(&mut got).unwrap());
    drop(clients);
    rig.until("all are closed", |rig| rig.closed == 2000);
    println!("{choice:?}: served 2000");
}
