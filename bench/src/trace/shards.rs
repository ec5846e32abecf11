//! The replay through engines in this process.
//!
//! ```text
//! key ─ CRC16 mod 16384 ─► slot ─ mod shards ─► engine: get, and set when it is missing
//! ```
//!
//! Owns one engine a shard, each with its part of the bound, as a node has them; unlike a node's,
//! parts never move, and hash tags mean nothing. Invariant: an engine sees its keys' requests in
//! the trace's order, and does its upkeep between them. Cost: the engine's.

use velodrome_engine::{Config, Engine, Key, KeyHasher, Limits, Policy, Write};

use super::figure::{Budget, Held};
use super::objects::Objects;
use crate::failure::Failure;

const SLOTS: u16 = 16_384;
/// Writes between two rounds of upkeep, as in a turn.
const WRITES_PER_UPKEEP: u64 = 16;
/// Steps of one round.
const UPKEEP_STEPS: usize = 4;
/// The time, which stands still.
const NOW_MS: u64 = 1_000_000;
/// Memory of an engine bounded by items, and what it gets for each: so much that it never counts.
const MEMORY_BYTES_MIN: u64 = 64 << 20;
const ITEM_BYTES_MAX: u64 = 512;

/// Engines that share a trace's keys.
pub struct Shards<'a> {
    objects: &'a Objects,
    engines: Vec<Engine<()>>,
    hasher: KeyHasher,
    slots: Vec<u16>,
    /// The bytes of every value.
    noise: Vec<u8>,
    budget: Budget,
    writes: u64,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The object was there.
    Hit,
    /// It was not, and is now.
    Miss,
    /// It was not, and the engine does not take it.
    Refused,
}

impl<'a> Shards<'a> {
    /// Empty engines.
    ///
    /// # Errors
    /// When the bound is too small for so many engines, or the system refuses memory.
    pub fn new(
        objects: &'a Objects,
        policy: Policy,
        budget: Budget,
        shards: usize,
    ) -> Result<Shards<'a>, Failure> {
        let hasher = KeyHasher::new([1, 2]);
        let engine = |shard: usize| {
            let config = configured(objects, policy, budget.part(shard, shards), &hasher);
            let refused = |error| {
                let size = budget.size();
                Failure::Option(format!("{size} is too little for {shards} shards: {error}"))
            };
            Engine::new(Config { seed: shard as u64 + 1, ..config }, ()).map_err(refused)
        };
        let engines = (0..shards).map(engine).collect::<Result<_, _>>()?;
        let slots = (0..objects.count() as u32).map(|object| slot(objects.key(object))).collect();
        let noise = (0..objects.value_len_max()).map(|at| at as u8).collect();
        Ok(Shards { objects, engines, hasher, slots, noise, budget, writes: 0 })
    }

    /// Asks for an object and puts it in if it is missing.
    #[inline]
    pub fn access(&mut self, object: u32) -> Answer {
        let slot = self.slots[object as usize];
        let key: Key<'_> = self.hasher.key(0, slot, self.objects.key(object));
        let count = self.engines.len();
        let engine = &mut self.engines[usize::from(slot) % count];
        if engine.get(&key, NOW_MS).is_some() {
            return Answer::Hit;
        }
        let value = &self.noise[..self.objects.value_len(object)];
        let stored = engine.set(&key, Write::plain(value), NOW_MS);
        self.writes += 1;
        if self.writes.is_multiple_of(WRITES_PER_UPKEEP) {
            engine.maintain(NOW_MS, UPKEEP_STEPS);
        }
        if stored.is_ok() { Answer::Miss } else { Answer::Refused }
    }

    /// What is held now.
    pub fn held(&self) -> Held {
        let mut held = Held::default();
        for object in 0..self.objects.count() as u32 {
            let slot = self.slots[object as usize];
            let key = self.hasher.key(0, slot, self.objects.key(object));
            let engine = &self.engines[usize::from(slot) % self.engines.len()];
            if engine.peek(&key, NOW_MS).is_some() {
                held.items += 1;
                held.payload_bytes += self.objects.bytes(object);
            }
        }
        let used = |engine: &Engine<()>| {
            let stats = engine.stats();
            stats.live_bytes + stats.index_bytes + stats.large_bytes
        };
        let used: u64 = self.engines.iter().map(used).sum();
        let overhead = used.saturating_sub(held.payload_bytes);
        held.overhead_bytes = overhead as f64 / held.items.max(1) as f64;
        if let Budget::Bytes(bytes) = self.budget {
            held.idle_share = 1.0 - used as f64 / bytes as f64;
        }
        held
    }
}

fn configured(objects: &Objects, policy: Policy, budget: Budget, hasher: &KeyHasher) -> Config {
    let (memory_bytes_max, items_max) = match budget {
        Budget::Bytes(bytes) => (bytes, None),
        Budget::Items(items) => {
            let item_bytes = ITEM_BYTES_MAX + 2 * objects.value_len_max() as u64;
            (MEMORY_BYTES_MIN + items * item_bytes, Some(items))
        }
    };
    let config = Config::for_memory(memory_bytes_max, hasher.clone(), slot);
    let limits = Limits { items_max, ..config.limits };
    Config { limits, policy, ..config }
}

/// The slot of a key, without regard to hash tags.
fn slot(key: &[u8]) -> u16 {
    crc16::State::<crc16::XMODEM>::calculate(key) % SLOTS
}
