//! Choosing: which segment pays.
//!
//! One that is dead enough is compacted. Else `lru` takes the one whose records were last used
//! longest ago, as its queues tell; the others sample. Invariant: a segment chosen gives something
//! back, as far as samples tell. Cost: a few hundred accounts and at most `STEP_ITEMS_MAX` records
//! a choice, for a segment's worth of writes.

use rand::Rng;

use crate::cleaner::Rule;
use crate::effect::Effects;
use crate::engine::Engine;
use crate::limits::{
    CUTOFF_SAMPLES, DUE_SAMPLES_MAX, VICTIM_CANDIDATES_MAX, VICTIM_SAMPLES_MAX,
    VICTIM_SHORTLIST_MAX,
};
use crate::policy::{Order, Prospect};
use crate::segment::{State, Stream};
use crate::stats::Work;

/// Dead bytes at which a segment is compacted rather than another evicted, as a share of it.
const COMPACT_SHARE: usize = 4;
/// What a segment that is due gives back at least, as a share of it.
const DUE_SHARE: usize = 8;
/// Neighbouring entries taken from one table when worths are sampled.
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
    /// Chooses the segment that pays next: one that is dead enough, else one whose items are worth
    /// little. Returns whether there is one.
    pub(crate) fn choose_victim(&mut self) -> bool {
        if !self.survivors_fit() {
            return false;
        }
        let survey = self.survey();
        let Some((deadest, dead)) = survey.deadest else { return false };
        if dead * COMPACT_SHARE >= self.segments.segment_len() {
            return self.start_cleaning(deadest, Rule::KeepAll);
        }
        let policy = self.keeper.policy();
        match policy.order() {
            Order::Recency if policy.spares_nothing() => self.choose_due(),
            Order::Chance if policy.spares_nothing() => self.choose_any(&survey),
            _ => self.choose_sampled(survey),
        }
    }

    /// The segment whose records were last used longest ago.
    fn choose_due(&mut self) -> bool {
        let heads = Stream::ALL.into_iter();
        let heads = heads.filter_map(|stream| Some((stream, self.segments.oldest_of(stream)?)));
        let may_pay = |(stream, head): &(Stream, u32)| {
            let segment = self.segments.segment(*head);
            // Few survive at times: the oldest must not outlive all others in a segment half full.
            let survivors = *stream != Stream::Writes && segment.live > 0;
            segment.state == State::Sealed || segment.state == State::Open && survivors
        };
        let due = heads.filter(may_pay);
        let due = due.min_by_key(|(_, head)| self.segments.segment(*head).middle());
        let Some((stream, number)) = due else { return false };
        if self.segments.segment(number).state == State::Open {
            self.segments.seal(stream);
        }
        let segment = *self.segments.segment(number);
        let mut work = Work::default();
        let mut prospect = self.prospect(number, DUE_SAMPLES_MAX, &mut work);
        self.counters.longest_step.raise(work);
        self.keeper.lru.fell_due(segment.middle());
        let cutoff = prospect.cutoff_for(segment.newest, DUE_SHARE);
        self.start_cleaning(number, Rule::EvictUpTo(cutoff))
    }

    /// Any segment, whole.
    fn choose_any(&mut self, survey: &Survey) -> bool {
        let known = survey.oldest.len() + survey.others.len();
        let drawn = self.rng.random_range(0..known);
        let number = match survey.oldest.get(drawn) {
            Some((_, number)) => *number,
            None => survey.others[drawn - survey.oldest.len()],
        };
        self.start_cleaning(number, Rule::EvictUpTo(u64::MAX))
    }

    /// The segment that gives most of what is worth least, as samples tell. Where some items may
    /// not go, it must be worth the copying.
    fn choose_sampled(&mut self, survey: Survey) -> bool {
        let mut work = Work::default();
        let cutoff = self.cutoff(&mut work);
        let deadest = survey.deadest.map(|(number, _)| number);
        let mut shortlist: Vec<u32> = survey.oldest.iter().map(|(_, number)| *number).collect();
        shortlist.extend(survey.others);
        shortlist.truncate(VICTIM_SHORTLIST_MAX - 1);
        shortlist.extend(deadest);
        let mut prospects: Vec<_> = shortlist
            .into_iter()
            .map(|number| self.prospect(number, VICTIM_SAMPLES_MAX, &mut work))
            .collect();
        self.counters.longest_step.raise(work);
        if !self.keeper.policy().spares_nothing() {
            prospects.retain(|prospect| prospect.is_worthwhile(cutoff));
        }
        let Some((number, cutoff)) = Prospect::choose(&mut prospects, cutoff) else { return false };
        self.start_cleaning(number, Rule::EvictUpTo(cutoff))
    }

    /// Compacts the segment with most dead bytes, if it has at least `dead_min`.
    pub(crate) fn choose_deadest(&mut self, dead_min: usize) -> bool {
        if !self.survivors_fit() {
            return false;
        }
        match self.survey().deadest {
            Some((number, dead)) if dead >= dead_min => self.start_cleaning(number, Rule::KeepAll),
            _ => false,
        }
    }

    /// Seals a segment that is open or spare, with at least `dead_min` dead bytes, to compact it.
    pub(crate) fn choose_unsealed(&mut self, dead_min: usize) -> bool {
        let mut streams = Stream::ALL.into_iter();
        let dead = |stream: &Stream| self.segments.dead_unsealed(*stream) >= dead_min;
        let Some(stream) = streams.find(dead).filter(|_| self.survivors_fit()) else {
            return false;
        };
        let Some(number) = self.segments.seal(stream) else { return false };
        let segment = self.segments.segment(number);
        if segment.state == State::Sealed && segment.dead() >= dead_min {
            self.start_cleaning(number, Rule::KeepAll);
        }
        true
    }

    /// Whether there is room for survivors that may not go.
    fn survivors_fit(&self) -> bool {
        let room = self.accounted_bytes() + self.survivors_bytes() <= self.ceiling;
        self.keeper.policy().spares_nothing() || (room && !self.cleaner.stopped)
    }

    /// Looks over the accounts of the next few hundred sealed segments.
    fn survey(&mut self) -> Survey {
        let (count, hand) = (self.segments.count(), self.cleaner.hand);
        let mut survey = Survey::default();
        for step in 0..count {
            let number = ((hand + step) % count) as u32;
            let segment = self.segments.segment(number);
            if segment.state != State::Sealed || self.is_being_passed(number) {
                continue;
            }
            let dead = segment.dead();
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

    /// Whether a queue is walked through this segment, which leaves it free anyway.
    fn is_being_passed(&self, number: u32) -> bool {
        let stream = self.segments.segment(number).stream;
        self.keeper.policy().walks_queues() && self.segments.oldest_of(stream) == Some(number)
    }

    /// The worth up to which items are evicted with their segment.
    pub(crate) fn cutoff(&mut self, work: &mut Work) -> u64 {
        let mut worths = Vec::with_capacity(CUTOFF_SAMPLES + SAMPLE_RUN);
        for _ in 0..CUTOFF_SAMPLES / SAMPLE_RUN {
            let (segments, keeper) = (&self.segments, &self.keeper);
            self.index.sample(&mut self.rng, SAMPLE_RUN, |_, _, entry| {
                let record = segments.record(entry.address());
                work.items += 1;
                if keeper.may_go(record) {
                    worths.push(keeper.worth(record));
                }
            });
        }
        Prospect::cutoff(&mut worths)
    }

    fn prospect(&self, number: u32, samples_max: usize, work: &mut Work) -> Prospect {
        let segment = self.segments.segment(number);
        let mut worths = Vec::with_capacity(samples_max);
        let (mut offset, mut seen, mut live) = (segment.front as usize, 0, 0);
        while seen < samples_max && offset < segment.used as usize {
            let record = self.segments.record(self.segments.address(number, offset));
            if !record.shape().is_dead() {
                live += 1;
                if self.keeper.may_go(record) {
                    worths.push(self.keeper.worth(record));
                }
            }
            offset += record.shape().len();
            seen += 1;
        }
        work.items += seen;
        let used = (segment.used - segment.front) as usize;
        Prospect { number, used, live: segment.live as usize, worths, seen: live }
    }
}
