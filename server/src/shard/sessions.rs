//! The clients of a shard: who comes, who goes, and who is there.
//!
//! Invariant: a session lies at its connection's index, and an id whose connection has gone finds
//! nothing. Cost: one look-up and one comparison.

use velodrome_net::ConnId;

use crate::shard::Shard;
use crate::shard::outlet::settle;
use crate::shard::received::Received;
use crate::shard::session::{Profile, Session};
use crate::shard::wire::Wire;

impl Shard {
    /// A client has connected.
    pub(crate) fn open(&mut self, conn: ConnId, mut profile: Profile) {
        profile.connected_ms = self.moment.now_ms;
        let authenticated = self.config.requirepass.is_none();
        let session = Session::new(conn, self.facts.next_client_id(), authenticated, profile);
        if self.sessions.len() <= conn.index() {
            self.sessions.resize_with(conn.index() + 1, || None);
        }
        let before = self.sessions[conn.index()].replace(Box::new(session));
        assert!(before.is_none(), "the driver reuses no place that is still open");
        self.session_count += 1;
        self.accepted += 1;
    }

    /// A connection has gone, for whatever reason.
    pub(crate) fn closed(&mut self, conn: ConnId) {
        let Some(mut session) = self.take_session(conn) else { return };
        self.unwatch(&mut session);
        self.let_go(std::mem::take(&mut session.pending));
        self.session_count -= 1;
    }

    /// Drops what was received: large memory is given back in steps.
    pub(super) fn let_go(&mut self, received: Received) {
        if let Some(collected) = received.into_collected() {
            self.engine.let_go(collected);
        }
    }

    /// Stops starting commands: the node drains.
    pub(crate) fn stop(&mut self, wire: &mut impl Wire) {
        let conns: Vec<ConnId> = self.sessions().map(|session| session.conn).collect();
        for conn in conns {
            if let Some(mut session) = self.take_session(conn) {
                session.closing = true;
                settle(&mut session, wire);
                self.put_session(session);
            }
        }
    }

    /// How many clients are connected here.
    pub(crate) fn session_count(&self) -> usize {
        self.session_count
    }

    /// The sessions, for lists of clients.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter().flatten().map(Box::as_ref)
    }

    pub(super) fn take_session(&mut self, conn: ConnId) -> Option<Box<Session>> {
        let place = self.sessions.get_mut(conn.index())?;
        if place.as_ref()?.conn != conn {
            return None;
        }
        place.take()
    }

    pub(super) fn put_session(&mut self, session: Box<Session>) {
        let index = session.conn.index();
        self.sessions[index] = Some(session);
    }

    pub(super) fn session(&mut self, conn: ConnId) -> Option<&mut Session> {
        let session = self.sessions.get_mut(conn.index())?.as_mut()?;
        (session.conn == conn).then_some(session)
    }
}
