//! A driver under test, on the test's thread, with blocking clients on others.
//!
//! Every wait is for an event, with a deadline that fails the test.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use velodrome_net::{
    CloseReason, ConnId, Driver, DriverChoice, DriverConfig, DriverError, Event, Limits, Wait,
    bind_tcp, mono_ns,
};

/// Runs a test for both drivers; says so where io_uring is refused.
pub fn both(test: impl Fn(DriverChoice)) {
    match driver(DriverChoice::IoUring, Limits::default()) {
        Ok(_) => test(DriverChoice::IoUring),
        Err(error) => println!("skipped: io_uring refused: {error}"),
    }
    test(DriverChoice::Epoll);
}

pub fn driver(choice: DriverChoice, limits: Limits) -> Result<Driver, DriverError> {
    let shed_answer = b"-ERR max number of clients reached\r\n".to_vec();
    Driver::new(DriverConfig { choice, limits, shed_answer, ..DriverConfig::default() })
}

/// What is known of one connection.
#[derive(Default)]
pub struct Seen {
    pub received: usize,
    pub peer_closed: Vec<CloseReason>,
    pub closed: usize,
    pub sent: usize,
}

/// A driver that adopts what it accepts and answers as told.
pub struct Rig {
    pub driver: Driver,
    pub addr: SocketAddr,
    pub conns: Vec<ConnId>,
    pub seen: HashMap<ConnId, Seen>,
    /// Send back what arrives.
    pub echo: bool,
    /// Close when the peer does.
    pub close_back: bool,
    pub closed: usize,
}

impl Rig {
    pub fn new(choice: DriverChoice) -> Rig {
        Rig::with_limits(choice, Limits::default())
    }

    pub fn with_limits(choice: DriverChoice, limits: Limits) -> Rig {
        let driver = driver(choice, limits).expect("probed by `both`");
        Rig::around(driver)
    }

    pub fn around(mut driver: Driver) -> Rig {
        let socket = bind_tcp("127.0.0.1:0".parse().unwrap(), 4096, "--port").unwrap();
        let addr = local_addr(&socket);
        driver.listen(socket, 7).unwrap();
        let (conns, seen) = (Vec::new(), HashMap::new());
        Rig { driver, addr, conns, seen, echo: true, close_back: true, closed: 0 }
    }

    pub fn client(&self) -> TcpStream {
        client(self.addr)
    }

    /// Accepts one client and names both ends.
    pub fn pair(&mut self) -> (TcpStream, ConnId) {
        let before = self.conns.len();
        let client = self.client();
        self.until("the client is adopted", |rig| rig.conns.len() > before);
        (client, *self.conns.last().unwrap())
    }

    /// [`Rig::pair`] with a client that lets little be under way to it.
    pub fn pair_with_window(&mut self, bytes: usize) -> (TcpStream, ConnId) {
        let before = self.conns.len();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(bytes).unwrap();
        socket.connect(&self.addr.into()).unwrap();
        self.until("the client is adopted", |rig| rig.conns.len() > before);
        (patient(socket.into()), *self.conns.last().unwrap())
    }

    /// Turns until `done`, handling events in the ordinary way.
    pub fn until(&mut self, what: &str, done: impl Fn(&Rig) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !done(self) {
            assert!(Instant::now() < deadline, "in vain until {what}");
            self.turn(Wait::Until(Some(mono_ns() + 20_000_000)));
        }
    }

    /// One turn; returns events the rig does not handle itself.
    pub fn turn(&mut self, wait: Wait) -> Vec<Event> {
        self.driver.poll(wait).unwrap();
        let mut others = Vec::new();
        while let Some(event) = self.driver.next_event() {
            others.extend(self.handle(event));
        }
        others
    }

    fn handle(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::Accepted { listener, socket } => {
                assert_eq!(listener, 7);
                let conn = self.driver.adopt(socket).unwrap();
                self.conns.push(conn);
                self.seen.insert(conn, Seen::default());
            }
            Event::Received { conn, bytes } => {
                assert!(!bytes.is_empty());
                let seen = self.seen(conn);
                assert!(seen.peer_closed.is_empty(), "bytes after the end");
                seen.received += bytes.len();
                if self.echo
                    && let Some(output) = self.driver.output(conn)
                {
                    output.extend_from_slice(&bytes);
                }
            }
            Event::PeerClosed { conn, reason } => {
                self.seen(conn).peer_closed.push(reason);
                assert_eq!(self.seen(conn).peer_closed.len(), 1, "reported once");
                if self.close_back {
                    self.driver.close(conn);
                }
            }
            Event::Closed { conn } => {
                self.seen(conn).closed += 1;
                self.closed += 1;
            }
            Event::Sent { conn } => self.seen(conn).sent += 1,
            other => return Some(other),
        }
        None
    }

    pub fn seen(&mut self, conn: ConnId) -> &mut Seen {
        let seen = self.seen.entry(conn).or_default();
        assert_eq!(seen.closed, 0, "nothing happens after Closed");
        seen
    }
}

pub fn client(addr: SocketAddr) -> TcpStream {
    patient(TcpStream::connect(addr).unwrap())
}

fn patient(client: TcpStream) -> TcpStream {
    client.set_nodelay(true).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    client
}

pub fn local_addr(socket: &std::os::fd::OwnedFd) -> SocketAddr {
    let socket = std::net::TcpListener::from(socket.try_clone().unwrap());
    socket.local_addr().unwrap()
}

/// Bytes that differ wherever they are swapped, lost or repeated.
pub fn pattern(len: usize, seed: u64) -> Vec<u8> {
    use rand::{RngCore, SeedableRng, rngs::SmallRng};
    let mut bytes = vec![0; len];
    SmallRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// Descriptors this process has open.
pub fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
