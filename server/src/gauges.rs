//! What a shard publishes for others to read.
//!
//! One shard writes its own gauges, anybody reads them: INFO, siblings short of quota. Invariant:
//! every figure is one that its shard held at some time; figures of one reading may be of different
//! turns. Cost: relaxed stores of a few dozen words, once in a while.

use std::sync::atomic::{AtomicU64, Ordering};

use velodrome_engine::{DATABASES_MAX, Effects, Engine};
use velodrome_net::command::SPEC_COUNT;

/// A rate is measured over at least this time.
const RATE_MS_MIN: u64 = 1000;

macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident,)+; $($(#[$doc_max:meta])* $max:ident,)+) => {
        /// The figures of one shard, shared.
        #[derive(Debug, Default)]
        pub(crate) struct Gauges {
            $($(#[$doc])* pub(crate) $name: AtomicU64,)+
            $($(#[$doc_max])* pub(crate) $max: AtomicU64,)+
            /// Items of each database.
            pub(crate) keys: [AtomicU64; DATABASES_MAX],
            /// Items of each database that have a deadline.
            pub(crate) expires: [AtomicU64; DATABASES_MAX],
            /// How often each command was called.
            pub(crate) calls: CallGauges,
            /// Microseconds that the calls of each command took.
            pub(crate) took_us: CallGauges,
            /// When and with how many commands the present measurement of their rate began.
            measured: [AtomicU64; 2],
        }

        /// The figures of one shard, or the sums of several, at a time.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(crate) struct Snapshot {
            $($(#[$doc])* pub(crate) $name: u64,)+
            $($(#[$doc_max])* pub(crate) $max: u64,)+
            /// Items of each database.
            pub(crate) keys: [u64; DATABASES_MAX],
            /// Items of each database that have a deadline.
            pub(crate) expires: [u64; DATABASES_MAX],
        }

        impl Gauges {
            /// Replaces all figures at `now_ms`; only the shard they belong to does so.
            pub(crate) fn publish(&self, figures: &Snapshot, now_ms: u64) {
                let commands_per_s = self.commands_per_s(figures.commands, now_ms);
                let figures = &Snapshot { commands_per_s, ..*figures };
                $(self.$name.store(figures.$name, Ordering::Relaxed);)+
                $(self.$max.store(figures.$max, Ordering::Relaxed);)+
                for (gauge, figure) in self.keys.iter().zip(figures.keys) {
                    gauge.store(figure, Ordering::Relaxed);
                }
                for (gauge, figure) in self.expires.iter().zip(figures.expires) {
                    gauge.store(figure, Ordering::Relaxed);
                }
            }

            /// The figures as last published.
            pub(crate) fn snapshot(&self) -> Snapshot {
                Snapshot {
                    $($name: self.$name.load(Ordering::Relaxed),)+
                    $($max: self.$max.load(Ordering::Relaxed),)+
                    keys: self.keys.each_ref().map(|gauge| gauge.load(Ordering::Relaxed)),
                    expires: self.expires.each_ref().map(|gauge| gauge.load(Ordering::Relaxed)),
                }
            }
        }

        impl Snapshot {
            /// Adds another shard's figures; of the longest steps the longer one counts.
            pub(crate) fn add(&mut self, other: &Snapshot) {
                $(self.$name += other.$name;)+
                $(self.$max = self.$max.max(other.$max);)+
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
    /// Connections that CLIENT PAUSE holds back.
    blocked,
    /// Connections that watch keys.
    watching,
    /// Commands executed.
    commands,
    /// Commands a second, of late.
    commands_per_s,
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
    /// Bytes set apart for what codecs work with.
    codec_bytes,
    /// Bytes that compaction has copied.
    copied_bytes,
    /// Bytes that writes have appended.
    written_bytes,
    /// Times a write had to make more room than its own share.
    stalls,
    /// Items whose value is packed.
    packed_items,
    /// Bytes of packed values as clients see them.
    packed_raw_bytes,
    /// Bytes of packed values as they are held.
    packed_stored_bytes,
    /// Values packed.
    packs,
    /// Values that packing did not shorten enough.
    poor_packs,
    /// Values left raw, too long or too many.
    pack_skips,
    /// Values that wait to be packed by the worker.
    pack_waiting,
    /// Values unpacked.
    unpacks,
    /// Microseconds that packing took on the shard.
    pack_us,
    /// Microseconds that unpacking took.
    unpack_us,
    /// Microseconds that the worker took to pack.
    worker_us,
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
    ;
    /// The most items that one bounded step touched.
    step_items,
    /// The most bytes that one bounded step copied or gave back.
    step_bytes,
    /// The most tables that one bounded step made or freed.
    step_tables,
    /// The most index entries that one bounded step moved.
    step_entries,
}

/// A figure of each command on a shard, by `Spec::id`.
#[derive(Debug)]
pub(crate) struct CallGauges(Box<[AtomicU64]>);

impl Default for CallGauges {
    fn default() -> Self {
        Self((0..SPEC_COUNT).map(|_| AtomicU64::new(0)).collect())
    }
}

impl CallGauges {
    /// Replaces all figures; only the shard they belong to does so.
    pub(crate) fn publish(&self, figures: impl Iterator<Item = u64>) {
        for (gauge, figure) in self.0.iter().zip(figures) {
            gauge.store(figure, Ordering::Relaxed);
        }
    }

    /// Adds the figures to `sums`.
    pub(crate) fn add_to(&self, sums: &mut [u64]) {
        for (sum, gauge) in sums.iter_mut().zip(&self.0) {
            *sum += gauge.load(Ordering::Relaxed);
        }
    }
}

impl Gauges {
    /// The rate of the last whole measurement, which takes a second or more.
    fn commands_per_s(&self, commands: u64, now_ms: u64) -> u64 {
        let [since_ms, before] = self.measured.each_ref().map(|word| word.load(Ordering::Relaxed));
        let rate = self.commands_per_s.load(Ordering::Relaxed);
        let passed_ms = now_ms.saturating_sub(since_ms);
        if passed_ms < RATE_MS_MIN {
            return rate;
        }
        self.measured[0].store(now_ms, Ordering::Relaxed);
        self.measured[1].store(commands, Ordering::Relaxed);
        // The count begins anew at CONFIG RESETSTAT, and the first measurement has no beginning.
        if since_ms == 0 { 0 } else { commands.saturating_sub(before) * 1000 / passed_ms }
    }
}

impl Snapshot {
    /// The figures that an engine knows; the others are 0.
    pub(crate) fn of_engine<E: Effects>(engine: &Engine<E>) -> Self {
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
            codec_bytes: stats.codec_bytes,
            copied_bytes: stats.copied_bytes,
            written_bytes: stats.written_bytes,
            stalls: stats.stalls,
            packed_items: stats.packed_items,
            packed_raw_bytes: stats.packed_raw_bytes,
            packed_stored_bytes: stats.packed_stored_bytes,
            packs: stats.packs,
            poor_packs: stats.poor_packs,
            pack_skips: stats.pack_skips,
            pack_waiting: stats.pack_waiting,
            unpacks: stats.unpacks,
            pack_us: stats.pack_ns / 1000,
            unpack_us: stats.unpack_ns / 1000,
            worker_us: stats.worker_ns / 1000,
            step_items: stats.longest_step.items as u64,
            step_bytes: stats.longest_step.bytes as u64,
            step_tables: stats.longest_step.tables as u64,
            step_entries: stats.longest_step.entries as u64,
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
        let mut first = Snapshot { commands: 3, step_items: 9, ..Snapshot::default() };
        first.keys[15] = 7;
        gauges[0].publish(&first, 5);
        gauges[1].publish(&Snapshot { commands: 4, ..first }, 5);
        assert_eq!(gauges[0].snapshot(), first);
        let mut sum = Snapshot::default();
        gauges.iter().for_each(|gauges| sum.add(&gauges.snapshot()));
        assert_eq!((sum.commands, sum.step_items, sum.keys[15], sum.expires[15]), (7, 9, 14, 0));
    }

    #[test]
    fn the_rate_is_measured_over_whole_seconds() {
        let gauges = Gauges::default();
        for (now_ms, commands, per_s) in [
            (10_000, 500, 0),
            (10_500, 900, 0),
            (11_000, 1_500, 1_000),
            (11_900, 1_500, 1_000),
            (13_000, 1_500, 0),
            (15_000, 100, 0),
        ] {
            gauges.publish(&Snapshot { commands, ..Snapshot::default() }, now_ms);
            assert_eq!(gauges.snapshot().commands_per_s, per_s, "{now_ms}");
        }
    }
}
