//! What a replay found.
//!
//! Owns the counts of one pass. Invariant: what was missed is part of what was asked for. Cost:
//! constant a request.

use serde::{Deserialize, Serialize};

use super::objects::Objects;

/// What bounds a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Items.
    Items(u64),
    /// Bytes, everything that belongs to an item counted.
    Bytes(u64),
}

/// What replayed the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Engines in this process.
    Engine,
    /// A simulation of the definition.
    Exact,
    /// A server over the network.
    Node,
}

/// One cache's replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What replayed it.
    pub kind: Kind,
    /// The policy; of a server that was not configured, its address.
    pub policy: String,
    /// Shards, 0 where that is the server's matter.
    pub shards: usize,
    /// The bound, in items or bytes; 0 where that is the server's matter.
    pub size: u64,
    /// What was asked for and what was missed.
    pub tally: Tally,
    /// What was held at the end, where it is known.
    pub held: Option<Held>,
    /// `tally`, as shares.
    pub miss_ratio: f64,
    /// The same, every request counted by its object's bytes.
    pub byte_miss_ratio: f64,
}

/// Counts of one pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests.
    pub requests: u64,
    /// Those for an object that was not there.
    pub misses: u64,
    /// Objects the cache refused to take.
    pub refused: u64,
    /// Bytes asked for: keys and values.
    pub bytes: u64,
    /// Those of objects that were not there.
    pub bytes_missed: u64,
}

/// What a cache held at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Objects.
    pub items: u64,
    /// Bytes of their keys and values.
    pub payload_bytes: u64,
    /// Bytes an object takes beyond key and value, in its record and in the index.
    pub overhead_bytes: f64,
    /// Share of the bound that no object used: dead records and free segments.
    pub idle_share: f64,
}

impl Tally {
    /// Counts one request.
    #[inline]
    pub fn count(&mut self, objects: &Objects, object: u32, hit: bool) {
        let bytes = objects.bytes(object);
        self.requests += 1;
        self.bytes += bytes;
        if !hit {
            self.misses += 1;
            self.bytes_missed += bytes;
        }
    }
}

impl Figure {
    /// The figure of one pass.
    pub fn new(kind: Kind, policy: &str, shards: usize, size: u64, tally: Tally) -> Figure {
        let share = |part: u64, all: u64| part as f64 / all.max(1) as f64;
        Figure {
            kind,
            policy: policy.to_owned(),
            shards,
            size,
            tally,
            held: None,
            miss_ratio: share(tally.misses, tally.requests),
            byte_miss_ratio: share(tally.bytes_missed, tally.bytes),
        }
    }

    /// Whether `exact` is what this is to be compared with: the definition of the same policy,
    /// under the same bound, and charged for the same shards where that matters.
    pub fn is_measured_by(&self, exact: &Figure) -> bool {
        self.kind != Kind::Exact
            && exact.kind == Kind::Exact
            && self.policy == exact.policy
            && self.size == exact.size
            && (exact.shards == 0 || self.shards == exact.shards)
    }
}

impl Budget {
    /// The number, of whatever it is.
    pub fn size(self) -> u64 {
        match self {
            Budget::Items(items) => items,
            Budget::Bytes(bytes) => bytes,
        }
    }

    /// The part of one of `shards`, of which the first get what cannot be dealt evenly.
    pub fn part(self, shard: usize, shards: usize) -> Budget {
        let (shard, shards) = (shard as u64, shards as u64);
        match self {
            Budget::Items(items) => {
                Budget::Items(items / shards + u64::from(shard < items % shards))
            }
            Budget::Bytes(bytes) => Budget::Bytes(bytes / shards),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole() {
        let part = |shard| Budget::Items(10).part(shard, 4).size();
        assert_eq!((0..4).map(part).collect::<Vec<_>>(), [3, 3, 2, 2]);
        assert_eq!(Budget::Bytes(4096).part(3, 4), Budget::Bytes(1024));
    }

    #[test]
    fn shares_are_of_requests_and_of_bytes() {
        let tally =
            Tally { requests: 4, misses: 1, bytes: 100, bytes_missed: 70, ..Tally::default() };
        let figure = Figure::new(Kind::Exact, "lru", 1, 3, tally);
        assert_eq!((figure.miss_ratio, figure.byte_miss_ratio), (0.25, 0.7));
        let engine = |shards| Figure { kind: Kind::Engine, shards, ..figure.clone() };
        assert!(engine(1).is_measured_by(&figure) && !figure.is_measured_by(&figure));
        assert!(!engine(8).is_measured_by(&figure));
        assert!(engine(8).is_measured_by(&Figure { shards: 0, ..figure.clone() }));
    }
}
