//! The listening sockets of a driver, and what happens when descriptors run out.
//!
//! A waiting connection that cannot be accepted for want of a descriptor would make the listener
//! ready for ever. So one descriptor is kept in reserve: it is given up to accept such
//! connections one by one, tell each why, and drop it; then accepting pauses.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;
use rustix::net::{SendFlags, SocketFlags, accept_with, send};
use rustix::time::Timespec;

use crate::limits::{LISTENERS_MAX, SHED_PER_TURN_MAX};
use crate::sockets::set_nonblocking;

/// One listening socket.
pub(crate) struct Listener {
    pub(crate) socket: OwnedFd,
    /// The server's number for it.
    pub(crate) number: u16,
    /// The kernel has been asked to accept.
    pub(crate) armed: bool,
    /// To be dropped when the kernel lets go of it.
    pub(crate) stopping: bool,
}

/// All listening sockets, by slot; a slot is emptied, never reused.
pub(crate) struct Listeners {
    slots: Vec<Option<Listener>>,
    reserve: Option<OwnedFd>,
    shed_answer: Vec<u8>,
}

impl Listeners {
    pub(crate) fn new(shed_answer: Vec<u8>) -> Listeners {
        Listeners { slots: Vec::new(), reserve: spare(), shed_answer }
    }

    pub(crate) fn insert(&mut self, socket: OwnedFd, number: u16) -> io::Result<usize> {
        if self.slots.len() >= LISTENERS_MAX {
            return Err(io::Error::other(format!("at most {LISTENERS_MAX} listening sockets")));
        }
        self.slots.push(Some(Listener { socket, number, armed: false, stopping: false }));
        Ok(self.slots.len() - 1)
    }

    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut Listener> {
        self.slots.get_mut(slot)?.as_mut()
    }

    pub(crate) fn remove(&mut self, slot: usize) {
        self.slots[slot] = None;
    }

    pub(crate) fn slots(&self) -> std::ops::Range<usize> {
        0..self.slots.len()
    }

    /// Drops waiting connections that there is no descriptor for, each with an answer.
    pub(crate) fn shed(&mut self, slot: usize) {
        for _ in 0..SHED_PER_TURN_MAX {
            self.reserve = None;
            let dropped = self.shed_one(slot);
            self.reserve = spare();
            if !dropped {
                return;
            }
        }
    }

    fn shed_one(&self, slot: usize) -> bool {
        let Some(Some(listener)) = self.slots.get(slot) else {
            return false;
        };
        if !has_waiting(&listener.socket) {
            return false;
        }
        // The peer may leave between the look and the accept, which must not wait then.
        let Ok(before) = set_nonblocking(&listener.socket, true) else {
            return false;
        };
        let accepted = accept_with(&listener.socket, SocketFlags::CLOEXEC);
        let _ = set_nonblocking(&listener.socket, before);
        let Ok(socket) = accepted else {
            return false;
        };
        // The peer may be gone or its buffer full; it is dropped either way.
        let _ = send(&socket, &self.shed_answer, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
        true
    }
}

fn has_waiting(listener: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(listener, PollFlags::IN)];
    matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1))
}

fn spare() -> Option<OwnedFd> {
    eventfd(0, EventfdFlags::CLOEXEC).ok()
}

/// Whether an accept failed because of one connection only, so that accepting goes on at once.
pub(crate) fn is_transient(error: Errno) -> bool {
    matches!(error, Errno::CONNABORTED | Errno::INTR | Errno::AGAIN | Errno::PROTO | Errno::PERM)
}

/// Whether descriptors ran out.
pub(crate) fn is_out_of_descriptors(error: Errno) -> bool {
    matches!(error, Errno::MFILE | Errno::NFILE)
}
