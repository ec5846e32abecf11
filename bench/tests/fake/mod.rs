//! A small RESP server on net's event loop that misbehaves on request.
//!
//! Owns a thread and a map of keys. Invariant: an honest one answers as a cache must. Dropping it
//! ends it.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use velodrome_net::resp::{ArgBuf, Args, Encoder, Parsed, Proto, RequestLimits, RequestParser};
use velodrome_net::{ConnId, Driver, DriverConfig, Event, Wait, mono_ns};

/// What a server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every so many reads are answered with another value.
    WrongValue(u64),
    /// After so many commands it drops every connection and accepts no more.
    Death(u64),
    /// After so many commands it answers nothing.
    Silence(u64),
    /// After so many commands it does nothing for some milliseconds, once.
    Pause(u64, u64),
    /// Writes are refused.
    Full,
}

/// The server.
pub struct Fake {
    pub address: SocketAddr,
    pub accepted: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Server {
    driver: Driver,
    fault: Fault,
    commands: u64,
    reads: u64,
    data: HashMap<Vec<u8>, Vec<u8>>,
    connections: HashMap<ConnId, (RequestParser, Vec<u8>)>,
    accepted: Arc<AtomicU64>,
}

impl Fake {
    pub fn start(fault: Fault) -> Fake {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (stop.clone(), accepted.clone());
        let thread = std::thread::spawn(move || {
            let mut driver = Driver::new(DriverConfig::default()).unwrap();
            driver.listen(OwnedFd::from(socket), 0).unwrap();
            let (data, connections) = (HashMap::new(), HashMap::new());
            let (commands, reads, accepted) = (0, 0, counted);
            let mut server = Server { driver, fault, commands, reads, data, connections, accepted };
            while !stopped.load(Ordering::Relaxed) {
                server.turn();
            }
        });
        Fake { address, accepted, stop, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Server {
    fn turn(&mut self) {
        let until_ns = mono_ns() + 20_000_000;
        self.driver.poll(Wait::Until(Some(until_ns))).unwrap();
        while let Some(event) = self.driver.next_event() {
            match event {
                Event::Accepted { socket, .. } => {
                    let conn = self.driver.adopt(socket).unwrap();
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    self.connections.insert(conn, (RequestParser::new(), Vec::new()));
                }
                Event::Received { conn, bytes } => self.received(conn, &bytes),
                Event::PeerClosed { conn, .. } => {
                    self.connections.remove(&conn);
                    self.driver.close(conn);
                }
                _ => {}
            }
        }
    }

    fn received(&mut self, conn: ConnId, bytes: &[u8]) {
        let Some((mut parser, mut rest)) = self.connections.remove(&conn) else { return };
        rest.extend_from_slice(bytes);
        let (mut args, limits, mut out) = (ArgBuf::new(), RequestLimits::default(), Vec::new());
        let mut used = 0;
        while let Parsed::Command { consumed } = parser.next(&rest[used..], &mut args, &limits) {
            self.commands += 1;
            if self.stumbles(conn) {
                return;
            }
            self.answer(args.args(&rest[used..]), &mut Encoder::new(&mut out, Proto::Resp2));
            used += consumed;
            args.clear();
        }
        rest.drain(..used);
        self.connections.insert(conn, (parser, rest));
        if let Some(output) = self.driver.output(conn) {
            output.extend_from_slice(&out);
        }
    }

    /// Does what the fault says; true when the request is not to be answered.
    fn stumbles(&mut self, conn: ConnId) -> bool {
        match self.fault {
            Fault::Death(after) if self.commands > after => {
                self.driver.stop_listening();
                self.driver.abort(conn);
                self.connections.drain().for_each(|(conn, _)| self.driver.abort(conn));
                true
            }
            Fault::Silence(after) => self.commands > after,
            Fault::Pause(after, ms) if self.commands > after => {
                self.fault = Fault::None;
                let until_ns = mono_ns() + ms * 1_000_000;
                while mono_ns() < until_ns {
                    std::hint::spin_loop();
                }
                false
            }
            _ => false,
        }
    }

    fn answer(&mut self, args: Args<'_>, out: &mut Encoder<'_>) {
        match args.get(0) {
            b"SET" if self.fault == Fault::Full => out.error("OOM no room"),
            b"GET" => self.get(args.get(1), out),
            b"SET" => {
                self.data.insert(args.get(1).to_vec(), args.get(2).to_vec());
                out.ok();
            }
            b"DEL" => out.integer(i64::from(self.data.remove(args.get(1)).is_some())),
            b"INCR" => {
                let value = self.data.entry(args.get(1).to_vec()).or_insert_with(|| b"0".to_vec());
                let next = std::str::from_utf8(value).unwrap().parse::<i64>().unwrap() + 1;
                *value = next.to_string().into_bytes();
                out.integer(next);
            }
            b"MGET" => {
                out.array(args.len() - 1);
                args.slice(1).iter().for_each(|key| self.get(key, out));
            }
            b"MSET" => {
                for at in (1..args.len()).step_by(2) {
                    self.data.insert(args.get(at).to_vec(), args.get(at + 1).to_vec());
                }
                out.ok();
            }
            _ => out.error("ERR unknown command"),
        }
    }

    fn get(&mut self, key: &[u8], out: &mut Encoder<'_>) {
        self.reads += 1;
        let wrong =
            matches!(self.fault, Fault::WrongValue(every) if self.reads.is_multiple_of(every));
        match self.data.get(key) {
            Some(value) if wrong => out.bulk(&vec![b'?'; value.len()]),
            Some(value) => out.bulk(value),
            None => out.null(),
        }
    }
}
