//! One segment's account: what it is in, what it is filled with, how much of it lives.
//!
//! What is charged is what is filled, and the end of a segment that no record will take:
//!
//! ```text
//! open      │ front: walked past │ records, live and dead │ free │
//! sealed    │ front: walked past │ records, live and dead │ tail │
//!                                └──── charged ───────────┴──────┘ charged when sealed
//! ```
//!
//! Fronts and free ends may be resident without being charged. Invariant: `front` and `live`
//! together are at most `used`. Cost: some sixty bytes a segment.

/// What a segment is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Empty; its pages may still be resident.
    Free,
    /// Being filled.
    Open,
    /// Filled.
    Sealed,
    /// Having its survivors copied out.
    Cleaning,
}

/// What a segment is filled with: items that survived a cleaning are used more than new ones, and
/// segments of one kind grow old together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// What commands write.
    Writes,
    /// What the cleaner copies.
    Survivors,
    /// What it copies of items that were not used for some time.
    Cooler,
    /// What it copies of items that were not used for long.
    Cold,
}

/// Number of streams.
pub(crate) const STREAMS: usize = 4;

impl Stream {
    /// All of them.
    pub(crate) const ALL: [Self; STREAMS] =
        [Self::Writes, Self::Survivors, Self::Cooler, Self::Cold];
}

/// One segment's account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) state: State,
    /// Bytes filled from the front.
    pub(crate) used: u32,
    /// Bytes of records that are not dead.
    pub(crate) live: u32,
    /// Bytes from the front that are dead for good and not charged any more: they were walked past.
    pub(crate) front: u32,
    /// Bytes behind `used` that are charged.
    pub(crate) tail: u32,
    /// Counts openings; never reached by a free one.
    pub(crate) serial: u64,
    /// What it is filled with.
    pub(crate) stream: Stream,
    /// The serial of the segment its oldest records were first written to.
    pub(crate) born: u64,
    /// The earliest and the latest last use of its records when they came, as `lru` counts.
    pub(crate) oldest: u64,
    pub(crate) newest: u64,
}

/// The account of a free one.
pub(crate) const FREE: Segment = Segment {
    state: State::Free,
    used: 0,
    live: 0,
    front: 0,
    tail: 0,
    serial: u64::MAX,
    stream: Stream::Writes,
    born: u64::MAX,
    oldest: u64::MAX,
    newest: 0,
};

impl Segment {
    /// Bytes of dead records that compaction would take back.
    pub(crate) fn dead(&self) -> usize {
        (self.used - self.front - self.live) as usize
    }

    /// When its records were last used, as a whole; 0 when nobody noted it.
    pub(crate) fn middle(&self) -> u64 {
        if self.newest == 0 { 0 } else { self.oldest.midpoint(self.newest) }
    }
}
