//! One io_uring: its queues and the one system call that serves them.
//!
//! Split once for its whole life, because the registered descriptor is remembered by the half
//! that registered it. Invariant: requests that carry addresses come in through `unsafe`
//! functions whose callers keep the memory; all others carry descriptors and numbers only.
//! Cost: queueing writes 64 bytes; `enter` is one system call.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::time::Duration;

use io_uring::squeue::Flags;
use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{CompletionQueue, IoUring, Parameters, SubmissionQueue, Submitter, opcode, squeue};

use super::token::Token;
use crate::hub::Sleep;
use crate::limits::{COMPLETIONS_MAX, SUBMISSIONS_MAX};

/// `IORING_ENTER_GETEVENTS`: run what completed, with or without waiting.
const ENTER_GETEVENTS: u32 = 1 << 0;
/// `IORING_ENTER_EXT_ARG`: the argument is a timeout structure.
const ENTER_EXT_ARG: u32 = 1 << 3;

/// As good as for ever.
const LONG: Timespec = Timespec::new().sec(3600);

/// What the kernel says about one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion {
    pub(crate) token: Token,
    pub(crate) result: i32,
    pub(crate) flags: u32,
}

impl Completion {
    /// The request stays armed and will complete again.
    #[inline]
    pub(crate) fn more(&self) -> bool {
        io_uring::cqueue::more(self.flags)
    }
}

/// An io_uring of the thread that made it.
pub(crate) struct Ring {
    submitter: ManuallyDrop<Submitter<'static>>,
    sq: ManuallyDrop<SubmissionQueue<'static>>,
    cq: ManuallyDrop<CompletionQueue<'static>>,
    ring: NonNull<IoUring>,
    /// Requests the full submission queue had no room for.
    overflow: VecDeque<squeue::Entry>,
    /// Requests whose last completion has not come.
    outstanding: usize,
}

impl Ring {
    /// Sets up a ring with everything the driver relies on, or says what was refused.
    pub(crate) fn new() -> io::Result<Ring> {
        let ring = IoUring::builder()
            .setup_cqsize(COMPLETIONS_MAX)
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_coop_taskrun()
            .setup_taskrun_flag()
            .dontfork()
            .build(SUBMISSIONS_MAX)?;
        let parameters = ring.params();
        if !(parameters.is_feature_ext_arg()
            && parameters.is_feature_nodrop()
            && parameters.is_feature_submit_stable()
            && parameters.is_feature_skip_cqe_on_success())
        {
            return Err(io::Error::from_raw_os_error(libc::ENOSYS));
        }
        let ring = NonNull::from(Box::leak(Box::new(ring)));
        // SAFETY: the box is leaked, so it lives until `drop` takes it back, after the three
        // halves that borrow it are gone; nothing else refers to it mutably.
        let (submitter, sq, cq) = unsafe { &mut *ring.as_ptr() }.split();
        let (submitter, sq, cq) =
            (ManuallyDrop::new(submitter), ManuallyDrop::new(sq), ManuallyDrop::new(cq));
        let mut ring = Ring { submitter, sq, cq, ring, overflow: VecDeque::new(), outstanding: 0 };
        // Without it every entry looks the descriptor up; a refusal costs only that.
        let _ = ring.submitter.register_ring_fd();
        Ok(ring)
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.parent().as_raw_fd()
    }

    pub(crate) fn parameters(&self) -> &Parameters {
        self.parent().params()
    }

    pub(crate) fn submitter(&self) -> &Submitter<'static> {
        &self.submitter
    }

    fn parent(&self) -> &IoUring {
        // SAFETY: lives until `drop`; only shared references exist beside the split halves.
        unsafe { self.ring.as_ref() }
    }

    /// Requests the kernel has not finished with.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding
    }

    pub(crate) fn accept(&mut self, listener: RawFd, token: Token) {
        let entry = opcode::AcceptMulti::new(Fd(listener)).flags(libc::SOCK_CLOEXEC).build();
        self.queue(entry, token);
    }

    /// Receives into blocks of `group` until cancelled, ended, or out of blocks.
    pub(crate) fn receive(&mut self, socket: RawFd, group: u16, token: Token) {
        self.queue(opcode::RecvMulti::new(Fd(socket), group).build(), token);
    }

    pub(crate) fn watch_readable(&mut self, fd: RawFd, token: Token) {
        let entry = opcode::PollAdd::new(Fd(fd), libc::POLLIN as u32).multi(true).build();
        self.queue(entry, token);
    }

    pub(crate) fn cancel(&mut self, token: Token) {
        self.queue(opcode::AsyncCancel::new(token.pack()).build(), Token::Ignored);
    }

    /// Cancels every request on a descriptor.
    pub(crate) fn cancel_all_of(&mut self, fd: RawFd) {
        let entry = opcode::AsyncCancel2::new(CancelBuilder::fd(Fd(fd)).all()).build();
        self.queue(entry, Token::Ignored);
    }

    pub(crate) fn cancel_everything(&mut self) {
        self.queue(opcode::AsyncCancel2::new(CancelBuilder::any()).build(), Token::Ignored);
    }

    pub(crate) fn nothing(&mut self) {
        self.queue(opcode::Nop::new().build(), Token::Ignored);
    }

    pub(crate) fn sync_data(&mut self, file: RawFd, token: Token) {
        let flags = io_uring::types::FsyncFlags::DATASYNC;
        self.queue(opcode::Fsync::new(Fd(file)).flags(flags).build(), token);
    }

    /// Wakes another ring; completes here, as `failure`, only when that fails.
    pub(crate) fn message(&mut self, ring: RawFd, failure: Token) {
        let entry = opcode::MsgRingData::new(Fd(ring), 0, Token::Message.pack(), None).build();
        let entry = entry.flags(Flags::SKIP_SUCCESS).user_data(failure.pack());
        self.push(entry);
    }

    fn queue(&mut self, entry: squeue::Entry, token: Token) {
        self.outstanding += 1;
        self.push(entry.user_data(token.pack()));
    }

    /// Queues a request that names memory.
    ///
    /// # Safety
    /// Headers it points to (message, slices, addresses) must stay until `is_drained`; bytes to
    /// send, write or fill must stay until its completion was taken.
    pub(crate) unsafe fn queue_with_memory(&mut self, entry: squeue::Entry, token: Token) {
        self.queue(entry, token);
    }

    fn push(&mut self, entry: squeue::Entry) {
        if self.sq.is_full() {
            self.sq.sync();
            if self.sq.is_full() {
                let _ = self.submitter.submit();
                self.sq.sync();
            }
        }
        // SAFETY: private; requests with memory come through `queue_with_memory`, whose callers
        // answer for it.
        if !self.overflow.is_empty() || unsafe { self.sq.push(&entry) }.is_err() {
            self.overflow.push_back(entry);
        }
    }

    /// Moves what had no room into the queue, as far as it goes.
    fn push_overflow(&mut self) {
        while let Some(entry) = self.overflow.front() {
            // SAFETY: see `push`; the entry's memory is kept until its completion.
            if unsafe { self.sq.push(entry) }.is_err() {
                return;
            }
            self.overflow.pop_front();
        }
    }

    /// Whether the kernel has consumed every queued request.
    pub(crate) fn is_drained(&self) -> bool {
        self.overflow.is_empty() && self.sq.is_empty()
    }

    /// Whether an entry would do anything: requests to submit, or completions to fetch.
    pub(crate) fn has_work(&mut self) -> bool {
        self.sq.sync();
        !self.is_drained() || self.sq.taskrun() || self.sq.cq_overflow()
    }

    /// The one system call: submits everything and sleeps as told until `want` completions wait.
    /// With a `batch_us` above 0 it returns after that time with fewer, once there is one.
    pub(crate) fn enter(&mut self, sleep: Sleep, want: u32, batch_us: u32) -> io::Result<()> {
        self.sq.sync();
        self.push_overflow();
        self.sq.sync();
        let timeout;
        let mut args = SubmitArgs::new();
        let want = match sleep {
            Sleep::Not => 0,
            Sleep::Forever if batch_us == 0 => want,
            // Without a timeout the kernel would end the whole wait when the batch's time is up.
            Sleep::Forever => {
                args = args.timespec(&LONG);
                want
            }
            Sleep::For(duration) => {
                timeout = timespec(duration);
                args = args.timespec(&timeout);
                want
            }
        };
        if batch_us > 0 {
            args = args.min_wait_usec(batch_us);
        }
        let (submit, flags) = (self.sq.len() as u32, ENTER_GETEVENTS | ENTER_EXT_ARG);
        // SAFETY: the argument is the structure EXT_ARG names and lives for the call; what the
        // submitted requests point to is kept by whoever queued them.
        let entered = unsafe { self.submitter.enter(submit, want, flags, Some(&args)) };
        self.sq.sync();
        match entered {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // A timeout, a signal, or completions to take first.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Takes the next completion that has been fetched.
    #[inline]
    pub(crate) fn next_completion(&mut self) -> Option<Completion> {
        let entry = match self.cq.next() {
            Some(entry) => entry,
            None => {
                self.cq.sync();
                self.cq.next()?
            }
        };
        let (result, flags) = (entry.result(), entry.flags());
        let completion = Completion { token: Token::unpack(entry.user_data()), result, flags };
        if !matches!(completion.token, Token::Message | Token::Wake(_)) && !completion.more() {
            self.outstanding -= 1;
        }
        Some(completion)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: each half is dropped once, before the ring they borrow, and not used again;
        // the ring came from a leaked box and is taken back once.
        unsafe {
            ManuallyDrop::drop(&mut self.cq);
            ManuallyDrop::drop(&mut self.sq);
            ManuallyDrop::drop(&mut self.submitter);
            drop(Box::from_raw(self.ring.as_ptr()));
        }
    }
}

/// The socket an accept answered with.
pub(crate) fn accepted_socket(result: i32) -> OwnedFd {
    assert!(result >= 0);
    // SAFETY: the kernel made this descriptor for us a moment ago and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(result) }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec::new().sec(duration.as_secs()).nsec(duration.subsec_nanos())
}
