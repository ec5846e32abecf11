//! INFO: which sections, in which order.
//!
//! Invariant: sections come in one order however they are asked for, each once; names nobody
//! knows are left out. Cost: one reading of every shard's gauges and, for some sections, of /proc.

use velodrome_net::command::SPEC_COUNT;
use velodrome_net::resp::Encoder;

use crate::gauges::{CallGauges, Gauges, Snapshot};
use crate::shard::Shard;
use crate::shard::plan::text_of;
use crate::turn_times;

use super::process::Process;
use super::sections::{self, Facets};

/// A section: its name in requests, whether INFO without a name shows it, and its lines.
type Section = (&'static str, bool, fn(&mut String, &Facets<'_>));

const SECTIONS: [Section; 15] = [
    ("server", true, sections::server),
    ("clients", true, sections::clients),
    ("memory", true, sections::memory),
    ("persistence", true, sections::persistence),
    ("stats", true, sections::stats),
    ("compression", true, sections::compression),
    ("turns", true, sections::turns),
    ("replication", true, sections::replication),
    ("cpu", true, sections::cpu),
    ("modules", true, sections::modules),
    ("errorstats", true, sections::errors),
    ("commandstats", false, sections::calls),
    ("cluster", true, sections::cluster),
    ("keyspace", true, sections::keyspace),
    ("shards", true, sections::shards),
];

/// Writes INFO of these sections from what every shard has published, and from the turns that
/// `parts` tell of.
pub(in crate::shard) fn info(
    shard: &Shard,
    wanted: &[Vec<u8>],
    parts: &[&[u8]],
    out: &mut Encoder<'_>,
) {
    let shards: Vec<Snapshot> = shard.facts.gauges.iter().map(|gauges| gauges.snapshot()).collect();
    let mut sum = Snapshot::default();
    shards.iter().for_each(|figures| sum.add(figures));
    let calls = sum_of(shard, |gauges| &gauges.calls);
    let took_us = sum_of(shard, |gauges| &gauges.took_us);
    let mut turns = turn_times::empty();
    for part in parts.iter().filter(|part| part.starts_with(b"$")) {
        let text = std::str::from_utf8(text_of(part)).expect("shards write text");
        turn_times::merge(&mut turns, text);
    }
    let facets = Facets {
        facts: &shard.facts,
        config: &shard.config,
        now_ms: shard.moment.now_ms,
        process: Process::read(),
        shards: &shards,
        sum: &sum,
        calls: &calls,
        took_us: &took_us,
        turns: &turns,
    };
    let mut text = String::with_capacity(4096);
    for (name, usual, write) in SECTIONS {
        if is_wanted(wanted, name, usual) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            write(&mut text, &facets);
        }
    }
    out.verbatim(*b"txt", text.as_bytes());
}

/// A figure of each command over all shards, by `Spec::id`.
fn sum_of(shard: &Shard, figures: fn(&Gauges) -> &CallGauges) -> Vec<u64> {
    let mut sums = vec![0; SPEC_COUNT];
    for gauges in &shard.facts.gauges {
        figures(gauges).add_to(&mut sums);
    }
    sums
}

fn is_wanted(wanted: &[Vec<u8>], name: &str, usual: bool) -> bool {
    if wanted.is_empty() {
        return usual;
    }
    wanted.iter().any(|word| {
        let is = |other: &str| word.eq_ignore_ascii_case(other.as_bytes());
        is(name) || is("all") || is("everything") || (usual && is("default"))
    })
}

#[cfg(test)]
mod tests {
    use velodrome_net::resp::Proto;

    use super::super::conversation::Conversation;
    use super::*;

    fn info_of(sections: &[&str]) -> String {
        let mut conversation = Conversation::with_clients(2);
        conversation.shard.publish();
        let mut bytes = Vec::new();
        let wanted: Vec<Vec<u8>> = sections.iter().map(|name| name.as_bytes().to_vec()).collect();
        info(&conversation.shard, &wanted, &[], &mut Encoder::new(&mut bytes, Proto::Resp2));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_line_is_a_section_a_field_or_blank() {
        let text = info_of(&[]);
        let body = text.split_once("\r\n").unwrap().1.strip_suffix("\r\n").unwrap();
        let mut fields = std::collections::BTreeSet::new();
        for line in body.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with("# ")) {
            let (name, _) = line.split_once(':').unwrap_or_else(|| panic!("{line}"));
            assert!(fields.insert(name), "{name} stands twice");
        }
        for name in [
            "redis_version",
            "velodrome_version",
            "redis_mode",
            "uptime_in_seconds",
            "connected_clients",
            "used_memory",
            "used_memory_rss",
            "maxmemory",
            "loading",
            "total_commands_processed",
            "keyspace_hits",
            "role",
            "used_cpu_user",
            "cluster_enabled",
            "shard0",
        ] {
            assert!(fields.contains(name), "{name} is missing");
        }
    }

    #[test]
    fn sections_are_chosen() {
        let heads = |sections: &[&str]| -> Vec<String> {
            let text = info_of(sections);
            text.lines().filter_map(|line| line.strip_prefix("# ")).map(str::to_owned).collect()
        };
        assert_eq!(heads(&[]).len(), SECTIONS.len() - 1);
        assert_eq!(heads(&["ALL"]).len(), SECTIONS.len());
        assert_eq!(heads(&[]), heads(&["default", "server"]));
        assert_eq!(heads(&["Replication", "server", "server"]), ["Server", "Replication"]);
        assert!(heads(&["nope"]).is_empty());
        assert!(info_of(&["clients"]).contains("connected_clients:2\r\n"));
    }
}
