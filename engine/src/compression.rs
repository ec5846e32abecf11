//! Compression: which values are packed how, and what one engine keeps for it.
//!
//! Invariant: `longer_than` is out of reach while nothing is to be packed, so that one comparison
//! decides; `bytes` is what contexts and buffers take at most, and counts against the limit before
//! they are made. Cost: they are made when the first value is packed, and kept while the setting
//! stays, those for unpacking while anything is packed then.

use crate::codec::{Codec, Packer, Unpackable};
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
    /// Memory is set apart for packing, and for unpacking these.
    packs: bool,
    pub(crate) unpackable: Unpackable,
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
            packs: false,
            unpackable: Unpackable::default(),
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
            self.forget_packer();
            if self.tally.items == 0 {
                self.unpacking.forget();
                self.unpackable = Unpackable::default();
            }
            self.queue.clear();
        }
        self.compression = compression;
    }

    /// Gives back what packing takes.
    pub(crate) fn forget_packer(&mut self) {
        self.packer = Packer::default();
        self.scratch = Vec::new();
        self.packs = false;
    }

    /// Memory was set apart for these.
    pub(crate) fn equip(&mut self, packs: bool, unpackable: Unpackable) {
        if packs && !self.packs {
            // In one piece, since a vector that grows takes more than it needs.
            self.scratch = Vec::with_capacity(self.compression.codec.scratch_bytes_max());
        }
        (self.packs, self.unpackable) = (packs, unpackable);
    }

    /// Whether memory is set apart for packing.
    #[inline]
    pub(crate) fn packs(&self) -> bool {
        self.packs
    }

    /// Bytes that are set apart, or would be.
    pub(crate) fn bytes(&self, packs: bool, unpackable: Unpackable) -> u64 {
        let packing = if packs { self.compression.codec.shard_bytes_max() } else { 0 };
        (packing + unpackable.bytes_max()) as u64
    }
}
