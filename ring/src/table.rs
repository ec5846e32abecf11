//! What a request is routed by.
//!
//! Owns, for each slot, its primary's node, that node's core, the slot's epoch and its state.
//! Invariant: a table never changes; what changes is which table is in use, so a reader holds one
//! table for a whole request and never sees half a change. Every table made from another has the
//! next version. It is kept by columns, 128 KiB, since every request asks for the core, and that
//! column alone is small enough to stay near:
//!
//! ```text
//!   slot      │   0   │   1   │   2   │ …
//!   core      │  u16  │  u16  │  u16  │    32 KiB
//!   node      │  u16  │  u16  │  u16  │    32 KiB, index into `nodes`
//!   epoch, 20 │  u32  │  u32  │  u32  │    64 KiB
//!   state, 12 │       │       │       │
//! ```
//!
//! Cost: `core` one load, `route` four; a change copies the table.

use std::ops::RangeInclusive;

use crate::circle::Circle;
use crate::cores::spread;
use crate::error::RingError;
use crate::limits::{CORES_MAX, EPOCH_MAX, NODES_MAX};
use crate::node::NodeId;
use crate::placement::Placement;
use crate::slot::SLOT_COUNT;

const STATE_BITS: u32 = 12;
/// The bits that states use.
const STATE_MASK: u32 = 3;

const _: () = assert!(EPOCH_MAX < 1 << (32 - STATE_BITS), "an epoch fits beside the state");
const _: () = assert!(CORES_MAX <= 1 << 16 && NODES_MAX <= 1 << 16, "indices fit 16 bits");

/// What may be done with a slot at its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SlotState {
    /// Served.
    #[default]
    Stable = 0,
    /// Served, while its content is copied to another node.
    Migrating = 1,
    /// Its primary is changing hands: writes wait until the next table.
    Draining = 2,
    /// Its new primary has not sealed a majority yet: nothing is served.
    Sealing = 3,
}

/// Where a slot lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The node that orders the slot's writes.
    pub node: NodeId,
    /// The core (shard) of that node.
    pub core: u16,
    /// The slot's epoch, at most `EPOCH_MAX`: the upper part of every version given there.
    pub epoch: u32,
    /// What may be done with the slot.
    pub state: SlotState,
}

/// The place of every slot. See the file's head.
#[derive(Clone, Debug)]
pub struct SlotTable {
    version: u64,
    nodes: Vec<NodeId>,
    cores: Box<[u16; SLOT_COUNT]>,
    node_indices: Box<[u16; SLOT_COUNT]>,
    epoch_states: Box<[u32; SLOT_COUNT]>,
}

impl SlotTable {
    /// The table of a node alone, with `cores` cores: a ring of one, placed as any other. Version
    /// and epochs are 1. Errors: `Cores` when `cores` is 0 or above `CORES_MAX`.
    pub fn standalone(node: NodeId, cores: usize) -> Result<SlotTable, RingError> {
        let mut circle = Circle::new();
        circle.add(node, 1)?;
        SlotTable::from_placement(&Placement::compute(&circle, 1)?, |_| cores)
    }

    /// The first table of a placement, where a node has as many cores as `cores_of` tells. Version
    /// and epochs are 1, every state is `Stable`. Errors: `Cores`.
    pub fn from_placement(
        placement: &Placement,
        cores_of: impl Fn(NodeId) -> usize,
    ) -> Result<SlotTable, RingError> {
        let nodes: Vec<NodeId> = placement.members().iter().map(|&(node, _)| node).collect();
        let (cores, node_indices) = (Box::new([0; SLOT_COUNT]), Box::new([0; SLOT_COUNT]));
        let epoch_states = Box::new([0; SLOT_COUNT]);
        let mut table = SlotTable { version: 1, nodes, cores, node_indices, epoch_states };
        for node in table.nodes.clone() {
            let slots: Vec<u16> = placement.primary_slots(node).collect();
            let cores = spread(&slots, cores_of(node), |_| None)?;
            for (&slot, core) in slots.iter().zip(cores) {
                table.set(slot, Place { node, core, epoch: 1, state: SlotState::Stable });
            }
        }
        Ok(table)
    }

    /// Where `slot` lives. Panics when `slot` is not below `SLOT_COUNT`; `slot()` yields no other.
    #[inline]
    #[must_use]
    pub fn route(&self, slot: u16) -> Place {
        let at = usize::from(slot);
        let epoch_state = self.epoch_states[at];
        Place {
            node: self.nodes[usize::from(self.node_indices[at])],
            core: self.cores[at],
            epoch: epoch_state >> STATE_BITS,
            state: match epoch_state & STATE_MASK {
                0 => SlotState::Stable,
                1 => SlotState::Migrating,
                2 => SlotState::Draining,
                _ => SlotState::Sealing,
            },
        }
    }

    /// The core of the slot's place, for who knows the node already: one load. Panics as `route`.
    #[inline]
    #[must_use]
    pub fn core(&self, slot: u16) -> u16 {
        self.cores[usize::from(slot)]
    }

    /// Counts tables: the larger is the newer.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The nodes of this table; some may own no slot.
    #[must_use]
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }

    /// The next table, with these slots at these places. Panics on a slot, core or epoch beyond its
    /// bound.
    #[must_use]
    pub fn with(&self, changes: impl IntoIterator<Item = (u16, Place)>) -> SlotTable {
        let mut next = SlotTable { version: self.version + 1, ..self.clone() };
        for (slot, place) in changes {
            next.set(slot, place);
        }
        next
    }

    /// The next table, with these slots in `state`.
    #[must_use]
    pub fn with_state(&self, slots: impl IntoIterator<Item = u16>, state: SlotState) -> SlotTable {
        self.with(slots.into_iter().map(|slot| (slot, Place { state, ..self.route(slot) })))
    }

    /// The next table, with these slots at `node` on the cores given, one epoch later.
    #[must_use]
    pub fn with_owner(
        &self,
        node: NodeId,
        slots: impl IntoIterator<Item = (u16, u16)>,
    ) -> SlotTable {
        self.with(slots.into_iter().map(|(slot, core)| {
            let epoch = self.route(slot).epoch + 1;
            (slot, Place { node, core, epoch, state: SlotState::Stable })
        }))
    }

    /// The next table, with the slots of `node` spread over `cores` cores, moving no more of them
    /// than balance demands. Errors: `Cores`.
    pub fn with_cores(&self, node: NodeId, cores: usize) -> Result<SlotTable, RingError> {
        let slots: Vec<u16> = self.slots_of(node).collect();
        let chosen = spread(&slots, cores, |slot| Some(self.route(slot).core))?;
        let moved = slots.into_iter().zip(chosen);
        Ok(self.with(moved.map(|(slot, core)| (slot, Place { core, ..self.route(slot) }))))
    }

    /// The slots of `node`, ascending.
    pub fn slots_of(&self, node: NodeId) -> impl Iterator<Item = u16> + '_ {
        (0..SLOT_COUNT as u16).filter(move |&slot| self.route(slot).node == node)
    }

    /// The slots of one core of `node`, ascending.
    pub fn slots_of_core(&self, node: NodeId, core: u16) -> impl Iterator<Item = u16> + '_ {
        self.slots_of(node).filter(move |&slot| self.route(slot).core == core)
    }

    /// The slots of `node` as ascending ranges, as long as can be: what CLUSTER SLOTS shows.
    #[must_use]
    pub fn ranges_of(&self, node: NodeId) -> Vec<RangeInclusive<u16>> {
        let mut ranges: Vec<RangeInclusive<u16>> = Vec::new();
        for slot in self.slots_of(node) {
            match ranges.last_mut() {
                Some(last) if *last.end() + 1 == slot => *last = *last.start()..=slot,
                _ => ranges.push(slot..=slot),
            }
        }
        ranges
    }

    fn set(&mut self, slot: u16, place: Place) {
        assert!(usize::from(place.core) < CORES_MAX, "core {} is beyond its bound", place.core);
        assert!(place.epoch <= EPOCH_MAX, "epoch {} is beyond its bound", place.epoch);
        let known = self.nodes.iter().position(|&node| node == place.node);
        let node = known.unwrap_or_else(|| {
            assert!(self.nodes.len() < NODES_MAX, "a table holds {NODES_MAX} nodes at most");
            self.nodes.push(place.node);
            self.nodes.len() - 1
        });
        let at = usize::from(slot);
        (self.cores[at], self.node_indices[at]) = (place.core, node as u16);
        self.epoch_states[at] = place.epoch << STATE_BITS | u32::from(place.state as u8);
    }
}
