//! Expiry: what becomes of items that wheel entries mean.
//!
//! Invariant: an item with a deadline has an entry with its mark that comes due no later than the
//! deadline's tick: whoever sets a mark has pushed the entry, and whoever is handed one looks at
//! all items it may mean. Cost: a lookup in the index an entry, a step handles
//! `EXPIRY_STEP_ENTRIES`; live items are never searched for expired ones.

use crate::change::Mutation;
use crate::effect::{Cause, Effects};
use crate::engine::Engine;
use crate::index::Index;
use crate::key::Place;
use crate::limits::{DATABASES_MAX, STEP_ITEMS_MAX, WHEEL_STALE_MAX};
use crate::mapping::prefetch;
use crate::node::Node;
use crate::stats::Work;
use crate::table::Address;
use crate::wheel::{Mark, Watch};

/// Entries handled in one expiry step: each may mean several items.
const EXPIRY_STEP_ENTRIES: usize = STEP_ITEMS_MAX / 16;

impl<E: Effects> Engine<E> {
    /// Removes items whose deadline passed. Returns whether there was anything to look at.
    pub(crate) fn expire_step(&mut self, now_ms: u64) -> bool {
        let mut due = Vec::new();
        let look = |watch, mark| due.push((watch, mark));
        let handled = self.wheel.step(now_ms, EXPIRY_STEP_ENTRIES, look);
        // Buckets first, then records, so that the cache misses of many entries overlap.
        for (watch, _) in &due {
            for_each_node(&self.index, *watch, |_, node| {
                watch.fragments().for_each(|fragment| node.leaf(fragment).0.touch(fragment));
            });
        }
        let mut meant = Vec::with_capacity(due.len());
        for (watch, mark) in due {
            for_each_meant(&self.index, watch, |place, at| {
                self.segments.byte(at, 0).into_iter().for_each(prefetch);
                meant.push((place, at, mark));
            });
        }
        let work = Work { entries: handled, items: meant.len(), ..Work::default() };
        for (place, at, mark) in meant {
            self.look_at(place, at, mark, now_ms);
        }
        self.counters.longest_step.raise(work);
        handled > 0
    }

    /// Removes an item that is out of time; watches on if the entry was its newest.
    fn look_at(&mut self, place: Place, at: Address, mark: Mark, now_ms: u64) {
        let record = self.segments.record(at);
        // Another entry of this step may have meant it too.
        if record.shape().is_dead() {
            return;
        }
        let Some(watched) = record.watched() else { return };
        if watched.deadline_ms.get() <= now_ms {
            let cause = Cause::Expired;
            self.change(Mutation::Remove { place, at, cause }, None, now_ms);
        } else if watched.mark == mark {
            let mark = self.wheel.push(Watch::of(place), watched.deadline_ms.get(), now_ms);
            self.segments.set_mark(at, mark);
        }
    }

    /// Drops stale wheel entries when there are half as many as those in use. Returns whether it
    /// looked.
    pub(crate) fn sweep_step(&mut self) -> bool {
        let wanted = self.index.deadlines();
        if self.wheel.entries() <= wanted + wanted / 2 + WHEEL_STALE_MAX {
            return false;
        }
        let (index, segments) = (&self.index, &mut self.segments);
        let entries = self.wheel.sweep(STEP_ITEMS_MAX, |watch, old, new| {
            let mut kept = false;
            for_each_meant(index, watch, |_, at| {
                if segments.record(at).watched().is_some_and(|it| it.mark == old) {
                    segments.set_mark(at, new);
                    kept = true;
                }
            });
            kept
        });
        self.counters.longest_step.raise(Work { items: entries, entries, ..Work::default() });
        true
    }
}

/// Visits the items that a wheel entry may mean: those of its slot whose fragments begin alike.
fn for_each_meant(index: &Index, watch: Watch, mut visit: impl FnMut(Place, Address)) {
    for_each_node(index, watch, |db, node| {
        for fragment in watch.fragments() {
            let place = Place { slot: watch.slot, db, fragment };
            node.find(fragment, |at| {
                visit(place, at);
                false
            });
        }
    });
}

/// Visits the databases' trees of an entry's slot.
fn for_each_node(index: &Index, watch: Watch, mut visit: impl FnMut(u8, &Node)) {
    for db in 0..DATABASES_MAX as u8 {
        if let Some(node) = index.node(db, watch.slot) {
            visit(db, node);
        }
    }
}
