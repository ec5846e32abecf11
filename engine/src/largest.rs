//! The largest items: a bounded list kept while items are written and removed.
//!
//! Sets of places, chosen by the key's hash, each with the largest items of its part of the keys:
//! a new item enters its set above the set's smallest. Invariant: an item that was removed or
//! resized is not listed with the bytes it had; one that is listed takes more than every item of
//! its set that came after the set was full. What was turned away while the set was full of larger
//! ones is found again only when it is written. Cost: a comparison for an item that is no larger
//! than those listed, eight comparisons of tags for one that grows, shrinks or goes, nothing for
//! one that is rewritten in place.

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
    /// The smallest of each set, 0 while it has room.
    floors: [u32; SETS],
    /// None before the first item.
    sets: Vec<Set>,
}

impl Default for Largest {
    fn default() -> Self {
        Self { floors: [0; SETS], sets: Vec::new() }
    }
}

impl Largest {
    /// A new item takes `bytes`.
    #[inline]
    pub(crate) fn added(&mut self, place: Place, bytes: usize) {
        if bytes > self.floors[number_of(place)] as usize {
            self.keep(place, bytes);
        }
    }

    /// An item has gone.
    #[inline]
    pub(crate) fn removed(&mut self, place: Place) {
        let number = number_of(place);
        let Some(set) = self.sets.get(number) else { return };
        // All tags are compared without a branch each, so that it takes few instructions.
        let tag = tag_of(place);
        if set.tags.iter().fold(false, |hit, it| hit | (*it == tag)) {
            self.drop_from(number, place);
        }
    }

    #[cold]
    #[inline(never)]
    fn drop_from(&mut self, number: usize, place: Place) {
        if let Some(way) = self.sets[number].find(place) {
            self.sets[number].bytes[way] = 0;
            self.floors[number] = 0;
        }
    }

    /// All items of a database have gone, or those of one of its slots.
    pub(crate) fn flushed(&mut self, db: u8, slot: Option<u16>) {
        for (set, floor) in self.sets.iter_mut().zip(&mut self.floors) {
            for way in 0..WAYS {
                let place = set.places[way];
                if place.db == db && slot.is_none_or(|slot| place.slot == slot) {
                    (set.bytes[way], *floor) = (0, 0);
                }
            }
        }
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
        self.floors[number] = set.bytes.into_iter().min().unwrap_or(0);
    }
}

impl Set {
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

    #[test]
    fn what_went_or_shrank_makes_room() {
        let mut largest = Largest::default();
        for number in 0..10_000 {
            largest.added(place(number), 1000);
        }
        let before = listed(&largest);
        for place in &before[..64] {
            largest.removed(*place);
        }
        for place in &before[64..] {
            largest.removed(*place);
            largest.added(*place, 10);
        }
        assert_eq!(listed(&largest).len(), 64);
        for number in 20_000..30_000 {
            largest.added(place(number), 500);
        }
        let after = listed(&largest);
        assert_eq!(after.len(), SETS * WAYS);
        assert!(before.iter().all(|place| !after.contains(place)), "small ones have given way");
    }

    #[test]
    fn flushed_items_are_not_listed() {
        let mut largest = Largest::default();
        (0..3000).for_each(|number| largest.added(place(number), number as usize + 1));
        largest.flushed(1, None);
        assert!(listed(&largest).iter().all(|place| place.db != 1));
        let slot = listed(&largest)[0].slot;
        largest.flushed(listed(&largest)[0].db, Some(slot));
        assert!(listed(&largest).iter().all(|place| place.slot != slot));
        (0..3).for_each(|db| largest.flushed(db, None));
        assert!(listed(&largest).is_empty());
    }
}
