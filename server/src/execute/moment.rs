//! The moment at which a command runs, and what its caller and the node set for it.
//!
//! Invariant: all commands of a turn see the same time. Cost: a few words on the stack.

use std::num::NonZeroU64;
use std::sync::Arc;

use velodrome_engine::limits::DEADLINE_MS_MAX;
use velodrome_engine::{Deadline, LargeValue};

/// A large value whose header was written; the caller sends it from its place, then CR LF.
pub(crate) type Tail = Option<Arc<LargeValue>>;

/// When a command runs and under which settings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    /// Wall time, milliseconds since 1970.
    pub(crate) now_ms: u64,
    /// Time to live of what is written without one; 0 for ever.
    pub(crate) default_ttl_ms: u64,
    /// The caller's reads leave the recency of keys alone.
    pub(crate) no_touch: bool,
}

impl Moment {
    /// The deadline of a write that names none.
    #[inline]
    pub(crate) fn default_deadline(&self) -> Deadline {
        match self.default_ttl_ms {
            0 => Deadline::Never,
            ttl_ms => Deadline::At(clamped(self.now_ms.saturating_add(ttl_ms))),
        }
    }

    /// Whether a deadline, as a request gave it, is over.
    pub(crate) fn is_past(&self, deadline_ms: i64) -> bool {
        deadline_ms <= 0 || deadline_ms as u64 <= self.now_ms
    }
}

/// A deadline within what items can hold: 0 becomes the first millisecond, and what lies after
/// the year 10889 becomes the last one.
pub(crate) fn clamped(deadline_ms: u64) -> NonZeroU64 {
    NonZeroU64::new(deadline_ms.min(DEADLINE_MS_MAX)).unwrap_or(NonZeroU64::MIN)
}
