//! What a ready socket leads to: receives, sends, accepts, a connect's outcome.
//!
//! Cost: a connection gets at most `RECEIVE_BYTES_PER_TURN_MAX` a turn, a listener
//! `ACCEPTS_PER_TURN_MAX`; level-triggered readiness brings the rest in the next turn.

use std::io::IoSlice;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags, accept_with, recv, send, sendmsg,
};

use super::{EpollDriver, retry};
use crate::connections::{ConnId, Connection, Phase};
use crate::event::{CloseReason, Event};
use crate::hub::Hub;
use crate::limits::{
    ACCEPTS_PER_TURN_MAX, RECEIVE_BYTES_PER_TURN_MAX, SEND_BYTES_MAX, SEND_LITTLE_BYTES_MAX,
    SEND_PIECES_MAX,
};
use crate::listeners::is_transient;
use crate::output::Staged;
use crate::sockets;

impl EpollDriver {
    pub(super) fn ready(&mut self, hub: &mut Hub, conn: ConnId, flags: EventFlags) {
        let Some(connection) = hub.connections.get(conn) else { return };
        if connection.phase == Phase::Connecting {
            return self.connect_done(hub, conn);
        }
        let failed = flags.intersects(EventFlags::ERR | EventFlags::HUP);
        if connection.sending && (flags.contains(EventFlags::OUT) || failed) {
            self.send(hub, conn);
        }
        if flags.contains(EventFlags::IN) || failed {
            self.receive(hub, conn);
        }
    }

    fn connect_done(&mut self, hub: &mut Hub, conn: ConnId) {
        let connection = hub.connections.get(conn).expect("checked by the caller");
        match sockets::take_error(connection.socket.as_ref().expect("open until finished")) {
            Ok(()) => self.connected(hub, conn),
            Err(error) => hub.connect_failed(conn, error),
        }
    }

    pub(super) fn connected(&mut self, hub: &mut Hub, conn: ConnId) {
        let connection = hub.connections.get_mut(conn).expect("checked by the caller");
        // A socket that refuses its options still works.
        let _ = sockets::prepare(connection.socket.as_ref().expect("open until finished"));
        connection.phase = Phase::Open;
        hub.events.push_back(Event::Connected { conn });
        self.update_interest(hub, conn);
        hub.mark_dirty(conn);
    }

    fn receive(&mut self, hub: &mut Hub, conn: ConnId) {
        let mut budget = RECEIVE_BYTES_PER_TURN_MAX;
        while budget > 0 && self.receive_left > 0 {
            let Some(connection) = hub.connections.get(conn) else { return };
            let wanted = connection.wants_receive && connection.phase == Phase::Open;
            let Some(socket) = connection.socket.as_ref().filter(|_| wanted) else { return };
            let filled = self.filling.fill(|free| {
                retry(|| recv(socket, &mut *free, RecvFlags::empty()))
                    .map(|(count, _)| count)
                    .map_err(Into::into)
            });
            // Every block is in chunks: the socket stays ready, the next turn reads it.
            let Some(filled) = filled else { return };
            match filled {
                Ok((bytes, _)) if bytes.is_empty() => {
                    hub.peer_closed(conn, CloseReason::End);
                    return self.update_interest(hub, conn);
                }
                Ok((bytes, offered)) => {
                    let count = bytes.len();
                    budget = budget.saturating_sub(count);
                    self.receive_left = self.receive_left.saturating_sub(count);
                    hub.received(conn, bytes);
                    if count < offered {
                        return;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    let error = Errno::from_io_error(&error).unwrap_or(Errno::IO);
                    return self.broke(hub, conn, error);
                }
            }
        }
    }

    /// Sends until the kernel takes no more or the turn has sent enough; ends a connection that
    /// was only waiting for that.
    pub(super) fn send(&mut self, hub: &mut Hub, conn: ConnId) {
        let transform = hub.transform;
        loop {
            let Some(connection) = hub.connections.get_mut(conn) else { return };
            if connection.broken {
                connection.output.discard_all();
            }
            transform.outbound(&mut connection.output.queued);
            let much = connection.output.unsent_bytes() > SEND_LITTLE_BYTES_MAX;
            if much && self.send_left == 0 {
                // Its socket is writable, so the next wait ends at once.
                connection.sending = true;
                return self.update_interest(hub, conn);
            }
            let share =
                if much { self.send_left.min(SEND_BYTES_MAX) } else { SEND_LITTLE_BYTES_MAX };
            let sent = send_staged(connection, share);
            if let (true, Some(Ok(count))) = (much, &sent) {
                self.send_left = self.send_left.saturating_sub(*count);
            }
            match sent {
                None => {
                    connection.sending = false;
                    if connection.phase == Phase::Closing {
                        return self.end(hub, conn, false);
                    }
                    return self.update_interest(hub, conn);
                }
                Some(Ok(count)) => hub.took(conn, count),
                Some(Err(Errno::AGAIN | Errno::NOBUFS)) => {
                    connection.sending = true;
                    return self.update_interest(hub, conn);
                }
                Some(Err(error)) => return self.broke(hub, conn, error),
            }
        }
    }

    pub(super) fn broke(&mut self, hub: &mut Hub, conn: ConnId, error: Errno) {
        if let Some(connection) = hub.connections.get_mut(conn) {
            connection.sending = false;
            connection.output.discard_all();
        }
        hub.settle(conn);
        if hub.peer_closed(conn, CloseReason::Failed(error.raw_os_error())) {
            return self.end(hub, conn, false);
        }
        self.update_interest(hub, conn);
    }

    pub(super) fn accept(&mut self, hub: &mut Hub, slot: usize) {
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            let Some(listener) = hub.listeners.get_mut(slot) else { return };
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            match accept_with(&listener.socket, flags) {
                Ok(socket) => {
                    let listener = listener.number;
                    hub.events.push_back(Event::Accepted { listener, socket });
                }
                Err(Errno::AGAIN) => return,
                Err(error) if is_transient(error) => {}
                Err(error) => {
                    self.unwatch_listener(hub, slot);
                    return hub.accept_failed(slot, error);
                }
            }
        }
    }
}

/// One send of at most `bytes_max` of what is staged; `None` when nothing is.
fn send_staged(connection: &mut Connection, bytes_max: usize) -> Option<Result<usize, Errno>> {
    let Connection { socket, output, .. } = connection;
    let socket = socket.as_ref()?;
    match output.stage(bytes_max) {
        Staged::Nothing => None,
        Staged::Bytes(bytes) => Some(retry(|| send(socket, bytes, SendFlags::NOSIGNAL))),
        Staged::Pieces(pieces) => {
            let mut vectors = [IoSlice::new(&[]); SEND_PIECES_MAX];
            let mut count = 0;
            for (vector, slice) in vectors.iter_mut().zip(pieces.slices()) {
                *vector = IoSlice::new(slice);
                count += 1;
            }
            Some(retry(|| {
                let mut control = SendAncillaryBuffer::default();
                sendmsg(socket, &vectors[..count], &mut control, SendFlags::NOSIGNAL)
            }))
        }
    }
}
