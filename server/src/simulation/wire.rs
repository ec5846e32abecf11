//! The connections of one simulated shard: what a driver would hold for them.
//!
//! Invariant: what is written to a connection that has gone is lost, as with a socket, and a place
//! is used again only after its end was reported. Cost: bytes are copied.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use velodrome_engine::LargeValue;
use velodrome_net::ConnId;

use crate::shard::wire::Wire;

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// Closes once its output has been taken.
    Closing,
    Gone,
}

#[derive(Debug)]
struct Connection {
    life: Life,
    output: Vec<u8>,
    /// Nothing leaves: a shard that forgot to release would leave its client without replies.
    held: bool,
    taken: u64,
    paused: bool,
    notify: bool,
}

/// The connections of one shard.
#[derive(Debug, Default)]
pub(super) struct SimulatedWire {
    connections: BTreeMap<ConnId, Connection>,
    /// What an unread byte counts, so that few bytes are a slow reader's megabyte.
    weight: usize,
    /// The clock, and how far it goes between two looks.
    now_ns: Cell<u64>,
    pace_ns: u64,
}

impl SimulatedWire {
    pub(super) fn new(weight: usize) -> Self {
        Self { weight, ..Self::default() }
    }

    /// The same, with a clock that goes on by so much at every look.
    pub(super) fn with_pace(self, pace_ns: u64) -> Self {
        Self { pace_ns, ..self }
    }

    pub(super) fn open(&mut self, conn: ConnId) {
        let (life, output) = (Life::Open, Vec::new());
        let fresh =
            Connection { life, output, held: false, taken: 0, paused: false, notify: false };
        let before = self.connections.insert(conn, fresh);
        assert!(before.is_none(), "a place is free before it is used again");
    }

    /// Whether the shard wants bytes from this peer.
    pub(super) fn reads(&self, conn: ConnId) -> bool {
        self.connections.get(&conn).is_some_and(|c| c.life == Life::Open && !c.paused)
    }

    /// What the peer takes of its replies, at most `len_max` bytes.
    pub(super) fn take(&mut self, conn: ConnId, len_max: usize) -> Vec<u8> {
        let Some(connection) = self.connections.get_mut(&conn) else { return Vec::new() };
        let len = if connection.held { 0 } else { connection.output.len().min(len_max) };
        connection.taken += len as u64;
        let bytes = connection.output.drain(..len).collect();
        if connection.life == Life::Closing && connection.output.is_empty() {
            connection.life = Life::Gone;
        }
        bytes
    }

    /// Whether the connection has ended; then it is forgotten.
    pub(super) fn reap(&mut self, conn: ConnId) -> bool {
        let gone = self.connections.get(&conn).is_some_and(|c| c.life == Life::Gone);
        if gone {
            self.connections.remove(&conn);
        }
        gone
    }

    /// The connections whose peers have taken what was sent, and whose shard asked to be told.
    pub(super) fn take_sent(&mut self) -> Vec<ConnId> {
        let told = self.connections.iter_mut().filter(|(_, c)| c.notify && c.output.is_empty());
        told.map(|(conn, connection)| {
            connection.notify = false;
            *conn
        })
        .collect()
    }

    /// How many connections are there.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }
}

impl Wire for SimulatedWire {
    fn now_ns(&self) -> u64 {
        self.now_ns.set(self.now_ns.get() + self.pace_ns);
        self.now_ns.get()
    }

    fn output(&mut self, conn: ConnId) -> Option<&mut Vec<u8>> {
        let connection = self.connections.get_mut(&conn)?;
        (connection.life == Life::Open).then_some(&mut connection.output)
    }

    fn send_shared(&mut self, conn: ConnId, value: Arc<LargeValue>) {
        if let Some(output) = self.output(conn) {
            output.extend_from_slice(&value);
        }
    }

    fn hold(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.held = connection.life == Life::Open;
        }
    }

    fn release(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.held = false;
        }
    }

    fn unsent_bytes(&self, conn: ConnId) -> usize {
        self.connections.get(&conn).map_or(0, |c| c.output.len() * self.weight)
    }

    fn buffered_bytes(&self, conn: ConnId) -> usize {
        self.unsent_bytes(conn)
    }

    fn all_buffered_bytes(&self) -> usize {
        0
    }

    fn sent_total(&self, conn: ConnId) -> u64 {
        self.connections.get(&conn).map_or(0, |connection| connection.taken)
    }

    fn notify_when_sent(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.notify = true;
        }
    }

    fn pause(&mut self, conn: ConnId) {
        let connection = self.connections.get_mut(&conn).expect("a shard pauses who is there");
        connection.paused = true;
    }

    fn resume(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.paused = false;
        }
    }

    fn close(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(&conn)
            && connection.life == Life::Open
        {
            connection.held = false;
            connection.life = if connection.output.is_empty() { Life::Gone } else { Life::Closing };
        }
    }

    fn abort(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.life = Life::Gone;
            connection.output.clear();
        }
    }
}
