//! Quotas: which part of the node's limits is this shard's, and how parts change hands.
//!
//! A shard that is short asks the sibling with most to spare; where it would have to refuse writes
//! it asks earlier, and for more. When the node's limits change, every shard scales what it has, so
//! that a shard that grows never takes what another still holds.
//! Invariant: the quotas of all shards, with those under way, never sum to more than the node's
//! limits, but while a change reaches one shard after the other: then to the higher ones at most.
//! Scaling rounds down, by less than a byte and an item a shard. Cost: a reading of every shard's
//! gauges a tick.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use velodrome_engine::Limits;
use velodrome_engine::limits::MEMORY_BYTES_MIN;

use crate::config::Config;
use crate::facts::Facts;
use crate::gauges::Snapshot;
use crate::limits::LIMIT_CHANGES_MAX;
use crate::shard::Shard;
use crate::shard::parcel::{Generations, Note, Quota};

/// The node's limits as this shard knows them, and how they came about.
#[derive(Debug)]
pub(crate) struct Whole {
    memory_bytes: u64,
    items: Option<u64>,
    generations: Generations,
    /// The latest changes, the newest first.
    memory_changes: VecDeque<Scale>,
    item_changes: VecDeque<Scale>,
}

/// How a change of the node's limit changes its parts. Every shard keeps `least`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scale {
    least: u64,
    /// What there was beyond the least of every shard, and is.
    from: u64,
    to: u64,
}

impl Scale {
    fn new(shards: u64, least: u64, from: u64, to: u64) -> Self {
        let beyond = |whole: u64| whole.saturating_sub(shards * least);
        Self { least, from: beyond(from), to: beyond(to) }
    }

    /// What becomes of a part that is under way.
    fn under_way(&self, part: u64) -> u64 {
        let scaled = u128::from(part) * u128::from(self.to) / u128::from(self.from.max(1));
        scaled as u64
    }

    /// What becomes of a shard's part.
    fn quota(&self, quota: u64) -> u64 {
        self.least + self.under_way(quota.saturating_sub(self.least))
    }
}

impl Whole {
    /// The limits that a node starts with.
    pub(crate) fn of(facts: &Facts, config: &Config) -> Self {
        Self::new(facts.memory_bytes_max.load(Ordering::Relaxed), config.max_items)
    }

    fn new(memory_bytes: u64, items: Option<u64>) -> Self {
        Self {
            memory_bytes,
            items,
            generations: Generations::default(),
            memory_changes: VecDeque::new(),
            item_changes: VecDeque::new(),
        }
    }

    /// Whether these generations have seen a change that this shard has not.
    fn is_behind(&self, of: Generations) -> bool {
        let behind = |now: u32, then: u32| then.wrapping_sub(now).cast_signed() > 0;
        behind(self.generations.bytes, of.bytes) || behind(self.generations.items, of.items)
    }

    /// What a quota under way is worth now: bytes and items.
    fn worth(&self, quota: &Quota) -> (u64, u64) {
        let scaled = |part: u64, behind: u32, changes: &VecDeque<Scale>| {
            let behind = behind as usize;
            if behind > changes.len() {
                return 0;
            }
            changes.iter().take(behind).rev().fold(part, |part, scale| scale.under_way(part))
        };
        let behind = |now: u32, then: u32| now.wrapping_sub(then);
        let (now, then) = (self.generations, quota.of);
        (
            scaled(quota.bytes, behind(now.bytes, then.bytes), &self.memory_changes),
            scaled(quota.items, behind(now.items, then.items), &self.item_changes),
        )
    }
}

fn remember(changes: &mut VecDeque<Scale>, scale: Scale) {
    changes.truncate(LIMIT_CHANGES_MAX - 1);
    changes.push_front(scale);
}

impl Shard {
    /// This shard's memory when the node may have `memory_bytes`. What one shard's engine refuses
    /// all of them refuse.
    pub(super) fn memory_quota(&self, memory_bytes: u64) -> u64 {
        let shards = self.facts.shard_count() as u64;
        let scale = Scale::new(shards, MEMORY_BYTES_MIN, self.whole.memory_bytes, memory_bytes);
        if scale.from == 0 || memory_bytes < shards * MEMORY_BYTES_MIN {
            return memory_bytes / shards;
        }
        scale.quota(self.engine.limits().memory_bytes_max)
    }

    /// This shard's items when the node may have `items`; 0 on every shard when they are fewer
    /// than the shards.
    pub(super) fn item_quota(&self, items: Option<u64>) -> Option<u64> {
        let (shards, id) = (self.facts.shard_count() as u64, u64::from(self.id));
        let items = items?;
        if items < shards {
            return Some(0);
        }
        let even = items / shards + u64::from(id < items % shards);
        let Some(before) = self.whole.items.filter(|before| *before > shards) else {
            return Some(even);
        };
        let scale = Scale::new(shards, 1, before, items);
        self.engine.limits().items_max.map(|quota| scale.quota(quota))
    }

    /// The node's limits have been changed, and this shard's quota with them.
    pub(super) fn limits_changed(&mut self, memory_bytes: Option<u64>, items: Option<Option<u64>>) {
        let shards = self.facts.shard_count() as u64;
        let whole = &mut self.whole;
        if let Some(memory_bytes) = memory_bytes {
            let scale = Scale::new(shards, MEMORY_BYTES_MIN, whole.memory_bytes, memory_bytes);
            remember(&mut whole.memory_changes, scale);
            whole.generations.bytes = whole.generations.bytes.wrapping_add(1);
            whole.memory_bytes = memory_bytes;
        }
        if let Some(items) = items {
            let (from, to) = (whole.items.unwrap_or(0), items.unwrap_or(0));
            remember(&mut whole.item_changes, Scale::new(shards, 1, from, to));
            whole.generations.items = whole.generations.items.wrapping_add(1);
            whole.items = items;
        }
        self.publish();
    }

    /// Asks the siblings with most room for a part of their quota: for a step when this shard's is
    /// used up, or, where writes would be refused then, ahead of that for half of what they have
    /// more, so that all run short together wherever is written.
    pub(crate) fn balance_quota(&mut self) {
        let limits = *self.engine.limits();
        let (step, of) = (quota_step(&limits), self.whole.generations);
        let ahead = self.engine.policy().refuses();
        let room = |it: &Snapshot| it.quota_bytes.saturating_sub(it.accounted_bytes);
        let own = limits.memory_bytes_max.saturating_sub(self.engine.accounted_bytes());
        let wanted = self.richest(room).and_then(|(sibling, most)| {
            let bytes = if ahead { part_of(most, own, step) } else { step };
            let short = ahead || own < step && most > 2 * step;
            (short && bytes > 0).then_some((sibling, bytes))
        });
        if let Some((sibling, bytes)) = wanted {
            self.send(sibling, Note::QuotaWanted(Quota { bytes, items: 0, of }));
        }
        let Some(items_max) = limits.items_max else { return };
        let room = |it: &Snapshot| it.quota_items.saturating_sub(it.items);
        let own = items_max.saturating_sub(self.engine.stats().items);
        let wanted = self.richest(room).and_then(|(sibling, most)| {
            let items = if ahead { part_of(most, own, 1) } else { items_max.div_ceil(8) };
            let short = ahead || own == 0 && most > 1;
            (short && items > 0).then_some((sibling, items))
        });
        if let Some((sibling, items)) = wanted {
            self.send(sibling, Note::QuotaWanted(Quota { bytes: 0, items, of }));
        }
    }

    /// The sibling with most of what `room` measures, and how much that is.
    fn richest(&self, room: impl Fn(&Snapshot) -> u64) -> Option<(u16, u64)> {
        let siblings = (0..self.facts.shard_count()).filter(|at| *at != usize::from(self.id));
        let rooms = siblings.map(|at| (at as u16, room(&self.facts.gauges[at].snapshot())));
        rooms.max_by_key(|(_, room)| *room)
    }

    /// Gives a sibling what this shard can spare.
    pub(crate) fn quota_wanted(&mut self, from: u16, wanted: Quota) {
        let mut limits = *self.engine.limits();
        let step = quota_step(&limits);
        let (bytes, items) = self.whole.worth(&wanted);
        let room = limits.memory_bytes_max.saturating_sub(self.engine.accounted_bytes());
        let bytes = if room >= 2 * step { bytes.min(room / 2) } else { 0 };
        let spare = limits.items_max.map_or(0, |max| max.saturating_sub(self.engine.stats().items));
        let items = items.min(spare / 2);
        limits.memory_bytes_max -= bytes;
        limits.items_max = limits.items_max.map(|max| max - items);
        if (bytes > 0 || items > 0) && self.engine.set_limits(limits).is_ok() {
            let of = self.whole.generations;
            self.send(from, Note::QuotaGiven(Quota { bytes, items, of }));
        }
        // Who asked has asked by figures that may be old.
        self.publish();
    }

    /// Adds what a sibling gave, or gives it back when it is more than an engine can have, or a
    /// part of limits that have not come here yet.
    pub(crate) fn quota_given(&mut self, from: u16, given: Quota) {
        if self.whole.is_behind(given.of) {
            return self.send(from, Note::QuotaGiven(given));
        }
        let mut limits = *self.engine.limits();
        let (bytes, items) = self.whole.worth(&given);
        limits.memory_bytes_max += bytes;
        limits.items_max = limits.items_max.map(|max| max + items);
        if self.engine.set_limits(limits).is_err() {
            let of = self.whole.generations;
            self.send(from, Note::QuotaGiven(Quota { bytes, items, of }));
        }
        self.publish();
    }
}

/// Half of what `most` is more than `own`, if it is twice as much and that is `least` or more.
fn part_of(most: u64, own: u64, least: u64) -> u64 {
    let more = most.saturating_sub(own) / 2;
    if most / 2 >= own && more >= least { more } else { 0 }
}

/// Bytes of quota that change hands at a time.
fn quota_step(limits: &Limits) -> u64 {
    (limits.memory_bytes_max / 16).max(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn scaled_quotas_never_exceed_the_limit() {
        let cases = [
            ([26, 2, 2, 2], 32, 16),
            ([8, 8, 8, 8], 32, 33),
            ([5, 3, 17, 7], 32, 8),
            ([2, 2, 2, 26], 32, 1000),
        ];
        for (quotas, from, to) in cases {
            let scale = Scale::new(4, MEMORY_BYTES_MIN, from * MIB, to * MIB);
            let scaled: Vec<u64> = quotas.iter().map(|quota| scale.quota(quota * MIB)).collect();
            let sum: u64 = scaled.iter().sum();
            assert!(sum <= to * MIB && sum + 4 > to * MIB, "{scaled:?}");
            assert!(scaled.iter().all(|quota| *quota >= MEMORY_BYTES_MIN));
        }
    }

    #[test]
    fn a_quota_under_way_is_worth_its_part_of_the_new_limits() {
        let mut whole = Whole::new(64 * MIB, Some(400));
        let given = Quota { bytes: 8 * MIB, items: 40, of: Generations::default() };
        assert_eq!(whole.worth(&given), (8 * MIB, 40));
        assert!(whole.is_behind(Generations { bytes: 0, items: 1 }));
        for (from, to) in [(64, 34), (34, 64), (64, 34)] {
            let scale = Scale::new(2, MEMORY_BYTES_MIN, from * MIB, to * MIB);
            remember(&mut whole.memory_changes, scale);
            whole.generations.bytes += 1;
        }
        // Half of the 60 MiB beyond the least are left.
        assert_eq!(whole.worth(&given), (4 * MIB, 40));
        for _ in 0..LIMIT_CHANGES_MAX {
            remember(&mut whole.memory_changes, Scale::new(2, MEMORY_BYTES_MIN, 1, 1));
            whole.generations.bytes += 1;
        }
        assert_eq!(whole.worth(&given), (0, 40), "so many changes at once happen to nobody");
        assert_eq!(whole.memory_changes.len(), LIMIT_CHANGES_MAX);
        assert!(!whole.is_behind(given.of));
    }
}
