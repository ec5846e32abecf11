//! Expiry wheel: which items may be out of time.
//!
//! Seven levels of 64 buckets; a bucket of level `n` covers 64^n ticks of 1024 ms. An entry is
//! five bytes and says nothing but where to look:
//!
//! ```text
//!  39        26 25                        0
//! ┌────────────┬───────────────────────────┐
//! │ slot    14 │ upper bits of fragment 26 │
//! └────────────┴───────────────────────────┘
//! ```
//!
//! What tells an item's newest entry from stale ones is the mark that the item keeps: the bucket's
//! digit within its level, and the round of the sweep. A push says which mark the item gets; who
//! is handed an entry pushes again for items that still have its mark and are not yet out of time.
//! Invariant: an item with a mark has an entry with it that comes due no later than the deadline
//! it was pushed for. For levels come due in ascending order, and so the sweep goes through them,
//! so that of two entries with one mark the one that comes due first is kept. An entry is handed
//! out at the begin of its bucket's range, or one tick later on the lowest level. Cost: a push is
//! a store; a step hands out at most the entries it was allowed, an item's once a level on its way
//! down. Buckets are lists of 512-byte chunks, so nothing large is ever reallocated.

use crate::key::Place;
use crate::limits::{FRAGMENT_BITS, SLOT_COUNT, WHEEL_LEVELS, WHEEL_TICK_MS};
use crate::record::MARK_BITS;

const DIGIT_BITS: u32 = 6;
const BUCKETS: usize = 1 << DIGIT_BITS;
const DIGIT_MASK: u64 = BUCKETS as u64 - 1;
const PREFIX_BITS: u32 = 26;
/// Bits of the fragment that an entry does not keep.
const SUFFIX_BITS: u32 = FRAGMENT_BITS - PREFIX_BITS;
const ENTRY_LEN: usize = 5;
const CHUNK_ENTRIES: usize = 100;

const _: () = assert!(SLOT_COUNT.ilog2() + PREFIX_BITS == 8 * ENTRY_LEN as u32);
const _: () = assert!(MARK_BITS == DIGIT_BITS + 1);

/// Where to look for items that may be out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) slot: u16,
    prefix: u32,
}

impl Watch {
    pub(crate) fn of(place: Place) -> Self {
        Self { slot: place.slot, prefix: place.fragment >> SUFFIX_BITS }
    }

    /// The fragments that this may mean.
    pub(crate) fn fragments(self) -> core::ops::Range<u32> {
        self.prefix << SUFFIX_BITS..(self.prefix + 1) << SUFFIX_BITS
    }

    fn pack(self) -> [u8; ENTRY_LEN] {
        let word = (u64::from(self.slot) << PREFIX_BITS) | u64::from(self.prefix);
        let [bytes @ .., _, _, _] = word.to_le_bytes();
        bytes
    }

    fn unpack([a, b, c, d, e]: [u8; ENTRY_LEN]) -> Self {
        let word = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
        Self { slot: (word >> PREFIX_BITS) as u16, prefix: word as u32 & ((1 << PREFIX_BITS) - 1) }
    }
}

/// What an item keeps of its newest entry: `round:1 | digit:6`.
pub(crate) type Mark = u8;

fn mark_of(digit: usize, round: usize) -> Mark {
    (digit | (round << DIGIT_BITS)) as Mark
}

#[derive(Debug)]
struct Chunk {
    next: Option<Box<Chunk>>,
    len: u16,
    entries: [[u8; ENTRY_LEN]; CHUNK_ENTRIES],
}

const _: () = assert!(size_of::<Chunk>() == 512);

#[derive(Debug, Default)]
struct Bucket {
    head: Option<Box<Chunk>>,
}

/// A bucket's entries by the round they were pushed or kept in.
type Rounds = [Bucket; 2];

/// All deadlines of one engine.
#[derive(Debug)]
pub(crate) struct Wheel {
    levels: Box<[[Rounds; BUCKETS]; WHEEL_LEVELS]>,
    /// Which buckets of a level hold entries.
    filled: [u64; WHEEL_LEVELS],
    /// Ticks before this one are done.
    tick: u64,
    /// The bucket that came due and is being handed out, and its digit.
    due: Rounds,
    due_digit: usize,
    entries: u64,
    chunks: usize,
    /// What is pushed belongs to this round; the sweep brings what belongs to the other over.
    round: usize,
    /// The bucket that the sweep is at, counted through all levels.
    swept: usize,
}

impl Wheel {
    /// An empty wheel that starts to turn at its first step.
    pub(crate) fn new() -> Self {
        let bucket = || core::array::from_fn(|_| core::array::from_fn(|_| Bucket::default()));
        Self {
            levels: Box::new(core::array::from_fn(|_| bucket())),
            filled: [0; WHEEL_LEVELS],
            tick: 0,
            due: Rounds::default(),
            due_digit: 0,
            entries: 0,
            chunks: 0,
            round: 0,
            swept: 0,
        }
    }

    /// Entries, stale ones included.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes of all chunks.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.chunks * size_of::<Chunk>()
    }

    /// Watches an item until `deadline_ms`. Returns the mark that the item is to keep.
    pub(crate) fn push(&mut self, watch: Watch, deadline_ms: u64, now_ms: u64) -> Mark {
        if self.entries == 0 {
            self.tick = self.tick.max(now_ms / WHEEL_TICK_MS);
        }
        let (level, digit) = self.bucket_of(deadline_ms / WHEEL_TICK_MS);
        self.put(level, digit, watch);
        self.entries += 1;
        mark_of(digit, self.round)
    }

    /// Level and digit of a tick, seen from now.
    fn bucket_of(&self, tick: u64) -> (usize, usize) {
        let tick = tick.max(self.tick);
        let differing = (tick ^ self.tick) | 1;
        let level = ((63 - differing.leading_zeros()) / DIGIT_BITS) as usize;
        let level = level.min(WHEEL_LEVELS - 1);
        let digit = (tick >> (level as u32 * DIGIT_BITS)) & DIGIT_MASK;
        (level, digit as usize)
    }

    fn put(&mut self, level: usize, digit: usize, watch: Watch) {
        self.chunks += usize::from(self.levels[level][digit][self.round].push(watch.pack()));
        self.filled[level] |= 1 << digit;
    }

    /// Moves on towards `now_ms`; `look` gets at most `budget` entries that came due, with the
    /// mark that items they watch have. Returns the number.
    pub(crate) fn step(
        &mut self,
        now_ms: u64,
        budget: usize,
        mut look: impl FnMut(Watch, Mark),
    ) -> usize {
        let now = now_ms / WHEEL_TICK_MS;
        let mut handled = 0;
        while handled < budget {
            if let Some((entry, round)) = self.pop_due() {
                handled += 1;
                look(Watch::unpack(entry), mark_of(self.due_digit, round));
            } else if !self.turn(now) {
                break;
            }
        }
        handled
    }

    fn pop_due(&mut self) -> Option<([u8; ENTRY_LEN], usize)> {
        let chunks = &mut self.chunks;
        let (round, entry) = self
            .due
            .iter_mut()
            .enumerate()
            .find_map(|(round, bucket)| Some((round, bucket.pop(chunks)?)))?;
        self.entries -= 1;
        Some((entry, round))
    }

    /// Goes to the next filled bucket that is due before tick `now`. Returns whether there is one.
    fn turn(&mut self, now: u64) -> bool {
        while let Some((tick, level)) = self.next_filled() {
            // A bucket of the lowest level is due when its tick is over, one of a higher level
            // when its range begins.
            if tick > now || (level == 0 && tick == now) {
                break;
            }
            let digit = ((tick >> (level as u32 * DIGIT_BITS)) & DIGIT_MASK) as usize;
            self.tick = tick + u64::from(level == 0);
            self.filled[level] &= !(1 << digit);
            self.due_digit = digit;
            self.due = core::mem::take(&mut self.levels[level][digit]);
            if self.has_due() {
                return true;
            }
        }
        self.skip_to(now);
        false
    }

    fn has_due(&self) -> bool {
        self.due.iter().any(|bucket| bucket.head.is_some())
    }

    /// Nothing is due before `now`: later entries may be placed as seen from there.
    fn skip_to(&mut self, now: u64) {
        let next = self.next_filled().map_or(now, |(tick, _)| tick);
        self.tick = self.tick.max(now.min(next));
    }

    /// The first tick of the next filled bucket, and its level; the highest level first when
    /// several begin together, for it comes down into the others.
    fn next_filled(&self) -> Option<(u64, usize)> {
        let mut best: Option<(u64, usize)> = None;
        for level in 0..WHEEL_LEVELS {
            let Some(tick) = self.next_of_level(level) else { continue };
            if best.is_none_or(|(earliest, _)| tick <= earliest) {
                best = Some((tick, level));
            }
        }
        best
    }

    fn next_of_level(&self, level: usize) -> Option<u64> {
        let shift = level as u32 * DIGIT_BITS;
        let current = ((self.tick >> shift) & DIGIT_MASK) as u32;
        let turned = self.filled[level].rotate_right(current);
        if turned == 0 {
            return None;
        }
        let ahead = u64::from(turned.trailing_zeros());
        Some((((self.tick >> shift) + ahead) << shift).max(self.tick))
    }

    /// The wall time at which `step` next has something to do.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        if self.has_due() {
            return Some(0);
        }
        let (tick, level) = self.next_filled()?;
        Some((tick + u64::from(level == 0)) * WHEEL_TICK_MS)
    }

    /// Goes on through the buckets with up to `budget` entries that were not yet kept in this
    /// round. `keep` gets an entry, the mark of the items it may watch and the mark they get if it
    /// is kept, and says whether it is. After a whole round there are no more entries than items.
    /// Returns the number of entries and buckets seen.
    pub(crate) fn sweep(
        &mut self,
        budget: usize,
        mut keep: impl FnMut(Watch, Mark, Mark) -> bool,
    ) -> usize {
        for seen in 0..budget {
            if self.swept == BUCKETS * WHEEL_LEVELS {
                (self.swept, self.round) = (0, 1 - self.round);
                return seen;
            }
            let (level, digit) = (self.swept / BUCKETS, self.swept % BUCKETS);
            let (old, new) = (1 - self.round, self.round);
            let Some(entry) = self.levels[level][digit][old].pop(&mut self.chunks) else {
                self.swept += 1;
                continue;
            };
            let watch = Watch::unpack(entry);
            if keep(watch, mark_of(digit, old), mark_of(digit, new)) {
                self.put(level, digit, watch);
            } else {
                self.entries -= 1;
            }
        }
        budget
    }
}

impl Bucket {
    /// Adds an entry. Returns whether that took a new chunk.
    fn push(&mut self, entry: [u8; ENTRY_LEN]) -> bool {
        if let Some(chunk) = &mut self.head
            && usize::from(chunk.len) < CHUNK_ENTRIES
        {
            chunk.entries[usize::from(chunk.len)] = entry;
            chunk.len += 1;
            return false;
        }
        let mut entries = [[0; ENTRY_LEN]; CHUNK_ENTRIES];
        entries[0] = entry;
        self.head = Some(Box::new(Chunk { next: self.head.take(), len: 1, entries }));
        true
    }

    /// Takes an entry out; counts a chunk that is done.
    fn pop(&mut self, chunks: &mut usize) -> Option<[u8; ENTRY_LEN]> {
        let chunk = self.head.as_mut()?;
        chunk.len -= 1;
        let entry = chunk.entries[usize::from(chunk.len)];
        if chunk.len == 0 {
            self.head = chunk.next.take();
            *chunks -= 1;
        }
        Some(entry)
    }
}

impl Drop for Bucket {
    /// Drops a long list chunk by chunk: the compiler's own way would recurse.
    fn drop(&mut self) {
        while let Some(mut chunk) = self.head.take() {
            self.head = chunk.next.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};
    use std::collections::HashMap;

    const DAY_MS: u64 = 86_400_000;
    const START_MS: u64 = 1_800_000_000_123;

    /// A wheel and the items it watches: deadline and mark by number.
    struct Watched {
        wheel: Wheel,
        items: HashMap<u32, (u64, Mark)>,
        looks: u64,
    }

    fn watch(number: u32) -> Watch {
        let place = Place { slot: (number % 16384) as u16, db: 0, fragment: number << SUFFIX_BITS };
        Watch::of(place)
    }

    fn number(watch: Watch) -> u32 {
        watch.fragments().start >> SUFFIX_BITS
    }

    impl Watched {
        fn new() -> Self {
            Self { wheel: Wheel::new(), items: HashMap::new(), looks: 0 }
        }

        fn push(&mut self, number: u32, deadline_ms: u64, now_ms: u64) {
            let mark = self.wheel.push(watch(number), deadline_ms, now_ms);
            self.items.insert(number, (deadline_ms, mark));
        }

        /// Turns the wheel; items whose deadline is still to come are pushed again.
        fn turn(&mut self, now_ms: u64) {
            let mut looked = Vec::new();
            while self.wheel.step(now_ms, 100, |watch, mark| looked.push((watch, mark))) > 0 {
                for (watch, mark) in looked.drain(..) {
                    self.looks += 1;
                    let number = number(watch);
                    assert_eq!(watch, self::watch(number));
                    match self.items.get(&number).copied() {
                        Some((deadline_ms, _)) if deadline_ms <= now_ms => {
                            self.items.remove(&number);
                        }
                        Some((deadline_ms, kept)) if kept == mark => {
                            self.push(number, deadline_ms, now_ms);
                        }
                        _ => {}
                    }
                }
            }
        }

        fn sweep(&mut self, budget: usize) {
            let items = &mut self.items;
            let seen = self.wheel.sweep(budget, |watch, old, new| {
                let item = items.get_mut(&number(watch)).filter(|item| item.1 == old);
                item.map(|item| item.1 = new).is_some()
            });
            assert!(seen <= budget);
        }

        fn late(&self, now_ms: u64) -> usize {
            self.items.values().filter(|item| item.0 + 2 * WHEEL_TICK_MS <= now_ms).count()
        }
    }

    fn delay(rng: &mut SmallRng) -> u64 {
        let range = [10, 3000, 90_000, 5_000_000, DAY_MS, 400 * DAY_MS];
        let widest = range[rng.random_range(0..6)];
        rng.random_range(0..widest)
    }

    #[test]
    fn every_deadline_is_met_within_a_tick() {
        let (mut rng, mut watched) = (SmallRng::seed_from_u64(3), Watched::new());
        let mut now_ms = START_MS;
        for _ in 0..3000 {
            for _ in 0..rng.random_range(0..8) {
                let fresh = watched.items.len() as u32 * 7919 % (1 << 26);
                watched.push(fresh, now_ms + delay(&mut rng), now_ms);
            }
            let range = [100, 5000, 300_000, 3 * DAY_MS][rng.random_range(0..4)];
            now_ms += rng.random_range(0..range);
            watched.turn(now_ms);
            assert_eq!(watched.late(now_ms), 0);
        }
        watched.turn(now_ms + 500 * DAY_MS);
        let wheel = &watched.wheel;
        assert_eq!((watched.items.len(), wheel.entries(), wheel.bytes()), (0, 0, 0));
    }

    #[test]
    fn deadlines_are_met_when_they_change_and_stale_entries_are_swept() {
        for seed in 0..8 {
            let (mut rng, mut watched) = (SmallRng::seed_from_u64(seed), Watched::new());
            let mut now_ms = START_MS;
            for _ in 0..20_000 {
                let number = rng.random_range(0..200);
                let deadline_ms = now_ms + delay(&mut rng);
                match watched.items.get_mut(&number) {
                    // A later deadline keeps the entry, an earlier one needs its own.
                    Some(item) if item.0 <= deadline_ms && rng.random_bool(0.5) => {
                        item.0 = deadline_ms;
                    }
                    Some(_) if rng.random_bool(0.1) => {
                        watched.items.remove(&number);
                    }
                    _ => watched.push(number, deadline_ms, now_ms),
                }
                if rng.random_bool(0.3) {
                    let widest = [50, 5000, 500_000][rng.random_range(0..3)];
                    now_ms += rng.random_range(0..widest);
                    watched.turn(now_ms);
                    assert_eq!(watched.late(now_ms), 0, "seed {seed}");
                }
                watched.sweep(rng.random_range(0..40));
            }
            // Two rounds without a change: what is left watches an item.
            (0..100).for_each(|_| watched.sweep(200));
            assert!(watched.wheel.entries() <= watched.items.len() as u64);
            watched.turn(now_ms + 500 * DAY_MS);
            assert_eq!((watched.items.len(), watched.wheel.bytes()), (0, 0));
        }
    }

    #[test]
    fn an_item_is_looked_at_once_a_level_before_its_deadline() {
        let mut watched = Watched::new();
        for i in 0..1000_u32 {
            watched.push(i, START_MS + u64::from(i) * 100_000, START_MS);
        }
        for now_ms in (START_MS..START_MS + 100_200_000).step_by(777) {
            watched.turn(now_ms);
        }
        // A day and a bit is three levels.
        assert!(watched.items.is_empty() && watched.looks <= 3 * 1000, "{}", watched.looks);
    }

    #[test]
    fn the_next_due_time_is_when_a_step_finds_something() {
        let mut wheel = Wheel::new();
        assert_eq!(wheel.next_due_ms(), None);
        wheel.push(watch(1), START_MS + 30_000, START_MS);
        let due_ms = wheel.next_due_ms().expect("is due");
        assert!(due_ms <= START_MS + 30_000 + 2 * WHEEL_TICK_MS);
        assert_eq!(wheel.step(due_ms - 1, 10, |_, _| ()), 0);
        assert_eq!(wheel.step(due_ms, 10, |_, _| ()), 1);
    }

    #[test]
    fn a_round_of_the_sweep_drops_what_watches_no_item() {
        let mut watched = Watched::new();
        for i in 0..10_000 {
            watched.push(i, START_MS + u64::from(i) * 77_777, START_MS);
        }
        watched.items.retain(|number, _| number % 10 == 0);
        // One item, again and again in one bucket: its entries are equal and have one mark.
        for _ in 0..1000 {
            watched.push(0, START_MS + DAY_MS, START_MS);
        }
        (0..200).for_each(|_| watched.sweep(100));
        assert_eq!(watched.wheel.entries(), 1000);
        assert!(watched.wheel.bytes() < 448 * 512);
    }

    #[test]
    fn an_entry_takes_little_more_than_five_bytes() {
        let mut wheel = Wheel::new();
        for i in 0..1_000_000 {
            wheel.push(watch(i), START_MS + u64::from(i) * 77, START_MS);
        }
        assert!(wheel.bytes() < 5_300_000, "{}", wheel.bytes());
    }
}
