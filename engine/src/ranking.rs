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
        let record = self.segments.record(at);
        let mapped = record.large_number().map_or(0, |number| self.larges.get(number).mapped_len());
        (record.shape().len() + INDEX_SHARE_BYTES + mapped) as u64
    }

    /// Where a live item of this place lies.
    fn live_at(&self, place: Place, now_ms: u64) -> Option<Address> {
        self.index.find(place, |at| !self.segments.record(at).is_expired(now_ms))
    }

    /// A large value has been written to the record at `at`.
    #[cold]
    #[inline(never)]
    pub(crate) fn rank_large(&mut self, place: Place, at: Address) {
        let bytes = self.bytes_at(at) as usize;
        self.largest.added(place, bytes);
    }

    /// Looks up one of the listed large items again, every `LARGEST_CHECK_MS`.
    #[inline]
    pub(crate) fn check_largest(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.largest_checked_ms) >= LARGEST_CHECK_MS {
            self.largest_checked_ms = now_ms;
            self.check_next_largest(now_ms);
        }
    }

    #[cold]
    #[inline(never)]
    fn check_next_largest(&mut self, now_ms: u64) {
        let Some(place) = self.largest.next_to_check() else { return };
        let bytes = self.live_at(place, now_ms).map_or(0, |at| self.bytes_at(at));
        self.largest.correct(bytes as usize);
    }
}
