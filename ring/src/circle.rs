//! The circle of virtual nodes: consistent hashing.
//!
//! Owns the members with their weights, and their points on a circle of 2⁶⁴ positions. A node of
//! weight `w` has `w * virtual_nodes` points; a position belongs to the node of the first point at
//! or after it, clockwise. Invariant: `points` is sorted and is a function of the members alone,
//! not of the order in which they came. Point `i` of a node is `mix(mix(id) ^ mix(i))` (see
//! `mix.rs`). Cost: `owner` one binary search, `add` one sort of the points, `remove` one pass over
//! them; 16 bytes a point.

use std::collections::BTreeMap;

use crate::error::RingError;
use crate::limits::{CIRCLE_POINTS_MAX, NODES_MAX, VIRTUAL_NODES, VIRTUAL_NODES_MAX, WEIGHT_MAX};
use crate::mix::mix;
use crate::node::NodeId;
use crate::slot::SLOT_COUNT;

/// Where `slot` stands on the circle. The upper half of the number set here keeps slots apart from
/// the indices of virtual nodes.
#[must_use]
pub fn slot_point(slot: u16) -> u64 {
    debug_assert!(usize::from(slot) < SLOT_COUNT);
    mix(0x5107_0000_0000_0000 | u64::from(slot))
}

/// Nodes on a circle. See the file's head.
#[derive(Clone, Debug)]
pub struct Circle {
    virtual_nodes: u32,
    members: BTreeMap<NodeId, u32>,
    points: Vec<(u64, NodeId)>,
}

impl Default for Circle {
    fn default() -> Circle {
        Circle { virtual_nodes: VIRTUAL_NODES, members: BTreeMap::new(), points: Vec::new() }
    }
}

impl Circle {
    /// An empty circle with `VIRTUAL_NODES` points for each unit of weight.
    #[must_use]
    pub fn new() -> Circle {
        Circle::default()
    }

    /// An empty circle with `count` points for each unit of weight.
    /// Errors: `VirtualNodes` when `count` is 0 or above `VIRTUAL_NODES_MAX`.
    pub fn with_virtual_nodes(count: u32) -> Result<Circle, RingError> {
        if !(1..=VIRTUAL_NODES_MAX).contains(&count) {
            return Err(RingError::VirtualNodes(count));
        }
        Ok(Circle { virtual_nodes: count, ..Circle::default() })
    }

    /// Puts `node` on the circle; `weight` is its share relative to a node of weight 1.
    /// Errors: `Weight`, `Duplicate`, `TooManyNodes`, `TooManyPoints`; the circle then stays.
    pub fn add(&mut self, node: NodeId, weight: u32) -> Result<(), RingError> {
        if !(1..=WEIGHT_MAX).contains(&weight) {
            return Err(RingError::Weight(weight));
        }
        if self.members.contains_key(&node) {
            return Err(RingError::Duplicate(node));
        }
        if self.members.len() == NODES_MAX {
            return Err(RingError::TooManyNodes);
        }
        let added = self.virtual_nodes * weight;
        let count = self.points.len() + added as usize;
        if count > CIRCLE_POINTS_MAX {
            return Err(RingError::TooManyPoints(count));
        }
        self.members.insert(node, weight);
        let home = mix(node.0);
        self.points.extend((0..added).map(|index| (mix(home ^ mix(u64::from(index))), node)));
        self.points.sort_unstable();
        Ok(())
    }

    /// Takes `node` off the circle. Errors: `Unknown`.
    pub fn remove(&mut self, node: NodeId) -> Result<(), RingError> {
        self.members.remove(&node).ok_or(RingError::Unknown(node))?;
        self.points.retain(|&(_, owner)| owner != node);
        Ok(())
    }

    /// The node `point` belongs to: its clockwise successor. Errors: `Empty`.
    pub fn owner(&self, point: u64) -> Result<NodeId, RingError> {
        self.walk(point).next().ok_or(RingError::Empty)
    }

    /// The first `count` distinct nodes clockwise from `point`, the owner first; all nodes when
    /// there are fewer. Errors: `Empty`.
    pub fn owners(&self, point: u64, count: usize) -> Result<Vec<NodeId>, RingError> {
        if self.is_empty() {
            return Err(RingError::Empty);
        }
        let wanted = count.min(self.len());
        let mut owners = Vec::with_capacity(wanted);
        let mut walk = self.walk(point);
        while owners.len() < wanted {
            match walk.next() {
                Some(node) if !owners.contains(&node) => owners.push(node),
                Some(_) => {}
                None => break,
            }
        }
        Ok(owners)
    }

    /// The nodes of all points clockwise from `point`, once around, with repetitions.
    pub fn walk(&self, point: u64) -> impl Iterator<Item = NodeId> + '_ {
        let start = self.points.partition_point(|&(position, _)| position < point);
        let (before, after) = self.points.split_at(start);
        after.iter().chain(before).map(|&(_, node)| node)
    }

    /// The members in ascending order of identity, each with its weight.
    pub fn members(&self) -> impl Iterator<Item = (NodeId, u32)> + '_ {
        self.members.iter().map(|(&node, &weight)| (node, weight))
    }

    /// The weight of `node`, or `None` when it is not on the circle.
    #[must_use]
    pub fn weight(&self, node: NodeId) -> Option<u32> {
        self.members.get(&node).copied()
    }

    /// Points for each unit of weight.
    #[must_use]
    pub fn virtual_nodes(&self) -> u32 {
        self.virtual_nodes
    }

    /// Nodes on the circle.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether the circle has no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
