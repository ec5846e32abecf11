//! Which keys are hot, which items are large, what an item takes.
//!
//! Invariant: a large item that is reported exists and takes the bytes reported; a hot key had the
//! accesses reported, whether it exists or not. Cost: bounded by the sketches, whatever is held.

use core::cmp::Reverse;

use crate::effect::Effects;
use crate::engine::Engine;
use crate::hot::{Candidate, HotKey, HotKeys};
use crate::key::{Key, Place};
use crate::limits::{INDEX_SHARE_BYTES, LARGEST_CHECK_MS, LARGEST_ITEMS_MAX};
use crate::table::Address;

/// An item with what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargestItem {
    /// Database number.
    pub db: u8,
    /// The key.
    pub key: Vec<u8>,
    /// Bytes of its record, its share of the index and its mapping.
    pub bytes: u64,
}

impl<E: Effects> Engine<E> {
    /// The up to `count` keys with most accesses in the last minute that had at least a hundredth
    /// of them, the hottest first.
    pub fn hot_keys(&mut self, count: usize, now_ms: u64) -> HotKeys {
        let (accesses, candidates) = self.hot.candidates(now_ms);
        let named = candidates.into_iter().filter_map(|it| self.named(it, now_ms));
        let mut hot = HotKeys { accesses, keys: named.collect() };
        hot.rank(count);
        hot
    }

    /// A hot key with its name; a long one is named by its record.
    fn named(&self, candidate: Candidate, now_ms: u64) -> Option<HotKey> {
        let Candidate { place, name, accesses } = candidate;
        let key = name.or_else(|| {
            let at = self.live_at(place, now_ms)?;
            Some(self.segments.record(at).key().to_vec())
        })?;
        Some(HotKey { db: place.db, key, accesses })
    }

    /// Up to `count` of the largest items, the largest first.
    pub fn largest_items(&self, count: usize, now_ms: u64) -> Vec<LargestItem> {
        let listed = self.largest.places().filter_map(|place| {
            let at = self.live_at(place, now_ms)?;
            Some((self.bytes_at(at), place.db, at))
        });
        let mut listed: Vec<(u64, u8, Address)> = listed.collect();
        listed.sort_by_key(|(bytes, ..)| Reverse(*bytes));
        listed.truncate(count.min(LARGEST_ITEMS_MAX));
        let item = |(bytes, db, at)| {
            let key = self.segments.record(at).key().to_vec();
            LargestItem { db, key, bytes }
        };
        listed.into_iter().map(item).collect()
    }

    /// Bytes an item takes: its record, its share of the index and a large value's mapping.
    pub fn item_bytes(&self, key: &Key<'_>, now_ms: u64) -> Option<u64> {
        let at = self.find(key)?;
        (!self.segments.record(at).is_expired(now_ms)).then(|| self.bytes_at(at))
    }

    #[inline]
    fn bytes_at(&self, at: Address) -> u64 {
        (self.own_bytes_at(at) + INDEX_SHARE_BYTES) as u64
    }

    /// Bytes of a record and its mapping, by which items are compared.
    fn own_bytes_at(&self, at: Address) -> usize {
        let record = self.segments.record(at);
        let mapped = record.large_number().map_or(0, |number| self.larges.get(number).mapped_len());
        record.shape().len() + mapped
    }

    /// Where a live item of this place lies.
    fn live_at(&self, place: Place, now_ms: u64) -> Option<Address> {
        self.index.find(place, |at| !self.segments.record(at).is_expired(now_ms))
    }

    /// A large value has been written to the record at `at`.
    #[cold]
    #[inline(never)]
    pub(crate) fn rank_large(&mut self, place: Place, at: Address) {
        self.largest.added(place, self.own_bytes_at(at));
    }

    /// The record at `at` is about to be written again, which clears its flags.
    #[cold]
    #[inline(never)]
    pub(crate) fn forget_written(&mut self, place: Place, at: Address) {
        if self.segments.record(at).shape().is_listed() {
            self.largest.doubt(place);
        }
        self.forget_value(at);
    }

    /// The record at `at` is about to go.
    #[cold]
    #[inline(never)]
    pub(crate) fn forget_removed(&mut self, place: Place, at: Address) {
        if self.segments.record(at).shape().is_listed() {
            self.largest.gone(place);
        }
        self.forget_value(at);
    }

    /// Looks up one of the listed items that are in doubt, every `LARGEST_CHECK_MS`.
    #[inline]
    pub(crate) fn check_largest(&mut self, now_ms: u64) {
        if self.largest.is_in_doubt()
            && now_ms.saturating_sub(self.largest_checked_ms) >= LARGEST_CHECK_MS
        {
            self.largest_checked_ms = now_ms;
            self.check_next_largest(now_ms);
        }
    }

    #[cold]
    #[inline(never)]
    fn check_next_largest(&mut self, now_ms: u64) {
        let Some(place) = self.largest.next_to_check() else { return };
        let found = self.live_at(place, now_ms);
        found.into_iter().for_each(|at| self.segments.set_listed(at));
        self.largest.correct(found.map_or(0, |at| self.own_bytes_at(at)));
    }
}

#[cfg(test)]
mod tests {
    use core::num::NonZeroU64;

    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::config::Config;
    use crate::key::KeyHasher;
    use crate::policy::Policy;
    use crate::write::{Deadline, Write};

    const START_MS: u64 = 1_800_000_000_000;

    fn slot_of(key: &[u8]) -> u16 {
        u16::from(key[0]) << 6
    }

    /// Asserts that what is beyond doubt is as the list says.
    fn check(engine: &Engine<()>) -> usize {
        let beyond_doubt = engine.largest.beyond_doubt();
        for (place, bytes) in &beyond_doubt {
            let is_listed = |at| engine.segments.record(at).shape().is_listed();
            let at = engine.index.find(*place, is_listed).expect("it is there, and marked");
            assert_eq!(engine.own_bytes_at(at), *bytes);
        }
        beyond_doubt.len()
    }

    #[test]
    fn what_is_beyond_doubt_is_as_listed_whatever_is_done_to_it() {
        for (seed, policy) in [(1, Policy::Lru), (2, Policy::S3Fifo), (3, Policy::Random)] {
            println!("seed {seed}");
            let mut rng = SmallRng::seed_from_u64(seed);
            let hasher = KeyHasher::new([1, 2]);
            let config = Config { policy, ..Config::for_memory(4 << 20, hasher.clone(), slot_of) };
            let mut engine = Engine::new(config, ()).expect("starts");
            let (mut now_ms, mut most) = (START_MS, 0);
            for step in 0..150_000_u32 {
                let name = rng.random_range(0..12_000_u32).to_be_bytes();
                let name = &name[name.len() - 2..];
                let key = hasher.key(rng.random_range(0..2), slot_of(name), name);
                let later = || NonZeroU64::new(now_ms + 9000);
                let done = match rng.random_range(0..100) {
                    0..50 => {
                        let len = rng.random_range(0..700);
                        let deadline = later().filter(|_| len % 9 == 0);
                        let deadline = deadline.map_or(Deadline::Keep, Deadline::At);
                        let write = Write { deadline, ..Write::plain(&[7; 700][..len]) };
                        engine.set(&key, write, now_ms).map(|_| ())
                    }
                    50 => engine.set(&key, Write::plain(&[7; 200_000]), now_ms).map(|_| ()),
                    51..58 => engine.append(&key, &[8; 40], now_ms).map(|_| ()),
                    58..62 => engine.set_range(&key, 3, &[9; 20], now_ms).map(|_| ()),
                    62..66 => engine.redate(&key, later(), now_ms).map(|_| ()),
                    66..74 => {
                        engine.delete(&key, now_ms);
                        Ok(())
                    }
                    _ => {
                        now_ms += 20;
                        Ok(())
                    }
                };
                done.expect("there is room");
                engine.maintain(now_ms, 1);
                if step % 40_000 == 39_999 {
                    engine.flush(Some(1), now_ms);
                }
                if step % 10 == 0 {
                    most = most.max(check(&engine));
                }
            }
            assert!(engine.stats().evicted > 0 && most > 40, "{most} beyond doubt at most");
        }
    }
}
