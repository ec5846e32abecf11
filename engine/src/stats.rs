//! Counters of an engine.
//!
//! Invariant: `Work` holds, in each field, the most that one bounded step ever did since the last
//! reset. Cost: additions.

/// What one bounded step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Items whose record was touched.
    pub items: usize,
    /// Bytes copied or given back.
    pub bytes: usize,
    /// Tables made or freed.
    pub tables: usize,
    /// Index entries moved without touching their items.
    pub entries: usize,
}

impl Work {
    /// Raises each field to that of `step`.
    pub(crate) fn raise(&mut self, step: Self) {
        self.items = self.items.max(step.items);
        self.bytes = self.bytes.max(step.bytes);
        self.tables = self.tables.max(step.tables);
        self.entries = self.entries.max(step.entries);
    }
}

/// What an engine did and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Reads that found a live item.
    pub hits: u64,
    /// Reads that found none.
    pub misses: u64,
    /// Items removed because their deadline passed.
    pub expired: u64,
    /// Items removed because their room was needed.
    pub evicted: u64,
    /// Live items in all databases.
    pub items: u64,
    /// Live items with a deadline.
    pub items_with_deadline: u64,
    /// Segments in use.
    pub segments: u64,
    /// Bytes of live records.
    pub live_bytes: u64,
    /// Bytes of dead records and unfilled ends in segments in use.
    pub dead_bytes: u64,
    /// Bytes of the index's tables and the wheel's chunks.
    pub index_bytes: u64,
    /// Bytes mapped for large values.
    pub large_bytes: u64,
    /// Bytes set apart for what codecs work with.
    pub codec_bytes: u64,
    /// Bytes of records copied by compaction.
    pub copied_bytes: u64,
    /// Bytes of records appended by writes.
    pub written_bytes: u64,
    /// Entries in the expiry wheel, stale ones included.
    pub wheel_entries: u64,
    /// Times a write had to clean more than its own share to get room.
    pub stalls: u64,
    /// Items whose value is packed.
    pub packed_items: u64,
    /// Bytes of their values as clients see them.
    pub packed_raw_bytes: u64,
    /// Bytes of their values as they are held.
    pub packed_stored_bytes: u64,
    /// Values packed, on the shard or by the worker.
    pub packs: u64,
    /// Values that packing did not shorten enough.
    pub poor_packs: u64,
    /// Values left raw because they were too long to be packed or too many waited.
    pub pack_skips: u64,
    /// Values that wait for the worker.
    pub pack_waiting: u64,
    /// Values unpacked.
    pub unpacks: u64,
    /// Time that packing took on the shard, in nanoseconds of `Config::clock_ns`.
    pub pack_ns: u64,
    /// Time that unpacking took.
    pub unpack_ns: u64,
    /// Time that the worker took, by its own clock.
    pub worker_ns: u64,
    /// The most that one bounded step did.
    pub longest_step: Work,
}

/// What is left to maintain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// More work is waiting now.
    pub more: bool,
    /// Wall time at which the next expiry work is due.
    pub next_due_ms: Option<u64>,
}
