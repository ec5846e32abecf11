//! A shard's dataset when the node starts.
//!
//! Invariant: the shards' limits together are the node's. Cost: address space is reserved, no
//! memory taken.

use velodrome_engine::{Config as EngineConfig, Engine, KeyHasher, StartError, Version};

use crate::clock::boot_ns;
use crate::config::Config;
use crate::facts::Facts;
use crate::shard::consumers::Consumers;

/// What the datasets of all shards are made from.
pub(crate) struct Origin<'a> {
    pub(crate) config: &'a Config,
    pub(crate) facts: &'a Facts,
    pub(crate) hasher: &'a KeyHasher,
    pub(crate) memory_bytes_max: u64,
}

/// The empty dataset of shard `id`.
pub(crate) fn engine(id: u16, origin: &Origin<'_>) -> Result<Engine<Consumers>, StartError> {
    let Origin { config, facts, hasher, memory_bytes_max } = origin;
    let shards = facts.shard_count() as u64;
    let (quota, slot_of) = (memory_bytes_max / shards, velodrome_ring::slot);
    let mut engine = EngineConfig::for_memory(quota, (*hasher).clone(), slot_of);
    // A shard's quota may grow by what its siblings spare, or by CONFIG SET.
    let wanted_bytes = facts.machine_memory_bytes.max(*memory_bytes_max);
    engine.address_space_bytes = EngineConfig::address_space_for(wanted_bytes);
    engine.limits.value_len_max = config.value_len_max;
    engine.limits.items_max = config.max_items.map(|items| share(items, shards, u64::from(id)));
    engine.policy = config.eviction;
    engine.compression = config.compression();
    engine.clock_ns = boot_ns;
    engine.start = Version::at_start(facts.started_ms);
    engine.seed = u64::from(id) + 1;
    Engine::new(engine, Consumers::default())
}

/// Part `index` of `total` when it is divided among `shares` as evenly as whole numbers allow.
fn share(total: u64, shares: u64, index: u64) -> u64 {
    total / shares + u64::from(index < total % shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_the_whole() {
        for (total, shares) in [(100, 3), (64, 1), (7, 4)] {
            assert_eq!((0..shares).map(|i| share(total, shares, i)).sum::<u64>(), total);
        }
    }
}
