//! Bytes go in and come back: the same, in order, for any number of connections and any split.

mod rig;

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;

use rig::{Rig, both, client, pattern};
use velodrome_net::{DriverChoice, Limits, Wait};

fn echo(choice: DriverChoice, clients: usize, len: usize, piece: usize) {
    println!("{choice:?}: {clients} clients, {len} bytes in pieces of {piece}");
    let mut rig = Rig::new(choice);
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
        let mut rig = Rig::with_limits(choice, limits);
        let addr = rig.addr;
        let threads: Vec<_> = (0..64)
            .map(|seed| {
                thread::spawn(move || {
                    let mut reader = client(addr);
                    let mut writer = reader.try_clone().unwrap();
                    let sent = pattern(60_000, seed);
                    let expected = sent.clone();
                    let writing = thread::spawn(move || {
                        writer.write_all(&sent).unwrap();
                        writer.shutdown(std::net::Shutdown::Write).unwrap();
                    });
                    let mut got = Vec::new();
                    reader.read_to_end(&mut got).unwrap();
                    writing.join().unwrap();
                    assert!(got == expected, "echo differs: {} bytes", got.len());
                })
            })
            .collect();
        rig.until("every client is done", |rig| rig.closed == 64);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
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
        let until = velodrome_net::mono_ns() + 100_000_000;
        let mut turns = 0;
        while velodrome_net::mono_ns() < until {
            rig.turn(Wait::Until(Some(until)));
            turns += 1;
        }
        assert!(turns <= 3, "{turns} turns although nothing happened");
    });
}
