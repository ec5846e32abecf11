//! Memory that is nearer to some CPUs than to others.
//!
//! Owns nodes, balancing and reclaim. Cost: two small files.

use std::collections::BTreeSet;

use super::Check;
use super::sight::Sight;
use crate::cpuset::CpuSet;
use crate::finding::Look;

const BALANCING_PATH: &str = "proc/sys/kernel/numa_balancing";
const RECLAIM_PATH: &str = "proc/sys/vm/zone_reclaim_mode";

pub(super) const NODES: Check = Check {
    name: "NUMA nodes",
    area: "CPU",
    wanted: "all shards on one",
    why: "a request that crosses to a shard of another node pays for remote memory; one velodrome \
          a node, each on its own CPUs and memory, keeps it local",
    look: nodes,
};

pub(super) const BALANCING: Check = Check {
    name: "NUMA balancing",
    area: "CPU",
    wanted: "0",
    why: "it unmaps pages to see who uses them: page faults on the path of requests, for pinned \
          threads whose memory already is where they run",
    look: balancing,
};

pub(super) const RECLAIM: Check = Check {
    name: "zone reclaim",
    area: "Memory",
    wanted: "0",
    why: "otherwise a node that is full throws out its page cache and stalls rather than take \
          memory from its neighbour",
    look: reclaim,
};

fn nodes(sight: &Sight) -> Look {
    let topology = &sight.host.topology;
    let shards = sight.shard_cpus();
    let used: BTreeSet<usize> =
        shards.iter().filter_map(|cpu| topology.cpu(cpu)).map(|cpu| cpu.node).collect();
    if topology.node_count() == 1 {
        return Look::good("1");
    }
    let Some(first) = used.first().filter(|_| used.len() > 1) else {
        return Look::good(format!("{}, shards on 1", topology.node_count()));
    };
    let near = |cpu: &usize| topology.cpu(*cpu).is_some_and(|cpu| cpu.node == *first);
    let near: CpuSet = shards.iter().filter(near).collect();
    Look::advice(format!("shards on {} of {}", used.len(), topology.node_count())).fix(format!(
        "numactl --membind={first} velodrome --cores {near}   # and one on each other node"
    ))
}

fn balancing(sight: &Sight) -> Look {
    if sight.host.topology.node_count() == 1 {
        return Look::good("one node only");
    }
    sight.number(BALANCING_PATH, |mode| mode == 0, 0, Look::advice)
}

fn reclaim(sight: &Sight) -> Look {
    if sight.host.topology.node_count() == 1 {
        return Look::good("one node only");
    }
    sight.number(RECLAIM_PATH, |mode| mode == 0, 0, Look::advice)
}
