//! The ghost: names of items that left the small queue lately.
//!
//! ```text
//!  entry   stamp:14 | name:18      bucket   sixteen entries, one cache line
//! ```
//!
//! The table grows and shrinks by one bucket at a time (linear hashing), so no step is long. A
//! stamp is the ghost's clock, which counts what entered, in units of a 2048th of its window or
//! finer; an entry beyond the window is not there any more. Invariant: no more entries than
//! buckets hold, and a full bucket gives up its oldest. A name is mistaken for another once in
//! ten thousand. Cost: one cache line a look; 6.4 bytes an item remembered.

/// Entries of a bucket.
const WAYS: usize = 16;
/// Entries a bucket holds on the average.
const FILL: u64 = 10;
/// Buckets made together.
const CHUNK_BUCKETS: usize = 64;
const NAME_BITS: u32 = 18;
const STAMP_MASK: u32 = (1 << (32 - NAME_BITS)) - 1;
/// A window spans this many stamps at least, once it is that long.
const WINDOW_STAMPS_BITS: u32 = 11;

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Bucket([u32; WAYS]);

const EMPTY: Bucket = Bucket([0; WAYS]);

/// Names of items evicted lately.
#[derive(Debug, Default)]
pub(crate) struct Ghost {
    chunks: Vec<Box<[Bucket; CHUNK_BUCKETS]>>,
    buckets: u64,
    /// Allocated.
    bytes: usize,
    clock: u64,
    /// What the clock may advance until an entry is forgotten.
    window: u64,
}

impl Ghost {
    /// Bytes allocated.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Remembers a name that weighs `weight`, among about `names` of the last `window`.
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        weight: u64,
        names: u64,
        window: u64,
        may_grow: bool,
    ) {
        self.window = window;
        self.clock += weight;
        let wanted = (names / FILL).max(1);
        if may_grow || wanted < self.buckets {
            self.resize(wanted);
        }
        if self.buckets == 0 {
            return;
        }
        let stamp = self.stamp();
        let entry = (stamp << NAME_BITS) | name(hash);
        let index = self.index(hash);
        let oldest = (0..WAYS).max_by_key(|way| self.age_of(self.bucket(index).0[*way]));
        self.bucket_mut(index).0[oldest.expect("a bucket has ways")] = entry;
    }

    /// Counts what is allocated, after chunks were made or freed.
    fn count_bytes(&mut self) {
        self.bytes = self.chunks.len() * size_of::<[Bucket; CHUNK_BUCKETS]>()
            + self.chunks.capacity() * size_of::<usize>();
    }

    /// Whether a name is remembered.
    pub(crate) fn holds(&self, hash: u64) -> bool {
        self.way(hash).is_some()
    }

    /// Forgets a name.
    pub(crate) fn remove(&mut self, hash: u64) {
        if let Some((index, way)) = self.way(hash) {
            self.bucket_mut(index).0[way] = 0;
        }
    }

    fn way(&self, hash: u64) -> Option<(u64, usize)> {
        if self.buckets == 0 {
            return None;
        }
        let (index, wanted) = (self.index(hash), name(hash));
        let last = (self.window >> self.shift()) as u32;
        let is_it =
            |entry: &u32| *entry & ((1 << NAME_BITS) - 1) == wanted && self.age_of(*entry) <= last;
        self.bucket(index).0.iter().position(is_it).map(|way| (index, way))
    }

    /// The clock's bits below a stamp.
    fn shift(&self) -> u32 {
        (self.window | 1).ilog2().saturating_sub(WINDOW_STAMPS_BITS)
    }

    fn stamp(&self) -> u32 {
        (self.clock >> self.shift()) as u32 & STAMP_MASK
    }

    fn age_of(&self, entry: u32) -> u32 {
        if entry == 0 {
            return u32::MAX;
        }
        self.stamp().wrapping_sub(entry >> NAME_BITS) & STAMP_MASK
    }

    /// The bucket of a name: those below the split point have been split already.
    fn index(&self, hash: u64) -> u64 {
        let wide = self.buckets.next_power_of_two();
        let index = (hash >> NAME_BITS) & (wide - 1);
        if index < self.buckets { index } else { index - wide / 2 }
    }

    fn bucket(&self, index: u64) -> &Bucket {
        &self.chunks[index as usize / CHUNK_BUCKETS][index as usize % CHUNK_BUCKETS]
    }

    fn bucket_mut(&mut self, index: u64) -> &mut Bucket {
        &mut self.chunks[index as usize / CHUNK_BUCKETS][index as usize % CHUNK_BUCKETS]
    }

    /// Goes one bucket towards `wanted`. An entry does not say the bits that chose its bucket, so
    /// a split leaves each entry in both halves: one of them is never asked for and grows old.
    fn resize(&mut self, wanted: u64) {
        if self.buckets < wanted {
            let index = self.buckets;
            if index as usize == self.chunks.len() * CHUNK_BUCKETS {
                self.chunks.push(Box::new([EMPTY; CHUNK_BUCKETS]));
                self.count_bytes();
            }
            self.buckets += 1;
            let half = self.buckets.next_power_of_two() / 2;
            let from = if index >= half && index > 0 { index - half } else { 0 };
            let copied = if index == 0 { EMPTY } else { *self.bucket(from) };
            *self.bucket_mut(index) = copied;
        } else if self.buckets > wanted + wanted / 4 + 1 {
            self.buckets -= 1;
            if self.buckets as usize + CHUNK_BUCKETS <= self.chunks.len() * CHUNK_BUCKETS {
                self.chunks.pop();
                self.count_bytes();
            }
        }
    }

    /// Takes a chunk's worth of memory back. Returns whether there was any.
    pub(crate) fn forget_step(&mut self) -> bool {
        let Some(_) = self.chunks.pop() else {
            self.chunks = Vec::new();
            self.count_bytes();
            return false;
        };
        self.count_bytes();
        self.buckets = self.buckets.min((self.chunks.len() * CHUNK_BUCKETS) as u64);
        true
    }
}

/// A name is never zero beside stamp zero, which means an empty place.
fn name(hash: u64) -> u32 {
    (hash as u32 & ((1 << NAME_BITS) - 1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(i: u64) -> u64 {
        let mixed = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }

    #[test]
    fn what_entered_within_the_window_is_remembered() {
        for window in [1, 10, 100, 5000, 300_000] {
            let mut ghost = Ghost::default();
            let last = 4 * window + 20_000;
            (0..last).for_each(|i| ghost.insert(hash(i), 1, window, window, true));
            let recent = (last - window..last).filter(|i| ghost.holds(hash(*i))).count() as u64;
            let gone = last - 2 * window - window / 8 - 1..last - window - window / 8 - 1;
            let stale = gone.filter(|i| ghost.holds(hash(*i))).count() as u64;
            assert!(recent * 100 >= window * 93, "{recent} of {window}");
            assert!(stale * 1000 <= window + 999, "{stale} of {window}");
            assert!(ghost.bytes() as u64 <= window * 8 + 4200, "{} for {window}", ghost.bytes());
        }
    }

    #[test]
    fn names_can_be_forgotten_and_memory_comes_back() {
        let mut ghost = Ghost::default();
        (0..10_000).for_each(|i| ghost.insert(hash(i), 1, 10_000, 10_000, true));
        assert!(ghost.holds(hash(9_000)));
        ghost.remove(hash(9_000));
        assert!(!ghost.holds(hash(9_000)));
        let full = ghost.bytes();
        (0..10_000).for_each(|i| ghost.insert(hash(i), 1, 100, 100, true));
        assert!(ghost.bytes() < full / 8, "{}", ghost.bytes());
        while ghost.forget_step() {}
        assert_eq!(ghost.bytes(), 0);
    }
}
