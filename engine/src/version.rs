//! Versions: the order of the changes of a slot.
//!
//! A version is `epoch:20 | seq:44` in one integer and serves as replication order, CAS token and
//! fencing token. Invariant: a slot's next version is above all it ever gave. Cost: an integer.

/// Wall time at which the epochs start to count, 2020-01-01 00:00 UTC.
const EPOCH_START_WALL_MS: u64 = 1_577_836_800_000;
/// Versions that one millisecond of wall time is worth, as a power of two.
const PER_MS_BITS: u32 = 22;
/// Bits of the sequence.
const SEQUENCE_BITS: u32 = 44;

/// `epoch:20 | seq:44`, per slot, kept with every item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    /// The version a store without memory of earlier runs starts from.
    ///
    /// It is above everything an earlier run can have given, as long as no slot changed more than
    /// four million times a millisecond and the wall clock did not go back.
    pub fn at_start(wall_ms: u64) -> Self {
        Self(wall_ms.saturating_sub(EPOCH_START_WALL_MS) << PER_MS_BITS)
    }

    /// The upper 20 bits.
    pub fn epoch(self) -> u32 {
        (self.0 >> SEQUENCE_BITS) as u32
    }

    /// The lower 44 bits.
    pub fn sequence(self) -> u64 {
        self.0 & ((1 << SEQUENCE_BITS) - 1)
    }

    /// The version after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_start_is_above_an_earlier_run() {
        let first = Version::at_start(1_800_000_000_000);
        let worn = Version(first.0 + 3_000_000 * 1000);
        assert!(Version::at_start(1_800_000_001_000) > worn);
    }

    #[test]
    fn the_halves_are_read_back() {
        let version = Version((7 << 44) | 9);
        assert_eq!((version.epoch(), version.sequence()), (7, 9));
        assert_eq!(version.next().sequence(), 10);
    }
}
