//! The table of all settings, grouped as `--help` shows them.
//!
//! Owns the one list that flags, environment, file, `--help` and `--check-config` are made from.
//! Invariant: every field of `Config` is set by exactly one row, and no two rows share a name.

use velodrome_engine::Codec;
use velodrome_tuning::limits::SHARDS_MAX;

use super::address::{parse_bind, parse_cores, parse_node_id, parse_peers, parse_port, show_bind};
use super::choice::{self, ClusterMode, CompressionChoice, DriverChoice, LogFormat, LogLevel};
use super::duration::{parse_ms, show_seconds};
use super::limits::*;
use super::setting::{Alias, Kind, Setting, plain};
use super::size::{self, MemoryLimit};

/// A heading of `--help` and its settings.
pub(crate) type Group = (&'static str, &'static [Setting]);

/// Every group, in the order of `--help`.
pub(crate) const GROUPS: [Group; 7] = [
    ("Network", &NETWORK),
    ("Clients", &CLIENTS),
    ("Memory and items", &MEMORY),
    ("Processors", &PROCESSORS),
    ("Cluster", &CLUSTER),
    ("Files", &FILES),
    ("Logs", &LOGS),
];

/// Every setting with its heading.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static Setting)> {
    GROUPS.iter().flat_map(|(heading, settings)| settings.iter().map(move |s| (*heading, s)))
}

/// The setting that a flag or file key (with dashes) names, and the unit of its bare numbers.
pub(crate) fn find(name: &str) -> Option<(&'static Setting, &'static str)> {
    all().find_map(|(_, setting)| setting.unit_of(name).map(|unit| (setting, unit)))
}

const NETWORK: [Setting; 6] = [
    Setting::new(
        "bind",
        "ADDR",
        "Addresses to listen on, separated by commas; * means all. An address other than loopback \
         asks for --requirepass or --insecure",
        |c, text| parse_bind(text).map(|bind| c.bind = bind),
        |c| show_bind(&c.bind, ","),
    )
    .kind(Kind::List),
    Setting::new(
        "resp-port",
        "PORT",
        "Port of Redis clients; 0 switches it off",
        |c, text| parse_port(text).map(|port| c.resp_port = port),
        |c| c.resp_port.to_string(),
    ),
    Setting::new(
        "memcached-port",
        "PORT",
        "Port of memcached clients; 0 switches it off",
        |c, text| parse_port(text).map(|port| c.memcached_port = port),
        |c| c.memcached_port.to_string(),
    ),
    Setting::new(
        "http-port",
        "PORT",
        "Port of HTTP, dashboard and metrics, also written --port; 0 switches it off",
        |c, text| parse_port(text).map(|port| c.http_port = port),
        |c| c.http_port.to_string(),
    )
    .also(&[plain("port")])
    .env(&[plain("PORT")]),
    Setting::new(
        "unix-socket",
        "PATH",
        "Also listen for Redis clients on this Unix socket, created with mode 0600",
        |c, text| path(text).map(|path| c.unix_socket = path),
        |c| show_path(&c.unix_socket),
    )
    .also(&[plain("unixsocket")]),
    Setting::new(
        "insecure",
        "",
        "Listen on addresses other than loopback although there is no password",
        |c, text| switch(text).map(|on| c.insecure = on),
        |c| if c.insecure { "yes".into() } else { "no".into() },
    )
    .kind(Kind::Switch),
];

const CLIENTS: [Setting; 8] = [
    Setting::new(
        "requirepass",
        "PASSWORD",
        "Password of the default user. The command line is visible to other users of the machine: \
         prefer the file or VELODROME_REQUIREPASS",
        |c, text| password(text).map(|password| c.requirepass = password),
        |c| c.requirepass.clone().unwrap_or_default(),
    )
    .kind(Kind::Secret),
    Setting::new(
        "maxclients",
        "N",
        "Connections at the same time",
        |c, text| count(text, 1, CLIENTS_MAX).map(|n| c.maxclients = n),
        |c| c.maxclients.to_string(),
    )
    .also(&[plain("max-clients")]),
    Setting::new(
        "timeout",
        "SECONDS",
        "Close a connection that was idle for so long; 0 never does",
        |c, text| parse_ms(text, 1000).map(|ms| c.timeout_ms = ms),
        |c| show_seconds(c.timeout_ms),
    ),
    Setting::new(
        "client-memory-max",
        "SIZE",
        "Memory of all connections' buffers together, beyond which clients that neither read nor \
         go on sending are closed: a size, a share of --max-memory such as 10%, or auto for the \
         larger of 64mb and 10%",
        |c, text| MemoryLimit::parse(text).map(|limit| c.client_memory = limit),
        |c| c.client_memory.show(),
    ),
    Setting::new(
        "databases",
        "N",
        "Databases that SELECT reaches, at most 16",
        |c, text| count(text, 1, DATABASES_MAX).map(|n| c.databases = n),
        |c| c.databases.to_string(),
    ),
    Setting::new(
        "slowlog-log-slower-than",
        "US",
        "Microseconds: commands slower than this enter the slow log; 0 takes all, -1 none",
        |c, text| count(text, -1, i64::MAX).map(|n| c.slowlog_slower_than_us = n),
        |c| c.slowlog_slower_than_us.to_string(),
    ),
    Setting::new(
        "slowlog-max-len",
        "N",
        "Entries the slow log keeps",
        |c, text| count(text, 0, SLOWLOG_ENTRIES_MAX).map(|n| c.slowlog_entries_max = n),
        |c| c.slowlog_entries_max.to_string(),
    ),
    Setting::new(
        "latency-monitor-threshold",
        "MS",
        "Milliseconds: turns and commands that take longer are spikes for LATENCY; 0 for none",
        |c, text| count(text, 0, DURATION_MS_MAX).map(|n| c.latency_threshold_ms = n),
        |c| c.latency_threshold_ms.to_string(),
    ),
];

const MEMORY: [Setting; 8] = [
    Setting::new(
        "max-memory",
        "SIZE",
        "Memory of the data: 512mb, 4gb, a share of the machine such as 50%, or auto for a \
         sensible share",
        |c, text| max_memory(text).map(|limit| c.max_memory = limit),
        |c| c.max_memory.show(),
    )
    .also(&[
        plain("maxmemory"),
        plain("max-size-bytes"),
        plain("max-memory-bytes"),
        Alias { name: "max-memory-mb", unit: "mb" },
    ])
    .env(&[Alias { name: "MAX_MEMORY_MB", unit: "mb" }]),
    Setting::new(
        "max-items",
        "N",
        "Items to keep at most; 0 sets no limit",
        |c, text| count(text, 0, u64::MAX).map(|n| c.max_items = Some(n).filter(|n| *n > 0)),
        |c| c.max_items.unwrap_or(0).to_string(),
    )
    .also(&[plain("capacity"), plain("max-size")])
    .env(&[plain("MAX_SIZE")]),
    Setting::new(
        "eviction",
        "POLICY",
        "What goes when a limit is reached: lru, lfu, fifo, random, ttl, s3fifo, noeviction, or a \
         policy by its name in Redis, such as volatile-lru",
        |c, text| choice::policy(text).map(|eviction| c.eviction = eviction),
        |c| c.eviction.name().into(),
    )
    .also(&[plain("eviction-policy"), plain("maxmemory-policy"), plain("policy")]),
    Setting::new(
        "default-ttl",
        "SECONDS",
        "Time to live of items written without one; 0 lets them live for ever",
        |c, text| parse_ms(text, 1000).map(|ms| c.default_ttl_ms = ms),
        |c| show_seconds(c.default_ttl_ms),
    )
    .env(&[plain("DEFAULT_TTL")]),
    Setting::new(
        "value-len-max",
        "SIZE",
        "Longest value, at most 512mb",
        |c, text| value_len(text).map(|len| c.value_len_max = len),
        |c| size::show(c.value_len_max as u64),
    )
    .also(&[plain("proto-max-bulk-len")]),
    Setting::new(
        "compression",
        "CODEC",
        "Pack values longer than --compression-threshold: lz4 up to 1 MiB, zstd up to 512 KiB or \
         gzip up to 128 KiB where that shortens them by an eighth, or none; longer values stay raw",
        |c, text| CompressionChoice::parse(text).map(|codec| c.compression = codec),
        |c| c.compression.name().into(),
    ),
    Setting::new(
        "compression-level",
        "N",
        "Effort of packing: 1 to 19 for zstd, 1 to 9 for gzip, or auto for 3 and 6",
        |c, text| compression_level(text).map(|level| c.compression_level = level),
        |c| c.compression_level.map_or("auto".into(), |level| level.to_string()),
    ),
    Setting::new(
        "compression-threshold",
        "SIZE",
        "Longest value that is never packed",
        |c, text| threshold(text).map(|len| c.compression_threshold = len),
        |c| size::show(c.compression_threshold as u64),
    ),
];

const PROCESSORS: [Setting; 3] = [
    Setting::new(
        "shards",
        "N",
        "Shards, each with its own thread and data; auto makes one for every CPU this process may \
         use, leaving one of four or more to the control thread",
        |c, text| optional(text, |text| count(text, 1, SHARDS_MAX)).map(|n| c.shards = n),
        |c| c.shards.map_or("auto".into(), |n| n.to_string()),
    ),
    Setting::new(
        "cores",
        "LIST",
        "CPUs to run the shards on, such as 0,2-5; auto takes those the process may use",
        |c, text| optional(text, parse_cores).map(|cores| c.cores = cores),
        |c| c.cores.clone().unwrap_or("auto".into()),
    )
    .kind(Kind::List),
    Setting::new(
        "driver",
        "NAME",
        "Kernel interface: io_uring, epoll, or auto for io_uring where the host allows it",
        |c, text| DriverChoice::parse(text).map(|driver| c.driver = driver),
        |c| c.driver.name().into(),
    ),
];

const CLUSTER: [Setting; 5] = [
    Setting::new(
        "node-id",
        "NAME",
        "Name of this node; by default the node chooses one",
        |c, text| parse_node_id(text).map(|id| c.node_id = Some(id)),
        |c| c.node_id.clone().unwrap_or_default(),
    )
    .env(&[plain("NODE_ID")]),
    Setting::new(
        "peers",
        "LIST",
        "Other nodes as host:port, separated by commas",
        |c, text| parse_peers(text).map(|peers| c.peers = peers),
        |c| c.peers.join(","),
    )
    .kind(Kind::List)
    .also(&[plain("cache-nodes")])
    .env(&[plain("CACHE_NODES")]),
    Setting::new(
        "virtual-nodes",
        "N",
        "Points a node has on the ring",
        |c, text| count(text, 1, VIRTUAL_NODES_MAX).map(|n| c.virtual_nodes = n),
        |c| c.virtual_nodes.to_string(),
    )
    .env(&[plain("VIRTUAL_NODES")]),
    Setting::new(
        "cluster-mode",
        "MODE",
        "What a node alone tells cluster clients: emulated answers them too, off refuses",
        |c, text| ClusterMode::parse(text).map(|mode| c.cluster_mode = mode),
        |c| c.cluster_mode.name().into(),
    ),
    Setting::new(
        "health-check-interval",
        "MS",
        "Time between checks of the other nodes",
        |c, text| parse_ms(text, 1).map(|ms| c.health_check_interval_ms = ms),
        |c| c.health_check_interval_ms.to_string(),
    )
    .env(&[plain("HEALTH_CHECK_INTERVAL")]),
];

const FILES: [Setting; 1] = [Setting::new(
    "data-dir",
    "PATH",
    "Directory of the files that survive a restart",
    |c, text| path(text).map(|path| c.data_dir = path),
    |c| show_path(&c.data_dir),
)];

const LOGS: [Setting; 2] = [
    Setting::new(
        "log-format",
        "FORMAT",
        "pretty, json, or auto for pretty on a terminal and JSON otherwise",
        |c, text| LogFormat::parse(text).map(|format| c.log_format = format),
        |c| c.log_format.name().into(),
    ),
    Setting::new(
        "log-level",
        "LEVEL",
        "error, warn, info, debug, trace or off",
        |c, text| LogLevel::parse(text).map(|level| c.log_level = level),
        |c| c.log_level.name().into(),
    ),
];

/// Reads a whole number from `least` to `most`.
pub(super) fn count<N>(text: &str, least: N, most: N) -> Result<N, String>
where
    N: std::str::FromStr + PartialOrd + Copy + std::fmt::Display,
{
    match text.trim().parse::<N>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(format!("'{text}' is not possible: expected a whole number {least} to {most}")),
    }
}

/// Reads the memory of the data; less than a node can work with is refused.
pub(super) fn max_memory(text: &str) -> Result<MemoryLimit, String> {
    match MemoryLimit::parse(text)? {
        MemoryLimit::Bytes(bytes) if bytes < MEMORY_BYTES_MIN => Err(format!(
            "'{text}' is too little: expected {} or more",
            size::show(MEMORY_BYTES_MIN)
        )),
        MemoryLimit::Bytes(bytes) if bytes > MEMORY_BYTES_MAX => {
            Err(format!("'{text}' is more than a machine has"))
        }
        limit => Ok(limit),
    }
}

fn value_len(text: &str) -> Result<usize, String> {
    match size::parse(text)? {
        len @ 1..=VALUE_LEN_MAX => Ok(len as usize),
        _ => Err(format!("'{text}' is not possible: expected 1 to {}", size::show(VALUE_LEN_MAX))),
    }
}

/// Reads the level of a codec; a rule says whether the codec has it.
pub(super) fn compression_level(text: &str) -> Result<Option<u8>, String> {
    optional(text, |text| count(text, 1, *Codec::ZSTD_LEVELS.end()))
}

/// Reads the length above which values are packed.
pub(super) fn threshold(text: &str) -> Result<usize, String> {
    match size::parse(text)? {
        len @ 0..=VALUE_LEN_MAX => Ok(len as usize),
        _ => Err(format!("'{text}' is not possible: expected 0 to {}", size::show(VALUE_LEN_MAX))),
    }
}

fn optional<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if text.trim().eq_ignore_ascii_case("auto") { Ok(None) } else { parse(text).map(Some) }
}

fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        _ => Err(format!("'{text}' is not understood: expected yes or no")),
    }
}

pub(super) fn password(text: &str) -> Result<Option<String>, String> {
    if text.len() > PASSWORD_LEN_MAX {
        return Err(format!("the password is longer than {PASSWORD_LEN_MAX} bytes"));
    }
    Ok(Some(text.to_string()).filter(|text| !text.is_empty()))
}

fn path(text: &str) -> Result<Option<std::path::PathBuf>, String> {
    if text.contains('\0') {
        return Err("a path holds no zero byte".into());
    }
    Ok(Some(std::path::PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty()))
}

fn show_path(path: &Option<std::path::PathBuf>) -> String {
    path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
}
