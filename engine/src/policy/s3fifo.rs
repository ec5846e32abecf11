//! S3-FIFO: new items pass a small queue, those used again move to the main one.
//!
//! ```text
//!                    ┌────────────┐ used twice  ┌───────────────┐ used: once more round
//!  new ─────────────►│ small  10% ├────────────►│ main      90% ├──┐
//!                    └─────┬──────┘             └───▲───┬───▲───┘  │
//!                          ▼ else                   │   │   └──────┘
//!                    ghost: names only ─────────────┘   ▼ else
//!                           written again              gone
//! ```
//!
//! After Yang et al., "FIFO queues are all you need for cache eviction" (SOSP 2023), with the
//! threshold of libCacheSim. The access field counts uses up to three. Invariant: any bits of
//! the field read as some count. Cost: a hit writes the record at most three times; survivors
//! are copied.

/// Uses after which a new item moves to the main queue.
const USES_TO_STAY: u32 = 2;
/// The highest count.
const USES_MAX: u32 = 3;
/// The small queue's share of all.
const SMALL_SHARE: u64 = 10;
/// The ghost's share of all, in tenths.
const GHOST_TENTHS: u64 = 9;

/// Uses that an access field counts.
#[inline]
fn uses(access: u32) -> u32 {
    access & USES_MAX
}

/// The field after one use more; `None` if it stays.
#[inline]
pub(crate) fn used(access: u32) -> Option<u32> {
    (uses(access) < USES_MAX).then(|| uses(access) + 1)
}

/// The field an item moves from the small queue to the main one with, if it does.
pub(crate) fn promoted(access: u32) -> Option<u32> {
    (uses(access) >= USES_TO_STAY).then_some(0)
}

/// The field an item goes round the main queue once more with, if it does.
pub(crate) fn again(access: u32) -> Option<u32> {
    uses(access).checked_sub(1)
}

/// What the small queue should hold of `all`.
pub(crate) fn small_of(all: u64) -> u64 {
    all / SMALL_SHARE
}

/// Whether the main queue is due rather than the small one.
pub(crate) fn main_pays(small: u64, main: u64, all: u64) -> bool {
    small == 0 || main > all - small_of(all)
}

/// What the ghost should remember of `all`.
pub(crate) fn ghost_of(all: u64) -> u64 {
    all * GHOST_TENTHS / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_decide() {
        assert_eq!([used(0), used(2), used(3), used(7)], [Some(1), Some(3), None, None]);
        assert_eq!([promoted(1), promoted(2), promoted(3)], [None, Some(0), Some(0)]);
        assert_eq!([again(0), again(1), again(3)], [None, Some(0), Some(2)]);
        assert_eq!([main_pays(10, 90, 100), main_pays(9, 91, 100)], [false, true]);
        assert!(main_pays(0, 5, 100));
    }
}
