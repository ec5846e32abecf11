//! A peer of the node that sends and reads bytes as they are.
//!
//! Owns one socket. Invariant: it knows nothing of the protocol, so a codec's mistake cannot hide
//! behind another codec; every wait has a deadline. Cost: one system call a call.

// Each test binary uses its own part of this module.
#![allow(dead_code)]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::node::DEADLINE;

/// A raw connection.
pub(crate) struct Peer(TcpStream);

impl Peer {
    /// Connects to a node.
    pub(crate) fn connect(address: SocketAddr) -> Peer {
        let stream = TcpStream::connect_timeout(&address, DEADLINE).expect("the node listens");
        Peer::of(stream)
    }

    /// A peer around a socket that is connected.
    pub(crate) fn of(stream: TcpStream) -> Peer {
        stream.set_nodelay(true).expect("a socket option");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream.set_write_timeout(Some(DEADLINE)).expect("a timeout");
        Peer(stream)
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("the node takes bytes");
    }

    /// Sends bytes that the node may refuse by hanging up.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Sends no more, but reads on.
    pub(crate) fn shut_down_sending(&mut self) {
        self.0.shutdown(Shutdown::Write).expect("a connected socket");
    }

    /// Sends bytes from a thread of its own, and then sends no more.
    pub(crate) fn send_beside(&mut self, bytes: Vec<u8>) {
        let mut stream = self.0.try_clone().expect("a descriptor");
        std::thread::spawn(move || {
            stream.write_all(&bytes).expect("the node takes bytes");
            stream.shutdown(Shutdown::Write).expect("a connected socket");
        });
    }

    /// Fails unless these are the next bytes.
    pub(crate) fn expect(&mut self, expected: &[u8]) {
        let found = self.take(expected.len());
        assert_eq!(found.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    /// The next `len` bytes; fewer when the node hangs up.
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        let mut found = Vec::with_capacity(len);
        (&mut self.0).take(len as u64).read_to_end(&mut found).expect("bytes in time");
        found
    }

    /// The next line, without its end; empty when the node has hung up.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let byte = self.take(1);
            if byte.is_empty() {
                break;
            }
            line.extend(byte);
        }
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// Fails unless the node sends these bytes and hangs up.
    pub(crate) fn expect_last(&mut self, expected: &[u8]) {
        let mut found = Vec::new();
        // A peer that was still sending is told so by a reset after the last bytes.
        let end = self.0.read_to_end(&mut found);
        assert_eq!(found.escape_ascii().to_string(), expected.escape_ascii().to_string());
        let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(end.as_ref().err().is_none_or(reset), "{end:?}");
    }

    /// Waits until the node has hung up, whatever it sends before.
    pub(crate) fn wait_for_end(&mut self) {
        let end = std::io::copy(&mut self.0, &mut std::io::sink());
        let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(end.as_ref().err().is_none_or(reset), "{end:?}");
    }
}

/// A request as its array of bulk strings.
pub(crate) fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend(format!("${}\r\n", arg.len()).into_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// A value as its bulk string.
pub(crate) fn bulk(value: &[u8]) -> Vec<u8> {
    let mut bytes = format!("${}\r\n", value.len()).into_bytes();
    bytes.extend_from_slice(value);
    bytes.extend_from_slice(b"\r\n");
    bytes
}
