//! How connections begin and end: refusals, half-closes, resets, peers that never read.

mod rig;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;
use std::time::Duration;

use rig::{Rig, both, driver, pattern};
use socket2::SockRef;
use velodrome_net::{Address, CloseReason, DriverChoice, Event, Limits, Wait, mono_ns};

#[test]
fn connects_and_talks() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let conn = rig.driver.connect(&Address::Tcp(rig.addr)).unwrap();
        rig.driver.output(conn).expect("output is taken before the connect").extend(b"hello");
        let mut connected = false;
        let mut got: Vec<u8> = Vec::new();
        while got.len() < 5 {
            rig.driver.poll(Wait::Until(Some(mono_ns() + 1_000_000_000))).unwrap();
            while let Some(event) = rig.driver.next_event() {
                match event {
                    Event::Accepted { socket, .. } => {
                        rig.driver.adopt(socket).unwrap();
                    }
                    Event::Connected { conn: which } => {
                        assert_eq!(which, conn);
                        connected = true;
                    }
                    Event::Received { conn: to, bytes } if to == conn => got.extend(&*bytes),
                    Event::Received { conn: to, bytes } => {
                        rig.driver.output(to).unwrap().extend(&*bytes);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(connected);
        assert_eq!(got, b"hello");
    });
}

#[test]
fn a_refused_connect_is_reported_and_its_id_dies() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let conn = rig.driver.connect(&Address::Tcp(nobody)).unwrap();
        let mut events = Vec::new();
        while events.is_empty() {
            events = rig.turn(Wait::Until(Some(mono_ns() + 1_000_000_000)));
        }
        match &events[..] {
            [Event::ConnectFailed { conn: which, error }] => {
                assert_eq!(*which, conn);
                assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            }
            other => panic!("{other:?}"),
        }
        assert!(rig.driver.output(conn).is_none());
        assert_eq!(rig.driver.connections(), 0);
    });
}

#[test]
fn a_missing_unix_socket_fails_to_connect() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        rig.driver.connect(&Address::Unix("/nonexistent/socket".into())).unwrap();
        let mut events = Vec::new();
        while events.is_empty() {
            events = rig.turn(Wait::Until(Some(mono_ns() + 1_000_000_000)));
        }
        assert!(matches!(events[..], [Event::ConnectFailed { .. }]), "{events:?}");
    });
}

#[test]
fn a_half_closed_peer_still_gets_its_answer() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let (mut client, conn) = rig.pair();
        client.write_all(b"last words").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        rig.until("it is closed", |rig| rig.closed == 1);
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert_eq!(got, b"last words");
        assert_eq!(rig.seen[&conn].peer_closed, [CloseReason::End]);
    });
}

#[test]
fn a_reset_is_reported_once_whatever_is_in_flight() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let (client, conn) = rig.pair();
        rig.driver.output(conn).unwrap().resize(8 << 20, 1);
        rig.turn(Wait::Now);
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        rig.until("the reset is seen", |rig| !rig.seen[&conn].peer_closed.is_empty());
        assert!(matches!(rig.seen[&conn].peer_closed[..], [CloseReason::Failed(_)]));
        rig.until("it is closed", |rig| rig.closed == 1);
        assert_eq!(rig.driver.connections(), 0);
    });
}

#[test]
fn a_peer_that_never_reads_is_bounded_and_can_be_aborted() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let (mut client, conn) = rig.pair();
        let before = rig.driver.buffers_bytes();
        for _ in 0..32 {
            rig.driver.output(conn).unwrap().extend_from_slice(&[7; 1 << 20]);
            rig.turn(Wait::Now);
        }
        let (unsent, sent) = (rig.driver.unsent_bytes(conn), rig.driver.sent_total(conn));
        assert!(unsent > 16 << 20, "{unsent} unsent");
        assert_eq!(unsent as u64 + sent, 32 << 20);
        assert!(rig.driver.buffers_bytes() >= before + unsent);
        rig.driver.abort(conn);
        assert!(rig.driver.output(conn).is_none());
        rig.until("it is gone", |rig| rig.closed == 1);
        assert_eq!(rig.driver.buffers_bytes(), before);
        let error = loop {
            match client.read(&mut [0; 1 << 16]) {
                Ok(0) => panic!("an orderly end instead of a reset"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn close_sends_everything_first() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let (mut client, conn) = rig.pair();
        let bytes = pattern(6 << 20, 3);
        rig.driver.output(conn).unwrap().extend_from_slice(&bytes);
        rig.driver.close(conn);
        assert!(rig.driver.output(conn).is_none(), "no output after close");
        let reading = thread::spawn(move || {
            let mut got = Vec::new();
            client.read_to_end(&mut got).unwrap();
            got
        });
        rig.until("it is closed", |rig| rig.closed == 1);
        assert!(reading.join().unwrap() == bytes);
    });
}

#[test]
fn close_waits_no_longer_than_its_patience() {
    both(|choice| {
        let limits = Limits { linger_ms: 50, ..Limits::default() };
        let mut rig = Rig::with_limits(choice, limits);
        let (_client, conn) = rig.pair();
        rig.driver.output(conn).unwrap().resize(32 << 20, 1);
        let start = mono_ns();
        rig.driver.close(conn);
        rig.until("it is closed", |rig| rig.closed == 1);
        assert!(mono_ns() - start >= 50_000_000);
    });
}

#[test]
fn a_connection_closed_while_connecting_says_closed() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        // Documentation addresses answer nobody.
        let conn = rig.driver.connect(&Address::Tcp("192.0.2.1:9".parse().unwrap())).unwrap();
        let failed = rig.turn(Wait::Now);
        if !failed.is_empty() {
            return println!("this host refuses at once: {failed:?}");
        }
        rig.driver.abort(conn);
        rig.until("it is closed", |rig| rig.closed == 1);
        assert_eq!(rig.driver.connections(), 0);
    });
}

#[test]
fn a_paused_connection_is_not_read() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let (mut client, conn) = rig.pair();
        rig.driver.pause(conn);
        rig.turn(Wait::Now);
        let bytes = pattern(16 << 20, 4);
        let expected = bytes.clone();
        let mut writer = client.try_clone().unwrap();
        let writing = thread::spawn(move || writer.write_all(&bytes).unwrap());
        let until = mono_ns() + 30_000_000;
        while mono_ns() < until {
            rig.turn(Wait::Until(Some(until)));
        }
        assert_eq!(rig.seen[&conn].received, 0);
        // Pausing and resuming at once must neither lose nor double the receive.
        for _ in 0..3 {
            rig.driver.resume(conn);
            rig.driver.pause(conn);
        }
        rig.driver.resume(conn);
        let reading = thread::spawn(move || {
            let mut got = vec![0; expected.len()];
            client.read_exact(&mut got).unwrap();
            assert!(got == expected);
            client
        });
        rig.until("all has come", |rig| rig.seen[&conn].received == 16 << 20);
        writing.join().unwrap();
        rig.until("all went back", |rig| rig.driver.unsent_bytes(conn) == 0);
        drop(reading.join().unwrap());
        rig.until("it is closed", |rig| rig.closed == 1);
    });
}

#[test]
fn too_many_connections_are_refused() {
    both(|choice| {
        let limits = Limits { connections_max: 1, ..Limits::default() };
        let mut rig = Rig::with_limits(choice, limits);
        let (_client, _conn) = rig.pair();
        let error = rig.driver.connect(&Address::Tcp(rig.addr)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    });
}

#[test]
fn a_request_for_sent_is_always_answered() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let (_client, conn) = rig.pair();
        rig.driver.notify_when_sent(conn);
        rig.until("told at once", |rig| rig.seen[&conn].sent == 1);
        rig.driver.output(conn).unwrap().extend(b"x");
        rig.turn(Wait::Now);
        assert_eq!(rig.seen[&conn].sent, 1, "small output is not worth a report");
    });
}

#[test]
fn stops_listening() {
    both(|choice| {
        let mut rig = Rig::new(choice);
        let (_client, conn) = rig.pair();
        rig.driver.stop_listening();
        rig.turn(Wait::Now);
        rig.turn(Wait::Now);
        let error = std::net::TcpStream::connect(rig.addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(rig.driver.output(conn).is_some(), "connections stay");
    });
}

#[test]
fn dropping_a_busy_driver_lets_go_of_everything() {
    both(|choice: DriverChoice| {
        let mut rig = Rig::new(choice);
        let (mut client, conn) = rig.pair();
        rig.driver.output(conn).unwrap().resize(32 << 20, 1);
        rig.turn(Wait::Now);
        drop(rig);
        let mut got = Vec::new();
        // An end or a reset, but never a hang.
        let _ = client.read_to_end(&mut got);
        assert!(got.len() < 32 << 20);
        assert!(driver(choice, Limits::default()).is_ok());
    });
}
