//! Configuration: flag over environment over file over default, parsed once.
//!
//! Owns `Config`, the plain typed values the rest of the node is built from. Invariant: a loaded
//! configuration has passed every check that needs no knowledge of the machine. Cost: start only;
//! nothing here runs while requests are served, CONFIG GET and SET apart.
//!
//! Nothing here but `Config::load_here` touches the process: arguments, environment and the reading
//! of files are handed in.

// Loading: the sources laid over each other.
mod load;
// CONFIG GET and CONFIG SET: the names Redis gives to settings.
pub mod redis_names;
// The table of `--check-config`.
mod report;
// Rules between settings.
pub mod rules;
// The command line.
mod args;
// The configuration file, TOML or JSON.
mod file;
// The table of all settings.
mod settings;
// One setting: its names, its text and its value.
mod setting;
// Addresses, ports, CPUs, nodes.
mod address;
// Settings with few possible names.
mod choice;
// Spans of time.
mod duration;
// Sizes and memory limits.
mod size;
// The nearest known name.
mod nearest;
// Problems and where they are.
mod error;
// Bounds.
pub mod limits;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use velodrome_engine::{Codec, Compression};

pub use choice::{ClusterMode, CompressionChoice, DriverChoice, LogFormat, LogLevel};
pub use error::{ConfigError, Origin};
pub use load::{Action, Loaded};
pub use size::MemoryLimit;

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Shards to run; `None` leaves it to the machine.
    pub shards: Option<usize>,
    /// CPUs of the shards as `CpuSet` writes them; `None` takes those the process may use.
    pub cores: Option<String>,
    /// Which kernel interface moves bytes.
    pub driver: DriverChoice,

    /// Addresses to listen on; never empty.
    pub bind: Vec<IpAddr>,
    /// Port of RESP, 0 = off.
    pub resp_port: u16,
    /// Port of memcached, 0 = off.
    pub memcached_port: u16,
    /// Port of HTTP, 0 = off.
    pub http_port: u16,
    /// Unix socket of RESP.
    pub unix_socket: Option<PathBuf>,
    /// Listen beyond loopback without a password.
    pub insecure: bool,

    /// Password of the default user.
    pub requirepass: Option<String>,
    /// Connections at the same time.
    pub maxclients: usize,
    /// Idle time after which a connection is closed, in milliseconds, 0 = never.
    pub timeout_ms: u64,
    /// Limit on all connections' buffers; see `client_memory_bytes_max`.
    pub client_memory: MemoryLimit,
    /// Databases of SELECT, 1 to 16.
    pub databases: u8,
    /// Threshold of the slow log in microseconds; 0 takes all, -1 none.
    pub slowlog_slower_than_us: i64,
    /// Entries the slow log keeps.
    pub slowlog_entries_max: usize,
    /// Milliseconds from which turns and commands are spikes; 0 for never.
    pub latency_threshold_ms: u64,

    /// Limit on the data's memory; see `memory_bytes_max`.
    pub max_memory: MemoryLimit,
    /// Items of the whole node.
    pub max_items: Option<u64>,
    /// What goes when a limit is reached.
    pub eviction: velodrome_engine::Policy,
    /// How values are packed.
    pub compression: CompressionChoice,
    /// The codec's level; `None` is the codec's own.
    pub compression_level: Option<u8>,
    /// Values longer than this are packed.
    pub compression_threshold: usize,
    /// Time to live of items written without one, in milliseconds, 0 = for ever.
    pub default_ttl_ms: u64,
    /// Longest value in bytes.
    pub value_len_max: usize,

    /// Name of this node.
    pub node_id: Option<String>,
    /// Other nodes.
    pub peers: Vec<String>,
    /// Points of a node on the ring.
    pub virtual_nodes: u32,
    /// What a node alone tells cluster clients.
    pub cluster_mode: ClusterMode,
    /// Time between checks of other nodes, in milliseconds.
    pub health_check_interval_ms: u64,

    /// Directory of the files that survive a restart.
    pub data_dir: Option<PathBuf>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// The least severe message that is logged.
    pub log_level: LogLevel,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            shards: None,
            cores: None,
            driver: DriverChoice::Auto,
            bind: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            resp_port: 6379,
            memcached_port: 11211,
            http_port: 8080,
            unix_socket: None,
            insecure: false,
            requirepass: None,
            maxclients: 10_000,
            timeout_ms: 0,
            client_memory: MemoryLimit::Auto,
            databases: limits::DATABASES_MAX,
            slowlog_slower_than_us: 10_000,
            slowlog_entries_max: 128,
            latency_threshold_ms: 0,
            max_memory: MemoryLimit::Auto,
            max_items: None,
            eviction: velodrome_engine::Policy::Lru,
            compression: CompressionChoice::None,
            compression_level: None,
            compression_threshold: limits::COMPRESSION_THRESHOLD_DEFAULT,
            default_ttl_ms: 0,
            value_len_max: limits::VALUE_LEN_DEFAULT as usize,
            node_id: None,
            peers: Vec::new(),
            virtual_nodes: 150,
            cluster_mode: ClusterMode::Emulated,
            health_check_interval_ms: 5_000,
            data_dir: None,
            log_format: LogFormat::Auto,
            log_level: LogLevel::Info,
        }
    }
}

impl Config {
    /// Bytes the data may take: as configured, or `default_bytes` when that is left to the node.
    /// `machine_bytes` is what shares such as `50%` are shares of.
    pub fn memory_bytes_max(&self, machine_bytes: u64, default_bytes: u64) -> u64 {
        let bytes = self.max_memory.bytes(machine_bytes).unwrap_or(default_bytes);
        bytes.max(limits::MEMORY_BYTES_MIN)
    }

    /// What the engines pack, and how.
    pub fn compression(&self) -> Compression {
        let level = |own| self.compression_level.unwrap_or(own);
        let codec = match self.compression {
            CompressionChoice::None => Codec::None,
            CompressionChoice::Lz4 => Codec::Lz4,
            CompressionChoice::Zstd => Codec::Zstd(level(limits::ZSTD_LEVEL_DEFAULT)),
            CompressionChoice::Gzip => Codec::Gzip(level(limits::GZIP_LEVEL_DEFAULT)),
        };
        Compression { codec, threshold_bytes: self.compression_threshold }
    }

    /// Bytes all connections' buffers may take when the data may take `memory_bytes`.
    pub fn client_memory_bytes_max(&self, memory_bytes: u64) -> u64 {
        let auto_bytes = (memory_bytes / 10).max(64 << 20);
        self.client_memory.bytes(memory_bytes).unwrap_or(auto_bytes)
    }

    /// What is configured and accepted but does nothing in this version, a line each.
    pub fn not_yet(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (service, port) in [("memcached", self.memcached_port), ("HTTP", self.http_port)] {
            if port != 0 {
                notes.push(format!(
                    "{service} is not served by this version: nothing listens on port {port}"
                ));
            }
        }
        if !self.peers.is_empty() {
            notes.push("peers are not contacted by this version: the node stays alone".into());
        }
        let default = Config::default();
        let idle = [
            ("virtual-nodes", self.virtual_nodes != default.virtual_nodes),
            (
                "health-check-interval",
                self.health_check_interval_ms != default.health_check_interval_ms,
            ),
        ];
        for (name, _) in idle.iter().filter(|(_, set)| *set) {
            notes.push(format!("{name} changes nothing in this version"));
        }
        if self.data_dir.is_some() {
            notes.push("nothing is written to data-dir by this version: a restart is cold".into());
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_follows_the_machine_unless_told() {
        let mut config = Config::default();
        assert_eq!(config.memory_bytes_max(100 << 30, 60 << 30), 60 << 30);
        config.max_memory = MemoryLimit::Percent(50);
        assert_eq!(config.memory_bytes_max(100 << 30, 60 << 30), 50 << 30);
        assert_eq!(config.client_memory_bytes_max(1 << 30), (1 << 30) / 10);
        assert_eq!(config.client_memory_bytes_max(64 << 20), 64 << 20);
    }

    #[test]
    fn what_does_nothing_yet_is_told() {
        let mut config = Config { memcached_port: 0, http_port: 0, ..Config::default() };
        assert!(config.not_yet().is_empty());
        config.http_port = 9090;
        assert!(config.not_yet()[0].contains("HTTP") && config.not_yet()[0].contains("9090"));
        for (name, text) in
            [("virtual-nodes", "200"), ("health-check-interval", "100"), ("peers", "other:6379")]
        {
            let mut config = Config { memcached_port: 0, http_port: 0, ..Config::default() };
            (settings::find(name).expect("a setting").0.set)(&mut config, text).expect(text);
            let notes = config.not_yet();
            assert!(notes.len() == 1 && notes[0].contains(name), "{name}: {notes:?}");
        }
    }
}
