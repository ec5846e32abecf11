//! CLUSTER, for a node alone: one primary that has every slot.
//!
//! The address announced is the one the client reached the node at, so it is one that works for
//! it. Invariant: all answers describe the same node, slots 0 to 16383. Cost: constant.

use velodrome_net::command::ClusterCommand;
use velodrome_net::resp::Encoder;
use velodrome_ring::SLOT_COUNT;

use crate::config::ClusterMode;
use crate::shard::Shard;
use crate::shard::session::Session;

use super::{NO_CLUSTER, container_help};

const LAST_SLOT: i64 = SLOT_COUNT as i64 - 1;
/// Distance of the port for gossip in Redis; clients parse it, nobody connects to it.
const BUS_PORT_OFFSET: u16 = 10_000;

/// Where a client reaches this node.
struct Endpoint<'a> {
    id: &'a str,
    ip: &'a str,
    port: u16,
}

impl<'a> Endpoint<'a> {
    fn of(shard: &'a Shard, session: &'a Session) -> Self {
        let local = session.profile.local.rsplit_once(':');
        let tcp = local.and_then(|(ip, port)| Some((ip, port.parse().ok().filter(|p| *p > 0)?)));
        // Who came through a Unix socket can reach the node on this machine only.
        let (ip, port) = tcp.unwrap_or(("127.0.0.1", shard.facts.resp_port));
        Self { id: &shard.facts.node_id, ip: ip.trim_matches(['[', ']']), port }
    }
}

/// Answers a sub-command that needs no data.
///
/// # Panics
/// When it needs a slot's data.
pub(super) fn cluster(
    shard: &Shard,
    session: &Session,
    command: &ClusterCommand<'_>,
    out: &mut Encoder<'_>,
) {
    if shard.config.cluster_mode == ClusterMode::Off {
        return out.error(NO_CLUSTER);
    }
    let node = Endpoint::of(shard, session);
    match command {
        ClusterCommand::Slots => slots(&node, out),
        ClusterCommand::Shards => shards(&node, out),
        ClusterCommand::Nodes => out.verbatim(*b"txt", line(&node).as_bytes()),
        ClusterCommand::Info => out.verbatim(*b"txt", info().as_bytes()),
        ClusterCommand::MyId | ClusterCommand::MyShardId => out.bulk_str(node.id),
        ClusterCommand::KeySlot { key } => out.integer(velodrome_ring::slot(key).into()),
        ClusterCommand::Replicas { node: id } if *id == node.id.as_bytes() => out.array(0),
        ClusterCommand::Replicas { node: id } => {
            out.error(&format!("ERR Unknown node {}", String::from_utf8_lossy(id)));
        }
        ClusterCommand::Links => out.array(0),
        ClusterCommand::Help => container_help(b"cluster", out),
        ClusterCommand::CountKeysInSlot { .. } | ClusterCommand::GetKeysInSlot { .. } => {
            unreachable!("the slot's shard answers")
        }
    }
}

fn slots(node: &Endpoint<'_>, out: &mut Encoder<'_>) {
    out.array(1);
    out.array(3);
    out.integer(0);
    out.integer(LAST_SLOT);
    out.array(4);
    out.bulk_str(node.ip);
    out.integer(node.port.into());
    out.bulk_str(node.id);
    // Further names of the node: none.
    out.array(0);
}

fn shards(node: &Endpoint<'_>, out: &mut Encoder<'_>) {
    out.array(1);
    out.map(2);
    out.bulk_str("slots");
    out.array(2);
    out.integer(0);
    out.integer(LAST_SLOT);
    out.bulk_str("nodes");
    out.array(1);
    out.map(7);
    out.bulk_str("id");
    out.bulk_str(node.id);
    out.bulk_str("port");
    out.integer(node.port.into());
    for (name, value) in [("ip", node.ip), ("endpoint", node.ip), ("role", "master")] {
        out.bulk_str(name);
        out.bulk_str(value);
    }
    out.bulk_str("replication-offset");
    out.integer(0);
    out.bulk_str("health");
    out.bulk_str("online");
}

fn line(node: &Endpoint<'_>) -> String {
    let Endpoint { id, ip, port } = node;
    let bus_port = port.checked_add(BUS_PORT_OFFSET).unwrap_or(*port);
    format!("{id} {ip}:{port}@{bus_port} myself,master - 0 0 1 connected 0-{LAST_SLOT}\n")
}

fn info() -> String {
    let fields = [
        ("cluster_state", "ok".to_owned()),
        ("cluster_slots_assigned", SLOT_COUNT.to_string()),
        ("cluster_slots_ok", SLOT_COUNT.to_string()),
        ("cluster_slots_pfail", "0".into()),
        ("cluster_slots_fail", "0".into()),
        ("cluster_known_nodes", "1".into()),
        ("cluster_size", "1".into()),
        ("cluster_current_epoch", "1".into()),
        ("cluster_my_epoch", "1".into()),
        ("cluster_stats_messages_sent", "0".into()),
        ("cluster_stats_messages_received", "0".into()),
        ("total_cluster_links_buffer_limit_exceeded", "0".into()),
    ];
    fields.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::conversation::Conversation;
    use super::*;

    #[test]
    fn a_node_alone_has_every_slot_where_its_client_reached_it() {
        let mut conversation = Conversation::new();
        let id = conversation.shard.facts.node_id.clone();
        let node = format!("{id} 127.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383\n");
        conversation.check(&[
            ("CLUSTER MYID", &format!("$40 {id}")),
            ("CLUSTER SLOTS", &format!("*1 *3 :0 :16383 *4 $9 127.0.0.1 :6379 $40 {id} *0")),
            ("CLUSTER NODES", &format!("${} {node}", node.len())),
            ("CLUSTER KEYSLOT {user1000}.following", ":3443"),
            (&format!("CLUSTER REPLICAS {id}"), "*0"),
            ("CLUSTER REPLICAS abc", "-ERR Unknown node abc"),
            ("CLUSTER LINKS", "*0"),
            ("READONLY", "+OK"),
            ("ASKING", "+OK"),
        ]);
        assert!(conversation.say("CLUSTER INFO").contains("cluster_state:ok "));
        let shards = conversation.say("CLUSTER SHARDS");
        assert!(shards.starts_with("*1 *4 $5 slots *2 :0 :16383 $5 nodes *1 *14 "), "{shards}");
        conversation.session.profile.local = "[::1]:6380".into();
        assert!(conversation.say("CLUSTER SLOTS").contains("$3 ::1 :6380"));
        conversation.session.profile.local = "/run/velodrome.sock:0".into();
        assert!(conversation.say("CLUSTER SLOTS").contains("$9 127.0.0.1 :0"));
    }

    #[test]
    fn a_node_told_so_offers_no_cluster() {
        let mut conversation = Conversation::new();
        conversation.shard.config.cluster_mode = ClusterMode::Off;
        for command in ["CLUSTER SLOTS", "CLUSTER KEYSLOT a", "READONLY", "ASKING", "READWRITE"] {
            conversation.check(&[(command, &format!("-{NO_CLUSTER}"))]);
        }
    }
}
