//! MEMORY STATS: the node's memory, as last published by every shard.

use std::sync::atomic::Ordering;

use velodrome_net::resp::Encoder;

use crate::gauges::Snapshot;
use crate::shard::Shard;

use super::process::Process;

/// Writes the map; every shard writes the same one and the first is taken.
pub(super) fn stats(shard: &Shard, out: &mut Encoder<'_>) {
    let mut sum = Snapshot::default();
    shard.facts.gauges.iter().for_each(|gauges| sum.add(&gauges.snapshot()));
    let process = Process::read();
    let total = sum.accounted_bytes;
    let overhead = sum.index_bytes;
    let dataset = total.saturating_sub(overhead);
    let numbers = [
        ("peak.allocated", process.resident_bytes_peak.max(total)),
        ("total.allocated", total),
        ("startup.allocated", 0),
        ("replication.backlog", 0),
        ("clients.slaves", 0),
        ("clients.normal", sum.client_bytes),
        ("cluster.links", 0),
        ("aof.buffer", 0),
        ("overhead.total", overhead),
        ("keys.count", sum.items),
        ("keys.bytes-per-key", dataset.checked_div(sum.items).unwrap_or(0)),
        ("dataset.bytes", dataset),
        ("segments.live.bytes", sum.live_bytes),
        ("segments.dead.bytes", sum.dead_bytes),
        ("large-values.bytes", sum.large_bytes),
        ("limit.bytes", shard.facts.memory_bytes_max.load(Ordering::Relaxed)),
    ];
    out.map(numbers.len() + 2);
    for (name, number) in numbers {
        out.bulk_str(name);
        out.integer(number as i64);
    }
    out.bulk_str("dataset.percentage");
    out.double(100.0 * dataset as f64 / total.max(1) as f64);
    out.bulk_str("fragmentation");
    out.double(process.resident_bytes as f64 / total.max(1) as f64);
}

#[cfg(test)]
mod tests {
    use super::super::conversation::Conversation;

    #[test]
    fn the_map_is_whole() {
        let mut conversation = Conversation::new();
        let reply = conversation.say("MEMORY STATS");
        assert!(reply.starts_with("*36 "), "{reply}");
        assert!(reply.contains("$11 limit.bytes :33554432 "), "{reply}");
        assert_eq!(reply.matches(" $").count(), 18 + 2, "18 names and 2 fractions: {reply}");
    }
}
