//! The command line.
//!
//! Owns flags, `--help` and `--version`; both are made from the table of settings. Invariant: no
//! text of the user is lost: what is not a known flag with its value is refused. Cost: start only.
//!
//! Flags may be written with one dash (`-port 8080`, `-capacity=1000`) as the Go systems that this
//! node replaces were started.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::error::ConfigError;
use super::nearest::nearest;
use super::setting::{Kind, Setting};
use super::{Config, settings};

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Arguments {
    /// `--help` or `--version`: print this and end.
    pub(crate) print: Option<String>,
    /// `--check-config`.
    pub(crate) check_config: bool,
    /// `--config FILE`.
    pub(crate) file: Option<String>,
    /// Settings, by canonical name, with their texts.
    pub(crate) values: Vec<(&'static str, String)>,
}

/// Reads the arguments; the first is the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Arguments, ConfigError> {
    let mut command = command();
    let args = args.into_iter().enumerate();
    let args = args.map(|(index, arg)| if index == 0 { arg } else { two_dashes(arg) });
    match command.try_get_matches_from_mut(args) {
        Ok(matches) => Ok(arguments(&matches)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Ok(Arguments { print: Some(error.render().to_string()), ..Arguments::default() })
            }
            _ => Err(refusal(&error)),
        },
    }
}

fn arguments(matches: &ArgMatches) -> Arguments {
    let mut values = Vec::new();
    for (_, setting) in settings::all() {
        if setting.kind == Kind::Switch {
            if matches.get_flag(setting.name) {
                values.push((setting.name, "yes".to_string()));
            }
            continue;
        }
        for (name, unit) in names(setting) {
            if let Some(texts) = matches.get_many::<String>(name) {
                let texts: Vec<_> = texts.map(|text| with_unit(text, unit)).collect();
                values.push((setting.name, texts.join(",")));
            }
        }
    }
    Arguments {
        print: None,
        check_config: matches.get_flag("check-config"),
        file: matches.get_one::<String>("config").cloned(),
        values,
    }
}

/// The value with the unit its name implies; texts that bring their own keep it.
pub(crate) fn with_unit(text: &str, unit: &str) -> String {
    let text = text.trim();
    let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if bare { format!("{text}{unit}") } else { text.to_string() }
}

fn names(setting: &Setting) -> impl Iterator<Item = (&'static str, &'static str)> {
    let also = setting.also.iter().map(|alias| (alias.name, alias.unit));
    std::iter::once((setting.name, "")).chain(also)
}

/// `-port` as `--port` when that is a flag's name; everything else as it is.
fn two_dashes(arg: OsString) -> OsString {
    let Some(text) = arg.to_str() else { return arg };
    let Some(rest) = text.strip_prefix('-') else { return arg };
    let name = rest.split_once('=').map_or(rest, |(name, _)| name);
    let known = settings::find(name).is_some()
        || ["config", "check-config", "help", "version"].contains(&name);
    if known { format!("-{text}").into() } else { arg }
}

fn command() -> Command {
    let defaults = Config::default();
    let mut command = Command::new("velodrome")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Velodrome: an in-memory cache with one shard per CPU core, for Redis clients")
        .max_term_width(100)
        .override_usage("velodrome [FLAGS]\n       velodrome tune check|apply|undo|systemd|sysctl")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .after_help(AFTER_HELP);
    for (heading, setting) in settings::all() {
        command = command.arg(flag(setting, heading, &defaults));
        for alias in setting.also {
            let hidden = Arg::new(alias.name).long(alias.name).hide(true);
            command = command.arg(hidden.conflicts_with(setting.name).action(action(setting)));
        }
    }
    let general = |arg: Arg| arg.help_heading("General");
    command
        .arg(general(Arg::new("config").long("config").value_name("FILE").help(
            "Read this file, TOML or JSON: the flags' names with _ for -, as max_memory = \"4gb\"",
        )))
        .arg(general(
            Arg::new("check-config")
                .long("check-config")
                .action(ArgAction::SetTrue)
                .help("Print the configuration and where each value comes from, and end"),
        ))
        .arg(general(
            Arg::new("help").short('h').long("help").action(ArgAction::Help).help("Print this"),
        ))
        .arg(general(
            Arg::new("version")
                .short('V')
                .long("version")
                .action(ArgAction::Version)
                .help("Print the version"),
        ))
}

const AFTER_HELP: &str = "\
A flag outweighs the environment, the environment a file, a file the default. Every flag has a
variable: --max-memory is VELODROME_MAX_MEMORY. PORT, NODE_ID, MAX_SIZE, MAX_MEMORY_MB, DEFAULT_TTL,
CACHE_NODES, HEALTH_CHECK_INTERVAL and VIRTUAL_NODES are understood too.

Examples:
  velodrome                                      a node on 127.0.0.1:6379
  velodrome --shards 4 --max-memory 4gb          four shards, 4 GiB of data
  velodrome --bind 0.0.0.0 --config node.toml    for other machines, password in the file
  velodrome tune check                           what the host has set badly, and how to change it";

fn action(setting: &Setting) -> ArgAction {
    match setting.kind {
        Kind::List => ArgAction::Append,
        Kind::Switch => ArgAction::SetTrue,
        Kind::One | Kind::Secret => ArgAction::Set,
    }
}

fn flag(setting: &'static Setting, heading: &'static str, defaults: &Config) -> Arg {
    let default = (setting.show)(defaults);
    let help = match default.as_str() {
        "" | "no" => setting.help.to_string(),
        default => format!("{} [default: {default}]", setting.help),
    };
    let arg = Arg::new(setting.name).long(setting.name).help(help).help_heading(heading);
    let arg = arg.action(action(setting));
    if setting.kind == Kind::Switch {
        return arg;
    }
    // -1 and such are values, not flags.
    arg.value_name(setting.value).allow_negative_numbers(true)
}

fn refusal(error: &clap::Error) -> ConfigError {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let wrong = context(ContextKind::InvalidArg).unwrap_or_default();
    let bare = wrong.trim_start_matches('-');
    let text = match error.kind() {
        ErrorKind::UnknownArgument if !wrong.starts_with('-') => format!(
            "'{wrong}' is not understood: expected flags, or tune as the first word; a \
             configuration file is named with --config FILE"
        ),
        ErrorKind::UnknownArgument => match nearest(bare, settings::all().map(|(_, s)| s.name)) {
            Some(name) => format!("unknown flag {wrong}: did you mean --{name}?"),
            None => format!("unknown flag {wrong}: velodrome --help lists all"),
        },
        _ => {
            let rendered = error.render().to_string();
            let first = rendered.lines().next().unwrap_or_default();
            first.trim_start_matches("error: ").to_string()
        }
    };
    ConfigError::one(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Arguments, ConfigError> {
        parse(std::iter::once("velodrome").chain(args.iter().copied()).map(OsString::from))
    }

    #[test]
    fn flags_with_one_dash_and_old_names() {
        let parsed = read(&["-port", "8081", "-capacity=1000", "--bind", "::1", "--bind", "*"]);
        let expected = [("bind", "::1,*"), ("http-port", "8081"), ("max-items", "1000")];
        assert_eq!(parsed.unwrap().values, expected.map(|(n, t)| (n, t.to_string())));
        let parsed = read(&["--max-memory-mb", "64", "--slowlog-log-slower-than", "-1"]).unwrap();
        assert!(parsed.values.contains(&("max-memory", "64mb".into())), "{parsed:?}");
        assert!(parsed.values.contains(&("slowlog-log-slower-than", "-1".into())), "{parsed:?}");
    }

    #[test]
    fn refusals_are_one_line() {
        for (args, part) in [
            (&["--shard", "2"][..], "did you mean --shards?"),
            (&["--colour"][..], "--help lists all"),
            (&["redis.conf"][..], "--config FILE"),
            (&["apply", "tune"][..], "tune as the first word"),
            (&["--shards"][..], "--shards"),
            (&["--shards", "1", "--shards", "2"][..], "--shards"),
            (&["--port", "1", "--http-port", "2"][..], "cannot be used with"),
        ] {
            let problems = read(args).unwrap_err().problems;
            assert_eq!(problems.len(), 1);
            assert!(problems[0].contains(part), "{problems:?}");
            assert!(!problems[0].contains('\n'), "{problems:?}");
        }
    }

    #[test]
    fn help_is_for_a_person() {
        let help = read(&["--help"]).unwrap().print.unwrap();
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "too wide: {line}");
        }
        assert!(help.contains("velodrome tune check"), "{help}");
        for (heading, setting) in settings::all() {
            assert!(help.contains(&format!("\n{heading}:\n")), "{heading}");
            assert!(help.contains(&format!("--{}", setting.name)), "{}", setting.name);
        }
        assert!(read(&["-V"]).unwrap().print.unwrap().starts_with("velodrome "));
    }
}
