//! The engine's bounds, each with its unit in its name.
//!
//! Invariant: every loop, queue and size in this crate ends at one of these, or at a figure of
//! `Limits`, which the caller chose. Cost: none, they are constants.

/// Slots of the key space, as Redis Cluster counts them.
pub const SLOT_COUNT: usize = 16384;
/// Numbered databases.
pub const DATABASES_MAX: usize = 16;
/// Longest key; an eighth of a segment where that is less.
pub const KEY_LEN_BYTES_MAX: usize = 65_535;
/// Longest value whatever the configuration says.
pub const VALUE_LEN_BYTES_MAX: usize = 512 << 20;

/// Items one bounded step may touch.
pub const STEP_ITEMS_MAX: usize = 256;
/// Bytes one bounded step may copy or give back, beyond one record it has begun.
pub const STEP_BYTES_MAX: usize = 64 << 10;
/// Tables one bounded step may free or make.
pub const STEP_TABLES_MAX: usize = 256;

/// Tables one bounded step may move to other places.
pub const PACKED_TABLES_MAX: usize = 16;
/// Holes behind the last table of a size that one bounded step may take away.
pub const CLOSED_HOLES_MAX: usize = 64;
/// Tables one bounded step may look at to shrink one of them.
pub const TRIM_LOOKS_MAX: usize = 64;

/// Smallest segment.
pub const SEGMENT_LEN_BYTES_MIN: usize = 64 << 10;
/// Largest segment.
pub const SEGMENT_LEN_BYTES_MAX: usize = 1 << 20;
/// The memory limit holds about this many segments when it is small.
pub const SEGMENTS_WANTED_MIN: u64 = 128;
/// Smallest memory limit an engine works with.
pub const MEMORY_BYTES_MIN: u64 = 2 << 20;
/// Addressable memory of one engine: 36 bits of 2-byte units.
pub const ADDRESS_SPACE_BYTES_MAX: u64 = 128 << 30;

/// Longest dead record whose place a write may take.
pub const HOLE_LEN_BYTES_MAX: usize = 4096;
/// Segments whose dead bytes are worth a compaction while memory is to spare.
pub const COMPACT_SEGMENTS_MIN: u64 = 4;

/// The part of a segment that a value, and a key, may fill; longer values get their own mapping.
pub const SEGMENT_SHARE: usize = 8;
/// This part of a segment is kept free, so that a write waits for a bounded step only.
pub const RESERVE_SHARE: usize = 4;
/// Segments that the longest value leaves to others.
pub const OTHERS_SEGMENTS_MIN: u64 = 4;
/// Free segments that stay resident for reuse.
pub const FREE_RESIDENT_SEGMENTS_MAX: usize = 2;
/// Segments that may be in use beyond the limit, since they are not charged whole: two open ones a
/// stream, the first of each, and those that wait to be given back.
pub const SPARE_SEGMENTS: usize = 16;
/// A write scans this many times its own length of the segment being cleaned.
pub const CLEAN_PACE: usize = 6;
/// Segments considered when one is chosen to pay.
pub const VICTIM_CANDIDATES_MAX: usize = 256;
/// Records read to estimate what the segment that is due would give.
pub const DUE_SAMPLES_MAX: usize = 32;
/// Records read to estimate what a segment would give.
pub const VICTIM_SAMPLES_MAX: usize = 6;
/// Segments whose records are sampled for one choice.
pub const VICTIM_SHORTLIST_MAX: usize = 24;

/// Buckets of one table, of eight entries each; beyond it the table is split.
pub const TABLE_BUCKETS_MAX: usize = 128;
/// Children of a branch, a power of two.
pub const BRANCH_FANOUT: usize = 16;
/// Bits of hash that an index entry keeps.
pub const FRAGMENT_BITS: u32 = 28;
/// Buckets of a small table.
pub const SMALL_TABLE_BUCKETS_MAX: usize = 32;
/// What one change can add to index and wheel while all tables are small: a directory, a page, a
/// table, and what is known of their memory.
pub const SMALL_GROWTH_BYTES_MAX: u64 = 12 << 10;
/// What it can add then: a page, a branch and its sixteen tables.
pub const INDEX_GROWTH_BYTES_MAX: u64 = 48 << 10;

/// Below this many items eviction is exact LRU.
pub const EXACT_ITEMS_MAX: u64 = 128;
/// Items sampled for one eviction by count.
pub const EVICTION_SAMPLES: usize = 16;
/// Candidates remembered between evictions.
pub const EVICTION_POOL_MAX: usize = 16;
/// Items sampled to find the age at which eviction starts.
pub const CUTOFF_SAMPLES: usize = 96;

/// Moments at which the access clock's tick is remembered.
pub const IDLE_MOMENTS_MAX: usize = 128;

/// Ticks beyond which items are all equally old, half the range of the access clock.
pub const AGE_TICKS_MAX: u32 = 1 << 19;

/// Items one scan call visits at most.
pub const SCAN_ITEMS_MAX: usize = 256;
/// Places of a table drawn for a sample until one is taken.
pub const SAMPLE_DRAWS_MAX: usize = 8;
/// Tries of one search for a random live key.
pub const RANDOM_TRIES_MAX: usize = 64;

/// Milliseconds of the wheel's finest tick, a power of two.
pub const WHEEL_TICK_MS: u64 = 1024;
/// Levels of the wheel: 64^7 ticks cover 48 bits of milliseconds.
pub const WHEEL_LEVELS: usize = 7;
/// Latest deadline, in milliseconds of the epoch.
pub const DEADLINE_MS_MAX: u64 = (1 << 48) - 1;
/// Stale wheel entries tolerated beyond one for every two items with a deadline.
pub const WHEEL_STALE_MAX: u64 = 4096;

/// Milliseconds of a part of the window in which accesses count: half a minute, half the window.
pub const HOT_PART_MS: u64 = 30_000;
/// Samples after which the average distance between two of them doubles.
pub const HOT_STAGE_MAX: u32 = 128;
/// Largest average distance between two sampled accesses, a power of two.
pub const HOT_DISTANCE_MAX: u32 = 128;
/// Longest key whose bytes the sketch of hot keys keeps; longer ones are named while they exist.
pub const HOT_NAME_BYTES_MAX: usize = 256;
/// A key is hot that had at least one in so many accesses.
pub const HOT_SHARE_MIN: u64 = 100;
/// Hot keys reported at once: there cannot be more.
pub const HOT_KEYS_MAX: usize = 100;
/// Large items reported at once.
pub const LARGEST_ITEMS_MAX: usize = 128;
/// Between two looks at whether a large item is still there: all are looked at within two seconds.
pub const LARGEST_CHECK_MS: u64 = 16;
/// Bytes of the index that an item takes: its entry and the part of its table that is not filled.
pub const INDEX_SHARE_BYTES: usize = 9;
/// Bytes of a record that are fetched ahead of its command.
pub const PREFETCH_RECORD_BYTES_MAX: usize = 2048;

/// Longest values that the shard packs itself, so that it takes at most 200 us. Measured with text
/// and with text beside random bytes, the slower counts: LZ4 58 us,
pub const LZ4_SHARD_BYTES_MAX: usize = 64 << 10;
/// Zstandard's levels up to 3 98 us,
pub const ZSTD_FAST_SHARD_BYTES_MAX: usize = 32 << 10;
/// those up to 6 60 us, but 159 us of twice as much,
pub const ZSTD_SHARD_BYTES_MAX: usize = 8 << 10;
/// those up to 9 49 us, but 120 us of twice as much; higher ones are left to the worker,
pub const ZSTD_SLOW_SHARD_BYTES_MAX: usize = 4 << 10;
/// gzip's levels up to 6 124 us,
pub const GZIP_SHARD_BYTES_MAX: usize = 16 << 10;
/// its higher ones 69 us, but 171 us of twice as much.
pub const GZIP_SLOW_SHARD_BYTES_MAX: usize = 8 << 10;
/// Longest values that are packed at all, so that unpacking takes at most 500 us: LZ4 322 us,
pub const LZ4_RAW_BYTES_MAX: usize = 1 << 20;
/// Zstandard 435 us,
pub const ZSTD_RAW_BYTES_MAX: usize = 512 << 10;
/// gzip 325 us.
pub const GZIP_RAW_BYTES_MAX: usize = 128 << 10;
/// A packed value is shorter by this part of its raw length, or is kept raw.
pub const PACKED_GAIN_SHARE: usize = 8;
/// Highest level of Zstandard: those above want tens of megabytes to pack anything.
pub const ZSTD_LEVEL_MAX: u8 = 19;
/// Highest level of gzip.
pub const GZIP_LEVEL_MAX: u8 = 9;
/// Memory of the contexts that a shard packs with, at most, for values as long as it packs: LZ4's
/// table,
pub const LZ4_CONTEXT_BYTES_MAX: usize = 16 << 10;
/// Zstandard's of the levels up to 3,
pub const ZSTD_FAST_CONTEXT_BYTES_MAX: usize = 532 << 10;
/// up to 6,
pub const ZSTD_CONTEXT_BYTES_MAX: usize = 152 << 10;
/// and up to 9,
pub const ZSTD_SLOW_CONTEXT_BYTES_MAX: usize = 108 << 10;
/// and gzip's.
pub const GZIP_CONTEXT_BYTES_MAX: usize = 376 << 10;
/// Memory of the contexts that a shard unpacks with: Zstandard's,
pub const ZSTD_UNPACK_BYTES_MAX: usize = 94 << 10;
/// and gzip's. LZ4 needs none.
pub const GZIP_UNPACK_BYTES_MAX: usize = 48 << 10;
/// Memory of all contexts that a `Packer` of values of any length has at a time: Zstandard's of the
/// highest level takes most of it.
pub const PACKER_BYTES_MAX: usize = 10 << 20;
/// Codecs' memory on a shard takes at most this part of the limit; what would take more is left to
/// the worker, or raw.
pub const CODEC_MEMORY_SHARE: u64 = 8;
/// Values that wait to be packed by the worker; one more stays raw.
pub const PACK_QUEUE_MAX: usize = 256;
/// Values of one engine that the worker may have at the same time.
pub const PACK_JOBS_MAX: usize = 4;
