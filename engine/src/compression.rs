//! Compression: which values are packed how, and what one engine keeps for it.
//!
//! Invariant: `longer_than` is out of reach while nothing is to be packed, so that one comparison
//! decides. Cost: contexts and buffers are made when the first value is packed.

use crate::codec::{Codec, Packer};
use crate::pack_queue::PackQueue;
use crate::packed::Unpacking;
use crate::tally::Tally;

/// Which values are packed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// How.
    pub codec: Codec,
    /// Values longer than this.
    pub threshold_bytes: usize,
}

impl Default for Compression {
    /// None; a threshold of 1 KiB once there is a codec.
    fn default() -> Self {
        Self { codec: Codec::None, threshold_bytes: 1024 }
    }
}

/// What one engine packs with.
#[derive(Debug)]
pub(crate) struct Packing {
    pub(crate) compression: Compression,
    /// Values longer than this may be packed.
    pub(crate) longer_than: usize,
    pub(crate) packer: Packer,
    /// What was packed last.
    pub(crate) scratch: Vec<u8>,
    pub(crate) queue: PackQueue,
    pub(crate) tally: Tally,
    pub(crate) unpacking: Unpacking,
    pub(crate) clock_ns: fn() -> u64,
}

impl Packing {
    pub(crate) fn new(compression: Compression, clock_ns: fn() -> u64) -> Self {
        let mut packing = Self {
            compression,
            longer_than: usize::MAX,
            packer: Packer::default(),
            scratch: Vec::new(),
            queue: PackQueue::default(),
            tally: Tally::default(),
            unpacking: Unpacking::new(clock_ns),
            clock_ns,
        };
        packing.set(compression);
        packing
    }

    /// Values written from now on are packed like this; those that wait are not packed any more.
    pub(crate) fn set(&mut self, compression: Compression) {
        let none = compression.codec == Codec::None;
        self.longer_than = if none { usize::MAX } else { compression.threshold_bytes };
        if compression != self.compression {
            self.packer = Packer::default();
            self.scratch = Vec::new();
            self.queue.clear();
        }
        self.compression = compression;
    }
}
