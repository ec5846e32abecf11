//! LRU: exact in a small cache, within a percentage point of exact in a larger one.

mod support;

use std::collections::{BTreeMap, HashMap};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::{START_MS, engine, key, seed};
use velodrome_engine::{Effects, Engine, OwnedChange, OwnedEffect, Write};

/// An exact LRU of weighted keys.
struct Exact {
    weight_max: u64,
    weight: u64,
    clock: u64,
    by_key: HashMap<u64, (u64, u64)>,
    by_age: BTreeMap<u64, u64>,
    hits: u64,
}

impl Exact {
    fn new(weight_max: u64) -> Self {
        let (by_key, by_age) = (HashMap::new(), BTreeMap::new());
        Self { weight_max, weight: 0, clock: 0, by_key, by_age, hits: 0 }
    }

    fn access(&mut self, number: u64, weight: u64) {
        self.clock += 1;
        if let Some((used, _)) = self.by_key.insert(number, (self.clock, weight)) {
            self.hits += 1;
            self.by_age.remove(&used);
        } else {
            self.weight += weight;
        }
        self.by_age.insert(self.clock, number);
        while self.weight > self.weight_max {
            let (_, oldest) = self.by_age.pop_first().expect("something weighs");
            self.weight -= self.by_key.remove(&oldest).expect("is there").1;
        }
    }
}

/// Draws numbers below `count`, the `n`th about `1/n` as likely as the first.
struct Skewed {
    sums: Vec<f64>,
}

impl Skewed {
    fn new(count: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=count).map(|n| {
            sum += (n as f64).powf(-exponent);
            sum
        });
        Self { sums: sums.collect() }
    }

    fn draw(&self, rng: &mut SmallRng) -> u64 {
        let drawn = rng.random::<f64>() * self.sums.last().expect("not empty");
        let rank = self.sums.partition_point(|sum| *sum < drawn) as u64;
        // The rank says nothing of the name.
        rank.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
    }
}

/// Reads a key and writes it when it is missing, as a cache is used.
fn access<E: Effects>(engine: &mut Engine<E>, number: u64, value: &[u8]) {
    let bytes = number.to_le_bytes();
    let key = key(engine.hasher(), 0, &bytes);
    if engine.get(&key, START_MS).is_none() {
        engine.set(&key, Write::plain(value), START_MS).expect("stores");
    }
}

fn evicted(effects: Vec<OwnedEffect>) -> Vec<Vec<u8>> {
    let removed = effects.into_iter().filter_map(|effect| match effect.change {
        OwnedChange::Removed { key, .. } => Some(key.into_vec()),
        _ => None,
    });
    removed.collect()
}

#[test]
fn the_order_is_exact_in_a_small_cache() {
    let mut rng = SmallRng::seed_from_u64(seed(21));
    for items_max in [1, 2, 10, 64, 100, 128] {
        let mut engine = engine(16 << 20, Some(items_max), Vec::new());
        let mut exact = Exact::new(items_max);
        for _ in 0..20_000 {
            let number = rng.random_range(0..items_max * 2);
            let before = exact.by_key.keys().copied().collect::<Vec<_>>();
            exact.access(number, 1);
            let gone = before.into_iter().filter(|number| !exact.by_key.contains_key(number));
            let gone: Vec<_> = gone.map(|number| number.to_le_bytes().to_vec()).collect();
            access(&mut engine, number, &[1; 20]);
            assert_eq!(evicted(std::mem::take(engine.effects_mut())), gone);
        }
    }
}

#[test]
fn the_order_is_exact_in_a_small_cache_of_bytes() {
    let mut rng = SmallRng::seed_from_u64(seed(24));
    for value_len in [8_000, 20_000, 30_000] {
        let mut engine = engine(2 << 20, None, Vec::new());
        let (mut order, mut gone) = (Exact::new(u64::MAX), 0);
        // Few enough keys that all of them are compared, too many for the memory.
        for _ in 0..20_000 {
            let number = rng.random_range(0..128);
            let len = if number % 5 == 0 { 20 } else { value_len };
            access(&mut engine, number, &vec![1; len]);
            order.access(number, 1);
            for key in evicted(std::mem::take(engine.effects_mut())) {
                let oldest = order.by_age.values().find(|it| **it != number).expect("one more");
                assert_eq!(key, oldest.to_le_bytes());
                let (used, _) = order
                    .by_key
                    .remove(&u64::from_le_bytes(key.as_slice().try_into().expect("eight bytes")))
                    .expect("was there");
                order.by_age.remove(&used);
                gone += 1;
            }
            assert_eq!(engine.stats().items, order.by_key.len() as u64);
        }
        assert_eq!(gone > 1000, value_len > 8000, "{gone}");
    }
}

#[test]
fn an_item_left_alone_for_millions_of_accesses_stays_the_oldest() {
    let mut engine = engine(16 << 20, Some(100), Vec::new());
    (0..100).for_each(|number| access(&mut engine, number, b"value"));
    engine.effects_mut().clear();
    // All but one are read until the clock has gone round twice and shows nearly the same again.
    for turn in 0..(1 << 25) - 90_u64 {
        access(&mut engine, 1 + turn % 99, b"value");
        if turn % 500_000 == 0 {
            engine.maintain(START_MS, 10);
        }
    }
    access(&mut engine, 1000, b"value");
    let gone = evicted(std::mem::take(engine.effects_mut()));
    assert_eq!(gone, [0_u64.to_le_bytes().to_vec()]);
}

/// Misses of the engine and of an exact LRU, in percent of accesses after the first half.
fn compare(
    engine: &mut Engine<()>,
    exact: &mut Exact,
    trace: impl Iterator<Item = u64>,
    len: impl Fn(u64) -> usize,
) -> (f64, f64) {
    let value = vec![7; 8192];
    let trace: Vec<u64> = trace.collect();
    let half = trace.len() / 2;
    for (index, number) in trace.iter().enumerate() {
        if index == half {
            exact.hits = 0;
            engine.reset_stats();
        }
        let len = len(*number);
        exact.access(*number, if exact.weight_max < 1 << 20 { 1 } else { len as u64 + 32 + 14 });
        access(engine, *number, &value[..len]);
    }
    let accesses = (trace.len() - half) as f64;
    let misses = |hits: u64| 100.0 - hits as f64 * 100.0 / accesses;
    (misses(engine.stats().hits), misses(exact.hits))
}

#[test]
fn misses_by_items_are_close_to_exact() {
    let mut rng = SmallRng::seed_from_u64(seed(22));
    for exponent in [0.7, 0.9, 1.1] {
        let skewed = Skewed::new(100_000, exponent);
        let mut engine = engine(256 << 20, Some(10_000), ());
        let trace = (0..600_000).map(|_| skewed.draw(&mut rng));
        let (ours, exact) = compare(&mut engine, &mut Exact::new(10_000), trace, |_| 20);
        println!("by items, exponent {exponent}: {ours:.2} % against {exact:.2} %");
        assert!(ours < exact + 1.0);
    }
}

#[test]
fn misses_by_bytes_are_close_to_exact() {
    let mut rng = SmallRng::seed_from_u64(seed(23));
    let memory = 48 << 20;
    for exponent in [0.7, 0.9, 1.1] {
        let skewed = Skewed::new(600_000, exponent);
        let mut engine = engine(memory, None, ());
        let trace = (0..1_200_000).map(|_| skewed.draw(&mut rng));
        let len = |number: u64| 50 + (number % 13 * 60) as usize;
        let (ours, exact) = compare(&mut engine, &mut Exact::new(memory), trace, len);
        let stats = engine.stats();
        let copied = stats.copied_bytes as f64 / stats.written_bytes as f64;
        println!(
            "by bytes, exponent {exponent}: {ours:.2} % against {exact:.2} %, {copied:.2} bytes \
             copied a byte written, {} stalls",
            stats.stalls
        );
        assert!(ours < exact + 1.0);
    }
}

/// Early keys lie in places of dead records and survive with their segments; few enough that the
/// survivors never fill a segment.
#[test]
fn survivors_go_in_their_turn_though_their_segment_is_half_full() {
    let mut engine = engine(16 << 20, None, Vec::<OwnedEffect>::new());
    let hasher = engine.hasher().clone();
    let name = |number: u64| format!("key:{number:020}");
    let value = vec![b'v'; 1000];
    for number in 0..4000 {
        let name = name(number);
        let key = key(&hasher, 0, name.as_bytes());
        engine.set(&key, Write::plain(&value), START_MS).expect("fits");
    }
    for number in (0..4000).filter(|number| number % 50 == 7) {
        engine.delete(&key(&hasher, 0, name(number).as_bytes()), START_MS);
    }
    for number in 10_000..60_000 {
        let name = name(number);
        let key = key(&hasher, 0, name.as_bytes());
        engine.set(&key, Write::plain(&value), START_MS).expect("room is made");
        engine.effects_mut().clear();
    }
    let mut there = |number: u64| {
        let name = name(number);
        engine.get(&key(&hasher, 0, name.as_bytes()), START_MS).is_some()
    };
    let left = (0..40_000).filter(|number| there(*number)).count();
    assert_eq!(left, 0, "left of those written before the last 20 MB");
}
