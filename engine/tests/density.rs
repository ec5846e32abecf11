//! Density: what an item weighs beside its key and value, as accounted.
//!
//! Fewer slots and items than in a large store, but as many items a slot, which is what decides.

mod support;

use std::num::NonZeroU64;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::{START_MS, check_bounds, config, seed};
use velodrome_engine::{Config, Deadline, Engine, Policy, Write};

/// A twentieth of all slots, to be filled by a twentieth of some millions of items.
const SLOTS: u64 = 819;
const KEY_LEN: usize = 24;
const DAY_MS: u64 = 86_400_000;
const VALUE: [u8; 1000] = [7; 1000];
/// Bytes beside key and value, without a deadline and with one. Where so few items have one, the
/// wheel's half-filled chunks weigh a quarter of a byte each; in a large store nothing.
const FRESH_MAX: [f64; 2] = [32.0, 38.0];
const TURNED_OVER_MAX: [f64; 2] = [40.0, 46.0];

fn slot_of(key: &[u8]) -> u16 {
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    ((hash ^ (hash >> 29)) % SLOTS) as u16
}

fn key(number: u64) -> [u8; KEY_LEN] {
    let mut key = [b'0'; KEY_LEN];
    key[16..].copy_from_slice(&number.to_be_bytes());
    key
}

struct Store {
    engine: Engine<()>,
    rng: SmallRng,
    dated: bool,
}

impl Store {
    fn new(dated: bool) -> Self {
        let config = Config { slot_of, segment_len: 64 << 10, ..config(1 << 30, None) };
        let engine = Engine::new(config, ()).expect("starts");
        Self { engine, rng: SmallRng::seed_from_u64(seed(41)), dated }
    }

    fn set(&mut self, number: u64, value_len: usize) {
        let bytes = key(number);
        let key = self.engine.hasher().key(0, slot_of(&bytes), &bytes);
        let mut write = Write::plain(&VALUE[..value_len]);
        if self.dated {
            let deadline_ms = START_MS + self.rng.random_range(1000..DAY_MS);
            write.deadline = Deadline::At(NonZeroU64::new(deadline_ms).expect("set"));
        }
        self.engine.set(&key, write, START_MS).expect("stores");
        self.engine.maintain(START_MS, 1);
    }

    fn delete(&mut self, number: u64) {
        let bytes = key(number);
        let key = self.engine.hasher().key(0, slot_of(&bytes), &bytes);
        assert!(self.engine.delete(&key, START_MS));
    }

    /// Bytes an item, beside those of its key and value.
    fn overhead(&self, payload: u64) -> f64 {
        check_bounds(&self.engine);
        let stats = self.engine.stats();
        let idle = self.engine.accounted_bytes() - payload - stats.items * KEY_LEN as u64;
        idle as f64 / stats.items as f64
    }
}

/// Fills a store and turns its items over ten times. Returns the overhead before and after.
fn turn_over(count: u64, value_len: usize, dated: bool) -> (f64, f64) {
    let mut store = Store::new(dated);
    (0..count).for_each(|number| store.set(number, value_len));
    let payload = count * value_len as u64;
    let fresh = store.overhead(payload);
    let mut held: Vec<u64> = (0..count).collect();
    for number in count..count * 11 {
        let place = store.rng.random_range(0..held.len());
        store.delete(held[place]);
        store.set(number, value_len);
        held[place] = number;
    }
    let copied = store.engine.stats().copied_bytes;
    assert_eq!(copied, 0, "equal lengths take each other's places");
    (fresh, store.overhead(payload))
}

#[test]
fn an_items_overhead_is_bounded_fresh_and_after_ten_turnovers() {
    let cases = [(185_000, 32), (250_000, 32), (350_000, 100), (250_000, 216)];
    for dated in [false, true] {
        for (count, value_len) in cases {
            let (fresh, turned) = turn_over(count, value_len, dated);
            println!("{count} of {value_len} B, dated {dated}: {fresh:.1} B, then {turned:.1} B");
            let at = usize::from(dated);
            assert!(fresh <= FRESH_MAX[at] && turned <= TURNED_OVER_MAX[at]);
        }
    }
}

#[test]
fn a_full_engine_leaves_little_idle() {
    let hasher = support::hasher();
    let mut rng = SmallRng::seed_from_u64(seed(42));
    let cases = [(Policy::Lru, 2 << 20), (Policy::S3Fifo, 2 << 20), (Policy::Lru, 32 << 20)];
    for (policy, memory) in cases {
        let config = Config { policy, ..config(memory, None) };
        let mut engine = Engine::new(config, ()).expect("starts");
        let (mut used, mut looks) = (0, 0);
        for i in 0..memory / 200 {
            let name = (rng.random_range(0.0..1.0_f64).powi(2) * memory as f64 / 200.0) as u64;
            let name = name.to_le_bytes();
            let key = support::key(&hasher, 0, &name);
            if engine.get(&key, START_MS).is_none() {
                let len = 50 << rng.random_range(0..7);
                engine.set(&key, Write::plain(&vec![7; len]), START_MS).expect("there is room");
            }
            if i > memory / 400 && i % 16 == 0 {
                let stats = engine.stats();
                used += stats.live_bytes + stats.index_bytes;
                looks += 1;
            }
        }
        assert!(engine.stats().evicted > 0);
        let idle = 1.0 - (used / looks) as f64 / memory as f64;
        println!("{} of {memory} bytes: {:.1} % idle", policy.name(), idle * 100.0);
        assert!(idle < 0.03, "{idle}");
    }
}

#[test]
fn changing_sizes_leave_little_dead_memory() {
    let mut store = Store::new(false);
    let count = 100_000_u64;
    let mut held: Vec<(u64, usize)> = (0..count).map(|number| (number, 100)).collect();
    held.iter().for_each(|(number, len)| store.set(*number, *len));
    let (mut written, mut worst) = (0, 0.0_f64);
    for number in count..count * 10 {
        // The sizes' range moves up and down again.
        let widest = 100 + 100 * (number / count).min(10 - number / count) as usize;
        let len = store.rng.random_range(0..widest);
        let place = store.rng.random_range(0..held.len());
        store.delete(held[place].0);
        store.set(number, len);
        held[place] = (number, len);
        written += (len + KEY_LEN + 16) as u64;
        if number % 10_000 == 0 {
            let payload: u64 = held.iter().map(|(_, len)| *len as u64).sum();
            // With 32 documented bytes an item beside it.
            let live = payload + count * (KEY_LEN as u64 + 32);
            worst = worst.max(store.engine.accounted_bytes() as f64 / live as f64);
        }
    }
    let copied = store.engine.stats().copied_bytes as f64 / written as f64;
    println!("at worst {worst:.3} of the live bytes, {copied:.2} bytes copied a byte written");
    assert!(worst <= 1.15 && copied < 2.0);
}

#[test]
fn overwrites_of_other_lengths_leave_little_dead_memory_under_every_policy() {
    const MEMORY: u64 = 16 << 20;
    let hasher = support::hasher();
    for policy in [Policy::Lru, Policy::S3Fifo, Policy::Fifo] {
        let config = Config { policy, ..config(MEMORY, None) };
        let mut engine = Engine::new(config, ()).expect("starts");
        let mut rng = SmallRng::seed_from_u64(seed(43));
        let (mut dead, mut looks) = (0, 0);
        for i in 0..1_000_000_u32 {
            let name = (200_000_f64.powf(rng.random()) as u64).to_le_bytes();
            let key = support::key(&hasher, 0, &name);
            if engine.get(&key, START_MS).is_none() || rng.random_ratio(1, 4) {
                let len = rng.random_range(0..600);
                engine.set(&key, Write::plain(&VALUE[..len]), START_MS).expect("there is room");
            }
            if i % 16 == 0 {
                engine.maintain(START_MS, 1);
            }
            if i > 500_000 && i % 64 == 0 {
                dead += engine.stats().dead_bytes;
                looks += 1;
            }
        }
        check_bounds(&engine);
        let stats = engine.stats();
        let dead = (dead / looks) as f64 / MEMORY as f64;
        let copied = stats.copied_bytes as f64 / stats.written_bytes as f64;
        let name = policy.name();
        println!("{name}: {:.1} % dead, {copied:.2} bytes copied a byte written", dead * 100.0);
        assert!(stats.evicted > 0 && dead < 0.05 && copied < 0.5);
    }
}
