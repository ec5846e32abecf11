//! Totals: what the accounts of all segments add up to.
//!
//! Invariant: `live_bytes` is the sum of `live_of`, and what is charged is never less. Cost: a few
//! additions a record.

use crate::segment::{STREAMS, Stream};

/// Sums over all segments of one engine.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// Bytes and number of live records by stream.
    live_of: [u64; STREAMS],
    items_of: [u64; STREAMS],
    /// Bytes of live records.
    pub(crate) live_bytes: u64,
    /// Bytes that are filled, behind fronts.
    pub(crate) used_bytes: u64,
    /// Bytes at the ends of segments that no record will take.
    pub(crate) tail_bytes: u64,
}

impl Totals {
    /// Bytes that count against the memory limit.
    #[inline]
    pub(crate) fn charged_bytes(&self) -> u64 {
        self.used_bytes + self.tail_bytes
    }

    /// Bytes of dead records, which compaction can take back.
    pub(crate) fn dead_bytes(&self) -> u64 {
        self.used_bytes - self.live_bytes
    }

    /// Live bytes of a stream's records.
    pub(crate) fn live_bytes_of(&self, stream: Stream) -> u64 {
        self.live_of[stream as usize]
    }

    /// Live records of a stream.
    pub(crate) fn items_of(&self, stream: Stream) -> u64 {
        self.items_of[stream as usize]
    }

    /// A record lives.
    #[inline(always)]
    pub(crate) fn came(&mut self, stream: Stream, len: usize) {
        self.live_of[stream as usize] += len as u64;
        self.items_of[stream as usize] += 1;
        self.live_bytes += len as u64;
    }

    /// A record is dead.
    #[inline(always)]
    pub(crate) fn went(&mut self, stream: Stream, len: usize) {
        self.live_of[stream as usize] -= len as u64;
        self.items_of[stream as usize] -= 1;
        self.live_bytes -= len as u64;
    }
}
