//! Mappings: anonymous memory of the system.
//!
//! Owns the address range; outside this file only `runs.rs` holds pointers into one. Invariant: the
//! first `usable` bytes are mapped readable and writable, and therefore always initialised.
//! Cost: one system call for each change of the range, none for an access.

#![allow(unsafe_code)]

use core::ops::Range;
use core::ptr::NonNull;
use std::io;

use rustix::mm::{self, Advice, MapFlags, MprotectFlags, MremapFlags, ProtFlags};

/// Bytes of a page.
pub(crate) const PAGE_LEN: usize = 4096;

/// An anonymous private mapping of which a prefix is usable.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    /// Bytes of address space, whole pages.
    len: usize,
    /// Bytes of the readable and writable prefix, whole pages.
    usable: usize,
}

// SAFETY: the mapping is owned by this value alone; shared access only reads and exclusive
// access needs `&mut`, like a `Box<[u8]>`.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Reserves `len` bytes of address space of which none is usable yet.
    pub(crate) fn reserve(len: usize) -> io::Result<Self> {
        Self::map(len, ProtFlags::empty(), 0)
    }

    /// Maps `len` bytes, all usable and zero; memory is taken as it is touched.
    pub(crate) fn zeroed(len: usize) -> io::Result<Self> {
        Self::map(len, ProtFlags::READ | ProtFlags::WRITE, len)
    }

    fn map(len: usize, protection: ProtFlags, usable: usize) -> io::Result<Self> {
        assert!(len > 0 && len.is_multiple_of(PAGE_LEN));
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a null hint lets the kernel choose a free range, so no other memory is touched.
        let base = unsafe { mm::mmap_anonymous(core::ptr::null_mut(), len, protection, flags)? };
        let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mapped at zero"))?;
        Ok(Self { base, len, usable })
    }

    /// Bytes of address space.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that are usable.
    #[inline]
    pub(crate) fn bytes_usable(&self) -> usize {
        self.usable
    }

    /// Where it begins; what is done there by pointer is the caller's to answer for.
    #[inline]
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Makes the first `usable` bytes usable; the prefix only grows.
    pub(crate) fn extend_usable(&mut self, usable: usize) -> io::Result<()> {
        assert!(usable.is_multiple_of(PAGE_LEN));
        assert!(self.usable <= usable && usable <= self.len);
        let flags = MprotectFlags::READ | MprotectFlags::WRITE;
        // SAFETY: the range lies within this mapping, by the assertion above.
        unsafe {
            let from = self.base.as_ptr().add(self.usable);
            mm::mprotect(from.cast(), usable - self.usable, flags)?;
        }
        self.usable = usable;
        Ok(())
    }

    /// Gives the pages of `range` back; they read as zero afterwards.
    pub(crate) fn release(&mut self, range: Range<usize>) {
        assert!(range.start.is_multiple_of(PAGE_LEN) && range.end.is_multiple_of(PAGE_LEN));
        assert!(range.start <= range.end && range.end <= self.usable);
        // SAFETY: the range lies within the usable prefix, nobody borrows it (`&mut self`), and a
        // private anonymous page that was given back reads as zero, which is a valid byte.
        let given = unsafe {
            let from = self.base.as_ptr().add(range.start);
            mm::madvise(from.cast(), range.len(), Advice::LinuxDontNeed)
        };
        assert!(given.is_ok(), "a range of our own can be given back");
    }

    /// Takes the memory of the pages of `range` at once: a hint, written pages stay as they are.
    pub(crate) fn populate(&mut self, range: Range<usize>) {
        let from = range.start.next_multiple_of(PAGE_LEN);
        let to = range.end.next_multiple_of(PAGE_LEN);
        assert!(to <= self.usable);
        if from >= to {
            return;
        }
        // SAFETY: the range lies within the usable prefix, and its bytes stay what they are. Where
        // the kernel knows no such advice the pages are taken one by one as they are written.
        let _ = unsafe {
            let start = self.base.as_ptr().add(from);
            mm::madvise(start.cast(), to - from, Advice::LinuxPopulateWrite)
        };
    }

    /// Changes the length of a mapping that is usable throughout; the base may move.
    pub(crate) fn resize(&mut self, len: usize) -> io::Result<()> {
        assert!(len > 0 && len.is_multiple_of(PAGE_LEN) && self.usable == self.len);
        // SAFETY: the whole mapping is ours and nobody borrows it (`&mut self`); the kernel moves
        // its content along, and new pages are zero.
        let base = unsafe {
            let old = self.base.as_ptr().cast();
            mm::mremap(old, self.len, len, MremapFlags::MAYMOVE)?
        };
        self.base = NonNull::new(base.cast()).expect("the kernel moved a mapping to zero");
        (self.len, self.usable) = (len, len);
        Ok(())
    }

    /// The usable bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the prefix is mapped, initialised (zero or written) and only shared meanwhile.
        unsafe { core::slice::from_raw_parts(self.base.as_ptr(), self.usable) }
    }

    /// The usable bytes, for writing.
    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `&mut self` keeps everyone else out.
        unsafe { core::slice::from_raw_parts_mut(self.base.as_ptr(), self.usable) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is ours and no borrow of it outlives this value.
        let unmapped = unsafe { mm::munmap(self.base.as_ptr().cast(), self.len) };
        debug_assert!(unmapped.is_ok());
    }
}

/// Asks the processor to load the cache line of `place`; a hint, it reads nothing.
#[inline(always)]
pub(crate) fn prefetch<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch is a hint and never faults; the reference is valid besides.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(place).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// As [`prefetch`], but not into the first cache, which more important lines are on their way to.
#[inline(always)]
pub(crate) fn prefetch_near<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: as in `prefetch`.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(core::ptr::from_ref(place).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_range_becomes_usable_from_its_front() {
        let mut mapping = Mapping::reserve(1 << 20).expect("maps");
        assert!(mapping.bytes().is_empty());
        mapping.extend_usable(PAGE_LEN).expect("protects");
        mapping.bytes_mut()[PAGE_LEN - 1] = 7;
        mapping.extend_usable(2 * PAGE_LEN).expect("protects");
        assert_eq!(mapping.bytes()[PAGE_LEN - 1], 7);
        assert_eq!(mapping.bytes().len(), 2 * PAGE_LEN);
    }

    #[test]
    fn released_pages_read_as_zero_and_resized_ones_keep_their_bytes() {
        let mut mapping = Mapping::zeroed(4 * PAGE_LEN).expect("maps");
        mapping.bytes_mut().fill(9);
        mapping.release(PAGE_LEN..2 * PAGE_LEN);
        assert_eq!(mapping.bytes()[PAGE_LEN], 0);
        assert_eq!(mapping.bytes()[2 * PAGE_LEN], 9);
        mapping.resize(1024 * PAGE_LEN).expect("grows");
        assert_eq!(mapping.bytes()[3 * PAGE_LEN], 9);
        assert_eq!(mapping.bytes()[4 * PAGE_LEN], 0);
        mapping.resize(PAGE_LEN).expect("shrinks");
        assert_eq!(mapping.bytes().len(), PAGE_LEN);
    }

    #[test]
    #[should_panic(expected = "range.end <= self.usable")]
    fn a_range_beyond_the_usable_prefix_is_never_released() {
        Mapping::reserve(1 << 20).expect("maps").release(0..PAGE_LEN);
    }
}
