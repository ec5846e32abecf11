//! What the machine allows a node: memory by default, descriptors for its clients.
//!
//! Invariant: a node that leaves its memory to the machine starts on a machine of any size. Cost:
//! some system calls at the start and at CONFIG SET.

use velodrome_engine::limits::ADDRESS_SPACE_BYTES_MAX;
use velodrome_tuning::{self as tuning, Host};

use crate::limits::DESCRIPTORS_BESIDE_CLIENTS;

/// Bytes of data of a node of `shards` shards that was told nothing.
pub(crate) fn memory_default(host: &Host, shards: u64) -> u64 {
    tuning::memory_default(host).min(shards.saturating_mul(ADDRESS_SPACE_BYTES_MAX))
}

/// Asks for as many file descriptors as `clients` need, and some.
///
/// # Errors
/// How many there are when those are fewer.
pub fn raise_descriptors(clients: usize) -> Result<(), u64> {
    let wanted = clients as u64 + DESCRIPTORS_BESIDE_CLIENTS;
    let descriptors = tuning::raise_nofile(wanted).unwrap_or(0);
    if descriptors < wanted { Err(descriptors) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_by_default_fits_into_the_shards() {
        let mut host = Host::read_here();
        for bytes in [8_u64 << 30, 512 << 30, 8 << 40] {
            host.memory_bytes = Some(bytes);
            let quota = memory_default(&host, 2) / 2;
            assert!((1..=ADDRESS_SPACE_BYTES_MAX).contains(&quota), "{bytes}: {quota}");
        }
    }

    #[test]
    fn descriptors_that_cannot_be_had_are_counted() {
        assert_eq!(raise_descriptors(1), Ok(()));
        assert!(raise_descriptors(usize::MAX >> 1).is_err_and(|descriptors| descriptors > 1));
    }
}
