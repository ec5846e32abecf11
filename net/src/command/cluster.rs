//! What CLUSTER can ask.
//!
//! Owns the closed set of its sub-commands.

/// `CLUSTER …`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named in the syntax above each variant")]
pub enum ClusterCommand<'a> {
    /// `SLOTS`
    Slots,
    /// `SHARDS`
    Shards,
    /// `NODES`
    Nodes,
    /// `INFO`
    Info,
    /// `MYID`
    MyId,
    /// `MYSHARDID`
    MyShardId,
    /// `KEYSLOT key`
    KeySlot { key: &'a [u8] },
    /// `COUNTKEYSINSLOT slot`
    CountKeysInSlot { slot: u16 },
    /// `GETKEYSINSLOT slot count`
    GetKeysInSlot { slot: u16, count: u64 },
    /// `REPLICAS node` and `SLAVES node`
    Replicas { node: &'a [u8] },
    /// `LINKS`
    Links,
    /// `HELP`
    Help,
}
