//! The epoll driver: level-triggered readiness, receives and sends by system calls.
//!
//! Stands in where io_uring is refused and behaves the same. A send is tried at once; only what
//! the kernel does not take waits for the socket to become writable. File operations block.
//! Invariant: the interest registered with the kernel is always what `interest_of` says. Cost: one
//! receive and one send a connection and turn, one wait a turn.

// Sends, receives and accepts on ready sockets.
mod ready;

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;
use socket2::{SockAddr, SockRef};

use crate::buffers::{Blocks, Filling};
use crate::clock::mono_ns;
use crate::connections::{ConnId, Connection, Phase};
use crate::event::Event;
use crate::files::{FileAction, FileOperation};
use crate::hub::{Hub, Sleep, Wait};
use crate::limits::{READY_EVENTS_MAX, RECEIVE_BYTES_NARROW_MAX, SEND_BYTES_PER_TURN_MAX};
use crate::sockets;
use crate::timers::Due;

/// What a readiness report is about: `kind:8 | index:24 | generation:32`, as io_uring's tokens.
const CONNECTION: u64 = 0;
const LISTENER: u64 = 1 << 56;
const EVENTFD: u64 = 2 << 56;

/// The epoll driver of one core.
pub(crate) struct EpollDriver {
    epoll: OwnedFd,
    filling: Filling,
    receive_bytes: usize,
    /// Whether a turn receives only as much as can be copied in one.
    narrow: bool,
    /// What this turn may receive yet, and send for those that have much to send.
    receive_left: usize,
    send_left: usize,
    ready: Vec<epoll::Event>,
}

impl EpollDriver {
    pub(crate) fn new(hub: &Hub) -> io::Result<EpollDriver> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let data = EventData::new_u64(EVENTFD);
        epoll::add(&epoll, hub.waker.eventfd(), data, EventFlags::IN)?;
        let limits = &hub.limits;
        let blocks = Blocks::new(limits.receive_blocks, limits.receive_block_bytes as usize)?;
        let receive_bytes = blocks.bytes();
        let ready = Vec::with_capacity(READY_EVENTS_MAX);
        Ok(EpollDriver {
            epoll,
            filling: Filling::new(blocks),
            receive_bytes,
            narrow: false,
            receive_left: usize::MAX,
            send_left: SEND_BYTES_PER_TURN_MAX,
            ready,
        })
    }

    /// Memory of the receive blocks.
    pub(crate) fn receive_bytes(&self) -> usize {
        self.receive_bytes
    }

    /// Whether a turn receives only as much as can be copied in one.
    pub(crate) fn receive_narrowly(&mut self, narrowly: bool) {
        self.narrow = narrowly;
    }

    pub(crate) fn listen(&mut self, hub: &mut Hub, socket: OwnedFd, number: u16) -> io::Result<()> {
        sockets::set_nonblocking(&socket, true)?;
        let slot = hub.listeners.insert(socket, number)?;
        self.watch_listener(hub, slot)
    }

    fn watch_listener(&mut self, hub: &mut Hub, slot: usize) -> io::Result<()> {
        let Some(listener) = hub.listeners.get_mut(slot) else { return Ok(()) };
        if !listener.armed {
            let data = EventData::new_u64(LISTENER | slot as u64);
            epoll::add(&self.epoll, &listener.socket, data, EventFlags::IN)?;
            listener.armed = true;
        }
        Ok(())
    }

    pub(crate) fn stop_listening(&mut self, hub: &mut Hub) {
        for slot in hub.listeners.slots() {
            self.unwatch_listener(hub, slot);
            hub.listeners.remove(slot);
        }
    }

    fn unwatch_listener(&mut self, hub: &mut Hub, slot: usize) {
        if let Some(listener) = hub.listeners.get_mut(slot)
            && listener.armed
        {
            listener.armed = false;
            let _ = epoll::delete(&self.epoll, &listener.socket);
        }
    }

    pub(crate) fn adopt(&mut self, hub: &mut Hub, socket: OwnedFd) -> io::Result<ConnId> {
        sockets::set_nonblocking(&socket, true)?;
        sockets::prepare(&socket)?;
        let conn = hub.insert(socket, Phase::Open)?;
        self.update_interest(hub, conn);
        Ok(conn)
    }

    pub(crate) fn connect(&mut self, hub: &mut Hub, to: SockAddr) -> io::Result<ConnId> {
        let socket = sockets::open_for(&to)?;
        sockets::set_nonblocking(&socket, true)?;
        let started = SockRef::from(&socket).connect(&to);
        let conn = hub.insert(socket, Phase::Connecting)?;
        match started {
            Ok(()) => self.connected(hub, conn),
            Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {
                self.update_interest(hub, conn);
            }
            Err(error) => hub.connect_failed(conn, error),
        }
        Ok(conn)
    }

    pub(crate) fn pause(&mut self, hub: &mut Hub, conn: ConnId) {
        if let Some(connection) = hub.connections.get_mut(conn) {
            connection.wants_receive = false;
            self.update_interest(hub, conn);
        }
    }

    pub(crate) fn resume(&mut self, hub: &mut Hub, conn: ConnId) {
        if let Some(connection) = hub.connections.get_mut(conn)
            && connection.phase == Phase::Open
        {
            connection.wants_receive = true;
            self.update_interest(hub, conn);
        }
    }

    /// Nothing more is wanted of a connection.
    pub(crate) fn end(&mut self, hub: &mut Hub, conn: ConnId, reset: bool) {
        let Some(connection) = hub.begin_end(conn, reset) else { return };
        connection.sending = false;
        self.update_interest(hub, conn);
        hub.finish(conn);
    }

    /// Does a file operation on the spot.
    pub(crate) fn file(&mut self, hub: &mut Hub, operation: FileOperation) {
        let FileOperation { op, file, mut buffer, action } = operation;
        let done = retry(|| match action {
            FileAction::Sync => rustix::fs::fdatasync(&file).map(|()| 0),
            FileAction::Read { offset } => rustix::io::pread(&file, &mut buffer[..], offset),
            FileAction::Write { offset, dsync } => {
                use rustix::io::ReadWriteFlags;
                let flags = if dsync { ReadWriteFlags::DSYNC } else { ReadWriteFlags::empty() };
                rustix::io::pwritev2(&file, &[io::IoSlice::new(&buffer)], offset, flags)
            }
        });
        hub.events.push_back(match done {
            Ok(bytes) => Event::FileDone { op, buffer, bytes },
            Err(error) => Event::FileFailed { op, buffer, error: error.into() },
        });
    }

    /// One turn.
    pub(crate) fn poll(&mut self, hub: &mut Hub, wait: Wait) -> io::Result<()> {
        self.flush(hub);
        let mut sleep = hub.sleep(wait);
        if sleep != Sleep::Not && !hub.waker.park() {
            sleep = Sleep::Not;
        }
        let mut ready = std::mem::take(&mut self.ready);
        ready.clear();
        let spare = rustix::buffer::spare_capacity(&mut ready);
        let waited = epoll::wait(&self.epoll, spare, timeout(sleep).as_ref());
        if hub.waker.unpark() {
            hub.events.push_back(Event::Mailbox);
        }
        self.receive_left = if self.narrow { RECEIVE_BYTES_NARROW_MAX } else { usize::MAX };
        self.send_left = SEND_BYTES_PER_TURN_MAX;
        for event in &ready {
            self.dispatch(hub, event.data.u64(), event.flags);
        }
        self.ready = ready;
        self.fire_timers(hub);
        match waited {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn dispatch(&mut self, hub: &mut Hub, data: u64, flags: EventFlags) {
        match data & (0xff << 56) {
            LISTENER => self.accept(hub, data as u32 as usize),
            EVENTFD => hub.waker.drain(),
            _ => self.ready(hub, ConnId::new(data as u32, (data >> 32) as u32), flags),
        }
    }

    fn flush(&mut self, hub: &mut Hub) {
        let sendable = hub.take_sendable();
        for &conn in &sendable {
            let Some(connection) = hub.connections.get_mut(conn) else { continue };
            if connection.phase != Phase::Connecting && !connection.sending {
                self.send(hub, conn);
            }
            hub.settle(conn);
        }
        hub.sent_all(sendable);
    }

    /// Tells the kernel what to report of a connection, if that changed.
    fn update_interest(&mut self, hub: &mut Hub, conn: ConnId) {
        let Some(connection) = hub.connections.get_mut(conn) else { return };
        let wanted = interest_of(connection);
        let had = EventFlags::from_bits_retain(connection.interest);
        if wanted == had {
            return;
        }
        let index = (conn.index() as u64) << 32;
        let data = EventData::new_u64(CONNECTION | index | u64::from(conn.generation()));
        let socket = connection.socket.as_ref().expect("open until finished").as_fd();
        let told = if wanted.is_empty() {
            epoll::delete(&self.epoll, socket)
        } else if had.is_empty() {
            epoll::add(&self.epoll, socket, data, wanted)
        } else {
            epoll::modify(&self.epoll, socket, data, wanted)
        };
        connection.interest = wanted.bits();
        // Out of kernel memory or watches: this connection can no longer be served.
        if let Err(error) = told
            && !wanted.is_empty()
        {
            connection.interest = 0;
            self.broke(hub, conn, error);
        }
    }

    fn fire_timers(&mut self, hub: &mut Hub) {
        if !hub.has_timers() {
            return;
        }
        let now_ns = mono_ns();
        while let Some(due) = hub.take_due(now_ns) {
            match due {
                Due::Accept(slot) => {
                    if self.watch_listener(hub, slot).is_err() {
                        hub.accept_failed(slot, Errno::NOMEM);
                    }
                }
                Due::Linger(conn) => {
                    if hub.connections.get(conn).is_some_and(|c| c.phase == Phase::Closing) {
                        self.end(hub, conn, true);
                    }
                }
                Due::Token(_) => {}
            }
        }
    }
}

/// What the kernel should report of a connection.
fn interest_of(connection: &Connection) -> EventFlags {
    let mut interest = EventFlags::empty();
    let open = connection.phase == Phase::Open;
    if open && connection.wants_receive && !connection.peer_closed && !connection.broken {
        interest |= EventFlags::IN;
    }
    if connection.sending || connection.phase == Phase::Connecting {
        interest |= EventFlags::OUT;
    }
    interest
}

/// epoll counts in milliseconds: rounds up, so that a deadline has passed when it returns.
fn timeout(sleep: Sleep) -> Option<Timespec> {
    let millis = match sleep {
        Sleep::Forever => return None,
        Sleep::Not => 0,
        Sleep::For(duration) => duration.as_nanos().div_ceil(1_000_000).min(1 << 30) as i64,
    };
    Some(Timespec { tv_sec: millis / 1000, tv_nsec: millis % 1000 * 1_000_000 })
}

/// Repeats a system call a signal interrupted.
fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}
