//! Every bound of this crate, with its unit in its name.
//!
//! Owns the numbers only; the modules that keep them refuse what goes beyond with a `RingError`.
//! Cost: none at run time.

/// Virtual nodes a node of weight 1 puts on the circle unless told otherwise.
pub const VIRTUAL_NODES: u32 = 150;

/// Virtual nodes a node of weight 1 may put on the circle.
pub const VIRTUAL_NODES_MAX: u32 = 4096;

/// Nodes on one circle.
pub const NODES_MAX: usize = 1024;

/// The weight of one node, relative to a node of weight 1.
pub const WEIGHT_MAX: u32 = 100;

/// Points of all nodes together: 16 bytes each, so a full circle takes 64 MiB.
pub const CIRCLE_POINTS_MAX: usize = 4 * 1024 * 1024;

/// Owners of one slot, its primary included.
pub const COPIES_MAX: usize = 7;

/// Cores (shards) of one node.
pub const CORES_MAX: usize = 256;

/// The largest epoch: versions keep 20 bits of it.
pub const EPOCH_MAX: u32 = (1 << 20) - 1;

/// What the busiest node may carry, in percent of its fair share; the product is rounded up to a
/// whole slot.
pub const LOAD_PERCENT_MAX: u64 = 105;
