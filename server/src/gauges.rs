//! What a shard publishes for others to read.
//!
//! One shard writes its own gauges, anybody reads them: INFO, the control plane. Invariant: every
//! figure is one that its shard held at some time; figures of one reading may be of different
//! turns. Cost: relaxed stores of a few dozen words, once in a while.

use std::sync::atomic::{AtomicU64, Ordering};

use velodrome_engine::{DATABASES_MAX, Effects, Engine};

macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// The figures of one shard, shared.
        #[derive(Debug, Default)]
        pub struct Gauges {
            $($(#[$doc])* pub $name: AtomicU64,)+
            /// Items of each database.
            pub keys: [AtomicU64; DATABASES_MAX],
            /// Items of each database that have a deadline.
            pub expires: [AtomicU64; DATABASES_MAX],
        }

        /// The figures of one shard, or the sums of several, at a time.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Snapshot {
            $($(#[$doc])* pub $name: u64,)+
            /// Items of each database.
            pub keys: [u64; DATABASES_MAX],
            /// Items of each database that have a deadline.
            pub expires: [u64; DATABASES_MAX],
        }

        impl Gauges {
            /// Replaces all figures; only the shard they belong to does so.
            pub fn publish(&self, figures: &Snapshot) {
                $(self.$name.store(figures.$name, Ordering::Relaxed);)+
                for (gauge, figure) in self.keys.iter().zip(figures.keys) {
                    gauge.store(figure, Ordering::Relaxed);
                }
                for (gauge, figure) in self.expires.iter().zip(figures.expires) {
                    gauge.store(figure, Ordering::Relaxed);
                }
            }

            /// The figures as last published.
            pub fn snapshot(&self) -> Snapshot {
                Snapshot {
                    $($name: self.$name.load(Ordering::Relaxed),)+
                    keys: self.keys.each_ref().map(|gauge| gauge.load(Ordering::Relaxed)),
                    expires: self.expires.each_ref().map(|gauge| gauge.load(Ordering::Relaxed)),
                }
            }
        }

        impl Snapshot {
            /// Adds another shard's figures.
            pub fn add(&mut self, other: &Snapshot) {
                $(self.$name += other.$name;)+
                for db in 0..DATABASES_MAX {
                    self.keys[db] += other.keys[db];
                    self.expires[db] += other.expires[db];
                }
            }
        }
    };
}

figures! {
    /// Client connections.
    sessions,
    /// Connections accepted since the start.
    accepted,
    /// Connections refused because there were too many.
    rejected,
    /// Connections whose commands wait for a transaction, a pause or a sibling.
    blocked,
    /// Connections that watch keys.
    watching,
    /// Commands executed.
    commands,
    /// Requests answered with an error.
    errors,
    /// Reads that found a key.
    hits,
    /// Reads that found none.
    misses,
    /// Items removed because their deadline passed.
    expired,
    /// Items removed because their room was needed.
    evicted,
    /// Items in all databases.
    items,
    /// Bytes that count against the limit.
    accounted_bytes,
    /// Bytes this shard may hold.
    quota_bytes,
    /// Items this shard may hold; 0 for any number.
    quota_items,
    /// Segments in use.
    segments,
    /// Bytes of live records.
    live_bytes,
    /// Bytes of dead records.
    dead_bytes,
    /// Bytes of the index.
    index_bytes,
    /// Bytes of large values.
    large_bytes,
    /// Bytes that compaction has copied.
    copied_bytes,
    /// Bytes that writes have appended.
    written_bytes,
    /// Times a write had to make more room than its own share.
    stalls,
    /// Bytes of all connections' buffers.
    client_bytes,
    /// Bytes received.
    input_bytes,
    /// Bytes sent.
    output_bytes,
    /// Turns of the loop.
    turns,
    /// Requests and transactions that wait for held slots.
    waiting,
    /// Commands under way on several shards.
    gathers,
    /// Entries of the slow log.
    slowlog_entries,
}

impl Snapshot {
    /// The figures that an engine knows; the others are 0.
    pub fn of_engine<E: Effects>(engine: &Engine<E>) -> Self {
        let stats = engine.stats();
        let limits = engine.limits();
        let db = |at: usize| at as u8;
        Self {
            hits: stats.hits,
            misses: stats.misses,
            expired: stats.expired,
            evicted: stats.evicted,
            items: stats.items,
            accounted_bytes: engine.accounted_bytes(),
            quota_bytes: limits.memory_bytes_max,
            quota_items: limits.items_max.unwrap_or(0),
            segments: stats.segments,
            live_bytes: stats.live_bytes,
            dead_bytes: stats.dead_bytes,
            index_bytes: stats.index_bytes,
            large_bytes: stats.large_bytes,
            copied_bytes: stats.copied_bytes,
            written_bytes: stats.written_bytes,
            stalls: stats.stalls,
            keys: std::array::from_fn(|at| engine.len(db(at))),
            expires: std::array::from_fn(|at| engine.len_with_deadline(db(at))),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_read_and_summed() {
        let gauges = [Gauges::default(), Gauges::default()];
        let mut first = Snapshot { commands: 3, waiting: 1, ..Snapshot::default() };
        first.keys[15] = 7;
        gauges[0].publish(&first);
        gauges[1].publish(&Snapshot { commands: 4, ..first });
        assert_eq!(gauges[0].snapshot(), first);
        let mut sum = Snapshot::default();
        gauges.iter().for_each(|gauges| sum.add(&gauges.snapshot()));
        assert_eq!((sum.commands, sum.waiting, sum.keys[15], sum.expires[15]), (7, 2, 14, 0));
    }
}
