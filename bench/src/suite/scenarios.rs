//! The named scenarios.
//!
//! Owns the list. Invariant: a name keeps its meaning, so that records can be compared; a scenario
//! that changes gets another name. Cost: none.

use crate::workload::{KeyDraw, Kind, Lengths, Mix};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// A node with so many shards and so much memory.
    Node { shards: usize, memory: &'static str },
    /// The echo server.
    Echo,
}

/// What happens beside the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    Nothing,
    /// A client asks for many values and reads them slowly.
    SlowReader,
    /// There is no load.
    Idle,
    /// Filling is what is measured.
    Filling,
    /// FLUSHALL.
    Flush,
    /// As many other keys expire in one second.
    Expiring,
    /// The same load on a node that has memory to spare.
    Roomy,
}

/// One scenario.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name in records.
    pub name: &'static str,
    /// What it shows, in words.
    pub what: &'static str,
    pub(super) server: Server,
    pub(super) mix: Mix,
    pub(super) size: Lengths,
    pub(super) keys: u64,
    pub(super) draw: KeyDraw,
    pub(super) connections: usize,
    pub(super) pipeline: usize,
    pub(super) ttl_s: Option<(u32, u32)>,
    /// All values end at one time, so long after the start; the load runs on beyond it.
    pub(super) ends_after_s: Option<u32>,
    pub(super) fill: bool,
    pub(super) warm_up: bool,
    /// Whether keys may be gone: they expire or are evicted.
    pub(super) may_miss: bool,
    pub(super) reconnect_after: Option<u64>,
    pub(super) rates: &'static [f64],
    pub(super) extra: Beside,
    /// Whether the node's own account of its turns belongs to the record.
    pub(super) counts_turns: bool,
    /// The scenario whose processor time an operation this one's is divided by.
    pub(super) beside: Option<&'static str>,
}

const DEFAULT_MEMORY: &str = "4gb";
const RATES: &[f64] = &[1e5, 2.5e5, 5e5, 7.5e5, 1e6, 1.25e6, 1.5e6, 2e6];

impl Case {
    /// Reads of 32-byte values, 50 connections, one request at a time.
    fn new(name: &'static str, what: &'static str) -> Case {
        Case {
            name,
            what,
            server: Server::Node { shards: 1, memory: DEFAULT_MEMORY },
            mix: Mix::only(Kind::Get),
            size: Lengths::fixed(32),
            keys: 1_000_000,
            draw: KeyDraw::Uniform,
            connections: 50,
            pipeline: 1,
            ttl_s: None,
            ends_after_s: None,
            fill: true,
            warm_up: true,
            may_miss: false,
            reconnect_after: None,
            rates: &[],
            extra: Beside::Nothing,
            counts_turns: false,
            beside: None,
        }
    }

    fn mixed(self, mix: &str) -> Case {
        Case { mix: Mix::parse(mix).expect("a sound mix"), ..self }
    }

    fn sized(self, size: &str) -> Case {
        Case { size: Lengths::parse(size).expect("sound lengths"), ..self }
    }

    fn deep(self, pipeline: usize) -> Case {
        Case { pipeline, ..self }
    }

    fn beside(self, name: &'static str) -> Case {
        Case { beside: Some(name), ..self }
    }

    fn echo(name: &'static str, what: &'static str, pipeline: usize) -> Case {
        Case { server: Server::Echo, fill: false, pipeline, ..Case::new(name, what) }
    }
}

/// Every scenario, the floors first.
pub fn all() -> Vec<Case> {
    let mut cases = points();
    cases.extend(shapes());
    let changing = churns().into_iter().chain(upheavals());
    cases.extend(changing.map(|case| Case { counts_turns: true, ..case }));
    cases
}

/// Point reads and writes, and the floors under them.
fn points() -> Vec<Case> {
    let new = Case::new;
    vec![
        Case::echo("echo-p1", "the floor: requests come back as they are", 1),
        Case::echo("echo-p16", "the floor at pipeline 16", 16),
        Case::echo("echo-p64", "the floor at pipeline 64", 64),
        new("get-32-p1", "reads of 32 bytes").beside("echo-p1"),
        new("set-32-p1", "writes of 32 bytes").mixed("set").beside("echo-p1"),
        new("get-32-p16", "reads, pipeline 16").deep(16).beside("echo-p16"),
        new("set-32-p16", "writes, pipeline 16").mixed("set").deep(16).beside("echo-p16"),
        new("get-32-p64", "reads, pipeline 64").deep(64).beside("echo-p64"),
        new("set-32-p64", "writes, pipeline 64").mixed("set").deep(64).beside("echo-p64"),
        new("get-1k-p64", "reads of 1 KiB, pipeline 64").sized("1024").deep(64),
        new("set-1k-p64", "writes of 1 KiB, pipeline 64").sized("1024").deep(64).mixed("set"),
        Case { connections: 1, ..new("get-32-c1", "one connection") },
        Case { connections: 500, ..new("get-32-c500", "500 connections") },
        Case { connections: 5000, ..new("get-32-c5000", "5000 connections") },
    ]
}

/// Other shapes of requests and clients.
fn shapes() -> Vec<Case> {
    let new = Case::new;
    vec![
        Case {
            draw: KeyDraw::Zipf(0.99),
            ..new("zipf-mix", "zipf 0.99, 90 % reads, 100-1000 bytes, pipeline 16")
                .mixed("get=9,set=1")
                .sized("100-1000")
                .deep(16)
        },
        Case {
            connections: 8,
            keys: 64,
            ..new("large-values", "1 MiB, 90 % reads").mixed("get=9,set=1").sized("1048576")
        },
        new("multi-key", "MGET and MSET of ten keys").mixed("mget=1,mset=1"),
        Case {
            server: Server::Node { shards: 2, memory: DEFAULT_MEMORY },
            ..new("cross-shard-p16", "two shards, half of the requests cross")
                .deep(16)
                .beside("get-32-p16")
        },
        Case {
            keys: 10_000,
            extra: Beside::SlowReader,
            ..new("slow-reader", "fast readers beside one that does not read").sized("16384")
        },
        Case {
            reconnect_after: Some(10),
            warm_up: false,
            ..new("reconnect-storm", "a new connection every ten requests")
        },
        Case { rates: RATES, ..new("open-loop-p16", "Poisson arrivals at rising rates").deep(16) },
        Case { extra: Beside::Idle, ..new("idle", "a node nobody asks") },
    ]
}

/// Datasets that change.
fn churns() -> Vec<Case> {
    let new = Case::new;
    vec![
        Case {
            ttl_s: Some((1, 3)),
            may_miss: true,
            fill: false,
            ..new("ttl-churn", "half writes that live 1 to 3 s").mixed("get=1,set=1").deep(16)
        },
        Case {
            ttl_s: Some((2, 2)),
            may_miss: true,
            warm_up: false,
            ..new("mass-expiry", "reads while a million keys expire at once").deep(16)
        },
        Case {
            server: Server::Node { shards: 1, memory: "64mb" },
            draw: KeyDraw::Zipf(0.99),
            may_miss: true,
            ..new("eviction-churn", "a dataset ten times the memory, half writes")
                .mixed("get=1,set=1")
                .sized("100-1000")
                .deep(16)
        },
        Case {
            keys: 50_000_000,
            draw: KeyDraw::Sequential,
            fill: false,
            warm_up: false,
            ..new("index-growth", "new keys only").mixed("set").deep(16)
        },
    ]
}

/// Much changes at once, or at the limit.
fn upheavals() -> Vec<Case> {
    let new = Case::new;
    vec![
        Case {
            keys: 20_000_000,
            extra: Beside::Filling,
            ..new("growth-20m", "20 million new keys").mixed("set").deep(16)
        },
        Case {
            keys: 5_000_000,
            ends_after_s: Some(40),
            may_miss: true,
            ..new("expiry-5m", "reads while 5 million keys expire in one second").deep(16)
        },
        Case {
            keys: 5_000_000,
            ttl_s: Some((1, 86_400)),
            extra: Beside::Expiring,
            may_miss: true,
            ..new("expiry-10m", "reads at 30 % of the peak while 5 of 10 million keys expire")
                .deep(16)
        },
        Case {
            extra: Beside::Roomy,
            may_miss: true,
            ..new("overwrite-limit", "overwrites of 50-150 bytes in just the memory they need")
                .mixed("set")
                .sized("50-150")
                .deep(16)
        },
        Case {
            keys: 20_000_000,
            extra: Beside::Flush,
            may_miss: true,
            ..new("flushall-20m", "reads while 20 million keys are flushed").deep(16)
        },
        Case {
            server: Server::Node { shards: 1, memory: "256mb" },
            connections: 4,
            keys: 400,
            may_miss: true,
            ..new("large-churn", "1 MiB values, more than fit, half writes")
                .mixed("get=1,set=1")
                .sized("524288-2097152")
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_each_and_bases_come_before() {
        let cases = all();
        for (index, case) in cases.iter().enumerate() {
            let before = &cases[..index];
            assert!(before.iter().all(|other| other.name != case.name), "{}", case.name);
            if let Some(base) = case.beside {
                assert!(before.iter().any(|other| other.name == base), "{base}");
            }
        }
    }
}
