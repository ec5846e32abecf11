//! Tables: the leaves of the index.
//!
//! A table is a run of buckets, one of the sizes of `sizes.rs`: every number up to
//! eight, then four sizes a doubling. An entry lies in its home bucket or, where that was full,
//! in one of those after it, around the end. A search ends at the first bucket with a free place.
//!
//! Invariant: all buckets from an entry's home up to its own are full. A removal restores that by
//! pulling entries back, so nothing but entries takes room and churn leaves no trace. A table
//! never grows while less than `FULL_LOAD` of its places live, and never beyond
//! `TABLE_BUCKETS_MAX`. Cost: a hit reads 1.1 lines on average and 1.3 in a full table; a rebuild
//! moves at most one table and touches no item, since the fragment is hash enough.

pub(crate) use crate::bucket::{Address, Entry};
use crate::bucket::{BUCKET_PLACES, Bucket, FRAGMENT_MASK};
use crate::limits::TABLE_BUCKETS_MAX;
use crate::mapping::prefetch;
use crate::run::Run;
use crate::runs::Runs;
use crate::sizes::block;

/// Bytes of the largest table.
pub(crate) const TABLE_BYTES_MAX: usize = TABLE_BUCKETS_MAX * size_of::<Bucket>();
/// Entries that four buckets hold when a table is full, of 32 places.
const FULL_LOAD: usize = 29;
/// A table is loose when it would fit the next smaller size with one place of this many to spare.
const TRIM_SLACK: usize = 16;
/// If it has more than so many buckets a removal shrinks it only with one place of this many to
/// spare: half of all items go at the cost of one rebuild a table.
const SHRINK_SLACK: usize = 4;
const SHRINKS_AT_ONCE_BUCKETS_MAX: usize = 8;
/// Low bits of a fragment that have no part in where its entry lies.
pub(crate) const HOME_IGNORES_BITS: u32 = 2;

/// The next smaller number of buckets that fills a run.
fn smaller(buckets: usize) -> usize {
    if buckets <= 8 {
        buckets.saturating_sub(1)
    } else {
        buckets - (1 << ((buckets - 1).ilog2() - 2))
    }
}

/// Entries that `buckets` buckets hold when they are full; always fewer than they have places.
#[inline]
fn full(buckets: usize) -> usize {
    buckets * FULL_LOAD / 4
}

/// The buckets of a table that `len` entries need not outgrow.
fn buckets_for(len: usize) -> usize {
    block((len * 4).div_ceil(FULL_LOAD))
}

/// A small hash table of entries.
#[derive(Debug)]
pub(crate) struct Table {
    buckets: Run,
}

/// Whether a table can take one more entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// It has room.
    Ready,
    /// It has room after it was rebuilt.
    Rebuilt,
    /// It is as large as a table may be, and full.
    Full,
}

/// What became of a table when an entry was removed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Removed {
    /// It has the size it should have.
    Plain,
    /// It can be trimmed.
    Loose,
    /// It was rebuilt with fewer buckets, or has none left.
    Shrunk,
}

impl Table {
    #[inline]
    pub(crate) fn new() -> Self {
        Self { buckets: Run::empty() }
    }

    /// An empty table that `len` entries need not outgrow.
    pub(crate) fn with_room_for(len: usize, runs: &mut Runs) -> Self {
        Self { buckets: runs.take(buckets_for(len)) }
    }

    /// Gives its memory back.
    pub(crate) fn give_back(self, runs: &mut Runs) {
        runs.give_back(self.buckets);
    }

    /// Moves it into a hole among tables of its size. Returns the bytes moved.
    pub(crate) fn fill_hole(&mut self, runs: &mut Runs) -> usize {
        runs.fill(&mut self.buckets)
    }

    /// Bytes of its buckets.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.buckets.taken as usize
    }

    /// Places there are, free ones included.
    #[inline]
    pub(crate) fn places(&self) -> usize {
        self.buckets.len() * BUCKET_PLACES
    }

    /// Places among which the entries are spread: those of a single bucket stand in front.
    #[inline]
    pub(crate) fn spread(&self) -> usize {
        if self.buckets.len() <= 1 { self.len() } else { self.places() }
    }

    /// The entry at a place, if there is one.
    #[inline]
    pub(crate) fn get(&self, place: usize) -> Option<Entry> {
        self.buckets[place / BUCKET_PLACES].get(place % BUCKET_PLACES)
    }

    /// The bucket in which an entry of `fragment` lies if there was room. Fragments of one table
    /// may agree in their upper bits and those of neighbouring tables in their lower ones, so all
    /// are mixed by a product, whose upper half then falls into the range of buckets.
    #[inline]
    fn home(&self, fragment: u32) -> usize {
        let mixed = (fragment >> HOME_IGNORES_BITS).wrapping_mul(0x9e37_79b1);
        ((u64::from(mixed) * self.buckets.len() as u64) >> 32) as usize
    }

    /// The bucket after this one.
    #[inline]
    fn after(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }

    /// An entry that has `wanted` in the bits of `mask` of its fragment and satisfies `is_it`, with
    /// its bucket and its place there. The mask holds all bits but low ones that no home depends
    /// on.
    #[inline(always)]
    fn search(
        &self,
        wanted: u32,
        mask: u32,
        mut is_it: impl FnMut(Entry) -> bool,
    ) -> Option<(Entry, usize, usize)> {
        let (mut at, mut wanted) = (self.home(wanted), wanted);
        loop {
            let bucket = self.buckets.get(at)?;
            for place in bucket.alike(wanted, mask) {
                if let Some(entry) = bucket.get(place)
                    && is_it(entry)
                {
                    return Some((entry, at, place));
                }
            }
            // One of the buckets has a free place.
            if !bucket.is_full() {
                return None;
            }
            (at, wanted) = self.search_on(at, wanted);
        }
    }

    /// Where a search goes on, and for what. That it goes on is rare: nothing is prepared for it
    /// ahead, which would cost every search a dozen instructions.
    #[cold]
    #[inline(never)]
    fn search_on(&self, at: usize, wanted: u32) -> (usize, u32) {
        (self.after(at), wanted)
    }

    /// The address that has `fragment` and satisfies `is_it`.
    #[inline(always)]
    pub(crate) fn find(
        &self,
        fragment: u32,
        mut is_it: impl FnMut(Address) -> bool,
    ) -> Option<Address> {
        let found = self.search(fragment, FRAGMENT_MASK, |entry| is_it(entry.address()));
        found.map(|(entry, _, _)| entry.address())
    }

    /// Asks the processor for the line that a search for `fragment` begins in.
    #[inline]
    pub(crate) fn touch(&self, fragment: u32) {
        self.buckets.get(self.home(fragment)).into_iter().for_each(prefetch);
    }

    /// Makes room for one more entry; `unbounded` lets a table outgrow its maximum.
    #[inline]
    pub(crate) fn make_room(&mut self, unbounded: bool, runs: &mut Runs) -> Room {
        if self.len() < full(self.buckets.len()) {
            return Room::Ready;
        }
        self.make_room_slowly(unbounded, runs)
    }

    #[cold]
    fn make_room_slowly(&mut self, unbounded: bool, runs: &mut Runs) -> Room {
        let wanted = block(self.buckets.len() + 1);
        if wanted > TABLE_BUCKETS_MAX && !unbounded {
            return Room::Full;
        }
        self.rebuild(wanted, runs);
        Room::Rebuilt
    }

    /// Adds an entry that is not there yet, into room that `make_room` made.
    #[inline]
    pub(crate) fn insert(&mut self, entry: Entry) {
        debug_assert!(self.len() < full(self.buckets.len()));
        let mut at = self.home(entry.fragment());
        while self.buckets[at].is_full() {
            at = self.after(at);
        }
        self.buckets[at].push(entry);
        self.buckets.taken += 1;
    }

    /// Lets an entry point elsewhere. Returns whether it was there.
    #[inline]
    pub(crate) fn replace(&mut self, old: Entry, new: Entry) -> bool {
        debug_assert_eq!(old.fragment(), new.fragment());
        let found = self.search(old.fragment(), FRAGMENT_MASK, |entry| entry == old);
        found.map(|(_, bucket, place)| self.buckets[bucket].set(place, new)).is_some()
    }

    /// Removes an entry. Returns what that came to, or nothing if it was not there.
    pub(crate) fn remove(&mut self, entry: Entry, runs: &mut Runs) -> Option<Removed> {
        let found = self.search(entry.fragment(), FRAGMENT_MASK, |it| it == entry);
        let (_, bucket, place) = found?;
        self.vacate(bucket, place);
        self.buckets.taken -= 1;
        if self.len() == 0 {
            core::mem::replace(self, Self::new()).give_back(runs);
            return Some(Removed::Shrunk);
        }
        if !self.fits_smaller(TRIM_SLACK) {
            return Some(Removed::Plain);
        }
        let small = self.buckets.len() <= SHRINKS_AT_ONCE_BUCKETS_MAX;
        if !small && !self.fits_smaller(SHRINK_SLACK) {
            return Some(Removed::Loose);
        }
        self.shrink(runs);
        Some(Removed::Shrunk)
    }

    /// Shrinks if that can be. Returns whether it did.
    pub(crate) fn trim(&mut self, runs: &mut Runs) -> bool {
        let loose = self.fits_smaller(TRIM_SLACK);
        if loose {
            self.shrink(runs);
        }
        loose
    }

    /// Whether the entries would fit the next smaller size with a place of so many to spare.
    #[inline]
    fn fits_smaller(&self, slack: usize) -> bool {
        let fewer = full(smaller(self.buckets.len()));
        self.len() + fewer / slack < fewer
    }

    /// Takes the smallest size that leaves a place to spare.
    #[cold]
    fn shrink(&mut self, runs: &mut Runs) {
        self.rebuild(buckets_for(self.len() + self.len() / TRIM_SLACK), runs);
    }

    /// Frees a place. If that ends a run of full buckets, an entry that overflowed from the run
    /// moves up, and then its own place is filled likewise.
    fn vacate(&mut self, mut bucket: usize, mut place: usize) {
        loop {
            let was_full = self.buckets[bucket].is_full();
            self.buckets[bucket].remove(place);
            if !was_full {
                return;
            }
            let Some(next) = self.overflowed(bucket) else { return };
            let entry = self.buckets[next.0].get(next.1).expect("was just seen");
            self.buckets[bucket].push(entry);
            (bucket, place) = next;
        }
    }

    /// An entry behind `hole` whose home is no later than `hole`, before the run of full buckets
    /// ends.
    fn overflowed(&self, hole: usize) -> Option<(usize, usize)> {
        let mut at = self.after(hole);
        let mut distance = 1;
        while at != hole {
            let bucket = &self.buckets[at];
            let place = bucket.iter().position(|entry| {
                let home = self.home(entry.fragment());
                let displaced = if home <= at { at - home } else { at + self.buckets.len() - home };
                displaced >= distance
            });
            if let Some(place) = place {
                return Some((at, place));
            }
            if !bucket.is_full() {
                return None;
            }
            at = self.after(at);
            distance += 1;
        }
        None
    }

    /// All entries, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        self.buckets.iter().flat_map(Bucket::iter)
    }

    fn rebuild(&mut self, buckets: usize, runs: &mut Runs) {
        let rebuilt = Self::of(self.iter(), buckets, runs);
        core::mem::replace(self, rebuilt).give_back(runs);
    }

    /// A table of so many buckets with these entries. How full each bucket is, is counted beside
    /// them: looking for that would be most of the work.
    fn of(entries: impl Iterator<Item = Entry>, buckets: usize, runs: &mut Runs) -> Self {
        let mut table = Self { buckets: runs.take(buckets) };
        let lens = &mut runs.lens;
        lens.clear();
        lens.resize(buckets, 0);
        entries.for_each(|entry| {
            let mut at = table.home(entry.fragment());
            while usize::from(lens[at]) == BUCKET_PLACES {
                at = table.after(at);
            }
            table.buckets[at].set(usize::from(lens[at]), entry);
            lens[at] += 1;
            table.buckets.taken += 1;
        });
        table
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::limits::FRAGMENT_BITS;

    /// Spreads `i` over the fragment's bits.
    fn entry(i: u64) -> Entry {
        Entry::new(Address(i), (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 36) as u32)
    }

    fn runs() -> Runs {
        Runs::reserve(16 << 20).expect("reserves")
    }

    fn fill(table: &mut Table, numbers: core::ops::Range<u64>, runs: &mut Runs) {
        for i in numbers {
            assert_ne!(table.make_room(false, runs), Room::Full);
            table.insert(entry(i));
        }
    }

    #[test]
    fn sizes_are_those_of_runs() {
        let runs = &mut runs();
        let sizes = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80];
        let mut expected = sizes.iter().chain(&[96, 112, 128, 160]).copied();
        let mut size = 0;
        for _ in 0..25 {
            let next = block(size + 1);
            assert_eq!((Some(next), smaller(next)), (expected.next(), size));
            size = next;
        }
        for len in 1..=full(TABLE_BUCKETS_MAX) {
            let buckets = Table::with_room_for(len, runs).buckets.len();
            assert!(full(buckets) >= len && full(smaller(buckets)) < len, "{len}: {buckets}");
        }
    }

    #[test]
    fn a_table_grows_to_its_maximum_and_then_asks_to_be_split() {
        let runs = &mut runs();
        let mut table = Table::new();
        assert_eq!((table.bytes(), table.places(), table.find(1, |_| true)), (0, 0, None));
        fill(&mut table, 0..928, runs);
        assert_eq!((table.places(), table.make_room(false, runs)), (1024, Room::Full));
        for i in 0..928 {
            assert_eq!(table.find(entry(i).fragment(), |at| at.0 == i), Some(Address(i)));
        }
        assert_eq!(table.find(entry(5).fragment(), |at| at.0 == 6), None);
        assert_eq!(table.make_room(true, runs), Room::Rebuilt);
        assert_eq!((table.places(), table.iter().count()), (160 * 8, 928));
    }

    #[test]
    fn churn_leaves_no_trace() {
        let runs = &mut runs();
        let mut table = Table::new();
        fill(&mut table, 0..700, runs);
        let places = table.places();
        for i in 700..200_000 {
            assert_eq!(table.remove(entry(i - 700), runs), Some(Removed::Plain));
            fill(&mut table, i..i + 1, runs);
            assert_eq!((table.len(), table.places()), (700, places));
        }
        let mut fresh = Table { buckets: runs.take(places / BUCKET_PLACES) };
        fill(&mut fresh, 199_300..200_000, runs);
        let behind = |table: &Table| lines(table) - table.len();
        assert!(behind(&table) <= behind(&fresh) * 11 / 10, "{} lines", behind(&table));
    }

    /// Lines that finding every entry once reads.
    fn lines(table: &Table) -> usize {
        let distance = |(place, entry): (usize, Entry)| {
            let (at, home) = (place / BUCKET_PLACES, table.home(entry.fragment()));
            1 + (at + table.buckets.len() - home) % table.buckets.len()
        };
        let places = (0..table.places()).filter_map(|place| Some((place, table.get(place)?)));
        places.map(distance).sum()
    }

    #[test]
    fn a_hit_reads_little_more_than_a_line() {
        let runs = &mut runs();
        let mut rng = SmallRng::seed_from_u64(1);
        for (load_percent, lines_percent) in [(70, 108), (80, 120), (90, 155)] {
            let (mut read, mut entries) = (0, 0);
            for _ in 0..200 {
                let mut table = Table { buckets: runs.take(40) };
                for i in 0..320 * load_percent / 100 {
                    let fragment = rng.random_range(0..1 << FRAGMENT_BITS);
                    table.insert(Entry::new(Address(i as u64), fragment));
                }
                (read, entries) = (read + lines(&table), entries + table.len());
            }
            println!("load {load_percent} %: {:.3} lines a hit", read as f64 / entries as f64);
            assert!(read * 100 < entries * lines_percent, "{read} lines, {entries} entries");
        }
    }

    #[test]
    fn a_table_shrinks_and_is_given_back_when_empty() {
        let runs = &mut runs();
        let mut table = Table::new();
        fill(&mut table, 0..700, runs);
        for i in 0..700 {
            assert!(table.remove(entry(i), runs).is_some());
            let fewer = full(smaller(table.places() / BUCKET_PLACES));
            assert!(table.len() + fewer / SHRINK_SLACK >= fewer, "{i}");
        }
        assert_eq!((table.places(), table.bytes()), (0, 0));
        assert_eq!(table.remove(entry(1), runs), None);
    }

    #[test]
    fn an_entry_can_point_elsewhere() {
        let runs = &mut runs();
        let mut table = Table::new();
        fill(&mut table, 0..10, runs);
        let moved = Entry::new(Address(99), entry(3).fragment());
        assert!(table.replace(entry(3), moved));
        assert!(!table.replace(entry(3), moved));
        assert_eq!(table.find(moved.fragment(), |at| at.0 == 99), Some(Address(99)));
    }

    /// Asserts that a search meets every entry, and no bucket has gaps.
    fn check(table: &Table, model: &BTreeSet<(u32, u64)>) {
        let held = table.iter().map(|entry| (entry.fragment(), entry.address().0));
        assert!(held.collect::<BTreeSet<_>>() == *model && table.len() == model.len());
        assert!(table.len() <= full(table.buckets.len()));
        for (place, entry) in (0..table.places()).filter_map(|at| Some((at, table.get(at)?))) {
            let mut at = table.home(entry.fragment());
            while at != place / BUCKET_PLACES {
                assert!(table.buckets[at].is_full(), "{entry:?} is out of reach");
                at = table.after(at);
            }
            assert!(place % BUCKET_PLACES == 0 || table.get(place - 1).is_some(), "a gap");
        }
    }

    /// Random changes around `wanted` entries, with fragments from `draw`, against a set.
    fn agrees(seed: u64, wanted: usize, draw: impl Fn(&mut SmallRng) -> u32) {
        println!("seed {seed}, {wanted} entries");
        let runs = &mut runs();
        let (mut rng, mut table) = (SmallRng::seed_from_u64(seed), Table::new());
        let (mut model, mut order) = (BTreeSet::new(), Vec::new());
        for number in 0..6000 {
            let grows = rng.random_range(0..2 * wanted) >= model.len();
            if grows && table.make_room(false, runs) != Room::Full {
                let fragment = draw(&mut rng);
                table.insert(Entry::new(Address(number), fragment));
                model.insert((fragment, number));
                order.push((fragment, number));
            } else if !order.is_empty() {
                let place = rng.random_range(0..order.len());
                let (fragment, old) = order[place];
                let (gone, moved) = (Entry::new(Address(old), fragment), Address(old + (1 << 30)));
                assert_eq!(table.find(fragment, |at| at.0 == old), Some(Address(old)));
                assert_eq!(table.find(fragment, |at| at == moved), None);
                model.remove(&(fragment, old));
                if rng.random_bool(0.2) {
                    assert!(table.replace(gone, Entry::new(moved, fragment)));
                    model.insert((fragment, moved.0));
                    order[place].1 = moved.0;
                } else {
                    assert!(
                        table.remove(gone, runs).is_some() && table.remove(gone, runs).is_none()
                    );
                    order.swap_remove(place);
                }
            }
            if number % 16 == 0 {
                check(&table, &model);
            }
        }
    }

    #[test]
    fn it_agrees_with_a_set_whatever_the_fragments() {
        let any = |rng: &mut SmallRng| rng.random_range(0..1 << FRAGMENT_BITS);
        for (seed, wanted) in [3, 7, 14, 29, 57, 200, 460, 920].into_iter().enumerate() {
            let seed = seed as u64;
            agrees(seed, wanted, any);
            agrees(seed + 100, wanted, |rng| 0x0abc_0000 | (any(rng) & 0xffff));
            agrees(seed + 200, wanted, |rng| (any(rng) & 0x1f) << 9);
            agrees(seed + 300, wanted, |rng| [0, FRAGMENT_MASK, 5][rng.random_range(0..3)]);
            // Homes in the last tenth of the table, so that runs go around its end.
            agrees(seed + 400, wanted, |rng| {
                loop {
                    let fragment = any(rng);
                    let mixed = (fragment >> HOME_IGNORES_BITS).wrapping_mul(0x9e37_79b1);
                    if mixed > u32::MAX / 10 * 9 {
                        break fragment;
                    }
                }
            });
        }
    }
}
