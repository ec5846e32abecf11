//! What is long is sent and received a share at a time.
//!
//! Owns the bounds of a turn. Invariant: whatever there is to send or to receive, a turn moves
//! little of it, short output does not wait behind long, and a driver goes on by itself. Cost: a
//! second.

mod rig;

use std::io::{Read, Write};
use std::sync::{Arc, mpsc};
use std::thread;

use rig::{Rig, both, pattern};
use velodrome_net::{DriverChoice, Wait, mono_ns};

/// What a turn moves at most, of what is received with what a block may exceed it by.
const SHARE_BYTES: usize = 512 << 10;
/// What a socket that was waited for takes besides.
const AWAITED_BYTES: usize = 256 << 10;

#[test]
fn a_turn_sends_a_share_of_what_is_long_and_all_that_is_short() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let value = Arc::new(pattern(4 << 20, 7));
        let pairs: Vec<_> = (0..5).map(|_| rig.pair()).collect();
        let (short, long) = pairs.split_last().unwrap();
        let readers: Vec<_> = long
            .iter()
            .map(|(client, conn)| {
                let (mut client, expected) = (client.try_clone().unwrap(), value.clone());
                assert!(rig.driver.send_shared(*conn, value.clone()));
                thread::spawn(move || {
                    let mut got = vec![0; expected.len()];
                    client.read_exact(&mut got).unwrap();
                    assert!(got == **expected);
                })
            })
            .collect();
        let sent = |rig: &Rig| -> Vec<usize> {
            long.iter().map(|(_, conn)| rig.driver.sent_total(*conn) as usize).collect()
        };
        let mut before = sent(&rig);
        while before.iter().sum::<usize>() < long.len() * value.len() {
            rig.driver.output(short.1).unwrap().extend_from_slice(b"short");
            turn_in_time(&mut rig);
            let now = sent(&rig);
            let moved = now.iter().sum::<usize>() - before.iter().sum::<usize>();
            let bound = SHARE_BYTES + long.len() * AWAITED_BYTES;
            assert!(moved <= bound, "{moved} bytes in one turn");
            assert_eq!(rig.driver.unsent_bytes(short.1), 0, "what is short does not wait");
            before = now;
        }
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn what_a_full_socket_left_is_sent_as_soon_as_it_takes_more() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let value = pattern(100 << 10, 3);
        let (mut client, conn) = rig.pair_with_window(4 << 10);
        let (expected, (full, filled)) = (value.clone(), mpsc::channel());
        let reader = thread::spawn(move || {
            let mut got = vec![0; expected.len()];
            for values in filled {
                for _ in 0..values {
                    client.read_exact(&mut got).unwrap();
                    assert!(got == expected);
                }
            }
        });
        for _ in 0..4 {
            let mut values = 0;
            while rig.driver.unsent_bytes(conn) == 0 {
                rig.driver.output(conn).unwrap().extend_from_slice(&value);
                values += 1;
                match choice {
                    // It cannot know that the socket takes it all, so it looks.
                    DriverChoice::IoUring => turn_in_time(&mut rig),
                    _ => rig.turn(Wait::Now).clear(),
                }
            }
            full.send(values).unwrap();
            while rig.driver.unsent_bytes(conn) > 0 {
                turn_in_time(&mut rig);
            }
        }
        drop(full);
        reader.join().unwrap();
    });
}

/// One turn that goes on by itself.
fn turn_in_time(rig: &mut Rig) {
    let until = mono_ns() + 30_000_000_000;
    rig.turn(Wait::Until(Some(until)));
    assert!(mono_ns() < until, "it goes on though nothing else happens");
}

#[test]
fn a_turn_receives_a_share_while_told_to() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        rig.echo = false;
        rig.driver.receive_narrowly(true);
        let sent = pattern(4 << 20, 9);
        let writers: Vec<_> = (0..3)
            .map(|_| {
                let ((mut client, _), sent) = (rig.pair(), sent.clone());
                thread::spawn(move || {
                    client.write_all(&sent).unwrap();
                    client
                })
            })
            .collect();
        let received = |rig: &Rig| rig.seen.values().map(|seen| seen.received).sum::<usize>();
        let mut before = received(&rig);
        while before < writers.len() * sent.len() {
            rig.turn(Wait::Until(Some(mono_ns() + 20_000_000)));
            let now = received(&rig);
            assert!(now - before <= SHARE_BYTES, "{} bytes in one turn", now - before);
            before = now;
        }
        writers.into_iter().for_each(|writer| drop(writer.join().unwrap()));
    });
}
