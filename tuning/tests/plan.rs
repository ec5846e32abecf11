//! Plans for hosts of all shapes.
//!
//! Owns the rules as a table: a host, what was asked, what comes out. Cost: a second.

mod fake;

use fake::Fake;
use velodrome_tuning::limits::SHARDS_MAX;
use velodrome_tuning::{CpuSet, Host, Plan, PlanError, plan_shards};

fn plan(host: &Host, cores: &str, shards: Option<usize>) -> Plan {
    plan_shards(host, CpuSet::parse(cores).ok(), shards).expect("a plan")
}

/// Asserts the shards' CPUs (as a list in order), the control thread's and whether it shares.
fn check(host: &Host, cores: &str, shards: Option<usize>, expected: (&[usize], usize, bool)) {
    let plan = plan(host, cores, shards);
    println!("{cores:?} {shards:?}: {:?}", plan.notes);
    let actual = (&*plan.shard_cpus, plan.control_cpu, plan.shared);
    assert_eq!(actual, expected, "{cores:?} {shards:?}");
    let says = |text: &str| plan.notes.iter().any(|note| note.contains(text));
    assert_eq!(says("lower priority"), plan.shared);
    assert_ne!(says("is left to the node's other threads"), plan.shared);
}

#[test]
fn one_shard_a_cpu_and_from_four_on_one_cpu_less() {
    let host = |cpus| Fake::machine(cpus, 1, 1).read("");
    check(&host(1), "", None, (&[0], 0, true));
    check(&host(2), "", None, (&[0, 1], 1, true));
    check(&host(3), "", None, (&[0, 1, 2], 2, true));
    check(&host(4), "", None, (&[0, 1, 2], 3, false));
    check(&host(8), "", None, (&[0, 1, 2, 3, 4, 5, 6], 7, false));
}

#[test]
fn given_cores_are_all_for_shards() {
    let host = Fake::machine(8, 1, 1).read("");
    check(&host, "0", None, (&[0], 0, true));
    check(&host, "0,2-5", None, (&[0, 2, 3, 4, 5], 5, true));
    check(&host, "0,2-5", Some(4), (&[0, 2, 3, 4], 5, false));
    check(&host, "6", Some(2), (&[6, 6], 6, true));
}

#[test]
fn asked_shards_leave_cpus_alone_or_go_round() {
    let host = Fake::machine(2, 1, 1).read("");
    check(&host, "", Some(1), (&[0], 1, false));
    check(&host, "", Some(2), (&[0, 1], 1, true));
    let round: Vec<usize> = (0..16).map(|shard| shard % 2).collect();
    check(&host, "", Some(16), (&round, 1, true));
    let notes = plan(&host, "", Some(16)).notes.join("\n");
    assert!(notes.contains("more shards than CPUs"), "{notes}");
    assert_eq!(plan(&host, "", Some(SHARDS_MAX)).shard_cpus.len(), SHARDS_MAX);
    let four = Fake::machine(4, 1, 1).read("");
    check(&four, "", Some(4), (&[0, 1, 2, 3], 3, true));
    check(&four, "", Some(2), (&[0, 1], 2, false));
}

#[test]
fn physical_cores_come_before_their_siblings() {
    let host = Fake::machine(64, 2, 2).read("");
    let all = plan(&host, "", None);
    assert_eq!(all.shard_cpus, (0..63).collect::<Vec<_>>());
    assert_eq!((all.control_cpu, all.shared), (63, false));
    let notes = all.notes.join("\n");
    assert!(notes.contains("with --shards 32 each has its own core"), "{notes}");
    let halved = plan(&host, "", Some(32));
    assert_eq!(halved.shard_cpus, (0..32).collect::<Vec<_>>());
    assert!(!halved.notes.join("\n").contains("SMT"));
    check(&host, "5,37,6,38", None, (&[5, 6, 37, 38], 38, true));
    // Siblings numbered next to each other, as on some desktops.
    let mut fake = Fake::empty().file("sys/devices/system/cpu/online", "0-7");
    for cpu in 0..8 {
        let path = format!("sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
        fake = fake.file(&path, &format!("{}-{}", cpu & !1, cpu | 1));
    }
    check(&fake.read(""), "", None, (&[0, 2, 4, 6, 1, 3, 5], 7, false));
    check(&fake.read("1-4"), "", None, (&[1, 2, 4], 3, false));
}

#[test]
fn the_mask_bounds_the_plan() {
    let host = Fake::machine(16, 1, 1).read("3,9");
    check(&host, "", None, (&[3, 9], 9, true));
    check(&host, "9", None, (&[9], 9, true));
}

#[test]
fn a_quota_counts_as_whole_cpus() {
    let host = |quota: &str| {
        Fake::machine(8, 1, 1)
            .file("sys/fs/cgroup/cgroup.controllers", "cpu")
            .file("sys/fs/cgroup/cpu.max", &format!("{quota} 100000"))
            .read("")
    };
    check(&host("50000"), "", None, (&[0], 1, false));
    check(&host("150000"), "", None, (&[0], 1, false));
    check(&host("390000"), "", None, (&[0, 1, 2], 3, false));
    check(&host("400000"), "", None, (&[0, 1, 2], 3, false));
    check(&host("600000"), "", None, (&[0, 1, 2, 3, 4], 5, false));
    check(&host("1600000"), "", None, (&[0, 1, 2, 3, 4, 5, 6], 7, false));
    check(&host("150000"), "", Some(2), (&[0, 1], 2, false));
    check(&host("150000"), "4", None, (&[4], 4, true));
    let says =
        |shards, text: &str| plan(&host("150000"), "", shards).notes.join("\n").contains(text);
    assert!(says(None, "quota is 1.5 of 8 CPUs"));
    assert!(says(Some(2), "worth fewer CPUs (1)"));
    assert!(!says(Some(1), "worth fewer"));
}

#[test]
fn more_cpus_than_shards_can_be() {
    let host = Fake::machine(384, 1, 1).read("");
    let plan = plan(&host, "", None);
    assert_eq!(plan.shard_cpus.len(), SHARDS_MAX);
    assert_eq!((plan.control_cpu, plan.shared), (SHARDS_MAX, false));
    assert!(plan.notes[0].contains("the most there can be"), "{:?}", plan.notes);
}

#[test]
fn impossible_wishes_are_refused_with_what_is_possible() {
    let host = Fake::machine(4, 1, 1).read("0-2");
    let refused = |cores: Option<CpuSet>, shards| {
        let error = plan_shards(&host, cores, shards).expect_err("impossible");
        (error.to_string(), error)
    };
    assert_eq!(refused(None, Some(0)).1, PlanError::NoShards);
    let (text, error) = refused(None, Some(SHARDS_MAX + 1));
    assert_eq!(error, PlanError::TooManyShards(SHARDS_MAX + 1));
    assert!(text.contains("1 to 256, not 257"), "{text}");
    assert_eq!(refused(Some(CpuSet::default()), None).1, PlanError::NoCores);
    let (text, _) = refused(CpuSet::parse("1-4").ok(), None);
    assert!(text.contains("cores 3-4 cannot be used: the process may use 0-2"), "{text}");
    let nowhere = Fake::machine(2, 1, 1).read("5");
    assert_eq!(plan_shards(&nowhere, None, None), Err(PlanError::NothingAllowed));
}
