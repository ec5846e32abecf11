//! Holds: the slots that transactions keep to themselves on one shard.
//!
//! A transaction that spans shards holds its slots here from the moment it is let in until its last
//! piece has run. Everything that touches a held slot waits in one bounded FIFO; everything else
//! proceeds. Invariant: no two transactions hold the same slot, and of two waiters that want the
//! same slot the earlier goes first. Cost: nothing while no slot is held.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::limits::HOLD_WAITERS_MAX;
use crate::shard::transaction_id::TransactionId;

/// The slots that a command or a transaction touches on one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SlotSet {
    /// One slot: a command on one key.
    One(u16),
    /// Several slots, ascending and distinct.
    Many(Vec<u16>),
    /// Every slot of the shard: FLUSHALL, DBSIZE and KEYS inside a transaction.
    All,
}

/// Too many commands wait for held slots already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WaitersFull;

/// The holds of one shard, and the work that waits for them.
#[derive(Debug)]
pub(crate) struct Holds<W> {
    held: HashMap<u16, TransactionId>,
    all: Option<TransactionId>,
    waiters: VecDeque<(SlotSet, W)>,
    waiters_max: usize,
}

impl<W> Default for Holds<W> {
    fn default() -> Self {
        Self::with_waiters_max(HOLD_WAITERS_MAX)
    }
}

impl<W> Holds<W> {
    /// Holds whose queue takes `waiters_max` waiters.
    pub(crate) fn with_waiters_max(waiters_max: usize) -> Self {
        Self { held: HashMap::new(), all: None, waiters: VecDeque::new(), waiters_max }
    }

    /// Whether nothing is held and nobody waits: the state in which commands need no check.
    #[inline]
    pub(crate) fn idle(&self) -> bool {
        self.held.is_empty() && self.all.is_none() && self.waiters.is_empty()
    }

    /// Whether work on these slots may run now without overtaking anyone.
    pub(crate) fn admits(&self, slots: &SlotSet) -> bool {
        self.unheld(slots) && !self.waiters.iter().any(|(wanted, _)| overlap(wanted, slots))
    }

    /// Takes the slots for a transaction that [`Holds::admits`] or [`Holds::next_ready`] let in.
    pub(crate) fn take(&mut self, transaction: TransactionId, slots: &SlotSet) {
        assert!(self.unheld(slots), "a slot has one holder");
        match slots {
            SlotSet::One(slot) => drop(self.held.insert(*slot, transaction)),
            SlotSet::Many(slots) => self.held.extend(slots.iter().map(|slot| (*slot, transaction))),
            SlotSet::All => self.all = Some(transaction),
        }
    }

    /// Queues work until its slots are free.
    pub(crate) fn wait(&mut self, slots: SlotSet, work: W) -> Result<(), WaitersFull> {
        if self.waiters.len() >= self.waiters_max {
            return Err(WaitersFull);
        }
        self.waiters.push_back((slots, work));
        Ok(())
    }

    /// Gives back every slot of a transaction; a transaction that holds none is no error.
    pub(crate) fn release(&mut self, transaction: TransactionId) {
        self.held.retain(|_, holder| *holder != transaction);
        if self.all == Some(transaction) {
            self.all = None;
        }
    }

    /// Removes the waiters that `wanted` picks, wherever they stand: their client has gone.
    pub(crate) fn forget(&mut self, wanted: impl Fn(&W) -> bool) {
        self.waiters.retain(|(_, work)| !wanted(work));
    }

    /// The first waiter whose slots are free and wanted by nobody before it.
    pub(crate) fn next_ready(&mut self) -> Option<(SlotSet, W)> {
        let mut wanted_before = HashSet::new();
        for at in 0..self.waiters.len() {
            let slots = &self.waiters[at].0;
            let overtakes = match slots {
                SlotSet::One(slot) => wanted_before.contains(slot),
                SlotSet::Many(slots) => slots.iter().any(|slot| wanted_before.contains(slot)),
                SlotSet::All => at > 0,
            };
            if !overtakes && self.unheld(slots) {
                return self.waiters.remove(at);
            }
            match slots {
                SlotSet::One(slot) => drop(wanted_before.insert(*slot)),
                SlotSet::Many(slots) => wanted_before.extend(slots),
                SlotSet::All => return None,
            }
        }
        None
    }

    /// How many waiters are queued.
    pub(crate) fn waiting(&self) -> usize {
        self.waiters.len()
    }

    fn unheld(&self, slots: &SlotSet) -> bool {
        self.all.is_none()
            && match slots {
                SlotSet::One(slot) => !self.held.contains_key(slot),
                SlotSet::Many(slots) => !slots.iter().any(|slot| self.held.contains_key(slot)),
                SlotSet::All => self.held.is_empty(),
            }
    }
}

fn overlap(left: &SlotSet, right: &SlotSet) -> bool {
    match (left, right) {
        (SlotSet::All, _) | (_, SlotSet::All) => true,
        (SlotSet::One(left), SlotSet::One(right)) => left == right,
        (SlotSet::One(slot), SlotSet::Many(slots)) | (SlotSet::Many(slots), SlotSet::One(slot)) => {
            slots.binary_search(slot).is_ok()
        }
        (SlotSet::Many(left), SlotSet::Many(right)) => {
            left.iter().any(|slot| right.binary_search(slot).is_ok())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(serial: u32) -> TransactionId {
        TransactionId { shard: 0, place: 0, serial }
    }

    #[test]
    fn a_held_slot_makes_others_wait_in_order() {
        let mut holds = Holds::default();
        holds.take(id(1), &SlotSet::Many(vec![3, 9]));
        assert!(!holds.admits(&SlotSet::One(9)) && holds.admits(&SlotSet::One(4)));
        holds.wait(SlotSet::Many(vec![4, 9]), "first").unwrap();
        holds.wait(SlotSet::One(4), "second").unwrap();
        assert!(!holds.admits(&SlotSet::One(4)), "the first waiter wants slot 4 before");
        assert_eq!(holds.next_ready(), None);
        holds.release(id(1));
        assert_eq!(holds.next_ready().map(|(_, work)| work), Some("first"));
        assert_eq!(holds.next_ready().map(|(_, work)| work), Some("second"));
        assert!(holds.idle());
    }

    #[test]
    fn all_slots_wait_for_every_holder_and_keep_everyone_out() {
        let mut holds = Holds::default();
        holds.take(id(1), &SlotSet::One(1));
        holds.wait(SlotSet::All, "all").unwrap();
        assert!(!holds.admits(&SlotSet::One(2)), "nobody overtakes a waiter for everything");
        holds.release(id(1));
        let (slots, _) = holds.next_ready().unwrap();
        holds.take(id(2), &slots);
        assert!(!holds.admits(&SlotSet::One(2)));
        holds.release(id(2));
        assert!(holds.idle());
    }

    #[test]
    fn the_queue_is_bounded_and_forgets_the_dead() {
        let mut holds = Holds::with_waiters_max(2);
        holds.take(id(1), &SlotSet::One(1));
        holds.wait(SlotSet::One(1), 10).unwrap();
        holds.wait(SlotSet::One(1), 11).unwrap();
        assert_eq!(holds.wait(SlotSet::One(1), 12), Err(WaitersFull));
        holds.forget(|work| *work == 10);
        assert_eq!(holds.waiting(), 1);
    }
}
