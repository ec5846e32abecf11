//! The program as it is run: flags, files and exit codes.

mod fake;

use std::process::{Command, Output};

use fake::{Fake, Fault};

fn bench(args: &str) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_velodrome-bench"))
        .args(args.split_ascii_whitespace())
        .output()
        .unwrap();
    println!("{args}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn the_old_flags_load_and_reports_are_written() {
    let server = Fake::start(Fault::None);
    let folder = tempfile::tempdir().unwrap();
    let (json, html) = (folder.path().join("a/load.json"), folder.path().join("load.html"));
    let output = bench(&format!(
        "-url {} -c 10 -d 1s -keys 1000 -size 100 -read 0.7 --json {} --html {}",
        server.url(),
        json.display(),
        html.display()
    ));
    assert_eq!(code(&output), 0);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("p99.99") && text.contains("closed loop: "), "{text}");
    let json = std::fs::read_to_string(json).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let outcome = &json["outcomes"][0];
    assert!(outcome["answered"].as_u64().unwrap() > 100);
    // The fake server is a thread of this process, which is found by its port.
    assert_eq!(outcome["server"]["pid"], std::process::id());
    assert!(outcome["server"]["cpu_ns_per_op"].as_f64().unwrap() > 0.0);
    let html = std::fs::read_to_string(html).unwrap();
    assert!(html.contains("<svg") && html.contains("prefers-color-scheme:dark"));
}

#[test]
fn rates_make_a_curve() {
    let server = Fake::start(Fault::None);
    let folder = tempfile::tempdir().unwrap();
    let html = folder.path().join("load.html");
    let url = server.url();
    let output = bench(&format!(
        "load --url {url} --rate 500,1k --arrivals poisson -d 0.3s --preload --html {}",
        html.display()
    ));
    assert_eq!(code(&output), 0);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("open loop at 500/s") && text.contains("open loop at 1000/s"), "{text}");
    assert!(std::fs::read_to_string(html).unwrap().contains("Latency against load"));
}

#[test]
fn exit_codes_tell_what_happened() {
    let (dying, lying) = (Fake::start(Fault::Death(5000)), Fake::start(Fault::WrongValue(7)));
    let output = bench(&format!("load --url {} -d 20s --read 1", dying.url()));
    assert_eq!(code(&output), 3);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("THE SERVER WENT AWAY: 10 connections"), "{text}");
    let output = bench(&format!("load --url {} -n 500 --preload --read 1", lying.url()));
    assert_eq!(code(&output), 4);
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("WRONG ANSWERS: 71 wrong"));
    let url = dying.url();
    assert_eq!(code(&bench(&format!("load --url {url}"))), 1);
    assert_eq!(code(&bench("load --url http://127.0.0.1:1")), 1);
    assert_eq!(code(&bench("load --mix lpush=1")), 2);
}

#[test]
fn a_trace_is_replayed() {
    let server = Fake::start(Fault::None);
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    std::fs::write(&trace, "one\ntwo,5\none\nthree 9\n").unwrap();
    let (url, trace) = (server.url(), trace.display());
    let output = bench(&format!("load --url {url} --trace {trace} --preload -n 400 --read 1"));
    assert_eq!(code(&output), 0);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("400 answers") && text.contains("0 keys missing"), "{text}");
}

#[test]
fn peers_refuse_other_addresses_than_loopback() {
    let output = bench("peers --bind 0.0.0.0 --peers redis");
    assert_eq!(code(&output), 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a loopback address"));
}

#[test]
fn the_suites_scenarios_are_listed_and_unknown_ones_refused() {
    let listed = String::from_utf8(bench("suite --list").stdout).unwrap();
    assert!(listed.lines().any(|line| line.starts_with("eviction-churn ")), "{listed}");
    assert_eq!(code(&bench("suite --only fast")), 1);
}
