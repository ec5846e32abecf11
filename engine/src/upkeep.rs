//! Upkeep: what is done a little every turn, and flushing.
//!
//! Invariant: every step of `maintain` is bounded by `STEP_ITEMS_MAX` and `STEP_BYTES_MAX`.
//! Cost: nothing when nothing is due; live items are never searched for expired ones.

use crate::change::Mutation;
use crate::config::Limits;
use crate::effect::{Cause, Effects};
use crate::engine::Engine;
use crate::limits::{DATABASES_MAX, STEP_BYTES_MAX, STEP_ITEMS_MAX, WHEEL_STALE_MAX};
use crate::refused::StartError;
use crate::stats::{Progress, Work};
use crate::table::Address;
use crate::wheel::Watch;

/// Entries handled in one expiry step: each may mean an item in several databases.
const EXPIRY_STEP_ENTRIES: usize = STEP_ITEMS_MAX / 2;
/// Items evicted in one step after the item limit was lowered.
const ITEM_STEP: usize = 8;

impl<E: Effects> Engine<E> {
    /// Does up to `steps_max` bounded steps of what is due: expiry, draining, freeing, cleaning.
    pub fn maintain(&mut self, now_ms: u64, steps_max: usize) -> Progress {
        let mut more = true;
        for _ in 0..steps_max {
            more = self.maintain_step(now_ms);
            if !more {
                break;
            }
        }
        Progress { more, next_due_ms: self.wheel.next_due_ms() }
    }

    fn maintain_step(&mut self, now_ms: u64) -> bool {
        if self.expire_step(now_ms) {
            return true;
        }
        self.settle_ceiling();
        if self.index.is_draining() {
            self.drain_step();
            return true;
        }
        if (self.larges.is_retiring() || self.larges.is_pinned()) && self.free_large_step() > 0 {
            return true;
        }
        if self.segments.is_releasing() && self.release_step() > 0 {
            return true;
        }
        if self.headroom() < self.reserve_bytes() && self.reclaim_step(now_ms) {
            return true;
        }
        self.item_step(now_ms) || self.compact_step(now_ms) || self.sweep_step() || self.age_step()
    }

    /// Removes items whose deadline passed. Returns whether there was anything to look at.
    fn expire_step(&mut self, now_ms: u64) -> bool {
        let mut looked = Vec::new();
        let handled = self.wheel.step(now_ms, EXPIRY_STEP_ENTRIES, |watch| looked.push(watch));
        let mut work = Work { entries: handled, ..Work::default() };
        for watch in looked {
            while let Some((at, expired)) = self.watched(watch, now_ms) {
                work.items += 1;
                if expired {
                    let cause = Cause::Expired;
                    let place = self.place_at(at);
                    self.change(Mutation::Remove { place, at, cause }, None, now_ms);
                    continue;
                }
                if let Some(deadline_ms) = self.segments.record(at).deadline_ms() {
                    self.wheel.push(watch, deadline_ms.get(), now_ms);
                }
                break;
            }
        }
        self.counters.longest_step.raise(work);
        handled > 0
    }

    /// An item that a wheel entry means: an expired one first, and whether it is.
    fn watched(&self, watch: Watch, now_ms: u64) -> Option<(Address, bool)> {
        let mut waiting = None;
        for db in 0..DATABASES_MAX as u8 {
            let Some(node) = self.index.node(db, watch.slot) else { continue };
            let expired = node.find(watch.fragment, |at| {
                let record = self.segments.record(at);
                let meant = record.watched().is_some_and(|it| it.mark == watch.tag);
                if meant && !record.is_expired(now_ms) {
                    waiting = Some((at, false));
                }
                meant && record.is_expired(now_ms)
            });
            if let Some(at) = expired {
                return Some((at, true));
            }
        }
        waiting
    }

    /// Once less is held than a lowered limit allowed, that much less is allowed.
    fn settle_ceiling(&mut self) {
        let limit = self.limits.memory_bytes_max;
        if self.ceiling > limit {
            let slack = self.reserve_bytes();
            self.ceiling = limit.max(self.ceiling.min(self.accounted_bytes() + slack));
        }
    }

    /// Evicts items beyond a lowered item limit.
    fn item_step(&mut self, now_ms: u64) -> bool {
        let Some(items_max) = self.limits.items_max else { return false };
        let before = self.index.items();
        for _ in 0..ITEM_STEP {
            if self.index.items() <= items_max || !self.evict_one(now_ms) {
                break;
            }
        }
        self.index.items() < before
    }

    /// Takes dead memory back when half of a segment is dead and a quarter of all.
    fn compact_step(&mut self, now_ms: u64) -> bool {
        if self.cleaner.victim.is_some() {
            return self.clean_step(STEP_BYTES_MAX, now_ms);
        }
        let wasteful = self.segments.dead_bytes() * 4 > self.segments.in_use_bytes();
        wasteful && self.choose_deadest(self.segments.segment_len() / 2)
    }

    /// Drops stale wheel entries when they outnumber those in use.
    fn sweep_step(&mut self) -> bool {
        if self.wheel.entries() <= 2 * self.index.deadlines() + WHEEL_STALE_MAX {
            return false;
        }
        let (index, segments) = (&self.index, &self.segments);
        let entries = self.wheel.sweep(STEP_ITEMS_MAX, |watch| {
            (0..DATABASES_MAX as u8).any(|db| {
                let node = index.node(db, watch.slot);
                let meant =
                    |at| segments.record(at).watched().is_some_and(|it| it.mark == watch.tag);
                node.is_some_and(|node| node.find(watch.fragment, meant).is_some())
            })
        });
        self.counters.longest_step.raise(Work { items: entries, entries, ..Work::default() });
        true
    }

    /// Empties a database, or all. Logically at once; `maintain` gives the memory back.
    pub fn flush(&mut self, db: Option<u8>, now_ms: u64) {
        let dbs = db.map_or(0..DATABASES_MAX as u8, |db| db..db + 1);
        for db in dbs {
            self.change(Mutation::FlushAll { db }, None, now_ms);
        }
    }

    /// Changes the limits. A lower memory limit is approached step by step by `maintain` and by
    /// every write; until then no more is held than now and a small reserve.
    ///
    /// # Errors
    /// When they are impossible, or beyond the reserved address space.
    pub fn set_limits(&mut self, limits: Limits) -> Result<(), StartError> {
        limits.check()?;
        let address_space_bytes = self.segments.address_space_bytes();
        if limits.memory_bytes_max > address_space_bytes {
            return Err(StartError::AddressSpace {
                address_space_bytes,
                max: crate::limits::ADDRESS_SPACE_BYTES_MAX,
            });
        }
        self.limits = limits;
        let held = self.accounted_bytes();
        self.ceiling = limits.memory_bytes_max;
        if held > self.ceiling {
            self.ceiling = held + self.reserve_bytes();
        }
        Ok(())
    }
}
