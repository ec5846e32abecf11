//! Who is told of every change of a shard's dataset.
//!
//! Log, replication, invalidation and notifications will stand beside WATCH here; none of them
//! hooks commands.

use velodrome_engine::{Change, Effect, Effects};

use crate::shard::watch::WatchTable;

/// The consumers of one shard's effects.
#[derive(Debug, Default)]
pub(crate) struct Consumers {
    pub(crate) watch: WatchTable,
}

impl Effects for Consumers {
    #[inline]
    fn emit(&mut self, effect: &Effect<'_>) {
        if !self.watch.is_empty() {
            tell_watchers(&mut self.watch, effect);
        }
    }
}

#[cold]
fn tell_watchers(watch: &mut WatchTable, effect: &Effect<'_>) {
    match effect.change {
        Change::Written { key, .. } | Change::Redated { key, .. } | Change::Removed { key, .. } => {
            watch.changed(effect.db, effect.slot, key);
        }
        Change::Flushed => watch.flushed(effect.db, effect.slot),
    }
}
