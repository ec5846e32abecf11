//! Cleaning: a segment pays, its survivors are copied forward.
//!
//! Invariant: a step touches at most `STEP_ITEMS_MAX` records and copies `STEP_BYTES_MAX` and one
//! record more; after the last step the segment is free. Cost: what survives is copied once; a
//! segment is chosen among a few hundred by its account and a handful by samples.

use rand::Rng;

use crate::change::Mutation;
use crate::cleaner::Rule;
use crate::effect::{Cause, Effects};
use crate::engine::Engine;
use crate::limits::{
    CUTOFF_SAMPLES, STEP_BYTES_MAX, STEP_ITEMS_MAX, VICTIM_CANDIDATES_MAX, VICTIM_SAMPLES_MAX,
    VICTIM_SHORTLIST_MAX,
};
use crate::lru::{Lru, Prospect};
use crate::segments::{State, Stream};
use crate::stats::Work;
use crate::table::Address;

/// Dead bytes at which a segment is compacted rather than another evicted, as a share of it.
const COMPACT_SHARE: usize = 4;
/// Neighbouring entries taken from one table when ages are sampled.
const SAMPLE_RUN: usize = 8;

/// What a look over the accounts of some segments found.
#[derive(Debug, Default)]
struct Survey {
    /// The segment with most dead bytes, and how many.
    deadest: Option<(u32, usize)>,
    /// Those opened first, oldest first.
    oldest: Vec<(u64, u32)>,
    /// Any others.
    others: Vec<u32>,
}

impl<E: Effects> Engine<E> {
    /// Scans up to `scan_bytes` of the victim. Returns whether there was a victim.
    pub(crate) fn clean_step(&mut self, scan_bytes: usize, now_ms: u64) -> bool {
        let Some(victim) = self.cleaner.victim else { return false };
        let (mut work, mut scanned) = (Work::default(), 0);
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
            if !shape.is_dead() {
                work.bytes += self.settle(at, shape.len(), now_ms);
            }
        }
        self.counters.longest_step.raise(work);
        true
    }

    /// Decides about one record of the victim. Returns the bytes copied.
    fn settle(&mut self, at: Address, len: usize, now_ms: u64) -> usize {
        let record = self.segments.record(at);
        let place = self.place_at(at);
        if !self.index.holds(place, at) {
            // Its database or slot was flushed; the drain has not come by yet.
            self.bury(at);
            return 0;
        }
        let expired = record.is_expired(now_ms);
        let keep = !expired && self.cleaner.keeps(self.lru.age(record.shape().access()));
        let stream = if keep { self.stream_for_survivor(len) } else { None };
        let Some(stream) = stream else {
            let cause = if expired { Cause::Expired } else { Cause::Evicted };
            self.change(Mutation::Remove { place, at, cause }, None, now_ms);
            return 0;
        };
        let to = self.segments.append(stream, len);
        self.segments.copy(at, to, len);
        if let Some(number) = self.segments.record(to).large_number() {
            self.larges.moved(number, to);
        }
        self.index.replace(place, at, to);
        self.segments.kill(at);
        self.counters.copied_bytes += len as u64;
        len
    }

    /// Where a survivor goes: among its like, else wherever there is room.
    fn stream_for_survivor(&mut self, len: usize) -> Option<Stream> {
        if self.segments.has_room(Stream::Survivors, len) {
            return Some(Stream::Survivors);
        }
        let after = self.accounted_bytes() + self.segments.segment_len() as u64;
        if after <= self.ceiling && self.segments.open_next(Stream::Survivors) {
            return Some(Stream::Survivors);
        }
        self.segments.has_room(Stream::Writes, len).then_some(Stream::Writes)
    }

    /// Chooses the segment that pays next: one that is dead enough, else one with old items.
    /// Returns whether there is one.
    pub(crate) fn choose_victim(&mut self) -> bool {
        let survey = self.survey();
        let Some((deadest, dead)) = survey.deadest else { return false };
        if dead * COMPACT_SHARE >= self.segments.segment_len() {
            return self.start_cleaning(deadest, Rule::KeepAll);
        }
        let mut work = Work::default();
        let cutoff = self.cutoff(&mut work);
        let mut shortlist: Vec<u32> = survey.oldest.iter().map(|(_, number)| *number).collect();
        shortlist.extend(survey.others);
        shortlist.push(deadest);
        shortlist.truncate(VICTIM_SHORTLIST_MAX);
        let mut prospects: Vec<_> =
            shortlist.into_iter().map(|number| self.prospect(number, &mut work)).collect();
        self.counters.longest_step.raise(work);
        let Some((number, cutoff)) = Lru::choose(&mut prospects, cutoff) else { return false };
        self.start_cleaning(number, Rule::KeepYoungerThan(cutoff))
    }

    /// Compacts the segment with most dead bytes, if it has at least `dead_min`.
    pub(crate) fn choose_deadest(&mut self, dead_min: usize) -> bool {
        match self.survey().deadest {
            Some((number, dead)) if dead >= dead_min => self.start_cleaning(number, Rule::KeepAll),
            _ => false,
        }
    }

    /// The sealed segment `number` pays by `rule`.
    pub(crate) fn start_cleaning(&mut self, number: u32, rule: Rule) -> bool {
        self.segments.start_cleaning(number);
        let hand = self.cleaner.hand;
        self.cleaner = crate::cleaner::Cleaner { victim: Some(number), offset: 0, rule, hand };
        true
    }

    /// Looks over the accounts of the next few hundred sealed segments.
    fn survey(&mut self) -> Survey {
        let (count, hand) = (self.segments.count(), self.cleaner.hand);
        let mut survey = Survey::default();
        for step in 0..count {
            let number = ((hand + step) % count) as u32;
            let segment = self.segments.segment(number);
            if segment.state != State::Sealed {
                continue;
            }
            let dead = (segment.used - segment.live) as usize;
            if survey.deadest.is_none_or(|(_, most)| dead > most) {
                survey.deadest = Some((number, dead));
            }
            survey.oldest.push((segment.serial, number));
            if survey.oldest.len() == VICTIM_CANDIDATES_MAX {
                self.cleaner.hand = number as usize;
                break;
            }
        }
        survey.oldest.sort_unstable();
        let rest = survey.oldest.split_off(survey.oldest.len().min(VICTIM_SHORTLIST_MAX / 2));
        if !rest.is_empty() {
            let random = core::iter::repeat_with(|| self.rng.random_range(0..rest.len()));
            survey.others.extend(random.take(VICTIM_SHORTLIST_MAX / 2 - 1).map(|i| rest[i].1));
        }
        survey
    }

    /// The age from which items are evicted with their segment.
    pub(crate) fn cutoff(&mut self, work: &mut Work) -> u32 {
        let mut ages = Vec::with_capacity(CUTOFF_SAMPLES + SAMPLE_RUN);
        for _ in 0..CUTOFF_SAMPLES / SAMPLE_RUN {
            let (segments, lru) = (&self.segments, &self.lru);
            self.index.sample(&mut self.rng, SAMPLE_RUN, |_, _, entry| {
                ages.push(lru.age(segments.record(entry.address()).shape().access()));
            });
        }
        work.items += ages.len();
        Lru::cutoff(&mut ages)
    }

    fn prospect(&self, number: u32, work: &mut Work) -> Prospect {
        let segment = self.segments.segment(number);
        let mut ages = Vec::with_capacity(VICTIM_SAMPLES_MAX);
        let (mut offset, mut seen) = (0, 0);
        while seen < VICTIM_SAMPLES_MAX && offset < segment.used as usize {
            let record = self.segments.record(self.segments.address(number, offset));
            if !record.shape().is_dead() {
                ages.push(self.lru.age(record.shape().access()));
            }
            offset += record.shape().len();
            seen += 1;
        }
        work.items += seen;
        let (used, live) = (segment.used as usize, segment.live as usize);
        Prospect { number, used, live, ages }
    }
}
