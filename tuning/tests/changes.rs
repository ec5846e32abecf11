//! What apply and undo do to a host's files.
//!
//! Owns what is changed, recorded and restored. Invariant: all of it is under a temporary folder.
//! Cost: a second.

mod fake;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use fake::Fake;
use fake::hosts::{container, neglected_server, small_vm};
use velodrome_tuning::{self as tuning, Done, Finding, IoUring, Outcome, STATE_PATH, findings};

fn look(fake: &Fake) -> Vec<Finding> {
    findings(fake.root(), IoUring::NotTried)
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
fn nothing_off_is_nothing_changed() {
    for fake in [small_vm(), Fake::empty()] {
        assert_eq!(apply(&fake), []);
        assert_eq!(undo(&fake), []);
        assert!(!state(&fake).exists());
    }
}

#[test]
fn what_may_not_be_written_is_reported() {
    let fake = container();
    let outcomes = apply(&fake);
    assert_eq!(outcomes.len(), 1);
    assert!(outcomes[0].is_failed(), "{outcomes:?}");
    assert!(!state(&fake).exists(), "nothing was changed");
    assert_eq!(undo(&fake), []);
}
