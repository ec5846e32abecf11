//! Items as callers see them.
//!
//! Invariant: an item borrows the engine, so nothing moves while one is held; a large value can
//! be kept longer by cloning its handle. Cost: a few loads; no byte is copied.

use core::num::NonZeroU64;
use std::sync::Arc;

use crate::large::LargeValue;
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
}

impl<'a> ValueRef<'a> {
    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &'a [u8] {
        match self {
            Self::Inline(bytes) => bytes,
            Self::Large(large) => large,
        }
    }

    /// Number of bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether there are no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
