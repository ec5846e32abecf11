//! Holes: the places of dead records, for writes that need exactly their length.
//!
//! A stack a length, linked through the dead records: each keeps where the next one lies and which
//! opening of its segment that was.
//!
//! ```text
//! first word      address:36 | serial of the segment, lower bits:28
//! access field    serial of the segment, upper bits:20
//! ```
//!
//! Nothing is ever unlinked. Invariant: a link whose serial is not its segment's any more, or whose
//! segment is being cleaned, or into a segment's front, means nothing: the stack ends there, and
//! what lay below is left to compaction. Cost: sixteen bytes a length; the links take no memory.

use crate::limits::HOLE_LEN_BYTES_MAX;
use crate::record::{ACCESS_BITS, RECORD_ALIGN};
use crate::table::Address;

const SERIAL_LOW_BITS: u32 = 28;
const SERIAL_BITS: u32 = SERIAL_LOW_BITS + ACCESS_BITS;
const STACKS: usize = HOLE_LEN_BYTES_MAX / RECORD_ALIGN + 1;

/// Where a dead record lies, as long as its segment has this serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) at: Address,
    pub(crate) serial: u64,
}

impl Link {
    /// The end of a stack: no segment ever has this serial.
    const NONE: Self = Self { at: Address(0), serial: (1 << SERIAL_BITS) - 1 };

    /// As a dead record keeps it: instead of its version and of its access field.
    pub(crate) fn pack(self) -> (u64, u32) {
        let low = self.serial & ((1 << SERIAL_LOW_BITS) - 1);
        ((self.at.0 << SERIAL_LOW_BITS) | low, (self.serial >> SERIAL_LOW_BITS) as u32)
    }

    pub(crate) fn unpack((word, access): (u64, u32)) -> Self {
        let low = word & ((1 << SERIAL_LOW_BITS) - 1);
        let serial = low | (u64::from(access) << SERIAL_LOW_BITS);
        Self { at: Address(word >> SERIAL_LOW_BITS), serial }
    }
}

/// The tops of all stacks.
#[derive(Debug)]
pub(crate) struct Holes {
    tops: Box<[Link]>,
}

impl Holes {
    pub(crate) fn new() -> Self {
        Self { tops: vec![Link::NONE; STACKS].into() }
    }

    /// The last link put on the stack of this length; lengths beyond the maximum have none.
    #[inline]
    pub(crate) fn top(&self, len: usize) -> Option<Link> {
        self.tops.get(len / RECORD_ALIGN).copied()
    }

    /// Makes `link` the top of the stack of this length.
    #[inline]
    pub(crate) fn set_top(&mut self, len: usize, link: Link) {
        if let Some(top) = self.tops.get_mut(len / RECORD_ALIGN) {
            *top = link;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_back() {
        for at in [0, 1, (1 << 36) - 1] {
            for serial in [0, 1, (1 << 28) - 1, 1 << 28, (1 << 48) - 2] {
                let link = Link { at: Address(at), serial };
                let packed = link.pack();
                assert!(packed.1 < 1 << ACCESS_BITS);
                assert_eq!(Link::unpack(packed), link);
            }
        }
    }

    #[test]
    fn lengths_beyond_the_maximum_have_no_stack() {
        let mut holes = Holes::new();
        let link = Link { at: Address(7), serial: 9 };
        for len in [16, HOLE_LEN_BYTES_MAX, HOLE_LEN_BYTES_MAX + 2] {
            assert_ne!(holes.top(len), Some(link));
            holes.set_top(len, link);
        }
        assert_eq!(holes.top(16), Some(link));
        assert_eq!(holes.top(18), Some(Link::NONE));
        assert_eq!(holes.top(HOLE_LEN_BYTES_MAX), Some(link));
        assert_eq!(holes.top(HOLE_LEN_BYTES_MAX + 2), None);
    }
}
