//! Tables: the leaves of the index.
//!
//! An entry is eight bytes: where the item lies and a piece of its hash.
//!
//! ```text
//!  63                                28 27                          0
//! ┌────────────────────────────────────┬─────────────────────────────┐
//! │ address                         36 │ fragment of the hash     28 │
//! └────────────────────────────────────┴─────────────────────────────┘
//! ```
//!
//! Invariant: a table never grows while less than three quarters of it live (tombstones make it
//! be rebuilt at its own size) and never beyond `TABLE_BUCKETS_MAX`; it shrinks below three
//! eighths, where half the buckets are at most three quarters full (shrinking below a quarter
//! left 24.2 bytes an item after ten turnovers of 200,000 keys, this leaves 20.8). Cost: a
//! rebuild moves at most one table and touches no item, since the fragment is hash enough.

use hashbrown::HashTable;

use crate::limits::{FRAGMENT_BITS, TABLE_BUCKETS_MAX};

/// Where a record lies, in 2-byte units of the engine's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address(pub(crate) u64);

/// An address with the fragment of its key's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry(u64);

impl Entry {
    #[inline]
    pub(crate) fn new(address: Address, fragment: u32) -> Self {
        debug_assert!(address.0 >> (64 - FRAGMENT_BITS) == 0 && fragment >> FRAGMENT_BITS == 0);
        Self((address.0 << FRAGMENT_BITS) | u64::from(fragment))
    }

    #[inline]
    pub(crate) fn address(self) -> Address {
        Address(self.0 >> FRAGMENT_BITS)
    }

    #[inline]
    pub(crate) fn fragment(self) -> u32 {
        (self.0 & ((1 << FRAGMENT_BITS) - 1)) as u32
    }
}

/// The hash a table works with: the position from the low ten bits, which the largest table
/// needs, the tag that hashbrown takes from the top from the next seven.
#[inline]
fn table_hash(fragment: u32) -> u64 {
    let (position, tag) = (fragment & 0x3ff, (fragment >> 10) & 0x7f);
    u64::from(position) | (u64::from(tag) << 57)
}

/// Entries that `buckets` buckets hold when they are full.
fn full_capacity(buckets: usize) -> usize {
    if buckets < 8 { buckets - 1 } else { buckets / 8 * 7 }
}

/// A small hash table of entries.
#[derive(Debug)]
pub(crate) struct Table {
    entries: HashTable<Entry>,
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

impl Table {
    pub(crate) const fn new() -> Self {
        Self { entries: HashTable::new() }
    }

    /// An empty table that `len` entries need not outgrow.
    pub(crate) fn with_room_for(len: usize) -> Self {
        if len == 0 {
            return Self::new();
        }
        let buckets = (len * 8).div_ceil(7).next_power_of_two().max(4);
        let buckets = if full_capacity(buckets) < len { buckets * 2 } else { buckets };
        Self { entries: HashTable::with_capacity(full_capacity(buckets)) }
    }

    /// Bytes allocated.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.entries.allocation_size()
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Buckets allocated; zero for a table that never had an entry.
    pub(crate) fn buckets(&self) -> usize {
        if self.entries.capacity() == 0 { 0 } else { self.entries.num_buckets() }
    }

    /// The entry in a bucket, if there is one.
    pub(crate) fn bucket(&self, index: usize) -> Option<Entry> {
        self.entries.get_bucket(index).copied()
    }

    /// The address that has `fragment` and satisfies `is_it`.
    #[inline]
    pub(crate) fn find(
        &self,
        fragment: u32,
        mut is_it: impl FnMut(Address) -> bool,
    ) -> Option<Address> {
        let matches = |entry: &Entry| entry.fragment() == fragment && is_it(entry.address());
        self.entries.find(table_hash(fragment), matches).map(|entry| entry.address())
    }

    /// Loads the line of control bytes that a search for `fragment` starts in. Nothing depends on
    /// what it says, so the loads of many keys are under way at once.
    #[inline]
    pub(crate) fn touch(&self, fragment: u32) {
        let position = table_hash(fragment) as usize & (self.entries.num_buckets() - 1);
        core::hint::black_box(self.entries.get_bucket(position).is_some());
    }

    /// Makes room for one more entry; `unbounded` lets a table outgrow its maximum.
    #[inline]
    pub(crate) fn make_room(&mut self, unbounded: bool) -> Room {
        if self.entries.len() < self.entries.capacity() {
            return Room::Ready;
        }
        self.make_room_slowly(unbounded)
    }

    #[cold]
    fn make_room_slowly(&mut self, unbounded: bool) -> Room {
        let (len, buckets) = (self.entries.len(), self.buckets());
        let wanted = match buckets {
            0 => 4,
            _ if len == full_capacity(buckets) || len * 4 > buckets * 3 => buckets * 2,
            _ => buckets,
        };
        if wanted > TABLE_BUCKETS_MAX && !unbounded {
            return Room::Full;
        }
        self.rebuild(wanted);
        Room::Rebuilt
    }

    /// Adds an entry that is not there yet, into room that `make_room` made.
    #[inline]
    pub(crate) fn insert(&mut self, entry: Entry) {
        debug_assert!(self.entries.len() < self.entries.capacity());
        let hash = |entry: &Entry| table_hash(entry.fragment());
        self.entries.insert_unique(table_hash(entry.fragment()), entry, hash);
    }

    /// Lets an entry point elsewhere. Returns whether it was there.
    #[inline]
    pub(crate) fn replace(&mut self, old: Entry, new: Entry) -> bool {
        debug_assert_eq!(old.fragment(), new.fragment());
        let found = self.entries.find_mut(table_hash(old.fragment()), |entry| *entry == old);
        found.map(|entry| *entry = new).is_some()
    }

    /// Removes an entry. Returns whether it was there, and whether the table was rebuilt.
    pub(crate) fn remove(&mut self, entry: Entry) -> (bool, bool) {
        let found = self.entries.find_entry(table_hash(entry.fragment()), |it| *it == entry);
        let Ok(found) = found else { return (false, false) };
        found.remove();
        let (len, buckets) = (self.entries.len(), self.buckets());
        if len == 0 {
            *self = Self::new();
            return (true, true);
        }
        if len * 8 < buckets * 3 && buckets > 4 {
            self.rebuild(buckets / 2);
            return (true, true);
        }
        (true, false)
    }

    /// All entries, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        self.entries.iter().copied()
    }

    fn rebuild(&mut self, buckets: usize) {
        let mut entries = HashTable::with_capacity(full_capacity(buckets));
        debug_assert_eq!(entries.num_buckets(), buckets);
        let hash = |entry: &Entry| table_hash(entry.fragment());
        for entry in &self.entries {
            entries.insert_unique(table_hash(entry.fragment()), *entry, hash);
        }
        self.entries = entries;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spreads `i` over the fragment's bits.
    fn entry(i: u64) -> Entry {
        Entry::new(Address(i), (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 36) as u32)
    }

    fn fill(table: &mut Table, numbers: core::ops::Range<u64>) {
        for i in numbers {
            assert_ne!(table.make_room(false), Room::Full);
            table.insert(entry(i));
        }
    }

    #[test]
    fn an_entry_keeps_address_and_fragment() {
        let entry = Entry::new(Address((1 << 36) - 1), (1 << 28) - 1);
        assert_eq!((entry.address().0, entry.fragment()), ((1 << 36) - 1, (1 << 28) - 1));
    }

    #[test]
    fn a_table_grows_to_its_maximum_and_then_asks_to_be_split() {
        let mut table = Table::new();
        assert_eq!(table.bytes(), 0);
        fill(&mut table, 0..896);
        assert_eq!((table.buckets(), table.make_room(false)), (1024, Room::Full));
        for i in 0..896 {
            assert_eq!(table.find(entry(i).fragment(), |at| at.0 == i), Some(Address(i)));
        }
        assert_eq!(table.find(entry(5).fragment(), |at| at.0 == 6), None);
    }

    #[test]
    fn tombstones_never_double_a_table() {
        let mut table = Table::new();
        fill(&mut table, 0..700);
        let buckets = table.buckets();
        for i in 700..200_000 {
            assert_eq!(table.remove(entry(i - 700)), (true, false));
            fill(&mut table, i..i + 1);
            assert_eq!((table.len(), table.buckets()), (700, buckets));
        }
    }

    #[test]
    fn a_table_shrinks_and_is_given_back_when_empty() {
        let mut table = Table::new();
        fill(&mut table, 0..700);
        for i in 0..700 {
            assert!(table.remove(entry(i)).0);
            assert!(table.len() * 8 >= table.buckets() * 3 || table.buckets() <= 4, "{i}");
        }
        assert_eq!((table.buckets(), table.bytes()), (0, 0));
        assert_eq!(table.remove(entry(1)), (false, false));
    }

    #[test]
    fn an_entry_can_point_elsewhere() {
        let mut table = Table::new();
        fill(&mut table, 0..10);
        let moved = Entry::new(Address(99), entry(3).fragment());
        assert!(table.replace(entry(3), moved));
        assert!(!table.replace(entry(3), moved));
        assert_eq!(table.find(moved.fragment(), |at| at.0 == 99), Some(Address(99)));
    }
}
