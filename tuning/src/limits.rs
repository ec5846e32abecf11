//! Every bound of this crate, with its unit in its name.
//!
//! Owns the numbers only. Cost: none at run time.

/// Shards of one node.
pub const SHARDS_MAX: usize = 256;

/// CPUs of a host; the number of a CPU is below it. What an affinity mask of the C library holds.
pub const CPUS_MAX: usize = 1024;

/// Bytes read of one file of `/proc` or `/sys`; `/proc/cpuinfo` of 1024 CPUs is the longest.
pub const FILE_LEN_MAX: u64 = 4 * 1024 * 1024;

/// Levels of nested control groups that are looked at.
pub const CGROUP_DEPTH_MAX: usize = 64;

/// Network interfaces that are looked at.
pub const INTERFACES_MAX: usize = 64;

/// Queues of one interface in one direction, and interrupts of one interface.
pub const QUEUES_MAX: usize = 2048;

/// Settings in one record of what was changed: every CPU's governor and every queue's mask fit.
pub const CHANGES_MAX: usize = 16_384;

/// Bytes of such a record.
pub const RECORD_LEN_MAX: u64 = 16 << 20;

/// Bytes of one setting's value.
pub const VALUE_LEN_MAX: usize = 4096;

/// Columns of a report, commands apart, which are not broken.
pub const COLUMNS_MAX: usize = 100;
