//! Builds a scattered command: which piece runs on which shard, and how the parts combine.

use std::collections::BTreeMap;

use crate::shard::gather::{Member, Scattered};
use crate::shard::holds::SlotSet;
use crate::shard::parcel::{Batch, Caller, Request, Ticket};
use crate::shard::plan::{Combine, Step};
use crate::shard::transaction_id::TransactionId;

/// One shard's share while it is being planned.
#[derive(Debug, Default)]
struct Share {
    slots: Vec<u16>,
    all: bool,
    batch: Batch,
}

/// A scattered command in the making.
#[derive(Debug)]
pub(super) struct Planner {
    id: TransactionId,
    shares: BTreeMap<u16, Share>,
    steps: Vec<Step>,
    part_count: u32,
}

impl Planner {
    /// A plan without steps, for the transaction `id`.
    pub(super) fn new(id: TransactionId) -> Self {
        Self { id, shares: BTreeMap::new(), steps: Vec::new(), part_count: 0 }
    }

    /// The transaction's name.
    pub(super) fn id(&self) -> TransactionId {
        self.id
    }

    /// Adds a slot to what is held.
    pub(super) fn touch(&mut self, shard: u16, slot: u16) {
        self.shares.entry(shard).or_default().slots.push(slot);
    }

    /// Holds everything of a shard.
    pub(super) fn touch_all(&mut self, shard: u16) {
        self.shares.entry(shard).or_default().all = true;
    }

    /// Adds a piece on one slot.
    pub(super) fn piece<'a>(
        &mut self,
        shard: u16,
        slot: u16,
        caller: Caller,
        args: impl Iterator<Item = &'a [u8]>,
    ) {
        self.touch(shard, slot);
        self.add(shard, slot, caller, args);
    }

    /// Adds a piece whose slots are touched already, or that needs none.
    pub(super) fn piece_on<'a>(
        &mut self,
        shard: u16,
        caller: Caller,
        args: impl Iterator<Item = &'a [u8]>,
    ) {
        self.add(shard, 0, caller, args);
    }

    fn add<'a>(
        &mut self,
        shard: u16,
        slot: u16,
        caller: Caller,
        args: impl Iterator<Item = &'a [u8]>,
    ) {
        let batch = &mut self.shares.entry(shard).or_default().batch;
        let args = batch.args.push(args);
        let ticket = Ticket::Part { transaction: self.id, part: self.part_count };
        batch.requests.push(Request { ticket, caller, slot, args });
        self.part_count += 1;
    }

    /// Adds a step of the replies of the last `count` pieces.
    pub(super) fn step_of_last(&mut self, count: u32, combine: Combine) {
        self.steps.push(Step::Parts { first: self.part_count - count, count, combine });
    }

    /// Adds a step whose reply is known.
    pub(super) fn step(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The plan, its shards ascending and their slots ascending and distinct.
    pub(super) fn finish(self) -> Scattered {
        let members = self.shares.into_iter().map(|(shard, share)| {
            let mut slots = share.slots;
            slots.sort_unstable();
            slots.dedup();
            let slots = if share.all { SlotSet::All } else { SlotSet::Many(slots) };
            Member { shard, slots, batch: share.batch }
        });
        Scattered {
            steps: self.steps,
            part_count: self.part_count,
            members: members.collect(),
            array: false,
            loose: false,
            watcher: None,
            begins_to_watch: None,
            second_round: None,
        }
    }
}
