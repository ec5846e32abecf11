//! Long requests that are received while buffers are short.
//!
//! Owns which of them goes on. Invariant: what is received of unfinished requests goes beyond the
//! shard's share of `--client-memory-max` by one request, and by what had already been read of the
//! others. Cost: an addition and a comparison for a piece of a long request.

use velodrome_net::ConnId;

use crate::limits::{ADMITTED_MS_MAX, INPUT_STALL_BYTES};
use crate::shard::Shard;
use crate::shard::session::Session;
use crate::shard::wire::Wire;

/// The connection that is read from while the others wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Admitted {
    conn: ConnId,
    since_ms: u64,
}

impl Shard {
    /// Bytes that connections' buffers may take on this shard.
    pub(super) fn client_bytes_max(&self) -> u64 {
        self.client_memory_bytes_max / self.facts.shard_count() as u64
    }

    /// A piece of a long request has come: while buffers hold too much, one such request goes on
    /// and the others are not read from.
    pub(super) fn received_long(&mut self, conn: ConnId, len: usize, wire: &mut impl Wire) {
        self.client_bytes += len;
        if self.client_bytes as u64 <= self.client_bytes_max() {
            return;
        }
        let since_ms = self.moment.now_ms;
        if self.admitted.get_or_insert(Admitted { conn, since_ms }).conn == conn {
            return;
        }
        let Some(session) = self.session(conn) else { return };
        if !session.paused {
            session.paused = true;
            wire.pause(conn);
        }
    }

    /// Lets those go on that need not wait any more: all while there is room, else one after
    /// another. Whoever holds the others up is closed.
    pub(super) fn admit(&mut self, wire: &mut impl Wire) {
        let room = self.client_bytes as u64 <= self.client_bytes_max();
        let free = |session: &&Session| waits(session) && (room || !is_long(session.pending.len()));
        let free: Vec<ConnId> = self.sessions().filter(free).map(|it| it.conn).collect();
        free.into_iter().for_each(|conn| self.wake(conn));
        let Some(Admitted { conn, since_ms }) = self.admitted.filter(|_| !room) else {
            return self.admit_next(room);
        };
        let now_ms = self.moment.now_ms;
        let session = self.session(conn).filter(|session| is_long(session.pending.len()));
        let Some(session) = session else { return self.admit_next(room) };
        let slow = session.is_silent(now_ms) || now_ms >= since_ms + ADMITTED_MS_MAX;
        if slow && self.sessions().any(waits) {
            tracing::warn!("closed a client that sends too slowly: client-memory-max");
            wire.abort(conn);
        }
    }

    /// A long request is done: if it was the one to go on, another one is.
    pub(super) fn done_long(&mut self, conn: ConnId) {
        if self.admitted.is_some_and(|it| it.conn == conn) {
            self.admit_next(false);
        }
        self.wake(conn);
    }

    /// Lets the request go on of which most is there, or none in particular.
    fn admit_next(&mut self, none: bool) {
        let waiting = self.sessions().filter(|session| !none && waits(session));
        let next = waiting.max_by_key(|session| session.pending.len()).map(|session| session.conn);
        self.admitted = next.map(|conn| Admitted { conn, since_ms: self.moment.now_ms });
        next.into_iter().for_each(|conn| self.wake(conn));
    }

    /// Bytes of the request that may go beyond the share.
    pub(super) fn admitted_bytes(&self) -> usize {
        let held = |it: Admitted| self.sessions().find(|session| session.conn == it.conn);
        self.admitted.and_then(held).map_or(0, |session| session.pending.memory_bytes())
    }
}

/// Whether so much has been received that the rest may have to wait.
pub(super) fn is_long(received_bytes: usize) -> bool {
    received_bytes > INPUT_STALL_BYTES
}

/// Whether a session is not read from although it might go on.
fn waits(session: &Session) -> bool {
    session.paused && !session.stalled() && !session.in_backlog
}
