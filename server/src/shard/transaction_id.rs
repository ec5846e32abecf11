//! The name of a transaction, unique within the node.

/// Which shard coordinates a transaction, where it keeps it, and how often that place was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TransactionId {
    /// The coordinating shard.
    pub(crate) shard: u16,
    /// The place in the coordinator's table.
    pub(crate) place: u32,
    /// Distinguishes the transactions that used the place.
    pub(crate) serial: u32,
}
