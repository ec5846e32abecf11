//! Sequences: the version each slot has reached.
//!
//! Invariant: a slot's version only rises, whatever happens to its keys. Cost: one word a slot,
//! of which untouched pages take no memory.

use crate::limits::SLOT_COUNT;
use crate::version::Version;

/// The versions of all slots.
#[derive(Debug)]
pub(crate) struct Sequences {
    start: Version,
    /// Above the start; zeroes stay untouched memory.
    above: Vec<u64>,
}

impl Sequences {
    pub(crate) fn new(start: Version) -> Self {
        Self { start, above: vec![0; SLOT_COUNT] }
    }

    /// The version of the slot's last change.
    pub(crate) fn current(&self, slot: u16) -> Version {
        Version(self.start.0 + self.above[slot as usize])
    }

    /// The version of the slot's next change: the one given, or one more than the last.
    #[inline]
    pub(crate) fn advance(&mut self, slot: u16, given: Option<Version>) -> Version {
        let above = &mut self.above[slot as usize];
        if let Some(version) = given {
            *above = (*above).max(version.0.saturating_sub(self.start.0));
            return version;
        }
        *above += 1;
        Version(self.start.0 + *above)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_only_rises() {
        let mut sequences = Sequences::new(Version(100));
        assert_eq!(sequences.advance(3, None), Version(101));
        assert_eq!(sequences.advance(3, Some(Version(500))), Version(500));
        assert_eq!(sequences.advance(3, Some(Version(7))), Version(7));
        assert_eq!(sequences.advance(3, None), Version(501));
        assert_eq!((sequences.current(3), sequences.current(4)), (Version(501), Version(100)));
    }
}
