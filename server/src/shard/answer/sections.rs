//! INFO: the lines of each section.
//!
//! The names are those that monitoring tools read from Redis; what has no meaning here has the
//! value that says so (nothing saved, no replica). Our own figures stand beside them.

use std::fmt::{Display, Write};
use std::iter;
use std::sync::atomic::Ordering;

use hdrhistogram::Histogram;
use velodrome_net::command::COMMANDS;

use crate::config::Config;
use crate::facts::Facts;
use crate::gauges::Snapshot;

use super::REDIS_VERSION;
use super::process::Process;

/// Everything that sections are written from.
pub(super) struct Facets<'a> {
    pub(super) facts: &'a Facts,
    pub(super) config: &'a Config,
    pub(super) now_ms: u64,
    pub(super) process: Process,
    pub(super) shards: &'a [Snapshot],
    /// The sums of the shards' figures.
    pub(super) sum: &'a Snapshot,
    /// How often each command was called, by `Spec::id`.
    pub(super) calls: &'a [u64],
    /// How long they took, estimated from those that were timed.
    pub(super) took_us: &'a [u64],
    /// The turns of all shards, microseconds of processor time.
    pub(super) turns: &'a Histogram<u64>,
}

fn head(text: &mut String, name: &str) {
    let _ = write!(text, "# {name}\r\n");
}

fn field(text: &mut String, name: &str, value: impl Display) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{name}:{value}\r\n");
}

/// A number of bytes in full and as people read it.
fn bytes(text: &mut String, name: &str, bytes: u64) {
    field(text, name, bytes);
    field(text, &format!("{name}_human"), human(bytes));
}

/// `1.50M`
fn human(bytes: u64) -> String {
    let mut amount = bytes as f64;
    for unit in ["B", "K", "M", "G"] {
        if amount < 1024.0 {
            return if unit == "B" { format!("{bytes}B") } else { format!("{amount:.2}{unit}") };
        }
        amount /= 1024.0;
    }
    format!("{amount:.2}T")
}

pub(super) fn server(text: &mut String, facets: &Facets<'_>) {
    let facts = facets.facts;
    let up_s = facets.now_ms.saturating_sub(facts.started_ms) / 1000;
    let (driver, fallback) = facts.driver();
    head(text, "Server");
    field(text, "redis_version", REDIS_VERSION);
    field(text, "velodrome_version", env!("CARGO_PKG_VERSION"));
    field(text, "redis_mode", "standalone");
    field(text, "os", &facets.process.system);
    field(text, "arch_bits", usize::BITS);
    field(text, "multiplexing_api", driver);
    if !fallback.is_empty() {
        field(text, "multiplexing_fallback", fallback.replace(['\r', '\n'], " "));
    }
    field(text, "process_id", std::process::id());
    field(text, "process_supervised", "no");
    field(text, "run_id", &facts.run_id);
    field(text, "node_id", &facts.node_id);
    field(text, "tcp_port", facts.resp_port);
    field(text, "server_time_usec", facets.now_ms * 1000);
    field(text, "uptime_in_seconds", up_s);
    field(text, "uptime_in_days", up_s / 86_400);
    field(text, "hz", 10);
    field(text, "configured_hz", 10);
    field(text, "executable", &facts.executable);
    field(text, "config_file", &facts.config_file);
    field(text, "io_threads_active", u8::from(facets.shards.len() > 1));
    field(text, "shards", facets.shards.len());
}

pub(super) fn clients(text: &mut String, facets: &Facets<'_>) {
    head(text, "Clients");
    field(text, "connected_clients", facets.sum.sessions);
    field(text, "cluster_connections", 0);
    field(text, "maxclients", facets.config.maxclients);
    field(text, "blocked_clients", facets.sum.blocked);
    field(text, "watching_clients", facets.sum.watching);
    field(text, "tracking_clients", 0);
    field(text, "clients_in_timeout_table", 0);
    field(text, "client_buffers_bytes", facets.sum.client_bytes);
}

pub(super) fn memory(text: &mut String, facets: &Facets<'_>) {
    let (sum, process) = (facets.sum, &facets.process);
    // As in Redis: what the limit is about is this without `mem_not_counted_for_evict`.
    let used = sum.accounted_bytes + sum.client_bytes;
    let limit = facets.facts.memory_bytes_max.load(Ordering::Relaxed);
    let overhead = sum.index_bytes + sum.codec_bytes + sum.client_bytes;
    head(text, "Memory");
    bytes(text, "used_memory", used);
    bytes(text, "used_memory_rss", process.resident_bytes);
    bytes(text, "used_memory_peak", process.resident_bytes_peak.max(used));
    field(text, "used_memory_overhead", overhead);
    field(text, "used_memory_startup", 0);
    field(text, "used_memory_dataset", used.saturating_sub(overhead));
    bytes(text, "total_system_memory", facets.facts.machine_memory_bytes);
    bytes(text, "maxmemory", limit);
    field(text, "maxmemory_clients", facets.config.client_memory_bytes_max(limit));
    field(text, "maxmemory_policy", facets.config.eviction.redis_name());
    let ratio = if used == 0 { 0.0 } else { process.resident_bytes as f64 / used as f64 };
    field(text, "mem_fragmentation_ratio", format_args!("{ratio:.2}"));
    field(text, "mem_fragmentation_bytes", process.resident_bytes.saturating_sub(used));
    field(text, "mem_not_counted_for_evict", sum.client_bytes);
    field(text, "mem_replication_backlog", 0);
    field(text, "mem_clients_slaves", 0);
    field(text, "mem_clients_normal", sum.client_bytes);
    field(text, "mem_aof_buffer", 0);
    field(text, "mem_allocator", "segments, mimalloc");
    field(text, "active_defrag_running", 0);
    field(text, "lazyfree_pending_objects", 0);
    field(text, "segments", sum.segments);
    field(text, "segment_live_bytes", sum.live_bytes);
    field(text, "segment_dead_bytes", sum.dead_bytes);
    field(text, "index_bytes", sum.index_bytes);
    field(text, "large_value_bytes", sum.large_bytes);
    field(text, "codec_bytes", sum.codec_bytes);
}

pub(super) fn persistence(text: &mut String, facets: &Facets<'_>) {
    head(text, "Persistence");
    field(text, "loading", 0);
    field(text, "async_loading", 0);
    field(text, "rdb_changes_since_last_save", 0);
    field(text, "rdb_bgsave_in_progress", 0);
    field(text, "rdb_last_save_time", facets.facts.started_ms / 1000);
    field(text, "rdb_last_bgsave_status", "ok");
    field(text, "rdb_last_bgsave_time_sec", -1);
    field(text, "rdb_current_bgsave_time_sec", -1);
    field(text, "aof_enabled", 0);
    field(text, "aof_rewrite_in_progress", 0);
    field(text, "aof_rewrite_scheduled", 0);
    field(text, "aof_last_rewrite_time_sec", -1);
    field(text, "aof_current_rewrite_time_sec", -1);
    field(text, "aof_last_bgrewrite_status", "ok");
    field(text, "aof_last_write_status", "ok");
}

pub(super) fn stats(text: &mut String, facets: &Facets<'_>) {
    let sum = facets.sum;
    head(text, "Stats");
    field(text, "total_connections_received", sum.accepted);
    field(text, "total_commands_processed", sum.commands);
    field(text, "instantaneous_ops_per_sec", sum.commands_per_s);
    field(text, "total_net_input_bytes", sum.input_bytes);
    field(text, "total_net_output_bytes", sum.output_bytes);
    field(text, "rejected_connections", sum.rejected);
    field(text, "sync_full", 0);
    field(text, "sync_partial_ok", 0);
    field(text, "sync_partial_err", 0);
    field(text, "expired_keys", sum.expired);
    field(text, "evicted_keys", sum.evicted);
    field(text, "evicted_clients", 0);
    field(text, "keyspace_hits", sum.hits);
    field(text, "keyspace_misses", sum.misses);
    field(text, "pubsub_channels", 0);
    field(text, "pubsub_patterns", 0);
    field(text, "latest_fork_usec", 0);
    field(text, "total_forks", 0);
    field(text, "total_error_replies", sum.errors);
    field(text, "compaction_copied_bytes", sum.copied_bytes);
    field(text, "written_bytes", sum.written_bytes);
    field(text, "write_stalls", sum.stalls);
    field(text, "waiting_for_slots", sum.waiting);
    field(text, "scattered_commands", sum.gathers);
}

pub(super) fn compression(text: &mut String, facets: &Facets<'_>) {
    let (sum, config) = (facets.sum, facets.config);
    let ratio = sum.packed_raw_bytes as f64 / sum.packed_stored_bytes.max(1) as f64;
    head(text, "Compression");
    field(text, "compression", config.compression.name());
    field(text, "compression_threshold", config.compression_threshold);
    field(text, "compressed_items", sum.packed_items);
    field(text, "compressed_raw_bytes", sum.packed_raw_bytes);
    field(text, "compressed_stored_bytes", sum.packed_stored_bytes);
    field(text, "compression_ratio", format_args!("{ratio:.2}"));
    field(text, "values_packed", sum.packs);
    field(text, "values_unpacked", sum.unpacks);
    field(text, "values_not_worth_packing", sum.poor_packs);
    field(text, "values_left_raw", sum.pack_skips);
    field(text, "values_waiting_to_be_packed", sum.pack_waiting);
    field(text, "packing_us", sum.pack_us);
    field(text, "packing_worker_us", sum.worker_us);
    field(text, "unpacking_us", sum.unpack_us);
}

pub(super) fn turns(text: &mut String, facets: &Facets<'_>) {
    let (sum, turns) = (facets.sum, facets.turns);
    head(text, "Turns");
    field(text, "turns", sum.turns);
    for (name, quantile) in
        [("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("p9999", 0.9999), ("max", 1.0)]
    {
        field(text, &format!("turn_cpu_us_{name}"), turns.value_at_quantile(quantile));
    }
    field(text, "longest_step_items", sum.step_items);
    field(text, "longest_step_bytes", sum.step_bytes);
    field(text, "longest_step_tables", sum.step_tables);
    field(text, "longest_step_entries", sum.step_entries);
}

pub(super) fn replication(text: &mut String, facets: &Facets<'_>) {
    head(text, "Replication");
    field(text, "role", "master");
    field(text, "connected_slaves", 0);
    field(text, "master_failover_state", "no-failover");
    field(text, "master_replid", &facets.facts.run_id);
    field(text, "master_replid2", "0".repeat(40));
    field(text, "master_repl_offset", 0);
    field(text, "second_repl_offset", -1);
    field(text, "repl_backlog_active", 0);
    field(text, "repl_backlog_size", 0);
    field(text, "repl_backlog_first_byte_offset", 0);
    field(text, "repl_backlog_histlen", 0);
}

pub(super) fn cpu(text: &mut String, facets: &Facets<'_>) {
    head(text, "CPU");
    field(text, "used_cpu_sys", format_args!("{:.6}", facets.process.system_s));
    field(text, "used_cpu_user", format_args!("{:.6}", facets.process.user_s));
    field(text, "used_cpu_sys_children", "0.000000");
    field(text, "used_cpu_user_children", "0.000000");
}

pub(super) fn modules(text: &mut String, _: &Facets<'_>) {
    head(text, "Modules");
}

pub(super) fn errors(text: &mut String, _: &Facets<'_>) {
    head(text, "Errorstats");
}

pub(super) fn calls(text: &mut String, facets: &Facets<'_>) {
    head(text, "Commandstats");
    let all = COMMANDS.iter().flat_map(|spec| iter::once(spec).chain(spec.subcommands));
    for spec in all {
        let calls = facets.calls[usize::from(spec.id)];
        if calls > 0 {
            let us = facets.took_us[usize::from(spec.id)];
            let mean_us = us as f64 / calls as f64;
            let value = format!(
                "calls={calls},usec={us},usec_per_call={mean_us:.2},rejected_calls=0,\
                 failed_calls=0"
            );
            field(text, &format!("cmdstat_{}", spec.full_name), value);
        }
    }
}

pub(super) fn cluster(text: &mut String, _: &Facets<'_>) {
    head(text, "Cluster");
    field(text, "cluster_enabled", 0);
}

pub(super) fn keyspace(text: &mut String, facets: &Facets<'_>) {
    head(text, "Keyspace");
    let counts = facets.sum.keys.iter().zip(facets.sum.expires);
    for (db, (keys, expires)) in counts.enumerate().filter(|(_, (keys, _))| **keys > 0) {
        let value = format_args!("keys={keys},expires={expires},avg_ttl=0").to_string();
        field(text, &format!("db{db}"), value);
    }
}

pub(super) fn shards(text: &mut String, facets: &Facets<'_>) {
    head(text, "Shards");
    for (id, shard) in facets.shards.iter().enumerate() {
        let value = format!(
            "connections={},keys={},bytes={},quota={},commands={},turns={}",
            shard.sessions,
            shard.items,
            shard.accounted_bytes,
            shard.quota_bytes,
            shard.commands,
            shard.turns
        );
        field(text, &format!("shard{id}"), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_for_people() {
        for (bytes, shown) in
            [(0, "0B"), (1023, "1023B"), (1536, "1.50K"), (5 << 40, "5.00T"), (1 << 20, "1.00M")]
        {
            assert_eq!(human(bytes), shown);
        }
    }
}
