//! Items as callers see them.
//!
//! Invariant: an item borrows the engine, so nothing moves while one is held; a large value can
//! be kept longer by cloning its handle. Cost: a few loads; no byte is copied unless it was packed.

use core::num::NonZeroU64;
use std::borrow::Cow;
use std::sync::Arc;

use crate::large::LargeValue;
use crate::packed::Packed;
use crate::version::Version;

/// A live item.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The value.
    pub value: ValueRef<'a>,
    /// Version of the last change.
    pub version: Version,
    /// Absolute wall deadline, or none.
    pub deadline_ms: Option<NonZeroU64>,
    /// memcached's client flags.
    pub client_flags: u32,
    /// Type tag of the value.
    pub tag: u8,
    /// Ticks of the access clock since the item was last used.
    pub idle_ticks: u32,
}

/// Where a value lies.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// In its record.
    Inline(&'a [u8]),
    /// In a mapping of its own; clone the handle to pin it while it is sent.
    Large(&'a Arc<LargeValue>),
    /// Packed, wherever it lies.
    Packed(Packed<'a>),
}

impl<'a> ValueRef<'a> {
    /// The bytes, unpacked for the caller if they are packed.
    #[inline]
    pub fn as_bytes(&self) -> Cow<'a, [u8]> {
        match self {
            Self::Inline(bytes) => Cow::Borrowed(bytes),
            Self::Large(large) => Cow::Borrowed(large),
            Self::Packed(packed) => {
                let mut bytes = Vec::new();
                packed.append_to(&mut bytes);
                Cow::Owned(bytes)
            }
        }
    }

    /// Appends the bytes to `out`.
    #[inline]
    pub fn append_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Inline(bytes) => out.extend_from_slice(bytes),
            Self::Large(large) => out.extend_from_slice(large),
            Self::Packed(packed) => packed.append_to(out),
        }
    }

    /// Whether these are the bytes; a packed value of another length is not unpacked for that.
    #[inline]
    pub fn equals(&self, bytes: &[u8]) -> bool {
        self.len() == bytes.len() && *self.as_bytes() == *bytes
    }

    /// Number of bytes.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Inline(bytes) => bytes.len(),
            Self::Large(large) => large.len(),
            Self::Packed(packed) => packed.raw_len(),
        }
    }

    /// Whether there are no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
