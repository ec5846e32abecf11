//! Expiry wheel: which items may be out of time.
//!
//! Seven levels of 64 buckets; a bucket of level `n` covers 64^n ticks of 1024 ms. An entry is
//! eight bytes and says nothing but where to look:
//!
//! ```text
//!  63        50 49                    20 19            8 7        0
//! ┌────────────┬────────────────────────┬───────────────┬──────────┐
//! │ slot    14 │ zero 2, fragment    28 │ sub        12 │ tag    8 │
//! └────────────┴────────────────────────┴───────────────┴──────────┘
//! ```
//!
//! `sub` holds the bucket digits of the two next lower levels, so that entries less than three
//! days out come down without their items being touched; those further out are handed to the
//! caller for a look once on their way. Invariant: an entry is handed out no earlier than a level
//! boundary requires and no later than one tick after its deadline's tick. Cost: a push is a
//! store; a step moves at most the entries it was allowed. Buckets are lists of 512-byte chunks,
//! so nothing large is ever reallocated.

use crate::limits::{WHEEL_LEVELS, WHEEL_TICK_MS};

const DIGIT_BITS: u32 = 6;
const BUCKETS: usize = 1 << DIGIT_BITS;
const DIGIT_MASK: u64 = BUCKETS as u64 - 1;
/// The highest level from which an entry comes down by its own digits.
const SUB_LEVELS: usize = 2;
const CHUNK_ENTRIES: usize = 62;

/// Where to look for an item that may be out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) slot: u16,
    pub(crate) fragment: u32,
    /// Tells the item's newest entry from stale ones.
    pub(crate) tag: u8,
}

impl Watch {
    fn pack(self, sub: u64) -> u64 {
        let (slot, fragment) = (u64::from(self.slot), u64::from(self.fragment));
        (slot << 50) | (fragment << 20) | (sub << 8) | u64::from(self.tag)
    }

    fn unpack(word: u64) -> Self {
        let fragment = (word >> 20) as u32 & ((1 << crate::limits::FRAGMENT_BITS) - 1);
        Self { slot: (word >> 50) as u16, fragment, tag: word as u8 }
    }
}

#[derive(Debug)]
struct Chunk {
    next: Option<Box<Chunk>>,
    len: usize,
    words: [u64; CHUNK_ENTRIES],
}

const _: () = assert!(size_of::<Chunk>() == 512);

#[derive(Debug, Default)]
struct Bucket {
    head: Option<Box<Chunk>>,
}

/// All deadlines of one engine.
#[derive(Debug)]
pub(crate) struct Wheel {
    levels: Box<[[Bucket; BUCKETS]; WHEEL_LEVELS]>,
    /// Which buckets of a level hold entries.
    filled: [u64; WHEEL_LEVELS],
    /// Ticks before this one are done.
    tick: u64,
    /// Entries of bucket (level, digit) that were due and are being handed out.
    due: Bucket,
    due_level: usize,
    entries: u64,
    chunks: usize,
    /// Where the sweep for stale entries goes on.
    sweep: Sweep,
}

#[derive(Debug, Default)]
struct Sweep {
    number: usize,
    taken: Bucket,
}

impl Wheel {
    /// An empty wheel that starts to turn at its first step.
    pub(crate) fn new() -> Self {
        Self {
            levels: Box::new(core::array::from_fn(|_| core::array::from_fn(|_| Bucket::default()))),
            filled: [0; WHEEL_LEVELS],
            tick: 0,
            due: Bucket::default(),
            due_level: 0,
            entries: 0,
            chunks: 0,
            sweep: Sweep::default(),
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

    /// Watches an item until `deadline_ms`.
    pub(crate) fn push(&mut self, watch: Watch, deadline_ms: u64, now_ms: u64) {
        if self.entries == 0 {
            self.tick = self.tick.max(now_ms / WHEEL_TICK_MS);
        }
        let (level, digit, sub) = self.bucket_of(deadline_ms / WHEEL_TICK_MS);
        self.put(level, digit, watch.pack(sub));
        self.entries += 1;
    }

    /// Level, digit and sub-digits of a tick, seen from now.
    fn bucket_of(&self, tick: u64) -> (usize, usize, u64) {
        let tick = tick.max(self.tick);
        let differing = (tick ^ self.tick) | 1;
        let level = ((63 - differing.leading_zeros()) / DIGIT_BITS) as usize;
        let level = level.min(WHEEL_LEVELS - 1);
        let digit = (tick >> (level as u32 * DIGIT_BITS)) & DIGIT_MASK;
        let sub = match level {
            0 => 0,
            1 => (tick & DIGIT_MASK) << DIGIT_BITS,
            _ => (tick >> ((level - 2) as u32 * DIGIT_BITS)) & 0xfff,
        };
        (level, digit as usize, sub)
    }

    fn put(&mut self, level: usize, digit: usize, word: u64) {
        self.chunks += usize::from(self.levels[level][digit].push(word));
        self.filled[level] |= 1 << digit;
    }

    /// Moves on towards `now_ms`, handling at most `budget` entries; `look` gets those whose item
    /// must be looked at. Returns the number handled.
    pub(crate) fn step(
        &mut self,
        now_ms: u64,
        budget: usize,
        mut look: impl FnMut(Watch),
    ) -> usize {
        let now = now_ms / WHEEL_TICK_MS;
        let mut handled = 0;
        while handled < budget {
            if let Some(word) = self.due.pop(&mut self.chunks) {
                handled += 1;
                self.handle(word, &mut look);
            } else if !self.turn(now) {
                break;
            }
        }
        handled
    }

    fn handle(&mut self, word: u64, look: &mut impl FnMut(Watch)) {
        let level = self.due_level;
        if level == 0 || level > SUB_LEVELS {
            self.entries -= 1;
            return look(Watch::unpack(word));
        }
        let sub = (word >> 8) & 0xfff;
        let digit = (sub >> DIGIT_BITS) as usize;
        let lower = (sub << DIGIT_BITS) & 0xfff;
        self.put(level - 1, digit, Watch::unpack(word).pack(lower));
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
            self.due_level = level;
            if self.sweep.number == level * BUCKETS + digit && self.sweep.taken.head.is_some() {
                self.due = core::mem::take(&mut self.sweep.taken);
                return true;
            }
            self.tick = tick + u64::from(level == 0);
            self.filled[level] &= !(1 << digit);
            self.due = core::mem::take(&mut self.levels[level][digit]);
            if self.due.head.is_some() {
                return true;
            }
        }
        self.skip_to(now);
        false
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
        if self.due.head.is_some() {
            return Some(0);
        }
        let (tick, level) = self.next_filled()?;
        Some((tick + u64::from(level == 0)) * WHEEL_TICK_MS)
    }

    /// Goes through up to `budget` entries of the buckets in turn and drops those that
    /// `is_wanted` does not want. Returns the number seen.
    pub(crate) fn sweep(
        &mut self,
        budget: usize,
        mut is_wanted: impl FnMut(Watch) -> bool,
    ) -> usize {
        let mut seen = 0;
        let mut buckets = 0;
        while seen < budget && buckets < BUCKETS {
            let (level, digit) = (self.sweep.number / BUCKETS, self.sweep.number % BUCKETS);
            if let Some(word) = self.sweep.taken.pop(&mut self.chunks) {
                seen += 1;
                if is_wanted(Watch::unpack(word)) {
                    self.put(level, digit, word);
                } else {
                    self.entries -= 1;
                }
                continue;
            }
            if self.levels[level][digit].head.is_none() {
                self.filled[level] &= !(1 << digit);
            }
            self.sweep.number = (self.sweep.number + 1) % (BUCKETS * WHEEL_LEVELS);
            let (level, digit) = (self.sweep.number / BUCKETS, self.sweep.number % BUCKETS);
            // The bucket stays marked: `turn` takes what the sweep has in hand if it comes due.
            self.sweep.taken = core::mem::take(&mut self.levels[level][digit]);
            buckets += 1;
        }
        seen
    }
}

impl Bucket {
    /// Adds a word. Returns whether that took a new chunk.
    fn push(&mut self, word: u64) -> bool {
        if let Some(chunk) = &mut self.head
            && chunk.len < CHUNK_ENTRIES
        {
            chunk.words[chunk.len] = word;
            chunk.len += 1;
            return false;
        }
        let mut words = [0; CHUNK_ENTRIES];
        words[0] = word;
        self.head = Some(Box::new(Chunk { next: self.head.take(), len: 1, words }));
        true
    }

    /// Takes a word out; counts a chunk that is done.
    fn pop(&mut self, chunks: &mut usize) -> Option<u64> {
        let chunk = self.head.as_mut()?;
        chunk.len -= 1;
        let word = chunk.words[chunk.len];
        if chunk.len == 0 {
            self.head = chunk.next.take();
            *chunks -= 1;
        }
        Some(word)
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

    fn watch(number: u32) -> Watch {
        Watch { slot: (number % 16384) as u16, fragment: number, tag: number as u8 }
    }

    /// Turns the wheel to `now_ms`; entries whose deadline is still to come are pushed again.
    fn turn(wheel: &mut Wheel, deadlines: &mut HashMap<u32, u64>, now_ms: u64) {
        let mut looked = Vec::new();
        while wheel.step(now_ms, 100, |watch| looked.push(watch)) > 0 {
            for watch in looked.drain(..) {
                assert_eq!(watch, self::watch(watch.fragment));
                let deadline_ms = deadlines[&watch.fragment];
                if deadline_ms > now_ms {
                    wheel.push(watch, deadline_ms, now_ms);
                } else {
                    deadlines.remove(&watch.fragment);
                }
            }
        }
    }

    #[test]
    fn every_deadline_is_met_within_a_tick() {
        let (mut rng, mut wheel) = (SmallRng::seed_from_u64(3), Wheel::new());
        let (mut deadlines, mut now_ms, mut number) = (HashMap::new(), START_MS, 0);
        for _ in 0..3000 {
            for _ in 0..rng.random_range(0..8) {
                let range = [10, 3000, 90_000, 5_000_000, DAY_MS, 400 * DAY_MS];
                let widest = range[rng.random_range(0..6)];
                let delay = rng.random_range(0..widest);
                wheel.push(watch(number), now_ms + delay, now_ms);
                deadlines.insert(number, now_ms + delay);
                number += 1;
            }
            let range = [100, 5000, 300_000, 3 * DAY_MS][rng.random_range(0..4)];
            now_ms += rng.random_range(0..range);
            turn(&mut wheel, &mut deadlines, now_ms);
            if rng.random_bool(0.5) {
                wheel.sweep(50, |_| true);
            }
            let late = deadlines.values().filter(|it| **it + 2 * WHEEL_TICK_MS <= now_ms).count();
            assert_eq!(late, 0);
            assert_eq!(wheel.entries(), deadlines.len() as u64);
        }
        turn(&mut wheel, &mut deadlines, now_ms + 500 * DAY_MS);
        assert_eq!((deadlines.len(), wheel.entries(), wheel.bytes()), (0, 0, 0));
    }

    #[test]
    fn nothing_is_looked_at_before_its_tick_when_it_is_near() {
        let mut wheel = Wheel::new();
        for i in 0..1000_u32 {
            wheel.push(watch(i), START_MS + u64::from(i) * 100_000, START_MS);
        }
        for now_ms in (START_MS..START_MS + 100_000_000).step_by(777_777) {
            while wheel.step(now_ms, 7, |watch| {
                assert!(START_MS + u64::from(watch.fragment) * 100_000 <= now_ms);
            }) > 0
            {}
        }
    }

    #[test]
    fn the_next_due_time_is_when_a_step_finds_something() {
        let mut wheel = Wheel::new();
        assert_eq!(wheel.next_due_ms(), None);
        wheel.push(watch(1), START_MS + 30_000, START_MS);
        let due_ms = wheel.next_due_ms().expect("is due");
        assert!(due_ms <= START_MS + 30_000 + 2 * WHEEL_TICK_MS);
        assert_eq!(wheel.step(due_ms - 1, 10, |_| ()), 0);
        assert_eq!(wheel.step(due_ms, 10, |_| ()), 1);
    }

    #[test]
    fn a_sweep_drops_what_is_not_wanted() {
        let mut wheel = Wheel::new();
        (0..10_000).for_each(|i| {
            wheel.push(watch(i), START_MS + u64::from(i) * 77_777, START_MS);
        });
        for _ in 0..1000 {
            assert!(wheel.sweep(100, |watch| watch.fragment % 10 == 0) <= 100);
        }
        assert_eq!(wheel.entries(), 1000);
        assert!(wheel.bytes() < 448 * 512);
    }
}
