//! Trimming: tables that removals left too large.
//!
//! A removal rebuilds its table only when that is far too large, so that many removals at once,
//! as when half of the items expire, cost few rebuilds. What is a little too large is shrunk by a
//! pass through all tables, which follows once a part of the items was removed. Invariant: after a
//! pass without changes meanwhile no table would fit a smaller size with a place in
//! `SHRINK_SLACK` to spare. Cost: a look at a table a removal at most; a step looks at
//! `TRIM_LOOKS_MAX` tables and ends with the first that it shrinks.

use crate::directory::Directory;
use crate::index::Index;
use crate::limits::{DATABASES_MAX, FRAGMENT_BITS, TRIM_LOOKS_MAX};
use crate::node::Footprint;
use crate::table::SHRINK_SLACK;

/// How far trimming is.
#[derive(Debug, Default)]
pub(crate) struct Trimming {
    /// Items removed since the last pass began.
    pub(crate) removed: u64,
    /// Where the present pass goes on, if there is one.
    at: Option<Position>,
    /// Tables that this pass looked at, and the one before.
    looks: u64,
    looks_before: u64,
}

/// A database, a slot and a fragment.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    db: usize,
    slot: usize,
    fragment: u32,
}

impl Index {
    /// Whether tables may be too large.
    #[inline]
    pub(crate) fn is_loose(&self) -> bool {
        let Trimming { removed, at, looks_before, .. } = &self.trimming;
        at.is_some() || *removed > self.items() / SHRINK_SLACK as u64 + looks_before
    }

    /// Looks at some tables and shrinks one at most. Returns whether it did.
    pub(crate) fn trim_step(&mut self) -> bool {
        let mut at = self.trimming.at.unwrap_or_else(|| {
            self.trimming.removed = 0;
            Position::default()
        });
        for _ in 0..TRIM_LOOKS_MAX {
            let Some(directory) = self.dbs.get_mut(at.db) else {
                let Trimming { looks, looks_before, .. } = &mut self.trimming;
                *looks_before = core::mem::take(looks);
                self.trimming.at = None;
                return false;
            };
            let next = directory.as_mut().and_then(|it| it.next_filled(at.slot));
            ...
        }
    }
}
