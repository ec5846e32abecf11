//! What the replay of a trace leaves behind: one JSON file.
//!
//! Owns the record's names. Invariant: a record says which trace, on what and of what it was taken.
//! Cost: none.

use serde::{Deserialize, Serialize};

use super::figure::Figure;
use crate::provenance::Provenance;

/// All figures and what they are of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Where it comes from.
    #[serde(flatten)]
    pub of: Provenance,
    /// The trace's file.
    pub trace: String,
    /// Its requests.
    pub requests: usize,
    /// Its different objects.
    pub objects: usize,
    /// What all of them take.
    pub bytes_of_all: u64,
    /// The objects' sizes, in words.
    pub sizes: String,
    /// `items` or `bytes`.
    pub sized_by: String,
    /// A figure a cache.
    pub figures: Vec<Figure>,
}

impl Record {
    /// Whether caches were bounded by bytes.
    pub fn by_bytes(&self) -> bool {
        self.sized_by == "bytes"
    }

    /// The trace's name without what its file is compressed by.
    pub fn name(&self) -> &str {
        self.trace.split('.').next().unwrap_or_default()
    }
}
