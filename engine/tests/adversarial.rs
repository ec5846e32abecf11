//! Loads chosen to hurt, beside loads that nobody chose: the same work and no leak.
//!
//! Work is counted, not timed: records compared, bytes of index, bytes copied a byte written, the
//! longest step. Invariant: what somebody chose costs less than 1.2 times what nobody did, no step
//! exceeds its bound, and what was deleted leaves nothing behind. Cost: a million keys a load.

mod support;

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use support::{START_MS, check_bounds, engine, key, seed};
use velodrome_engine::{Config, Engine, KeyHasher, Policy, Write};

/// Of the keys of a load, as a power of two.
const KEY_BITS: u32 = 20;

/// What a load of keys took.
#[derive(Debug, Default)]
struct Work {
    comparisons: f64,
    index_bytes: f64,
    written_bytes: f64,
    longest_entries: usize,
    longest_items: usize,
}

impl Work {
    /// Asserts that a load took less than 1.2 times this.
    fn check(&self, chosen: &Self) {
        println!("nobody's {self:?}\nchosen   {chosen:?}");
        assert!(chosen.comparisons < 1.2 * self.comparisons, "records compared");
        assert!(chosen.index_bytes < 1.2 * self.index_bytes, "bytes of index an item");
        assert!(chosen.written_bytes < 1.2 * self.written_bytes, "bytes written an item");
        assert!(chosen.longest_entries <= 1024 && chosen.longest_items <= 256, "one step");
    }
}

/// Writes, finds and deletes keys, and counts.
fn load(keys: impl Iterator<Item = Vec<u8>> + Clone) -> Work {
    let hasher = support::hasher();
    let mut engine = engine(512 << 20, None, ());
    let empty = engine.accounted_bytes();
    let mut count = 0;
    for name in keys.clone() {
        let key = key(&hasher, 0, &name);
        engine.set(&key, Write::plain(b"value"), START_MS).expect("there is room");
        count += 1;
    }
    check_bounds(&engine);
    let stats = engine.stats();
    assert_eq!((stats.items, stats.evicted), (count, 0));
    let mut comparisons = 0;
    for name in keys.clone() {
        let effort = engine.effort(&key(&hasher, 0, &name));
        assert!(effort.found);
        comparisons += effort.comparisons;
        // A key that is like all others and is not there.
        let absent: Vec<u8> = name.iter().copied().chain(*b"BB").collect();
        comparisons += engine.effort(&key(&hasher, 0, &absent)).comparisons;
    }
    for name in keys {
        assert!(engine.delete(&key(&hasher, 0, &name), START_MS));
    }
    settle(&mut engine);
    check_bounds(&engine);
    check_empty(&engine, empty);
    let longest = engine.stats().longest_step;
    Work {
        comparisons: comparisons as f64 / count as f64,
        index_bytes: stats.index_bytes as f64 / count as f64,
        written_bytes: stats.written_bytes as f64 / count as f64,
        longest_entries: longest.entries,
        longest_items: longest.items,
    }
}

fn settle(engine: &mut Engine<()>) {
    while engine.maintain(START_MS, 100).more {}
}

/// Nothing is left but what an engine that was used keeps: open segments and the pages of slots.
fn check_empty(engine: &Engine<()>, empty: u64) {
    let stats = engine.stats();
    assert_eq!((stats.items, stats.large_bytes, stats.live_bytes), (0, 0, 0), "{stats:?}");
    assert!(stats.segments <= 2, "{stats:?}");
    let open = stats.segments * (1 << 20);
    let pages = 256 * 64 * 64 + (64 << 10);
    let left = engine.accounted_bytes();
    assert!(left <= empty + open + pages, "{left} bytes are left of {empty}: {stats:?}");
}

/// Keys without a design, as long as those of `colliding`.
fn random_keys(tag: &'static str) -> impl Iterator<Item = Vec<u8>> + Clone {
    let rng = SmallRng::seed_from_u64(21);
    (0..1 << KEY_BITS).scan(rng, move |rng, _| {
        let tail = (0..2 * KEY_BITS).map(|_| rng.random_range(b'A'..=b'z'));
        Some(tag.bytes().chain(tail).collect())
    })
}

/// Keys that all have the same hash under h = 31 h + byte, since 31 'A' + 'a' = 31 'B' + 'B'.
fn colliding_keys(tag: &'static str) -> impl Iterator<Item = Vec<u8>> + Clone {
    (0..1_u32 << KEY_BITS).map(move |number| {
        let pair = |bit| if number >> bit & 1 == 0 { *b"Aa" } else { *b"BB" };
        tag.bytes().chain((0..KEY_BITS).flat_map(pair)).collect()
    })
}

#[test]
fn keys_that_collide_in_an_unkeyed_hash_are_like_any_others() {
    let unkeyed = |name: &[u8]| {
        name.iter().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add((*byte).into()))
    };
    let mut hashes: Vec<u32> = colliding_keys("").map(|name| unkeyed(&name)).collect();
    hashes.dedup();
    assert_eq!(hashes.len(), 1, "they all collide");
    load(random_keys("")).check(&load(colliding_keys("")));
}

#[test]
fn colliding_keys_of_one_slot_are_like_any_others_of_one_slot() {
    let (random, colliding) = (random_keys("{t}"), colliding_keys("{t}"));
    let count = 1 << (KEY_BITS - 3);
    load(random.take(count)).check(&load(colliding.take(count)));
}

#[test]
fn keys_with_a_long_common_prefix_are_like_any_others() {
    let long = |distinct: bool| {
        (0..200_000_u32).map(move |number| {
            let mut name = vec![b'p'; 250];
            let scrambled = number.wrapping_mul(0x9e37_79b1).to_be_bytes();
            if distinct {
                name[..4].copy_from_slice(&scrambled);
            }
            name[246..].copy_from_slice(&number.to_be_bytes());
            name
        })
    };
    load(long(true)).check(&load(long(false)));
}

#[test]
fn secrets_decide_where_keys_lie() {
    // Keys chosen against one process are of no use against the next.
    let (known, next) = (KeyHasher::new([1, 2]), KeyHasher::new([3, 4]));
    let low = |hasher: &KeyHasher, name: &[u8]| hasher.key(0, 7, name).hash >> 34 & 0x3ff;
    let chosen: Vec<Vec<u8>> = colliding_keys("").filter(|name| low(&known, name) == 0).collect();
    assert!(chosen.len() > 500);
    let mut places: Vec<u64> = chosen.iter().map(|name| low(&next, name)).collect();
    places.sort_unstable();
    places.dedup();
    // So many balls into 1024 bins leave 37 % of the bins empty when there are as many as bins.
    assert!(places.len() * 2 > chosen.len(), "{} places for {}", places.len(), chosen.len());
}

/// Lengths of values around which the engine does one thing or another.
fn boundary_lens(engine: &Engine<()>) -> Vec<usize> {
    let inline_max = engine.inline_len_max();
    let around = [0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 44, 64, 255, 4096, 65_535, inline_max];
    let mut lens: Vec<usize> = Vec::new();
    for len in around.into_iter().chain([2 * inline_max, (1 << 17) - 1, (1 << 20) - 1, 3 << 20]) {
        lens.extend([len.saturating_sub(1), len, len + 1]);
    }
    lens.sort_unstable();
    lens.dedup();
    lens
}

#[test]
fn every_length_changes_into_every_other() {
    let mut engine = engine(64 << 20, None, ());
    let empty = engine.accounted_bytes();
    let lens = boundary_lens(&engine);
    let name = key(&support::hasher(), 0, b"key");
    let bytes: Vec<u8> = (0..=lens[lens.len() - 1]).map(|at| (at * 31) as u8).collect();
    for from in &lens {
        for to in &lens {
            for len in [*from, *to] {
                engine.set(&name, Write::plain(&bytes[..len]), START_MS).expect("stores");
                let item = engine.get(&name, START_MS).expect("was stored");
                assert!(item.value.as_bytes() == &bytes[..len], "{from} to {to}");
                check_bounds(&engine);
            }
        }
        engine.maintain(START_MS, 16);
    }
    assert!(engine.delete(&name, START_MS));
    settle(&mut engine);
    check_empty(&engine, empty);
}

/// Writes `values` of these lengths in turn over `keys` keys; returns bytes copied a byte written,
/// and writes that had to wait for more than their own share of cleaning.
fn pressed(memory: u64, keys: u32, lens: &[usize]) -> (f64, f64) {
    let hasher = support::hasher();
    let mut engine = engine(memory, None, ());
    let empty = engine.accounted_bytes();
    let bytes = vec![9; lens.iter().copied().max().unwrap_or(0)];
    for (at, len) in lens.iter().enumerate() {
        let name = (at as u32 % keys).to_le_bytes();
        let key = key(&hasher, 0, &name);
        engine.set(&key, Write::plain(&bytes[..*len]), START_MS).expect("there is room");
        check_bounds(&engine);
        if at % 16 == 0 {
            engine.maintain(START_MS, 1);
        }
    }
    let stats = engine.stats();
    let copied = stats.copied_bytes as f64 / stats.written_bytes as f64;
    let stalled = stats.stalls as f64 / lens.len() as f64;
    for number in 0..keys {
        engine.delete(&key(&hasher, 0, &number.to_le_bytes()), START_MS);
    }
    settle(&mut engine);
    check_empty(&engine, empty);
    (copied, stalled)
}

#[test]
fn huge_and_tiny_values_may_alternate_at_the_limit() {
    // Each huge value takes an eighth of the limit.
    let lens: Vec<usize> = (0..10_000).map(|at| if at % 20 == 0 { 1 << 20 } else { 100 }).collect();
    let mut mixed = lens.clone();
    mixed.shuffle(&mut SmallRng::seed_from_u64(seed(31)));
    let ((copied, stalled), (copied_mixed, stalled_mixed)) =
        (pressed(8 << 20, 5_011, &lens), pressed(8 << 20, 5_011, &mixed));
    println!("alternating {copied} {stalled}, mixed {copied_mixed} {stalled_mixed}");
    assert!(copied < 1.2 * copied_mixed + 0.1, "{copied} against {copied_mixed}");
    assert!(stalled < 1.2 * stalled_mixed + 0.01, "{stalled} against {stalled_mixed}");
}

#[test]
fn a_few_sizes_in_turn_are_rarely_copied() {
    let mut rng = SmallRng::seed_from_u64(seed(32));
    let lens: Vec<usize> = (0..400_000).map(|at| [10, 2000, 300, 9000][at % 4]).collect();
    let mixed: Vec<usize> =
        lens.iter().map(|_| [10, 2000, 300, 9000][rng.random_range(0..4)]).collect();
    let ((copied, _), (copied_mixed, _)) =
        (pressed(32 << 20, 60_013, &lens), pressed(32 << 20, 60_013, &mixed));
    println!("in turn {copied}, at random {copied_mixed}");
    // What is written is work too.
    assert!(1.0 + copied < 1.2 * (1.0 + copied_mixed), "{copied} against {copied_mixed}");
    assert!(copied.max(copied_mixed) < 0.5, "{copied} against {copied_mixed}");
}

#[test]
fn deletes_at_the_limit_stay_within_it() {
    // Tables shrink one after another, and upkeep never comes by to fill the holes they leave.
    let mut rng = SmallRng::seed_from_u64(seed(34));
    let hasher = support::hasher();
    for policy in [Policy::Lru, Policy::S3Fifo, Policy::Lfu] {
        let config = Config { policy, ..support::config(2 << 20, None) };
        let mut engine = Engine::new(config, ()).expect("starts");
        let mut names: Vec<String> = (0..60_000).map(|i| format!("{{{}}}{i}", i % 200)).collect();
        for name in &names {
            let key = key(&hasher, 0, name.as_bytes());
            engine.set(&key, Write::plain(b""), START_MS).expect("there is room");
        }
        names.shuffle(&mut rng);
        for name in &names {
            engine.delete(&key(&hasher, 0, name.as_bytes()), START_MS);
            check_bounds(&engine);
        }
        assert_eq!(engine.stats().items, 0);
    }
}

#[test]
fn deletes_cost_no_more_than_overwrites_and_leak_nothing() {
    let mut rng = SmallRng::seed_from_u64(seed(33));
    let hasher = support::hasher();
    let mut engine = engine(32 << 20, None, ());
    let empty = engine.accounted_bytes();
    let (mut peak_first, mut peak) = (0, 0);
    for round in 0..40_u32 {
        // All that the round before wrote is deleted in another order, as it is written anew.
        let mut numbers: Vec<u32> = (0..20_000).collect();
        numbers.shuffle(&mut rng);
        for number in numbers {
            let old = (round.wrapping_sub(1), number);
            let name = |it: (u32, u32)| [it.0.to_le_bytes(), it.1.to_le_bytes()].concat();
            let deleted = engine.delete(&key(&hasher, 0, &name(old)), START_MS);
            assert_eq!(deleted, round > 0);
            let key_name = name((round, number));
            let value = vec![3; rng.random_range(0..600)];
            let key = key(&hasher, 0, &key_name);
            engine.set(&key, Write::plain(&value), START_MS).expect("there is room");
            if number % 16 == 0 {
                engine.maintain(START_MS, 1);
                check_bounds(&engine);
            }
        }
        let held = engine.accounted_bytes();
        if round == 5 {
            peak_first = held;
        }
        peak = held.max(peak);
    }
    let stats = engine.stats();
    assert_eq!((stats.items, stats.evicted), (20_000, 0), "{stats:?}");
    assert!(peak < peak_first + peak_first / 5, "{peak} bytes, {peak_first} after five rounds");
    let copied = stats.copied_bytes as f64 / stats.written_bytes as f64;
    println!("{copied} bytes copied a byte written");
    assert!(copied < 1.2, "{copied}");
    for number in 0..20_000_u32 {
        let name = [39_u32.to_le_bytes(), number.to_le_bytes()].concat();
        assert!(engine.delete(&key(&hasher, 0, &name), START_MS));
    }
    settle(&mut engine);
    check_empty(&engine, empty);
}
