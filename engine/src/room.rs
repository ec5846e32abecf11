//! Room: how the memory limit holds after every operation.
//!
//! Every write that appends pays for its room with a cleaning step in proportion, long before
//! the limit is reached. Invariant: after `reserve` succeeded, the operation it was asked for
//! stays within the limit. Cost: two comparisons while there is room.

use crate::cleaner::Rule;
use crate::collected::BESIDE_VALUE_BYTES_MAX;
use crate::effect::Effects;
use crate::engine::Engine;
use crate::large::pages;
use crate::limits::{CLEAN_PACE, RESERVE_SHARE, SEGMENT_SHARE, STEP_BYTES_MAX};
use crate::record::BESIDE_LEN_MAX;
use crate::refused::Refused;
use crate::segment::{State, Stream};
use crate::stats::Work;

/// Dead bytes at which segments are compacted where some items may not go, as a share of all.
const SPARING_DEAD_SHARE: u64 = 16;
/// What of a segment must be dead to be compacted before a single item is evicted,
const BEFORE_EVICTION_DEAD_SHARE: usize = 64;
/// and before a write is refused.
const BEFORE_REFUSAL_DEAD_SHARE: usize = 256;

impl<E: Effects> Engine<E> {
    /// Whether a change that only touches index and wheel stays within the limit.
    #[inline]
    pub(crate) fn has_margin(&self) -> bool {
        self.accounted_bytes() + self.index.footprint.growth_max <= self.ceiling
    }

    /// Removals may let tables shrink, which leaves holes among them for a while: what is accounted
    /// stays within the limit.
    #[inline]
    pub(crate) fn keep_within(&mut self, now_ms: u64) {
        while self.accounted_bytes() > self.ceiling && self.reclaim_step(now_ms) {}
    }

    /// [`Engine::reserve_here`] for those that have no need to be quick.
    #[inline(never)]
    pub(crate) fn reserve(
        &mut self,
        record_len: usize,
        large_len: u64,
        now_ms: u64,
    ) -> Result<(), Refused> {
        self.reserve_here(record_len, large_len, now_ms)
    }

    /// Makes room for a record of `record_len` bytes and `large_len` bytes beside it. Records may
    /// move and items may be evicted meanwhile.
    #[inline(always)]
    pub(crate) fn reserve_here(
        &mut self,
        record_len: usize,
        large_len: u64,
        now_ms: u64,
    ) -> Result<(), Refused> {
        let needed = record_len as u64 + large_len;
        if self.headroom() >= self.reserve_bytes() + needed {
            self.segments.lend(!self.keeps_order());
        } else {
            self.refuse_beyond(needed)?;
            self.make_way(record_len, large_len, self.kept_bytes(), now_ms)?;
        }
        if large_len > 0 {
            self.release_idle(large_len);
        }
        if self.segments.has_place(record_len) {
            return Ok(());
        }
        self.open_place(record_len, large_len, self.kept_bytes(), now_ms)
    }

    /// Whether more is held than a limit that was lowered.
    pub(crate) fn is_beyond(&self) -> bool {
        self.accounted_bytes() > self.limits.memory_bytes_max
    }

    /// While more is held than the limit and nothing may go, what is deleted lets the limit be
    /// reached, and writes wait for that.
    #[inline(never)]
    fn refuse_beyond(&self, needed: u64) -> Result<(), Refused> {
        let policy = self.keeper.policy();
        let stays = policy.spares_all() || policy.refuses() && self.index.deadlines() == 0;
        if stays && self.is_beyond() { Err(self.out_of_memory(needed)) } else { Ok(()) }
    }

    /// Makes room for a record of `record_len` bytes that gives an item a deadline. Where items
    /// without one are spared, that takes of what writes leave: it lets items go.
    pub(crate) fn reserve_for_deadline(
        &mut self,
        record_len: usize,
        now_ms: u64,
    ) -> Result<(), Refused> {
        let kept = self.kept_bytes().min(self.survivors_bytes());
        if self.headroom() < self.reserve_bytes() + record_len as u64 {
            self.make_way(record_len, 0, kept, now_ms)?;
        }
        if self.segments.has_place(record_len) {
            return Ok(());
        }
        self.open_place(record_len, 0, kept, now_ms)
    }

    /// Whether what is written goes behind all others: where items are counted queues are exact.
    #[inline]
    fn keeps_order(&self) -> bool {
        self.keeper.policy().walks_queues() && self.limits.items_max.is_some()
    }

    /// Opens a segment to write to. The addresses may be used up though memory is not.
    #[inline(never)]
    fn open_place(
        &mut self,
        record_len: usize,
        large_len: u64,
        kept: u64,
        now_ms: u64,
    ) -> Result<(), Refused> {
        if self.segments.open_next(Stream::Writes) {
            return Ok(());
        }
        self.make_way(record_len, large_len, kept, now_ms)?;
        match self.segments.has_place(record_len) || self.segments.open_next(Stream::Writes) {
            true => Ok(()),
            false => Err(self.out_of_memory(record_len as u64)),
        }
    }

    /// Makes room near the limit; `kept` bytes are left.
    #[inline(never)]
    fn make_way(
        &mut self,
        record_len: usize,
        large_len: u64,
        kept: u64,
        now_ms: u64,
    ) -> Result<(), Refused> {
        self.cleaner.stopped = false;
        self.clean(record_len * CLEAN_PACE, now_ms);
        // Where some items may not go, there may be no other place than those of dead ones.
        self.segments.lend(!self.keeper.policy().spares_nothing());
        if !self.fits(record_len, large_len, kept) {
            self.counters.stalls += 1;
            while !self.fits(record_len, large_len, kept) {
                if !self.reclaim_step(now_ms) && !self.reclaim_last() {
                    return Err(self.out_of_memory(record_len as u64 + large_len));
                }
            }
        }
        Ok(())
    }

    /// Makes room for a value of `value_len` bytes ahead of its write, in up to `steps_max` bounded
    /// steps. Returns whether that is done: there is room, or nothing is left to make it of, or no
    /// room is needed, and the write says which.
    pub fn make_room(&mut self, value_len: usize, now_ms: u64, steps_max: usize) -> bool {
        if value_len <= self.inline_len_max() || value_len > self.value_len_max() {
            return true;
        }
        let large_len = (pages(value_len) + BESIDE_VALUE_BYTES_MAX) as u64;
        self.cleaner.stopped = false;
        for _ in 0..steps_max {
            if self.fits_beside(large_len) || !(self.reclaim_step(now_ms) || self.reclaim_last()) {
                return true;
            }
        }
        self.fits_beside(large_len)
    }

    /// Makes room for bytes beside records and values. Returns whether there is.
    pub(crate) fn make_room_beside(&mut self, bytes: u64, now_ms: u64) -> bool {
        self.cleaner.stopped = false;
        while !self.fits_beside(bytes) {
            if !self.reclaim_step(now_ms) && !self.reclaim_last() {
                return false;
            }
        }
        self.release_idle(bytes);
        true
    }

    fn out_of_memory(&self, needed: u64) -> Refused {
        Refused::OutOfMemory { needed, limit: self.limits.memory_bytes_max }
    }

    /// Whether there is room for bytes beside records, and for a record of any length.
    fn fits_beside(&self, bytes: u64) -> bool {
        self.fits(self.segments.segment_len(), bytes, self.kept_bytes())
    }

    #[inline]
    fn fits(&self, record_len: usize, large_len: u64, kept: u64) -> bool {
        let mut growth = self.index.footprint.growth_max + kept + large_len;
        if !self.segments.has_hole(record_len) {
            growth += record_len as u64;
            if !self.segments.has_place(record_len) {
                let tail = self.segments.charge_of_opening(Stream::Writes);
                let Some(tail) = tail else { return false };
                growth += tail as u64;
            }
        }
        // A lowered limit that was reached holds for writes at once.
        let held = self.accounted_bytes();
        let limit = self.limits.memory_bytes_max;
        held + growth <= if held > limit { self.ceiling } else { limit }
    }

    /// Bytes that writes leave to the survivors of a cleaning: where some items may not go, all of
    /// a segment, else the end of one.
    fn kept_bytes(&self) -> u64 {
        let segment_len = self.segments.segment_len();
        let all = !self.keeper.policy().spares_nothing();
        if all { segment_len as u64 } else { (segment_len / SEGMENT_SHARE) as u64 }
    }

    /// Bytes that a cleaning may take for a moment: the longest record and the end of a segment.
    pub(crate) fn survivors_bytes(&self) -> u64 {
        let longest = 2 * self.segments.segment_len() / SEGMENT_SHARE + BESIDE_LEN_MAX;
        2 * longest as u64
    }

    /// Bytes up to the limit.
    #[inline]
    pub(crate) fn headroom(&self) -> u64 {
        self.limits.memory_bytes_max.saturating_sub(self.accounted_bytes())
    }

    /// Whether writes pay for cleaning.
    pub(crate) fn is_short(&self) -> bool {
        self.headroom() < self.reserve_bytes()
    }

    /// Room below which writes pay for cleaning: more than they leave to survivors.
    #[inline]
    pub(crate) fn reserve_bytes(&self) -> u64 {
        let segment_len = self.segments.segment_len();
        let whole = if self.keeper.policy().spares_nothing() { 0 } else { segment_len };
        (whole + segment_len / RESERVE_SHARE) as u64 + self.index.footprint.growth_max
    }

    /// One bounded step of what gives memory soonest, scanning `scan_bytes` if that is cleaning.
    fn clean(&mut self, scan_bytes: usize, now_ms: u64) {
        let scan_bytes = scan_bytes.min(STEP_BYTES_MAX);
        if self.larges.is_retiring() || self.index.is_draining() {
            self.reclaim_step(now_ms);
        } else if self.cleaner.victim.is_some() {
            self.clean_step(scan_bytes, now_ms);
        } else if !(self.keeper.policy().walks_queues() && self.pass_step(scan_bytes, now_ms)) {
            self.reclaim_step(now_ms);
        }
    }

    /// One bounded step towards less accounted memory. Returns whether anything is left to do.
    pub(crate) fn reclaim_step(&mut self, now_ms: u64) -> bool {
        if self.larges.is_retiring() {
            return self.free_large_step() > 0;
        }
        if self.index.is_draining() {
            self.drain_step();
            return true;
        }
        if self.tidy_step() || self.clean_step(STEP_BYTES_MAX, now_ms) {
            return true;
        }
        let policy = self.keeper.policy();
        if policy.walks_queues() {
            return self.pass_step(STEP_BYTES_MAX, now_ms) || self.seal_last();
        }
        if !policy.spares_nothing() {
            return self.reclaim_sparing(now_ms);
        }
        if self.is_small() {
            return self.reclaim_small(now_ms);
        }
        if self.larges.count() > 0 {
            let mut work = Work::default();
            let cutoff = self.cutoff(&mut work);
            self.counters.longest_step.raise(work);
            if self.evict_large(cutoff, now_ms) {
                return true;
            }
        }
        self.choose_victim() || self.evict_large(u64::MAX, now_ms) || self.seal_last()
    }

    /// Where some items may not go, what is dead comes first, then segments that are worth it,
    /// then single items.
    fn reclaim_sparing(&mut self, now_ms: u64) -> bool {
        let (segment_len, in_use) =
            (self.segments.segment_len(), self.segments.totals().charged_bytes());
        let dead_max = (2 * segment_len as u64).max(in_use / SPARING_DEAD_SHARE);
        if self.segments.totals().dead_bytes() > dead_max
            && self.choose_deadest(segment_len / SPARING_DEAD_SHARE as usize)
        {
            return true;
        }
        if self.keeper.policy().spares_all() || self.index.deadlines() == 0 {
            return false;
        }
        (!self.is_small() && self.choose_victim())
            || self.choose_deadest(segment_len / BEFORE_EVICTION_DEAD_SHARE)
            || self.evict_one(now_ms)
    }

    /// What is done before a write is refused for want of items that may go, or stays refused.
    pub(crate) fn reclaim_last(&mut self) -> bool {
        let dead_min = self.segments.segment_len() / BEFORE_REFUSAL_DEAD_SHARE;
        !self.keeper.policy().spares_nothing()
            && (self.choose_deadest(dead_min) || self.choose_unsealed(dead_min))
    }

    /// In a small store the least worthy item goes first and its segment is compacted afterwards.
    fn reclaim_small(&mut self, now_ms: u64) -> bool {
        let segment_len = self.segments.segment_len() as u64;
        if self.segments.totals().dead_bytes() > 2 * segment_len && self.choose_deadest(1) {
            return true;
        }
        self.evict_one(now_ms) || self.seal_last()
    }

    /// Nothing but open segments is left: one of them pays, whole.
    fn seal_last(&mut self) -> bool {
        let mut streams = Stream::ALL.into_iter().rev();
        let sealed = streams.find_map(|stream| self.segments.seal(stream));
        let Some(number) = sealed else { return false };
        if self.segments.segment(number).state == State::Sealed {
            self.start_cleaning(number, Rule::EvictUpTo(u64::MAX));
        }
        true
    }

    /// One bounded step through retired tables.
    pub(crate) fn drain_step(&mut self) {
        let (segments, larges) = (&mut self.segments, &mut self.larges);
        let tally = &mut self.packing.tally;
        let work = self.index.drain(|entry, serial| {
            let at = entry.address();
            let (number, _) = segments.place_of(at);
            // A segment opened later holds other records: these were buried by the cleaner.
            if segments.segment(number).serial > serial || segments.record(at).shape().is_dead() {
                return;
            }
            let record = segments.record(at);
            if record.shape().is_packed() {
                tally.remove(record);
            }
            if let Some(number) = record.large_number() {
                larges.retire(number);
            }
            segments.kill(at);
        });
        self.counters.longest_step.raise(work);
    }

    /// One bounded step of giving retired large values back. Returns the bytes.
    pub(crate) fn free_large_step(&mut self) -> usize {
        let bytes = self.larges.free_step();
        self.counters.longest_step.raise(Work { bytes, ..Work::default() });
        bytes
    }

    /// One bounded step of giving idle segments back. Returns the bytes.
    pub(crate) fn release_step(&mut self) -> usize {
        let bytes = self.segments.release_step();
        self.counters.longest_step.raise(Work { bytes, ..Work::default() });
        bytes
    }

    /// Gives idle segments back while a large value takes their place.
    fn release_idle(&mut self, large_len: u64) {
        let mut left = large_len as usize;
        while left > 0 && self.segments.is_releasing() {
            left = left.saturating_sub(self.release_step().max(1));
        }
    }
}
