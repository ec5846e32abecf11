//! Writes: what a caller asks of `set`, and what came of it.
//!
//! Invariant: a write names everything that decides its outcome; nothing is implied. Cost: small
//! values on the stack; the bytes are borrowed or handed over.

use core::num::NonZeroU64;

use crate::large::StagedValue;
use crate::version::Version;

/// One write to one key.
#[derive(Debug)]
pub struct Write<'a> {
    /// The new value.
    pub value: NewValue<'a>,
    /// The new deadline.
    pub deadline: Deadline,
    /// What must hold for the write to happen.
    pub condition: Condition<'a>,
    /// memcached's client flags.
    pub client_flags: u32,
    /// Type tag of the value.
    pub tag: u8,
}

impl<'a> Write<'a> {
    /// An unconditional write of `bytes` that never expires.
    pub fn plain(bytes: &'a [u8]) -> Self {
        Self {
            value: NewValue::Bytes(bytes),
            deadline: Deadline::Never,
            condition: Condition::Always,
            client_flags: 0,
            tag: 0,
        }
    }
}

/// Where a new value comes from.
#[derive(Debug)]
pub enum NewValue<'a> {
    /// Bytes to copy.
    Bytes(&'a [u8]),
    /// A value received into its final place.
    Staged(StagedValue),
}

impl NewValue<'_> {
    /// Bytes of the value.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Staged(staged) => staged.as_bytes(),
        }
    }
}

/// The deadline a write leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// The one the key has.
    Keep,
    /// None.
    Never,
    /// This wall time in milliseconds; one that has passed removes the key.
    At(NonZeroU64),
}

/// What must hold for a write to happen.
#[derive(Clone, Copy, Debug)]
pub enum Condition<'a> {
    /// Nothing.
    Always,
    /// The key does not exist.
    Absent,
    /// The key exists.
    Present,
    /// The key exists at this version.
    Version(Version),
    /// The key exists with this value.
    Equals(&'a [u8]),
    /// The key does not have this value, or does not exist.
    Differs(&'a [u8]),
}

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It happened.
    Written {
        /// The item's version now.
        version: Version,
        /// Whether the key existed before.
        replaced: bool,
    },
    /// Its condition did not hold.
    Unmet {
        /// The version of the key, when it exists.
        current: Option<Version>,
    },
}
