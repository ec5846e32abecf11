//! Requests that carry memory: sends, connects, file reads and writes.
//!
//! Invariant: the memory is owned by a connection's output queue or a file operation, neither of
//! which frees or moves it before the request's completion; headers the kernel copies at
//! submission are kept here until then.

#![allow(unsafe_code)]

use std::os::fd::RawFd;
use std::ptr;

use io_uring::opcode;
use io_uring::types::Fd;
use socket2::SockAddr;

use super::ring::Ring;
use super::token::Token;
use crate::connections::{ConnId, Connection};
use crate::files::{FileAction, FileOperation};
use crate::limits::{FILE_OPERATION_BYTES_MAX, SEND_PIECES_MAX};
use crate::output::Staged;

/// What a send does when the socket takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Completes at once with EAGAIN, so its completion can be counted on within the entry.
    None,
    /// Completes when the socket has taken something.
    UntilWritable,
}

/// The header of a vectored send. Boxed: it points into itself.
struct Message {
    header: libc::msghdr,
    slices: [libc::iovec; SEND_PIECES_MAX],
}

/// Headers the kernel has not copied yet.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "the kernel holds their addresses while the lists grow")]
pub(crate) struct Headers {
    messages: Vec<Box<Message>>,
    addresses: Vec<Box<SockAddr>>,
}

impl Headers {
    /// Lets go of everything; only when the ring is drained.
    pub(crate) fn clear(&mut self) {
        self.messages.clear();
        self.addresses.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.addresses.is_empty()
    }

    /// Queues a send of at most `bytes_max` of what the connection has staged. Returns the bytes,
    /// 0 when there is nothing.
    pub(crate) fn send(
        &mut self,
        ring: &mut Ring,
        conn: ConnId,
        of: &mut Connection,
        patience: Patience,
        bytes_max: usize,
    ) -> usize {
        let Some(socket) = raw(of) else { return 0 };
        let token = Token::Send(conn);
        let flags = match patience {
            Patience::None => libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
            Patience::UntilWritable => libc::MSG_NOSIGNAL,
        };
        let staged_len;
        let entry = match of.output.stage(bytes_max) {
            Staged::Nothing => return 0,
            Staged::Bytes(bytes) => {
                staged_len = bytes.len();
                let len = staged_len as u32;
                opcode::Send::new(Fd(socket), bytes.as_ptr(), len).flags(flags).build()
            }
            Staged::Pieces(pieces) => {
                staged_len = pieces.slices().map(<[u8]>::len).sum();
                let message = self.message(pieces.slices());
                opcode::SendMsg::new(Fd(socket), message).flags(flags as u32).build()
            }
        };
        // SAFETY: staged bytes stay as they are until `advance`, which the completion calls; a
        // connection's output is discarded only with no request left. The message header is kept
        // until the ring is drained.
        unsafe { ring.queue_with_memory(entry, token) };
        of.sending = true;
        of.requests += 1;
        staged_len
    }

    fn message<'a>(&mut self, slices: impl Iterator<Item = &'a [u8]>) -> *const libc::msghdr {
        let none = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        // SAFETY: all zeroes is an empty message header.
        let header: libc::msghdr = unsafe { std::mem::zeroed() };
        let mut message = Box::new(Message { header, slices: [none; SEND_PIECES_MAX] });
        for (slot, slice) in message.slices.iter_mut().zip(slices) {
            slot.iov_base = slice.as_ptr().cast_mut().cast();
            slot.iov_len = slice.len();
            message.header.msg_iovlen += 1;
        }
        message.header.msg_iov = message.slices.as_mut_ptr();
        let header: *const libc::msghdr = &message.header;
        self.messages.push(message);
        header
    }

    /// Queues a connect.
    pub(crate) fn connect(&mut self, ring: &mut Ring, token: Token, fd: RawFd, to: SockAddr) {
        let to = Box::new(to);
        let entry = opcode::Connect::new(Fd(fd), to.as_ptr().cast(), to.len()).build();
        self.addresses.push(to);
        // SAFETY: the kernel copies the address at submission; it is kept until the ring is
        // drained.
        unsafe { ring.queue_with_memory(entry, token) };
    }
}

/// Queues a file operation; `slot` names where it is kept.
pub(crate) fn submit_file(ring: &mut Ring, slot: u32, operation: &mut FileOperation) {
    use std::os::fd::AsRawFd;
    let file = Fd(operation.file.as_raw_fd());
    let token = Token::File(slot);
    let buffer = &mut operation.buffer;
    let len = buffer.len().min(FILE_OPERATION_BYTES_MAX) as u32;
    let entry = match operation.action {
        FileAction::Sync => return ring.sync_data(file.0, token),
        FileAction::Write { offset, dsync } => {
            let flags = if dsync { libc::RWF_DSYNC } else { 0 };
            opcode::Write::new(file, buffer.as_ptr(), len).offset(offset).rw_flags(flags).build()
        }
        FileAction::Read { offset } => {
            opcode::Read::new(file, buffer.as_mut_ptr(), len).offset(offset).build()
        }
    };
    // SAFETY: the operation keeps buffer and descriptor, untouched, until its completion.
    unsafe { ring.queue_with_memory(entry, token) };
}

/// The connection's descriptor.
pub(crate) fn raw(connection: &Connection) -> Option<RawFd> {
    use std::os::fd::AsRawFd;
    connection.socket.as_ref().map(AsRawFd::as_raw_fd)
}
