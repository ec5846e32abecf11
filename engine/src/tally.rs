//! What packed values weigh, packed and raw.
//!
//! Invariant: the sums are those of the packed records in the index and in retired tables. Cost:
//! three additions for a packed record that comes or goes, nothing for others.

use crate::record::Record;

/// Sums over packed values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) items: u64,
    pub(crate) raw_bytes: u64,
    pub(crate) stored_bytes: u64,
}

impl Tally {
    /// A packed record has been written.
    pub(crate) fn add(&mut self, record: Record<'_>) {
        let (raw_len, stored_len) = record.packed_lens();
        self.items += 1;
        self.raw_bytes += raw_len as u64;
        self.stored_bytes += stored_len as u64;
    }

    /// A packed record goes.
    pub(crate) fn remove(&mut self, record: Record<'_>) {
        let (raw_len, stored_len) = record.packed_lens();
        self.items -= 1;
        self.raw_bytes -= raw_len as u64;
        self.stored_bytes -= stored_len as u64;
    }
}
