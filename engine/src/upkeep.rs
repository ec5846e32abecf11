//! Upkeep: what is done a little every turn, and flushing.
//!
//! Invariant: every step of `maintain` is bounded by `STEP_ITEMS_MAX` and `STEP_BYTES_MAX`.
//! Cost: nothing when nothing is due; live items are never searched for expired ones.

use crate::change::Mutation;
use crate::config::Limits;
use crate::effect::Effects;
use crate::engine::Engine;
use crate::limits::{COMPACT_SEGMENTS_MIN, DATABASES_MAX, STEP_BYTES_MAX};
use crate::policy::Policy;
use crate::refused::StartError;
use crate::stats::Progress;

/// Dead bytes are taken back when they are more than this part of what is in use.
const DEAD_SHARE_MAX: u64 = 10;
/// A segment is compacted when at least this part of it is dead.
const COMPACT_SHARE: usize = 16;
/// Items evicted in one step after the item limit was lowered.
const ITEM_STEP: usize = 8;

impl<E: Effects> Engine<E> {
    /// Does up to `steps_max` bounded steps of what is due: expiry, draining, freeing, tidying,
    /// cleaning.
    pub fn maintain(&mut self, now_ms: u64, steps_max: usize) -> Progress {
        self.keeper.advance(now_ms);
        self.check_largest(now_ms);
        self.cleaner.stopped = false;
        let mut more = true;
        for _ in 0..steps_max {
            more = self.maintain_step(now_ms);
            self.keep_within(now_ms);
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
        if self.tidy_step() || (self.is_short() && self.reclaim_step(now_ms)) {
            return true;
        }
        if self.is_beyond() && self.reclaim_last() {
            return true;
        }
        self.item_step(now_ms)
            || self.compact_step(now_ms)
            || self.sweep_step()
            || self.ghost_step()
            || self.age_step()
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

    /// Takes dead memory back when more than a tenth of all is dead.
    fn compact_step(&mut self, now_ms: u64) -> bool {
        if self.cleaner.victim.is_some() {
            return self.clean_step(STEP_BYTES_MAX, now_ms);
        }
        let (dead, segment_len) =
            (self.segments.totals().dead_bytes(), self.segments.segment_len());
        let worthwhile = COMPACT_SEGMENTS_MIN * segment_len as u64;
        let wasteful =
            dead * DEAD_SHARE_MAX > self.segments.totals().charged_bytes() && dead >= worthwhile;
        wasteful && self.choose_deadest(segment_len / COMPACT_SHARE)
    }

    /// Gives the ghost's memory back when nothing is to be remembered.
    fn ghost_step(&mut self) -> bool {
        let wanted = self.keeper.policy() == Policy::S3Fifo && self.index.items() > 0;
        !wanted && self.keeper.ghost.forget_step()
    }

    /// Empties a database, or all. Logically at once; `maintain` gives the memory back.
    pub fn flush(&mut self, db: Option<u8>, now_ms: u64) {
        let dbs = db.map_or(0..DATABASES_MAX as u8, |db| db..db + 1);
        for db in dbs {
            self.change(Mutation::FlushAll { db }, None, now_ms);
        }
    }

    /// Changes the limits. A lower memory limit is approached step by step by `maintain` and by
    /// every write that needs room; until then no more is held than now and a small reserve.
    ///
    /// # Errors
    /// When they are impossible, or beyond the reserved address space.
    pub fn set_limits(&mut self, limits: Limits) -> Result<(), StartError> {
        limits.check()?;
        let (memory_bytes, max) = (limits.memory_bytes_max, self.address_space_bytes);
        if memory_bytes > max {
            return Err(StartError::BeyondAddresses { memory_bytes, max });
        }
        self.limits = limits;
        self.check_codecs();
        let held = self.accounted_bytes();
        let ceiling = self.ceiling;
        self.ceiling = limits.memory_bytes_max;
        if held > self.ceiling {
            self.ceiling = (held + self.reserve_bytes()).min(ceiling);
        }
        Ok(())
    }
}
