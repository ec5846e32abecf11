//! The engine: one shard's dataset and how its parts hang together.
//!
//! Owns every part; the files above this one in `lib.rs` say what is done with them. Invariant:
//! between two calls, `accounted_bytes` is at most the memory limit and every live record is in
//! the index exactly once. Cost: a lookup is one hash, one table probe and one record.

use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::cleaner::{Cleaner, Walk};
use crate::compression::Packing;
use crate::config::{Config, Limits};
use crate::effect::Effects;
use crate::hot::Hot;
use crate::index::Index;
use crate::item::{Item, ValueRef};
use crate::key::{Key, KeyHasher, Place};
use crate::large::LargeValue;
use crate::larges::Larges;
use crate::largest::Largest;
use crate::limits::{ADDRESS_SPACE_BYTES_MAX, PREFETCH_RECORD_BYTES_MAX, SPARE_SEGMENTS};
use crate::mapping::{prefetch, prefetch_near};
use crate::packed::Packed;
use crate::policy::{Keeper, Policy};
use crate::record::Record;
use crate::refused::StartError;
use crate::segments::Segments;
use crate::sequences::Sequences;
use crate::stats::Stats;
use crate::table::Address;
use crate::version::Version;
use crate::wheel::Wheel;

/// Bytes of a cache line.
const LINE_LEN: usize = 64;
/// Mean bytes of a record from which on more than its first two lines are fetched ahead.
const LONG_RECORD_LEN: usize = 160;

/// One shard's dataset.
#[derive(Debug)]
pub struct Engine<E: Effects> {
    pub(crate) effects: E,
    pub(crate) hasher: KeyHasher,
    pub(crate) slot_of: fn(&[u8]) -> u16,
    pub(crate) limits: Limits,
    /// The highest memory limit there may be.
    pub(crate) address_space_bytes: u64,
    /// What may be accounted now: the limit, or what was held when it was lowered.
    pub(crate) ceiling: u64,
    pub(crate) index: Index,
    pub(crate) segments: Segments,
    pub(crate) larges: Larges,
    pub(crate) wheel: Wheel,
    pub(crate) sequences: Sequences,
    pub(crate) keeper: Keeper,
    pub(crate) hot: Hot,
    pub(crate) largest: Largest,
    pub(crate) largest_checked_ms: u64,
    pub(crate) cleaner: Cleaner,
    pub(crate) walk: Option<Walk>,
    pub(crate) rng: SmallRng,
    pub(crate) counters: Stats,
    /// Where a longer value is put together before it is written.
    pub(crate) scratch: Vec<u8>,
    /// A collected value that may be stored where it lies.
    pub(crate) offered: Option<Arc<LargeValue>>,
    pub(crate) packing: Packing,
}

impl<E: Effects> Engine<E> {
    /// An empty engine.
    ///
    /// # Errors
    /// When the configuration is impossible or the system refuses the address space.
    pub fn new(config: Config, effects: E) -> Result<Self, StartError> {
        config.check()?;
        let bytes = config.address_space_bytes;
        let refused = |cause| StartError::Reserve { bytes, cause };
        // Segments that are not filled yet, or were walked past, take addresses beyond the limit.
        let spare = (SPARE_SEGMENTS * config.segment_len) as u64;
        let reserved = (bytes + spare).min(ADDRESS_SPACE_BYTES_MAX);
        let mut segments = Segments::reserve(config.segment_len, reserved).map_err(refused)?;
        segments.tell_queues_apart(config.policy.walks_queues());
        let index = Index::reserve(bytes).map_err(refused)?;
        Ok(Self {
            effects,
            hasher: config.hasher,
            slot_of: config.slot_of,
            limits: config.limits,
            address_space_bytes: bytes,
            ceiling: config.limits.memory_bytes_max,
            index,
            segments,
            larges: Larges::default(),
            wheel: Wheel::new(),
            sequences: Sequences::new(config.start),
            keeper: Keeper::new(config.policy),
            hot: Hot::new(config.seed),
            largest: Largest::default(),
            largest_checked_ms: 0,
            cleaner: Cleaner::default(),
            walk: None,
            rng: SmallRng::seed_from_u64(config.seed),
            counters: Stats::default(),
            scratch: Vec::new(),
            offered: None,
            packing: Packing::new(config.compression, config.clock_ns),
        })
    }

    /// Where the effects go.
    pub fn effects_mut(&mut self) -> &mut E {
        &mut self.effects
    }

    /// Makes the keys this engine takes.
    pub fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// What the engine may hold.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What goes when a limit is reached.
    pub fn policy(&self) -> Policy {
        self.keeper.policy()
    }

    /// Changes what goes when a limit is reached. `maintain` makes all items equal step by step;
    /// until it has come by, what the old policy noted is read as the new one's.
    pub fn set_policy(&mut self, policy: Policy) {
        if policy != self.keeper.policy() {
            self.keeper.set_policy(policy);
            self.segments.tell_queues_apart(policy.walks_queues());
            self.walk = Some(Walk { levels: true, ..Walk::default() });
        }
    }

    /// Milliseconds since the item of `key` was used, if the policy goes by that; leaves no trace.
    pub fn idle_ms(&self, key: &Key<'_>, now_ms: u64) -> Option<u64> {
        let access = self.segments.record(self.find(key)?).shape().access();
        Some(self.keeper.idle_ms(access, now_ms))
    }

    /// How often the item of `key` was used, on the logarithmic scale of `lfu`; leaves no trace.
    pub fn frequency(&self, key: &Key<'_>) -> Option<u32> {
        let access = self.segments.record(self.find(key)?).shape().access();
        Some(self.keeper.lfu.counter(access))
    }

    /// The version of the slot's last change.
    pub fn slot_version(&self, slot: u16) -> Version {
        self.sequences.current(slot)
    }

    /// Asks the processor for what the commands on these keys will read: their slots, then their
    /// lines in the tables, then their records, each for all keys before the next, so that the
    /// cache misses of many keys overlap.
    #[inline]
    pub fn prefetch<'k>(&self, keys: impl Iterator<Item = &'k Key<'k>> + Clone) {
        let records = keys.clone();
        let node = |key: &Key<'_>| self.index.node(key.db, key.slot);
        keys.clone().filter_map(node).for_each(prefetch);
        for key in keys.clone() {
            if let Some(node) = node(key) {
                let fragment = key.place().fragment;
                node.leaf(fragment).0.touch(fragment);
            }
        }
        for key in keys {
            let Some(at) = self.index.find(key.place(), |_| true) else { continue };
            for offset in [0, LINE_LEN] {
                self.segments.byte(at, offset).into_iter().for_each(prefetch);
            }
        }
        if self.segments.totals().live_bytes > self.index.items() * LONG_RECORD_LEN as u64 {
            self.prefetch_long(records);
        }
    }

    /// Asks for what follows the first lines of records, whose lengths are known by now.
    #[inline(never)]
    fn prefetch_long<'k>(&self, keys: impl Iterator<Item = &'k Key<'k>>) {
        for key in keys {
            let Some(at) = self.index.find(key.place(), |_| true) else { continue };
            let len = self.segments.record(at).shape().len().min(PREFETCH_RECORD_BYTES_MAX);
            for offset in (2 * LINE_LEN..len).step_by(LINE_LEN) {
                self.segments.byte(at, offset).into_iter().for_each(prefetch_near);
            }
        }
    }

    /// Bytes of segments in use, index, large values and what codecs work with.
    #[inline]
    pub fn accounted_bytes(&self) -> u64 {
        let index = self.index_bytes();
        self.segments.totals().charged_bytes() + index + self.larges.bytes()
    }

    /// Bytes of the index's tables, the wheel's chunks and the ghost.
    #[inline]
    fn index_bytes(&self) -> u64 {
        (self.index.footprint.bytes() + self.wheel.bytes() + self.keeper.ghost.bytes()) as u64
    }

    /// Bytes of large values that are held for clients' sake alone and are not accounted here: of
    /// those replaced while they are sent, and of requests that were let go.
    pub fn pinned_bytes(&self) -> u64 {
        self.larges.pinned_bytes()
    }

    /// Live items of a database; those past their deadline count until they are removed.
    pub fn len(&self, db: u8) -> u64 {
        self.index.directory(db).map_or(0, |directory| directory.len())
    }

    /// Whether a database has no items.
    pub fn is_empty(&self, db: u8) -> bool {
        self.len(db) == 0
    }

    /// Live items of a database that have a deadline.
    pub fn len_with_deadline(&self, db: u8) -> u64 {
        self.index.directory(db).map_or(0, |directory| directory.deadlines())
    }

    /// Live items of a slot in database 0.
    pub fn slot_len(&self, slot: u16) -> u64 {
        self.index.directory(0).map_or(0, |directory| directory.slot_len(slot))
    }

    /// Counters since the start or the last reset, and what is held now.
    pub fn stats(&self) -> Stats {
        let mut longest_step = self.counters.longest_step;
        longest_step.raise(self.index.footprint.longest);
        let live_bytes = self.segments.totals().live_bytes;
        let (tally, unpacking) = (self.packing.tally, &self.packing.unpacking);
        Stats {
            items: self.index.items(),
            items_with_deadline: self.index.deadlines(),
            segments: self.segments.in_use(),
            live_bytes,
            dead_bytes: self.segments.totals().charged_bytes() - live_bytes,
            index_bytes: self.index_bytes(),
            large_bytes: self.larges.bytes() - self.larges.set_apart_bytes(),
            codec_bytes: self.larges.set_apart_bytes(),
            wheel_entries: self.wheel.entries(),
            longest_step,
            packed_items: tally.items,
            packed_raw_bytes: tally.raw_bytes,
            packed_stored_bytes: tally.stored_bytes,
            unpacks: unpacking.count.get(),
            unpack_ns: unpacking.took_ns.get(),
            pack_waiting: self.packing.queue.len() as u64,
            ..self.counters
        }
    }

    /// Sets the counters to zero; what is held is held.
    pub fn reset_stats(&mut self) {
        self.counters = Stats::default();
        self.packing.unpacking.count.set(0);
        self.packing.unpacking.took_ns.set(0);
        self.index.footprint.longest = crate::stats::Work::default();
    }

    /// Where the key lies, expired or not.
    #[inline]
    pub(crate) fn find(&self, key: &Key<'_>) -> Option<Address> {
        let segments = &self.segments;
        self.index.find(key.place(), |at| segments.record(at).key() == key.bytes)
    }

    /// Where the index keeps the key of the record at `at`, computed again from the key.
    #[inline(always)]
    pub(crate) fn place_at(&self, at: Address) -> Place {
        let record = self.segments.record(at);
        let slot = (self.slot_of)(record.key());
        self.hasher.key(record.shape().db(), slot, record.key()).place()
    }

    /// The item whose record lies at `at`; inlined, so that only what is asked for is read.
    #[inline(always)]
    pub(crate) fn item(&self, at: Address) -> Item<'_> {
        let record = self.segments.record(at);
        let shape = record.shape();
        // What is called returns in registers: a value that went through memory would be waited
        // for, with all writes before it.
        let value = if shape.is_plain() {
            ValueRef::Inline(record.value())
        } else if shape.is_packed() {
            let (bytes, by) = (self.packed_value(record), &self.packing.unpacking);
            ValueRef::Packed(Packed { bytes, by })
        } else {
            ValueRef::Large(self.large_value(record))
        };
        Item {
            value,
            version: record.version(),
            deadline_ms: record.deadline_ms(),
            client_flags: record.client_flags(),
            tag: record.tag(),
            idle_ticks: self.keeper.lru.age(record.shape().access()),
        }
    }

    /// A value that has a mapping of its own.
    #[cold]
    #[inline(never)]
    fn large_value(&self, record: Record<'_>) -> &Arc<LargeValue> {
        self.larges.get(record.large_number().expect("the record is a large one"))
    }

    /// What a packed value was packed to.
    #[cold]
    #[inline(never)]
    fn packed_value<'a>(&'a self, record: Record<'a>) -> &'a [u8] {
        record.large_number().map_or(record.value(), |number| self.larges.get(number))
    }
}
