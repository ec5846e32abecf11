//! Cleaning: a segment pays, its survivors are copied forward.
//!
//! Invariant: a step touches at most `STEP_ITEMS_MAX` records and copies `STEP_BYTES_MAX` and one
//! record more; after the last step the segment is free. Cost: what survives is copied once.

use crate::change::Mutation;
use crate::cleaner::{Cleaner, Rule};
use crate::effect::{Cause, Effects};
use crate::engine::Engine;
use crate::key::Place;
use crate::limits::{STEP_BYTES_MAX, STEP_ITEMS_MAX};
use crate::policy::Order;
use crate::segment::Stream;
use crate::stats::Work;
use crate::table::Address;

impl<E: Effects> Engine<E> {
    /// Scans up to `scan_bytes` of the victim. Returns whether there was a victim.
    pub(crate) fn clean_step(&mut self, scan_bytes: usize, now_ms: u64) -> bool {
        let Some(victim) = self.cleaner.victim else { return false };
        let (mut work, mut scanned) = (Work::default(), 0);
        // What was walked past is not charged any more: a copy takes its original's place in the
        // account, at once where all may go, since each will be dead here.
        let all_may_go = self.keeper.policy().spares_nothing();
        let within = |work: &Work| work.items < STEP_ITEMS_MAX && work.bytes < STEP_BYTES_MAX;
        while scanned < scan_bytes && within(&work) {
            let segment = *self.segments.segment(victim);
            if segment.live == 0 || self.cleaner.offset >= segment.used as usize {
                self.cleaner.victim = None;
                self.segments.finish_cleaning(victim);
                break;
            }
            let at = self.segments.address(victim, self.cleaner.offset);
            let shape = self.segments.record(at).shape();
            self.cleaner.offset += shape.len();
            scanned += shape.len();
            work.items += 1;
            if all_may_go {
                self.segments.set_front(victim, self.cleaner.offset);
            }
            if !shape.is_dead() {
                let Some(copied) = self.settle(at, shape.len(), now_ms) else {
                    self.cleaner.victim = None;
                    self.cleaner.stopped = true;
                    self.segments.stop_cleaning(victim);
                    break;
                };
                work.bytes += copied;
            }
            if !all_may_go {
                self.segments.set_front(victim, self.cleaner.offset);
            }
        }
        self.counters.longest_step.raise(work);
        true
    }

    /// Decides about one record of the victim. Returns the bytes copied; nothing if it may not go
    /// and there is no room for it elsewhere.
    fn settle(&mut self, at: Address, len: usize, now_ms: u64) -> Option<usize> {
        let record = self.segments.record(at);
        let place = self.place_at(at);
        if self.is_retired(place, at) {
            // Its database or slot was flushed; the drain has not come by yet.
            self.bury(at);
            return Some(0);
        }
        let (expired, may_go) = (record.is_expired(now_ms), self.keeper.may_go(record));
        let worth = self.keeper.worth(record);
        let stays = !expired && (!may_go || self.cleaner.keeps(worth));
        let own = self.stream_at(at);
        let stream = if stays { self.stream_for_survivor(own, worth, len) } else { None };
        let Some(stream) = stream else {
            if !expired && !may_go {
                return None;
            }
            let cause = if expired { Cause::Expired } else { Cause::Evicted };
            self.change(Mutation::Remove { place, at, cause }, None, now_ms);
            return Some(0);
        };
        match self.keeper.policy().order() {
            Order::Recency => self.segments.stamp(stream, worth),
            Order::Writing => {
                let born = self.segments.segment(self.segments.place_of(at).0).born;
                self.segments.inherit(stream, born);
            }
            _ => {}
        }
        let to = self.copy_record(at, stream, len);
        self.index.replace(place, at, to);
        self.segments.kill(at);
        Some(len)
    }

    /// Whether nothing but a retired table points to the live record at `at`.
    #[inline]
    pub(crate) fn is_retired(&self, place: Place, at: Address) -> bool {
        debug_assert!(self.index.is_draining() || self.index.holds(place, at));
        self.index.is_draining() && !self.index.holds(place, at)
    }

    /// Copies a record behind the others of a stream that has room for it.
    pub(crate) fn copy_record(&mut self, at: Address, stream: Stream, len: usize) -> Address {
        let to = self.segments.append(stream, len);
        self.segments.copy(at, to, len);
        if let Some(number) = self.segments.record(to).large_number() {
            self.larges.moved(number, to);
        }
        self.counters.copied_bytes += len as u64;
        to
    }

    /// The sealed segment `number` pays by `rule`.
    pub(crate) fn start_cleaning(&mut self, number: u32, rule: Rule) -> bool {
        self.keeper.is_full = true;
        self.segments.start_cleaning(number);
        let (hand, offset) = (self.cleaner.hand, self.segments.segment(number).front as usize);
        self.cleaner = Cleaner { victim: Some(number), offset, rule, hand, stopped: false };
        true
    }
}
