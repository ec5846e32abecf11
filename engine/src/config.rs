//! Configuration of one engine.
//!
//! Invariant: an engine exists only with limits that `Config::check` accepted. Cost: none after
//! the start.

use crate::compression::Compression;
use crate::key::KeyHasher;
use crate::limits::{
    ADDRESS_SPACE_BYTES_MAX, MEMORY_BYTES_MIN, SEGMENT_LEN_BYTES_MAX, SEGMENT_LEN_BYTES_MIN,
    SEGMENTS_WANTED_MIN, VALUE_LEN_BYTES_MAX,
};
use crate::policy::Policy;
use crate::refused::StartError;
use crate::version::Version;

/// What an engine may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of segments, index and large values together.
    pub memory_bytes_max: u64,
    /// Items of all databases together, or no limit.
    pub items_max: Option<u64>,
    /// Bytes of one value.
    pub value_len_max: usize,
}

/// Everything an engine is made from.
#[derive(Clone, Debug)]
pub struct Config {
    /// What it may hold.
    pub limits: Limits,
    /// Bytes of a segment, a power of two; `Config::segment_len_for` proposes one.
    pub segment_len: usize,
    /// Bytes of address space to reserve: the highest memory limit there will ever be.
    pub address_space_bytes: u64,
    /// What goes when a limit is reached; `Engine::set_policy` changes it.
    pub policy: Policy,
    /// Which values are packed; `Engine::set_compression` changes it.
    pub compression: Compression,
    /// A clock that measures what packing and unpacking take; nothing is decided by it.
    pub clock_ns: fn() -> u64,
    /// Where versions start: `Version::at_start`, or what an earlier run left.
    pub start: Version,
    /// Seed of the sampling.
    pub seed: u64,
    /// Hashes the keys.
    pub hasher: KeyHasher,
    /// The slot of a key, the same that callers put into `Key`: a record does not hold its own.
    pub slot_of: fn(&[u8]) -> u16,
}

impl Config {
    /// The segment length that suits a memory limit: a hundred-and-twenty-eighth of it, within
    /// bounds.
    pub fn segment_len_for(memory_bytes_max: u64) -> usize {
        let wanted = (memory_bytes_max / SEGMENTS_WANTED_MIN).max(1);
        let floor = 1_u64 << wanted.ilog2();
        floor.clamp(SEGMENT_LEN_BYTES_MIN as u64, SEGMENT_LEN_BYTES_MAX as u64) as usize
    }

    /// The address space to reserve for a limit that may grow to `memory_bytes_max` some day: as
    /// much of it as one engine can have.
    pub fn address_space_for(memory_bytes_max: u64) -> u64 {
        memory_bytes_max.min(ADDRESS_SPACE_BYTES_MAX)
    }

    /// A configuration for `memory_bytes_max` bytes with defaults everywhere else.
    pub fn for_memory(memory_bytes_max: u64, hasher: KeyHasher, slot_of: fn(&[u8]) -> u16) -> Self {
        let limits = Limits { memory_bytes_max, items_max: None, value_len_max: 64 << 20 };
        let segment_len = Self::segment_len_for(memory_bytes_max);
        Self {
            limits,
            segment_len,
            address_space_bytes: memory_bytes_max.next_multiple_of(SEGMENT_LEN_BYTES_MAX as u64),
            policy: Policy::default(),
            compression: Compression::default(),
            clock_ns: || 0,
            start: Version::default(),
            seed: 1,
            hasher,
            slot_of,
        }
    }

    /// Whether an engine can be made from this.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        self.limits.check()?;
        let (min, max) = (SEGMENT_LEN_BYTES_MIN, SEGMENT_LEN_BYTES_MAX);
        let segment_len = self.segment_len;
        if !segment_len.is_power_of_two() || !(min..=max).contains(&segment_len) {
            return Err(StartError::SegmentLen { segment_len, min, max });
        }
        let (address_space_bytes, max) = (self.address_space_bytes, ADDRESS_SPACE_BYTES_MAX);
        if address_space_bytes < self.limits.memory_bytes_max || address_space_bytes > max {
            return Err(StartError::AddressSpace { address_space_bytes, max });
        }
        Ok(())
    }
}

impl Limits {
    /// Whether an engine can work within this.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.items_max == Some(0) {
            return Err(StartError::NoItems);
        }
        if self.memory_bytes_max < MEMORY_BYTES_MIN {
            let (memory_bytes, min) = (self.memory_bytes_max, MEMORY_BYTES_MIN);
            return Err(StartError::MemoryTooSmall { memory_bytes, min });
        }
        Ok(())
    }

    /// Bytes of the longest value accepted.
    pub(crate) fn value_len_max(&self) -> usize {
        self.value_len_max.min(VALUE_LEN_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(memory: u64) -> Config {
        Config::for_memory(memory, KeyHasher::new([1, 2]), |_| 0)
    }

    #[test]
    fn segments_shrink_with_the_limit() {
        let cases = [(2 << 20, 64 << 10), (16 << 20, 128 << 10), (128 << 20, 1 << 20)];
        for (memory, segment_len) in cases {
            assert_eq!(Config::segment_len_for(memory), segment_len, "{memory}");
        }
        assert_eq!(Config::segment_len_for(64 << 30), SEGMENT_LEN_BYTES_MAX);
    }

    #[test]
    fn a_machine_of_any_size_is_possible() {
        for machine_bytes in [4 << 20, ADDRESS_SPACE_BYTES_MAX, 512 << 30, u64::MAX] {
            let address_space_bytes = Config::address_space_for(machine_bytes);
            let wide = Config { address_space_bytes, ..config(4 << 20) };
            assert!(wide.check().is_ok(), "{machine_bytes}");
        }
    }

    #[test]
    fn impossible_configurations_are_refused_with_the_numbers() {
        assert!(config(2 << 20).check().is_ok());
        assert!(config(1 << 20).check().expect_err("small").to_string().contains("1048576"));
        let uneven = Config { segment_len: 100_000, ..config(4 << 20) };
        assert!(uneven.check().expect_err("uneven").to_string().contains("100000"));
        let narrow = Config { address_space_bytes: 1 << 20, ..config(4 << 20) };
        assert!(matches!(narrow.check(), Err(StartError::AddressSpace { .. })));
        let mut empty = config(4 << 20);
        empty.limits.items_max = Some(0);
        assert!(matches!(empty.check(), Err(StartError::NoItems)));
    }
}
