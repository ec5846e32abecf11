//! Places in the segments: which one is being cleaned and how far, and how far a walk has come.
//!
//! Invariant: the victim is in state `Cleaning` until all of its records are dead or copied.
//! Cost: a few words; the work is in `cleaning.rs` and `aging.rs`.

/// Which items of the victim survive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rule {
    /// All: the segment is compacted.
    #[default]
    KeepAll,
    /// Those worth more than this, and those that may not go.
    EvictUpTo(u64),
}

/// A cleaning that can be continued.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cleaner {
    pub(crate) victim: Option<u32>,
    /// Offset of the next record in bytes.
    pub(crate) offset: usize,
    pub(crate) rule: Rule,
    /// Where the next search for a victim begins.
    pub(crate) hand: usize,
    /// There was no room for a survivor lately: the same would be tried again.
    pub(crate) stopped: bool,
}

impl Cleaner {
    /// Whether an item of this worth survives.
    pub(crate) fn keeps(&self, worth: u64) -> bool {
        match self.rule {
            Rule::KeepAll => true,
            Rule::EvictUpTo(cutoff) => worth > cutoff,
        }
    }
}

/// How far a walk has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) segment: u32,
    /// Of the segment, to notice that it was freed meanwhile.
    pub(crate) serial: u64,
    /// Offset of the next record in bytes.
    pub(crate) offset: usize,
    /// Whether it makes all items equal, as after a change of policy.
    pub(crate) levels: bool,
}
