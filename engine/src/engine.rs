//! The engine: the signatures; every body is replaced as its part is done.
#![allow(unused_variables, missing_docs, dead_code)]

use crate::config::*;
use crate::effect::*;
use crate::item::*;
use crate::key::*;
use crate::refused::*;
use crate::stats::*;
use crate::version::*;
use crate::write::*;
use core::num::NonZeroU64;

/// Where a scan continues; 0 is the start, the same on every shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub u64);
/// Where an export of a slot continues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotCursor(pub u64);
/// One item for another engine.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub value: &'a [u8],
    pub version: Version,
    pub deadline_ms: Option<NonZeroU64>,
    pub client_flags: u32,
    pub tag: u8,
}

/// One shard's dataset.
pub struct Engine<E: Effects> {
    config: Config,
    effects: E,
}

impl<E: Effects> Engine<E> {
    pub fn new(config: Config, effects: E) -> Result<Self, StartError> {
        config.check()?;
        Ok(Self { config, effects })
    }
    pub fn effects_mut(&mut self) -> &mut E {
        &mut self.effects
    }
    pub fn hasher(&self) -> &KeyHasher {
        &self.config.hasher
    }
    pub fn prefetch_index(&self, key: &Key<'_>) {}
    pub fn prefetch_item(&self, key: &Key<'_>) {}
    pub fn get(&mut self, key: &Key<'_>, now_ms: u64) -> Option<Item<'_>> {
        None
    }
    pub fn peek(&self, key: &Key<'_>, now_ms: u64) -> Option<Item<'_>> {
        None
    }
    pub fn set(&mut self, key: &Key<'_>, write: Write<'_>, now_ms: u64) -> Result<Stored, Refused> {
        Ok(Stored::Unmet { current: None })
    }
    pub fn delete(&mut self, key: &Key<'_>, now_ms: u64) -> bool {
        false
    }
    pub fn touch(&mut self, key: &Key<'_>, now_ms: u64) -> bool {
        false
    }
    /// A deadline that has passed deletes.
    pub fn redate(
        &mut self,
        key: &Key<'_>,
        deadline_ms: Option<NonZeroU64>,
        now_ms: u64,
    ) -> Result<bool, Refused> {
        Ok(false)
    }
    pub fn increment(&mut self, key: &Key<'_>, delta: i64, now_ms: u64) -> Result<i64, Refused> {
        Ok(0)
    }
    pub fn append(&mut self, key: &Key<'_>, tail: &[u8], now_ms: u64) -> Result<usize, Refused> {
        Ok(0)
    }
    pub fn set_range(
        &mut self,
        key: &Key<'_>,
        offset: usize,
        part: &[u8],
        now_ms: u64,
    ) -> Result<usize, Refused> {
        Ok(0)
    }
    pub fn scan(
        &mut self,
        db: u8,
        cursor: Cursor,
        count: usize,
        now_ms: u64,
        visit: &mut dyn FnMut(&[u8], &Item<'_>),
    ) -> Option<Cursor> {
        None
    }
    pub fn random_key(&mut self, db: u8, now_ms: u64) -> Option<&[u8]> {
        None
    }
    pub fn len(&self, db: u8) -> u64 {
        0
    }
    pub fn len_with_deadline(&self, db: u8) -> u64 {
        0
    }
    pub fn slot_len(&self, slot: u16) -> u64 {
        0
    }
    pub fn slot_keys(&self, db: u8, slot: u16, count_max: usize, visit: &mut dyn FnMut(&[u8])) {}
    pub fn flush(&mut self, db: Option<u8>, now_ms: u64) {}
    pub fn maintain(&mut self, now_ms: u64, steps_max: usize) -> Progress {
        Progress::default()
    }
    pub fn set_limits(&mut self, limits: Limits) -> Result<(), StartError> {
        Ok(())
    }
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }
    pub fn accounted_bytes(&self) -> u64 {
        0
    }
    pub fn stats(&self) -> Stats {
        Stats::default()
    }
    pub fn reset_stats(&mut self) {}
    pub fn export_slot(
        &mut self,
        slot: u16,
        cursor: SlotCursor,
        items_max: usize,
        now_ms: u64,
        visit: &mut dyn FnMut(&Key<'_>, &Item<'_>),
    ) -> Option<SlotCursor> {
        None
    }
    pub fn import(
        &mut self,
        key: &Key<'_>,
        record: &Record<'_>,
        now_ms: u64,
    ) -> Result<bool, Refused> {
        Ok(false)
    }
    /// All keys of the slot are gone at once; their memory comes back by `maintain`.
    pub fn drop_slot(&mut self, slot: u16) {}
    pub fn apply(&mut self, effect: &Effect<'_>, now_ms: u64) -> Result<(), Refused> {
        Ok(())
    }
    /// The version the slot's last change got.
    pub fn slot_version(&self, slot: u16) -> Version {
        Version::default()
    }
}
