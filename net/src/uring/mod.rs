//! The io_uring driver: one ring, one kernel entry a turn.
//!
//! A turn returns receive blocks to the kernel, queues a send for every connection with output,
//! enters the kernel once, and turns completions into events. Invariant: every queued request is
//! counted at its connection until its last completion, and nothing it names is freed before.
//! Cost: 64 bytes written a request, one system call a turn, none when there is nothing to do.

// For how many receives a wait is worth holding out.
mod batching;
// What completions lead to.
mod complete;
// Requests that carry memory.
mod requests;
// Receive blocks in the kernel's hands.
mod receive_ring;
// The queues and the system call.
mod ring;
// What a completion is about.
mod token;

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use socket2::SockAddr;

use self::batching::Batching;
use self::receive_ring::{GROUP, ReceiveRing};
use self::requests::{Headers, Patience, raw};
use self::ring::Ring;
use self::token::Token;
use crate::clock::{mono_ns, thread_cpu_ns};
use crate::connections::{ConnId, Phase};
use crate::files::FileOperation;
use crate::hub::{Hub, Sleep, Wait};
use crate::limits::{
    BATCH_WAIT_US_MAX, DROP_ROUNDS_MAX, Limits, SEND_BYTES_MAX, SEND_BYTES_PER_TURN_MAX,
    SEND_LITTLE_BYTES_MAX, SEND_PATIENT_BYTES_MAX, SEND_SURE_BYTES_MAX, SURE_SEND_SLEEP_US_MAX,
    UNSURE_SEND_SLEEP_US_MAX,
};
use crate::sockets;
use crate::timers::Due;
use crate::waker::Waker;

/// The io_uring driver of one core.
pub(crate) struct UringDriver {
    ring: Ring,
    /// After `ring`: dropped when the kernel no longer reads it.
    receive_ring: ReceiveRing,
    headers: Headers,
    /// Connections whose receive ended for want of a free block.
    starved: Vec<ConnId>,
    /// Drivers this one has woken, by index in `Token::Wake`.
    targets: Vec<Waker>,
    /// `None` when a wait never holds out for company.
    batching: Option<Batching>,
    /// Receives of this turn.
    receives: u32,
    /// Sends queued since the last entry that complete within it, and the longest of them.
    sends: u32,
    longest_send_bytes: usize,
    /// Whether a turn receives only as much as can be copied in one.
    narrow: bool,
    /// Bytes of the larger ones.
    send_bytes: usize,
    /// Whether such a one was put off to the next entry.
    put_off: bool,
}

impl UringDriver {
    /// Sets the ring up and proves with one request that the kernel serves it.
    pub(crate) fn new(
        limits: &Limits,
        batching: bool,
        incremental: bool,
    ) -> io::Result<UringDriver> {
        let mut ring = Ring::new()?;
        ring.nothing();
        ring.enter(Sleep::Forever, 1, 0)?;
        let probe = ring.next_completion();
        if probe.is_none_or(|completion| completion.result < 0) {
            return Err(io::Error::from_raw_os_error(libc::ENOSYS));
        }
        let receive_ring = ReceiveRing::new(ring.submitter(), limits, incremental)?;
        Ok(UringDriver {
            batching: (batching && ring.parameters().is_feature_min_timeout())
                .then(Batching::default),
            ring,
            receive_ring,
            headers: Headers::default(),
            starved: Vec::new(),
            targets: Vec::new(),
            receives: 0,
            sends: 0,
            longest_send_bytes: 0,
            narrow: false,
            send_bytes: 0,
            put_off: false,
        })
    }

    /// Starts watching for wake-ups.
    pub(crate) fn attach(&mut self, waker: &Waker) {
        waker.set_ring(self.ring.fd());
        self.ring.watch_readable(waker.eventfd().as_raw_fd(), Token::Eventfd);
    }

    /// Memory of the receive blocks.
    pub(crate) fn receive_bytes(&self) -> usize {
        self.receive_ring.bytes()
    }

    /// Whether a turn receives only as much as can be copied in one.
    pub(crate) fn receive_narrowly(&mut self, narrowly: bool) {
        self.narrow = narrowly;
    }

    pub(crate) fn listen(&mut self, hub: &mut Hub, socket: OwnedFd, number: u16) -> io::Result<()> {
        sockets::set_nonblocking(&socket, false)?;
        let slot = hub.listeners.insert(socket, number)?;
        self.arm_accept(hub, slot);
        Ok(())
    }

    fn arm_accept(&mut self, hub: &mut Hub, slot: usize) {
        if let Some(listener) = hub.listeners.get_mut(slot)
            && !listener.armed
        {
            listener.armed = true;
            self.ring.accept(listener.socket.as_raw_fd(), Token::Accept(slot as u32));
        }
    }

    pub(crate) fn stop_listening(&mut self, hub: &mut Hub) {
        for slot in hub.listeners.slots() {
            match hub.listeners.get_mut(slot) {
                Some(listener) if listener.armed => {
                    listener.stopping = true;
                    self.ring.cancel(Token::Accept(slot as u32));
                }
                Some(_) => hub.listeners.remove(slot),
                None => {}
            }
        }
    }

    pub(crate) fn adopt(&mut self, hub: &mut Hub, socket: OwnedFd) -> io::Result<ConnId> {
        sockets::set_nonblocking(&socket, false)?;
        sockets::prepare(&socket)?;
        let conn = hub.insert(socket, Phase::Open)?;
        self.arm_receive(hub, conn);
        Ok(conn)
    }

    pub(crate) fn connect(&mut self, hub: &mut Hub, to: SockAddr) -> io::Result<ConnId> {
        let socket = sockets::open_for(&to)?;
        let fd = socket.as_raw_fd();
        let conn = hub.insert(socket, Phase::Connecting)?;
        self.headers.connect(&mut self.ring, Token::Connect(conn), fd, to);
        hub.connections.get_mut(conn).expect("just inserted").requests += 1;
        Ok(conn)
    }

    /// Receives unless that is armed, unwanted or over.
    fn arm_receive(&mut self, hub: &mut Hub, conn: ConnId) {
        let Some(connection) = hub.connections.get_mut(conn) else { return };
        let wanted = connection.wants_receive && connection.phase == Phase::Open;
        if !wanted || connection.receiving || connection.peer_closed {
            return;
        }
        let fd = raw(connection).expect("open");
        connection.receiving = true;
        connection.requests += 1;
        self.ring.receive(fd, GROUP, Token::Receive(conn));
    }

    pub(crate) fn pause(&mut self, hub: &mut Hub, conn: ConnId) {
        let Some(connection) = hub.connections.get_mut(conn) else { return };
        if connection.wants_receive && connection.receiving {
            self.ring.cancel(Token::Receive(conn));
        }
        connection.wants_receive = false;
    }

    pub(crate) fn resume(&mut self, hub: &mut Hub, conn: ConnId) {
        let Some(connection) = hub.connections.get_mut(conn) else { return };
        if connection.phase == Phase::Open {
            connection.wants_receive = true;
            self.arm_receive(hub, conn);
        }
    }

    /// Nothing more is wanted of a connection: cancels what it has in the kernel.
    pub(crate) fn end(&mut self, hub: &mut Hub, conn: ConnId, reset: bool) {
        let Some(connection) = hub.begin_end(conn, reset) else { return };
        if connection.requests == 0 {
            hub.finish(conn);
        } else {
            self.ring.cancel_all_of(raw(connection).expect("open until finished"));
        }
    }

    pub(crate) fn file(&mut self, hub: &mut Hub, operation: FileOperation) {
        let slot = hub.files.insert(operation);
        requests::submit_file(&mut self.ring, slot, hub.files.get_mut(slot));
    }

    pub(crate) fn wake(&mut self, target: &Waker) {
        if !target.notify() {
            return;
        }
        let Some(ring) = target.ring() else {
            return target.signal();
        };
        let known = self.targets.iter().position(|known| known.same_target(target));
        let index = known.unwrap_or_else(|| {
            self.targets.push(target.clone());
            self.targets.len() - 1
        });
        self.ring.message(ring, Token::Wake(index as u32));
    }

    /// One turn.
    pub(crate) fn poll(&mut self, hub: &mut Hub, wait: Wait) -> io::Result<()> {
        self.restart_starved(hub);
        self.put_off = false;
        self.flush(hub);
        let mut sleep =
            if self.put_off { Sleep::Not } else { hub.sleep(wait).at_most(self.doubt()) };
        if sleep != Sleep::Not && !hub.waker.park() {
            sleep = Sleep::Not;
        }
        let entered = if sleep != Sleep::Not || self.ring.has_work() {
            let (want, batch_us) = match sleep {
                Sleep::Not => (0, 0),
                _ => self.want(hub.connections.len()),
            };
            (self.sends, self.longest_send_bytes, self.send_bytes) = (0, 0, 0);
            self.ring.enter(sleep, want, batch_us)
        } else {
            Ok(())
        };
        if hub.waker.unpark() {
            hub.events.push_back(crate::event::Event::Mailbox);
        }
        entered?;
        if !self.headers.is_empty() && self.ring.is_drained() {
            self.headers.clear();
        }
        self.reap(hub);
        self.fire_timers(hub);
        Ok(())
    }

    /// Returns blocks to the kernel and restarts receives that had ended for want of them.
    fn restart_starved(&mut self, hub: &mut Hub) {
        // Few blocks are enough until somebody goes short, and then again once much is copied.
        if self.narrow || !self.starved.is_empty() {
            self.receive_ring.narrow(self.narrow);
        }
        if self.receive_ring.offer_free() && !self.starved.is_empty() {
            for conn in std::mem::take(&mut self.starved) {
                self.arm_receive(hub, conn);
            }
        }
    }

    fn flush(&mut self, hub: &mut Hub) {
        let sendable = hub.take_sendable();
        for &conn in &sendable {
            let Some(connection) = hub.connections.get_mut(conn) else { continue };
            if connection.phase != Phase::Connecting && !connection.sending {
                self.send(hub, conn, Patience::None);
            }
            hub.settle(conn);
        }
        hub.sent_all(sendable);
    }

    /// Sends what a connection has, or ends it when it was only waiting for that.
    fn send(&mut self, hub: &mut Hub, conn: ConnId, patience: Patience) {
        let transform = hub.transform;
        let Some(connection) = hub.connections.get_mut(conn) else { return };
        if connection.broken {
            connection.output.discard_all();
        }
        transform.outbound(&mut connection.output.queued);
        let much = connection.output.unsent_bytes() > SEND_LITTLE_BYTES_MAX;
        let at_once = patience == Patience::None;
        if much && at_once && self.send_bytes >= SEND_BYTES_PER_TURN_MAX {
            self.put_off = true;
            return hub.mark_dirty(conn);
        }
        let left = SEND_BYTES_PER_TURN_MAX.saturating_sub(self.send_bytes);
        let bytes_max = match patience {
            Patience::None if much => left.min(SEND_BYTES_MAX),
            Patience::None => SEND_LITTLE_BYTES_MAX,
            Patience::UntilWritable => SEND_PATIENT_BYTES_MAX,
        };
        let staged_len = self.headers.send(&mut self.ring, conn, connection, patience, bytes_max);
        if much && at_once {
            // There may be more to send after it, so its completion ends a wait.
            self.send_bytes += staged_len;
        } else if staged_len > 0 {
            if at_once {
                self.sends += 1;
                self.longest_send_bytes = self.longest_send_bytes.max(staged_len);
            }
        } else if connection.phase == Phase::Closing {
            self.end(hub, conn, false);
        }
    }

    /// How long a wait may last: a send that completes within the entry does not end it, even if
    /// the socket took only a part and the rest is to be seen to.
    fn doubt(&self) -> Duration {
        match self.longest_send_bytes {
            0 => Duration::MAX,
            1..=SEND_SURE_BYTES_MAX => Duration::from_micros(SURE_SEND_SLEEP_US_MAX),
            _ => Duration::from_micros(UNSURE_SEND_SLEEP_US_MAX),
        }
    }

    /// How many completions to wait for, and how long at most once there is one (0: as long as it
    /// takes). Our own sends complete within the entry, so they are not what is waited for.
    fn want(&mut self, connections: usize) -> (u32, u32) {
        match self.batching.as_mut().and_then(|batching| batching.ask(connections)) {
            Some(receives) => (receives + self.sends, BATCH_WAIT_US_MAX),
            None => (1 + self.sends, 0),
        }
    }

    fn reap(&mut self, hub: &mut Hub) {
        self.receives = 0;
        while let Some(completion) = self.ring.next_completion() {
            self.complete(hub, completion);
        }
        if let Some(batching) = &mut self.batching {
            batching.turned(self.receives, mono_ns(), thread_cpu_ns);
        }
    }

    fn fire_timers(&mut self, hub: &mut Hub) {
        if !hub.has_timers() {
            return;
        }
        let now_ns = mono_ns();
        while let Some(due) = hub.take_due(now_ns) {
            match due {
                Due::Accept(slot) => self.arm_accept(hub, slot),
                Due::Linger(conn) => {
                    if hub.connections.get(conn).is_some_and(|c| c.phase == Phase::Closing) {
                        self.end(hub, conn, true);
                    }
                }
                Due::Token(_) => {}
            }
        }
    }

    /// Takes everything back from the kernel; false when it would not let go.
    pub(crate) fn quiesce(&mut self, hub: &mut Hub) -> bool {
        hub.waker.set_ring(-1);
        self.ring.cancel_everything();
        for _ in 0..DROP_ROUNDS_MAX {
            let patience = std::time::Duration::from_millis(10);
            let entered = self.ring.enter(Sleep::For(patience), 1, 0);
            while let Some(completion) = self.ring.next_completion() {
                if matches!(completion.token, Token::Accept(_)) && completion.result >= 0 {
                    drop(ring::accepted_socket(completion.result));
                }
            }
            if entered.is_err() {
                return false;
            }
            if self.ring.outstanding() == 0 {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeping_ring_is_woken_by_a_message() {
        let limits = Limits::default();
        let (mut one, mut other) = match (Ring::new(), UringDriver::new(&limits, false, true)) {
            (Ok(_), Ok(other)) => (UringDriver::new(&limits, false, true).unwrap(), other),
            (Err(error), _) | (_, Err(error)) => {
                return println!("skipped: io_uring refused: {error}");
            }
        };
        let (mut hub, waker) = (Hub::new(limits, Vec::new()).unwrap(), Waker::new().unwrap());
        waker.set_ring(other.ring.fd());
        assert!(waker.park());
        one.wake(&waker);
        one.poll(&mut hub, Wait::Now).unwrap();
        let patience = std::time::Duration::from_secs(30);
        other.ring.enter(Sleep::For(patience), 1, 0).unwrap();
        let completion = other.ring.next_completion().expect("the message");
        assert_eq!(completion.token, Token::Message);
        assert!(waker.unpark());
    }

    #[test]
    fn more_requests_than_the_queue_holds_all_complete() {
        let Ok(mut ring) = Ring::new() else {
            return println!("skipped: io_uring refused");
        };
        let count = 3 * crate::limits::COMPLETIONS_MAX as usize;
        (0..count).for_each(|_| ring.nothing());
        let mut completed = 0;
        while completed < count {
            ring.enter(Sleep::Forever, 1, 0).unwrap();
            while ring.next_completion().is_some() {
                completed += 1;
            }
        }
        assert_eq!(ring.outstanding(), 0);
        assert!(!ring.has_work());
    }
}
