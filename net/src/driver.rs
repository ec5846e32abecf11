//! One core's event loop behind one interface: io_uring, or epoll where io_uring is refused.
//!
//! Owns everything a shard has in the kernel. Invariant: both drivers report the same events for
//! the same happenings, so the server cannot tell them apart but by `kind`. Cost: appending output
//! is an index and a generation check; `poll` enters the kernel once, or not at all when there is
//! neither anything to submit nor anything to fetch and it must not wait.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use socket2::SockAddr;

use crate::config::{
    Address, Batching, BlockUse, DriverChoice, DriverConfig, DriverError, DriverKind,
};
use crate::connections::ConnId;
use crate::epoll::EpollDriver;
use crate::event::Event;
use crate::files::{FileAction, FileOperation, OpId};
use crate::hub::{Hub, Wait};
use crate::output::SharedBytes;
use crate::timers::Due;
use crate::uring::UringDriver;
use crate::waker::Waker;

/// The three system calls a host must allow for io_uring.
const SYSTEM_CALLS: &str = "io_uring_setup, io_uring_enter and io_uring_register";

enum Backend {
    Uring(Box<UringDriver>),
    Epoll(Box<EpollDriver>),
}

/// One core's event loop.
pub struct Driver {
    hub: Hub,
    backend: Backend,
    fallback_reason: Option<String>,
}

impl Driver {
    /// Builds the driver; call it on the thread that will use it.
    pub fn new(config: DriverConfig) -> Result<Driver, DriverError> {
        let hub = Hub::new(config.limits, config.shed_answer)?;
        let batching = config.batching == Batching::Adaptive;
        let incremental = config.block_use == BlockUse::Incremental;
        let mut fallback_reason = None;
        if config.choice != DriverChoice::Epoll {
            match UringDriver::new(&hub.limits, batching, incremental) {
                Ok(mut uring) => {
                    uring.attach(&hub.waker);
                    let backend = Backend::Uring(Box::new(uring));
                    return Ok(Driver { hub, backend, fallback_reason });
                }
                Err(error) => fallback_reason = Some(refusal(&error)),
            }
        }
        if config.choice == DriverChoice::IoUring {
            return Err(DriverError::IoUringRefused(fallback_reason.unwrap_or_default()));
        }
        let epoll = EpollDriver::new(&hub)?;
        Ok(Driver { hub, backend: Backend::Epoll(Box::new(epoll)), fallback_reason })
    }

    /// Which driver this is.
    pub fn kind(&self) -> DriverKind {
        match self.backend {
            Backend::Uring(_) => DriverKind::IoUring,
            Backend::Epoll(_) => DriverKind::Epoll,
        }
    }

    /// Why `Auto` did not choose io_uring, naming the system calls to allow.
    pub fn fallback_reason(&self) -> Option<&str> {
        self.fallback_reason.as_deref()
    }

    /// Accepts connections from a listening socket, reported under the number `listener`.
    pub fn listen(&mut self, socket: OwnedFd, listener: u16) -> io::Result<()> {
        match &mut self.backend {
            Backend::Uring(uring) => uring.listen(&mut self.hub, socket, listener),
            Backend::Epoll(epoll) => epoll.listen(&mut self.hub, socket, listener),
        }
    }

    /// Stops accepting and closes all listening sockets. Connections the kernel had accepted by
    /// then are still reported. A Unix socket's file stays; it is the caller's to remove.
    pub fn stop_listening(&mut self) {
        match &mut self.backend {
            Backend::Uring(uring) => uring.stop_listening(&mut self.hub),
            Backend::Epoll(epoll) => epoll.stop_listening(&mut self.hub),
        }
    }

    /// Takes over an accepted socket: sets its options and starts receiving. Errors: too many
    /// connections, or a socket that refuses; the socket is closed then.
    pub fn adopt(&mut self, socket: OwnedFd) -> io::Result<ConnId> {
        match &mut self.backend {
            Backend::Uring(uring) => uring.adopt(&mut self.hub, socket),
            Backend::Epoll(epoll) => epoll.adopt(&mut self.hub, socket),
        }
    }

    /// Starts an outbound connection; `Connected` or `ConnectFailed` follows. Output may be
    /// appended at once and is sent when connected. Errors: too many connections or descriptors.
    pub fn connect(&mut self, to: &Address) -> io::Result<ConnId> {
        let to = match to {
            Address::Tcp(address) => SockAddr::from(*address),
            Address::Unix(path) => SockAddr::unix(path)?,
        };
        match &mut self.backend {
            Backend::Uring(uring) => uring.connect(&mut self.hub, to),
            Backend::Epoll(epoll) => epoll.connect(&mut self.hub, to),
        }
    }

    /// Sends what was queued, waits as told, and collects what happened. Does not wait while
    /// events wait to be taken.
    pub fn poll(&mut self, wait: Wait) -> io::Result<()> {
        match &mut self.backend {
            Backend::Uring(uring) => uring.poll(&mut self.hub, wait),
            Backend::Epoll(epoll) => epoll.poll(&mut self.hub, wait),
        }
    }

    /// Takes the next thing that happened. Take all of them before the next `poll`.
    #[inline]
    pub fn next_event(&mut self) -> Option<Event> {
        let event = self.hub.events.pop_front()?;
        if let Event::Closed { conn } | Event::ConnectFailed { conn, .. } = event {
            self.hub.connections.release(conn);
        }
        Some(event)
    }

    /// Puts an event at the end of the queue, for what is learned elsewhere (`LogDurable`). Not
    /// for `Closed` and `ConnectFailed`, which only the driver can know.
    pub fn inject(&mut self, event: Event) {
        assert!(!matches!(event, Event::Closed { .. } | Event::ConnectFailed { .. }));
        self.hub.events.push_back(event);
    }

    /// The buffer to append reply bytes to; sent at the next `poll`. `None` when the connection
    /// is closing or gone.
    #[inline]
    pub fn output(&mut self, conn: ConnId) -> Option<&mut Vec<u8>> {
        self.hub.writable(conn).map(|connection| &mut connection.output.queued)
    }

    /// Keeps what is queued for a connection from being sent for a moment, because more will soon
    /// follow it: until `release`, `close`, or `OUTPUT_HOLD_US_MAX` after the first call.
    pub fn hold(&mut self, conn: ConnId) {
        self.hub.hold(conn);
    }

    /// Ends `hold`: the next poll sends what is queued.
    pub fn release(&mut self, conn: ConnId) {
        self.hub.release(conn);
    }

    /// Queues bytes by reference, in order with `output`; false when the connection is gone.
    pub fn send_shared(&mut self, conn: ConnId, bytes: SharedBytes) -> bool {
        let connection = self.hub.writable(conn);
        connection.map(|connection| connection.output.push_shared(bytes)).is_some()
    }

    /// Bytes queued by copy that the kernel has not taken; 0 for a dead id.
    #[inline]
    pub fn unsent_bytes(&self, conn: ConnId) -> usize {
        self.hub.connections.get(conn).map_or(0, |c| c.output.unsent_copied_bytes())
    }

    /// Bytes queued by reference that the kernel has not taken; 0 for a dead id.
    pub fn unsent_shared_bytes(&self, conn: ConnId) -> usize {
        let output = self.hub.connections.get(conn).map(|c| &c.output);
        output.map_or(0, |output| output.unsent_bytes() - output.unsent_copied_bytes())
    }

    /// Bytes the kernel has taken in the connection's life: does it make progress?
    pub fn sent_total(&self, conn: ConnId) -> u64 {
        self.hub.connections.get(conn).map_or(0, |c| c.output.sent_total())
    }

    /// Asks for one `Event::Sent` when the backlog is at or below the low-water mark.
    pub fn notify_when_sent(&mut self, conn: ConnId) {
        if let Some(connection) = self.hub.writable(conn) {
            connection.notify_sent = true;
        }
    }

    /// Stops receiving; bytes already received still come as events.
    pub fn pause(&mut self, conn: ConnId) {
        match &mut self.backend {
            Backend::Uring(uring) => uring.pause(&mut self.hub, conn),
            Backend::Epoll(epoll) => epoll.pause(&mut self.hub, conn),
        }
    }

    /// Whether a turn receives only as much as can be copied in one: while long requests are
    /// collected.
    pub fn receive_narrowly(&mut self, narrowly: bool) {
        match &mut self.backend {
            Backend::Uring(uring) => uring.receive_narrowly(narrowly),
            Backend::Epoll(epoll) => epoll.receive_narrowly(narrowly),
        }
    }

    /// Receives again.
    pub fn resume(&mut self, conn: ConnId) {
        match &mut self.backend {
            Backend::Uring(uring) => uring.resume(&mut self.hub, conn),
            Backend::Epoll(epoll) => epoll.resume(&mut self.hub, conn),
        }
    }

    /// Closes after queued output was taken by the kernel, or after `Limits::linger_ms`. Bytes
    /// that arrive from now on are dropped.
    pub fn close(&mut self, conn: ConnId) {
        if self.hub.begin_close(conn) {
            self.end(conn, false);
        }
    }

    /// Closes at once; queued output is dropped and the peer sees a reset.
    pub fn abort(&mut self, conn: ConnId) {
        self.end(conn, true);
    }

    fn end(&mut self, conn: ConnId, reset: bool) {
        match &mut self.backend {
            Backend::Uring(uring) => uring.end(&mut self.hub, conn, reset),
            Backend::Epoll(epoll) => epoll.end(&mut self.hub, conn, reset),
        }
    }

    /// Gives back the memory of an idle connection's empty output buffers.
    pub fn trim(&mut self, conn: ConnId) {
        if let Some(connection) = self.hub.connections.get_mut(conn) {
            connection.output.trim();
            self.hub.settle(conn);
        }
    }

    /// Sets a one-shot timer at an instant of `mono_ns`.
    pub fn set_timer(&mut self, at_mono_ns: u64, token: u64) {
        self.hub.timers.set(at_mono_ns, Due::Token(token));
    }

    /// A handle that wakes this driver from any thread.
    pub fn waker(&self) -> Waker {
        self.hub.waker.clone()
    }

    /// Wakes another driver, with this turn's kernel entry when both are io_uring.
    pub fn wake(&mut self, target: &Waker) {
        match &mut self.backend {
            Backend::Uring(uring) => uring.wake(target),
            Backend::Epoll(_) => target.wake(),
        }
    }

    /// Writes `buffer` at `offset`; durable when done with `dsync`.
    pub fn write_file(
        &mut self,
        file: &Arc<OwnedFd>,
        offset: u64,
        buffer: Vec<u8>,
        dsync: bool,
    ) -> OpId {
        self.file(file, buffer, FileAction::Write { offset, dsync })
    }

    /// Makes a file's data durable.
    pub fn fsync_file(&mut self, file: &Arc<OwnedFd>) -> OpId {
        self.file(file, Vec::new(), FileAction::Sync)
    }

    /// Reads into `buffer` (its length counts) from `offset`.
    pub fn read_file(&mut self, file: &Arc<OwnedFd>, offset: u64, buffer: Vec<u8>) -> OpId {
        self.file(file, buffer, FileAction::Read { offset })
    }

    fn file(&mut self, file: &Arc<OwnedFd>, buffer: Vec<u8>, action: FileAction) -> OpId {
        let op = self.hub.files.next_op();
        let operation = FileOperation { op, file: file.clone(), buffer, action };
        match &mut self.backend {
            Backend::Uring(uring) => uring.file(&mut self.hub, operation),
            Backend::Epoll(epoll) => epoll.file(&mut self.hub, operation),
        }
        op
    }

    /// Live connections, closing ones included.
    pub fn connections(&self) -> usize {
        self.hub.connections.len()
    }

    /// Memory of all output queues and of the receive blocks, as of the last `poll`.
    pub fn buffers_bytes(&self) -> usize {
        let receive = match &self.backend {
            Backend::Uring(uring) => uring.receive_bytes(),
            Backend::Epoll(epoll) => epoll.receive_bytes(),
        };
        self.hub.output_bytes + receive
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Backend::Uring(uring) = &mut self.backend
            && !uring.quiesce(&mut self.hub)
        {
            // The kernel may still read or write these: leaking them is the safe way out.
            self.hub.leak();
        }
    }
}

fn refusal(error: &io::Error) -> String {
    format!(
        "io_uring is refused ({error}): allow the system calls {SYSTEM_CALLS} \
         (a container's seccomp profile, or sysctl kernel.io_uring_disabled=0)"
    )
}
