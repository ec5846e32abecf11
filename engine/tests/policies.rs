//! Policies against exact ones, on drawn loads: by items and by bytes, in one shard and in eight.

mod support;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::exact::{Exact, Fifo, Lru, S3Fifo};
use support::{START_MS, config, key, seed};
use velodrome_engine::{Config, Deadline, Engine, Policy, Write};

/// What a record and its index entry add to key and value, about.
const OVERHEAD: u64 = 31;

/// Keys of a skewed load with scans of new ones in between, as caches meet them.
fn load(seed: u64, keys: u64, requests: usize) -> Vec<u64> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let (mut fresh, mut scan) = (1 << 40, 0);
    let mut next = || {
        if scan > 0 || rng.random_bool(0.0005) {
            scan = if scan > 0 { scan - 1 } else { 200 };
            fresh += 1;
            return fresh;
        }
        let drawn: f64 = rng.random();
        let rank = ((keys as f64).powf(drawn) * 4.0) as u64;
        rank.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
    };
    (0..requests).map(|_| next()).collect()
}

/// Bytes of a key's value: log-uniform from 50 to 5000.
fn value_len(number: u64) -> usize {
    let mixed = (number ^ 0x5555).wrapping_mul(0xff51_afd7_ed55_8ccd) >> 11;
    (50.0 * 100_f64.powf(mixed as f64 / (1_u64 << 53) as f64)) as usize
}

fn exact(policy: Policy, weight_max: u64) -> Box<dyn Exact> {
    match policy {
        Policy::Fifo => Box::new(Fifo::new(weight_max)),
        Policy::Lru => Box::new(Lru::new(weight_max)),
        Policy::S3Fifo => Box::new(S3Fifo::new(weight_max)),
        other => panic!("no exact {}", other.name()),
    }
}

/// Whether the key was there; it is now.
fn access(engine: &mut Engine<()>, number: u64, value: &[u8]) -> bool {
    let bytes = number.to_le_bytes();
    let key = key(engine.hasher(), 0, &bytes);
    let hit = engine.get(&key, START_MS).is_some();
    if !hit {
        engine.set(&key, Write::plain(value), START_MS).expect("stores");
    }
    hit
}

#[test]
fn by_items_they_are_as_good_as_exact() {
    let load = load(seed(31), 40_000, 400_000);
    for (policy, allowed) in [(Policy::Fifo, 0.0), (Policy::Lru, 0.010), (Policy::S3Fifo, 0.005)] {
        for items_max in [20, 150, 1500, 10_000] {
            let config = Config { policy, ..config(64 << 20, Some(items_max)) };
            let mut engine = Engine::new(config, ()).expect("starts");
            let mut exact = exact(policy, items_max);
            let (mut ours, mut theirs) = (0, 0);
            for number in &load {
                ours += u64::from(!access(&mut engine, *number, &[7; 20]));
                theirs += u64::from(!exact.access(*number, 1));
            }
            let ratio = |misses: u64| misses as f64 / load.len() as f64;
            println!("{} {items_max}: {:.4} {:.4}", policy.name(), ratio(ours), ratio(theirs));
            assert!((ratio(ours) - ratio(theirs)).abs() <= allowed);
        }
    }
}

#[test]
fn by_bytes_they_are_as_good_as_exact() {
    let load = load(seed(32), 200_000, 500_000);
    for (memory, shards) in [(16 << 20, 1), (32 << 20, 1), (64 << 20, 8)] {
        for policy in [Policy::Fifo, Policy::Lru, Policy::S3Fifo] {
            let of_shard = || {
                let config = Config { policy, ..config(memory / shards, None) };
                Engine::new(config, ()).expect("starts")
            };
            let mut engines: Vec<_> = (0..shards).map(|_| of_shard()).collect();
            // An empty engine's index is no item's overhead.
            let fixed = 800 << 10;
            let mut exact = exact(policy, memory - shards * fixed);
            let (mut ours, mut theirs) = (0, 0);
            let value = [7; 5000];
            for number in &load {
                let len = value_len(*number);
                let shard = support::slot_of(&number.to_le_bytes()) as usize % shards as usize;
                ours += u64::from(!access(&mut engines[shard], *number, &value[..len]));
                theirs += u64::from(!exact.access(*number, len as u64 + 8 + OVERHEAD));
            }
            let ratio = |misses: u64| misses as f64 / load.len() as f64;
            println!(
                "{} {} MiB, {shards} shards: {:.4} {:.4}",
                policy.name(),
                memory >> 20,
                ratio(ours),
                ratio(theirs)
            );
            assert!(ratio(ours) - ratio(theirs) <= 0.010);
        }
    }
}

#[test]
fn the_nearest_deadline_goes_first_and_items_without_one_last() {
    for policy in [Policy::Ttl, Policy::VolatileTtl] {
        let config = Config { policy, ..config(64 << 20, Some(100)) };
        let mut engine = Engine::new(config, ()).expect("starts");
        let hasher = engine.hasher().clone();
        for number in 0..100_u64 {
            let deadline = match number {
                0..40 => Deadline::Never,
                _ => Deadline::At((START_MS + 1_000_000 - number).try_into().expect("not zero")),
            };
            let bytes = number.to_le_bytes();
            let write = Write { deadline, ..Write::plain(b"value") };
            engine.set(&key(&hasher, 0, &bytes), write, START_MS).expect("stores");
        }
        for number in 0..70_u64 {
            let bytes = (1000 + number).to_le_bytes();
            let stored = engine.set(&key(&hasher, 0, &bytes), Write::plain(b"v"), START_MS);
            let left = (40..100_u64)
                .filter(|it| engine.peek(&key(&hasher, 0, &it.to_le_bytes()), START_MS).is_some());
            assert!(left.eq(40..99 - number.min(59)), "{number}");
            assert_eq!(stored.is_ok(), policy == Policy::Ttl || number < 60, "{number}");
        }
    }
}

#[test]
fn what_is_used_often_stays_under_lfu() {
    let config = Config { policy: Policy::Lfu, ..config(64 << 20, Some(1000)) };
    let mut engine = Engine::new(config, ()).expect("starts");
    for number in 0..100_000_u64 {
        access(&mut engine, number % 50, b"often");
        access(&mut engine, 1_000_000 + number, b"once");
    }
    let hasher = engine.hasher().clone();
    for number in 0..50_u64 {
        let bytes = number.to_le_bytes();
        assert!(engine.frequency(&key(&hasher, 0, &bytes)).expect("stays") > 10);
    }
}

#[test]
fn chance_spares_nobody_and_prefers_nobody_in_a_small_store() {
    const ITEMS: u64 = 16;
    let config = Config { policy: Policy::Random, ..config(64 << 20, Some(ITEMS)) };
    let mut engine = Engine::new(config, ()).expect("starts");
    let (mut stayed, rounds) = (0, 20_000_u64);
    for number in 0..rounds {
        access(&mut engine, number, b"value");
        let before = number.wrapping_sub(1).to_le_bytes();
        let key = key(engine.hasher(), 0, &before);
        stayed += u64::from(engine.peek(&key, START_MS).is_some());
    }
    // Each outlives the next write with a chance of 15 in 16.
    let expected = rounds * (ITEMS - 1) / ITEMS;
    assert!(stayed.abs_diff(expected) < rounds / 100, "{stayed} of {rounds}, not {expected}");
}

#[test]
fn few_items_with_a_deadline_are_found_among_many_without() {
    let policies =
        [Policy::VolatileLru, Policy::VolatileLfu, Policy::VolatileRandom, Policy::VolatileTtl];
    for policy in policies {
        let config = Config { policy, ..config(64 << 20, Some(50_000)) };
        let mut engine = Engine::new(config, ()).expect("starts");
        let hasher = engine.hasher().clone();
        let deadline = Deadline::At((START_MS + 1_000_000).try_into().expect("not zero"));
        for number in 0..50_000_u64 {
            let deadline = if number % 1000 == 0 { deadline } else { Deadline::Never };
            let write = Write { deadline, ..Write::plain(b"value") };
            let bytes = number.to_le_bytes();
            engine.set(&key(&hasher, 0, &bytes), write, START_MS).expect("stores");
        }
        for number in 0..60_u64 {
            let bytes = (1_000_000 + number).to_le_bytes();
            let stored = engine.set(&key(&hasher, 0, &bytes), Write::plain(b"v"), START_MS);
            assert_eq!(stored.is_ok(), number < 50, "{} {number}", policy.name());
        }
    }
}

#[test]
fn idle_times_are_told() {
    let mut engine = Engine::new(config(64 << 20, None), ()).expect("starts");
    let hasher = engine.hasher().clone();
    let key = key(&hasher, 0, b"k");
    engine.set(&key, Write::plain(b"v"), START_MS).expect("stores");
    engine.maintain(START_MS, 1);
    engine.maintain(START_MS + 9000, 1);
    assert_eq!(engine.idle_ms(&key, START_MS + 10_000), Some(10_000));
    engine.get(&key, START_MS + 10_000);
    engine.maintain(START_MS + 10_000, 1);
    assert_eq!(engine.idle_ms(&key, START_MS + 11_000), Some(1000));
}
