//! What can be wrong with a ring, in words that say what to do.
//!
//! Owns the refusals of this crate: all are the caller's to mend, none is a defect of the ring.
//! Cost: none unless one is raised.

use std::{error, fmt};

use crate::limits::{
    CIRCLE_POINTS_MAX, COPIES_MAX, CORES_MAX, NODES_MAX, VIRTUAL_NODES_MAX, WEIGHT_MAX,
};
use crate::node::NodeId;

/// Why the ring refused; the text says what would be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingError {
    /// An owner was asked for, and there is no node.
    Empty,
    /// The node is on the ring already.
    Duplicate(NodeId),
    /// The node is not on the ring.
    Unknown(NodeId),
    /// The weight is 0 or above `WEIGHT_MAX`.
    Weight(u32),
    /// The number of virtual nodes is 0 or above `VIRTUAL_NODES_MAX`.
    VirtualNodes(u32),
    /// The ring holds `NODES_MAX` nodes already.
    TooManyNodes,
    /// The circle would hold more than `CIRCLE_POINTS_MAX` points.
    TooManyPoints(usize),
    /// The number of copies is 0 or above `COPIES_MAX`.
    Copies(usize),
    /// The number of cores is 0 or above `CORES_MAX`.
    Cores(usize),
}

impl error::Error for RingError {}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            RingError::Empty => f.write_str("the ring has no nodes: add one with Circle::add"),
            RingError::Duplicate(node) => {
                write!(f, "node {node} is on the ring already: remove it first, or add another")
            }
            RingError::Unknown(node) => write!(f, "node {node} is not on the ring: add it first"),
            RingError::Weight(weight) => {
                write!(f, "a node's weight must be 1 to {WEIGHT_MAX}, not {weight}")
            }
            RingError::VirtualNodes(count) => {
                write!(f, "virtual nodes must be 1 to {VIRTUAL_NODES_MAX} a node, not {count}")
            }
            RingError::TooManyNodes => {
                write!(f, "the ring holds {NODES_MAX} nodes, its limit: remove one first")
            }
            RingError::TooManyPoints(count) => write!(
                f,
                "the circle would hold {count} points, above its limit of {CIRCLE_POINTS_MAX}: \
                 lower the virtual nodes or the weights"
            ),
            RingError::Copies(count) => {
                write!(f, "copies of a slot must be 1 to {COPIES_MAX}, not {count}")
            }
            RingError::Cores(count) => {
                write!(f, "cores of a node must be 1 to {CORES_MAX}, not {count}")
            }
        }
    }
}
