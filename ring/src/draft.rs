//! A placement in the making.
//!
//! Owns the owners decided so far, as indices into the members. Invariant: no step takes a node
//! above its quota, except the last resort for a replica. Primaries are placed in three steps:
//!
//! ```text
//!   keep     each slot at its owner, up to the owner's quota: what is above it is shed,
//!            first what the circle gives to a joining node, then what it gives to another
//!   settle   what is shed or lost its owner: at the joining node the circle gives it to,
//!            at a joining node, at one of its copies, clockwise: at the first with room
//!   claim    for joining nodes, what the circle gives them, up to their fair share
//! ```
//!
//! What a join sheds is at most 1/N of the slots and goes to the joining node, and claims fill that
//! one to 1/N: so a join moves 1/N of them, and a leave what the leaver had. Replicas are kept and
//! settled in the same way, claims first.
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

/// What was decided before: nothing, or a whole placement in the form of the result.
#[derive(Clone, Copy, Default)]
pub(crate) struct Before<'a> {
    pub(crate) members: &'a [(NodeId, u32)],
    pub(crate) owners: &'a [u16],
    pub(crate) copies: usize,
}

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
    /// Members that joined or whose weight grew: the circle's claims are honoured for them.
    gaining: Vec<bool>,
    /// Slots in the order of the circle, which favours no node.
    order: Vec<u16>,
}

impl<'a> Draft<'a> {
    /// Nothing decided yet.
    pub(crate) fn new(circle: &'a Circle, copies: usize, before: Before<'_>) -> Draft<'a> {
        let members: Vec<(NodeId, u32)> = circle.members().collect();
        let renumbered: Vec<u16> =
            before.members.iter().map(|&(node, _)| index_of(&members, node)).collect();
        let gained = |&(node, weight): &(NodeId, u32)| {
            !before.members.iter().any(|&(old, held)| old == node && held >= weight)
        };
        let mut order: Vec<u16> = (0..SLOT_COUNT as u16).collect();
        order.sort_unstable_by_key(|&slot| slot_point(slot));
        Draft {
            circle,
            copies,
            owners: vec![NOBODY; SLOT_COUNT * copies],
            before: before.owners.iter().map(|&index| renumbered[usize::from(index)]).collect(),
            before_copies: before.copies,
            gaining: members.iter().map(gained).collect(),
            members,
            order,
        }
    }

    /// Decides every primary.
    pub(crate) fn place_primaries(&mut self) {
        let mut room = self.quotas(1, LOAD_PERCENT_MAX);
        let mut homeless = self.order.clone();
        homeless.sort_by_cached_key(|&slot| self.keeping_rank(slot));
        homeless.retain(|&slot| !self.take(slot, self.primary_before(slot), &mut room));
        homeless.retain(|&slot| {
            let natural = self.natural(slot);
            !(self.is_gaining(natural) && self.take(slot, natural, &mut room))
        });
        for slot in homeless {
            let settled = self.settle(slot, &mut room, |draft, owner| draft.is_gaining(owner))
                || self.take_first_before(slot, &mut room)
                || self.settle(slot, &mut room, |_, _| true);
            assert!(settled, "quotas add up to every slot or more");
        }
        self.claim_primaries();
    }

    /// Gives joining nodes what the circle gives them until they have their fair share.
    fn claim_primaries(&mut self) {
        let mut room = self.quotas(1, 100);
        for primary in self.owners.iter().step_by(self.copies) {
            room[usize::from(*primary)] -= 1;
        }
        for index in 0..self.order.len() {
            let slot = self.order[index];
            let natural = self.natural(slot);
            let owner = self.row(slot)[0];
            if self.is_gaining(natural) && !self.is_gaining(owner) && room[natural as usize] > 0 {
                room[natural as usize] -= 1;
                self.owners[usize::from(slot) * self.copies] = natural;
            }
        }
    }

    /// Decides every replica; the primaries are decided.
    pub(crate) fn place_replicas(&mut self) {
        if self.copies == 1 {
            return;
        }
        let mut room = self.quotas(self.copies, LOAD_PERCENT_MAX);
        for primary in self.owners.iter().step_by(self.copies) {
            room[usize::from(*primary)] -= 1;
        }
        let mut open = std::mem::take(&mut self.order);
        open.retain(|&slot| !self.keep_replicas(slot, &mut room));
        for slot in open {
            while !self.is_full(slot) {
                if !self.settle(slot, &mut room, |_, _| true) {
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

    /// `percent` of each member's share by weight when each slot has `copies` owners, rounded up.
    fn quotas(&self, copies: usize, percent: u64) -> Vec<isize> {
        let total: u64 = self.members.iter().map(|&(_, weight)| u64::from(weight)).sum();
        let all = (SLOT_COUNT * copies) as u64 * percent;
        let quota = |&(_, weight): &(NodeId, u32)| {
            let share = (all * u64::from(weight)).div_ceil(total * 100);
            (share as usize).min(SLOT_COUNT) as isize
        };
        self.members.iter().map(quota).collect()
    }

    /// Whom the circle gives `slot` to.
    fn natural(&self, slot: u16) -> u16 {
        let owner = self.circle.owner(slot_point(slot)).expect("the circle has members");
        index_of(&self.members, owner)
    }

    fn is_gaining(&self, owner: u16) -> bool {
        self.gaining[usize::from(owner)]
    }

    fn primary_before(&self, slot: u16) -> u16 {
        self.before_row(slot).next().map_or(NOBODY, |at| self.before[at])
    }

    /// Slots of a low rank are kept first, and those of a high rank shed first: those the circle
    /// gives to a joining node, then those it gives to some other.
    fn keeping_rank(&self, slot: u16) -> u8 {
        let natural = self.natural(slot);
        match natural == self.primary_before(slot) {
            true => 0,
            false if self.is_gaining(natural) => 2,
            false => 1,
        }
    }

    /// Gives `slot` to the first of its owners before that has room. Returns whether there is one.
    fn take_first_before(&mut self, slot: u16, room: &mut [isize]) -> bool {
        self.before_row(slot).any(|at| self.take(slot, self.before[at], room))
    }

    /// Takes the replicas that joining nodes claim, then those that were owners before. Returns
    /// whether nothing is left to decide.
    fn keep_replicas(&mut self, slot: u16, room: &mut [isize]) -> bool {
        let circle = self.circle;
        let near = circle.owners(slot_point(slot), self.copies).expect("the circle has members");
        for node in near {
            let owner = index_of(&self.members, node);
            if self.is_gaining(owner) {
                self.take(slot, owner, room);
            }
        }
        for at in self.before_row(slot) {
            self.take(slot, self.before[at], room);
        }
        self.is_full(slot)
    }

    /// Gives `slot` to the first node clockwise that is `wanted` and has room. Returns whether
    /// there is one.
    fn settle(
        &mut self,
        slot: u16,
        room: &mut [isize],
        wanted: impl Fn(&Self, u16) -> bool,
    ) -> bool {
        let circle = self.circle;
        circle.walk(slot_point(slot)).any(|node| {
            let owner = index_of(&self.members, node);
            wanted(self, owner) && self.take(slot, owner, room)
        })
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
