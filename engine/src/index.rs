//! The index: sixteen directories, and those that were retired.
//!
//! Flushing a database or dropping a slot takes its tables out at once; `drain` then walks them in
//! bounded steps. Invariant: `footprint` is what directories, pages and tables weigh,
//! retired ones included, and `items` counts those that are not retired. Cost: one pointer to
//! the directory before the slot's own.

use std::collections::VecDeque;
use std::io;

use rand::Rng;
use rand::rngs::SmallRng;

use crate::directory::Directory;
use crate::key::Place;
use crate::limits::{DATABASES_MAX, STEP_ITEMS_MAX, STEP_TABLES_MAX};
use crate::node::{Footprint, Node};
use crate::stats::Work;
use crate::table::{Address, Entry, Table};
use crate::trimming::Trimming;

/// Tables on their way out.
#[derive(Debug)]
struct Retired {
    directory: Option<Box<Directory>>,
    nodes: Vec<Node>,
    /// The table being walked and its next place.
    table: Option<(Table, usize)>,
    /// The newest segment there was; records of later ones are not meant by these tables.
    segment_serial: u64,
}

/// All databases of one engine.
#[derive(Debug)]
pub(crate) struct Index {
    dbs: [Option<Box<Directory>>; DATABASES_MAX],
    items: u64,
    pub(crate) footprint: Footprint,
    trimming: Trimming,
    retired: VecDeque<Retired>,
}

impl Index {
    /// An empty index, with addresses for tables of `bytes_max` bytes together.
    pub(crate) fn reserve(bytes_max: u64) -> io::Result<Self> {
        let footprint = Footprint::reserve(bytes_max)?;
        let (trimming, retired) = (Trimming::default(), VecDeque::new());
        Ok(Self { dbs: Default::default(), items: 0, footprint, trimming, retired })
    }

    /// Live items of all databases.
    #[inline]
    pub(crate) fn items(&self) -> u64 {
        self.items
    }

    /// A database that has been written to.
    #[inline]
    pub(crate) fn directory(&self, db: u8) -> Option<&Directory> {
        self.dbs[db as usize].as_deref()
    }

    /// The tables of a slot.
    #[inline]
    pub(crate) fn node(&self, db: u8, slot: u16) -> Option<&Node> {
        self.directory(db)?.node(slot)
    }

    /// The address at `place` that satisfies `is_it`.
    #[inline(always)]
    pub(crate) fn find(&self, place: Place, is_it: impl FnMut(Address) -> bool) -> Option<Address> {
        self.node(place.db, place.slot)?.find(place.fragment, is_it)
    }

    /// Whether the index says that the key of `place` lies at `address`.
    #[inline]
    pub(crate) fn holds(&self, place: Place, address: Address) -> bool {
        self.find(place, |at| at == address).is_some()
    }

    /// Adds a key that is not there yet.
    pub(crate) fn insert(&mut self, place: Place, address: Address) {
        let footprint = &mut self.footprint;
        let directory =
            self.dbs[place.db as usize].get_or_insert_with(|| Directory::new(footprint));
        directory.insert(place.slot, Entry::new(address, place.fragment), footprint);
        self.items += 1;
    }

    /// The key of `place` moved.
    ///
    /// # Panics
    /// If it was not at `old`.
    pub(crate) fn replace(&mut self, place: Place, old: Address, new: Address) {
        let entry = Entry::new(old, place.fragment);
        let directory = self.dbs[place.db as usize].as_mut();
        let moved = directory.is_some_and(|directory| directory.replace(place.slot, entry, new));
        assert!(moved, "a live record is in the index");
    }

    /// Moves the table that `place` is in into a hole among those of its size. Returns the bytes
    /// moved.
    pub(crate) fn fill_hole(&mut self, place: Place) -> usize {
        let runs = &mut self.footprint.runs;
        let directory = self.dbs[place.db as usize].as_mut();
        directory.map_or(0, |directory| directory.fill_hole(place.slot, place.fragment, runs))
    }

    /// The key of `place` is gone.
    ///
    /// # Panics
    /// If it was not at `address`.
    pub(crate) fn remove(&mut self, place: Place, address: Address) {
        let entry = Entry::new(address, place.fragment);
        let footprint = &mut self.footprint;
        let directory = self.dbs[place.db as usize].as_mut();
        let removed = directory.is_some_and(|it| it.remove(place.slot, entry, footprint));
        assert!(removed, "a live record is in the index");
        self.items -= 1;
    }

    /// Whether trimming has something to do.
    #[inline]
    pub(crate) fn is_loose(&self) -> bool {
        self.trimming.is_due(self.footprint.loosened, self.items)
    }

    /// Looks at some tables and shrinks one at most.
    pub(crate) fn trim_step(&mut self) {
        self.trimming.step(&mut self.dbs, &mut self.footprint);
    }

    /// Counts an item that got a deadline, or lost one.
    #[inline]
    pub(crate) fn count_deadline(&mut self, place: Place, had: bool, has: bool) {
        if had == has {
            return;
        }
        let directory = self.dbs[place.db as usize].as_mut();
        directory.expect("an item has a directory").count_deadline(place.slot, has);
    }

    /// Live items with a deadline, of all databases.
    pub(crate) fn deadlines(&self) -> u64 {
        self.dbs.iter().flatten().map(|directory| directory.deadlines()).sum()
    }

    /// Takes a whole database out; its records are drained later.
    pub(crate) fn retire_db(&mut self, db: u8, segment_serial: u64) {
        let Some(directory) = self.dbs[db as usize].take() else { return };
        self.items -= directory.len();
        let directory = Some(directory);
        self.retired.push_back(Retired {
            directory,
            nodes: Vec::new(),
            table: None,
            segment_serial,
        });
    }

    /// Takes a slot out of a database; its records are drained later.
    pub(crate) fn retire_slot(&mut self, db: u8, slot: u16, segment_serial: u64) {
        let Some(directory) = &mut self.dbs[db as usize] else { return };
        let len = directory.slot_len(slot);
        let Some(node) = directory.take_slot(slot, &mut self.footprint) else { return };
        self.items -= len;
        let (directory, nodes, table) = (None, vec![node], None);
        self.retired.push_back(Retired { directory, nodes, table, segment_serial });
    }

    /// Whether retired tables are waiting.
    pub(crate) fn is_draining(&self) -> bool {
        !self.retired.is_empty()
    }

    /// One bounded step through retired tables; `visit` gets entries with the serial of the
    /// newest segment that they can mean.
    pub(crate) fn drain(&mut self, mut visit: impl FnMut(Entry, u64)) -> Work {
        let mut work = Work::default();
        while work.items < STEP_ITEMS_MAX && work.tables < STEP_TABLES_MAX {
            let Some(retired) = self.retired.front_mut() else { break };
            if !retired.drain(&mut self.footprint, &mut work, &mut visit) {
                self.retired.pop_front();
            }
        }
        work
    }

    /// Visits `count` entries or a few more of one random table of a random database, by weight.
    pub(crate) fn sample(
        &self,
        rng: &mut SmallRng,
        count: usize,
        mut visit: impl FnMut(u8, u16, Entry),
    ) {
        if self.items == 0 {
            return;
        }
        let mut nth = rng.random_range(0..self.items);
        for (db, directory) in self.dbs.iter().enumerate() {
            let Some(directory) = directory else { continue };
            if nth < directory.len() {
                return directory.sample(rng, count, |slot, entry| visit(db as u8, slot, entry));
            }
            nth -= directory.len();
        }
    }

    /// Visits up to `count` entries of a random slot that has items with a deadline.
    pub(crate) fn sample_dated(
        &self,
        rng: &mut SmallRng,
        count: usize,
        visit: &mut dyn FnMut(u8, u16, Entry),
    ) {
        let all = self.deadlines();
        if all == 0 {
            return;
        }
        let mut nth = rng.random_range(0..all);
        for (db, directory) in self.dbs.iter().enumerate() {
            let Some(directory) = directory else { continue };
            if nth < directory.deadlines() {
                let slot = directory.slot_of_dated(nth);
                return directory
                    .sample_slot(rng, slot, count, |entry| visit(db as u8, slot, entry));
            }
            nth -= directory.deadlines();
        }
    }

    /// Visits every entry; for indexes with few items.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(u8, u16, Entry)) {
        for (db, directory) in self.dbs.iter().enumerate() {
            let Some(directory) = directory else { continue };
            let mut from = 0;
            while let Some(slot) = directory.next_filled(from) {
                let mut fragment = 0;
                while let Some((table, end)) = directory.node(slot).map(|it| it.leaf(fragment)) {
                    table.iter().for_each(|entry| visit(db as u8, slot, entry));
                    fragment = end;
                    if fragment >> crate::limits::FRAGMENT_BITS != 0 {
                        break;
                    }
                }
                from = slot as usize + 1;
            }
        }
    }
}

impl Drop for Index {
    /// Gives the tables' memory back, so that it can be unmapped.
    fn drop(&mut self) {
        (0..DATABASES_MAX as u8).for_each(|db| self.retire_db(db, 0));
        for mut retired in core::mem::take(&mut self.retired) {
            retired.give_back(&mut self.footprint);
        }
    }
}

impl Retired {
    /// Gives all memory back at once.
    fn give_back(&mut self, footprint: &mut Footprint) {
        let table = self.table.take();
        table.into_iter().for_each(|(table, _)| table.give_back(&mut footprint.runs));
        loop {
            self.nodes.drain(..).for_each(|mut node| node.give_back(footprint));
            if !self.take_page(footprint) {
                break;
            }
        }
    }

    /// Walks on. Returns whether anything is left.
    fn drain(
        &mut self,
        footprint: &mut Footprint,
        work: &mut Work,
        visit: &mut impl FnMut(Entry, u64),
    ) -> bool {
        if let Some((table, place)) = &mut self.table {
            while work.items < STEP_ITEMS_MAX && *place < table.places() {
                if let Some(entry) = table.get(*place) {
                    visit(entry, self.segment_serial);
                    work.items += 1;
                }
                *place += 1;
            }
            if *place < table.places() {
                return true;
            }
            work.tables += 1;
            let table = self.table.take();
            table.into_iter().for_each(|(table, _)| table.give_back(&mut footprint.runs));
        }
        match self.nodes.pop() {
            Some(Node::Table(table)) => self.table = Some((table, 0)),
            Some(Node::Branch(children)) => {
                footprint.fixed_bytes -= size_of_val(&*children);
                self.nodes.extend(*children);
            }
            None => return self.take_page(footprint),
        }
        true
    }

    fn take_page(&mut self, footprint: &mut Footprint) -> bool {
        let Some(directory) = &mut self.directory else { return false };
        if let Some(nodes) = directory.take_page(footprint) {
            self.nodes = nodes;
        } else {
            footprint.fixed_bytes -= size_of::<Directory>();
            self.directory = None;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{SLOT_COUNT, SMALL_GROWTH_BYTES_MAX};

    /// What a deadline may add at the same time.
    const WHEEL_CHUNK_BYTES: usize = 512;

    fn place(i: u64, db: u8) -> Place {
        let hash = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Place { slot: (hash >> 50) as u16, db, fragment: (hash as u32) >> 4 }
    }

    /// As `place`, but as unevenly spread as by chance.
    fn any_place(i: u64) -> Place {
        let mixed = (i ^ (i >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        place(mixed ^ (mixed >> 27), 0)
    }

    /// Shrinks tables and moves them into holes as upkeep does, which finds a key's place by its
    /// address.
    fn pack(index: &mut Index, place: impl Fn(u64) -> Place) {
        while index.is_loose() {
            index.trim_step();
        }
        let mut holes = usize::MAX;
        while let Some(entry) = index.footprint.runs.displaced(&mut holes) {
            assert!(index.fill_hole(place(entry.address().0)) > 0);
        }
    }

    #[test]
    fn an_insertion_adds_no_more_than_was_said() {
        // One slot, a page of them, all: with items that come and go.
        for slots in [1, 64, SLOT_COUNT as u16] {
            let mut index = Index::reserve(256 << 20).expect("reserves");
            let place = |i: u64| Place { slot: any_place(i).slot % slots, ..any_place(i) };
            for i in 0..100_000 {
                let (before, said) = (index.footprint.bytes(), index.footprint.growth_max);
                index.insert(place(i), Address(i));
                let added = index.footprint.bytes().saturating_sub(before) + WHEEL_CHUNK_BYTES;
                assert!(added as u64 <= said, "{added} of {said} in {slots} slots");
                if i % 3 == 0 {
                    index.remove(place(i / 2), Address(i / 2));
                    index.insert(place(i / 2), Address(i / 2));
                }
            }
            let small = index.footprint.growth_max == SMALL_GROWTH_BYTES_MAX;
            assert_eq!(small, slots == SLOT_COUNT as u16, "{slots} slots");
        }
    }

    #[test]
    fn a_retired_database_is_walked_in_bounded_steps() {
        let mut index = Index::reserve(256 << 20).expect("reserves");
        for i in 0..100_000 {
            index.insert(place(i, (i % 2) as u8), Address(i));
        }
        index.retire_db(0, 77);
        assert_eq!((index.items(), index.directory(0).is_none()), (50_000, true));
        let mut seen = Vec::new();
        while index.is_draining() {
            let work = index.drain(|entry, serial| {
                assert_eq!(serial, 77);
                seen.push(entry.address().0);
            });
            assert!(work.items <= STEP_ITEMS_MAX && work.tables <= STEP_TABLES_MAX, "{work:?}");
        }
        seen.sort_unstable();
        assert!(seen.iter().copied().eq((0..100_000).step_by(2)));
        (0..100_000).filter(|i| i % 2 == 1).for_each(|i| index.remove(place(i, 1), Address(i)));
        index.retire_db(1, 0);
        while index.is_draining() {
            index.drain(|_, _| ());
        }
        let Footprint { fixed_bytes, runs, .. } = &index.footprint;
        assert_eq!((index.items(), *fixed_bytes, runs.lent_bytes()), (0, 0, 0));
    }

    #[test]
    fn an_item_takes_eleven_bytes_at_most() {
        let mut index = Index::reserve(256 << 20).expect("reserves");
        let mut count = 0;
        for wanted in [3_700_000, 5_000_000, 7_000_000] {
            (count..wanted).for_each(|i| index.insert(any_place(i), Address(i)));
            count = wanted;
            pack(&mut index, any_place);
            let each = index.footprint.bytes() as f64 / count as f64;
            println!("{count} items: {each:.2} bytes each");
            assert!(each <= 11.0);
        }
    }

    #[test]
    fn churn_leaves_an_item_as_small_as_it_was() {
        // As many items a slot as 3.7, 5 and 7 million in all slots.
        let slots = SLOT_COUNT as u64 / 32;
        let place = |i| Place { slot: any_place(i).slot % slots as u16, ..any_place(i) };
        for a_slot in [226, 305, 427] {
            let (mut index, count) = (Index::reserve(256 << 20).expect("reserves"), a_slot * slots);
            (0..count).for_each(|i| index.insert(place(i), Address(i)));
            pack(&mut index, place);
            let fresh = index.footprint.bytes() as f64 / count as f64;
            for i in count..11 * count {
                index.remove(place(i - count), Address(i - count));
                index.insert(place(i), Address(i));
            }
            pack(&mut index, place);
            let churned = index.footprint.bytes() as f64 / count as f64;
            println!("{a_slot} items a slot: {fresh:.2} bytes each, {churned:.2} after churn");
            assert!(churned <= 11.3 && churned <= fresh * 1.1);
        }
    }

    #[test]
    fn what_many_removals_leave_is_trimmed() {
        let (mut index, count) = (Index::reserve(256 << 20).expect("reserves"), 5_000_000);
        (0..count).for_each(|i| index.insert(any_place(i), Address(i)));
        (0..count / 2).for_each(|i| index.remove(any_place(i), Address(i)));
        pack(&mut index, any_place);
        let each = index.footprint.bytes() as f64 / index.items() as f64;
        println!("{each:.2} bytes each");
        assert!(each <= 11.3);
    }

    #[test]
    fn a_retired_slot_leaves_the_others_alone() {
        let mut index = Index::reserve(256 << 20).expect("reserves");
        let at = |slot: u16, i: u64| Place { slot, ..place(i, 3) };
        (0..5000).for_each(|i| index.insert(at(9, i), Address(i)));
        (0..10).for_each(|i| index.insert(at(10, i), Address(i)));
        index.retire_slot(3, 9, 1);
        let mut drained = 0;
        while index.is_draining() {
            index.drain(|_, _| drained += 1);
        }
        assert_eq!((drained, index.items()), (5000, 10));
        assert!(index.holds(at(10, 4), Address(4)) && !index.holds(at(9, 4), Address(4)));
    }
}
