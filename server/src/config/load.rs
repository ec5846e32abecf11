//! Loading: default, file, environment and flags laid over each other.
//!
//! Owns the order of precedence and remembers where each value comes from. Invariant: a value is
//! taken only if its setting accepts it, and every value is checked, an overridden one too. Cost:
//! one look-up of the environment a name.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use super::args::{self, Arguments};
use super::error::{ConfigError, Origin};
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

/// A configuration while sources are laid over it.
struct Layers {
    config: Config,
    origins: Vec<Origin>,
    notes: Vec<String>,
    problems: Vec<String>,
}

impl Layers {
    fn new() -> Layers {
        Layers {
            config: Config::default(),
            origins: vec![Origin::Default; settings::all().count()],
            notes: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn loaded(self, action: Action) -> Loaded {
        Loaded { config: self.config, action, notes: self.notes, origins: self.origins }
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
