//! The connections of one thread: opened a few at a time, lost, closed and opened again.
//!
//! Owns a connection's life. Invariant: requests without an answer on a connection that ends are
//! counted. Cost: constant an event.

use std::collections::VecDeque;
use std::io;

use velodrome_net::{CloseReason, ConnId, mono_ns};

use super::worker::Worker;
use crate::failure::Failure;
use crate::limits::{CONNECT_WAIT_MAX, CONNECTING_MAX, RECONNECT_PAUSE};
use crate::protocol::{AnswerParser, Protocol};
use crate::workload::Kind;

/// A request on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) key: u64,
    /// When it was sent, or was to be sent.
    pub(super) at_ns: u64,
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down,
    Connecting,
    Open,
    /// Closed by this side, to be opened again.
    Renewing,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: Option<ConnId>,
    phase: Phase,
    pub(super) parser: AnswerParser,
    /// The beginning of an answer.
    pub(super) rest: Vec<u8>,
    pub(super) asked: VecDeque<Asked>,
    /// Answers since it was opened.
    pub(super) answered: u64,
    began_ns: u64,
}

impl Connection {
    pub(super) fn new(protocol: Protocol) -> Connection {
        Connection {
            id: None,
            phase: Phase::Down,
            parser: protocol.parser(),
            rest: Vec::new(),
            asked: VecDeque::new(),
            answered: 0,
            began_ns: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }
}

impl Worker {
    /// Opens every connection.
    pub(super) fn connect_all(&mut self) -> Result<(), Failure> {
        let deadline_ns = mono_ns() + CONNECT_WAIT_MAX.as_nanos() as u64;
        let mut next = 0;
        while self.open < self.connections.len() {
            while self.connecting < CONNECTING_MAX && next < self.connections.len() {
                self.connect(next);
                next += 1;
            }
            self.turn()?;
            if let Some(loss) = self.running.end.loss.take() {
                return Err(Failure::Unreachable(loss));
            }
            if self.now_ns > deadline_ns {
                let (open, all) = (self.open, self.connections.len());
                let text = format!("only {open} of {all} connections were accepted in time");
                return Err(Failure::Unreachable(text));
            }
        }
        Ok(())
    }

    /// Opens what an earlier stage left closed.
    pub(super) fn reopen_all(&mut self) {
        for slot in 0..self.connections.len() {
            if self.connections[slot].phase == Phase::Down {
                self.connect(slot);
            }
        }
    }

    /// Whether lost or renewed connections come back.
    pub(super) fn reopens(&self) -> bool {
        self.plan.reconnect
            || self.connections.iter().any(|connection| connection.phase == Phase::Renewing)
    }

    #[inline]
    pub(super) fn slot_of(&self, conn: ConnId) -> Option<usize> {
        let slot = *self.slots.get(conn.index())? as usize;
        (self.connections[slot].id == Some(conn)).then_some(slot)
    }

    pub(super) fn connect(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        connection.began_ns = mono_ns();
        match self.driver.connect(&self.plan.target) {
            Ok(id) => {
                connection.id = Some(id);
                connection.phase = Phase::Connecting;
                self.connecting += 1;
                if self.slots.len() <= id.index() {
                    self.slots.resize(id.index() + 1, 0);
                }
                self.slots[id.index()] = slot as u32;
            }
            Err(error) => self.lost(slot, &format!("connecting failed: {error}")),
        }
    }

    pub(super) fn connected(&mut self, conn: ConnId) {
        let Some(slot) = self.slot_of(conn) else { return };
        let connection = &mut self.connections[slot];
        connection.phase = Phase::Open;
        connection.answered = 0;
        self.connecting -= 1;
        self.open += 1;
        let took_ns = mono_ns().saturating_sub(connection.began_ns);
        self.tally.record_apart(Kind::Connect, took_ns);
        if self.running.schedule.is_none() {
            self.ask_again(slot);
        }
    }

    pub(super) fn connect_failed(&mut self, conn: ConnId, error: &io::Error) {
        if let Some(slot) = self.slot_of(conn) {
            self.connecting -= 1;
            self.lost(slot, &format!("connecting failed: {error}"));
        }
    }

    pub(super) fn peer_closed(&mut self, conn: ConnId, reason: CloseReason) {
        let Some(slot) = self.slot_of(conn) else { return };
        if self.connections[slot].phase != Phase::Open {
            return;
        }
        let text = match reason {
            CloseReason::End => "the server closed the connection".to_owned(),
            CloseReason::Failed(number) => io::Error::from_raw_os_error(number).to_string(),
        };
        self.drop_connection(slot, &text);
    }

    /// Gives a connection up that is open.
    pub(super) fn drop_connection(&mut self, slot: usize, why: &str) {
        let id = self.connections[slot].id.expect("an open connection has an id");
        self.driver.abort(id);
        self.open -= 1;
        self.lost(slot, why);
    }

    /// Closes a connection in order to open it again.
    pub(super) fn renew(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        connection.phase = Phase::Renewing;
        connection.rest.clear();
        connection.parser = self.plan.protocol.parser();
        self.open -= 1;
        self.driver.close(connection.id.expect("an open connection has an id"));
    }

    pub(super) fn closed(&mut self, conn: ConnId) {
        if let Some(slot) = self.slot_of(conn)
            && self.connections[slot].phase == Phase::Renewing
        {
            self.connections[slot].phase = Phase::Down;
            if self.may_send() {
                self.connect(slot);
            }
        }
    }

    fn lost(&mut self, slot: usize, why: &str) {
        let connection = &mut self.connections[slot];
        let unanswered = connection.asked.len() as u64;
        connection.phase = Phase::Down;
        connection.id = None;
        connection.asked.clear();
        connection.rest.clear();
        connection.parser = self.plan.protocol.parser();
        self.outstanding -= unanswered;
        let end = &mut self.running.end;
        end.lost += 1;
        end.unanswered += unanswered;
        end.loss.get_or_insert_with(|| why.to_owned());
        if self.plan.reconnect {
            let pause_ns = RECONNECT_PAUSE.as_nanos() as u64;
            self.driver.set_timer(mono_ns() + pause_ns, slot as u64);
        }
    }
}
