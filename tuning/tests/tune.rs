//! The checks against hosts of all shapes, and what apply and undo do to their files.
//!
//! Owns what each kind of host is told. Invariant: on the host the tests run on nothing is changed.
//! Cost: a second.

mod fake;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use fake::Fake;
use velodrome_tuning::{
    self as tuning, Done, Finding, IoUring, Outcome, STATE_PATH, Verdict, findings,
};

const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n";

fn limits(nofile: &str, memlock: &str) -> String {
    format!("{LIMITS}Max open files   {nofile}   files\nMax locked memory   {memlock}   bytes\n")
}

/// Settings that leave nothing to wish for.
fn tuned(fake: Fake) -> Fake {
    fake.file("proc/sys/kernel/osrelease", "6.12.9\n")
        .file("proc/sys/kernel/io_uring_disabled", "0\n")
        .file("proc/sys/kernel/numa_balancing", "0\n")
        .file("proc/sys/vm/zone_reclaim_mode", "0\n")
        .file("proc/sys/vm/swappiness", "10\n")
        .file("proc/sys/vm/overcommit_memory", "1\n")
        .file("proc/sys/vm/nr_hugepages", "0\n")
        .file("proc/sys/net/core/somaxconn", "65535\n")
        .file("proc/sys/net/core/busy_poll", "50\n")
        .file("proc/sys/net/core/busy_read", "50\n")
        .file("proc/sys/net/ipv4/tcp_max_syn_backlog", "4096\n")
        .file("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
        .file("proc/swaps", "Filename Type Size Used Priority\n")
        .file("proc/self/status", "Seccomp:\t0\n")
        .file("proc/self/limits", &limits("65536 65536", "unlimited unlimited"))
        .file("sys/devices/system/cpu/isolated", "\n")
        .file("sys/devices/system/cpu/nohz_full", "(null)\n")
        .file("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
        .file("sys/kernel/mm/transparent_hugepage/defrag", "always [defer] madvise never\n")
        .file(&format!("{CLOCK}/current_clocksource"), "kvm-clock\n")
        .file(&format!("{CLOCK}/available_clocksource"), "tsc kvm-clock\n")
}

const CLOCK: &str = "sys/devices/system/clocksource/clocksource0";

fn small_vm() -> Fake {
    tuned(Fake::machine(2, 1, 1).memory_mib(4096))
        .file("sys/class/net/lo/queues/rx-0/rps_cpus", "0\n")
        .file("sys/class/net/eth0/device/vendor", "x\n")
        .file("sys/class/net/eth0/queues/rx-0/rps_cpus", "0\n")
        .file("sys/class/net/eth0/queues/tx-0/tx_timeout", "0\n")
}

/// 64 CPUs, two threads a core, two nodes, eight queues, and everything as it should not be.
fn neglected_server() -> Fake {
    let mut fake = tuned(Fake::machine(64, 2, 2).memory_mib(256 * 1024))
        .file("proc/sys/kernel/osrelease", "5.10.0-30-amd64\n")
        .file("proc/sys/kernel/random/boot_id", "first\n")
        .file("proc/sys/kernel/numa_balancing", "1\n")
        .file("proc/sys/vm/zone_reclaim_mode", "3\n")
        .file("proc/sys/vm/swappiness", "60\n")
        .file("proc/sys/vm/overcommit_memory", "2\n")
        .file("proc/sys/vm/nr_hugepages", "512\n")
        .file("proc/sys/net/core/somaxconn", "128\n")
        .file("proc/sys/net/core/busy_read", "500\n")
        .file("proc/sys/net/ipv4/tcp_max_syn_backlog", "512\n")
        .file("proc/sys/net/ipv4/ip_local_port_range", "1024\t65535\n")
        .file("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 2097148 0 -2\n")
        .file("proc/self/status", "Seccomp:\t0\nCpus_allowed_list:\t0-63\n")
        .file("proc/self/limits", &limits("1024 4096", "65536 65536"))
        .file("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n")
        .file("sys/kernel/mm/transparent_hugepage/defrag", "[always] defer madvise never\n")
        .file(&format!("{CLOCK}/current_clocksource"), "hpet\n")
        .file(&format!("{CLOCK}/available_clocksource"), "tsc hpet acpi_pm\n")
        .file("sys/class/net/eth0/device/numa_node", "1\n")
        .file("sys/class/net/eth1/operstate", "down\n")
        .file("sys/class/net/eth1/device/numa_node", "1\n");
    for cpu in 0..64 {
        let path = format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor");
        fake = fake.file(&path, if cpu < 60 { "powersave\n" } else { "performance\n" });
    }
    for queue in 0..8 {
        let folder = "sys/class/net/eth0/queues";
        fake = fake
            .file(&format!("{folder}/rx-{queue}/rps_cpus"), "00000000,00000000\n")
            .file(&format!("{folder}/tx-{queue}/xps_cpus"), "00000000,00000000\n")
            .file(&format!("sys/class/net/eth0/device/msi_irqs/{}", 40 + queue), "msix\n")
            .file(&format!("proc/irq/{}/smp_affinity_list", 40 + queue), "0-63\n")
            .file(&format!("proc/irq/{}/effective_affinity_list", 40 + queue), "3\n");
    }
    fake
}

/// Half a CPU, 100 MiB, a filter, and settings that may not be written.
fn container() -> Fake {
    let fake = tuned(Fake::machine(8, 1, 1).memory_mib(16 * 1024))
        .file("proc/self/status", "Seccomp:\t2\n")
        .file("proc/self/cgroup", "0::/\n")
        .file("sys/fs/cgroup/cgroup.controllers", "cpu memory\n")
        .file("sys/fs/cgroup/cpu.max", "50000 100000\n")
        .file("sys/fs/cgroup/memory.max", "104857600\n")
        .file("proc/swaps", "Filename Type Size Used Priority\n/swap file 1024 0 -2\n");
    // Files that even root may read only stand in for what a container may not write.
    let path = fake.root().join("proc/sys/vm/swappiness");
    fs::remove_file(&path).expect("written above");
    symlink("/proc/sys/kernel/ngroups_max", path).expect("a link");
    fake
}

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
            ("swappiness", Verdict::Good, "10, without swap", ""),
            ("busy poll", Verdict::Good, "poll 50 µs, read 50 µs", ""),
            ("governor", Verdict::Good, "none", ""),
            ("CPUs without tick", Verdict::Good, "so few CPUs", ""),
            ("network interrupts", Verdict::Unknown, "", ""),
        ],
    );
    assert_eq!(apply(&fake), []);
    assert!(!state(&fake).exists(), "nothing changed, nothing recorded");
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
    let outcomes = apply(&fake);
    assert_eq!(outcomes.len(), 1);
    assert!(outcomes[0].is_failed(), "{outcomes:?}");
    assert!(!state(&fake).exists(), "nothing was changed");
    assert_eq!(undo(&fake), []);
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
    assert_eq!(apply(&fake), []);
    assert_eq!(undo(&fake), []);
    assert!(!state(&fake).exists());
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

fn state(fake: &Fake) -> PathBuf {
    fake.root().join(STATE_PATH)
}

fn apply(fake: &Fake) -> Vec<Outcome> {
    tuning::apply(fake.root(), &state(fake), &look(fake), false).expect("a record")
}

fn undo(fake: &Fake) -> Vec<Outcome> {
    tuning::undo(fake.root(), &state(fake), false).expect("a record")
}

/// Every setting that may be written and its value.
fn settings(fake: &Fake) -> BTreeMap<String, Option<String>> {
    let settings = look(fake).into_iter().flat_map(|finding| finding.settings);
    settings.filter(|one| one.safe).map(|one| (one.path, one.found)).collect()
}

fn count(outcomes: &[Outcome], done: &Done) -> usize {
    outcomes.iter().filter(|one| one.done == *done).count()
}

#[test]
fn what_apply_sets_undo_restores() {
    let fake = neglected_server();
    let before = settings(&fake);
    let planned = tuning::apply(fake.root(), &state(&fake), &look(&fake), true).expect("a plan");
    assert_eq!(settings(&fake), before, "a rehearsal changes nothing");
    assert!(!state(&fake).exists());
    let outcomes = apply(&fake);
    assert_eq!(count(&outcomes, &Done::Set), outcomes.len());
    assert_eq!(count(&planned, &Done::Planned), outcomes.len());
    // 60 governors, 16 queues and 8 more.
    assert_eq!(outcomes.len(), 60 + 16 + 8, "{outcomes:#?}");
    let off = look(&fake).into_iter().flat_map(|finding| finding.settings);
    assert_eq!(off.filter(|one| one.safe && one.is_off()).count(), 0);
    let now = settings(&fake);
    let value = |path: &str| now[path].clone().unwrap_or_default();
    // Node 1 has CPUs 16-31 and their siblings.
    assert_eq!(value("sys/class/net/eth0/queues/rx-7/rps_cpus"), "ffff0000,ffff0000");
    assert_eq!(value("sys/class/net/eth0/queues/tx-1/xps_cpus"), "2020202,02020202");
    assert_eq!(value("proc/sys/net/ipv4/ip_local_port_range"), "16384 60999");
    assert_eq!(apply(&fake), [], "twice is once");
    let rehearsed = tuning::undo(fake.root(), &state(&fake), true).expect("a record");
    assert_eq!(count(&rehearsed, &Done::Restorable), outcomes.len());
    assert_eq!(settings(&fake), now);
    let restored = undo(&fake);
    assert_eq!(count(&restored, &Done::Restored), outcomes.len(), "{restored:#?}");
    assert_eq!(settings(&fake), before);
    assert_eq!(undo(&fake), [], "twice is once");
}

#[test]
fn undo_leaves_what_is_no_longer_ours() {
    let fake = neglected_server();
    apply(&fake);
    let fake =
        fake.file("proc/sys/vm/swappiness", "30\n").file("proc/sys/net/core/somaxconn", "128\n");
    fs::remove_dir_all(fake.root().join("sys/class/net/eth0")).expect("the device is pulled");
    let outcomes = undo(&fake);
    let done = |name: &str| {
        let one = outcomes.iter().find(|one| one.setting.contains(name)).expect(name);
        format!("{:?}", one.done)
    };
    assert!(done("vm.swappiness").contains("someone else"));
    assert!(done("net.core.somaxconn").contains("as it was"));
    assert!(done("rx-3/rps_cpus").contains("gone"));
    assert_eq!(settings(&fake)["proc/sys/vm/swappiness"].as_deref(), Some("30"));
    assert_eq!(undo(&fake), []);
}

#[test]
fn a_restart_of_the_host_undoes_by_itself() {
    let fake = neglected_server();
    apply(&fake);
    // The kernel starts with its own values, one of them as apply had set it.
    let fake = fake
        .file("proc/sys/kernel/random/boot_id", "second\n")
        .file("proc/sys/vm/swappiness", "1\n")
        .file("proc/sys/net/core/somaxconn", "256\n");
    let outcomes = tuning::undo(fake.root(), &state(&fake), true).expect("a record");
    assert_eq!(count(&outcomes, &Done::Restorable), 0);
    let set = apply(&fake);
    assert_eq!(set.len(), 1, "{set:?}");
    undo(&fake);
    let now = settings(&fake);
    assert_eq!(now["proc/sys/net/core/somaxconn"].as_deref(), Some("256"), "not 128");
    assert_eq!(now["proc/sys/vm/swappiness"].as_deref(), Some("1"));
}

#[test]
fn what_cannot_be_restored_stays_on_the_record() {
    let fake = neglected_server();
    apply(&fake);
    let path = fake.root().join("proc/sys/vm/swappiness");
    fs::remove_file(&path).expect("written above");
    symlink("/proc/sys/kernel/ngroups_max", &path).expect("a link");
    // As if this had been what was written.
    let record = fs::read_to_string(state(&fake)).expect("a record");
    let record = record.replace(
        "\"60\",\n      \"written\": [\n        \"1\"",
        "\"60\",\n      \"written\": [\n        \"65536\"",
    );
    fs::write(state(&fake), record).expect("writable");
    for _ in 0..2 {
        let failed: Vec<_> = undo(&fake).into_iter().filter(Outcome::is_failed).collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].setting, "vm.swappiness");
    }
    fs::remove_file(&path).expect("the link");
    fs::write(&path, "65536\n").expect("writable");
    assert_eq!(count(&undo(&fake), &Done::Restored), 1);
    assert_eq!(settings(&fake)["proc/sys/vm/swappiness"].as_deref(), Some("60"));
    assert!(!state(&fake).exists());
}

#[test]
fn a_record_of_anything_else_is_not_obeyed() {
    let fake = Fake::empty().file("proc/x", "").file("secret", "kept\n").file(
        STATE_PATH,
        "{\"format\":1,\"boot_id\":null,\"changes\":[{\"path\":\"secret\",\"previous\":\"lost\",\
         \"written\":[\"kept\"]}]}",
    );
    let outcomes = undo(&fake);
    assert!(outcomes[0].is_failed() && outcomes[0].from.is_none(), "{outcomes:?}");
    assert_eq!(fs::read_to_string(fake.root().join("secret")).expect("there"), "kept\n");
    let fake = neglected_server().file(STATE_PATH, "not a record");
    let before = settings(&fake);
    let error = tuning::apply(fake.root(), &state(&fake), &look(&fake), false);
    assert!(error.expect_err("refused").contains("move it away"));
    assert_eq!(settings(&fake), before);
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
