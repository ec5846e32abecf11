//! The mailboxes between shards: one bounded queue a pair, parcels in it.
//!
//! Invariant: a parcel that does not fit stays with its sender, so nothing is lost and nothing
//! grows. Cost: one compare-and-swap a parcel; a sender wakes a sleeping receiver afterwards.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;
use velodrome_net::Waker;

use crate::limits::PARCELS_PER_PAIR_MAX;
use crate::shard::parcel::Parcel;

/// All mailboxes of a node.
pub(crate) struct Mailboxes {
    count: usize,
    /// `queues[to * count + from]`, so that a receiver walks through neighbours.
    queues: Vec<CachePadded<ArrayQueue<Parcel>>>,
    wakers: Vec<OnceLock<Waker>>,
    stopping: AtomicBool,
}

impl Mailboxes {
    /// Mailboxes of `count` shards.
    pub(crate) fn new(count: usize) -> Self {
        let queue = || CachePadded::new(ArrayQueue::new(PARCELS_PER_PAIR_MAX));
        Self {
            count,
            queues: (0..count * count).map(|_| queue()).collect(),
            wakers: (0..count).map(|_| OnceLock::new()).collect(),
            stopping: AtomicBool::new(false),
        }
    }

    /// How a shard is woken; known once its driver stands.
    pub(crate) fn set_waker(&self, shard: u16, waker: Waker) {
        let set = self.wakers[usize::from(shard)].set(waker);
        assert!(set.is_ok(), "a shard has one driver");
    }

    /// The waker of a shard, if its driver stands already.
    pub(crate) fn waker(&self, shard: u16) -> Option<&Waker> {
        self.wakers[usize::from(shard)].get()
    }

    /// Puts a parcel into a mailbox, or gives it back when the mailbox is full.
    pub(crate) fn post(&self, from: u16, to: u16, parcel: Parcel) -> Result<(), Box<Parcel>> {
        self.queue(from, to).push(parcel).map_err(Box::new)
    }

    /// The next parcel that `from` put there for `to`.
    pub(crate) fn take(&self, from: u16, to: u16) -> Option<Parcel> {
        self.queue(from, to).pop()
    }

    /// Whether anything lies in the mailboxes of a shard.
    pub(crate) fn any(&self, to: u16) -> bool {
        let first = usize::from(to) * self.count;
        self.queues[first..first + self.count].iter().any(|queue| !queue.is_empty())
    }

    /// Tells every shard to drain and stop.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wakers.iter().filter_map(OnceLock::get).for_each(Waker::wake);
    }

    /// Whether the node is to stop.
    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn queue(&self, from: u16, to: u16) -> &ArrayQueue<Parcel> {
        &self.queues[usize::from(to) * self.count + usize::from(from)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_mailbox_gives_the_parcel_back() {
        let mailboxes = Mailboxes::new(2);
        for _ in 0..PARCELS_PER_PAIR_MAX {
            mailboxes.post(0, 1, Parcel::default()).unwrap();
        }
        assert!(mailboxes.post(0, 1, Parcel::default()).is_err());
        assert!(mailboxes.any(1) && !mailboxes.any(0));
        assert!(mailboxes.take(0, 1).is_some() && mailboxes.take(1, 0).is_none());
        mailboxes.post(0, 1, Parcel::default()).unwrap();
    }
}
