//! The largest items: a bounded list of where they may be found.
//!
//! Sets of places, chosen by the key's hash, each with the largest items of its part of the keys:
//! an item that is written elsewhere than it lay enters its set above the set's smallest. Nothing
//! is done when an item goes or shrinks: what is listed is looked up again when it is asked for,
//! and one place after another every `LARGEST_CHECK_MS`, so that what has gone does not keep
//! others out for long. What was turned away meanwhile is found again only when it is written.
//! Invariant: what is kept is bounded. Cost: a comparison for an item that is no larger than those
//! listed, nothing for one that goes or is rewritten in place.

use crate::key::Place;

/// Sets, a power of two.
const SETS: usize = 16;
/// Items of a set.
const WAYS: usize = 8;

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
    /// The place to be checked next, counted over all sets.
    next: usize,
}

impl Default for Largest {
    fn default() -> Self {
        Self { floor: 0, floors: [0; SETS], sets: Vec::new(), next: 0 }
    }
}

impl Largest {
    /// An item takes `bytes` now.
    #[inline]
    pub(crate) fn added(&mut self, place: Place, bytes: usize) {
        if bytes > self.floor && bytes > self.floors[number_of(place)] as usize {
            self.keep(place, bytes);
        }
    }

    /// The next item listed, in turn, after a look at no more than one set. What the caller finds
    /// out about it, it says to [`correct`](Self::correct).
    pub(crate) fn next_to_check(&mut self) -> Option<Place> {
        for _ in 0..WAYS {
            self.next = (self.next + 1) % (SETS * WAYS);
            let set = self.sets.get(self.next / WAYS)?;
            if set.bytes[self.next % WAYS] > 0 {
                return Some(set.places[self.next % WAYS]);
            }
        }
        None
    }

    /// What [`next_to_check`](Self::next_to_check) named takes `bytes`, 0 when it has gone.
    pub(crate) fn correct(&mut self, bytes: usize) {
        let (number, way) = (self.next / WAYS, self.next % WAYS);
        let Some(set) = self.sets.get_mut(number) else { return };
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if set.bytes[way] != bytes {
            set.bytes[way] = bytes;
            self.settle(number);
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
