//! A node's identity on the ring.
//!
//! Owns one number. Invariant: an identity is never given to another node, whatever its address or
//! incarnation. Cost: 8 bytes, copied.

use std::fmt;

use crate::mix::hash_bytes;

/// The identity of one node (one running process); stable over restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl NodeId {
    /// The identity of the node that was given `name` (`--node-id`): the same on every platform.
    /// Two names meet in one identity with a chance of 2⁻⁶⁴; `Circle::add` then refuses the second.
    #[must_use]
    pub fn of_name(name: &str) -> NodeId {
        NodeId(hash_bytes(name.as_bytes()))
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_pinned_identities() {
        assert_eq!(NodeId::of_name("a"), NodeId::of_name("a"));
        assert_ne!(NodeId::of_name("a"), NodeId::of_name("b"));
        assert_eq!(NodeId(255).to_string(), "00000000000000ff");
    }
}
