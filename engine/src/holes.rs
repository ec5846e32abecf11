//! Holes: the places of dead records, for writes that need exactly their length.
//!
//! A stack a length, linked through the dead records: each keeps where the next one lies and which
//! opening of its segment that was. Where segments are queues the main queue's dead records have
//! stacks of their own, so that an item stays in its queue.
//!
//! ```text
//! first word      address:36 | serial of the segment, lower bits:28
//! access field    serial of the segment, upper bits:20
//! ```
//!
//! Nothing is ever unlinked. Invariant: a link whose serial is not its segment's any more, or whose
//! segment is being cleaned, or into a segment's front, means nothing: the stack ends there, and
//! what lay below is left to compaction. Cost: sixteen bytes a length, twice that where queues are
//! told apart; the links take no memory.

use crate::limits::HOLE_LEN_BYTES_MAX;
use crate::record::{ACCESS_BITS, RECORD_ALIGN};
use crate::segment::Stream;
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
    /// Those of the main queue; empty where queues are not told apart.
    main_tops: Box<[Link]>,
}

impl Holes {
    /// None yet, of any stream.
    pub(crate) fn new() -> Self {
        Self { tops: vec![Link::NONE; STACKS].into(), main_tops: Box::default() }
    }

    /// Whether streams are queues from now on; what was known so far is left to compaction.
    pub(crate) fn tell_apart(&mut self, are_queues: bool) {
        if are_queues != self.main_tops.is_empty() {
            return;
        }
        *self = Self::new();
        if are_queues {
            self.main_tops = self.tops.clone();
        }
    }

    /// The last link put on a stream's stack of this length; lengths beyond the maximum have none.
    #[inline(always)]
    pub(crate) fn top(&self, stream: Stream, len: usize) -> Option<Link> {
        let main = stream != Stream::Writes && !self.main_tops.is_empty();
        let tops = if main { &self.main_tops } else { &self.tops };
        tops.get(len / RECORD_ALIGN).copied()
    }

    /// Makes `link` the top of a stream's stack of this length.
    #[inline(always)]
    pub(crate) fn set_top(&mut self, stream: Stream, len: usize, link: Link) {
        let main = stream != Stream::Writes && !self.main_tops.is_empty();
        let tops = if main { &mut self.main_tops } else { &mut self.tops };
        if let Some(top) = tops.get_mut(len / RECORD_ALIGN) {
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
        let (mut holes, stream) = (Holes::new(), Stream::Writes);
        let link = Link { at: Address(7), serial: 9 };
        for len in [16, HOLE_LEN_BYTES_MAX, HOLE_LEN_BYTES_MAX + 2] {
            assert_ne!(holes.top(stream, len), Some(link));
            holes.set_top(stream, len, link);
        }
        assert_eq!(holes.top(stream, 16), Some(link));
        assert_eq!(holes.top(stream, 18), Some(Link::NONE));
        assert_eq!(holes.top(stream, HOLE_LEN_BYTES_MAX), Some(link));
        assert_eq!(holes.top(stream, HOLE_LEN_BYTES_MAX + 2), None);
    }

    #[test]
    fn queues_have_stacks_of_their_own() {
        let mut holes = Holes::new();
        let links = [1, 2].map(|serial| Link { at: Address(serial), serial });
        for (are_queues, main) in [(false, links[0]), (true, links[1])] {
            holes.tell_apart(are_queues);
            assert_eq!(holes.top(Stream::Writes, 16), Some(Link::NONE), "nothing is known yet");
            holes.set_top(Stream::Survivors, 16, links[1]);
            holes.set_top(Stream::Writes, 16, links[0]);
            assert_eq!(holes.top(Stream::Writes, 16), Some(links[0]));
            assert_eq!(holes.top(Stream::Survivors, 16), Some(main));
        }
    }
}
