//! Bounds of what the configuration accepts.
//!
//! Owns the numbers only. Each is checked where its setting is read, so the rest of the node
//! receives values inside these bounds.

/// Logical databases (`SELECT n`).
pub const DATABASES_MAX: u8 = 16;
/// Connections of all clients together.
pub const CLIENTS_MAX: usize = 1_000_000;
/// Least memory that may be asked for, in bytes; each shard needs 2 MiB and refuses to start with
/// less.
pub const MEMORY_BYTES_MIN: u64 = 1 << 20;
/// Most memory that may be asked for, in bytes (64 TiB): anything above it is a slip of the pen.
pub const MEMORY_BYTES_MAX: u64 = 1 << 46;
/// Longest value, in bytes.
pub const VALUE_LEN_MAX: u64 = 512 << 20;
/// Longest value unless the configuration says otherwise, in bytes.
pub const VALUE_LEN_DEFAULT: u64 = 64 << 20;
/// Length above which values are packed unless the configuration says otherwise, in bytes.
pub const COMPRESSION_THRESHOLD_DEFAULT: usize = 1 << 10;
/// Level of Zstandard unless the configuration says otherwise.
pub const ZSTD_LEVEL_DEFAULT: u8 = 3;
/// Level of gzip unless the configuration says otherwise.
pub const GZIP_LEVEL_DEFAULT: u8 = 6;
/// Virtual nodes a node puts on the ring.
pub const VIRTUAL_NODES_MAX: u32 = velodrome_ring::limits::VIRTUAL_NODES_MAX;
/// Longest time to live, idle time or interval, in milliseconds (100 years).
pub const DURATION_MS_MAX: u64 = 100 * 365 * 24 * 3600 * 1000;
/// Entries the slow log may hold.
pub const SLOWLOG_ENTRIES_MAX: usize = 100_000;
/// Addresses to listen on.
pub const BIND_ADDRESSES_MAX: usize = 16;
/// Other nodes that may be named.
pub const PEERS_MAX: usize = 1024;
/// Longest node id, in bytes.
pub const NODE_ID_LEN_MAX: usize = 64;
/// Longest password, in bytes.
pub const PASSWORD_LEN_MAX: usize = 512;
/// Longest configuration file that is read, in bytes.
pub const FILE_LEN_MAX: usize = 1 << 20;
/// Deepest edit distance at which a known name is still suggested for an unknown one.
pub const SUGGESTION_DISTANCE_MAX: usize = 3;
