//! Nodes: one slot's tables as a tree over the top bits of the fragment.
//!
//! A slot starts as one table. A table that is full at its largest becomes a branch of sixteen,
//! by the next four bits of the fragment, so the leaves hold ascending ranges of fragments.
//! Invariant: no leaf is larger than `TABLE_BUCKETS_MAX` while fragments have bits left, and
//! fragments that agree in all bits but the lowest `HOME_IGNORES_BITS` lie in one leaf. Cost: a
//! lookup follows one pointer for each four bits; a split moves one table's entries.

use std::io;

use crate::bucket::BUCKET_PLACES;
use crate::limits::{
    BRANCH_FANOUT, FRAGMENT_BITS, INDEX_GROWTH_BYTES_MAX, SMALL_GROWTH_BYTES_MAX,
    SMALL_TABLE_BUCKETS_MAX,
};
use crate::runs::Runs;
use crate::stats::Work;
use crate::table::{Address, Entry, HOME_IGNORES_BITS, Removed, Room, Table};

/// Bits of the fragment that one branch decides.
const BRANCH_BITS: u32 = BRANCH_FANOUT.trailing_zeros();
/// Sixteen sibling tables with this few entries become one again.
const MERGE_ENTRIES_MAX: usize = 384;

/// What the index stands on, what it weighs, and the most one change of it did.
#[derive(Debug)]
pub(crate) struct Footprint {
    /// The memory of its tables.
    pub(crate) runs: Runs,
    /// Bytes allocated beside tables.
    pub(crate) fixed_bytes: usize,
    /// The most bytes that one change of it, and of the wheel, can add.
    pub(crate) growth_max: u64,
    /// The largest single change of its shape.
    pub(crate) longest: Work,
    /// Removals from tables that were loose then, since the last pass of trimming began.
    pub(crate) loosened: u64,
}

impl Footprint {
    /// Nothing yet, with addresses for tables of `bytes_max` bytes together.
    pub(crate) fn reserve(bytes_max: u64) -> io::Result<Self> {
        let runs = Runs::reserve(bytes_max)?;
        Ok(Self {
            runs,
            fixed_bytes: 0,
            growth_max: SMALL_GROWTH_BYTES_MAX,
            longest: Work::default(),
            loosened: 0,
        })
    }

    /// Bytes of the index.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.fixed_bytes + self.runs.bytes()
    }

    /// A table has become larger.
    fn grew(&mut self, table: &Table) {
        if table.places() > SMALL_TABLE_BUCKETS_MAX * BUCKET_PLACES {
            self.growth_max = INDEX_GROWTH_BYTES_MAX;
        }
    }

    fn rebuilt(&mut self, tables: usize, entries: usize) {
        self.longest.raise(Work { tables, entries, ..Work::default() });
    }
}

/// A table, or sixteen nodes by the next bits of the fragment.
#[derive(Debug)]
pub(crate) enum Node {
    /// All entries of this range of fragments.
    Table(Table),
    /// The range in sixteen equal parts.
    Branch(Box<[Node; BRANCH_FANOUT]>),
}

const _: () = assert!(size_of::<Node>() == 16, "a slot without items is small");

impl Node {
    /// A slot without items.
    #[inline]
    pub(crate) fn empty() -> Self {
        Self::Table(Table::new())
    }

    /// The leaf whose range holds `fragment`, and the first fragment beyond that range.
    #[inline]
    pub(crate) fn leaf(&self, fragment: u32) -> (&Table, u32) {
        let (mut node, mut shift) = (self, FRAGMENT_BITS);
        loop {
            match node {
                Self::Table(table) => return (table, ((fragment >> shift) + 1) << shift),
                Self::Branch(children) => {
                    shift -= BRANCH_BITS;
                    node = &children[part(fragment, shift)];
                }
            }
        }
    }

    /// The leaf whose range holds the entry's fragment, for changing the entry's address.
    #[inline]
    pub(crate) fn leaf_mut(&mut self, fragment: u32) -> &mut Table {
        let (mut node, mut shift) = (self, FRAGMENT_BITS);
        loop {
            match node {
                Self::Table(table) => return table,
                Self::Branch(children) => {
                    shift -= BRANCH_BITS;
                    node = &mut children[part(fragment, shift)];
                }
            }
        }
    }

    /// Adds an entry that is not there yet.
    pub(crate) fn insert(&mut self, entry: Entry, footprint: &mut Footprint) {
        let (mut node, mut shift) = (self, FRAGMENT_BITS);
        loop {
            if let Self::Table(table) = node {
                let unbounded = shift < BRANCH_BITS + HOME_IGNORES_BITS;
                match table.make_room(unbounded, &mut footprint.runs) {
                    Room::Ready => return table.insert(entry),
                    Room::Rebuilt => {
                        footprint.rebuilt(2, table.len());
                        footprint.grew(table);
                        return table.insert(entry);
                    }
                    Room::Full => node.split(shift - BRANCH_BITS, footprint),
                }
            }
            if let Self::Branch(children) = node {
                shift -= BRANCH_BITS;
                node = &mut children[part(entry.fragment(), shift)];
            } else {
                unreachable!("a full table was split");
            }
        }
    }

    #[cold]
    fn split(&mut self, shift: u32, footprint: &mut Footprint) {
        let Self::Table(table) = core::mem::replace(self, Self::empty()) else { return };
        let mut lens = [0_usize; BRANCH_FANOUT];
        for entry in table.iter() {
            lens[part(entry.fragment(), shift)] += 1;
        }
        let runs = &mut footprint.runs;
        let mut children = Box::new(lens.map(|len| Self::Table(Table::with_room_for(len, runs))));
        for entry in table.iter() {
            if let Self::Table(child) = &mut children[part(entry.fragment(), shift)] {
                child.insert(entry);
            }
        }
        footprint.rebuilt(BRANCH_FANOUT + 1, table.len());
        table.give_back(&mut footprint.runs);
        footprint.fixed_bytes += size_of_val(&*children);
        *self = Self::Branch(children);
    }

    /// Removes an entry. Returns whether it was there.
    pub(crate) fn remove(&mut self, entry: Entry, footprint: &mut Footprint) -> bool {
        match self.leaf_mut(entry.fragment()).remove(entry, &mut footprint.runs) {
            None => return false,
            Some(Removed::Plain) => {}
            Some(Removed::Loose) => footprint.loosened += 1,
            Some(Removed::Shrunk) => self.shrank(entry.fragment(), footprint),
        }
        true
    }

    /// Shrinks the leaf of `fragment` if it is loose. Returns whether it was.
    pub(crate) fn trim(&mut self, fragment: u32, footprint: &mut Footprint) -> bool {
        let loose = self.leaf_mut(fragment).trim(&mut footprint.runs);
        if loose {
            self.shrank(fragment, footprint);
        }
        loose
    }

    /// The leaf of `fragment` was rebuilt with fewer places.
    fn shrank(&mut self, fragment: u32, footprint: &mut Footprint) {
        footprint.rebuilt(2, self.leaf(fragment).0.len());
        self.merge_above(fragment, FRAGMENT_BITS, footprint);
    }

    /// A leaf became smaller: the branches above it become tables again, from the lowest on, as
    /// far as they have little in them. Returns whether this one did.
    fn merge_above(&mut self, fragment: u32, shift: u32, footprint: &mut Footprint) -> bool {
        let Self::Branch(children) = self else { return true };
        let shift = shift - BRANCH_BITS;
        children[part(fragment, shift)].merge_above(fragment, shift, footprint)
            && self.merge(footprint)
    }

    /// Makes a branch of nearly empty tables one table again. Returns whether it did.
    fn merge(&mut self, footprint: &mut Footprint) -> bool {
        let Self::Branch(children) = self else { return false };
        let mut len = 0;
        for child in children.iter() {
            let Self::Table(table) = child else { return false };
            len += table.len();
        }
        if len > MERGE_ENTRIES_MAX {
            return false;
        }
        let mut merged = Table::with_room_for(len, &mut footprint.runs);
        for child in children.iter() {
            if let Self::Table(table) = child {
                table.iter().for_each(|entry| merged.insert(entry));
            }
        }
        footprint.rebuilt(BRANCH_FANOUT + 1, len);
        self.give_back(footprint);
        *self = Self::Table(merged);
        true
    }

    /// Gives all tables' memory back and leaves a slot without items.
    pub(crate) fn give_back(&mut self, footprint: &mut Footprint) {
        match core::mem::replace(self, Self::empty()) {
            Self::Table(table) => table.give_back(&mut footprint.runs),
            Self::Branch(mut children) => {
                children.iter_mut().for_each(|child| child.give_back(footprint));
                footprint.fixed_bytes -= size_of_val(&*children);
            }
        }
    }

    /// Any address that has `fragment` and satisfies `is_it`.
    #[inline(always)]
    pub(crate) fn find(
        &self,
        fragment: u32,
        is_it: impl FnMut(Address) -> bool,
    ) -> Option<Address> {
        self.leaf(fragment).0.find(fragment, is_it)
    }
}

#[inline]
fn part(fragment: u32, shift: u32) -> usize {
    (fragment >> shift) as usize & (BRANCH_FANOUT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::TABLE_BUCKETS_MAX;

    const TABLE_PLACES_MAX: usize = 8 * TABLE_BUCKETS_MAX;

    fn entry(i: u64) -> Entry {
        Entry::new(Address(i), (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 36) as u32)
    }

    fn footprint() -> Footprint {
        Footprint::reserve(64 << 20).expect("reserves")
    }

    fn weigh(node: &Node) -> usize {
        match node {
            Node::Table(table) => {
                assert!(table.places() <= TABLE_PLACES_MAX);
                table.bytes()
            }
            Node::Branch(children) => {
                size_of_val(&**children) + children.iter().map(weigh).sum::<usize>()
            }
        }
    }

    #[test]
    fn a_slot_grows_by_splits_and_shrinks_back_to_nothing() {
        let (mut node, mut footprint) = (Node::empty(), footprint());
        let count = 200_000;
        for i in 0..count {
            node.insert(entry(i), &mut footprint);
        }
        let weight = footprint.fixed_bytes + footprint.runs.lent_bytes();
        assert_eq!(weight, weigh(&node));
        assert!(weight < 12 * count as usize, "{weight}");
        assert!(footprint.longest.entries <= TABLE_PLACES_MAX);
        for i in 0..count {
            assert_eq!(node.find(entry(i).fragment(), |at| at.0 == i), Some(Address(i)));
        }
        for i in 0..count {
            assert!(node.remove(entry(i), &mut footprint));
        }
        assert!(!node.remove(entry(3), &mut footprint));
        let left = footprint.fixed_bytes + footprint.runs.lent_bytes();
        assert_eq!((left, weigh(&node)), (0, 0));
    }

    #[test]
    fn leaves_follow_each_other_in_order_of_fragments() {
        let (mut node, mut footprint) = (Node::empty(), footprint());
        (0..5000).for_each(|i| node.insert(entry(i), &mut footprint));
        let (mut from, mut seen) = (0, 0);
        while from < 1 << FRAGMENT_BITS {
            let (table, end) = node.leaf(from);
            assert!(table.iter().all(|entry| (from..end).contains(&entry.fragment())));
            seen += table.len();
            from = end;
        }
        assert_eq!(seen, 5000);
    }
}
