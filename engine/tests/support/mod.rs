//! What the tests share: engines, keys, and a naive model fed by effects.
//!
//! Invariant: the model knows nothing of the engine but its effects. Cost: a `BTreeMap`.

#![allow(dead_code, unreachable_pub)] // Each test file uses its part of this private module.

pub mod exact;

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use velodrome_engine::{
    Cause, Change, Config, Cursor, Effect, Effects, Engine, Key, KeyHasher, OwnedEffect, Version,
};

/// Wall time at which tests begin.
pub const START_MS: u64 = 1_800_000_000_000;

/// The seed of a test: `VELODROME_SEED`, or its own. Printed.
pub fn seed(own: u64) -> u64 {
    let given = std::env::var("VELODROME_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or(own);
    println!("seed {seed}");
    seed
}

pub fn hasher() -> KeyHasher {
    KeyHasher::new([0x1234_5678, 0x9abc_def0])
}

pub fn config(memory: u64, items_max: Option<u64>) -> Config {
    let mut config = Config::for_memory(memory, hasher(), slot_of);
    config.limits.items_max = items_max;
    config.start = Version::at_start(START_MS);
    config
}

pub fn engine<E: Effects>(memory: u64, items_max: Option<u64>, effects: E) -> Engine<E> {
    Engine::new(config(memory, items_max), effects).expect("starts")
}

/// A slot for a key, as good as any: what stands in `{}`, or the whole key, hashed.
pub fn slot_of(key: &[u8]) -> u16 {
    let tag = match (key.iter().position(|b| *b == b'{'), key.iter().position(|b| *b == b'}')) {
        (Some(open), Some(close)) if open + 1 < close => &key[open + 1..close],
        _ => key,
    };
    let hash = tag.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    ((hash ^ (hash >> 29)) % 16384) as u16
}

pub fn key<'a>(hasher: &KeyHasher, db: u8, bytes: &'a [u8]) -> Key<'a> {
    hasher.key(db, slot_of(bytes), bytes)
}

/// What the model holds of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub value: Vec<u8>,
    pub version: Version,
    pub deadline_ms: Option<NonZeroU64>,
    pub client_flags: u32,
    pub tag: u8,
}

impl Held {
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.deadline_ms.is_none_or(|deadline_ms| deadline_ms.get() > now_ms)
    }
}

/// Databases as effects describe them.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub held: BTreeMap<(u8, Vec<u8>), Held>,
    pub versions: BTreeMap<u16, Version>,
    pub evicted: u64,
    pub expired: u64,
}

impl Model {
    pub fn live(&self, db: u8, key: &[u8], now_ms: u64) -> Option<&Held> {
        self.held.get(&(db, key.to_vec())).filter(|held| held.is_live(now_ms))
    }

    /// Follows an effect, checking that it is possible.
    pub fn follow(&mut self, effect: &Effect<'_>, now_ms: u64) {
        let (db, slot, version) = (effect.db, effect.slot, effect.version);
        let last = self.versions.insert(slot, version);
        assert!(last.is_none_or(|last| last < version), "versions of a slot rise");
        match effect.change {
            Change::Written { key, value, deadline_ms, client_flags, tag } => {
                assert_eq!(slot, slot_of(key));
                let value = value.to_vec();
                let held = Held { value, version, deadline_ms, client_flags, tag };
                self.held.insert((db, key.to_vec()), held);
            }
            Change::Redated { key, deadline_ms } => {
                let held = self.held.get_mut(&(db, key.to_vec())).expect("redated key is held");
                (held.deadline_ms, held.version) = (deadline_ms, version);
            }
            Change::Removed { key, cause } => {
                let held = self.held.remove(&(db, key.to_vec())).expect("removed key is held");
                assert_eq!(cause == Cause::Expired, !held.is_live(now_ms), "{cause:?} at {now_ms}");
                self.evicted += u64::from(cause == Cause::Evicted);
                self.expired += u64::from(cause == Cause::Expired);
            }
            Change::Flushed => {
                self.held.retain(|(of, key), _| (*of, slot_of(key)) != (db, slot));
            }
        }
    }
}

/// The live content of a database by a whole scan, each key once.
pub fn content<E: Effects>(engine: &mut Engine<E>, db: u8, now_ms: u64) -> BTreeMap<Vec<u8>, Held> {
    let mut content = BTreeMap::new();
    let mut cursor = Some(Cursor::default());
    while let Some(from) = cursor {
        cursor = engine.scan(db, from, 100, now_ms, &mut |key, item| {
            let held = Held {
                value: item.value.as_bytes().to_vec(),
                version: item.version,
                deadline_ms: item.deadline_ms,
                client_flags: item.client_flags,
                tag: item.tag,
            };
            assert!(content.insert(key.to_vec(), held).is_none(), "scanned twice: {key:?}");
        });
    }
    content
}

/// The model's live content of a database.
pub fn expected(model: &Model, db: u8, now_ms: u64) -> BTreeMap<Vec<u8>, Held> {
    let of_db = model.held.iter().filter(|((of, _), held)| *of == db && held.is_live(now_ms));
    of_db.map(|((_, key), held)| (key.clone(), held.clone())).collect()
}

/// Takes the effects an engine emitted.
pub fn take(engine: &mut Engine<Vec<OwnedEffect>>) -> Vec<OwnedEffect> {
    std::mem::take(engine.effects_mut())
}

/// Asserts the limits and that no step was longer than allowed.
pub fn check_bounds<E: Effects>(engine: &Engine<E>) {
    let limits = *engine.limits();
    assert!(engine.accounted_bytes() <= limits.memory_bytes_max, "{:?}", engine.stats());
    let stats = engine.stats();
    assert!(limits.items_max.is_none_or(|max| stats.items <= max), "{stats:?}");
    let longest = stats.longest_step;
    assert!(longest.items <= 256, "{longest:?}");
    assert!(longest.bytes <= (64 << 10) + (256 << 10), "{longest:?}");
    assert!(longest.tables <= 256 && longest.entries <= 1024, "{longest:?}");
}
