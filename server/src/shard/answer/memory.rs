//! MEMORY about the node: STATS, DOCTOR, MALLOC-STATS, PURGE.
//!
//! What is told is what every shard has last published. Invariant: what is accounted never exceeds
//! the limit, so the doctor need not look for it. Cost: a reading of every shard's gauges and of
//! /proc.

use std::sync::atomic::Ordering;

use velodrome_net::command::MemoryCommand;
use velodrome_net::resp::Encoder;

use crate::gauges::Snapshot;
use crate::limits::MAINTENANCE_STEPS_PER_TURN_MAX;
use crate::shard::Shard;

use super::container_help;
use super::process::Process;

/// Resident memory may be this many hundredths of the limit, and `RESIDENT_BYTES_EXTRA` more.
const RESIDENT_PERCENT_MAX: u64 = 105;
const RESIDENT_BYTES_EXTRA: u64 = 64 << 20;
/// Less than this is too little to say anything about.
const DIAGNOSED_BYTES_MIN: u64 = 5 << 20;

/// Publishes this shard's figures and writes about the node. Every shard does so; what counts is
/// what the client's own shard writes when all have.
pub(in crate::shard) fn memory(
    shard: &mut Shard,
    command: MemoryCommand<'_>,
    out: &mut Encoder<'_>,
) {
    shard.publish();
    match command {
        MemoryCommand::Stats => stats(shard, out),
        MemoryCommand::Doctor => {
            let (limit, limit_clients) = limits(shard);
            let text = diagnosis(&sum(shard), &Process::read(), limit, limit_clients);
            out.verbatim(*b"txt", text.as_bytes());
        }
        MemoryCommand::MallocStats => out.verbatim(*b"txt", sources(&sum(shard)).as_bytes()),
        MemoryCommand::Purge => {
            shard.engine.maintain(shard.moment.now_ms, MAINTENANCE_STEPS_PER_TURN_MAX);
            out.ok();
        }
        MemoryCommand::Help => container_help(b"memory", out),
        MemoryCommand::Usage { .. } => unreachable!("MEMORY USAGE names a key"),
    }
}

fn sum(shard: &Shard) -> Snapshot {
    let mut sum = Snapshot::default();
    shard.facts.gauges.iter().for_each(|gauges| sum.add(&gauges.snapshot()));
    sum
}

/// Bytes that data may take, and clients' buffers.
fn limits(shard: &Shard) -> (u64, u64) {
    let limit = shard.facts.memory_bytes_max.load(Ordering::Relaxed);
    (limit, shard.config.client_memory_bytes_max(limit))
}

fn stats(shard: &Shard, out: &mut Encoder<'_>) {
    let sum = sum(shard);
    let (limit, limit_clients) = limits(shard);
    let process = Process::read();
    let total = sum.accounted_bytes + sum.client_bytes;
    let overhead = sum.index_bytes + sum.codec_bytes + sum.client_bytes;
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
        ("codecs.bytes", sum.codec_bytes),
        ("limit.bytes", limit),
        ("clients.limit.bytes", limit_clients),
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

/// What deserves attention, a line each.
fn diagnosis(sum: &Snapshot, process: &Process, limit: u64, limit_clients: u64) -> String {
    if sum.accounted_bytes < DIAGNOSED_BYTES_MIN {
        return "This node holds too little to say anything about its memory.\n".into();
    }
    let resident_max = (limit + sum.client_bytes) / 100 * RESIDENT_PERCENT_MAX;
    let in_segments = (sum.live_bytes + sum.dead_bytes).max(1);
    let findings = [
        (
            sum.accounted_bytes > limit,
            "More is held than the limit, which was lowered: it is \
          approached step by step.",
        ),
        (
            sum.evicted > 0,
            "Items were evicted: what is asked for again has been lost. More \
          memory (CONFIG SET maxmemory) keeps more.",
        ),
        (
            sum.dead_bytes > in_segments / 3,
            "More than a third of the segments is dead: writes \
          come faster than compaction; it goes on between them.",
        ),
        (
            sum.stalls > sum.evicted / 100 && sum.stalls > 0,
            "Writes had to make more room than \
          their own share: values are large for this limit.",
        ),
        (
            sum.client_bytes > limit_clients / 2,
            "Clients' buffers take more than half of \
          client-memory-max: their commands run one at a time. Look for clients that do not \
          read (CLIENT LIST).",
        ),
        (
            process.resident_bytes > resident_max + RESIDENT_BYTES_EXTRA,
            "The process takes more \
          memory than its data and buffers explain.",
        ),
    ];
    let lines: Vec<&str> =
        findings.into_iter().filter_map(|(found, text)| found.then_some(text)).collect();
    if lines.is_empty() {
        return "Nothing about this node's memory deserves attention.\n".into();
    }
    lines.iter().map(|line| format!("* {line}\n")).collect()
}

/// Where memory comes from.
fn sources(sum: &Snapshot) -> String {
    format!(
        "Items lie in segments of one reserved range a shard, large values in mappings of their \
         own;\neverything else comes from mimalloc.\n\
         segments: {} with {} bytes live and {} dead\nindex: {} bytes\n\
         large values: {} bytes\nclients' buffers: {} bytes\n",
        sum.segments,
        sum.live_bytes,
        sum.dead_bytes,
        sum.index_bytes,
        sum.large_bytes,
        sum.client_bytes
    )
}

#[cfg(test)]
mod tests {
    use super::super::conversation::Conversation;
    use super::*;

    #[test]
    fn the_map_is_whole() {
        let mut conversation = Conversation::new();
        let reply = conversation.say("MEMORY STATS");
        assert!(reply.starts_with("*40 "), "{reply}");
        assert!(reply.contains("$11 limit.bytes :33554432 "), "{reply}");
        assert_eq!(reply.matches(" $").count(), 20 + 2, "20 names and 2 fractions: {reply}");
    }

    #[test]
    fn the_doctor_says_what_deserves_attention() {
        let process = Process::default();
        let say = |sum: &Snapshot| diagnosis(sum, &process, 100 << 20, 64 << 20);
        let healthy = Snapshot { accounted_bytes: 50 << 20, live_bytes: 1, ..Snapshot::default() };
        assert!(say(&Snapshot::default()).contains("too little"));
        assert!(say(&healthy).starts_with("Nothing"));
        let full = Snapshot { evicted: 5, client_bytes: 33 << 20, ..healthy };
        let text = say(&full);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("maxmemory") && text.contains("CLIENT LIST"), "{text}");
    }

    #[test]
    fn the_node_tells_about_its_memory() {
        let mut conversation = Conversation::new();
        assert!(conversation.say("MEMORY DOCTOR").contains("too little"));
        assert!(conversation.say("MEMORY MALLOC-STATS").contains("mimalloc"));
        conversation.check(&[("MEMORY PURGE", "+OK")]);
    }
}
