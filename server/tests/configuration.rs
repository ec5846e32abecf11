//! The binary's command line: help, version, the configuration check, and refusals.
//!
//! Owns no node: nothing here listens. Invariant: what keeps a node from starting is told on
//! standard error in lines that name their place, with exit code 1.

use std::path::Path;
use std::process::{Command, Output};

fn velodrome(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_velodrome"));
    command.args(args).env_clear().envs(env.iter().copied());
    command.output().expect("the binary runs")
}

/// Runs to a good end and gives standard output.
fn printed(args: &[&str], env: &[(&str, &str)]) -> String {
    let output = velodrome(args, env);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {:?} {errors}", output.status);
    assert_eq!(errors, "", "{args:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn check_refused(args: &[&str], env: &[(&str, &str)], parts: &[&str]) {
    let output = velodrome(args, env);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {errors}");
    assert!(output.stdout.is_empty(), "{args:?} prints to standard output too");
    for part in parts {
        assert!(errors.contains(part), "{part} is not in {errors}");
    }
    assert!(!errors.contains("panicked"), "{errors}");
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a temporary file");
    path.to_string_lossy().into_owned()
}

#[test]
fn help_and_version() {
    let help = printed(&["--help"], &[]);
    for part in ["Usage: velodrome", "--max-memory", "Examples:", "VELODROME_MAX_MEMORY"] {
        assert!(help.contains(part), "{part} is not in\n{help}");
    }
    let version = printed(&["--version"], &[]);
    assert_eq!(version, format!("velodrome {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_check_shows_values_and_where_they_come_from() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let toml = file(folder.path(), "velodrome.toml", "# node\nmax_memory = '64mb'\nshards = 3\n");
    let json = file(folder.path(), "velodrome.json", "{\"max_memory\": \"64mb\",\n\"shards\": 3}");
    for path in [&toml, &json] {
        let args = ["--check-config", "--config", path, "--databases", "4"];
        let table = printed(&args, &[("VELODROME_SHARDS", "2"), ("PORT", ":8081")]);
        let row = |name: &str| {
            let found = table.lines().find(|line| line.split_whitespace().next() == Some(name));
            found.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(row("databases").as_deref(), Some("4 flag --databases"));
        assert_eq!(row("shards").as_deref(), Some("2 environment VELODROME_SHARDS"));
        assert_eq!(row("http-port").as_deref(), Some("8081 environment PORT"));
        assert!(row("max-memory").unwrap().starts_with(&format!("64mb {path} line ")), "{table}");
        assert_eq!(row("resp-port").as_deref(), Some("6379 default"));
    }
}

#[test]
fn what_is_wrong_ends_the_start_with_one_line_each() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = "shard = 2\nresp_port = 'many'\n";
    let path = file(folder.path(), "velodrome.toml", text);
    for check in [&["--check-config"][..], &[]] {
        let with_check = |args: &[&'static str]| [args, check].concat();
        let mut args = vec!["--config", path.as_str()];
        args.extend(check);
        let unknown = format!("{path} line 1: shard: unknown key: did you mean shards?");
        check_refused(&args, &[], &[&unknown, "line 2: resp_port: 'many' is not a port"]);
        check_refused(&with_check(&["--bind", "0.0.0.0"]), &[], &["there is no password"]);
        check_refused(&with_check(&["--shard", "1"]), &[], &["did you mean --shards?"]);
        check_refused(&with_check(&["--eviction", "best"]), &[], &["not a policy", "lru"]);
        let env = [("MAX_MEMORY_MB", "lots")];
        check_refused(&with_check(&[]), &env, &["environment MAX_MEMORY_MB: 'lots' is not a size"]);
    }
}
