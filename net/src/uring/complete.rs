//! What a completion leads to: an event, the next send, a re-armed request, or an end.
//!
//! Invariant: a request without `F_MORE` is over and is uncounted before anything else happens to
//! its connection. Cost: constant per completion.

use std::io;

use rustix::io::Errno;

use super::UringDriver;
use super::requests::Patience;
use super::ring::Completion;
use super::token::Token;
use crate::connections::{ConnId, Phase};
use crate::event::{CloseReason, Event};
use crate::files::FileAction;
use crate::hub::Hub;
use crate::limits::SEND_LITTLE_BYTES_MAX;
use crate::listeners::is_transient;
use crate::sockets;

impl UringDriver {
    #[inline]
    pub(super) fn complete(&mut self, hub: &mut Hub, completion: Completion) {
        match completion.token {
            Token::Receive(conn) => self.received(hub, conn, completion),
            Token::Send(conn) => self.sent(hub, conn, completion.result),
            Token::Accept(slot) => self.accepted(hub, slot as usize, completion),
            Token::Connect(conn) => self.connected(hub, conn, completion.result),
            Token::File(slot) => self.file_done(hub, slot, completion.result),
            Token::Eventfd => {
                hub.waker.drain();
                if !completion.more() {
                    self.attach(&hub.waker);
                }
            }
            // The message already did its work: it ended the sleep.
            Token::Message | Token::Ignored => {}
            Token::Wake(target) => self.targets[target as usize].signal(),
        }
    }

    fn received(&mut self, hub: &mut Hub, conn: ConnId, completion: Completion) {
        let result = completion.result;
        if result > 0 {
            self.receives += 1;
            let bytes = self.receive_ring.take(completion.flags, result as usize);
            hub.received(conn, bytes);
        } else {
            self.receive_ring.discard(completion.flags);
        }
        if completion.more() {
            return;
        }
        let connection = hub.connections.get_mut(conn).expect("kept while requests are out");
        connection.receiving = false;
        connection.requests -= 1;
        if connection.phase == Phase::Ending {
            return self.finish_if_free(hub, conn);
        }
        match -result {
            libc::ENOBUFS => self.starved.push(conn),
            libc::ECANCELED | libc::EINTR | libc::EAGAIN => self.arm_receive(hub, conn),
            error if error > 0 => self.lost(hub, conn, CloseReason::Failed(error)),
            0 => self.lost(hub, conn, CloseReason::End),
            _ => self.arm_receive(hub, conn),
        }
    }

    fn sent(&mut self, hub: &mut Hub, conn: ConnId, result: i32) {
        let connection = hub.connections.get_mut(conn).expect("kept while requests are out");
        connection.sending = false;
        connection.requests -= 1;
        if connection.phase == Phase::Ending {
            return self.finish_if_free(hub, conn);
        }
        let mut full = false;
        match -result {
            error if error <= 0 => hub.took(conn, result as usize),
            libc::EAGAIN => full = true,
            libc::EINTR | libc::ECANCELED | libc::ENOBUFS => {}
            error => {
                connection.output.discard_all();
                hub.settle(conn);
                return self.lost(hub, conn, CloseReason::Failed(error));
            }
        }
        self.send_rest(hub, conn, full);
    }

    /// Goes on with what is queued, or ends a connection that was only flushing.
    #[inline]
    fn send_rest(&mut self, hub: &mut Hub, conn: ConnId, full: bool) {
        let Some(connection) = hub.connections.get(conn) else { return };
        let much = connection.output.unsent_bytes() > SEND_LITTLE_BYTES_MAX;
        if much && !full {
            // After those that wait for their first.
            hub.mark_dirty(conn);
        } else if !connection.output.is_empty() {
            // What has left something is not counted on to take it all at once.
            self.send(hub, conn, Patience::UntilWritable);
        } else if connection.phase == Phase::Closing {
            self.end(hub, conn, false);
        }
    }

    fn lost(&mut self, hub: &mut Hub, conn: ConnId, reason: CloseReason) {
        if hub.peer_closed(conn, reason) {
            self.end(hub, conn, false);
        }
    }

    fn finish_if_free(&mut self, hub: &mut Hub, conn: ConnId) {
        if hub.connections.get(conn).is_some_and(|c| c.requests == 0) {
            hub.finish(conn);
        }
    }

    fn connected(&mut self, hub: &mut Hub, conn: ConnId, result: i32) {
        let connection = hub.connections.get_mut(conn).expect("kept while requests are out");
        connection.requests -= 1;
        if connection.phase == Phase::Ending {
            return self.finish_if_free(hub, conn);
        }
        if result < 0 {
            return hub.connect_failed(conn, io::Error::from_raw_os_error(-result));
        }
        let socket = connection.socket.as_ref().expect("open");
        // A socket that refuses its options still works.
        let _ = sockets::prepare(socket);
        connection.phase = Phase::Open;
        hub.events.push_back(Event::Connected { conn });
        self.arm_receive(hub, conn);
        hub.mark_dirty(conn);
    }

    fn accepted(&mut self, hub: &mut Hub, slot: usize, completion: Completion) {
        let Some(listener) = hub.listeners.get_mut(slot) else { return };
        let number = listener.number;
        let stopping = listener.stopping;
        listener.armed = completion.more();
        if completion.result >= 0 {
            let socket = super::ring::accepted_socket(completion.result);
            hub.events.push_back(Event::Accepted { listener: number, socket });
        }
        if completion.more() {
            return;
        }
        if stopping {
            return hub.listeners.remove(slot);
        }
        let error = Errno::from_raw_os_error(-completion.result.min(0));
        if completion.result >= 0 || is_transient(error) || error == Errno::CANCELED {
            self.arm_accept(hub, slot);
        } else {
            hub.accept_failed(slot, error);
        }
    }

    fn file_done(&mut self, hub: &mut Hub, slot: u32, result: i32) {
        let operation = hub.files.take(slot);
        let (op, buffer) = (operation.op, operation.buffer);
        hub.events.push_back(if result < 0 {
            let error = io::Error::from_raw_os_error(-result);
            Event::FileFailed { op, buffer, error }
        } else {
            let bytes = if operation.action == FileAction::Sync { 0 } else { result as usize };
            Event::FileDone { op, buffer, bytes }
        });
    }
}
