//! What happened: the closed list of events both drivers report, in the order they saw it.
//!
//! Events name what happened, never how a driver learned it. Life of a connection: `adopt` or
//! `Connected`, any number of `Received` and `Sent`, at most one `PeerClosed`, and exactly one
//! `Closed` after the server called `close` or `abort`. `ConnectFailed` ends a connection too.
//! An id is reused only after its last event was taken.

use std::io;
use std::os::fd::OwnedFd;

use crate::buffers::Chunk;
use crate::connections::ConnId;
use crate::files::OpId;

/// One thing that happened to a driver.
#[derive(Debug)]
pub enum Event {
    /// A peer connected to `listener`; any driver may adopt the socket.
    Accepted {
        /// The number given to `listen`.
        listener: u16,
        /// The new connection's socket.
        socket: OwnedFd,
    },
    /// Accepting failed; the driver goes on by itself after a pause.
    AcceptFailed {
        /// The number given to `listen`.
        listener: u16,
        /// Why, for instance EMFILE: no descriptors left.
        error: io::Error,
    },
    /// An outbound connection is ready.
    Connected {
        /// The connection.
        conn: ConnId,
    },
    /// An outbound connection could not be made; its id is dead.
    ConnectFailed {
        /// The connection that never was.
        conn: ConnId,
        /// Why.
        error: io::Error,
    },
    /// Bytes arrived.
    Received {
        /// The connection.
        conn: ConnId,
        /// At least one byte, in stream order.
        bytes: Chunk,
    },
    /// A backlog has fallen to `Limits::output_low_water_bytes`, after it had been above it or
    /// after `notify_when_sent`.
    Sent {
        /// The connection.
        conn: ConnId,
    },
    /// The peer sends no more. The server answers what it wants and calls `close` or `abort`.
    PeerClosed {
        /// The connection.
        conn: ConnId,
        /// How it ended.
        reason: CloseReason,
    },
    /// The connection is gone after `close` or `abort`; its id is dead.
    Closed {
        /// The connection.
        conn: ConnId,
    },
    /// A timer set with `set_timer` is due.
    Timer {
        /// The number given to `set_timer`.
        token: u64,
    },
    /// Somebody called `wake`.
    Mailbox,
    /// A file operation succeeded.
    FileDone {
        /// The operation.
        op: OpId,
        /// The buffer handed in; empty for fsync.
        buffer: Vec<u8>,
        /// Bytes written or read; may be fewer than asked for.
        bytes: usize,
    },
    /// A file operation failed.
    FileFailed {
        /// The operation.
        op: OpId,
        /// The buffer handed in.
        buffer: Vec<u8>,
        /// Why.
        error: io::Error,
    },
    /// The log is durable up to a position; whoever keeps the log injects it.
    LogDurable {
        /// The last durable position.
        lsn: u64,
    },
}

/// How a peer ended its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// An orderly end of stream; output may still reach the peer.
    End,
    /// Reset, timed out or otherwise broken: the error number. Output is lost.
    Failed(i32),
}
