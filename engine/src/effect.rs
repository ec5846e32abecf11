//! Effects: what a change did, for log, replication, invalidation and watchers.
//!
//! Invariant: replaying the effects of an engine, in order, into an empty one gives the same
//! keys, values, versions and deadlines. Cost: borrowed slices, nothing is copied to emit one.

use core::num::NonZeroU64;

use crate::version::Version;

/// Receives every change of an engine, in order.
pub trait Effects {
    /// Called once for each change, after the engine's own state has changed.
    fn emit(&mut self, effect: &Effect<'_>);
}

impl Effects for () {
    #[inline]
    fn emit(&mut self, _: &Effect<'_>) {}
}

impl Effects for Vec<OwnedEffect> {
    fn emit(&mut self, effect: &Effect<'_>) {
        self.push(OwnedEffect::from(effect));
    }
}

/// One change of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect<'a> {
    /// The slot that changed.
    pub slot: u16,
    /// The database that changed.
    pub db: u8,
    /// The slot's version after the change.
    pub version: Version,
    /// What changed.
    pub change: Change<'a>,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// The key has this value now.
    Written {
        /// The key.
        key: &'a [u8],
        /// The whole resulting value.
        value: &'a [u8],
        /// Absolute wall deadline, or none.
        deadline_ms: Option<NonZeroU64>,
        /// memcached's client flags.
        client_flags: u32,
        /// Type tag of the value.
        tag: u8,
    },
    /// The key has this deadline now.
    Redated {
        /// The key.
        key: &'a [u8],
        /// Absolute wall deadline, or none.
        deadline_ms: Option<NonZeroU64>,
    },
    /// The key is gone.
    Removed {
        /// The key.
        key: &'a [u8],
        /// Why it went.
        cause: Cause,
    },
    /// All keys of the slot in the database are gone.
    Flushed,
}

/// Why a key went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A command removed it.
    Deleted,
    /// Its deadline passed.
    Expired,
    /// Its room was needed.
    Evicted,
}

/// An effect that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedEffect {
    /// The slot that changed.
    pub slot: u16,
    /// The database that changed.
    pub db: u8,
    /// The slot's version after the change.
    pub version: Version,
    /// What changed.
    pub change: OwnedChange,
}

/// A change that owns its bytes; the variants are those of `Change`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are those of `Change`, documented there.
pub enum OwnedChange {
    /// See `Change::Written`.
    Written {
        key: Box<[u8]>,
        value: Box<[u8]>,
        deadline_ms: Option<NonZeroU64>,
        client_flags: u32,
        tag: u8,
    },
    /// See `Change::Redated`.
    Redated { key: Box<[u8]>, deadline_ms: Option<NonZeroU64> },
    /// See `Change::Removed`.
    Removed { key: Box<[u8]>, cause: Cause },
    /// See `Change::Flushed`.
    Flushed,
}

impl From<&Effect<'_>> for OwnedEffect {
    fn from(effect: &Effect<'_>) -> Self {
        let change = match effect.change {
            Change::Written { key, value, deadline_ms, client_flags, tag } => {
                let (key, value) = (key.into(), value.into());
                OwnedChange::Written { key, value, deadline_ms, client_flags, tag }
            }
            Change::Redated { key, deadline_ms } => {
                OwnedChange::Redated { key: key.into(), deadline_ms }
            }
            Change::Removed { key, cause } => OwnedChange::Removed { key: key.into(), cause },
            Change::Flushed => OwnedChange::Flushed,
        };
        Self { slot: effect.slot, db: effect.db, version: effect.version, change }
    }
}

impl OwnedEffect {
    /// The effect with its bytes borrowed from here.
    pub fn borrow(&self) -> Effect<'_> {
        let change = match &self.change {
            OwnedChange::Written { key, value, deadline_ms, client_flags, tag } => {
                let (deadline_ms, client_flags, tag) = (*deadline_ms, *client_flags, *tag);
                Change::Written { key, value, deadline_ms, client_flags, tag }
            }
            OwnedChange::Redated { key, deadline_ms } => {
                Change::Redated { key, deadline_ms: *deadline_ms }
            }
            OwnedChange::Removed { key, cause } => Change::Removed { key, cause: *cause },
            OwnedChange::Flushed => Change::Flushed,
        };
        Effect { slot: self.slot, db: self.db, version: self.version, change }
    }
}
