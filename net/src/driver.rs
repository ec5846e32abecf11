//! One core's event loop behind one interface: io_uring, or epoll where io_uring is refused.
//!
//! Owns everything a shard has in the kernel. Invariant: both drivers report the same events for
//! the same happenings, so the server cannot tell them apart but by `kind`. Cost: appending output
//! is an index and a generation check; `poll` enters the kernel once, or not at all when there is
//! neither anything to submit nor anything to fetch and it must not wait.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use crate::connections::ConnId;
use crate::event::Event;
use crate::files::OpId;
use crate::limits::Limits;
use crate::output::SharedBytes;
use crate::waker::Waker;

/// Which driver to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriverChoice {
    /// io_uring when the host allows it, else epoll.
    #[default]
    Auto,
    /// io_uring or an error.
    IoUring,
    /// epoll.
    Epoll,
}

/// Which driver is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverKind {
    /// One io_uring.
    IoUring,
    /// One epoll instance.
    Epoll,
}

impl DriverKind {
    /// The name operators use: `io_uring` or `epoll`.
    pub fn name(self) -> &'static str {
        match self {
            DriverKind::IoUring => "io_uring",
            DriverKind::Epoll => "epoll",
        }
    }
}

/// Whether a busy io_uring driver waits a moment to take more completions at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batching {
    /// Never waits longer than for the first completion.
    Off,
    /// When recent turns took many completions each, waits at most 50 µs for half as many again.
    /// A few connections never see it.
    #[default]
    Adaptive,
}

/// How to build a driver.
#[derive(Clone, Debug, Default)]
pub struct DriverConfig {
    /// Which driver.
    pub choice: DriverChoice,
    /// Bounds.
    pub limits: Limits,
    /// Batching of completions.
    pub batching: Batching,
    /// What a connection is told that is dropped because no descriptors are left.
    pub shed_answer: Vec<u8>,
}

/// How long `poll` may wait for something to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    Now,
    /// Until an instant of `mono_ns`, or for ever.
    Until(Option<u64>),
}

/// Where to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// IPv4 or IPv6.
    Tcp(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

/// Why there is no driver.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// io_uring was asked for and the host refuses it.
    #[error("{0}")]
    IoUringRefused(String),
    /// The host refuses epoll, eventfd or the memory for receive blocks.
    #[error("the event loop could not be set up: {0}")]
    Setup(#[from] io::Error),
}

/// One core's event loop.
pub struct Driver {
    never: std::convert::Infallible,
}

impl Driver {
    /// Builds the driver; call it on the thread that will use it.
    pub fn new(_config: DriverConfig) -> Result<Driver, DriverError> {
        Err(DriverError::IoUringRefused("not built".into()))
    }

    /// Which driver this is.
    pub fn kind(&self) -> DriverKind {
        match self.never {}
    }

    /// Why `Auto` did not choose io_uring, naming the system calls to allow.
    pub fn fallback_reason(&self) -> Option<&str> {
        match self.never {}
    }

    /// Accepts connections from a listening socket, reported under the number `listener`.
    pub fn listen(&mut self, _socket: OwnedFd, _listener: u16) -> io::Result<()> {
        match self.never {}
    }

    /// Stops accepting and closes all listening sockets.
    pub fn stop_listening(&mut self) {
        match self.never {}
    }

    /// Takes over an accepted socket: sets its options and starts receiving.
    pub fn adopt(&mut self, _socket: OwnedFd) -> io::Result<ConnId> {
        match self.never {}
    }

    /// Starts an outbound connection; `Connected` or `ConnectFailed` follows. Output may be
    /// appended at once and is sent when connected. Errors: too many connections or descriptors.
    pub fn connect(&mut self, _to: &Address) -> io::Result<ConnId> {
        match self.never {}
    }

    /// Sends what was queued, waits as told, and collects what happened.
    pub fn poll(&mut self, _wait: Wait) -> io::Result<()> {
        match self.never {}
    }

    /// Takes the next thing that happened. Take all of them before the next `poll`.
    pub fn next_event(&mut self) -> Option<Event> {
        match self.never {}
    }

    /// Puts an event at the end of the queue, for what is learned elsewhere (`LogDurable`).
    pub fn inject(&mut self, _event: Event) {
        match self.never {}
    }

    /// The buffer to append reply bytes to; sent at the next `poll`. `None` when the connection
    /// is closing or gone.
    #[inline]
    pub fn output(&mut self, _conn: ConnId) -> Option<&mut Vec<u8>> {
        match self.never {}
    }

    /// Queues bytes by reference, in order with `output`; false when the connection is gone.
    pub fn send_shared(&mut self, _conn: ConnId, _bytes: SharedBytes) -> bool {
        match self.never {}
    }

    /// Bytes queued by copy that the kernel has not taken; 0 for a dead id.
    #[inline]
    pub fn unsent_bytes(&self, _conn: ConnId) -> usize {
        match self.never {}
    }

    /// Bytes queued by reference that the kernel has not taken; 0 for a dead id.
    pub fn unsent_shared_bytes(&self, _conn: ConnId) -> usize {
        match self.never {}
    }

    /// Bytes the kernel has taken in the connection's life: does it make progress?
    pub fn sent_total(&self, _conn: ConnId) -> u64 {
        match self.never {}
    }

    /// Asks for one `Event::Sent` when the backlog is at or below the low-water mark.
    pub fn notify_when_sent(&mut self, _conn: ConnId) {
        match self.never {}
    }

    /// Stops receiving; bytes already received still come as events.
    pub fn pause(&mut self, _conn: ConnId) {
        match self.never {}
    }

    /// Receives again.
    pub fn resume(&mut self, _conn: ConnId) {
        match self.never {}
    }

    /// Closes after queued output was taken by the kernel, or after `Limits::linger_ms`.
    pub fn close(&mut self, _conn: ConnId) {
        match self.never {}
    }

    /// Closes at once; queued output is dropped and the peer sees a reset.
    pub fn abort(&mut self, _conn: ConnId) {
        match self.never {}
    }

    /// Gives back the memory of an idle connection's empty output buffers.
    pub fn trim(&mut self, _conn: ConnId) {
        match self.never {}
    }

    /// Sets a one-shot timer at an instant of `mono_ns`.
    pub fn set_timer(&mut self, _at_mono_ns: u64, _token: u64) {
        match self.never {}
    }

    /// A handle that wakes this driver from any thread.
    pub fn waker(&self) -> Waker {
        match self.never {}
    }

    /// Wakes another driver, with this turn's kernel entry when both are io_uring.
    pub fn wake(&mut self, _target: &Waker) {
        match self.never {}
    }

    /// Writes `buffer` at `offset`; durable when done with `dsync`.
    pub fn write_file(
        &mut self,
        _file: &Arc<OwnedFd>,
        _offset: u64,
        _buffer: Vec<u8>,
        _dsync: bool,
    ) -> OpId {
        match self.never {}
    }

    /// Makes a file's data durable.
    pub fn fsync_file(&mut self, _file: &Arc<OwnedFd>) -> OpId {
        match self.never {}
    }

    /// Reads into `buffer` (its length counts) from `offset`.
    pub fn read_file(&mut self, _file: &Arc<OwnedFd>, _offset: u64, _buffer: Vec<u8>) -> OpId {
        match self.never {}
    }

    /// Live connections, closing ones included.
    pub fn connections(&self) -> usize {
        match self.never {}
    }

    /// Memory of all output queues and of the receive blocks, as of the last `poll`.
    pub fn buffers_bytes(&self) -> usize {
        match self.never {}
    }
}
