//! Empty parcels: one's own to be filled again, and those of siblings to be sent home.
//!
//! One shard may send more than it is sent; would the receiver keep what it has emptied, the sender
//! would allocate every parcel and the receiver free it. Invariant: no more than
//! `OWN_EMPTIES_EACH_MAX` a shard of the node and `HOMEWARD_EMPTIES_MAX` a sibling are kept.
//! Cost: moves between lists.

use crate::limits::{HOMEWARD_EMPTIES_MAX, OWN_EMPTIES_EACH_MAX};
use crate::shard::parcel::Parcel;

/// The empty parcels of one shard.
#[derive(Debug)]
pub(super) struct ParcelPool {
    id: u16,
    own: Vec<Parcel>,
    /// By the sibling they came from.
    homeward: Vec<Vec<Parcel>>,
}

impl ParcelPool {
    /// The pool of shard `id` among so many; it has nothing yet.
    pub(super) fn new(id: u16, shards: usize) -> Self {
        Self { id, own: Vec::new(), homeward: (0..shards).map(|_| Vec::new()).collect() }
    }

    /// An empty parcel to fill.
    pub(super) fn take(&mut self) -> Parcel {
        self.own.pop().unwrap_or_default()
    }

    /// Puts the empty parcels of shard `to` into one that goes there.
    pub(super) fn load(&mut self, parcel: &mut Parcel, to: u16) {
        parcel.empties.append(&mut self.homeward[usize::from(to)]);
    }

    /// A parcel from shard `from` has been served: it is empty, but for the empty ones it brought.
    pub(super) fn emptied(&mut self, from: u16, mut parcel: Parcel) {
        self.own.append(&mut parcel.empties);
        let own_max = OWN_EMPTIES_EACH_MAX * self.homeward.len();
        let (home, max) = match from == self.id {
            true => (&mut self.own, own_max),
            false => (&mut self.homeward[usize::from(from)], HOMEWARD_EMPTIES_MAX),
        };
        if home.len() < max {
            home.push(parcel);
        }
        self.own.truncate(own_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_parcels_go_home_in_the_next_and_few_are_kept() {
        let (mut asking, mut asked) = (ParcelPool::new(0, 2), ParcelPool::new(1, 2));
        for _ in 0..100 {
            asked.emptied(0, asking.take());
        }
        let mut answer = asked.take();
        asked.load(&mut answer, 0);
        assert_eq!(answer.empties.len(), HOMEWARD_EMPTIES_MAX);
        assert!(asked.homeward[0].is_empty());
        asking.emptied(1, answer);
        assert_eq!(asking.own.len(), HOMEWARD_EMPTIES_MAX.min(2 * OWN_EMPTIES_EACH_MAX));
        assert!(asking.homeward[1].len() == 1 && asking.homeward[1][0].empties.is_empty());
        for _ in 0..100 {
            asking.emptied(0, Parcel::default());
        }
        assert_eq!(asking.own.len(), 2 * OWN_EMPTIES_EACH_MAX);
    }
}
