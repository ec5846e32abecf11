//! Hot keys: which keys had most accesses in the last minute.
//!
//! ```text
//!       now − 60 s          now − 30 s                        now
//!  ├─ oldest, counted by ─┼─ before ──────────┼─ present ──────┤     HOT_PART_MS each, but for
//!  │  what of it is left  │                   │                │     the present one
//! ```
//!
//! Owns a sketch for each part of the window: sets of counters in which a key that has none takes
//! over the smallest of its set, with what that had counted as its error. Accesses are sampled at
//! random distances, so that no pattern of requests hides a key: all of the first `HOT_STAGE_MAX`
//! of a part, then half of them, and so on down to one in `HOT_DISTANCE_MAX` on average. So with
//! much traffic a key of one per cent of `n` accesses is known to a standard error of
//! √(12800 / n), 11 % for a million, and with little traffic most accesses count.
//! Invariant: what is reported for a key is never more than what was sampled of it, and what is
//! kept is bounded whatever the keys are. Cost: a decrement and a branch an access, some 110
//! instructions a sample; nothing is allocated before the first access.

use core::cmp::Reverse;
use std::collections::BTreeMap;

use crate::key::{Key, Place};
use crate::limits::{
    HOT_DISTANCE_MAX, HOT_KEYS_MAX, HOT_NAME_BYTES_MAX, HOT_PART_MS, HOT_SHARE_MIN, HOT_STAGE_MAX,
};

/// Parts of the window: two halves of a minute and the part of one that has begun.
const PARTS: usize = 3;
/// Sets of a sketch, a power of two.
const SETS: usize = 32;
/// Counters of a set.
const WAYS: usize = 8;
/// Bits of a counter's number in its set.
const WAY_BITS: u32 = WAYS.ilog2();
/// No key is called this.
const NO_TAG: u64 = u64::MAX;
/// Where a sample stands for this many accesses a key gets its name with its second one: those that
/// were sampled once in each part have less than `HOT_SHARE_MIN` asks for.
const LATE_NAME_WEIGHT: u32 = 8;

// Before samples have this weight, a part has had `HOT_STAGE_MAX` of each smaller one.
const _: () = assert!(
    HOT_STAGE_MAX as u64 * (LATE_NAME_WEIGHT as u64 - 1) > LATE_NAME_WEIGHT as u64 * HOT_SHARE_MIN
);

/// Keys of one shard with their accesses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HotKeys {
    /// Accesses of all keys in the window.
    pub accesses: u64,
    /// The hottest keys, the hottest first.
    pub keys: Vec<HotKey>,
}

/// A key with its accesses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotKey {
    /// Database number.
    pub db: u8,
    /// The key.
    pub key: Vec<u8>,
    /// Accesses in the window, estimated.
    pub accesses: u64,
}

/// A key on its way to a [`HotKey`].
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) place: Place,
    /// The key, unless it was too long to be kept.
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) accesses: u64,
}

/// Counters of neighbouring keys.
#[derive(Clone, Copy, Debug)]
struct Set {
    /// What the keys are called, `NO_TAG` in a free counter: the lower halves, which tell nearly
    /// all apart, and the upper ones.
    lows: [u32; WAYS],
    highs: [u32; WAYS],
    /// Accesses counted, 0 in a free counter, above the number of the counter.
    counts: [u64; WAYS],
    /// What of them other keys may have had.
    errors: [u64; WAYS],
}

impl Set {
    const FREE: Self = Self {
        lows: [NO_TAG as u32; WAYS],
        highs: [(NO_TAG >> 32) as u32; WAYS],
        counts: [0, 1, 2, 3, 4, 5, 6, 7],
        errors: [0; WAYS],
    };

    /// The counter of a key.
    #[inline]
    fn find(&self, tag: u64) -> Option<usize> {
        // All at once: most keys have none.
        let any = self.lows.iter().fold(false, |any, low| any | (*low == tag as u32));
        if !any {
            return None;
        }
        (0..WAYS).find(|way| self.tag(*way) == tag)
    }

    fn tag(&self, way: usize) -> u64 {
        u64::from(self.highs[way]) << 32 | u64::from(self.lows[way])
    }

    fn count(&self, way: usize) -> u64 {
        self.counts[way] >> WAY_BITS
    }

    /// The counter that has counted least.
    #[inline]
    fn least(&self) -> usize {
        let least = self.counts.iter().fold(u64::MAX, |least, count| least.min(*count));
        least as usize % WAYS
    }

    /// Gives a counter to another key.
    #[inline]
    fn take_over(&mut self, way: usize, tag: u64) {
        (self.lows[way], self.highs[way]) = (tag as u32, (tag >> 32) as u32);
        self.errors[way] = self.count(way);
    }

    #[inline]
    fn add(&mut self, way: usize, weight: u32) {
        self.counts[way] += u64::from(weight) << WAY_BITS;
    }
}

/// The sketch of one part of the window.
#[derive(Debug)]
struct Part {
    sets: Box<[Set; SETS]>,
    /// The keys of the counters that are short enough to be kept.
    names: Box<[Vec<u8>; SETS * WAYS]>,
    samples: u32,
    accesses: u64,
}

/// The accesses of the last minute.
#[derive(Debug)]
pub(crate) struct Hot {
    /// Accesses until the next sample.
    countdown: u32,
    /// Accesses since the last one, once it is taken, and on average at that time.
    distance: u32,
    weight: u32,
    random: u64,
    /// When the present part ends, 0 before the first access.
    ends_ms: u64,
    /// The present part first; none before the first access.
    parts: Vec<Part>,
}

impl Hot {
    /// Nothing was accessed yet.
    pub(crate) fn new(seed: u64) -> Self {
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { countdown: 1, distance: 1, weight: 1, random, ends_ms: 0, parts: Vec::new() }
    }

    /// A key was accessed.
    #[inline]
    pub(crate) fn access(&mut self, key: &Key<'_>, now_ms: u64) {
        if self.is_sample() {
            self.sample(key, now_ms);
        }
    }

    /// Counts an access. Returns whether it is to be sampled.
    #[inline]
    pub(crate) fn is_sample(&mut self) -> bool {
        if cfg!(feature = "unranked") {
            return false;
        }
        self.countdown -= 1;
        self.countdown == 0
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn sample(&mut self, key: &Key<'_>, now_ms: u64) {
        self.turn_to(now_ms);
        let Some(part) = self.parts.first_mut() else { return };
        part.accesses += u64::from(self.distance);
        part.samples += 1;
        part.count(key, self.weight);
        let stage = (part.samples / HOT_STAGE_MAX).min(HOT_DISTANCE_MAX.ilog2());
        self.weight = 1 << stage;
        // Anything from 1 to twice the average: the low bits of such a generator are not used.
        self.random = self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        self.distance = 1 + ((self.random >> 33) as u32) % (2 * self.weight - 1);
        self.countdown = self.distance;
    }

    /// Lets the window end at `now_ms`.
    #[inline]
    fn turn_to(&mut self, now_ms: u64) {
        if now_ms >= self.ends_ms {
            self.turn(now_ms);
        }
    }

    #[cold]
    #[inline(never)]
    fn turn(&mut self, now_ms: u64) {
        if self.parts.is_empty() {
            self.parts = (0..PARTS).map(|_| Part::new()).collect();
            self.ends_ms = now_ms + HOT_PART_MS;
        }
        let passed = (now_ms + HOT_PART_MS).saturating_sub(self.ends_ms) / HOT_PART_MS;
        for _ in 0..passed.min(PARTS as u64) {
            self.parts.rotate_right(1);
            self.parts[0].clear();
        }
        self.ends_ms += passed * HOT_PART_MS;
    }

    /// The keys with at least `HOT_SHARE_MIN` of the accesses, unordered, and all accesses.
    pub(crate) fn candidates(&mut self, now_ms: u64) -> (u64, Vec<Candidate>) {
        self.turn_to(now_ms);
        let left_ms = self.ends_ms.saturating_sub(now_ms).min(HOT_PART_MS);
        let mut accesses = 0;
        let mut found: BTreeMap<u64, Candidate> = BTreeMap::new();
        for (age, part) in self.parts.iter().enumerate() {
            let portion_ms = if age + 1 == PARTS { left_ms } else { HOT_PART_MS };
            let portion = |count: u64| count * portion_ms / HOT_PART_MS;
            accesses += portion(part.accesses);
            part.for_each(|tag, name, count| {
                let place = place_of(tag);
                let candidate = Candidate { place, name: None, accesses: 0 };
                let candidate = found.entry(tag).or_insert(candidate);
                candidate.accesses += portion(count);
                if candidate.name.is_none() && !name.is_empty() {
                    candidate.name = Some(name.to_vec());
                }
            });
        }
        let least = accesses.div_ceil(HOT_SHARE_MIN).max(1);
        (accesses, found.into_values().filter(|it| it.accesses >= least).collect())
    }
}

impl HotKeys {
    /// Puts the hottest first and keeps `count` of them.
    pub(crate) fn rank(&mut self, count: usize) {
        self.keys.sort_by_key(|it| Reverse(it.accesses));
        self.keys.truncate(count.min(HOT_KEYS_MAX));
    }
}

impl Part {
    fn new() -> Self {
        let (sets, names) = ([Set::FREE; SETS], [const { Vec::new() }; SETS * WAYS]);
        Self { sets: Box::new(sets), names: Box::new(names), samples: 0, accesses: 0 }
    }

    fn clear(&mut self) {
        self.sets.fill(Set::FREE);
        (self.samples, self.accesses) = (0, 0);
    }

    fn count(&mut self, key: &Key<'_>, weight: u32) {
        let (place, tag) = (key.place(), tag_of(key.place()));
        let number = (place.fragment ^ u32::from(place.slot)) as usize % SETS;
        let set = &mut self.sets[number];
        let known = set.find(tag);
        let way = known.unwrap_or_else(|| set.least());
        let name = &mut self.names[number * WAYS + way];
        if known.is_none() {
            set.take_over(way, tag);
            name.clear();
        }
        set.add(way, weight);
        let named = known.is_some() || weight < LATE_NAME_WEIGHT;
        if named && name.is_empty() && key.bytes.len() <= HOT_NAME_BYTES_MAX {
            name.extend_from_slice(key.bytes);
        }
    }

    fn for_each(&self, mut visit: impl FnMut(u64, &[u8], u64)) {
        for (set, names) in self.sets.iter().zip(self.names.chunks(WAYS)) {
            for (way, name) in names.iter().enumerate() {
                let count = set.count(way) - set.errors[way];
                if count > 0 {
                    visit(set.tag(way), name, count);
                }
            }
        }
    }
}

fn tag_of(place: Place) -> u64 {
    u64::from(place.db) << 48 | u64::from(place.slot) << 32 | u64::from(place.fragment)
}

fn place_of(tag: u64) -> Place {
    Place { db: (tag >> 48) as u8, slot: (tag >> 32) as u16, fragment: tag as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyHasher;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    const START_MS: u64 = 1_800_000_000_000;

    struct Traffic {
        hot: Hot,
        hasher: KeyHasher,
    }

    impl Traffic {
        fn new() -> Self {
            Self { hot: Hot::new(1), hasher: KeyHasher::new([1, 2]) }
        }

        fn access(&mut self, name: &str, now_ms: u64) {
            let key = self.hasher.key(0, 7, name.as_bytes());
            self.hot.access(&key, now_ms);
        }

        /// The hottest keys with their accesses, and all accesses.
        fn hottest(&mut self, now_ms: u64) -> (u64, Vec<(String, u64)>) {
            let (accesses, mut candidates) = self.hot.candidates(now_ms);
            candidates.sort_by_key(|it| Reverse(it.accesses));
            let name = |it: &Candidate| {
                String::from_utf8(it.name.clone().unwrap_or_default()).expect("text")
            };
            (accesses, candidates.iter().map(|it| (name(it), it.accesses)).collect())
        }
    }

    #[test]
    fn a_few_accesses_are_counted_one_by_one() {
        let mut traffic = Traffic::new();
        for number in 0..100 {
            traffic.access(if number % 4 == 0 { "quarter" } else { "rest" }, START_MS);
        }
        let expected = vec![("rest".to_string(), 75), ("quarter".to_string(), 25)];
        assert_eq!(traffic.hottest(START_MS), (100, expected));
    }

    #[test]
    fn hot_keys_stand_out_of_a_million_others() {
        let seed = 3;
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut traffic = Traffic::new();
        let (accesses, mut expected) = (4_000_000_u64, [0_u64; 12]);
        for at in 0..accesses {
            // Twelve keys with 1.3 to 3.5 per cent each.
            let draw = rng.random_range(0..1000_u32);
            let hot = (0..12).find(|n| draw < (0..=*n).map(|n| 13 + 2 * n).sum());
            let name = match hot {
                Some(number) => format!("hot:{number}"),
                None => rng.random_range(0..1_000_000_u32).to_string(),
            };
            if let Some(number) = hot {
                expected[number as usize] += 1;
            }
            traffic.access(&name, START_MS + at * 29_000 / accesses);
        }
        let (total, found) = traffic.hottest(START_MS + 29_000);
        assert!(total.abs_diff(accesses) < 200, "{total}");
        assert_eq!(found.len(), 12, "{found:?}");
        for (name, count) in found {
            let number: usize = name.strip_prefix("hot:").expect("hot").parse().expect("number");
            let error = count.abs_diff(expected[number]) as f64 / expected[number] as f64;
            assert!(error < 0.16, "{name}: {count} instead of {}", expected[number]);
        }
    }

    #[test]
    fn no_pattern_of_requests_hides_a_key() {
        for period in [2, 16, 50, 64] {
            let mut traffic = Traffic::new();
            for at in 0..1_000_000_u64 {
                let name = if at % period == 0 { "regular".into() } else { at.to_string() };
                traffic.access(&name, START_MS);
            }
            let (_, found) = traffic.hottest(START_MS);
            let expected = 1_000_000 / period;
            let (name, count) = found.first().expect("one key is hot");
            assert_eq!((name.as_str(), found.len()), ("regular", 1), "period {period}");
            assert!(count.abs_diff(expected) * 4 < expected, "{count} of {expected}");
        }
    }

    #[test]
    fn what_was_hot_is_forgotten_in_a_minute() {
        let mut traffic = Traffic::new();
        (0..600).for_each(|at| traffic.access("old", START_MS + at));
        let mut counts = Vec::new();
        for s in [1, 29, 31, 59, 75, 91] {
            traffic.access("new", START_MS + s * 1000);
            let (_, found) = traffic.hottest(START_MS + s * 1000);
            counts.push(found.iter().find(|(name, _)| name == "old").map_or(0, |it| it.1));
        }
        assert!(counts[..4].iter().all(|count| count.abs_diff(600) < 60), "{counts:?}");
        assert!((200..400).contains(&counts[4]), "half of its part is left: {counts:?}");
        assert_eq!(counts[5], 0);
        // After a long silence nothing is left.
        assert_eq!(traffic.hottest(START_MS + 10_000_000), (0, Vec::new()));
    }

    #[test]
    fn even_traffic_has_no_hot_keys() {
        let mut traffic = Traffic::new();
        for at in 0..1_000_000_u64 {
            traffic.access(&(at * 7919 % 100_000).to_string(), START_MS);
        }
        assert_eq!(traffic.hottest(START_MS).1, []);
    }

    #[test]
    fn names_are_kept_within_bounds() {
        let mut traffic = Traffic::new();
        let long = "k".repeat(HOT_NAME_BYTES_MAX + 1);
        (0..100).for_each(|_| traffic.access(&long, START_MS));
        (0..100_000).for_each(|at| traffic.access(&format!("{at:0200}"), START_MS));
        let kept = |part: &Part| part.names.iter().map(Vec::capacity).sum::<usize>();
        let bytes: usize = traffic.hot.parts.iter().map(kept).sum();
        assert!(bytes <= PARTS * SETS * WAYS * 2 * HOT_NAME_BYTES_MAX, "{bytes}");
        assert_eq!(traffic.hot.parts[0].names.len(), SETS * WAYS);
    }
}
