//! Anything at any moment: random peers, pauses, closes and aborts against a model of each stream.
//!
//! Whatever happens, bytes arrive unchanged and in order, an orderly end comes after all of them,
//! `PeerClosed` comes at most once, `Closed` exactly once, and in the end nothing is left over.

mod rig;

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rig::{both, driver, local_addr};
use socket2::{Domain, SockRef, Socket, Type};
use velodrome_net::{
    CloseReason, ConnId, Driver, DriverChoice, Event, Limits, Wait, bind_tcp, mono_ns,
};

const PEERS_MAX: usize = 24;
const STEPS: usize = 3000;

#[test]
fn nothing_is_lost_doubled_or_left_over() {
    both(|choice| (0..6).for_each(|seed| Chaos::new(choice, 0xc4a0_5000 + seed).run()));
}

/// Byte `at` of every stream.
fn byte(at: usize) -> u8 {
    (at ^ at >> 8 ^ at >> 16) as u8
}

fn bytes(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(byte).collect()
}

fn check(from: usize, got: &[u8]) {
    assert!(got.iter().enumerate().all(|(at, b)| *b == byte(from + at)), "stream broken");
}

/// Small kernel buffers: sends stall and are taken in parts.
fn make_small<'a, S>(socket: &'a S)
where
    SockRef<'a>: From<&'a S>,
{
    let socket = SockRef::from(socket);
    socket.set_recv_buffer_size(8192).unwrap();
    socket.set_send_buffer_size(8192).unwrap();
}

/// The peer's end of a connection.
struct Peer {
    stream: Option<TcpStream>,
    shut: bool,
    wrote: usize,
    read: usize,
}

/// Our end.
#[derive(Default)]
struct End {
    received: usize,
    queued: usize,
    peer_closed: bool,
    closing: bool,
}

struct Chaos {
    rng: SmallRng,
    driver: Driver,
    addr: SocketAddr,
    idle_bytes: usize,
    peers: HashMap<SocketAddr, Peer>,
    ends: HashMap<ConnId, (End, SocketAddr)>,
    closed: usize,
    accepted: usize,
}

impl Chaos {
    fn new(choice: DriverChoice, seed: u64) -> Chaos {
        println!("{choice:?}: seed {seed:#x}");
        let limits = Limits {
            receive_blocks: 4,
            receive_block_bytes: 8192,
            linger_ms: 20,
            ..Limits::default()
        };
        let mut driver = driver(choice, limits).unwrap();
        let socket = bind_tcp("127.0.0.1:0".parse().unwrap(), 1024, "--port").unwrap();
        let addr = local_addr(&socket);
        driver.listen(socket, 0).unwrap();
        Chaos {
            rng: SmallRng::seed_from_u64(seed),
            idle_bytes: driver.buffers_bytes(),
            driver,
            addr,
            peers: HashMap::new(),
            ends: HashMap::new(),
            closed: 0,
            accepted: 0,
        }
    }

    fn run(mut self) {
        for _ in 0..STEPS {
            match self.rng.random_range(0..10) {
                0 => self.add_peer(),
                1..4 => self.move_peer(),
                4..8 => self.move_end(),
                _ => self.turn(Wait::Now),
            }
        }
        self.peers.values_mut().for_each(|peer| peer.stream = None);
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.closed < self.peers.len() {
            assert!(Instant::now() < deadline, "{} ends never closed", self.ends.len());
            for conn in self.ends.keys().copied().collect::<Vec<_>>() {
                self.driver.resume(conn);
                self.driver.close(conn);
                self.ends.get_mut(&conn).unwrap().0.closing = true;
            }
            self.turn(Wait::Until(Some(mono_ns() + 20_000_000)));
        }
        assert_eq!((self.driver.connections(), self.accepted), (0, self.peers.len()));
        assert_eq!(self.driver.buffers_bytes(), self.idle_bytes);
    }

    fn add_peer(&mut self) {
        let live = self.peers.values().filter(|peer| peer.stream.is_some()).count();
        if live < PEERS_MAX {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            make_small(&socket);
            socket.connect(&self.addr.into()).unwrap();
            let stream = TcpStream::from(socket);
            stream.set_nonblocking(true).unwrap();
            let addr = stream.local_addr().unwrap();
            let peer = Peer { stream: Some(stream), shut: false, wrote: 0, read: 0 };
            assert!(self.peers.insert(addr, peer).is_none());
        }
    }

    /// A random live peer writes, reads, stops writing, or leaves.
    fn move_peer(&mut self) {
        let mut live: Vec<_> =
            self.peers.iter_mut().filter(|(_, peer)| peer.stream.is_some()).collect();
        live.sort_by_key(|(addr, _)| **addr);
        if live.is_empty() {
            return;
        }
        let at = self.rng.random_range(0..live.len());
        let peer = &mut live[at].1;
        let stream = peer.stream.as_mut().unwrap();
        match self.rng.random_range(0..40) {
            0 => peer.stream = None,
            1 => {
                peer.shut = true;
                let _ = stream.shutdown(Shutdown::Write);
            }
            2..20 if !peer.shut => {
                let wanted = self.rng.random_range(1..40_000);
                match stream.write(&bytes(peer.wrote, wanted)) {
                    Ok(count) => peer.wrote += count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => peer.stream = None,
                }
            }
            _ => {
                let mut got = vec![0; self.rng.random_range(1..100_000)];
                match stream.read(&mut got) {
                    Ok(count) => {
                        check(peer.read, &got[..count]);
                        peer.read += count;
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => peer.stream = None,
                }
            }
        }
    }

    /// Our end of a random connection sends, pauses, resumes, closes or aborts.
    fn move_end(&mut self) {
        let mut open: Vec<_> = self.ends.keys().copied().collect();
        open.sort();
        if open.is_empty() {
            return;
        }
        let conn = open[self.rng.random_range(0..open.len())];
        let end = &mut self.ends.get_mut(&conn).unwrap().0;
        let len = self.rng.random_range(1..30_000);
        match self.rng.random_range(0..60) {
            0 => self.driver.close(conn),
            1 => self.driver.abort(conn),
            2..10 => return self.driver.pause(conn),
            10..25 => return self.driver.resume(conn),
            25..45 => {
                if let Some(output) = self.driver.output(conn) {
                    output.extend(bytes(end.queued, len));
                    end.queued += len;
                }
                return;
            }
            _ => {
                if self.driver.send_shared(conn, Arc::new(bytes(end.queued, len))) {
                    end.queued += len;
                }
                return;
            }
        }
        end.closing = true;
    }

    fn turn(&mut self, wait: Wait) {
        self.driver.poll(wait).unwrap();
        let mut kept = Vec::new();
        while let Some(event) = self.driver.next_event() {
            match event {
                Event::Accepted { socket, .. } => self.adopt(socket),
                Event::Received { conn, bytes } => {
                    let end = &mut self.ends.get_mut(&conn).expect("before Closed").0;
                    assert!(!end.peer_closed, "bytes after the end");
                    check(end.received, &bytes);
                    end.received += bytes.len();
                    // A server keeps the chunks of a turn until it has executed them.
                    kept.push(bytes);
                }
                Event::PeerClosed { conn, reason } => self.peer_closed(conn, reason),
                Event::Closed { conn } => {
                    let (end, _) = self.ends.remove(&conn).expect("closed once");
                    assert!(end.closing, "closed although nobody asked");
                    self.closed += 1;
                }
                Event::Sent { conn } => assert!(self.ends.contains_key(&conn)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn adopt(&mut self, socket: OwnedFd) {
        let socket = TcpStream::from(socket);
        self.accepted += 1;
        // A peer that has reset already has no address any more.
        let addr = socket.peer_addr().unwrap_or(self.addr);
        make_small(&socket);
        let conn = self.driver.adopt(socket.into()).unwrap();
        self.ends.insert(conn, (End::default(), addr));
    }

    fn peer_closed(&mut self, conn: ConnId, reason: CloseReason) {
        let (end, addr) = self.ends.get_mut(&conn).expect("before Closed");
        assert!(!end.peer_closed, "reported twice");
        end.peer_closed = true;
        if let Some(peer) = self.peers.get(addr)
            && reason == CloseReason::End
        {
            assert_eq!(end.received, peer.wrote, "an orderly end came before all bytes");
        }
    }
}
