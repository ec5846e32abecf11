//! What finding a key takes, counted.
//!
//! Beside the path of requests, so that it costs them nothing: tests compare keys that somebody
//! chose with keys that nobody did. Invariant: the search counted is the one that `get` makes.
//! Cost: a look-up.

use crate::effect::Effects;
use crate::engine::Engine;
use crate::key::Key;

/// The work of one look-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Whether the key was found.
    pub found: bool,
    /// Records whose key was compared.
    pub comparisons: u64,
}

impl<E: Effects> Engine<E> {
    /// What finding `key` takes now.
    pub fn effort(&self, key: &Key<'_>) -> Effort {
        let mut comparisons = 0;
        let found = self.index.find(key.place(), |at| {
            comparisons += 1;
            self.segments.record(at).key() == key.bytes
        });
        Effort { found: found.is_some(), comparisons }
    }
}
