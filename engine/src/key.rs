//! Keys with their keyed hash.
//!
//! Invariant: equal (database, bytes) hash alike under one hasher, and hashes of two hashers with
//! different secrets are unrelated. Cost: one pass over the key.

use core::hash::Hasher as _;

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

use crate::limits::{DATABASES_MAX, FRAGMENT_BITS, SLOT_COUNT};

/// Hashes keys with the secrets of this process.
#[derive(Clone, Debug)]
pub struct KeyHasher {
    seed: u64,
    shared: SharedSeed,
}

impl KeyHasher {
    /// A hasher from two random secrets.
    pub fn new(secrets: [u64; 2]) -> Self {
        Self { seed: secrets[0], shared: SharedSeed::from_u64(secrets[1]) }
    }

    /// The key `bytes` of database `db`; `slot` is what the ring says of the bytes.
    ///
    /// # Panics
    /// If `db` or `slot` is out of range.
    #[inline]
    pub fn key<'a>(&self, db: u8, slot: u16, bytes: &'a [u8]) -> Key<'a> {
        assert!((db as usize) < DATABASES_MAX && (slot as usize) < SLOT_COUNT);
        let seed = self.seed ^ (u64::from(db) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut hasher = FoldHasher::with_seed(seed, &self.shared);
        hasher.write(bytes);
        Key { bytes, db, slot, hash: hasher.finish() }
    }
}

/// One key: its bytes, its place and its hash.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The key as the client wrote it.
    pub bytes: &'a [u8],
    /// Database number, below `DATABASES_MAX`.
    pub db: u8,
    /// Slot, below `SLOT_COUNT`.
    pub slot: u16,
    /// Keyed hash over database and bytes.
    pub hash: u64,
}

impl Key<'_> {
    /// Where the index keeps the key.
    #[inline]
    pub(crate) fn place(&self) -> Place {
        let fragment = (self.hash >> (64 - FRAGMENT_BITS)) as u32;
        Place { slot: self.slot, db: self.db, fragment }
    }
}

/// Where the index keeps a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) slot: u16,
    pub(crate) db: u8,
    /// The upper bits of the hash, which index and record keep.
    pub(crate) fragment: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_and_the_secrets_are_part_of_the_hash() {
        let hasher = KeyHasher::new([1, 2]);
        let hash = |db| hasher.key(db, 5, b"user:1").hash;
        assert_eq!(hash(0), hash(0));
        assert_ne!(hash(0), hash(1));
        assert_ne!(hash(0), KeyHasher::new([1, 3]).key(0, 5, b"user:1").hash);
        assert_ne!(hash(0), KeyHasher::new([2, 2]).key(0, 5, b"user:1").hash);
    }
}
