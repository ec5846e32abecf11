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
