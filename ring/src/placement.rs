//! Slots on nodes, with bounded loads.
//!
//! Owns, for each slot, its owners: the primary and then the replicas, all distinct. Invariants: no
//! node is primary of more than `quota` slots, 1.05 times its share by weight rounded up to a whole
//! slot; what a placement already gives a node stays there unless a joining node's place on the
//! circle claims it, a bound forbids it, or the node left; the result depends on the previous
//! placement and the circle alone.
//!
//! A plain circle leaves the busiest of many nodes at 1.07 to 1.12 times the mean, and placing from
//! nothing with a bound shifts slots between nodes that neither joined nor left. So a placement is
//! made from the one before it (see `draft.rs`), and is to be stored, not recomputed.
//!
//! The bound on copies (primary and replicas together, the same 1.05) yields where a slot would
//! otherwise lack a distinct owner. Cost: O(slots * copies) searches of the circle, some
//! milliseconds; 2 bytes a copy.

use crate::circle::Circle;
use crate::draft::{Before, Draft};
use crate::error::RingError;
use crate::limits::COPIES_MAX;
use crate::node::NodeId;
use crate::slot::SLOT_COUNT;

/// Which nodes own which slots. See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Ascending by identity, each with its weight.
    members: Vec<(NodeId, u32)>,
    /// Owners of each slot, the primary included.
    copies: usize,
    /// Indices into `members`: `copies` for slot 0, then for slot 1, and so on.
    owners: Vec<u16>,
}

impl Placement {
    /// Places every slot on `circle` with `copies` distinct owners (the primary included; all nodes
    /// when there are fewer), from nothing. Errors: `Empty`, `Copies`.
    pub fn compute(circle: &Circle, copies: usize) -> Result<Placement, RingError> {
        Placement::build(None, circle, copies)
    }

    /// The placement after members of the circle joined, left or changed their weights: moves as
    /// little as the bounds permit. Errors: `Empty`, `Copies`.
    pub fn rebalance(&self, circle: &Circle, copies: usize) -> Result<Placement, RingError> {
        Placement::build(Some(self), circle, copies)
    }

    /// The members in ascending order of identity, each with its weight.
    #[must_use]
    pub fn members(&self) -> &[(NodeId, u32)] {
        &self.members
    }

    /// Owners of each slot, the primary included.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.copies
    }

    /// The node that orders the writes of `slot`.
    #[must_use]
    pub fn primary(&self, slot: u16) -> NodeId {
        self.members[usize::from(self.row(slot)[0])].0
    }

    /// The owners of `slot`, its primary first.
    pub fn owners(&self, slot: u16) -> impl Iterator<Item = NodeId> + '_ {
        self.row(slot).iter().map(|&index| self.members[usize::from(index)].0)
    }

    /// The slots `node` is primary of, ascending.
    pub fn primary_slots(&self, node: NodeId) -> impl Iterator<Item = u16> + '_ {
        (0..SLOT_COUNT as u16).filter(move |&slot| self.primary(slot) == node)
    }

    /// For each member, in their order, the slots it is primary of and the copies it holds.
    #[must_use]
    pub fn loads(&self) -> Vec<(usize, usize)> {
        let mut loads = vec![(0, 0); self.members.len()];
        for row in self.owners.chunks_exact(self.copies) {
            loads[usize::from(row[0])].0 += 1;
            row.iter().for_each(|&index| loads[usize::from(index)].1 += 1);
        }
        loads
    }

    /// Slots whose primary differs from that in `other`.
    #[must_use]
    pub fn moved_primaries(&self, other: &Placement) -> usize {
        (0..SLOT_COUNT as u16).filter(|&slot| self.primary(slot) != other.primary(slot)).count()
    }

    /// Copies that are here on a node which holds none of that slot in `other`: what must be sent.
    #[must_use]
    pub fn moved_copies(&self, other: &Placement) -> usize {
        let moved = |slot| {
            let fresh = |&node: &NodeId| !other.owners(slot).any(|held| held == node);
            self.owners(slot).filter(fresh).count()
        };
        (0..SLOT_COUNT as u16).map(moved).sum()
    }

    fn row(&self, slot: u16) -> &[u16] {
        let start = usize::from(slot) * self.copies;
        &self.owners[start..start + self.copies]
    }

    fn build(
        previous: Option<&Placement>,
        circle: &Circle,
        copies: usize,
    ) -> Result<Placement, RingError> {
        if !(1..=COPIES_MAX).contains(&copies) {
            return Err(RingError::Copies(copies));
        }
        if circle.is_empty() {
            return Err(RingError::Empty);
        }
        let copies = copies.min(circle.len());
        let before = previous.map_or_else(Before::default, |previous| Before {
            members: &previous.members,
            owners: &previous.owners,
            copies: previous.copies,
        });
        let mut draft = Draft::new(circle, copies, before);
        draft.place_primaries();
        draft.place_replicas();
        let (members, owners) = draft.finish();
        Ok(Placement { members, copies, owners })
    }
}
