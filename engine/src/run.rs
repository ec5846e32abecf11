//! A run: the buckets of one table.
//!
//! Invariant: `at` names `buckets` buckets of the `Runs` that made it, which nobody else has and
//! which stay where they are until it is given back; only `runs.rs` makes, moves and takes back
//! what is not empty. Cost: none beyond a slice's.

#![allow(unsafe_code)]

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use crate::bucket::Bucket;

/// Buckets that a table owns until it gives them back.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) at: NonNull<Bucket>,
    pub(crate) buckets: u32,
    /// How many places of the buckets are taken: counted by their owner, and here because it takes
    /// no room here.
    pub(crate) taken: u32,
}

// SAFETY: a run owns its lines alone, like a `Box<[Bucket]>`.
unsafe impl Send for Run {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Run {}

impl Run {
    /// A run of no buckets, which need not be given back.
    pub(crate) const fn empty() -> Self {
        Self { at: NonNull::dangling(), buckets: 0, taken: 0 }
    }
}

impl Deref for Run {
    type Target = [Bucket];

    #[inline]
    fn deref(&self) -> &[Bucket] {
        // SAFETY: `Runs::take` made the run of lines of its mapping, filled them, and lends them
        // to nobody else until the run is given back; the mapping stays as long as a run is out.
        unsafe { core::slice::from_raw_parts(self.at.as_ptr(), self.buckets as usize) }
    }
}

impl DerefMut for Run {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Bucket] {
        // SAFETY: as in `deref`, and `&mut self` keeps everyone else out.
        unsafe { core::slice::from_raw_parts_mut(self.at.as_ptr(), self.buckets as usize) }
    }
}
