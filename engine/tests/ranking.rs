//! Hot keys and large items against a model that counts everything.

mod support;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::{START_MS, engine, key, seed};
use velodrome_engine::limits::{LARGEST_CHECK_MS, LARGEST_ITEMS_MAX};
use velodrome_engine::{Deadline, Engine, Write};

fn set(engine: &mut Engine<()>, db: u8, name: &[u8], len: usize, now_ms: u64) {
    let key = key(engine.hasher(), db, name);
    engine.set(&key, Write::plain(&vec![7; len]), now_ms).expect("stores");
}

/// Asserts that the items listed exist, are as large as said, and stand in order.
fn check_largest(engine: &Engine<()>, now_ms: u64) -> usize {
    let listed = engine.largest_items(20, now_ms);
    assert!(listed.windows(2).all(|pair| pair[0].bytes >= pair[1].bytes), "{listed:?}");
    for item in &listed {
        let key = key(engine.hasher(), item.db, &item.key);
        assert_eq!(engine.item_bytes(&key, now_ms), Some(item.bytes), "{item:?}");
    }
    let names: BTreeMap<_, _> = listed.iter().map(|it| ((it.db, &it.key), it.bytes)).collect();
    assert_eq!(names.len(), listed.len(), "nothing is listed twice");
    listed.len()
}

#[test]
fn the_largest_items_of_a_growing_store_are_exactly_known() {
    let mut rng = SmallRng::seed_from_u64(seed(11));
    let mut engine = engine(256 << 20, None, ());
    let mut lens = Vec::new();
    for number in 0..20_000_u32 {
        let len = if rng.random_ratio(1, 500) {
            rng.random_range(100_000..400_000)
        } else {
            rng.random_range(0..2000)
        };
        lens.push((len, number));
        set(&mut engine, (number % 3) as u8, &number.to_le_bytes(), len, START_MS);
    }
    lens.sort_unstable();
    let listed = engine.largest_items(10, START_MS);
    let names: Vec<u32> = listed
        .iter()
        .map(|it| u32::from_le_bytes(it.key.clone().try_into().expect("four bytes")))
        .collect();
    // Mappings are whole pages: within one page the order is nobody's.
    let least = lens[lens.len() - 10].0 - 4096;
    let by_name: HashMap<u32, usize> = lens.iter().map(|(len, number)| (*number, *len)).collect();
    assert!(names.iter().all(|name| by_name[name] >= least), "{names:?}");
    assert_eq!(listed.len(), 10);
}

#[test]
fn listed_items_exist_whatever_is_done_to_them() {
    let mut rng = SmallRng::seed_from_u64(seed(12));
    let mut engine = engine(32 << 20, None, ());
    let mut now_ms = START_MS;
    for step in 0..60_000_u32 {
        let name = rng.random_range(0..3000_u32).to_le_bytes();
        let db = rng.random_range(0..3);
        match rng.random_range(0..100) {
            0..60 => set(&mut engine, db, &name, rng.random_range(0..3000), now_ms),
            60..62 => set(&mut engine, db, &name, rng.random_range(20_000..300_000), now_ms),
            62..90 => {
                engine.delete(&key(&support::hasher(), db, &name), now_ms);
            }
            90..95 => {
                let deadline = Deadline::At(NonZeroU64::new(now_ms + 500).expect("later"));
                let write = Write { deadline, ..Write::plain(&[1; 5000]) };
                let key = key(&support::hasher(), db, &name);
                engine.set(&key, write, now_ms).expect("stores");
            }
            95..98 => {
                let key = key(&support::hasher(), db, &name);
                engine.append(&key, &[2; 700], now_ms).expect("stores");
            }
            _ => now_ms += 100,
        }
        engine.maintain(now_ms, 1);
        if step % 20_000 == 19_999 {
            engine.flush(Some(1), now_ms);
            assert!(engine.largest_items(100, now_ms).iter().all(|item| item.db != 1));
        }
        if step % 500 == 0 && step > 5000 {
            assert!(check_largest(&engine, now_ms) == 20, "at step {step}");
        }
    }
    engine.flush(None, now_ms);
    assert!(engine.largest_items(10, now_ms).is_empty());
}

#[test]
fn large_items_that_went_make_room_within_two_seconds() {
    let mut engine = engine(64 << 20, None, ());
    let hasher = support::hasher();
    for number in 0..4000_u32 {
        set(&mut engine, 0, &number.to_le_bytes(), 3000, START_MS);
    }
    for number in 0..4000_u32 {
        assert!(engine.delete(&key(&hasher, 0, &number.to_le_bytes()), START_MS));
    }
    assert_eq!(engine.largest_items(10, START_MS), []);
    for tick in 1..=2000 / LARGEST_CHECK_MS + 4 {
        engine.maintain(START_MS + tick * LARGEST_CHECK_MS, 4);
    }
    let now_ms = START_MS + 2100;
    for number in 4000..8000_u32 {
        set(&mut engine, 0, &number.to_le_bytes(), 500, now_ms);
    }
    assert_eq!(engine.largest_items(200, now_ms).len(), LARGEST_ITEMS_MAX);
}

#[test]
fn every_kind_of_access_makes_a_key_hot() {
    let mut engine = engine(64 << 20, None, ());
    let hasher = support::hasher();
    for round in 0..30_000_u32 {
        set(&mut engine, 0, &round.to_le_bytes(), 10, START_MS);
        let (read, counter, missing) =
            (key(&hasher, 0, b"read"), key(&hasher, 5, b"counter"), key(&hasher, 0, b"missing"));
        if round == 0 {
            set(&mut engine, 0, b"read", 10, START_MS);
        }
        assert!(engine.get(&read, START_MS).is_some());
        engine.increment(&counter, 1, START_MS).expect("a number");
        if round % 3 == 0 {
            assert!(!engine.delete(&missing, START_MS));
        }
        // Looking without leaving a trace does not count.
        engine.peek(&key(&hasher, 0, b"peeked"), START_MS);
    }
    let hot = engine.hot_keys(10, START_MS);
    let total = 30_001 * 3 + 10_000_u64;
    assert!(hot.accesses.abs_diff(total) < 300, "{}", hot.accesses);
    let names: Vec<&[u8]> = hot.keys.iter().map(|it| &it.key[..]).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(names[2], b"missing");
    for (found, expected) in hot.keys.iter().zip([30_001, 30_001, 10_000_u64]) {
        assert!(found.accesses.abs_diff(expected) * 5 < expected, "{found:?}");
    }
    assert_eq!(engine.hot_keys(1, START_MS).keys.len(), 1);
    assert_eq!(engine.hot_keys(10, START_MS + 200_000), velodrome_engine::HotKeys::default());
}

#[test]
fn a_long_hot_key_is_named_while_it_exists() {
    let mut engine = engine(64 << 20, None, ());
    let name = vec![b'k'; 2000];
    for _ in 0..100 {
        set(&mut engine, 0, &name, 10, START_MS);
    }
    assert_eq!(engine.hot_keys(10, START_MS).keys[0].key, name);
    assert!(engine.delete(&key(&support::hasher(), 0, &name), START_MS));
    assert!(engine.hot_keys(10, START_MS).keys.is_empty());
}
