//! Binding: what is listened on, who may connect, and what an operator is told.

mod rig;

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use rig::{both, driver, local_addr};
use velodrome_net::{BindError, Event, Limits, Wait, bind_tcp, bind_unix};

#[test]
fn a_taken_port_is_explained() {
    let first = bind_tcp("127.0.0.1:0".parse().unwrap(), 16, "--resp-port").unwrap();
    let addr = local_addr(&first);
    let error = bind_tcp(addr, 16, "--resp-port").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "address {addr} is already in use: stop the other server or choose another port with \
             --resp-port"
        )
    );
}

#[test]
fn an_address_of_another_host_is_explained() {
    let error = bind_tcp("192.0.2.1:0".parse().unwrap(), 16, "--bind").unwrap_err();
    assert!(matches!(error, BindError::NoSuchAddress { .. }), "{error}");
}

#[test]
fn both_families_share_a_port() {
    let Ok(six) = bind_tcp("[::1]:0".parse().unwrap(), 16, "--bind") else {
        return println!("skipped: no IPv6 on this host");
    };
    drop(six);
    // A port may belong to a stranger, five hardly do; our own IPv6 socket must not be in the way.
    let shared = (0..5).any(|_| {
        let six = bind_tcp("[::]:0".parse().unwrap(), 16, "--bind").unwrap();
        let four = ([0, 0, 0, 0], local_addr(&six).port()).into();
        bind_tcp(four, 16, "--bind").is_ok()
    });
    assert!(shared);
}

#[test]
fn a_unix_socket_serves_its_owner_only() {
    both(|choice| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let mut driver = driver(choice, Limits::default()).unwrap();
        driver.listen(bind_unix(&path, 16, "--unix").unwrap(), 3).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let there = path.clone();
        let client = thread::spawn(move || {
            let mut client = UnixStream::connect(there).unwrap();
            client.write_all(b"ping").unwrap();
            let mut got = [0; 4];
            client.read_exact(&mut got).unwrap();
            assert_eq!(&got, b"ping");
        });
        let mut over = false;
        while !over {
            driver.poll(Wait::Until(None)).unwrap();
            while let Some(event) = driver.next_event() {
                match event {
                    Event::Accepted { listener: 3, socket } => {
                        driver.adopt(socket).unwrap();
                    }
                    Event::Received { conn, bytes } => {
                        driver.output(conn).unwrap().extend_from_slice(&bytes);
                    }
                    Event::PeerClosed { conn, .. } => driver.close(conn),
                    Event::Closed { .. } => over = true,
                    other => panic!("{other:?}"),
                }
            }
        }
        client.join().unwrap();
        assert!(matches!(bind_unix(&path, 16, "--unix"), Err(BindError::PathInUse { .. })));
    });
}

#[test]
fn a_stale_socket_file_is_replaced_and_other_files_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(bind_unix(&path, 16, "--unix").is_ok());
    let file = directory.path().join("precious");
    std::fs::write(&file, "data").unwrap();
    let error = bind_unix(&file, 16, "--unix").unwrap_err();
    assert!(matches!(error, BindError::NotASocket { .. }), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), b"data");
}
