//! The checks against hosts of all shapes.
//!
//! Owns what each kind of host is told. Invariant: on the host the tests run on nothing is changed.
//! Cost: a second.

mod fake;

use std::collections::BTreeMap;
use std::fs;

use fake::Fake;
use fake::hosts::{container, neglected_server, small_vm, tuned};
use velodrome_tuning::{self as tuning, Finding, IoUring, Verdict, findings};

fn look(fake: &Fake) -> Vec<Finding> {
    findings(fake.root(), IoUring::NotTried)
}

/// Compares verdict, a part of what was found and a part of the command with what is expected, for
/// the checks named; all others must be good or unknown.
fn check(findings: &[Finding], expected: &[(&str, Verdict, &str, &str)]) {
    for finding in findings {
        let row = expected.iter().find(|row| row.0 == finding.check);
        let Some((name, verdict, found, fix)) = row else {
            assert!(finding.verdict < Verdict::Advice, "{finding:#?}");
            assert!(finding.fix.is_empty(), "{finding:#?}");
            continue;
        };
        assert_eq!(finding.verdict, *verdict, "{finding:#?}");
        assert!(finding.found.contains(found), "{name}: {} has no {found}", finding.found);
        assert!(finding.fix.contains(fix), "{name}: {} has no {fix}", finding.fix);
        let off = finding.verdict >= Verdict::Advice;
        assert_eq!(off, !finding.fix.is_empty(), "{finding:#?}");
    }
    for (name, ..) in expected {
        assert!(findings.iter().any(|finding| finding.check == *name), "no check {name}");
    }
}

#[test]
fn a_tuned_virtual_machine_of_two_cores_has_nothing_off() {
    let fake = small_vm();
    check(
        &findings(fake.root(), IoUring::Works),
        &[
            ("io_uring", Verdict::Good, "works", ""),
            ("CPUs", Verdict::Good, "shards on 0-1; control on 1, shared", ""),
            ("network queues", Verdict::Good, "eth0: 1 rx, 1 tx; few CPUs", ""),
            ("swappiness", Verdict::Good, "60, without swap", ""),
            ("busy poll", Verdict::Good, "poll 50 µs, read 50 µs", ""),
            ("governor", Verdict::Good, "none", ""),
            ("CPUs without tick", Verdict::Good, "so few CPUs", ""),
            ("network interrupts", Verdict::Unknown, "", ""),
        ],
    );
}

#[test]
fn a_neglected_server_is_told_everything() {
    use Verdict::{Advice, Important};
    let refused = IoUring::Refused("io_uring is refused (EPERM): allow this".into());
    check(
        &findings(neglected_server().root(), refused),
        &[
            ("kernel release", Important, "5.10.0-30-amd64", "Linux 6.12"),
            ("io_uring", Important, "io_uring is refused (EPERM)", "see the rows"),
            ("memlock", Important, "64 KiB", "ulimit -l"),
            ("nofile", Important, "1024 to 4096", "ulimit -n 65536"),
            ("isolated CPUs", Advice, "none", "isolcpus=managed_irq,domain,0-62"),
            ("CPUs without tick", Advice, "none", "nohz_full=0-62 rcu_nocbs=0-62"),
            ("SMT siblings", Advice, "63 shards on 32 cores", "velodrome --shards 32"),
            ("NUMA nodes", Advice, "shards on 2 of 2", "--membind=0 velodrome --cores 0-15,32-47"),
            ("NUMA balancing", Advice, "1", "sysctl -w kernel.numa_balancing=0"),
            ("governor", Advice, "powersave on 60 of 64 CPUs", "scaling_governor"),
            ("clock source", Important, "hpet", "echo tsc > /sys/devices/system/clocksource"),
            ("huge pages", Advice, "always", "echo madvise > /sys/kernel/mm/transparent"),
            ("huge page defrag", Advice, "always", "echo madvise > /sys/kernel/mm/transparent"),
            ("reserved huge pages", Advice, "512", "sysctl -w vm.nr_hugepages=0"),
            ("swap", Advice, "2047 MiB", "swapoff -a"),
            ("swappiness", Advice, "60", "sysctl -w vm.swappiness=1"),
            ("overcommit", Important, "2: never", "sysctl -w vm.overcommit_memory=0"),
            ("zone reclaim", Advice, "3", "sysctl -w vm.zone_reclaim_mode=0"),
            ("somaxconn", Important, "128", "sysctl -w net.core.somaxconn=4096"),
            ("tcp_max_syn_backlog", Advice, "512", "net.ipv4.tcp_max_syn_backlog=4096"),
            ("port range", Advice, "1024 to 65535, with 6379", "='16384 60999'"),
            (
                "busy poll",
                Advice,
                "poll 50 µs, read 500 µs",
                "busy_poll=0; sysctl -w net.core.busy_read=0",
            ),
            ("network queues", Advice, "eth0: 8 rx, 8 tx", "velodrome tune apply"),
            ("network interrupts", Advice, "eth0: all on CPU 3", "in 40 41 42 43 44 45 46 47; do"),
        ],
    );
}

#[test]
fn a_container_is_told_of_its_bounds() {
    use Verdict::{Advice, Important};
    let refused = IoUring::Refused("io_uring is refused".into());
    let fake = container();
    let findings = findings(fake.root(), refused);
    let off: BTreeMap<_, _> = findings
        .iter()
        .filter(|finding| finding.verdict >= Advice)
        .map(|finding| (finding.check, (finding.verdict, finding.found.as_str())))
        .collect();
    let expected = BTreeMap::from([
        ("io_uring", (Important, "io_uring is refused")),
        ("seccomp", (Important, "a filter")),
        ("CPU quota", (Important, "0.5 of 8 CPUs")),
        ("memory bound", (Important, "100 MiB; --max-memory 75 MiB")),
        ("isolated CPUs", (Advice, "none")),
        ("CPUs without tick", (Advice, "none")),
        ("swap", (Advice, "1 MiB")),
        ("swappiness", (Advice, "65536")),
    ]);
    assert_eq!(off, expected);
}

#[test]
fn port_ranges() {
    for (range, reserved, verdict) in [
        ("32768 60999", "", Verdict::Good),
        ("32768\t40000", "", Verdict::Advice),
        ("1024 65535", "", Verdict::Advice),
        ("1024 65535", "6379,8080", Verdict::Advice),
        ("1024 65535", "6379,8000-12000", Verdict::Good),
        ("12000 65535", "", Verdict::Good),
        ("60999 32768", "", Verdict::Unknown),
        ("0 18446744073709551615", "1-65535", Verdict::Good),
    ] {
        let fake = Fake::empty()
            .file("proc/sys/net/ipv4/ip_local_port_range", range)
            .file("proc/sys/net/ipv4/ip_local_reserved_ports", reserved);
        let found = look(&fake).into_iter().find(|one| one.check == "port range");
        assert_eq!(found.map(|one| one.verdict), Some(verdict), "{range} without {reserved}");
    }
}

#[test]
fn network_queues() {
    use Verdict::{Advice, Good};
    // CPUs, receive queues, what RPS is told, what XPS is told.
    for (cpus, queues, rps, xps, verdict) in [
        (2, 1, "0", None, Good),
        (8, 1, "0", None, Advice),
        (8, 1, "f", None, Good),
        (8, 2, "0", Some("f"), Good),
        (8, 2, "0", Some("0"), Advice),
        (8, 2, "0", None, Good),
        (16, 2, "0", Some("f"), Advice),
    ] {
        let mut fake = Fake::machine(cpus, 1, 1).file("sys/class/net/eth0/device/vendor", "");
        for queue in 0..queues {
            let folder = "sys/class/net/eth0/queues";
            fake = fake.file(&format!("{folder}/rx-{queue}/rps_cpus"), rps);
            if let Some(xps) = xps {
                fake = fake.file(&format!("{folder}/tx-{queue}/xps_cpus"), xps);
            }
        }
        let found = look(&fake).into_iter().find(|one| one.check == "network queues");
        let found = found.expect("a check");
        assert_eq!(found.verdict, verdict, "{cpus} {queues} {rps} {xps:?}: {found:?}");
    }
}

#[test]
fn isolated_cpus_must_be_the_shards() {
    let isolated = |list: &str, allowed: &str| {
        let fake = tuned(Fake::machine(8, 1, 1))
            .file("sys/devices/system/cpu/isolated", list)
            .file("sys/devices/system/cpu/nohz_full", list)
            .file("proc/self/status", &format!("Cpus_allowed_list:\t{allowed}\n"));
        let found = look(&fake).into_iter().find(|one| one.check == "isolated CPUs");
        found.map(|one| (one.verdict, one.unit.join(" "))).expect("a check")
    };
    assert_eq!(isolated("", "0-7"), (Verdict::Advice, String::new()));
    // What a process gets on such a host unless it asks for more.
    assert_eq!(isolated("2-7", "0-1"), (Verdict::Important, "CPUAffinity=2-7".into()));
    assert_eq!(isolated("2-7", "0-7"), (Verdict::Advice, "CPUAffinity=2-7".into()));
    assert_eq!(isolated("2-7", "2-7"), (Verdict::Good, "CPUAffinity=2-7".into()));
}

#[test]
fn a_host_that_tells_nothing_has_nothing_off() {
    let fake = Fake::empty();
    check(&look(&fake), &[]);
}

#[test]
fn nonsense_in_any_file_is_survived() {
    let paths = [
        "proc/sys/kernel/osrelease",
        "proc/sys/kernel/numa_balancing",
        "proc/sys/vm/swappiness",
        "proc/sys/vm/overcommit_memory",
        "proc/sys/net/core/somaxconn",
        "proc/sys/net/core/busy_poll",
        "proc/sys/net/ipv4/ip_local_port_range",
        "proc/sys/net/ipv4/ip_local_reserved_ports",
        "proc/swaps",
        "proc/self/status",
        "proc/self/limits",
        "proc/irq/40/effective_affinity_list",
        "sys/devices/system/cpu/isolated",
        "sys/devices/system/cpu/nohz_full",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        "sys/kernel/mm/transparent_hugepage/enabled",
        "sys/kernel/mm/transparent_hugepage/defrag",
        "sys/class/net/eth0/queues/rx-0/rps_cpus",
        "sys/class/net/eth0/queues/tx-0/xps_cpus",
        "sys/class/net/eth0/device/numa_node",
    ];
    let texts = [
        "",
        "\0\x1b[2J",
        "-1",
        "18446744073709551615",
        "18446744073709551616",
        "0 18446744073709551615",
        "9 1",
        "[",
        "][",
        "[always",
        "ffffffff,,1",
        "Seccomp:\nMax open files",
        "Seccomp:\t9\nMax open files  1  \n",
        "a\nb c 18446744073709551615\nb c 18446744073709551615",
    ];
    let mut fake = neglected_server();
    for path in paths {
        let before = fs::read(fake.root().join(path)).ok();
        for text in texts {
            fake = fake.file(path, text);
            let report = tuning::table(&look(&fake), false, false);
            assert!(!report.contains('\x1b') && !report.contains('\0'), "{path} {text:?}");
        }
        match before {
            Some(before) => fs::write(fake.root().join(path), before).expect("writable"),
            None => fs::remove_file(fake.root().join(path)).expect("written above"),
        }
    }
}

#[test]
fn reports_fit_a_terminal_and_a_program() {
    for fake in [small_vm(), neglected_server(), container(), Fake::empty()] {
        let findings = look(&fake);
        let report = tuning::table(&findings, false, false);
        println!("{report}");
        for line in report.lines().filter(|line| !line.trim_start().starts_with("-> ")) {
            assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
        }
        let colour = tuning::table(&findings, true, true);
        assert!(colour.contains("\x1b[") && !report.contains('\x1b'));
        let explained = tuning::table(&findings, false, true);
        assert_eq!(explained.matches("wanted: ").count(), findings.len());
        let json: serde_json::Value = serde_json::from_str(&tuning::json(&findings)).expect("JSON");
        assert_eq!(json["checks"].as_array().map(Vec::len), Some(findings.len()));
        assert!(json["checks"][0]["why"].is_string() && json["important"].is_u64());
    }
}

#[test]
fn files_for_a_host_like_this_one() {
    let findings = look(&neglected_server().file("sys/devices/system/cpu/isolated", "8-63\n"));
    let files = tuning::systemd_files(&findings, "/opt/a b/100%/velodrome");
    let [(_, node), (_, tune), (_, sysctl)] = &files[..] else { panic!("{files:?}") };
    for line in [
        "ExecStart=\"/opt/a b/100%%/velodrome\" $VELODROME_ARGS",
        "LimitNOFILE=65536",
        "LimitMEMLOCK=infinity",
        "MemorySwapMax=0",
        "CPUAffinity=8-63",
    ] {
        assert_eq!(node.lines().filter(|found| *found == line).count(), 1, "{line}:\n{node}");
    }
    assert!(tune.contains("ExecStop=-\"/opt/a b/100%%/velodrome\" tune undo\n"), "{tune}");
    for line in [
        "-net.core.somaxconn = 4096",
        "-net.ipv4.ip_local_port_range = 16384 60999",
        "-vm.swappiness = 1",
        "# yours to decide: vm.overcommit_memory = 0",
    ] {
        assert!(sysctl.lines().any(|found| found == line), "{line}:\n{sysctl}");
    }
    // What is better than wanted is kept.
    let sysctl = tuning::sysctl_file(&look(&small_vm()));
    assert!(sysctl.contains("-net.core.somaxconn = 65535\n"), "{sysctl}");
}

#[test]
fn this_very_host_is_only_looked_at() {
    let findings = findings(std::path::Path::new("/"), IoUring::NotTried);
    println!("{}", tuning::table(&findings, false, false));
    assert!(findings.iter().any(|one| one.check == "CPUs" && one.found.starts_with("shards on")));
    let state = std::path::Path::new("/nonexistent/tune.json");
    let planned = tuning::apply(std::path::Path::new("/"), state, &findings, true);
    println!("{}", tuning::outcomes_table(&planned.expect("a plan")));
}
