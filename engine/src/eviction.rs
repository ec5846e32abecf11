//! Eviction of single items: by count, of large values, and exactly in a small store.
//!
//! Invariant: with at most `EXACT_ITEMS_MAX` items the least recently used one goes, always.
//! Cost: all items are looked at in a small store, `EVICTION_SAMPLES` in any other.

use crate::change::Mutation;
use crate::effect::{Cause, Effects};
use crate::engine::Engine;
use crate::key::Place;
use crate::limits::{EVICTION_SAMPLES, EXACT_ITEMS_MAX};
use crate::lru::Candidate;
use crate::stats::Work;
use crate::table::{Address, Entry};

/// Items evicted for one insertion at most, when the limit was lowered.
const EVICTIONS_PER_INSERTION_MAX: usize = 8;
/// Large values compared when one of them is to go.
const LARGE_SAMPLES: usize = 8;

impl<E: Effects> Engine<E> {
    /// Makes room for one item more.
    #[inline]
    pub(crate) fn make_item_room(&mut self, now_ms: u64) {
        let Some(items_max) = self.limits.items_max else { return };
        for _ in 0..EVICTIONS_PER_INSERTION_MAX {
            if self.index.items() < items_max || !self.evict_one(now_ms) {
                break;
            }
        }
    }

    /// Whether there are so few items that all of them are compared.
    pub(crate) fn is_small(&self) -> bool {
        self.index.items() <= EXACT_ITEMS_MAX
    }

    /// Evicts the oldest item, or one of the oldest. Returns whether there was one.
    pub(crate) fn evict_one(&mut self, now_ms: u64) -> bool {
        let mut work = Work::default();
        let victim = if self.is_small() { self.oldest(&mut work) } else { self.sampled(&mut work) };
        self.counters.longest_step.raise(work);
        let Some(at) = victim else { return false };
        self.evict(self.place_at(at), at, now_ms);
        true
    }

    /// Evicts the record at `at`; if its time is over anyway, it expires instead.
    fn evict(&mut self, place: Place, at: Address, now_ms: u64) {
        let expired = self.segments.record(at).is_expired(now_ms);
        let cause = if expired { Cause::Expired } else { Cause::Evicted };
        self.change(Mutation::Remove { place, at, cause }, None, now_ms);
    }

    /// The least recently used item of a small store.
    fn oldest(&self, work: &mut Work) -> Option<Address> {
        let mut oldest: Option<(u32, Address)> = None;
        self.index.for_each(|_, _, entry| {
            let age = self.age_at(entry.address());
            if oldest.is_none_or(|(most, _)| age > most) {
                oldest = Some((age, entry.address()));
            }
            work.items += 1;
        });
        oldest.map(|(_, at)| at)
    }

    fn age_at(&self, at: Address) -> u32 {
        self.lru.age(self.segments.record(at).shape().access())
    }

    /// One of the least recently used items, from samples of now and of earlier.
    fn sampled(&mut self, work: &mut Work) -> Option<Address> {
        for _ in 0..2 {
            let (segments, lru) = (&self.segments, &mut self.lru);
            let mut consider = |db, slot, entry: Entry| {
                let (at, fragment) = (entry.address(), entry.fragment());
                let access = segments.record(at).shape().access();
                lru.consider(Candidate { place: Place { slot, db, fragment }, at, access });
                work.items += 1;
            };
            self.index.sample(&mut self.rng, EVICTION_SAMPLES / 2, &mut consider);
        }
        while let Some(Candidate { place, at, access }) = self.lru.oldest() {
            work.items += 1;
            if self.index.holds(place, at) && self.segments.record(at).shape().access() == access {
                return Some(at);
            }
        }
        None
    }

    /// Evicts the oldest of a few large values if it is at least `age_min` old. Returns whether
    /// it did.
    pub(crate) fn evict_large(&mut self, age_min: u32, now_ms: u64) -> bool {
        let mut oldest: Option<(u32, Address)> = None;
        for _ in 0..LARGE_SAMPLES {
            let Some(at) = self.larges.sample(&mut self.rng) else { break };
            let age = self.age_at(at);
            if oldest.is_none_or(|(most, _)| age > most) {
                oldest = Some((age, at));
            }
        }
        let Some((age, at)) = oldest else { return false };
        if age < age_min {
            return false;
        }
        let place = self.place_at(at);
        if self.index.holds(place, at) {
            self.evict(place, at, now_ms);
        } else {
            self.bury(at);
        }
        true
    }
}
