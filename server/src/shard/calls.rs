//! How often each command was called on this shard, sub-commands by themselves.
//!
//! Cost: one addition a command.

use velodrome_net::command::{SPEC_COUNT, Spec};

/// Calls since the start, or since CONFIG RESETSTAT.
#[derive(Clone, Debug)]
pub(crate) struct Calls(Box<[u64; SPEC_COUNT]>);

impl Default for Calls {
    fn default() -> Self {
        Self(Box::new([0; SPEC_COUNT]))
    }
}

impl Calls {
    /// Counts one call.
    #[inline]
    pub(crate) fn count(&mut self, spec: &Spec) {
        self.0[usize::from(spec.id)] += 1;
    }

    /// The calls of each command, by `Spec::id`.
    pub(crate) fn by_id(&self) -> &[u64] {
        &self.0[..]
    }
}
