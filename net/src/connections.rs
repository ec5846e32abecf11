//! The connections of one driver: a slab whose ids are checked by generation.
//!
//! Invariant: a slot is freed only after its last event was taken, so an index is never shared by
//! two connections the server knows. Cost: lookup is one index and one compare.

use std::os::fd::OwnedFd;

use crate::output::Output;

/// Names one connection of one driver: `generation:32 | index:32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub(crate) u64);

impl ConnId {
    /// The id of an index and a generation; a driver makes its own, a simulated one needs this.
    pub fn new(generation: u32, index: u32) -> ConnId {
        ConnId(u64::from(generation) << 32 | u64::from(index))
    }

    /// The slab index, below the number of connections ever open at once.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as u32 as usize
    }

    /// Tells apart connections that had the same index.
    #[inline]
    pub fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The id as one number, for logs and tables.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The slot is in the free list.
    Free,
    /// Outbound, not yet established.
    Connecting,
    /// Bytes flow.
    Open,
    /// `close` was called: output is being flushed.
    Closing,
    /// Nothing more is wanted of it; waits for the kernel to let go.
    Ending,
    /// Its last event is queued.
    Over,
}

/// One connection as the drivers see it.
#[derive(Debug)]
pub(crate) struct Connection {
    generation: u32,
    pub(crate) phase: Phase,
    /// In the hub's dirty list.
    pub(crate) dirty: bool,
    /// Output is not sent before this instant of `mono_ns`; 0 when nothing holds it.
    pub(crate) held_until_ns: u64,
    /// The server wants bytes (not paused).
    pub(crate) wants_receive: bool,
    /// io_uring: a multishot receive is armed. epoll: unused.
    pub(crate) receiving: bool,
    /// A send is in the kernel, or waits for the socket to be writable.
    pub(crate) sending: bool,
    /// `PeerClosed` was reported.
    pub(crate) peer_closed: bool,
    /// An error ended it; output has nowhere to go.
    pub(crate) broken: bool,
    /// The backlog was above the low-water mark, or the server asked to be told.
    pub(crate) notify_sent: bool,
    /// epoll: the interest registered with the kernel.
    pub(crate) interest: u32,
    /// Requests in the kernel that name this connection.
    pub(crate) requests: u32,
    pub(crate) socket: Option<OwnedFd>,
    pub(crate) output: Output,
}

impl Connection {
    pub(crate) fn accepts_output(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Connecting)
    }
}

/// All connections of a driver.
pub(crate) struct Connections {
    slots: Vec<Connection>,
    free: Vec<u32>,
    connections_max: u32,
}

impl Connections {
    pub(crate) fn new(connections_max: u32) -> Connections {
        let connections_max = connections_max.min(crate::limits::CONNECTIONS_MAX);
        Connections { slots: Vec::new(), free: Vec::new(), connections_max }
    }

    /// A new connection in `phase`, or the socket back when there are too many.
    pub(crate) fn insert(&mut self, socket: OwnedFd, phase: Phase) -> Result<ConnId, OwnedFd> {
        if self.len() >= self.connections_max as usize {
            return Err(socket);
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.slots.push(Connection::vacant());
                (self.slots.len() - 1) as u32
            }
        };
        let slot = &mut self.slots[index as usize];
        assert!(slot.phase == Phase::Free);
        slot.phase = phase;
        slot.wants_receive = true;
        slot.socket = Some(socket);
        Ok(ConnId::new(slot.generation, index))
    }

    /// The connection, unless its id is dead.
    #[inline]
    pub(crate) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(conn.index())?;
        (slot.generation == conn.generation() && slot.phase != Phase::Free).then_some(slot)
    }

    /// The connection, unless its id is dead.
    #[inline]
    pub(crate) fn get(&self, conn: ConnId) -> Option<&Connection> {
        let slot = self.slots.get(conn.index())?;
        (slot.generation == conn.generation() && slot.phase != Phase::Free).then_some(slot)
    }

    /// Takes the slot back once its last event was taken; the id dies here.
    pub(crate) fn release(&mut self, conn: ConnId) {
        let slot = self.get_mut(conn).expect("released once");
        assert!(slot.phase == Phase::Over && slot.requests == 0);
        let generation = slot.generation.wrapping_add(1);
        *slot = Connection::vacant();
        slot.generation = generation;
        self.free.push(conn.index() as u32);
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

impl Connection {
    fn vacant() -> Connection {
        Connection {
            generation: 1,
            phase: Phase::Free,
            dirty: false,
            held_until_ns: 0,
            wants_receive: false,
            receiving: false,
            sending: false,
            peer_closed: false,
            broken: false,
            notify_sent: false,
            interest: 0,
            requests: 0,
            socket: None,
            output: Output::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket() -> OwnedFd {
        rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap()
    }

    #[test]
    fn a_reused_index_has_a_new_generation() {
        let mut connections = Connections::new(1);
        let first = connections.insert(socket(), Phase::Open).unwrap();
        assert!(connections.insert(socket(), Phase::Open).is_err(), "the limit is one");
        connections.get_mut(first).unwrap().phase = Phase::Over;
        connections.release(first);
        let second = connections.insert(socket(), Phase::Open).unwrap();
        assert_eq!(first.index(), second.index());
        assert_ne!(first, second);
        assert!(connections.get_mut(first).is_none());
        assert!(connections.get(second).is_some());
        assert_eq!(connections.len(), 1);
    }
}
