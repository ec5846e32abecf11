//! The sub-command `velodrome tune`: arguments, exit codes, and a whole round on a host of files.
//!
//! Owns no setting of the host it runs on: what changes anything stands under a temporary folder.
//! Cost: a second.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SWAPPINESS: &str = "proc/sys/vm/swappiness";
const SOMAXCONN: &str = "proc/sys/net/core/somaxconn";

fn velodrome(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_velodrome"));
    command.args(args).env_clear().output().expect("the binary runs")
}

/// Runs and gives standard output, and standard error behind it.
fn told(args: &[&str], code: i32) -> String {
    let output = velodrome(args);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("text");
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

/// A host on which two settings are off, one of them badly.
fn fake() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    let swaps = "Filename Type Size Used Priority\n/dev/sda2 partition 2097148 0 -2\n";
    for (path, text) in [(SWAPPINESS, "60\n"), (SOMAXCONN, "128\n"), ("proc/swaps", swaps)] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(path, text).expect("writable");
    }
    root
}

fn value(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).expect("a setting").trim().to_owned()
}

#[test]
fn a_whole_round_on_a_host_of_files() {
    let folder = fake();
    let root = folder.path().to_str().expect("text");
    let state = folder.path().join("kept/tune.json");
    let change = |task: &str, more: &[&str], code: i32| {
        let state = state.to_str().expect("text");
        let args = [&["tune", task, "--root", root, "--state", state], more].concat();
        told(&args, code)
    };
    let report = told(&["tune", "check", "--root", root], 1);
    assert!(report.contains("-> sysctl -w net.core.somaxconn=4096\n"), "{report}");
    assert!(!report.contains('\x1b'), "no colour but on a terminal");
    assert!(change("apply", &["--dry-run"], 0).contains("128 -> 4096  would be set"));
    assert_eq!(value(folder.path(), SOMAXCONN), "128");
    assert!(!state.exists());
    let set = change("apply", &["--json"], 0);
    let set: serde_json::Value = serde_json::from_str(&set).expect("JSON");
    assert_eq!(set.as_array().map(Vec::len), Some(2), "{set}");
    assert_eq!((set[0]["done"].as_str(), set[0]["from"].as_str()), (Some("set"), Some("60")));
    assert_eq!(value(folder.path(), SOMAXCONN), "4096");
    assert_eq!(value(folder.path(), SWAPPINESS), "1");
    told(&["tune", "check", "--root", root], 0);
    assert!(change("apply", &[], 0).starts_with("nothing to set"));
    assert!(change("undo", &["--dry-run"], 0).contains("4096 -> 128  would be restored"));
    assert!(change("undo", &[], 0).contains("4096 -> 128  restored"));
    assert_eq!(value(folder.path(), SOMAXCONN), "128");
    assert_eq!(value(folder.path(), SWAPPINESS), "60");
    assert_eq!(change("undo", &[], 0), "nothing to undo\n");
}

#[test]
fn this_host_is_looked_at() {
    let output = velodrome(&["tune", "check", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let important = report["important"].as_u64().expect("a number");
    assert_eq!(output.status.code(), Some(i32::from(important > 0)), "{report}");
    let checks = report["checks"].as_array().expect("a list");
    let probe = checks.iter().find(|check| check["check"] == "io_uring").expect("the probe");
    assert_ne!(probe["verdict"], "unknown", "somebody tried: {probe}");
}

#[test]
fn files_are_printed_and_written() {
    let folder = fake();
    let root = folder.path().to_str().expect("text");
    let printed = told(&["tune", "systemd", "--root", root], 0);
    assert!(printed.contains("# --- velodrome.service\n") && printed.contains("[Install]"));
    let sysctl = told(&["tune", "sysctl", "--root", root], 0);
    assert!(sysctl.contains("-net.core.somaxconn = 4096\n"), "{sysctl}");
    let output = folder.path().join("etc/new");
    let output = output.to_str().expect("text");
    let written = told(&["tune", "systemd", "--root", root, "--output", output], 0);
    assert_eq!(written.lines().count(), 3, "{written}");
    for path in written.lines() {
        let text = fs::read_to_string(path).expect("written");
        assert!(printed.contains(&text), "{path} is not as printed");
    }
    assert!(
        told(&["tune", "systemd", "--root", root, "--output", "/proc/none"], 1).contains("/proc")
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    for (args, part) in [
        (&["tune", "--bogus"][..], "--bogus"),
        (&["tune", "chek"][..], "'check'"),
        (&["tune", "check", "--jsn"][..], "'--json'"),
        (&["tune", "check", "--dry-run"][..], "--dry-run"),
        (&["tune", "apply", "--state"][..], "--state"),
        (&["tune", "undo", "now"][..], "now"),
        (&["tune"][..], "Usage: velodrome tune"),
    ] {
        assert!(told(args, 2).contains(part), "{args:?}");
        assert!(velodrome(args).stdout.is_empty(), "{args:?}");
    }
    assert!(told(&["tune", "check", "--root", "/nowhere"], 1).contains("/nowhere"));
    let folder = fake();
    let root = folder.path().to_str().expect("text");
    let broken = folder.path().join("broken");
    fs::write(&broken, "?").expect("writable");
    let args = ["tune", "undo", "--root", root, "--state", broken.to_str().expect("text")];
    assert!(told(&args, 1).contains("is not a record of changes"));
    for args in [&["tune", "--help"][..], &["tune", "apply", "--help"][..]] {
        let help = told(args, 0);
        assert!(help.contains("Usage: velodrome tune"), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}
