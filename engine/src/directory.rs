//! Directories: one database's slots.
//!
//! Slots lie in pages of 64, made when the first of them gets an item and given back with the
//! last, so an empty directory costs a few KiB. Invariant: a slot's bit is set exactly while it
//! has items, and the counts of slots, pages and directory agree. Cost: one pointer more than an
//! array; a weighted random slot costs 320 additions.

use rand::Rng;
use rand::rngs::SmallRng;

use crate::limits::{FRAGMENT_BITS, SAMPLE_DRAWS_MAX, SLOT_COUNT};
use crate::node::{Footprint, Node};
use crate::runs::Runs;
use crate::table::{Address, Entry};

/// Slots of a page, one word of the bitmap.
const PAGE_SLOTS: usize = 64;
const PAGES: usize = SLOT_COUNT / PAGE_SLOTS;

#[derive(Debug)]
struct Page {
    nodes: [Node; PAGE_SLOTS],
    lens: [u32; PAGE_SLOTS],
    /// Items with a deadline.
    deadlines: [u32; PAGE_SLOTS],
}

/// One database's index.
#[derive(Debug)]
pub(crate) struct Directory {
    pages: [Option<Box<Page>>; PAGES],
    /// Which slots have items.
    filled: [u64; PAGES],
    page_lens: [u64; PAGES],
    len: u64,
    deadlines: u64,
}

impl Directory {
    /// An empty directory.
    pub(crate) fn new(footprint: &mut Footprint) -> Box<Self> {
        footprint.fixed_bytes += size_of::<Self>();
        let pages = [const { None }; PAGES];
        let (filled, page_lens) = ([0; PAGES], [0; PAGES]);
        Box::new(Self { pages, filled, page_lens, len: 0, deadlines: 0 })
    }

    /// Number of items.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Number of items of a slot.
    pub(crate) fn slot_len(&self, slot: u16) -> u64 {
        let (page, place) = split(slot);
        self.pages[page].as_ref().map_or(0, |page| u64::from(page.lens[place]))
    }

    /// Number of items with a deadline.
    pub(crate) fn deadlines(&self) -> u64 {
        self.deadlines
    }

    /// Counts that an item of `slot` got a deadline, or lost one.
    pub(crate) fn count_deadline(&mut self, slot: u16, has: bool) {
        let (page, place) = split(slot);
        let page = self.pages[page].as_mut().expect("a slot with items has a page");
        if has {
            page.deadlines[place] += 1;
            self.deadlines += 1;
        } else {
            page.deadlines[place] -= 1;
            self.deadlines -= 1;
        }
    }

    /// The tables of a slot.
    #[inline]
    pub(crate) fn node(&self, slot: u16) -> Option<&Node> {
        let (page, place) = split(slot);
        self.pages[page].as_ref().map(|page| &page.nodes[place])
    }

    /// Adds an entry that is not there yet.
    pub(crate) fn insert(&mut self, slot: u16, entry: Entry, footprint: &mut Footprint) {
        let (number, place) = split(slot);
        let page = self.pages[number].get_or_insert_with(|| {
            footprint.fixed_bytes += size_of::<Page>();
            let nodes = core::array::from_fn(|_| Node::empty());
            Box::new(Page { nodes, lens: [0; PAGE_SLOTS], deadlines: [0; PAGE_SLOTS] })
        });
        page.nodes[place].insert(entry, footprint);
        page.lens[place] += 1;
        self.page_lens[number] += 1;
        self.len += 1;
        self.filled[number] |= 1 << place;
    }

    /// Lets an entry point to `new`. Returns whether it was there.
    #[inline]
    pub(crate) fn replace(&mut self, slot: u16, entry: Entry, new: Address) -> bool {
        let (number, place) = split(slot);
        let Some(page) = &mut self.pages[number] else { return false };
        let leaf = page.nodes[place].leaf_mut(entry.fragment());
        leaf.replace(entry, Entry::new(new, entry.fragment()))
    }

    /// Moves a table into a hole among tables of its size. Returns the bytes moved.
    pub(crate) fn fill_hole(&mut self, slot: u16, fragment: u32, runs: &mut Runs) -> usize {
        let (number, place) = split(slot);
        let page = self.pages[number].as_mut();
        page.map_or(0, |page| page.nodes[place].leaf_mut(fragment).fill_hole(runs))
    }

    /// Shrinks the table of `fragment` if it is loose. Returns the first fragment beyond those of
    /// that table, and whether it was.
    pub(crate) fn trim(
        &mut self,
        slot: u16,
        fragment: u32,
        footprint: &mut Footprint,
    ) -> (u32, bool) {
        let (number, place) = split(slot);
        let page = self.pages[number].as_mut().expect("a slot with items has a page");
        let node = &mut page.nodes[place];
        (node.leaf(fragment).1, node.trim(fragment, footprint))
    }

    /// Removes an entry. Returns whether it was there.
    pub(crate) fn remove(&mut self, slot: u16, entry: Entry, footprint: &mut Footprint) -> bool {
        let (number, place) = split(slot);
        let Some(page) = &mut self.pages[number] else { return false };
        if !page.nodes[place].remove(entry, footprint) {
            return false;
        }
        page.lens[place] -= 1;
        let emptied = page.lens[place] == 0;
        self.page_lens[number] -= 1;
        self.len -= 1;
        if emptied {
            self.empty_slot(number, place, footprint);
        }
        true
    }

    fn empty_slot(&mut self, number: usize, place: usize, footprint: &mut Footprint) {
        self.filled[number] &= !(1 << place);
        if self.filled[number] == 0 {
            self.pages[number] = None;
            footprint.fixed_bytes -= size_of::<Page>();
        }
    }

    /// Takes a slot's tables out, whole; their bytes stay in the footprint.
    pub(crate) fn take_slot(&mut self, slot: u16, footprint: &mut Footprint) -> Option<Node> {
        let (number, place) = split(slot);
        let page = self.pages[number].as_mut()?;
        let len = u64::from(core::mem::take(&mut page.lens[place]));
        self.deadlines -= u64::from(core::mem::take(&mut page.deadlines[place]));
        let node = core::mem::replace(&mut page.nodes[place], Node::empty());
        self.page_lens[number] -= len;
        self.len -= len;
        self.empty_slot(number, place, footprint);
        (len > 0).then_some(node)
    }

    /// The first slot from `slot` on that has items.
    pub(crate) fn next_filled(&self, slot: usize) -> Option<u16> {
        let mut number = slot / PAGE_SLOTS;
        let mut word = *self.filled.get(number)? & (u64::MAX << (slot % PAGE_SLOTS));
        while word == 0 {
            number += 1;
            word = *self.filled.get(number)?;
        }
        Some((number * PAGE_SLOTS) as u16 + word.trailing_zeros() as u16)
    }

    /// The slot of the `nth` item, counted slot by slot.
    fn slot_of(&self, mut nth: u64) -> u16 {
        let mut number = 0;
        while nth >= self.page_lens[number] {
            nth -= self.page_lens[number];
            number += 1;
        }
        let page = self.pages[number].as_ref().expect("a page with items exists");
        let mut place = 0;
        while nth >= u64::from(page.lens[place]) {
            nth -= u64::from(page.lens[place]);
            place += 1;
        }
        (number * PAGE_SLOTS + place) as u16
    }

    /// The slot of the `nth` item with a deadline, counted slot by slot.
    pub(crate) fn slot_of_dated(&self, mut nth: u64) -> u16 {
        for (number, page) in self.pages.iter().enumerate() {
            let Some(page) = page else { continue };
            for (place, dated) in page.deadlines.iter().enumerate() {
                if nth < u64::from(*dated) {
                    return (number * PAGE_SLOTS + place) as u16;
                }
                nth -= u64::from(*dated);
            }
        }
        unreachable!("fewer items have a deadline than were counted")
    }

    /// Visits up to `count` entries of neighbouring slots, from one that is chosen by weight at
    /// random.
    pub(crate) fn sample(
        &self,
        rng: &mut SmallRng,
        count: usize,
        mut visit: impl FnMut(u16, Entry),
    ) {
        if self.len == 0 {
            return;
        }
        let (mut left, mut slot) = (count, self.slot_of(rng.random_range(0..self.len)));
        for _ in 0..count {
            self.sample_slot(rng, slot, left, |entry| {
                visit(slot, entry);
                left -= 1;
            });
            let next = self.next_filled(usize::from(slot) + 1).or_else(|| self.next_filled(0));
            let Some(next) = next.filter(|_| left > 0) else { break };
            slot = next;
        }
    }

    /// Visits up to `count` neighbouring entries of one of a slot's tables.
    pub(crate) fn sample_slot(
        &self,
        rng: &mut SmallRng,
        slot: u16,
        count: usize,
        visit: impl FnMut(Entry),
    ) {
        let Some(node) = self.node(slot) else { return };
        let (table, _) = node.leaf(rng.random_range(0..1 << FRAGMENT_BITS));
        let all = table.spread();
        if all == 0 {
            return;
        }
        // Entries stand at the front of their buckets: whoever went on from any free place would
        // meet the first of a bucket most often.
        let mut draw = || rng.random_range(0..all);
        let taken = (0..SAMPLE_DRAWS_MAX).map(|_| draw()).find(|place| table.get(*place).is_some());
        let start = taken.unwrap_or_else(draw);
        let entries = (start..all).chain(0..start).filter_map(|place| table.get(place));
        entries.take(count).for_each(visit);
    }

    /// Takes the tables of the first filled page out, up to 64 of them.
    pub(crate) fn take_page(&mut self, footprint: &mut Footprint) -> Option<Vec<Node>> {
        let number = self.filled.iter().position(|word| *word != 0)?;
        let page = self.pages[number].take()?;
        footprint.fixed_bytes -= size_of::<Page>();
        self.filled[number] = 0;
        self.len -= core::mem::take(&mut self.page_lens[number]);
        Some(page.nodes.into_iter().collect())
    }
}

/// The page of a slot and its place there. Slots were checked when their keys were made.
#[inline]
fn split(slot: u16) -> (usize, usize) {
    debug_assert!((slot as usize) < SLOT_COUNT);
    (slot as usize / PAGE_SLOTS % PAGES, slot as usize % PAGE_SLOTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn entry(i: u64) -> Entry {
        Entry::new(Address(i), (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 36) as u32)
    }

    #[test]
    fn counts_bits_and_bytes_follow_the_items() {
        let mut footprint = Footprint::reserve(16 << 20).expect("reserves");
        let mut directory = Directory::new(&mut footprint);
        let empty = footprint.fixed_bytes;
        assert!(empty <= 16 << 10, "{empty}");
        let slots = [0_u16, 63, 64, 9000, 16383];
        for i in 0..500 {
            directory.insert(slots[i % 5], entry(i as u64), &mut footprint);
        }
        assert_eq!((directory.len(), directory.slot_len(64)), (500, 100));
        let mut filled = Vec::new();
        let mut from = 0;
        while let Some(slot) = directory.next_filled(from) {
            filled.push(slot);
            from = slot as usize + 1;
        }
        assert_eq!(filled, slots);
        for i in 0..500 {
            assert!(directory.remove(slots[i % 5], entry(i as u64), &mut footprint));
        }
        assert_eq!((directory.len(), directory.next_filled(0)), (0, None));
        assert_eq!(footprint.fixed_bytes, empty);
    }

    #[test]
    fn sampling_weighs_slots_by_their_items() {
        let mut footprint = Footprint::reserve(16 << 20).expect("reserves");
        let mut directory = Directory::new(&mut footprint);
        (0..9000).for_each(|i| directory.insert(7, entry(i), &mut footprint));
        (0..1000).for_each(|i| directory.insert(i as u16 * 16, entry(i), &mut footprint));
        let (mut rng, mut heavy) = (SmallRng::seed_from_u64(1), 0);
        for _ in 0..2000 {
            directory.sample(&mut rng, 1, |slot, _| heavy += u32::from(slot == 7));
        }
        assert!((1700..1900).contains(&heavy), "{heavy}");
    }
}
