//! Transfer: slots and effects from and to other engines.
//!
//! Invariant: an imported or applied change keeps its version, and an older one never replaces a
//! newer. Cost: an export visits as many items as it was asked to; dropping a slot is done at
//! once and drained later.

use core::num::NonZeroU64;

use crate::change::{Mutation, NewItem};
use crate::effect::{Cause, Change, Effect, Effects};
use crate::engine::Engine;
use crate::enumerate::collect;
use crate::item::Item;
use crate::key::Key;
use crate::limits::{DATABASES_MAX, FRAGMENT_BITS, SCAN_ITEMS_MAX};
use crate::refused::Refused;
use crate::version::Version;

/// Where an export of a slot continues: `db << 28 | fragment`; 0 is the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotCursor(pub u64);

/// One item as another engine exported it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The value.
    pub value: &'a [u8],
    /// Version of the last change.
    pub version: Version,
    /// Absolute wall deadline, or none.
    pub deadline_ms: Option<NonZeroU64>,
    /// memcached's client flags.
    pub client_flags: u32,
    /// Type tag of the value.
    pub tag: u8,
}

impl<E: Effects> Engine<E> {
    /// Visits up to `items_max` live items of a slot in all databases. Returns where to continue.
    /// What is present throughout is visited exactly once.
    pub fn export_slot(
        &mut self,
        slot: u16,
        cursor: SlotCursor,
        items_max: usize,
        now_ms: u64,
        visit: &mut dyn FnMut(&Key<'_>, &Item<'_>),
    ) -> Option<SlotCursor> {
        let mut left = items_max.clamp(1, SCAN_ITEMS_MAX);
        let mut db = u8::try_from(cursor.0 >> FRAGMENT_BITS).ok()?;
        let mut fragment = (cursor.0 & ((1 << FRAGMENT_BITS) - 1)) as u32;
        let mut entries = Vec::new();
        while usize::from(db) < DATABASES_MAX {
            if left == 0 {
                return Some(SlotCursor(u64::from(db) << FRAGMENT_BITS));
            }
            let node = self.index.node(db, slot);
            let next = node.and_then(|node| collect(node, fragment, left, &mut entries));
            left = left.saturating_sub(entries.len());
            for entry in entries.drain(..) {
                let record = self.segments.record(entry.address());
                if !record.is_expired(now_ms) {
                    let key = self.hasher.key(db, slot, record.key());
                    visit(&key, &self.item(entry.address()));
                }
            }
            if let Some(next) = next {
                return Some(SlotCursor((u64::from(db) << FRAGMENT_BITS) | u64::from(next)));
            }
            (db, fragment) = (db + 1, 0);
        }
        None
    }

    /// Takes an item with its version. Returns whether it was newer than what was there.
    ///
    /// # Errors
    /// Those of `set`.
    pub fn import(
        &mut self,
        key: &Key<'_>,
        record: &Record<'_>,
        now_ms: u64,
    ) -> Result<bool, Refused> {
        self.check_lengths(key, record.value.len())?;
        let found = self.find(key);
        if found.is_some_and(|at| self.segments.record(at).version() >= record.version) {
            return Ok(false);
        }
        let value = self.source_of_bytes(record.value)?;
        let Record { deadline_ms, client_flags, tag, .. } = *record;
        let item = NewItem { key, found, value, deadline_ms, client_flags, tag };
        self.store(item, Some(record.version), now_ms)?;
        Ok(true)
    }

    /// Drops all keys of a slot at once; `maintain` gives their memory back. The slot's version
    /// stays.
    pub fn drop_slot(&mut self, slot: u16) {
        for db in 0..DATABASES_MAX as u8 {
            if self.index.directory(db).is_some_and(|directory| directory.slot_len(slot) > 0) {
                self.change(Mutation::Flush { db, slot }, None, 0);
            }
        }
    }

    /// Repeats a change that another engine made.
    ///
    /// # Errors
    /// Those of `set`.
    pub fn apply(&mut self, effect: &Effect<'_>, now_ms: u64) -> Result<(), Refused> {
        let (db, slot, version) = (effect.db, effect.slot, effect.version);
        let of = |bytes| self.hasher.key(db, slot, bytes);
        match effect.change {
            Change::Written { key, value, deadline_ms, client_flags, tag } => {
                let key = of(key);
                let record = Record { value, version, deadline_ms, client_flags, tag };
                self.import(&key, &record, now_ms)?;
            }
            Change::Redated { key, deadline_ms } => {
                let key = of(key);
                if let Some(at) = self.find_older(&key, version) {
                    self.redate_found(&key, at, deadline_ms, Some(version), now_ms)?;
                }
            }
            Change::Removed { key, cause } => self.apply_removal(&of(key), cause, version, now_ms),
            Change::Flushed => {
                self.change(Mutation::Flush { db, slot }, Some(version), now_ms);
            }
        }
        self.sequences.advance(slot, Some(version));
        Ok(())
    }

    fn apply_removal(&mut self, key: &Key<'_>, cause: Cause, version: Version, now_ms: u64) {
        if let Some(at) = self.find_older(key, version) {
            let place = key.place();
            self.change(Mutation::Remove { place, at, cause }, Some(version), now_ms);
            self.keep_within(now_ms);
        }
    }

    fn find_older(&self, key: &Key<'_>, version: Version) -> Option<crate::table::Address> {
        self.find(key).filter(|at| self.segments.record(*at).version() < version)
    }
}
