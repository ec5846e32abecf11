//! WATCH: which clients asked to be told when a key changes.
//!
//! A consumer of effects: commands, expiry, eviction and flush all reach it the same way, so none
//! can be forgotten. An item's time may be up before its removal makes an effect, so a key is
//! watched with its deadline. Invariant: a watcher whose key has changed is dirty until it is
//! forgotten. Cost: one comparison per effect while nobody watches.

use std::collections::HashMap;
use std::num::NonZeroU64;

use velodrome_engine::DATABASES_MAX;

/// A client as a watcher: its id, unique within the node.
pub(crate) type Watcher = u64;

/// The watchers of one shard's keys.
#[derive(Debug, Default)]
pub(crate) struct WatchTable {
    slots: [HashMap<u16, Watched>; DATABASES_MAX],
    watchers: HashMap<Watcher, Watching>,
}

/// The watched keys of a slot, and by whom: a flush of all slots looks at each key once.
type Watched = HashMap<Box<[u8]>, Vec<Watcher>>;

#[derive(Debug, Default)]
struct Watching {
    dirty: bool,
    /// The first deadline among the keys, as they were when they began to be watched.
    deadline_ms: Option<NonZeroU64>,
    keys: Vec<(u8, u16, Box<[u8]>)>,
}

impl WatchTable {
    /// Whether nobody watches anything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    /// Starts to watch a key with this deadline; watching it twice is no error.
    pub(crate) fn watch(
        &mut self,
        watcher: Watcher,
        db: u8,
        slot: u16,
        key: &[u8],
        deadline_ms: Option<NonZeroU64>,
    ) {
        let slots = &mut self.slots[usize::from(db)];
        let by = slots.entry(slot).or_default().entry(key.into()).or_default();
        if !by.contains(&watcher) {
            by.push(watcher);
            let watching = self.watchers.entry(watcher).or_default();
            watching.keys.push((db, slot, key.into()));
            watching.deadline_ms = watching.deadline_ms.into_iter().chain(deadline_ms).min();
        }
    }

    /// Whether none of the watcher's keys has changed or expired. One who watches nothing is clean.
    pub(crate) fn clean(&self, watcher: Watcher, now_ms: u64) -> bool {
        self.watchers.get(&watcher).is_none_or(|watching| {
            let expired = watching.deadline_ms.is_some_and(|at_ms| at_ms.get() <= now_ms);
            !watching.dirty && !expired
        })
    }

    /// Forgets a client: EXEC, DISCARD, UNWATCH, or its connection has gone.
    pub(crate) fn forget(&mut self, watcher: Watcher) {
        let Some(watching) = self.watchers.remove(&watcher) else { return };
        for (db, slot, key) in watching.keys {
            let slots = &mut self.slots[usize::from(db)];
            let Some(watched) = slots.get_mut(&slot) else { continue };
            let Some(by) = watched.get_mut(&key) else { continue };
            by.retain(|by| *by != watcher);
            if by.is_empty() {
                watched.remove(&key);
            }
            if watched.is_empty() {
                slots.remove(&slot);
            }
        }
    }

    /// A key has changed.
    pub(crate) fn changed(&mut self, db: u8, slot: u16, key: &[u8]) {
        let watched = self.slots[usize::from(db)].get(&slot);
        if let Some(by) = watched.and_then(|watched| watched.get(key)) {
            mark(&mut self.watchers, by);
        }
    }

    /// Every key of a slot has gone.
    pub(crate) fn flushed(&mut self, db: u8, slot: u16) {
        for by in self.slots[usize::from(db)].get(&slot).into_iter().flat_map(HashMap::values) {
            mark(&mut self.watchers, by);
        }
    }
}

fn mark(watchers: &mut HashMap<Watcher, Watching>, dirty: &[Watcher]) {
    for watcher in dirty {
        if let Some(watching) = watchers.get_mut(watcher) {
            watching.dirty = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_makes_every_watcher_dirty_until_forgotten() {
        let mut table = WatchTable::default();
        table.watch(1, 0, 7, b"k", None);
        table.watch(2, 0, 7, b"k", None);
        table.watch(2, 1, 7, b"k", None);
        table.changed(1, 7, b"k");
        assert!(table.clean(1, 0) && !table.clean(2, 0));
        table.flushed(0, 8);
        assert!(table.clean(1, 0));
        table.flushed(0, 7);
        assert!(!table.clean(1, 0));
        table.forget(1);
        table.forget(2);
        assert!(table.is_empty() && table.clean(1, 0));
        assert!(table.slots.iter().all(HashMap::is_empty));
    }

    #[test]
    fn the_first_deadline_ends_a_watch() {
        let mut table = WatchTable::default();
        table.watch(1, 0, 7, b"k", NonZeroU64::new(90));
        table.watch(1, 0, 7, b"l", NonZeroU64::new(50));
        table.watch(1, 0, 7, b"m", None);
        assert!(table.clean(1, 49) && !table.clean(1, 50));
    }
}
