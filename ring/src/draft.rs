//! A placement in the making.
//!
//! Owns the owners decided so far, as indices into the members. Invariant: no step takes a node
//! above its quota, except the last resort for a replica. Primaries are placed in three steps,
//! replicas in the first and the last of them:
//!
//! ```text
//!   keep     each slot at its owner, or at the joining node the circle gives it to
//!   shed     from every node above its quota, first what the circle gives to another
//!   settle   what has no owner: at one of its copies, else clockwise, at the first with room
//! ```
//!
//! Cost: O(slots * copies) searches of the circle.

use std::ops::Range;

use crate::circle::{Circle, slot_point};
use crate::limits::{LOAD_PERCENT_MAX, NODES_MAX};
use crate::node::NodeId;
use crate::slot::SLOT_COUNT;

/// Stands for an owner that is not there: not decided yet, or no longer a member.
const NOBODY: u16 = u16::MAX;

const _: () = assert!(NODES_MAX < NOBODY as usize, "an index never equals NOBODY");

/// See the file's head.
pub(crate) struct Draft<'a> {
    circle: &'a Circle,
    /// Ascending by identity, each with its weight.
    members: Vec<(NodeId, u32)>,
    copies: usize,
    /// `copies` owners for slot 0, then for slot 1, and so on; the primary first.
    owners: Vec<u16>,
    /// The owners before, in the same form.
    before: Vec<u16>,
    before_copies: usize,
    /// Members that joined or whose weight grew: what the circle gives them is theirs at once.
    gaining: Vec<bool>,
    /// Slots in the order of the circle, which favours no node.
    order: Vec<u16>,
}

impl<'a> Draft<'a> {
    /// Nothing decided yet; `before` is what was: the members, the owners of each slot (in the form
    /// of the result), and how many each has.
    pub(crate) fn new(
        circle: &'a Circle,
        copies: usize,
        before: Option<(&[(NodeId, u32)], &[u16], usize)>,
    ) -> Draft<'a> {
        let members: Vec<(NodeId, u32)> = circle.members().collect();
        let (before_members, before_owners, before_copies) = before.unwrap_or((&[], &[], 0));
        let renumbered: Vec<u16> =
            before_members.iter().map(|&(node, _)| index_of(&members, node)).collect();
        let gained = |&(node, weight): &(NodeId, u32)| {
            !before_members.iter().any(|&(old, before)| old == node && before >= weight)
        };
        let mut order: Vec<u16> = (0..SLOT_COUNT as u16).collect();
        order.sort_unstable_by_key(|&slot| slot_point(slot));
        Draft {
            circle,
            copies,
            owners: vec![NOBODY; SLOT_COUNT * copies],
            before: before_owners.iter().map(|&index| renumbered[usize::from(index)]).collect(),
            before_copies,
            gaining: members.iter().map(gained).collect(),
            members,
            order,
        }
    }

    /// Decides every primary.
    pub(crate) fn place_primaries(&mut self) {
        let mut room = self.quotas(1);
        let (home, stray): (Vec<u16>, Vec<u16>) =
            self.order.iter().partition(|&&slot| self.kept_primary(slot) == self.natural(slot));
        let mut homeless = home;
        homeless.extend(stray);
        homeless.retain(|&slot| !self.take(slot, self.kept_primary(slot), &mut room));
        for slot in homeless {
            let copies = self.before_row(slot);
            let settled = copies.clone().any(|at| self.take(slot, self.before[at], &mut room))
                || self.settle(slot, &mut room);
            assert!(settled, "quotas add up to every slot or more");
        }
    }

    /// Decides every replica; the primaries are decided.
    pub(crate) fn place_replicas(&mut self) {
        if self.copies == 1 {
            return;
        }
        let mut room = self.quotas(self.copies);
        for primary in self.owners.iter().step_by(self.copies) {
            room[usize::from(*primary)] -= 1;
        }
        let mut open = std::mem::take(&mut self.order);
        open.retain(|&slot| !self.keep_replicas(slot, &mut room));
        for slot in open {
            while !self.is_full(slot) {
                if !self.settle(slot, &mut room) {
                    self.settle_regardless(slot, &mut room);
                }
            }
        }
    }

    /// The members and the owners of each slot, when all are decided.
    pub(crate) fn finish(self) -> (Vec<(NodeId, u32)>, Vec<u16>) {
        assert!(!self.owners.contains(&NOBODY), "every copy of every slot has an owner");
        (self.members, self.owners)
    }

    /// The most slots each member may own when each slot has `copies` owners.
    fn quotas(&self, copies: usize) -> Vec<isize> {
        let total: u64 = self.members.iter().map(|&(_, weight)| u64::from(weight)).sum();
        let bounded = (SLOT_COUNT * copies) as u64 * LOAD_PERCENT_MAX;
        let quota = |&(_, weight): &(NodeId, u32)| {
            let share = (bounded * u64::from(weight)).div_ceil(total * 100);
            (share as usize).min(SLOT_COUNT) as isize
        };
        self.members.iter().map(quota).collect()
    }

    /// Whom the circle gives `slot` to.
    fn natural(&self, slot: u16) -> u16 {
        let owner = self.circle.owner(slot_point(slot)).expect("the circle has members");
        index_of(&self.members, owner)
    }

    /// Who should be primary of `slot` if quotas permit, or `NOBODY`.
    fn kept_primary(&self, slot: u16) -> u16 {
        let natural = self.natural(slot);
        match self.before_row(slot).next() {
            _ if self.gaining[usize::from(natural)] => natural,
            Some(primary) => self.before[primary],
            None => NOBODY,
        }
    }

    /// Takes the replicas that joining nodes claim, then those that were owners before. Returns
    /// whether nothing is left to decide.
    fn keep_replicas(&mut self, slot: u16, room: &mut [isize]) -> bool {
        let circle = self.circle;
        let near = circle.owners(slot_point(slot), self.copies).expect("the circle has members");
        for node in near {
            let owner = index_of(&self.members, node);
            if self.gaining[usize::from(owner)] {
                self.take(slot, owner, room);
            }
        }
        for at in self.before_row(slot) {
            self.take(slot, self.before[at], room);
        }
        self.is_full(slot)
    }

    /// Gives `slot` to the first node clockwise that has room. Returns whether there is one.
    fn settle(&mut self, slot: u16, room: &mut [isize]) -> bool {
        let circle = self.circle;
        let mut walk = circle.walk(slot_point(slot));
        walk.any(|node| self.take(slot, index_of(&self.members, node), room))
    }

    /// Gives `slot` to the node with most room that does not own it yet, be it beyond its quota.
    fn settle_regardless(&mut self, slot: u16, room: &mut [isize]) {
        let row = self.row(slot);
        let others = (0..self.members.len()).filter(|&owner| !row.contains(&(owner as u16)));
        let owner = others.rev().max_by_key(|&owner| room[owner]);
        let owner = owner.expect("a slot has no more copies than there are members");
        room[owner] -= 1;
        self.enter(slot, owner as u16);
    }

    /// Gives `slot` to `owner`, if that is somebody with room who does not own it yet.
    fn take(&mut self, slot: u16, owner: u16, room: &mut [isize]) -> bool {
        let Some(left) = room.get_mut(usize::from(owner)).filter(|left| **left > 0) else {
            return false;
        };
        if self.is_full(slot) || self.row(slot).contains(&owner) {
            return false;
        }
        *left -= 1;
        self.enter(slot, owner);
        true
    }

    fn enter(&mut self, slot: u16, owner: u16) {
        let start = usize::from(slot) * self.copies;
        let row = &mut self.owners[start..start + self.copies];
        let open = row.iter_mut().find(|entry| **entry == NOBODY);
        *open.expect("only an open slot is given away") = owner;
    }

    fn is_full(&self, slot: u16) -> bool {
        !self.row(slot).contains(&NOBODY)
    }

    fn row(&self, slot: u16) -> &[u16] {
        let start = usize::from(slot) * self.copies;
        &self.owners[start..start + self.copies]
    }

    /// Where the owners of `slot` before stand in `before`.
    fn before_row(&self, slot: u16) -> Range<usize> {
        let start = usize::from(slot) * self.before_copies;
        start..start + self.before_copies
    }
}

/// The index of `node` in `members`, or `NOBODY`.
fn index_of(members: &[(NodeId, u32)], node: NodeId) -> u16 {
    let found = members.binary_search_by_key(&node, |&(member, _)| member);
    found.map_or(NOBODY, |index| index as u16)
}
