//! What both drivers share: connections, events, timers, listeners and the accounts of memory.
//!
//! The drivers move bytes; every decision about a connection's life is here, so that both make
//! the same one. Invariant: after `PeerClosed` with an error a connection's output is dropped;
//! after `Closed` nothing in the kernel names it. Cost: constant per call.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;

use crate::buffers::Chunk;
use crate::clock::mono_ns;
use crate::connections::{ConnId, Connection, Connections, Phase};
use crate::event::{CloseReason, Event};
use crate::files::Files;
use crate::limits::{ACCEPT_PAUSE_MS, Limits, OUTPUT_HOLD_BYTES_MAX, OUTPUT_HOLD_US_MAX};
use crate::listeners::{Listeners, is_out_of_descriptors};
use crate::sockets;
use crate::timers::{Due, Timers};
use crate::transform::Transform;
use crate::waker::Waker;

/// How long `poll` may wait for something to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    Now,
    /// Until an instant of `mono_ns`, or for ever.
    Until(Option<u64>),
}

/// How long a driver may sleep in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleep {
    Not,
    For(Duration),
    Forever,
}

impl Sleep {
    /// The same, but no longer than this.
    pub(crate) fn at_most(self, max: Duration) -> Self {
        match self {
            Self::Forever if max < Duration::MAX => Self::For(max),
            Self::For(duration) => Self::For(duration.min(max)),
            other => other,
        }
    }
}

/// State shared by the drivers.
pub(crate) struct Hub {
    pub(crate) limits: Limits,
    pub(crate) connections: Connections,
    pub(crate) listeners: Listeners,
    pub(crate) timers: Timers,
    pub(crate) files: Files,
    pub(crate) events: VecDeque<Event>,
    /// Connections with output that was not yet handed to the kernel.
    pub(crate) dirty: Vec<ConnId>,
    /// When the first of those of them that are held may wait no longer.
    held_until_ns: Option<u64>,
    pub(crate) waker: Waker,
    pub(crate) transform: Transform,
    /// Memory of all output queues.
    pub(crate) output_bytes: usize,
}

impl Hub {
    pub(crate) fn new(limits: Limits, shed_answer: Vec<u8>) -> io::Result<Hub> {
        Ok(Hub {
            connections: Connections::new(limits.connections_max),
            listeners: Listeners::new(shed_answer),
            timers: Timers::default(),
            files: Files::default(),
            events: VecDeque::new(),
            dirty: Vec::new(),
            held_until_ns: None,
            waker: Waker::new()?,
            transform: Transform::default(),
            output_bytes: 0,
            limits,
        })
    }

    /// Takes a socket into the slab.
    pub(crate) fn insert(&mut self, socket: OwnedFd, phase: Phase) -> io::Result<ConnId> {
        self.connections.insert(socket, phase).map_err(|_| {
            let max = self.limits.connections_max;
            io::Error::new(io::ErrorKind::QuotaExceeded, format!("at most {max} connections"))
        })
    }

    /// Where output goes, if the connection takes any; it is sent at the next poll.
    #[inline]
    pub(crate) fn writable(&mut self, conn: ConnId) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(conn)?;
        if !connection.accepts_output() {
            return None;
        }
        if !connection.dirty {
            connection.dirty = true;
            self.dirty.push(conn);
        }
        Some(connection)
    }

    /// Marks a connection for the next flush.
    pub(crate) fn mark_dirty(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(conn)
            && !connection.dirty
        {
            connection.dirty = true;
            self.dirty.push(conn);
        }
    }

    /// Holds a connection's output, for `OUTPUT_HOLD_US_MAX` from the first call on.
    pub(crate) fn hold(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        if connection.held_until_ns == 0
            && connection.phase == Phase::Open
            && connection.output.unsent_bytes() <= OUTPUT_HOLD_BYTES_MAX
        {
            connection.held_until_ns = mono_ns() + OUTPUT_HOLD_US_MAX * 1000;
        }
    }

    /// Lets a connection's output go.
    pub(crate) fn release(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.held_until_ns = 0;
        }
    }

    /// The connections to send to now, in a list to be emptied and given back; those whose output
    /// is held stay for a later turn.
    pub(crate) fn take_sendable(&mut self) -> Vec<ConnId> {
        let Self { connections, dirty, held_until_ns, .. } = self;
        let (mut now_ns, mut first_ns) = (None, u64::MAX);
        let mut held = Vec::new();
        dirty.retain(|conn| {
            let Some(connection) = connections.get_mut(*conn) else { return false };
            let until_ns = connection.held_until_ns;
            if until_ns > 0 {
                if until_ns > *now_ns.get_or_insert_with(mono_ns)
                    && connection.output.unsent_bytes() <= OUTPUT_HOLD_BYTES_MAX
                {
                    first_ns = first_ns.min(until_ns);
                    held.push(*conn);
                    return false;
                }
                connection.held_until_ns = 0;
            }
            connection.dirty = false;
            true
        });
        *held_until_ns = (first_ns != u64::MAX).then_some(first_ns);
        std::mem::replace(dirty, held)
    }

    /// Gives the list's memory back for the next turn.
    pub(crate) fn sent_all(&mut self, mut list: Vec<ConnId>) {
        list.clear();
        list.append(&mut self.dirty);
        self.dirty = list;
    }

    /// Bytes came in. They are dropped when the server no longer wants to hear of them, or has
    /// been told of a failed send, which can overtake bytes from before the peer's reset.
    #[inline]
    pub(crate) fn received(&mut self, conn: ConnId, bytes: Chunk) {
        let live = |c: &Connection| c.phase == Phase::Open && !c.peer_closed;
        if self.connections.get(conn).is_some_and(live) {
            let bytes = self.transform.inbound(bytes);
            self.events.push_back(Event::Received { conn, bytes });
        }
    }

    /// The kernel took `count` bytes of a connection's output.
    #[inline]
    pub(crate) fn took(&mut self, conn: ConnId, count: usize) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        connection.output.advance(count);
        self.settle(conn);
    }

    /// Recounts a connection's memory and reports a backlog that is gone.
    #[inline]
    pub(crate) fn settle(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        let output = &mut connection.output;
        let memory = output.memory_bytes();
        self.output_bytes = self.output_bytes + memory - output.accounted_bytes;
        output.accounted_bytes = memory;
        let low = output.unsent_bytes() <= self.limits.output_low_water_bytes;
        if !low {
            connection.notify_sent = true;
        } else if connection.notify_sent {
            connection.notify_sent = false;
            if connection.accepts_output() {
                self.events.push_back(Event::Sent { conn });
            }
        }
    }

    /// The peer ended the stream, or the connection broke; reported once. True when the driver
    /// should end the connection now.
    pub(crate) fn peer_closed(&mut self, conn: ConnId, reason: CloseReason) -> bool {
        let Some(connection) = self.connections.get_mut(conn) else {
            return false;
        };
        if matches!(reason, CloseReason::Failed(_)) {
            connection.broken = true;
        }
        if connection.phase == Phase::Open && !connection.peer_closed {
            connection.peer_closed = true;
            self.events.push_back(Event::PeerClosed { conn, reason });
        }
        self.connections.get(conn).is_some_and(|c| c.phase == Phase::Closing && c.broken)
    }

    /// `close`: stop listening to the peer, let output drain. True when nothing needs draining.
    pub(crate) fn begin_close(&mut self, conn: ConnId) -> bool {
        let Some(connection) = self.connections.get_mut(conn) else {
            return false;
        };
        match connection.phase {
            Phase::Connecting => return true,
            Phase::Open => {}
            _ => return false,
        }
        connection.phase = Phase::Closing;
        connection.held_until_ns = 0;
        connection.wants_receive = false;
        let drained = connection.output.is_empty() && !connection.sending;
        if drained || connection.broken {
            return true;
        }
        let patience_ns = self.limits.linger_ms * 1_000_000;
        self.timers.set(mono_ns() + patience_ns, Due::Linger(conn));
        false
    }

    /// Marks the end: nothing more is wanted. `None` when it had been marked before.
    pub(crate) fn begin_end(&mut self, conn: ConnId, reset: bool) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(conn)?;
        if matches!(connection.phase, Phase::Ending | Phase::Over) {
            return None;
        }
        connection.phase = Phase::Ending;
        connection.wants_receive = false;
        connection.output.discard_queued();
        if reset && let Some(socket) = &connection.socket {
            sockets::reset_on_close(socket);
        }
        Some(connection)
    }

    /// Closes the socket of an ended connection that the kernel let go of, and says so.
    pub(crate) fn finish(&mut self, conn: ConnId) {
        let connection = self.connections.get_mut(conn).expect("finished once");
        assert!(connection.phase == Phase::Ending && connection.requests == 0);
        connection.phase = Phase::Over;
        connection.socket = None;
        connection.output.discard_all();
        self.output_bytes -= connection.output.accounted_bytes;
        connection.output.accounted_bytes = 0;
        self.events.push_back(Event::Closed { conn });
    }

    /// An outbound connection failed; its id dies when the event is taken.
    pub(crate) fn connect_failed(&mut self, conn: ConnId, error: io::Error) {
        let connection = self.connections.get_mut(conn).expect("was connecting");
        assert!(connection.requests == 0);
        connection.phase = Phase::Over;
        connection.socket = None;
        connection.output.discard_all();
        self.output_bytes -= connection.output.accounted_bytes;
        connection.output.accounted_bytes = 0;
        self.events.push_back(Event::ConnectFailed { conn, error });
    }

    /// Accepting failed: makes room if descriptors ran out, and pauses. The listener accepts
    /// again when `Due::Accept` fires.
    pub(crate) fn accept_failed(&mut self, slot: usize, error: Errno) {
        let Some(listener) = self.listeners.get_mut(slot) else {
            return;
        };
        let number = listener.number;
        if is_out_of_descriptors(error) {
            self.listeners.shed(slot);
        }
        self.timers.set(mono_ns() + ACCEPT_PAUSE_MS * 1_000_000, Due::Accept(slot));
        let error = io::Error::from(error);
        self.events.push_back(Event::AcceptFailed { listener: number, error });
    }

    /// How long the kernel may keep us, given what waits already and the next timer.
    pub(crate) fn sleep(&self, wait: Wait) -> Sleep {
        let Wait::Until(until_mono_ns) = wait else {
            return Sleep::Not;
        };
        if !self.events.is_empty() {
            return Sleep::Not;
        }
        let moments = [until_mono_ns, self.timers.next_at(), self.held_until_ns];
        let Some(next) = moments.into_iter().flatten().min() else { return Sleep::Forever };
        match next.saturating_sub(mono_ns()) {
            0 => Sleep::Not,
            left => Sleep::For(Duration::from_nanos(left)),
        }
    }

    /// The next driver's own timer that is due; the server's become events on the way.
    pub(crate) fn take_due(&mut self, now_ns: u64) -> Option<Due> {
        loop {
            match self.timers.take_due(now_ns)? {
                Due::Token(token) => self.events.push_back(Event::Timer { token }),
                due => return Some(due),
            }
        }
    }

    /// Whether any timer is set.
    pub(crate) fn has_timers(&self) -> bool {
        self.timers.next_at().is_some()
    }

    /// Forgets, without freeing, everything a request in the kernel may name.
    pub(crate) fn leak(&mut self) {
        let none = Connections::new(0);
        std::mem::forget(std::mem::replace(&mut self.connections, none));
        std::mem::forget(std::mem::take(&mut self.files));
    }
}
