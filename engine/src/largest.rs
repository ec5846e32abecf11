//! The largest items: a bounded list of where they may be found.
//!
//! Sets of places, chosen by the key's hash, each with the largest items of its part of the keys:
//! an item that is written elsewhere than it lay enters its set above the set's smallest. What is
//! listed is looked up soon, one place every `LARGEST_CHECK_MS`, and its record marked as listed,
//! so that whoever removes it or writes it again says so here. A place is in doubt from when it is
//! listed or written again until it is looked up, all after a flush; in doubt, an item that has
//! gone keeps others out for two seconds at most. What was turned away meanwhile is found again
//! only when it is written. Invariant: what is kept is bounded; a place beyond doubt has a live
//! item with a marked record that takes the bytes kept here. Cost: a comparison for an item that is
//! no larger than those listed; a look at a flag that is read anyway for one that goes or is
//! written again.

use crate::key::Place;

/// Sets, a power of two.
const SETS: usize = 16;
/// Items of a set.
const WAYS: usize = 8;

const _: () = assert!(SETS * WAYS == u128::BITS as usize, "a bit an item");

/// Items of one part of the keys.
#[derive(Clone, Copy, Debug)]
struct Set {
    tags: [u32; WAYS],
    /// Bytes of each, 0 where none is listed.
    bytes: [u32; WAYS],
    places: [Place; WAYS],
}

/// The largest items.
#[derive(Debug)]
pub(crate) struct Largest {
    /// The bytes of the smallest of all, 0 while there is room.
    floor: usize,
    /// The bytes of the smallest of each set, 0 while it has room.
    floors: [u32; SETS],
    /// None before the first item.
    sets: Vec<Set>,
    /// The places in doubt, a bit each, counted over all sets.
    doubts: u128,
    /// The place checked last.
    checked: usize,
}

impl Default for Largest {
    fn default() -> Self {
        Self { floor: 0, floors: [0; SETS], sets: Vec::new(), doubts: 0, checked: 0 }
    }
}

impl Largest {
    /// An item takes `bytes` now.
    #[inline]
    pub(crate) fn added(&mut self, place: Place, bytes: usize) {
        if cfg!(feature = "unranked") {
            return;
        }
        if bytes > self.floor && bytes > self.floors[number_of(place)] as usize {
            self.keep(place, bytes);
        }
    }

    /// Whether any place is in doubt.
    #[inline]
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.doubts != 0
    }

    /// The next item in doubt, in turn. What the caller finds out about it, it says to
    /// [`correct`](Self::correct).
    pub(crate) fn next_to_check(&mut self) -> Option<Place> {
        let later = self.doubts & (u128::MAX << self.checked << 1);
        let next = if later != 0 { later } else { self.doubts }.trailing_zeros() as usize;
        self.checked = next % (SETS * WAYS);
        let set = self.sets.get(next / WAYS)?;
        Some(set.places[next % WAYS])
    }

    /// What [`next_to_check`](Self::next_to_check) named takes `bytes`, and its record is marked;
    /// 0 when it has gone.
    pub(crate) fn correct(&mut self, bytes: usize) {
        self.doubts &= !(1 << self.checked);
        self.set_bytes(self.checked, u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// An item whose record was marked has gone.
    pub(crate) fn gone(&mut self, place: Place) {
        if let Some(at) = self.position(place) {
            self.doubts &= !(1 << at);
            self.set_bytes(at, 0);
        }
    }

    /// The record of an item is not marked any more.
    pub(crate) fn doubt(&mut self, place: Place) {
        if let Some(at) = self.position(place) {
            self.doubts |= 1 << at;
        }
    }

    /// Items may have gone without a word.
    pub(crate) fn doubt_all(&mut self) {
        let listed = |(at, bytes): (usize, u32)| u128::from(bytes > 0) << at;
        self.doubts = self.sets.iter().flat_map(|set| set.bytes).enumerate().map(listed).sum();
    }

    fn position(&self, place: Place) -> Option<usize> {
        let number = number_of(place);
        Some(number * WAYS + self.sets.get(number)?.find(place)?)
    }

    fn set_bytes(&mut self, at: usize, bytes: u32) {
        let Some(set) = self.sets.get_mut(at / WAYS) else { return };
        if set.bytes[at % WAYS] != bytes {
            set.bytes[at % WAYS] = bytes;
            self.settle(at / WAYS);
        }
    }

    /// A set has changed.
    fn settle(&mut self, number: usize) {
        self.floors[number] = self.sets[number].least();
        self.floor = self.floors.into_iter().min().unwrap_or(0) as usize;
    }

    /// The items listed, unordered.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.sets.iter().flat_map(|set| {
            let listed = set.places.iter().zip(set.bytes).filter(|(_, bytes)| *bytes > 0);
            listed.map(|(place, _)| *place)
        })
    }

    /// The items that are not in doubt, and their bytes.
    #[cfg(test)]
    pub(crate) fn beyond_doubt(&self) -> Vec<(Place, usize)> {
        let of_set = |set: &Set| set.places.into_iter().zip(set.bytes).collect::<Vec<_>>();
        let all = self.sets.iter().flat_map(of_set).enumerate();
        let sure = all.filter(|(at, (_, bytes))| *bytes > 0 && self.doubts & (1 << at) == 0);
        sure.map(|(_, (place, bytes))| (place, bytes as usize)).collect()
    }

    #[cold]
    #[inline(never)]
    fn keep(&mut self, place: Place, bytes: usize) {
        if self.sets.is_empty() {
            let places = [Place { slot: 0, db: 0, fragment: 0 }; WAYS];
            self.sets = vec![Set { tags: [0; WAYS], bytes: [0; WAYS], places }; SETS];
        }
        let number = number_of(place);
        let set = &mut self.sets[number];
        let least = || (0..WAYS).min_by_key(|way| set.bytes[*way]).expect("a set has places");
        let way = set.find(place).unwrap_or_else(least);
        set.tags[way] = tag_of(place);
        set.places[way] = place;
        set.bytes[way] = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.doubts |= 1 << (number * WAYS + way);
        self.settle(number);
    }
}

impl Set {
    /// The bytes of the smallest, 0 while there is room.
    fn least(&self) -> u32 {
        self.bytes.into_iter().min().unwrap_or(0)
    }

    /// Where the item is listed. A key whose tag is alike, one in billions, passes for it.
    fn find(&self, place: Place) -> Option<usize> {
        let tag = tag_of(place);
        (0..WAYS).find(|way| self.tags[*way] == tag && self.bytes[*way] > 0)
    }
}

#[inline]
fn number_of(place: Place) -> usize {
    (place.fragment ^ u32::from(place.slot)) as usize % SETS
}

/// The bits of the place that are not the same for all keys of a slot or of a set.
#[inline]
fn tag_of(place: Place) -> u32 {
    let rest = u32::from(place.slot) << 4 | u32::from(place.db);
    place.fragment ^ rest.wrapping_mul(0x9e37_79b9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u32) -> Place {
        let fragment = number.wrapping_mul(0x9e37_79b9) >> 4;
        Place { slot: (number % 16384) as u16, db: (number % 3) as u8, fragment }
    }

    fn listed(largest: &Largest) -> Vec<Place> {
        largest.places().collect()
    }

    #[test]
    fn the_largest_of_many_are_listed() {
        let mut largest = Largest::default();
        for number in 0..100_000_u32 {
            let size = number.wrapping_mul(2_654_435_761) % 100_000;
            largest.added(place(number), 1 + size as usize);
        }
        let mut by_size: Vec<(u32, u32)> =
            (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) % 100_000, n)).collect();
        by_size.sort_unstable();
        let found = listed(&largest);
        assert_eq!(found.len(), SETS * WAYS);
        for (_, number) in by_size.iter().rev().take(20) {
            assert!(found.contains(&place(*number)), "{number} is among the largest");
        }
    }

    /// One round of checks: items take what `bytes` says.
    fn check(largest: &mut Largest, bytes: impl Fn(Place) -> usize) {
        for _ in 0..SETS * WAYS {
            if let Some(place) = largest.next_to_check() {
                largest.correct(bytes(place));
            }
        }
    }

    #[test]
    fn what_went_or_shrank_makes_room() {
        let mut largest = Largest::default();
        for number in 0..10_000 {
            largest.added(place(number), 1000);
        }
        let before = listed(&largest);
        let (gone, shrunk) = before.split_at(64);
        check(&mut largest, |place| if shrunk.contains(&place) { 10 } else { 0 });
        let mut left = listed(&largest);
        left.sort_unstable_by_key(|place| (place.slot, place.fragment));
        let mut expected = shrunk.to_vec();
        expected.sort_unstable_by_key(|place| (place.slot, place.fragment));
        assert_eq!(left, expected);
        for number in 20_000..30_000 {
            largest.added(place(number), 500);
        }
        let after = listed(&largest);
        assert_eq!(after.len(), SETS * WAYS);
        assert!(gone.iter().chain(shrunk).all(|place| !after.contains(place)), "they gave way");
    }
}
