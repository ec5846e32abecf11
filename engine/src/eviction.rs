//! Eviction of single items: by count, of large values, and exactly in a small store.
//!
//! Invariant: with at most `EXACT_ITEMS_MAX` items the least worthy one goes, always.
//! Cost: all items are looked at in a small store, `EVICTION_SAMPLES` in any other.

use core::cmp::Ordering;

use rand::Rng;
use rand::rngs::SmallRng;

use crate::change::Mutation;
use crate::effect::{Cause, Effects};
use crate::engine::Engine;
use crate::index::Index;
use crate::key::Place;
use crate::limits::{EVICTION_SAMPLES, EXACT_ITEMS_MAX, STEP_ITEMS_MAX};
use crate::policy::Candidate;
use crate::refused::Refused;
use crate::stats::Work;
use crate::table::{Address, Entry};

/// Items evicted for one insertion at most, when the limit was lowered.
const EVICTIONS_PER_INSERTION_MAX: usize = 8;
/// Looks for an item with a deadline where there are some.
const DATED_TRIES_MAX: usize = 8;
/// Large values compared when one of them is to go.
const LARGE_SAMPLES: usize = 8;

impl<E: Effects> Engine<E> {
    /// Makes room for one item more.
    #[inline]
    pub(crate) fn make_item_room(&mut self, now_ms: u64) -> Result<(), Refused> {
        let Some(items_max) = self.limits.items_max else { return Ok(()) };
        for _ in 0..EVICTIONS_PER_INSERTION_MAX {
            if self.index.items() < items_max {
                break;
            }
            if !self.evict_one(now_ms) {
                return Err(Refused::TooManyItems { items_max });
            }
        }
        Ok(())
    }

    /// Whether there are so few items that all of them are compared.
    pub(crate) fn is_small(&self) -> bool {
        self.index.items() <= EXACT_ITEMS_MAX
    }

    /// Evicts the least worthy item, or one of them. Returns whether there was one.
    pub(crate) fn evict_one(&mut self, now_ms: u64) -> bool {
        let policy = self.keeper.policy();
        if policy.walks_queues() && self.pass_one(now_ms) {
            return true;
        }
        if !policy.spares_nothing() && (self.index.deadlines() == 0 || policy.spares_all()) {
            return false;
        }
        let victim = if self.is_small() { self.least() } else { self.sampled() };
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

    /// The least worthy item of a small store; of several that are worth the same, any of them.
    fn least(&mut self) -> Option<Address> {
        let (mut work, mut rng) = (Work::default(), self.rng.clone());
        let (mut least, mut equals) = (None, 0);
        self.index.for_each(|_, _, entry| {
            work.items += 1;
            let record = self.segments.record(entry.address());
            if !self.keeper.may_go(record) {
                return;
            }
            let worth = self.keeper.worth(record);
            let order = least.map_or(Ordering::Less, |(lowest, _)| worth.cmp(&lowest));
            equals = match order {
                Ordering::Less => 1,
                Ordering::Equal => equals + 1,
                Ordering::Greater => return,
            };
            if rng.random_range(0..equals) == 0 {
                least = Some((worth, entry.address()));
            }
        });
        self.rng = rng;
        self.counters.longest_step.raise(work);
        least.map(|(_, at)| at)
    }

    /// One of the least worthy items, from samples of now and of earlier.
    fn sampled(&mut self) -> Option<Address> {
        self.consider(|index, rng, visit| {
            for _ in 0..2 {
                index.sample(rng, EVICTION_SAMPLES / 2, &mut *visit);
            }
        });
        let mut found = self.take_candidate();
        for _ in 0..DATED_TRIES_MAX {
            if found.is_some() || self.keeper.policy().spares_nothing() {
                break;
            }
            // Few items have a deadline: they are looked for where there are some.
            self.consider(|index, rng, visit| index.sample_dated(rng, STEP_ITEMS_MAX / 2, visit));
            found = self.take_candidate();
        }
        found
    }

    /// Lets the pool consider the items that `sample` visits, if they may go.
    fn consider(
        &mut self,
        sample: impl FnOnce(&Index, &mut SmallRng, &mut dyn FnMut(u8, u16, Entry)),
    ) {
        let mut work = Work::default();
        let (mut pool, mut rng) = (core::mem::take(&mut self.keeper.pool), self.rng.clone());
        sample(&self.index, &mut rng, &mut |db, slot, entry: Entry| {
            let (at, fragment) = (entry.address(), entry.fragment());
            let record = self.segments.record(at);
            work.items += 1;
            if self.keeper.may_go(record) {
                let place = Place { slot, db, fragment };
                pool.consider(Candidate { place, at, worth: self.keeper.worth(record) });
            }
        });
        (self.keeper.pool, self.rng) = (pool, rng);
        self.counters.longest_step.raise(work);
    }

    /// The least worthy candidate that is still what it was.
    fn take_candidate(&mut self) -> Option<Address> {
        while let Some(Candidate { place, at, worth }) = self.keeper.pool.take() {
            if self.index.holds(place, at) {
                let record = self.segments.record(at);
                if self.keeper.may_go(record) && self.keeper.worth(record) <= worth {
                    return Some(at);
                }
            }
        }
        None
    }

    /// Evicts the least worthy of a few large values if it is worth at most `worth_max`. Returns
    /// whether it did.
    pub(crate) fn evict_large(&mut self, worth_max: u64, now_ms: u64) -> bool {
        let mut least: Option<(u64, Address)> = None;
        for _ in 0..LARGE_SAMPLES {
            let Some(at) = self.larges.sample(&mut self.rng) else { break };
            let record = self.segments.record(at);
            let worth = self.keeper.worth(record);
            if self.keeper.may_go(record) && least.is_none_or(|(lowest, _)| worth < lowest) {
                least = Some((worth, at));
            }
        }
        let Some((worth, at)) = least else { return false };
        if worth > worth_max {
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
