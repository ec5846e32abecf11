//! Waking a driver from elsewhere without a lost wake-up and without needless system calls.
//!
//! ```text
//! RUNNING ──wake──► NOTIFIED (no system call: the driver looks before it sleeps)
//! RUNNING ──about to sleep──► PARKED ──wake──► NOTIFIED + eventfd write or ring message
//! ```
//!
//! Every change is one atomic swap, so of a sleeper and a waker one always sees the other: what
//! the waker wrote before `wake` is visible to the driver when it reports `Event::Mailbox`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use rustix::event::{EventfdFlags, eventfd};

const RUNNING: u32 = 0;
const NOTIFIED: u32 = 1;
const PARKED: u32 = 2;

/// Wakes one driver; clone it for every thread that writes to that driver's mailbox.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Target>);

#[derive(Debug)]
struct Target {
    state: AtomicU32,
    eventfd: OwnedFd,
    /// The driver's ring, -1 when it has none or is gone.
    ring: AtomicI32,
}

impl Waker {
    pub(crate) fn new() -> std::io::Result<Waker> {
        let eventfd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (state, ring) = (AtomicU32::new(RUNNING), AtomicI32::new(-1));
        Ok(Waker(Arc::new(Target { state, eventfd, ring })))
    }

    /// Makes the driver report `Event::Mailbox`, from any thread. Costs one atomic swap while the
    /// driver runs, one write to an eventfd when it sleeps.
    pub fn wake(&self) {
        if self.notify() {
            self.signal();
        }
    }

    /// Marks the driver notified; true when it sleeps and must be signalled too.
    pub(crate) fn notify(&self) -> bool {
        self.0.state.swap(NOTIFIED, Ordering::AcqRel) == PARKED
    }

    /// Writes the eventfd: makes a sleeping driver return from the kernel.
    pub(crate) fn signal(&self) {
        // A full counter (EAGAIN) is a signal that is still pending.
        let _ = rustix::io::write(&self.0.eventfd, &1_u64.to_ne_bytes());
    }

    /// Empties the eventfd.
    pub(crate) fn drain(&self) {
        let mut count = [0_u8; 8];
        let _ = rustix::io::read(&self.0.eventfd, &mut count);
    }

    /// About to sleep: false when somebody has already notified, so sleeping would be wrong.
    pub(crate) fn park(&self) -> bool {
        let state = &self.0.state;
        state.compare_exchange(RUNNING, PARKED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Awake again: true when somebody notified since the last call.
    pub(crate) fn unpark(&self) -> bool {
        let state = &self.0.state;
        state.load(Ordering::Relaxed) != RUNNING
            && state.swap(RUNNING, Ordering::AcqRel) == NOTIFIED
    }

    pub(crate) fn eventfd(&self) -> BorrowedFd<'_> {
        self.0.eventfd.as_fd()
    }

    pub(crate) fn set_ring(&self, ring: RawFd) {
        self.0.ring.store(ring, Ordering::Release);
    }

    /// The driver's ring, to message it.
    pub(crate) fn ring(&self) -> Option<RawFd> {
        let ring = self.0.ring.load(Ordering::Acquire);
        (ring >= 0).then_some(ring)
    }

    pub(crate) fn same_target(&self, other: &Waker) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_before_the_park_prevents_it() {
        let waker = Waker::new().unwrap();
        assert!(!waker.notify(), "running: no signal needed");
        assert!(!waker.park());
        assert!(waker.unpark());
        assert!(!waker.unpark(), "reported once");
        assert!(waker.park());
        assert!(waker.notify(), "parked: must be signalled");
        assert!(!waker.notify(), "already on its way");
        assert!(waker.unpark());
    }
}
