//! Enumeration: scan, random key, keys of a slot.
//!
//! A scan goes slot by slot and, within a slot, by ascending fragment of the hash. Invariant: a
//! key that is present throughout a scan is visited exactly once, whatever else comes, goes or
//! makes tables grow; with it go all keys of its slot and fragment. Cost: one call visits at most
//! `SCAN_ITEMS_MAX` items and ties, and reads the tables they lie in.

use rand::Rng;

use crate::effect::Effects;
use crate::engine::Engine;
use crate::item::Item;
use crate::limits::{FRAGMENT_BITS, RANDOM_TRIES_MAX, SCAN_ITEMS_MAX, SLOT_COUNT};
use crate::node::Node;
use crate::table::Entry;

/// What a lot of one item is about; a thirtieth of what an integer holds.
const LOT_SCALE: f64 = (1_u64 << 58) as f64;

/// Where a scan continues; 0 is the start, and it means the same on every shard.
///
/// `slot << 28 | fragment`: the first slot and fragment not yet visited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub u64);

impl Cursor {
    fn new(slot: usize, fragment: u32) -> Self {
        Self(((slot as u64) << FRAGMENT_BITS) | u64::from(fragment))
    }

    fn slot(self) -> usize {
        usize::try_from(self.0 >> FRAGMENT_BITS).unwrap_or(SLOT_COUNT)
    }

    fn fragment(self) -> u32 {
        (self.0 & ((1 << FRAGMENT_BITS) - 1)) as u32
    }
}

impl<E: Effects> Engine<E> {
    /// Visits about `count` live items of `db` from `cursor` on. Returns where to continue, or
    /// `None` at the end. A cursor that was never given is taken as a place like any other.
    pub fn scan(
        &mut self,
        db: u8,
        cursor: Cursor,
        count: usize,
        now_ms: u64,
        visit: &mut dyn FnMut(&[u8], &Item<'_>),
    ) -> Option<Cursor> {
        let mut left = count.clamp(1, SCAN_ITEMS_MAX);
        let directory = self.index.directory(db)?;
        let (mut from, mut fragment) = (cursor.slot(), cursor.fragment());
        let mut entries = Vec::new();
        while let Some(slot) = directory.next_filled(from) {
            if usize::from(slot) != from {
                fragment = 0;
            }
            let next =
                directory.node(slot).and_then(|node| collect(node, fragment, left, &mut entries));
            for entry in entries.drain(..) {
                self.show(entry, now_ms, visit);
                left = left.saturating_sub(1);
            }
            if let Some(fragment) = next {
                return Some(Cursor::new(slot.into(), fragment));
            }
            (from, fragment) = (usize::from(slot) + 1, 0);
            if left == 0 {
                return (from < SLOT_COUNT).then(|| Cursor::new(from, 0));
            }
        }
        None
    }

    fn show(&self, entry: Entry, now_ms: u64, visit: &mut dyn FnMut(&[u8], &Item<'_>)) {
        let record = self.segments.record(entry.address());
        if !record.is_expired(now_ms) {
            visit(record.key(), &self.item(entry.address()));
        }
    }

    /// A live key of `db`, about equally likely for each.
    pub fn random_key(&mut self, db: u8, now_ms: u64) -> Option<&[u8]> {
        let directory = self.index.directory(db)?;
        let mut found = None;
        for _ in 0..RANDOM_TRIES_MAX {
            let segments = &self.segments;
            directory.sample(&mut self.rng, 1, |_, entry| {
                let expired = segments.record(entry.address()).is_expired(now_ms);
                found = (!expired).then(|| entry.address());
            });
            if found.is_some() {
                break;
            }
        }
        // Nearly all have expired: the first live one after a random place must do.
        let start = self.rng.random_range(0..SLOT_COUNT);
        let found = found
            .or_else(|| self.first_live(db, start, now_ms))
            .or_else(|| self.first_live(db, 0, now_ms))?;
        Some(self.segments.record(found).key())
    }

    /// A lot for a database with items: of several engines' lots an engine's is the lowest as often
    /// as its part of the items is large.
    pub fn lot(&mut self, db: u8) -> u64 {
        // The earliest of `len` events that each come at some time, as likely as any other's.
        let drawn: f64 = self.rng.random();
        let earliest = -(1.0 - drawn).ln() / self.len(db).max(1) as f64;
        (earliest * LOT_SCALE) as u64
    }

    /// The first live item among a few hundred from slot `from` on.
    fn first_live(&self, db: u8, from: usize, now_ms: u64) -> Option<crate::table::Address> {
        let directory = self.index.directory(db)?;
        let (mut from, mut entries) = (from, Vec::new());
        while let Some(slot) = directory.next_filled(from) {
            let node = directory.node(slot)?;
            collect(node, 0, SCAN_ITEMS_MAX, &mut entries);
            if entries.len() >= SCAN_ITEMS_MAX {
                break;
            }
            from = usize::from(slot) + 1;
        }
        let live = |entry: &&Entry| !self.segments.record(entry.address()).is_expired(now_ms);
        entries.iter().find(live).map(|entry| entry.address())
    }

    /// Visits up to `count_max` keys of a slot, in the order of the index.
    pub fn slot_keys(
        &self,
        db: u8,
        slot: u16,
        count_max: usize,
        now_ms: u64,
        visit: &mut dyn FnMut(&[u8]),
    ) {
        let Some(node) = self.index.node(db, slot) else { return };
        let mut entries = Vec::new();
        collect(node, 0, count_max, &mut entries);
        for entry in entries.into_iter().take(count_max) {
            self.show(entry, now_ms, &mut |key, _| visit(key));
        }
    }
}

/// Adds the entries of the `count` smallest fragments from `from` on, ties included, in order.
/// Returns the first fragment that is left, or `None` when none can be.
pub(crate) fn collect(
    node: &Node,
    from: u32,
    count: usize,
    entries: &mut Vec<Entry>,
) -> Option<u32> {
    let (start, mut from) = (entries.len(), from);
    while from >> FRAGMENT_BITS == 0 {
        let (table, end) = node.leaf(from);
        let first = entries.len();
        entries.extend(table.iter().filter(|entry| entry.fragment() >= from));
        entries[first..].sort_unstable_by_key(|entry| entry.fragment());
        from = end;
        if entries.len() - start < count {
            continue;
        }
        // Those that share the last fragment stay together, since a cursor cannot part them.
        let last = entries[start + count - 1].fragment();
        let tied = entries[start + count..].iter().take_while(|it| it.fragment() == last).count();
        let kept = start + count + tied;
        let next = entries.get(kept).map_or(end, |entry| entry.fragment());
        entries.truncate(kept);
        return (next >> FRAGMENT_BITS == 0).then_some(next);
    }
    None
}
