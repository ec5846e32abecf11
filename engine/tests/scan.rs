//! Scan: a key that is present throughout is visited exactly once, whatever else happens.

mod support;

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::{START_MS, engine, key, seed};
use velodrome_engine::{Cursor, Engine, SLOT_COUNT, Write};

fn set(engine: &mut Engine<()>, text: &str, len: usize) {
    let key = key(&support::hasher(), 1, text.as_bytes());
    engine.set(&key, Write::plain(&vec![1; len]), START_MS).expect("stores");
}

/// Scans to the end while `churn` changes everything else.
fn scan(
    engine: &mut Engine<()>,
    count: usize,
    churn: &mut dyn FnMut(&mut Engine<()>),
) -> BTreeMap<Vec<u8>, u32> {
    let mut seen = BTreeMap::new();
    let mut cursor = Some(Cursor::default());
    while let Some(at) = cursor {
        let mut visited = 0;
        cursor = engine.scan(1, at, count, START_MS, &mut |key, item| {
            assert!(!item.value.is_empty());
            *seen.entry(key.to_vec()).or_default() += 1;
            visited += 1;
        });
        assert!(visited <= count.max(1) + 1, "{visited} at once");
        assert!(cursor.is_none_or(|next| next > at));
        churn(engine);
    }
    seen
}

#[test]
fn no_steady_key_is_missed_or_repeated_under_churn() {
    let mut rng = SmallRng::seed_from_u64(seed(41));
    for (steady, tag, count) in [(3000, "{t}", 50), (3000, "", 200), (300, "", 1), (0, "", 10)] {
        let mut engine = engine(64 << 20, None, ());
        for number in 0..steady {
            set(&mut engine, &format!("{tag}steady:{number}"), 20);
        }
        let seen = scan(&mut engine, count, &mut |engine| {
            for _ in 0..200 {
                let text = format!("{tag}churn:{}", rng.random_range(0..20_000));
                set(engine, &text, rng.random_range(1..300));
                let text = format!("{tag}churn:{}", rng.random_range(0..20_000));
                engine.delete(&key(&support::hasher(), 1, text.as_bytes()), START_MS);
                // Steady keys move about, but they stay.
                if steady > 0 {
                    let text = format!("{tag}steady:{}", rng.random_range(0..steady));
                    set(engine, &text, rng.random_range(1..300));
                }
            }
            engine.maintain(START_MS, 10);
        });
        for number in 0..steady {
            let text = format!("{tag}steady:{number}").into_bytes();
            assert_eq!(seen.get(&text), Some(&1), "steady:{number}");
        }
    }
}

#[test]
fn any_cursor_is_a_place() {
    let mut engine = engine(16 << 20, None, ());
    (0..500).for_each(|number| set(&mut engine, &format!("key:{number}"), 5));
    for at in [u64::MAX, 1 << 63, (SLOT_COUNT as u64) << 30, 12345, (77 << 30) | 5] {
        let mut cursor = Some(Cursor(at));
        while let Some(from) = cursor {
            cursor = engine.scan(1, from, usize::MAX, START_MS, &mut |_, _| ());
        }
    }
    assert_eq!(engine.scan(9, Cursor::default(), 10, START_MS, &mut |_, _| ()), None);
}

#[test]
fn random_keys_are_about_equally_likely() {
    let mut engine = engine(16 << 20, None, ());
    (0..50).for_each(|number| set(&mut engine, &format!("key:{number}"), 5));
    (0..50).for_each(|number| set(&mut engine, &format!("{{t}}{number}"), 5));
    let mut drawn = BTreeMap::new();
    for _ in 0..20_000 {
        let key = engine.random_key(1, START_MS).expect("there are some").to_vec();
        *drawn.entry(key).or_insert(0) += 1;
    }
    assert_eq!(drawn.len(), 100);
    assert!(drawn.values().all(|count| (20..2000).contains(count)), "{drawn:?}");
    assert_eq!(engine.random_key(0, START_MS), None);
    let mut listed = 0;
    let slot = support::slot_of(b"{t}");
    engine.slot_keys(1, slot, 7, START_MS, &mut |key| listed += usize::from(key.starts_with(b"{")));
    assert_eq!(listed, 7);
}

#[test]
fn the_lowest_lot_is_an_engines_as_often_as_its_part_is_large() {
    let mut engines = [10, 30].map(|items| {
        let mut engine = engine(4 << 20, None, ());
        (0..items).for_each(|number| set(&mut engine, &format!("key:{number}"), 5));
        engine
    });
    // Engines of one seed draw alike; one of a node's has a seed of its own.
    (0..1000).for_each(|_| _ = engines[0].lot(1));
    let [few, many] = &mut engines;
    let drawn = (0..20_000).filter(|_| few.lot(1) < many.lot(1)).count();
    assert!((4_700..5_300).contains(&drawn), "{drawn} of 20000, not a quarter");
}
