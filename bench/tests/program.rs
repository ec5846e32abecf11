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
fn a_trace_is_replayed_by_engines_and_over_the_network() {
    let server = Fake::start(Fault::None);
    let folder = tempfile::tempdir().unwrap();
    let (trace, json) = (folder.path().join("trace"), folder.path().join("a/trace.json"));
    let keys = (0..5_000_u32).map(|number| format!("{}\n", number * number % 300));
    std::fs::write(&trace, keys.collect::<String>()).unwrap();
    let (file, to) = (trace.display(), json.display());
    let output = bench(&format!(
        "trace {file} --policies lru --items 20,100 --shards 1,2 --exact --json {to} \
         --html {to}.html --svg {to}.svg"
    ));
    assert_eq!(code(&output), 0);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("5000 requests") && text.contains("lru, 2 shards"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(json["figures"].as_array().unwrap().len(), 6);
    assert_eq!(json["figures"][0]["tally"], json["figures"][2]["tally"], "exact when small");
    let written = |end: &str| std::fs::read_to_string(format!("{to}.{end}")).unwrap();
    assert!(written("html").contains("</html>") && written("svg").starts_with("<svg"));
    // A server that forgets nothing misses every object once.
    let output = bench(&format!("trace {file} --over {}", server.url()));
    assert_eq!(code(&output), 0);
    let objects = (0..5_000_u32).map(|number| number * number % 300);
    let objects = objects.collect::<std::collections::HashSet<_>>().len();
    let text = String::from_utf8(output.stdout).unwrap();
    let ratio = format!("{:.4}", objects as f64 / 5_000.0);
    assert!(text.contains(ratio.trim_start_matches('0')), "{text}");
}

#[test]
fn what_cannot_be_replayed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    std::fs::write(&trace, "a\nb\n").unwrap();
    let file = trace.display();
    let check = |args: &str, status: i32, expected: &str| {
        let output = bench(&format!("trace {args}"));
        assert_eq!(code(&output), status, "{args}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(expected), "{args}: {text}");
    };
    check(&file.to_string(), 1, "--items or --bytes");
    check("/nowhere/x --items 5", 1, "cannot read the trace /nowhere/x");
    check(&format!("{file} --items 5 --policies best"), 2, "is not one of");
    check(&format!("{file} --items 5 --sizes trace"), 1, "the trace has no sizes");
    check(&format!("{file} --items 5 --format u64be"), 1, "4 bytes are left");
    check(&format!("{file} --over 127.0.0.1:1"), 1, "cannot reach the server");
    check(&format!("{file} --items 5 --over 127.0.0.1:1"), 1, "with --configure only");
    let dying = Fake::start(Fault::Death(1));
    check(&format!("{file} --over {}", dying.url()), 1, "the server went away");
    let full = Fake::start(Fault::Full);
    let output = bench(&format!("trace {file} --over {}", full.url()));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(code(&output) == 0 && text.contains("2 of 2 not taken"), "{text}");
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
