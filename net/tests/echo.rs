//! Bytes go in and come back: the same, in order, for any number of connections and any split.

mod rig;

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rig::{Rig, both, client, pattern};
use velodrome_net::{
    Batching, BlockUse, Driver, DriverChoice, DriverConfig, Event, Limits, Wait, mono_ns,
};

fn echo(choice: DriverChoice, clients: usize, len: usize, piece: usize) {
    println!("{choice:?}: {clients} clients, {len} bytes in pieces of {piece}");
    echo_with(Rig::new(choice), clients, len, piece);
}

fn echo_with(mut rig: Rig, clients: usize, len: usize, piece: usize) {
    let addr = rig.addr;
    let threads: Vec<_> = (0..clients)
        .map(|seed| {
            thread::spawn(move || {
                let mut reader = client(addr);
                let mut writer = reader.try_clone().unwrap();
                let sent = pattern(len, seed as u64);
                let expected = sent.clone();
                let writing = thread::spawn(move || {
                    sent.chunks(piece).for_each(|piece| writer.write_all(piece).unwrap());
                    writer.shutdown(std::net::Shutdown::Write).unwrap();
                });
                let mut got = Vec::new();
                reader.read_to_end(&mut got).unwrap();
                writing.join().unwrap();
                assert!(got == expected, "echo differs: {} of {} bytes", got.len(), len);
            })
        })
        .collect();
    rig.until("every client is done", |rig| rig.closed == clients);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(rig.driver.connections(), 0);
}

#[test]
fn one_small_message() {
    both(|choice| echo(choice, 1, 5, 5));
}

#[test]
fn byte_by_byte() {
    both(|choice| echo(choice, 3, 2000, 1));
}

#[test]
fn pipelines_of_many_clients() {
    both(|choice| echo(choice, 50, 100_000, 1460));
}

#[test]
fn eight_mebibytes_both_ways() {
    both(|choice| echo(choice, 2, 8 << 20, 1 << 20));
}

#[test]
fn answers_one_by_one() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let addr = rig.addr;
        let pinging = thread::spawn(move || {
            let mut client = client(addr);
            let mut got = [0; 6];
            for _ in 0..500 {
                client.write_all(b"PING\r\n").unwrap();
                client.read_exact(&mut got).unwrap();
                assert_eq!(&got, b"PING\r\n");
            }
        });
        rig.until("the client leaves", |rig| rig.closed == 1);
        pinging.join().unwrap();
    });
}

#[test]
fn few_receive_blocks_serve_many_senders() {
    both(|choice| {
        let limits = Limits { receive_blocks: 2, receive_block_bytes: 4096, ..Limits::default() };
        echo_with(Rig::with_limits(choice, limits), 64, 60_000, 60_000);
    });
}

#[test]
fn whole_blocks_serve_as_well() {
    both(|choice| {
        for (receive_blocks, receive_block_bytes) in [(32, 128 << 10), (2, 4096)] {
            let limits = Limits { receive_blocks, receive_block_bytes, ..Limits::default() };
            let (block_use, batching) = (BlockUse::Whole, Batching::Off);
            let config = DriverConfig { choice, limits, block_use, batching, ..Default::default() };
            echo_with(Rig::around(Driver::new(config).unwrap()), 20, 500_000, 5000);
        }
    });
}

#[test]
fn a_busy_driver_falls_asleep_when_the_work_ends() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let mut clients: Vec<_> = (0..40).map(|_| rig.client()).collect();
        rig.until("all are adopted", |rig| rig.conns.len() == 40);
        for round in 1..50 {
            clients.iter_mut().for_each(|client| client.write_all(b"PING\r\n").unwrap());
            rig.until("all have come", |rig| {
                rig.seen.values().map(|seen| seen.received).sum::<usize>() == round * 40 * 6
            });
        }
        // Nothing but the wake-up at the end, so `turns` counts needless ones.
        let waker = rig.driver.waker();
        let waking = thread::spawn(move || {
            thread::park_timeout(Duration::from_millis(100));
            waker.wake();
        });
        let mut turns = 0;
        while !rig.turn(Wait::Until(None)).iter().any(|event| matches!(event, Event::Mailbox)) {
            turns += 1;
        }
        waking.join().unwrap();
        assert!(turns <= 20, "{turns} turns although nothing happens any more");
    });
}

#[test]
fn shared_pieces_keep_their_place() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let (mut client, conn) = rig.pair();
        let value: Arc<Vec<u8>> = Arc::new(pattern(300_000, 1));
        let mut expected = Vec::new();
        for round in 0..40_u8 {
            let header = vec![round; round as usize];
            rig.driver.output(conn).unwrap().extend_from_slice(&header);
            assert!(rig.driver.send_shared(conn, value.clone()));
            expected.extend_from_slice(&header);
            expected.extend_from_slice(&value);
        }
        rig.driver.output(conn).unwrap().extend_from_slice(b"end");
        expected.extend_from_slice(b"end");
        assert_eq!(rig.driver.unsent_shared_bytes(conn), 40 * value.len());
        let reading = thread::spawn(move || {
            let mut got = vec![0; expected.len()];
            client.read_exact(&mut got).unwrap();
            assert!(got == expected);
            client
        });
        rig.until("all is sent", |rig| {
            Arc::strong_count(&value) == 1 && rig.driver.unsent_bytes(conn) == 0
        });
        assert_eq!(rig.seen(conn).sent, 1, "one backlog, one report");
        reading.join().unwrap();
    });
}

#[test]
fn a_driver_without_work_stays_asleep() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let (_client, _conn) = rig.pair();
        rig.turn(Wait::Now);
        let until = mono_ns() + 100_000_000;
        let mut turns = 0;
        while mono_ns() < until {
            rig.turn(Wait::Until(Some(until)));
            turns += 1;
        }
        assert!(turns <= 3, "{turns} turns although nothing happened");
    });
}

#[test]
fn held_output_leaves_when_released_or_after_a_moment() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let (mut client, conn) = rig.pair();
        let start_ns = mono_ns();
        rig.driver.output(conn).unwrap().extend_from_slice(b"first ");
        rig.driver.hold(conn);
        rig.turn(Wait::Now);
        let unsent = rig.driver.unsent_bytes(conn);
        // On a busy machine the moment may be over already.
        assert!(unsent == 6 || mono_ns() - start_ns > 50_000, "{unsent} bytes kept");
        rig.driver.output(conn).unwrap().extend_from_slice(b"second ");
        rig.driver.release(conn);
        rig.turn(Wait::Now);
        assert_eq!(rig.driver.unsent_bytes(conn), 0, "released");
        rig.driver.output(conn).unwrap().extend_from_slice(b"third");
        rig.driver.hold(conn);
        // Nothing else happens: the driver wakes by itself.
        rig.until("it has left", |rig| rig.driver.unsent_bytes(conn) == 0);
        let mut got = [0; 18];
        client.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"first second third");
    });
}
