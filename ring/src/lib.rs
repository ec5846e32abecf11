//! Where keys live: slots, the consistent-hash ring, and the table every request is routed by.
//!
//! Owns the mapping key → slot → node → core and nothing else: no sockets, no clocks, no threads,
//! no randomness. Invariant: every function here is a pure function of its arguments, equal on
//! every run and platform, so that nodes which agree on the members agree on the placement.
//!
//! The modules below stand in reading order, and each imports only from those that follow it.

#![forbid(unsafe_code)]

// What a request is routed by: for each slot its node, core, epoch and state.
mod table;
// Slots on nodes: the ring's choice, corrected so that no node carries more than its bound.
mod placement;
// A placement in the making: keep, shed, settle.
mod draft;
// Slots on the cores of one node.
mod cores;
// The circle of virtual nodes.
mod circle;
// What can be wrong with a ring, in words that say what to do.
mod error;
// A node's identity.
mod node;
// The mixing function behind every point of the circle.
mod mix;
// Keys to slots, as Redis Cluster counts them.
mod slot;
// Every bound of this crate.
pub mod limits;

pub use circle::{Circle, slot_point};
pub use cores::spread;
pub use error::RingError;
pub use node::NodeId;
pub use placement::Placement;
pub use slot::{SLOT_COUNT, crc16, hash_tag, slot};
pub use table::{Place, SlotState, SlotTable};
