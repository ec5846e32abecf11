//! Buckets: eight index entries, one cache line.
//!
//! An entry is eight bytes: where the item lies and a piece of its hash.
//!
//! ```text
//!  63                                28 27                          0
//! ┌────────────────────────────────────┬─────────────────────────────┐
//! │ address, 2-byte units           36 │ fragment of the hash     28 │
//! └────────────────────────────────────┴─────────────────────────────┘
//! ```
//!
//! Invariant: the entries of a bucket stand at its front, so its last place says whether it is
//! full. Cost: one cache line, since runs (`runs.rs`) begin on lines' boundaries; all eight
//! fragments are compared at once, by instructions that every x86-64 has.

#![allow(unsafe_code)]

use crate::limits::FRAGMENT_BITS;

/// Places of a bucket.
pub(crate) const BUCKET_PLACES: usize = 8;
/// All bits of a fragment.
pub(crate) const FRAGMENT_MASK: u32 = (1 << FRAGMENT_BITS) - 1;

const _: () = assert!(size_of::<Bucket>() == 64, "a bucket is one cache line");

/// Where a record lies, in 2-byte units of the engine's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address(pub(crate) u64);

/// An address with the fragment of its key's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry(u64);

impl Entry {
    /// What a free place holds: its address would be the last unit there is, too short for a
    /// record.
    const NONE: Self = Self(u64::MAX);

    #[inline]
    pub(crate) fn new(address: Address, fragment: u32) -> Self {
        debug_assert!(address.0 >> (64 - FRAGMENT_BITS) == 0 && fragment >> FRAGMENT_BITS == 0);
        Self((address.0 << FRAGMENT_BITS) | u64::from(fragment))
    }

    #[inline]
    pub(crate) fn address(self) -> Address {
        Address(self.0 >> FRAGMENT_BITS)
    }

    #[inline]
    pub(crate) fn fragment(self) -> u32 {
        self.0 as u32 & FRAGMENT_MASK
    }
}

/// Up to eight entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket([Entry; BUCKET_PLACES]);

impl Bucket {
    pub(crate) const EMPTY: Self = Self([Entry::NONE; BUCKET_PLACES]);

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.0[BUCKET_PLACES - 1] != Entry::NONE
    }

    /// The entry at a place, if there is one.
    #[inline]
    pub(crate) fn get(&self, place: usize) -> Option<Entry> {
        Some(self.0[place]).filter(|entry| *entry != Entry::NONE)
    }

    /// Its entries.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        self.0.iter().copied().take_while(|entry| *entry != Entry::NONE)
    }

    /// The places whose fragment has `wanted` in the bits of `mask`, free places perhaps among
    /// them.
    #[inline]
    pub(crate) fn alike(&self, wanted: u32, mask: u32) -> Places {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 processor has SSE2.
        unsafe {
            self.alike_at_once(wanted, mask)
        }
        #[cfg(not(target_arch = "x86_64"))]
        self.alike_one_by_one(wanted, mask)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "sse2")]
    #[inline]
    fn alike_at_once(&self, wanted: u32, mask: u32) -> Places {
        use core::arch::x86_64::{
            __m128i, _mm_and_si128, _mm_castps_si128, _mm_castsi128_ps, _mm_cmpeq_epi32,
            _mm_loadu_si128, _mm_movemask_epi8, _mm_packs_epi32, _mm_set1_epi32, _mm_shuffle_ps,
        };
        let wanted = _mm_set1_epi32(wanted as i32);
        let two = |at: usize| {
            let entries: *const [Entry] = &raw const self.0[at..at + 2];
            // SAFETY: two entries are sixteen bytes; the load needs no alignment.
            _mm_castsi128_ps(unsafe { _mm_loadu_si128(entries.cast::<__m128i>()) })
        };
        let four = |at: usize| {
            let low_halves = _mm_shuffle_ps::<0b10_00_10_00>(two(at), two(at + 2));
            let fragments =
                _mm_and_si128(_mm_castps_si128(low_halves), _mm_set1_epi32(mask as i32));
            _mm_cmpeq_epi32(fragments, wanted)
        };
        let eight = _mm_movemask_epi8(_mm_packs_epi32(four(0), four(4)));
        Places(eight as u32 & Places::ALL)
    }

    #[cfg(any(test, not(target_arch = "x86_64")))]
    fn alike_one_by_one(&self, wanted: u32, mask: u32) -> Places {
        let mut places = 0;
        for (place, entry) in self.0.iter().enumerate() {
            places |= u32::from(entry.0 as u32 & mask == wanted) << (2 * place);
        }
        Places(places)
    }

    /// Number of entries of a bucket that is not full.
    #[inline]
    fn len(&self) -> usize {
        let taken = |place: usize| self.0[place] != Entry::NONE;
        let half = 4 * usize::from(taken(3));
        let quarter = half + 2 * usize::from(taken(half + 1));
        quarter + usize::from(taken(quarter))
    }

    /// Adds an entry to a bucket that is not full.
    #[inline]
    pub(crate) fn push(&mut self, entry: Entry) {
        debug_assert!(!self.is_full());
        let len = self.len();
        self.0[len] = entry;
    }

    /// Lets a place hold another entry.
    #[inline]
    pub(crate) fn set(&mut self, place: usize, entry: Entry) {
        self.0[place] = entry;
    }

    /// Removes the entry at a place; the last one takes its place.
    #[inline]
    pub(crate) fn remove(&mut self, place: usize) {
        let len = if self.is_full() { BUCKET_PLACES } else { self.len() };
        self.0[place] = self.0[len - 1];
        self.0[len - 1] = Entry::NONE;
    }
}

/// A set of places, two bits each of which the lower says whether it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places(u32);

impl Places {
    const ALL: u32 = 0x5555;
}

impl Iterator for Places {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let place = self.0.trailing_zeros() as usize / 2;
        self.0 &= self.0 - 1;
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_keeps_address_and_fragment() {
        let entry = Entry::new(Address((1 << 36) - 1), (1 << 28) - 1);
        assert_eq!((entry.address().0, entry.fragment()), ((1 << 36) - 1, (1 << 28) - 1));
    }

    #[test]
    fn entries_stay_in_front_whichever_goes() {
        for len in 1..=BUCKET_PLACES {
            for gone in 0..len {
                let mut bucket = Bucket::EMPTY;
                (0..len).for_each(|i| bucket.push(Entry::new(Address(i as u64), i as u32)));
                assert_eq!(bucket.is_full(), len == BUCKET_PLACES);
                bucket.remove(gone);
                let mut left: Vec<u32> = bucket.iter().map(Entry::fragment).collect();
                left.sort_unstable();
                assert!(left.into_iter().eq((0..len as u32).filter(|i| *i != gone as u32)));
            }
        }
    }

    #[test]
    fn alike_are_those_that_agree_in_the_bits_asked_for() {
        let mut bucket = Bucket::EMPTY;
        let fragments = [0x0abc_def0, 0x0abc_def3, 0x0abc_def0, 0, 0x0fff_ffff, 0x0abc_d0f0];
        fragments.iter().enumerate().for_each(|(i, fragment)| {
            // Addresses of all ones and zeros in turn, whose low bits stand beside the fragment.
            bucket.push(Entry::new(Address((i as u64 % 2) * ((1 << 36) - 2)), *fragment));
        });
        let alike = |fragment: u32, mask: u32| {
            let places = bucket.alike(fragment & mask, mask);
            assert_eq!(places, bucket.alike_one_by_one(fragment & mask, mask));
            places.collect::<Vec<_>>()
        };
        assert_eq!(alike(0x0abc_def0, FRAGMENT_MASK), [0, 2]);
        assert_eq!(alike(0x0abc_def0, FRAGMENT_MASK & !3), [0, 1, 2]);
        assert_eq!(alike(0x0fff_ffff, FRAGMENT_MASK), [4, 6, 7], "free places look like this one");
        assert_eq!(
            (bucket.get(6), bucket.get(3)),
            (None, Some(Entry::new(Address((1 << 36) - 2), 0)))
        );
        assert_eq!(alike(1, FRAGMENT_MASK), []);
    }
}
