//! What a shard looks after ten times a second while it has clients or serves a sibling's.
//!
//! Idle and unauthenticated connections, the memory of connections' buffers, quotas, and the
//! figures that others read. Cost: one pass over the sessions a tick.

use velodrome_net::ConnId;

use crate::gauges::Snapshot;
use crate::limits::{
    HANDSHAKE_MS_MAX, OUTPUT_BYTES_MAX, OUTPUT_SLOW_BYTES, OUTPUT_SLOW_MS_MAX, OUTPUT_STALL_BYTES,
    STUCK_MS_MIN,
};
use crate::shard::Shard;
use crate::shard::session::Session;
use crate::shard::wire::Wire;

impl Shard {
    /// Whether there is anybody to look after, or anything to tell.
    pub(crate) fn wants_ticks(&self) -> bool {
        self.session_count > 0 || self.served || self.engine.pinned_bytes() > 0
    }

    /// Looks after the clients; `buffers_bytes` is what the driver holds for them.
    pub(crate) fn tick(&mut self, buffers_bytes: usize, wire: &mut impl Wire) {
        self.served = false;
        let received: usize = self.sessions().map(Session::memory_bytes).sum();
        let crossing = self.facts.crossing_bytes(self.id);
        let pinned = self.engine.pinned_bytes() as usize;
        self.client_bytes = buffers_bytes + received + crossing + pinned;
        let taken = |session: &Session| {
            // A connection that has gone has no total.
            wire.sent_total(session.conn).saturating_sub(session.sent_total)
        };
        self.output_bytes += self.sessions().map(taken).sum::<u64>();
        let overdue: Vec<ConnId> = self
            .sessions
            .iter_mut()
            .flatten()
            .filter_map(|session| {
                overdue(session, self.moment.now_ms, self.config.timeout_ms, wire)
                    .map(|why| (session, why))
            })
            .map(|(session, why)| {
                tracing::debug!(client = session.id, peer = session.profile.peer, why, "closed");
                session.conn
            })
            .collect();
        overdue.into_iter().for_each(|conn| wire.abort(conn));
        self.wake_unstalled(wire);
        self.admit(wire);
        self.shed_slowest(wire);
        self.balance_quota();
        self.publish();
    }

    /// Lets clients go on that were held back while buffers were short.
    fn wake_unstalled(&mut self, wire: &impl Wire) {
        let stall_bytes = self.output_stall_bytes(wire);
        let unstalled: Vec<ConnId> = self
            .sessions()
            .filter(|session| session.output_stalled)
            .map(|session| session.conn)
            .filter(|conn| wire.unsent_bytes(*conn) <= stall_bytes)
            .collect();
        unstalled.into_iter().for_each(|conn| self.sent(conn));
    }

    /// Whether connections' buffers are getting short: half of this shard's share is in use.
    pub(super) fn buffers_short(&self, wire: &impl Wire) -> bool {
        let share = self.client_bytes_max();
        wire.all_buffered_bytes() as u64 > share / 2
    }

    /// Unsent bytes beyond which a connection's next command waits.
    pub(super) fn output_stall_bytes(&self, wire: &impl Wire) -> usize {
        if self.buffers_short(wire) { 0 } else { OUTPUT_STALL_BYTES }
    }

    /// Closes the largest client that makes no progress while all of them hold too much.
    fn shed_slowest(&mut self, wire: &mut impl Wire) {
        let allowed = self.client_bytes_max().saturating_add(self.admitted_bytes() as u64);
        let mut excess = (self.client_bytes as u64).saturating_sub(allowed);
        if excess == 0 {
            return;
        }
        let now_ms = self.moment.now_ms;
        let stuck = |session: &&Session| {
            let stuck = session.slow_since_ms.is_some_and(|it| now_ms >= it + STUCK_MS_MIN);
            stuck || session.is_silent(now_ms)
        };
        // Only what is held for a client alone becomes free with it.
        let held = |session: &Session| wire.buffered_bytes(session.conn) + session.memory_bytes();
        let mut slow: Vec<(usize, ConnId)> =
            self.sessions().filter(stuck).map(|session| (held(session), session.conn)).collect();
        slow.sort_unstable_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        for (bytes, conn) in slow {
            if excess == 0 || bytes == 0 {
                return;
            }
            tracing::warn!(bytes, "closed a client that does not go on: client-memory-max");
            wire.abort(conn);
            excess = excess.saturating_sub(bytes as u64);
        }
    }

    /// The node's limit of connections' buffers.
    pub(crate) fn set_client_memory_max(&mut self, bytes: u64) {
        self.client_memory_bytes_max = bytes;
    }

    /// Tells the rest of the node how this shard is doing.
    pub(crate) fn publish(&mut self) {
        let figures = Snapshot {
            sessions: self.session_count as u64,
            accepted: self.accepted,
            rejected: self.rejected,
            blocked: self.sessions().filter(|session| session.held).count() as u64,
            watching: self.sessions().filter(|session| !session.watching.is_empty()).count() as u64,
            commands: self.commands,
            errors: self.refused,
            client_bytes: self.client_bytes as u64,
            input_bytes: self.input_bytes,
            output_bytes: self.output_bytes,
            turns: self.turns,
            waiting: self.holds.waiting() as u64,
            gathers: self.gathers.len() as u64,
            ..Snapshot::of_engine(&self.engine)
        };
        let gauges = &self.facts.gauges[usize::from(self.id)];
        gauges.publish(&figures, self.moment.now_ms);
        gauges.calls.publish(self.calls.by_id().iter().copied());
        gauges.took_us.publish(self.command_times.sums_us());
    }
}

/// Why a session is to be closed, if it is.
fn overdue(
    session: &mut Session,
    now_ms: u64,
    timeout_ms: u64,
    wire: &impl Wire,
) -> Option<&'static str> {
    let unsent = wire.unsent_bytes(session.conn);
    let sent_total = wire.sent_total(session.conn);
    if unsent == 0 || sent_total != session.sent_total {
        session.slow_since_ms = (unsent > 0).then_some(now_ms);
        session.sent_total = sent_total;
    }
    let slow_ms = session.slow_since_ms.map_or(0, |since_ms| now_ms.saturating_sub(since_ms));
    let idle_ms = now_ms.saturating_sub(session.active_ms);
    let waits = session.scattering || session.paused || !session.replies.is_empty() || unsent > 0;
    // A turn may add a reply of any length, but nothing more until most of it has been read.
    if wire.buffered_bytes(session.conn) > OUTPUT_BYTES_MAX && slow_ms >= STUCK_MS_MIN {
        Some("unread output above its limit")
    } else if unsent > OUTPUT_SLOW_BYTES && slow_ms > OUTPUT_SLOW_MS_MAX {
        Some("unread output for too long")
    } else if !session.authenticated && idle_ms > HANDSHAKE_MS_MAX {
        Some("no authentication in time")
    } else if timeout_ms > 0 && idle_ms > timeout_ms && !waits {
        Some("idle")
    } else {
        None
    }
}
