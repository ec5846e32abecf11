//! What is true of the node as a whole: identity, addresses, and what its shards publish.
//!
//! Shared by all threads and read-only but for counters; nothing of it is on the path of a request.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use crate::gauges::Gauges;

/// The node, as its shards and its main thread know it.
pub(crate) struct Facts {
    /// 40 hexadecimal digits, chosen at start.
    pub(crate) run_id: String,
    /// 40 hexadecimal digits, derived from `--node-id` or chosen at start.
    pub(crate) node_id: String,
    /// Wall time of the start, milliseconds since 1970.
    pub(crate) started_ms: u64,
    /// The port that Redis clients use; 0 when there is none.
    pub(crate) resp_port: u16,
    /// The kernel interface in use, and why it is not the one preferred; known once a shard stands.
    driver: OnceLock<(&'static str, String)>,
    pub(crate) executable: String,
    pub(crate) config_file: String,
    pub(crate) machine_memory_bytes: u64,
    /// The limit of the node's data, in bytes; CONFIG SET changes it.
    pub(crate) memory_bytes_max: AtomicU64,
    /// One a shard.
    pub(crate) gauges: Vec<CachePadded<Gauges>>,
    /// Connections of each shard, counted by whoever hands one over.
    pub(crate) connections: Vec<CachePadded<AtomicU32>>,
    /// Bytes of long requests on their way from each shard, counted until they have been run.
    crossing_bytes: Vec<CachePadded<AtomicU64>>,
    client_ids: AtomicU64,
    slow_ids: AtomicU64,
}

impl Facts {
    /// The facts of a node of `shards` shards that started at `started_ms`; the rest is blank.
    pub(crate) fn new(shards: usize, started_ms: u64) -> Self {
        Self {
            run_id: String::new(),
            node_id: String::new(),
            started_ms,
            resp_port: 0,
            driver: OnceLock::new(),
            executable: String::new(),
            config_file: String::new(),
            machine_memory_bytes: 0,
            memory_bytes_max: AtomicU64::new(0),
            gauges: (0..shards).map(|_| CachePadded::default()).collect(),
            connections: (0..shards).map(|_| CachePadded::default()).collect(),
            crossing_bytes: (0..shards).map(|_| CachePadded::default()).collect(),
            client_ids: AtomicU64::new(1),
            slow_ids: AtomicU64::new(0),
        }
    }

    /// Says which kernel interface a shard uses; all shards use the same.
    pub(crate) fn set_driver(&self, name: &'static str, fallback_reason: &str) {
        self.driver.get_or_init(|| (name, fallback_reason.to_owned()));
    }

    /// The kernel interface in use, and why it is not the one preferred, or nothing.
    pub(crate) fn driver(&self) -> (&str, &str) {
        self.driver.get().map_or(("", ""), |(name, reason)| (name, reason))
    }

    /// How many shards the node has.
    pub(crate) fn shard_count(&self) -> usize {
        self.gauges.len()
    }

    /// A long request of so many bytes leaves shard `from`.
    pub(crate) fn crosses(&self, from: u16, bytes: usize) {
        self.crossing_bytes[usize::from(from)].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A long request that left shard `from` has been run.
    pub(crate) fn crossed(&self, from: u16, bytes: usize) {
        self.crossing_bytes[usize::from(from)].fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of long requests on their way from shard `from`.
    pub(crate) fn crossing_bytes(&self, from: u16) -> usize {
        self.crossing_bytes[usize::from(from)].load(Ordering::Relaxed) as usize
    }

    /// A number for an entry of the slow log, higher than those before.
    pub(crate) fn next_slow_id(&self) -> u64 {
        self.slow_ids.fetch_add(1, Ordering::Relaxed)
    }

    /// A client id that no other client of this node has had.
    pub(crate) fn next_client_id(&self) -> u64 {
        self.client_ids.fetch_add(1, Ordering::Relaxed)
    }
}
