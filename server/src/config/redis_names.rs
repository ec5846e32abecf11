//! CONFIG GET and CONFIG SET: settings under the names Redis gives them.
//!
//! Owns the table of those names; some have a fixed answer because clients and tools ask for them.
//! Invariant: a refused SET changes nothing, and error texts are Redis's own where it has one.
//! Cost: a walk over a few dozen rows, never on the path of ordinary commands.

use super::choice;
use super::limits::{CLIENTS_MAX, DURATION_MS_MAX, SLOWLOG_ENTRIES_MAX, VALUE_LEN_MAX};
use super::size::{self, MemoryLimit};
use super::{CompressionChoice, Config, LogLevel, rules, settings};

/// What a CONFIG SET changed, for those who keep a copy of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Accepted, and the node already behaves like that.
    Nothing,
    /// `max_memory`; `Auto` is to be resolved again.
    MaxMemory,
    /// `max_items`.
    MaxItems,
    /// `default_ttl_ms`.
    DefaultTtl,
    /// `eviction`.
    Eviction,
    /// `compression`, `compression_level` or `compression_threshold`.
    Compression,
    /// `maxclients`.
    MaxClients,
    /// `timeout_ms`.
    Timeout,
    /// `requirepass`.
    Password,
    /// `client_memory`.
    ClientMemory,
    /// `value_len_max`.
    ValueLen,
    /// `slowlog_slower_than_us`, `slowlog_entries_max` or `latency_threshold_ms`.
    Slowlog,
    /// `log_level`.
    LogLevel,
}

type Set = fn(&mut Config, &str) -> Result<(), String>;

struct Parameter {
    name: &'static str,
    show: fn(&Config) -> String,
    set: Option<(Change, Set)>,
}

/// Every parameter whose lower-case name `matches`, with its value, in the order of the table.
/// The limit on memory is shown as it stands in `config`: replace `Auto` by bytes at start.
pub fn get(config: &Config, matches: &mut dyn FnMut(&str) -> bool) -> Vec<(&'static str, String)> {
    let wanted = PARAMETERS.iter().filter(|parameter| matches(parameter.name));
    wanted.map(|parameter| (parameter.name, (parameter.show)(config))).collect()
}

/// Sets all pairs of one CONFIG SET, or none.
///
/// # Errors
/// The text of the error reply, beginning with `ERR`.
pub fn set(config: &mut Config, pairs: &[(&str, &str)]) -> Result<Vec<Change>, String> {
    let mut next = config.clone();
    let mut changes = Vec::with_capacity(pairs.len());
    for (index, (name, value)) in pairs.iter().enumerate() {
        let failed = |reason: &str| {
            format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
        };
        let parameter = PARAMETERS.iter().find(|p| p.name.eq_ignore_ascii_case(name));
        let Some(parameter) = parameter else {
            return Err(format!(
                "ERR Unknown option or number of arguments for CONFIG SET - '{name}'"
            ));
        };
        if pairs[..index].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(failed("duplicate parameter"));
        }
        let Some((change, set)) = parameter.set else {
            return Err(failed("can't set immutable config"));
        };
        set(&mut next, value).map_err(|reason| failed(&reason))?;
        changes.push(change);
    }
    if let Some(reason) = rules::exposed(&next.bind, next.requirepass.is_some(), next.insecure) {
        return Err(format!(
            "ERR CONFIG SET failed (possibly related to argument 'requirepass') - {reason}"
        ));
    }
    if let Some(reason) = rules::no_such_level(&next) {
        return Err(format!(
            "ERR CONFIG SET failed (possibly related to argument 'compression-level') - {reason}"
        ));
    }
    *config = next;
    Ok(changes)
}

const fn fixed(name: &'static str, show: fn(&Config) -> String) -> Parameter {
    Parameter { name, show, set: None }
}

const fn open(
    name: &'static str,
    show: fn(&Config) -> String,
    change: Change,
    set: Set,
) -> Parameter {
    Parameter { name, show, set: Some((change, set)) }
}

/// A parameter that can only be set to what it already is.
macro_rules! only {
    ($name:literal, $value:literal) => {
        open(
            $name,
            |_| $value.into(),
            Change::Nothing,
            |_, text| match text {
                $value => Ok(()),
                _ => Err(format!("this version offers only '{}'", $value)),
            },
        )
    };
}

#[rustfmt::skip]
static PARAMETERS: [Parameter; 47] = [
    open("maxmemory", |c| bytes(c.max_memory), Change::MaxMemory, |c, text| {
        c.max_memory = memory(text, settings::max_memory)?;
        Ok(())
    }),
    open("maxmemory-policy", |c| c.eviction.redis_name().into(), Change::Eviction, |c, text| {
        c.eviction = choice::policy(text)?;
        Ok(())
    }),
    open("maxmemory-clients", |c| bytes(c.client_memory), Change::ClientMemory, |c, text| {
        c.client_memory = memory(text, MemoryLimit::parse)?;
        Ok(())
    }),
    open("client-memory-max", |c| bytes(c.client_memory), Change::ClientMemory, |c, text| {
        c.client_memory = memory(text, MemoryLimit::parse)?;
        Ok(())
    }),
    open("maxclients", |c| c.maxclients.to_string(), Change::MaxClients, |c, text| {
        c.maxclients = integer(text, 1, CLIENTS_MAX as i64)? as usize;
        Ok(())
    }),
    open("timeout", |c| c.timeout_ms.div_ceil(1000).to_string(), Change::Timeout, |c, text| {
        c.timeout_ms = integer(text, 0, (DURATION_MS_MAX / 1000) as i64)? as u64 * 1000;
        Ok(())
    }),
    open("requirepass", |c| c.requirepass.clone().unwrap_or_default(), Change::Password, |c, text| {
        c.requirepass = settings::password(text)?;
        Ok(())
    }),
    open("proto-max-bulk-len", |c| c.value_len_max.to_string(), Change::ValueLen, |c, text| {
        match size::parse(text) {
            Ok(len @ 1..=VALUE_LEN_MAX) => {
                c.value_len_max = len as usize;
                Ok(())
            }
            Ok(_) => Err(format!("argument must be between 1 and {VALUE_LEN_MAX} inclusive")),
            Err(_) => Err(MEMORY_VALUE.into()),
        }
    }),
    open("max-items", |c| c.max_items.unwrap_or(0).to_string(), Change::MaxItems, |c, text| {
        c.max_items = Some(integer(text, 0, i64::MAX)? as u64).filter(|items| *items > 0);
        Ok(())
    }),
    open("compression", |c| c.compression.name().into(), Change::Compression, |c, text| {
        c.compression = CompressionChoice::parse(text)?;
        Ok(())
    }),
    open("compression-level", |c| c.compression_level.map_or("auto".into(), |n| n.to_string()),
        Change::Compression, |c, text| {
        c.compression_level = settings::compression_level(text)?;
        Ok(())
    }),
    open("compression-threshold", |c| c.compression_threshold.to_string(),
        Change::Compression, |c, text| {
        c.compression_threshold = settings::threshold(text)?;
        Ok(())
    }),
    open("default-ttl", |c| c.default_ttl_ms.div_ceil(1000).to_string(),
        Change::DefaultTtl, |c, text| {
        c.default_ttl_ms = integer(text, 0, (DURATION_MS_MAX / 1000) as i64)? as u64 * 1000;
        Ok(())
    }),
    open("slowlog-log-slower-than", |c| c.slowlog_slower_than_us.to_string(),
        Change::Slowlog, |c, text| {
        c.slowlog_slower_than_us = integer(text, -1, i64::MAX)?;
        Ok(())
    }),
    open("slowlog-max-len", |c| c.slowlog_entries_max.to_string(), Change::Slowlog, |c, text| {
        c.slowlog_entries_max = integer(text, 0, SLOWLOG_ENTRIES_MAX as i64)? as usize;
        Ok(())
    }),
    open("latency-monitor-threshold", |c| c.latency_threshold_ms.to_string(),
        Change::Slowlog, |c, text| {
        c.latency_threshold_ms = integer(text, 0, DURATION_MS_MAX as i64)? as u64;
        Ok(())
    }),
    open("loglevel", |c| redis_level(c.log_level).into(), Change::LogLevel, |c, text| {
        c.log_level = match text.to_ascii_lowercase().as_str() {
            "debug" => LogLevel::Trace,
            "verbose" => LogLevel::Debug,
            "notice" => LogLevel::Info,
            "warning" => LogLevel::Warn,
            "nothing" => LogLevel::Off,
            _ => return Err("argument(s) must be one of the following: debug, verbose, notice, \
                             warning, nothing".into()),
        };
        Ok(())
    }),
    fixed("bind", |c| super::address::show_bind(&c.bind, " ")),
    fixed("port", |c| c.resp_port.to_string()),
    fixed("tls-port", |_| "0".into()),
    fixed("memcached-port", |c| c.memcached_port.to_string()),
    fixed("http-port", |c| c.http_port.to_string()),
    fixed("unixsocket", |c| shown(&c.unix_socket)),
    fixed("unixsocketperm", |_| "600".into()),
    fixed("databases", |c| c.databases.to_string()),
    fixed("io-threads", |c| c.shards.unwrap_or(1).to_string()),
    fixed("cluster-enabled", |_| "no".into()),
    fixed("cluster-mode", |c| c.cluster_mode.name().into()),
    fixed("dir", |c| shown(&c.data_dir)),
    fixed("daemonize", |_| "no".into()),
    fixed("protected-mode", |c| if c.insecure { "no".into() } else { "yes".into() }),
    fixed("tcp-keepalive", |_| "300".into()),
    fixed("tcp-backlog", |_| "511".into()),
    fixed("supervised", |_| "no".into()),
    fixed("logfile", |_| String::new()),
    fixed("dbfilename", |_| String::new()),
    fixed("replicaof", |_| String::new()),
    fixed("slaveof", |_| String::new()),
    fixed("aclfile", |_| String::new()),
    only!("save", ""),
    only!("appendonly", "no"),
    only!("notify-keyspace-events", ""),
    only!("replica-read-only", "yes"),
    only!("slave-read-only", "yes"),
    only!("activedefrag", "no"),
    only!("maxmemory-samples", "5"),
    only!("hz", "10"),
];

const MEMORY_VALUE: &str = "argument must be a memory value";

/// A limit as Redis shows it: bytes, 0 when left to the node.
fn bytes(limit: MemoryLimit) -> String {
    match limit {
        MemoryLimit::Auto => "0".into(),
        MemoryLimit::Bytes(bytes) => bytes.to_string(),
        share => share.show(),
    }
}

fn memory(
    text: &str,
    parse: fn(&str) -> Result<MemoryLimit, String>,
) -> Result<MemoryLimit, String> {
    MemoryLimit::parse(text).map_err(|_| MEMORY_VALUE.to_string())?;
    parse(text)
}

fn integer(text: &str, least: i64, most: i64) -> Result<i64, String> {
    match text.parse::<i64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        Ok(_) => Err(format!("argument must be between {least} and {most} inclusive")),
        Err(_) => Err("argument couldn't be parsed into an integer".into()),
    }
}

fn redis_level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Trace => "debug",
        LogLevel::Debug => "verbose",
        LogLevel::Info => "notice",
        LogLevel::Warn | LogLevel::Error => "warning",
        LogLevel::Off => "nothing",
    }
}

fn shown(path: &Option<std::path::PathBuf>) -> String {
    path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(config: &Config, name: &str) -> String {
        let found = get(config, &mut |known| known == name);
        assert_eq!(found.len(), 1, "{name}");
        found[0].1.clone()
    }

    #[test]
    fn what_clients_ask_for_is_answered() {
        let config = Config::default();
        for (name, expected) in [
            ("save", ""),
            ("appendonly", "no"),
            ("databases", "16"),
            ("timeout", "0"),
            ("replica-read-only", "yes"),
            ("slave-read-only", "yes"),
            ("maxclients", "10000"),
            ("maxmemory-policy", "allkeys-lru"),
            ("bind", "127.0.0.1"),
            ("port", "6379"),
            ("proto-max-bulk-len", "67108864"),
        ] {
            assert_eq!(value(&config, name), expected, "{name}");
        }
        let names: std::collections::BTreeSet<_> = PARAMETERS.iter().map(|p| p.name).collect();
        assert_eq!(names.len(), PARAMETERS.len(), "a name stands twice");
    }

    #[test]
    fn pairs_are_set_together_or_not_at_all() {
        let mut config = Config::default();
        let changes = set(&mut config, &[("MaxMemory", "100mb"), ("timeout", "30")]);
        assert_eq!(changes, Ok(vec![Change::MaxMemory, Change::Timeout]));
        for policy in velodrome_engine::Policy::ALL {
            let named = [("maxmemory-policy", policy.name())];
            assert_eq!(set(&mut config, &named), Ok(vec![Change::Eviction]));
            assert_eq!(value(&config, "maxmemory-policy"), policy.redis_name());
        }
        assert_eq!(value(&config, "maxmemory"), "104857600");
        assert_eq!(config.timeout_ms, 30_000);
        let before = config.clone();
        assert!(set(&mut config, &[("maxmemory", "200mb"), ("timeout", "soon")]).is_err());
        assert_eq!(config, before);
    }

    #[test]
    fn refusals_are_worded_as_in_redis() {
        let failed = |name: &str, reason: &str| {
            format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
        };
        let check = |pairs: &[(&str, &str)], expected: String| {
            assert_eq!(set(&mut Config::default(), pairs), Err(expected));
        };
        let unknown = "ERR Unknown option or number of arguments for CONFIG SET - 'nope'";
        check(&[("nope", "1")], unknown.into());
        check(&[("port", "1")], failed("port", "can't set immutable config"));
        check(&[("maxmemory", "lots")], failed("maxmemory", MEMORY_VALUE));
        let integer = "argument couldn't be parsed into an integer";
        check(&[("maxclients", "x")], failed("maxclients", integer));
        let range = "argument must be between 1 and 1000000 inclusive";
        check(&[("maxclients", "0")], failed("maxclients", range));
        let twice = [("timeout", "1"), ("TIMEOUT", "2")];
        check(&twice, failed("TIMEOUT", "duplicate parameter"));
        let codec = "'best' is not understood: expected one of none, lz4, zstd, gzip";
        check(&[("compression", "best")], failed("compression", codec));
        let level = "compression-level: gzip has no level 12: expected 1 to 9 or auto";
        let pairs = [("compression", "gzip"), ("compression-level", "12")];
        check(&pairs, failed("compression-level", level));
        check(&[("appendonly", "yes")], failed("appendonly", "this version offers only 'no'"));
    }

    #[test]
    fn the_password_of_an_open_node_cannot_be_taken_away() {
        let bind = vec!["10.0.0.1".parse().unwrap()];
        let mut config = Config { bind, requirepass: Some("secret".into()), ..Config::default() };
        let refusal = set(&mut config, &[("requirepass", "")]).unwrap_err();
        assert!(refusal.contains("no password"), "{refusal}");
        assert_eq!(set(&mut config, &[("requirepass", "other")]), Ok(vec![Change::Password]));
    }
}
