//! CONFIG: settings shown and changed while the node runs.
//!
//! Every shard keeps a configuration of its own and applies a change itself, all of them at one
//! moment. Invariant: a refused change leaves a shard as it was, and what one refuses all refuse.

use std::sync::atomic::Ordering;

use velodrome_engine::Limits;
use velodrome_net::command::Keys;
use velodrome_net::resp::{Args, Encoder};

use crate::capacity;
use crate::config::redis_names::{self, Change};
use crate::config::{Config, MemoryLimit};
use crate::execute::glob;
use crate::logging;
use crate::shard::Shard;
use crate::shard::calls::Calls;

/// CONFIG GET
pub(super) fn get(shard: &Shard, patterns: Args<'_>, out: &mut Encoder<'_>) {
    let bytes = shard.facts.memory_bytes_max.load(Ordering::Relaxed);
    let config = Config {
        max_memory: MemoryLimit::Bytes(bytes),
        shards: Some(shard.facts.shard_count()),
        ..shard.config.clone()
    };
    let found = redis_names::get(&config, &mut |name| {
        patterns.iter().any(|pattern| glob::matches_any_case(pattern, name.as_bytes()))
    });
    out.map(found.len());
    for (name, value) in found {
        out.bulk_str(name);
        out.bulk_str(&value);
    }
}

/// CONFIG REWRITE
pub(super) fn rewrite(shard: &Shard, out: &mut Encoder<'_>) {
    if shard.facts.config_file.is_empty() {
        out.error("ERR The server is running without a config file");
    } else {
        out.error("ERR Rewriting config file: this version leaves it to people");
    }
}

/// This shard's part of CONFIG SET.
pub(super) fn set(shard: &mut Shard, pairs: Keys<'_>, out: &mut Encoder<'_>) {
    let texts: Result<Vec<(&str, &str)>, _> = pairs
        .iter()
        .map(|(name, value)| {
            Ok((std::str::from_utf8(name)?, std::str::from_utf8(value.unwrap_or_default())?))
        })
        .collect::<Result<_, std::str::Utf8Error>>();
    let Ok(texts) = texts else {
        return out.error("ERR CONFIG SET failed - a setting is text");
    };
    let mut config = shard.config.clone();
    let changed = redis_names::set(&mut config, &texts);
    match changed.and_then(|changes| apply(shard, config, &changes)) {
        Ok(()) => out.ok(),
        Err(reason) => out.error(&reason),
    }
}

/// Lets a configuration take effect, or nothing of it.
fn apply(shard: &mut Shard, config: Config, changes: &[Change]) -> Result<(), String> {
    let clients = config.maxclients;
    if changes.contains(&Change::MaxClients)
        && let Err(descriptors) = capacity::raise_descriptors(clients)
    {
        return Err(format!(
            "ERR CONFIG SET failed (possibly related to argument 'maxclients') - {clients} \
             clients need more than the {descriptors} file descriptors that there are"
        ));
    }
    let memory_bytes = match changes.contains(&Change::MaxMemory) {
        true => memory_bytes_max(shard, &config),
        false => shard.facts.memory_bytes_max.load(Ordering::Relaxed),
    };
    let mut limits = *shard.engine.limits();
    let mut suspect = "";
    for change in changes {
        suspect = limit(shard, &config, *change, memory_bytes, &mut limits).unwrap_or(suspect);
    }
    shard.engine.set_limits(limits).map_err(|error| {
        format!("ERR CONFIG SET failed (possibly related to argument '{suspect}') - {error}")
    })?;
    shard.engine.set_policy(config.eviction);
    shard.engine.set_compression(config.compression());
    shard.facts.memory_bytes_max.store(memory_bytes, Ordering::Relaxed);
    shard.moment.default_ttl_ms = config.default_ttl_ms;
    shard.set_client_memory_max(config.client_memory_bytes_max(memory_bytes));
    if changes.contains(&Change::LogLevel) {
        logging::set_level(config.log_level);
    }
    shard.command_times.slow_from(config.slowlog_slower_than_us);
    shard.config = config;
    let memory = changes.contains(&Change::MaxMemory).then_some(memory_bytes);
    let items = changes.contains(&Change::MaxItems).then_some(shard.config.max_items);
    shard.limits_changed(memory, items);
    Ok(())
}

/// What a change means for this shard's dataset; returns the setting's name if it means anything.
fn limit(
    shard: &Shard,
    config: &Config,
    change: Change,
    memory_bytes: u64,
    limits: &mut Limits,
) -> Option<&'static str> {
    match change {
        Change::MaxMemory => {
            limits.memory_bytes_max = shard.memory_quota(memory_bytes);
            Some("maxmemory")
        }
        Change::MaxItems => {
            limits.items_max = shard.item_quota(config.max_items);
            Some("max-items")
        }
        Change::ValueLen => {
            limits.value_len_max = config.value_len_max;
            Some("proto-max-bulk-len")
        }
        _ => None,
    }
}

/// The node's limit in bytes; one left to the node is what it would be at a start.
fn memory_bytes_max(shard: &Shard, config: &Config) -> u64 {
    let machine_bytes = shard.facts.machine_memory_bytes;
    match config.max_memory {
        MemoryLimit::Auto => {
            let host = velodrome_tuning::Host::read_here();
            let shards = shard.facts.shard_count() as u64;
            config.memory_bytes_max(machine_bytes, capacity::memory_default(&host, shards))
        }
        _ => config.memory_bytes_max(machine_bytes, machine_bytes),
    }
}

/// This shard's part of CONFIG RESETSTAT.
pub(super) fn reset_stats(shard: &mut Shard, out: &mut Encoder<'_>) {
    shard.engine.reset_stats();
    shard.calls = Calls::default();
    shard.turn_times.reset();
    shard.command_times.reset();
    shard.turns = 0;
    shard.commands = 0;
    shard.refused = 0;
    shard.rejected = 0;
    shard.accepted = 0;
    shard.input_bytes = 0;
    shard.output_bytes = 0;
    out.ok();
}

#[cfg(test)]
mod tests {
    use super::super::conversation::Conversation;
    use crate::shard::parcel::{Generations, Quota};

    #[test]
    fn settings_are_shown_under_the_names_of_redis() {
        let mut conversation = Conversation::new();
        conversation.check(&[
            ("CONFIG GET databases", "*2 $9 databases $2 16"),
            ("CONFIG GET DATA* nope databases", "*2 $9 databases $2 16"),
            ("CONFIG GET nope", "*0"),
            ("CONFIG GET save", "*2 $4 save $0 "),
            ("CONFIG GET maxmemory", "*2 $9 maxmemory $8 33554432"),
            ("CONFIG REWRITE", "-ERR The server is running without a config file"),
        ]);
    }

    #[test]
    fn changes_take_effect_together_or_not_at_all() {
        let mut conversation = Conversation::new();
        conversation.check(&[
            ("CONFIG SET maxmemory 24mb timeout 30 default-ttl 5", "+OK"),
            ("CONFIG GET maxmemory", "*2 $9 maxmemory $8 25165824"),
            ("CONFIG SET proto-max-bulk-len 1000 max-items 100", "+OK"),
            (
                "CONFIG SET timeout 60 nope 1",
                "-ERR Unknown option or number of arguments for CONFIG SET - 'nope'",
            ),
            ("CONFIG GET timeout", "*2 $7 timeout $2 30"),
            ("CONFIG RESETSTAT", "+OK"),
        ]);
        let shard = &conversation.shard;
        assert_eq!(shard.engine.limits().memory_bytes_max, 24 << 20);
        assert_eq!(shard.engine.limits().items_max, Some(100));
        assert_eq!(shard.engine.limits().value_len_max, 1000);
        assert_eq!(shard.moment.default_ttl_ms, 5000);
    }

    #[test]
    fn quota_under_way_is_scaled_with_the_limits() {
        let mut conversation = Conversation::new();
        let before = Quota { bytes: 4 << 20, items: 0, of: Generations::default() };
        // Of 30 MiB beyond the least that a shard needs, 15 are left.
        conversation.check(&[("CONFIG SET maxmemory 17mb", "+OK")]);
        let shard = &mut conversation.shard;
        assert_eq!(shard.engine.limits().memory_bytes_max, 17 << 20);
        shard.quota_given(0, before);
        assert_eq!(shard.engine.limits().memory_bytes_max, 19 << 20);
        let now = Quota { of: Generations { bytes: 1, items: 0 }, ..before };
        shard.quota_given(0, now);
        assert_eq!(shard.engine.limits().memory_bytes_max, 23 << 20);
        assert_eq!(shard.facts.gauges[0].snapshot().quota_bytes, 23 << 20, "siblings are told");
    }
}
