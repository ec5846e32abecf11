//! Refusals: what a client asked that cannot be done, with a text that says what to do.
//!
//! Invariant: a refused operation changed no key, although room may have been made for it.
//! Cost: plain values, formatted only when shown.

/// Why an operation was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The key is longer than any record can hold.
    #[error("key of {len} bytes is longer than the {max} bytes allowed; shorten it")]
    KeyTooLong {
        /// Bytes of the key.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The value is longer than the limit, or than the whole memory of a shard.
    #[error(
        "value of {len} bytes is longer than the {max} bytes allowed; split it or raise the limit"
    )]
    ItemTooLong {
        /// Bytes of the value.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Nothing more can be evicted to make room.
    #[error("{needed} bytes are needed and {limit} are allowed in all; raise the memory limit")]
    OutOfMemory {
        /// Bytes the operation needs.
        needed: u64,
        /// Bytes the engine may hold.
        limit: u64,
    },
    /// No item may go to make room for one more.
    #[error("{items_max} items are allowed and none may go; raise the item limit")]
    TooManyItems {
        /// Items the engine may hold.
        items_max: u64,
    },
    /// The value is not a 64-bit integer in decimal.
    #[error("value is not an integer or out of range; store a decimal integer first")]
    NotAnInteger,
    /// The sum does not fit 64 bits.
    #[error("increment or decrement would overflow; use a smaller step")]
    Overflow,
}

/// Why an engine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The limits contradict each other.
    #[error("memory limit of {memory_bytes} bytes is below the {min} a shard needs; raise it")]
    MemoryTooSmall {
        /// Bytes asked for.
        memory_bytes: u64,
        /// Bytes needed.
        min: u64,
    },
    /// The segment length is no power of two within bounds.
    #[error("segment length {segment_len} must be a power of two from {min} to {max}")]
    SegmentLen {
        /// Bytes asked for.
        segment_len: usize,
        /// Smallest.
        min: usize,
        /// Largest.
        max: usize,
    },
    /// The reserved range is too small for the limit, or beyond what an address can express.
    #[error(
        "address space of {address_space_bytes} bytes must lie between the memory limit and {max}"
    )]
    AddressSpace {
        /// Bytes asked for.
        address_space_bytes: u64,
        /// Largest.
        max: u64,
    },
    /// A limit that was raised beyond the addresses set aside at the start.
    #[error(
        "memory limit of {memory_bytes} bytes is more than the {max} there are addresses for; \
         lower it, or start with it"
    )]
    BeyondAddresses {
        /// Bytes asked for.
        memory_bytes: u64,
        /// Bytes there are addresses for.
        max: u64,
    },
    /// An item limit of zero.
    #[error("an item limit of 0 holds nothing; leave it out for no limit")]
    NoItems,
    /// The system refused the memory.
    #[error("cannot reserve {bytes} bytes of address space: {cause}; check ulimit -v")]
    Reserve {
        /// Bytes asked for.
        bytes: u64,
        /// What the system said.
        cause: std::io::Error,
    },
}
