//! Large values: those that get a mapping of their own.
//!
//! A value is filled once as a `StagedValue`, then shared as `Arc<LargeValue>`. Invariant: a
//! shared value never changes; whoever clones the handle pins it. Cost: memory is taken as bytes
//! arrive, and nothing is copied from staging to storing to sending.

use core::ops::Deref;

use crate::mapping::{Mapping, PAGE_LEN};
use crate::refused::Refused;

/// A value in a mapping of its own.
#[derive(Debug)]
pub struct LargeValue {
    mapping: Mapping,
    /// Where in it the value begins: behind what came with it.
    start: usize,
    len: usize,
    /// Bytes beyond were never written, so they are zero.
    written: usize,
}

impl Deref for LargeValue {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.mapping.bytes()[self.start..self.start + self.len]
    }
}

impl AsRef<[u8]> for LargeValue {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl LargeValue {
    /// Bytes of memory the value holds at most.
    pub fn mapped_len(&self) -> usize {
        self.mapping.len()
    }

    /// How long the value can grow where it is.
    pub(crate) fn room(&self) -> usize {
        self.mapping.len() - self.start
    }

    /// A value of `len` bytes that begins `start` bytes into a mapping for `room` bytes.
    pub(crate) fn within(start: usize, len: usize, room: usize) -> Result<Self, Refused> {
        assert!(start + len <= room, "a value lies within its mapping");
        let mapped = pages(room);
        let mapping = Mapping::zeroed(mapped).map_err(|_| out_of_memory(mapped))?;
        Ok(Self { mapping, start, len, written: 0 })
    }

    /// What has been written to the mapping, with what came before and behind the value.
    #[inline]
    pub(crate) fn whole(&self) -> &[u8] {
        &self.mapping.bytes()[..self.written]
    }

    /// Appends as much of `bytes` to what has been written as there is room for. Returns how much.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> usize {
        let (from, room) = (self.written, self.mapping.len() - self.written);
        let taken = bytes.len().min(room);
        // One entry into the kernel instead of a fault for each page.
        self.mapping.populate(from..from + taken);
        self.mapping.bytes_mut()[from..from + taken].copy_from_slice(&bytes[..taken]);
        self.written += taken;
        taken
    }

    /// Makes room for `room` bytes in all.
    pub(crate) fn widen(&mut self, room: usize) -> Result<(), Refused> {
        let mapped = pages(room).max(self.mapping.len());
        self.mapping.resize(mapped).map_err(|_| out_of_memory(mapped))
    }

    /// The bytes, for a holder that shares them with nobody.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let (start, end) = (self.start, self.start + self.len);
        self.written = self.written.max(end);
        &mut self.mapping.bytes_mut()[start..end]
    }

    /// Lengthens the value to `len` bytes, the new ones zero; a full mapping grows by an eighth.
    pub(crate) fn lengthen(&mut self, len: usize) -> Result<(), Refused> {
        if self.start + len > self.mapping.len() {
            let wanted = lengthened(self.start + len);
            self.mapping.resize(wanted).map_err(|_| out_of_memory(wanted))?;
        }
        let end = self.start + self.len;
        if self.written > end {
            self.mapping.bytes_mut()[end..self.written].fill(0);
        }
        self.len = self.len.max(len);
        self.written = self.start + self.len;
        Ok(())
    }

    /// Gives back the room that was never written.
    pub(crate) fn trim(&mut self) {
        // Shrinking cannot fail for want of memory, and what stays mapped would be given back.
        if self.mapping.resize(pages(self.written)).is_ok() {
            self.len = self.len.min((self.mapping.len()).saturating_sub(self.start));
        }
    }

    /// Gives back up to `bytes` of the end; `None` when all is given back.
    pub(crate) fn shrink(mut self, bytes: usize) -> (usize, Option<Self>) {
        let mapped = self.mapping.len();
        let kept = mapped.saturating_sub(bytes.max(PAGE_LEN)).next_multiple_of(PAGE_LEN);
        self.len = self.len.min(kept.saturating_sub(self.start));
        self.written = self.written.min(kept);
        if kept == 0 || self.mapping.resize(kept).is_err() {
            return (mapped, None);
        }
        (mapped - kept, Some(self))
    }
}

/// A value being received into its final place.
#[derive(Debug)]
pub struct StagedValue {
    value: LargeValue,
    expected: usize,
}

impl StagedValue {
    /// Room for a value of `len` bytes; memory is taken as it is filled.
    ///
    /// # Errors
    /// `OutOfMemory` when the system has no address space left.
    pub fn new(len: usize) -> Result<Self, Refused> {
        Ok(Self { value: LargeValue::within(0, 0, len)?, expected: len })
    }

    /// Appends `bytes`.
    ///
    /// # Panics
    /// When more than the announced length arrives.
    pub fn extend(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.remaining(), "more bytes than announced");
        self.value.fill(bytes);
        self.value.len = self.value.written;
    }

    /// The room not filled yet, to receive into; `advance` says how much was.
    pub fn spare_mut(&mut self) -> &mut [u8] {
        &mut self.value.mapping.bytes_mut()[self.value.len..self.expected]
    }

    /// Says that the first `len` bytes of the spare room are filled.
    ///
    /// # Panics
    /// When that is more than there is.
    pub fn advance(&mut self, len: usize) {
        assert!(len <= self.remaining(), "more bytes than announced");
        self.value.len += len;
        self.value.written = self.value.len;
    }

    /// Bytes still to come.
    pub fn remaining(&self) -> usize {
        self.expected - self.value.len
    }

    /// The bytes so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.value
    }

    /// The finished value.
    pub(crate) fn finish(self) -> LargeValue {
        self.value
    }
}

/// Bytes mapped for a value that grew to `len`.
pub(crate) fn lengthened(len: usize) -> usize {
    pages(len + len / 8)
}

/// `len` rounded up to whole pages, at least one.
pub(crate) fn pages(len: usize) -> usize {
    len.max(1).next_multiple_of(PAGE_LEN)
}

fn out_of_memory(needed: usize) -> Refused {
    Refused::OutOfMemory { needed: needed as u64, limit: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(len: usize) -> StagedValue {
        let mut staged = StagedValue::new(len).expect("maps");
        let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        for part in bytes.chunks(1000) {
            staged.extend(part);
        }
        staged
    }

    #[test]
    fn a_value_is_filled_in_parts_and_read_back() {
        let mut value = staged(10_000).finish();
        assert_eq!((value.len(), value[9_999]), (10_000, (9_999 % 251) as u8));
        value.lengthen(19_000).expect("grows");
        assert_eq!((value.len(), value[9_999], value[18_999]), (19_000, (9_999 % 251) as u8, 0));
    }

    #[test]
    fn spare_room_is_received_into() {
        let mut staged = StagedValue::new(5000).expect("maps");
        staged.spare_mut()[..3].copy_from_slice(b"abc");
        staged.advance(3);
        assert_eq!((staged.as_bytes(), staged.remaining()), (&b"abc"[..], 4997));
        assert_eq!(staged.spare_mut().len(), 4997);
    }

    #[test]
    fn memory_is_given_back_in_steps() {
        let mut left = Some(staged(100_000).finish());
        let mut given = 0;
        while let Some(value) = left.take() {
            let (bytes, rest) = value.shrink(65536);
            assert!(bytes <= 65536);
            given += bytes;
            left = rest;
        }
        assert_eq!(given, pages(100_000));
    }

    #[test]
    #[should_panic(expected = "more bytes than announced")]
    fn more_than_announced_is_never_taken() {
        StagedValue::new(3).expect("maps").extend(b"four");
    }
}
