//! Loading: default, file, environment and flags laid over each other.
//!
//! Owns the order of precedence and remembers where each value comes from. Invariant: a value is
//! taken only if its setting accepts it, and every value is checked, an overridden one too. Cost:
//! one look-up of the environment a name.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::args::{self, Arguments};
use super::error::{ConfigError, Origin};
use super::limits::FILE_LEN_MAX;
use super::nearest::nearest;
use super::setting::{Kind, Setting};
use super::{Config, file, report, rules, settings};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start the node.
    Start,
    /// Print `Loaded::table` and end with exit code 0.
    CheckConfig,
    /// Print this text (`--help`, `--version`) and end with exit code 0.
    Print(String),
}

/// A configuration, where its values come from, and what to do.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The effective configuration.
    pub config: Config,
    /// What to do with it.
    pub action: Action,
    /// Remarks for the log, a line each.
    pub notes: Vec<String>,
    /// The configuration file, or nothing.
    pub file: String,
    /// Origins in the order of `settings::all`.
    origins: Vec<Origin>,
}

impl Loaded {
    /// Where the value of a setting (a flag's name without dashes) comes from.
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        let index = settings::all().position(|(_, setting)| setting.name == name)?;
        self.origins.get(index)
    }

    /// The effective configuration as a table for a person.
    pub fn table(&self) -> String {
        report::table(&self.config, &self.origins)
    }
}

impl Config {
    /// Loads the configuration of this process: its arguments, its environment, its files.
    ///
    /// # Errors
    /// As `load`.
    pub fn load_here() -> Result<Loaded, ConfigError> {
        // What is not UTF-8 is shown with replacements, and refused where a setting minds.
        let env = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
        Config::load(std::env::args_os(), &env, &read_to_limit)
    }

    /// Loads the configuration. `args` begins with the program's name; `env` looks up a variable;
    /// `read_file` reads a whole file as text.
    ///
    /// # Errors
    /// Every unknown name and impossible value, each in one line with its place and what was
    /// expected.
    pub fn load(
        args: impl IntoIterator<Item = OsString>,
        env: &dyn Fn(&str) -> Option<String>,
        read_file: &dyn Fn(&Path) -> io::Result<String>,
    ) -> Result<Loaded, ConfigError> {
        let arguments = args::parse(args)?;
        let mut layers = Layers::new();
        if let Some(text) = arguments.print {
            return Ok(layers.loaded(Action::Print(text)));
        }
        // A variable that is set to nothing is how compose files spell "not set".
        let env = |name: &str| env(name).filter(|text| !text.trim().is_empty());
        let path = arguments.file.clone().or_else(|| env("VELODROME_CONFIG"));
        if let Some(path) = path {
            layers.lay_file(&path, read_file);
            layers.file = path;
        }
        layers.lay_environment(&env);
        layers.lay_flags(&arguments);
        layers.problems.extend(rules::broken(&layers.config));
        if !layers.problems.is_empty() {
            return Err(ConfigError { problems: layers.problems });
        }
        let action = if arguments.check_config { Action::CheckConfig } else { Action::Start };
        Ok(layers.loaded(action))
    }
}

/// Reads a file as text, one byte beyond the longest that is accepted, so that a device that
/// never ends is refused like a file that is too long.
fn read_to_limit(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_LEN_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// A configuration while sources are laid over it.
struct Layers {
    config: Config,
    file: String,
    origins: Vec<Origin>,
    notes: Vec<String>,
    problems: Vec<String>,
}

impl Layers {
    fn new() -> Layers {
        Layers {
            config: Config::default(),
            file: String::new(),
            origins: vec![Origin::Default; settings::all().count()],
            notes: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn loaded(self, action: Action) -> Loaded {
        let Layers { config, file, notes, origins, .. } = self;
        Loaded { config, action, notes, file, origins }
    }

    fn lay(&mut self, setting: &Setting, text: &str, origin: Origin) {
        if let Err(reason) = (setting.set)(&mut self.config, text) {
            self.problems.push(origin.refuse(&reason));
            return;
        }
        let index = settings::all().position(|(_, other)| other.name == setting.name);
        self.origins[index.expect("a setting of the table")] = origin;
    }

    fn lay_file(&mut self, path: &str, read_file: &dyn Fn(&Path) -> io::Result<String>) {
        let text = match read_file(Path::new(path)) {
            Ok(text) => text,
            Err(error) => {
                self.problems.push(format!("{path}: the file cannot be read: {error}"));
                return;
            }
        };
        let entries = match file::entries(path, &text) {
            Ok(entries) => entries,
            Err(problems) => {
                let lines = problems.into_iter();
                self.problems
                    .extend(lines.map(|(line, text)| format!("{path} line {line}: {text}")));
                return;
            }
        };
        let mut seen: Vec<(&'static str, usize)> = Vec::new();
        for entry in entries {
            let origin =
                Origin::File { path: path.to_string(), line: entry.line, key: entry.key.clone() };
            let Some((setting, unit)) = settings::find(&entry.key.replace('_', "-")) else {
                self.problems.push(origin.refuse(&unknown_key(&entry.key)));
                continue;
            };
            if let Some((_, line)) = seen.iter().find(|(name, _)| *name == setting.name) {
                let key = setting.file_key();
                self.problems.push(origin.refuse(&format!("line {line} sets {key} already")));
                continue;
            }
            seen.push((setting.name, entry.line));
            self.lay(setting, &args::with_unit(&entry.text, unit), origin);
        }
    }

    fn lay_environment(&mut self, env: &dyn Fn(&str) -> Option<String>) {
        for (_, setting) in settings::all() {
            for alias in setting.env {
                if let Some(text) = env(alias.name) {
                    let origin = Origin::Environment(alias.name.to_string());
                    self.lay(setting, &args::with_unit(&text, alias.unit), origin);
                }
            }
            let name = setting.env_name();
            let Some(text) = env(&name) else { continue };
            // Kubernetes puts such a variable into every container beside a service of that name.
            if setting.name.ends_with("-port") && text.starts_with("tcp://") {
                self.notes.push(format!("{name}={text} names a service, not a port: ignored"));
                continue;
            }
            self.lay(setting, &text, Origin::Environment(name));
        }
    }

    fn lay_flags(&mut self, arguments: &Arguments) {
        for (name, text) in &arguments.values {
            let (setting, _) = settings::find(name).expect("flags are made from the table");
            self.lay(setting, text, Origin::Flag(name.to_string()));
            if setting.kind == Kind::Secret {
                self.notes.push(format!(
                    "--{name} is visible to other users of this machine: prefer the file or {}",
                    setting.env_name()
                ));
            }
        }
    }
}

fn unknown_key(key: &str) -> String {
    let keys: Vec<String> = settings::all().map(|(_, setting)| setting.file_key()).collect();
    match nearest(&key.replace('-', "_"), keys.iter().map(String::as_str)) {
        Some(near) => format!("unknown key: did you mean {near}?"),
        None => "unknown key: velodrome --help lists all, written with _ for -".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MemoryLimit;

    /// Loads from flags, variables and one file `node.toml` or, if it begins with `{`, JSON.
    fn load(
        flags: &[&str],
        env: &[(&str, &str)],
        file: Option<&str>,
    ) -> Result<Loaded, ConfigError> {
        let mut args = vec!["velodrome"];
        args.extend(flags);
        if file.is_some() {
            args.extend(["--config", "node.conf"]);
        }
        let look_up = |name: &str| {
            env.iter().find(|(known, _)| *known == name).map(|(_, text)| text.to_string())
        };
        let read_file = |path: &Path| match file {
            Some(text) if path == Path::new("node.conf") => Ok(text.to_string()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        Config::load(args.into_iter().map(OsString::from), &look_up, &read_file)
    }

    fn check_refused(flags: &[&str], env: &[(&str, &str)], file: Option<&str>, expected: &[&str]) {
        let problems = load(flags, env, file).unwrap_err().problems;
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (problem, part) in problems.iter().zip(expected) {
            assert!(problem.contains(part), "{part} is not in {problem}");
        }
    }

    #[test]
    fn flags_outweigh_environment_outweighs_file_outweighs_default() {
        let file = "shards = 1\ndatabases = 4\nmaxclients = 50\n";
        let env = [("VELODROME_SHARDS", "2"), ("VELODROME_DATABASES", "5")];
        let loaded = load(&["--shards", "3"], &env, Some(file)).unwrap();
        let config = &loaded.config;
        assert_eq!((config.shards, config.databases, config.maxclients), (Some(3), 5, 50));
        assert_eq!(config.resp_port, 6379);
        assert_eq!(loaded.origin("shards"), Some(&Origin::Flag("shards".into())));
        assert_eq!(
            loaded.origin("databases").unwrap().to_string(),
            "environment VELODROME_DATABASES"
        );
        assert_eq!(loaded.origin("maxclients").unwrap().to_string(), "node.conf line 3");
        assert_eq!(loaded.origin("resp-port"), Some(&Origin::Default));
        assert_eq!(loaded.action, Action::Start);
    }

    #[test]
    fn every_setting_can_be_set_everywhere() {
        for (_, setting) in settings::all() {
            let text = match setting.name {
                "bind" => "::1",
                "unix-socket" | "data-dir" => "/tmp/x",
                "insecure" => "yes",
                "requirepass" => "secret",
                "eviction" => "lru",
                "compression" => "zstd",
                "cores" => "0-1",
                "driver" => "epoll",
                "node-id" => "a",
                "peers" => "b:1",
                "cluster-mode" => "off",
                "log-format" => "json",
                "log-level" => "debug",
                "max-memory" | "client-memory-max" => "8mb",
                _ => "7",
            };
            let flag = format!("--{}", setting.name);
            let flags = match setting.kind {
                Kind::Switch => vec![flag.as_str()],
                _ => vec![flag.as_str(), text],
            };
            let by_flag = load(&flags, &[], None).unwrap().config;
            let by_env = load(&[], &[(&setting.env_name(), text)], None).unwrap().config;
            let toml = format!("{} = '{text}'", setting.file_key());
            let by_toml = load(&[], &[], Some(&toml)).unwrap().config;
            let json = format!("{{\"{}\": \"{text}\"}}", setting.file_key());
            let by_json = load(&[], &[], Some(&json)).unwrap().config;
            assert_eq!((setting.show)(&by_flag), text, "{}", setting.name);
            assert_eq!((&by_env, &by_toml, &by_json), (&by_flag, &by_flag, &by_flag), "{flag}");
        }
    }

    #[test]
    fn names_of_the_systems_replaced() {
        let env = [
            ("PORT", ":8081"),
            ("NODE_ID", "n1"),
            ("MAX_SIZE", "1000"),
            ("MAX_MEMORY_MB", "512"),
            ("DEFAULT_TTL", "60"),
            ("CACHE_NODES", "http://a:3001,http://b:3002"),
            ("HEALTH_CHECK_INTERVAL", "2500"),
            ("VIRTUAL_NODES", "200"),
        ];
        let config = load(&[], &env, None).unwrap().config;
        let file = "{\"node_id\": \"n1\", \"port\": \":8081\", \"max_items\": 1000,
            \"max_size_bytes\": 536870912, \"default_ttl\": 60, \"eviction_policy\": \"LRU\",
            \"peers\": [\"http://a:3001\", \"http://b:3002\"], \"virtual_nodes\": 200,
            \"health_check_interval\": 2500}";
        let from_file = load(&[], &[], Some(file)).unwrap();
        assert_eq!((from_file.config, from_file.file.as_str()), (config.clone(), "node.conf"));
        assert_eq!((config.http_port, config.max_items), (8081, Some(1000)));
        assert_eq!(config.max_memory, MemoryLimit::Bytes(512 << 20));
        assert_eq!((config.default_ttl_ms, config.virtual_nodes), (60_000, 200));
        assert_eq!((config.peers.len(), config.health_check_interval_ms), (2, 2500));
        let config = load(&["-port", "9090", "-capacity", "5"], &env, None).unwrap().config;
        assert_eq!((config.http_port, config.max_items), (9090, Some(5)));
        let both = [("PORT", "1"), ("VELODROME_HTTP_PORT", "2")];
        assert_eq!(load(&[], &both, None).unwrap().config.http_port, 2);
    }

    #[test]
    fn every_problem_is_placed() {
        check_refused(&["--shards", "0"], &[], None, &["--shards: '0' is not possible"]);
        check_refused(&[], &[("PORT", "x")], None, &["environment PORT: 'x' is not a port"]);
        let file = "shard = 1\n\nmax_memory = 'lots'\nresp_port = 70000\nmaxmemory = '1gb'\n";
        let expected = [
            "node.conf line 1: shard: unknown key: did you mean shards?",
            "node.conf line 3: max_memory: 'lots' is not a size",
            "node.conf line 4: resp_port: '70000' is not a port",
            "node.conf line 5: maxmemory: line 3 sets max_memory already",
        ];
        check_refused(&[], &[], Some(file), &expected);
        check_refused(&[], &[], Some("shards = \n"), &["node.conf line 1: this is not TOML"]);
        let missing = [("VELODROME_CONFIG", "missing.toml")];
        check_refused(&[], &missing, None, &["missing.toml: the file cannot be read"]);
        check_refused(&["--bind", "0.0.0.0"], &[], None, &["there is no password"]);
        check_refused(&["--resp-port", "8080"], &[], None, &["resp-port and http-port"]);
        check_refused(&["--eviction", "best"], &[], None, &["'best' is not a policy"]);
    }

    #[test]
    fn empty_variables_and_service_links_are_not_settings() {
        let env = [("PORT", ""), ("VELODROME_RESP_PORT", "tcp://10.0.0.7:6379")];
        let loaded = load(&[], &env, None).unwrap();
        assert_eq!(loaded.config, Config::default());
        assert!(loaded.notes[0].contains("names a service"), "{:?}", loaded.notes);
    }

    #[test]
    fn files_are_read_up_to_a_limit() {
        let text = read_to_limit(Path::new("/dev/zero")).unwrap();
        assert_eq!(text.len(), FILE_LEN_MAX + 1);
        let problems = file::entries("zero", &text).unwrap_err();
        assert!(problems[0].1.contains("longer than"), "{problems:?}");
        assert!(read_to_limit(Path::new("/nonexistent/velodrome.toml")).is_err());
    }

    #[test]
    fn what_only_prints_starts_nothing() {
        assert_eq!(load(&["--check-config"], &[], None).unwrap().action, Action::CheckConfig);
        let help = load(&["--help"], &[("VELODROME_SHARDS", "none")], None).unwrap();
        assert!(matches!(help.action, Action::Print(text) if text.contains("--max-memory")));
        let password = load(&["--requirepass", "secret"], &[], None).unwrap();
        assert!(password.notes[0].contains("visible"), "{:?}", password.notes);
        assert!(!password.table().contains("secret"));
    }
}
