//! The place between a driver's bytes and the codecs: every received chunk and every byte sent
//! passes here. Today bytes pass unchanged; encryption would be another variant.
//!
//! Cost of identity: none.

use crate::buffers::Chunk;

/// How a connection's bytes on the wire relate to what the server reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Transform {
    #[default]
    Identity,
}

impl Transform {
    /// From the wire to the server.
    #[inline]
    pub(crate) fn inbound(self, bytes: Chunk) -> Chunk {
        match self {
            Transform::Identity => bytes,
        }
    }

    /// From the server to the wire, in place, just before bytes are staged for sending.
    #[inline]
    pub(crate) fn outbound(self, _queued: &mut Vec<u8>) {
        match self {
            Transform::Identity => {}
        }
    }
}
