//! What is safe to set, set.
//!
//! Owns the order: the previous values are on the disk before the first is changed. Invariant: a
//! crash between any two writes leaves a record from which everything can be restored.
//! Cost: one file synced, or two where something is refused; one write a setting.

use std::io;
use std::path::Path;

use crate::finding::{Finding, Setting, Verdict};
use crate::knob;
use crate::record::{Done, Outcome, Record};
use crate::tree::Tree;

/// Sets every safe setting that `findings` has off, on the host under `root`, and keeps what was
/// there before in the file `state`. A `rehearsal` only says what would be done. Errors: one line,
/// and nothing was changed; what the kernel refuses is an outcome.
pub fn apply(
    root: &Path,
    state: &Path,
    findings: &[Finding],
    rehearsal: bool,
) -> Result<Vec<Outcome>, String> {
    let tree = Tree::new(root);
    let wanted: Vec<&Setting> = wanted(findings).collect();
    if rehearsal {
        let planned = wanted.into_iter().map(|setting| outcome(setting, Done::Planned));
        return Ok(planned.collect());
    }
    set(&tree, state, &wanted, &mut |setting| knob::write(&tree, &setting.path, &setting.wanted))
}

fn wanted(findings: &[Finding]) -> impl Iterator<Item = &Setting> {
    let off = findings.iter().filter(|finding| finding.verdict >= Verdict::Advice);
    off.flat_map(|finding| &finding.settings).filter(|setting| setting.safe && setting.is_off())
}

fn outcome(setting: &Setting, done: Done) -> Outcome {
    Outcome::new(&setting.path, setting.found.clone(), &setting.wanted, done)
}

fn set(
    tree: &Tree,
    state: &Path,
    wanted: &[&Setting],
    write: &mut dyn FnMut(&Setting) -> io::Result<()>,
) -> Result<Vec<Outcome>, String> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let known = Record::load(state)?.filter(|record| !record.is_stale(tree));
    let mut record = known.unwrap_or_else(|| Record::empty(tree));
    for setting in wanted {
        record.note(
            &setting.path,
            setting.found.as_deref().unwrap_or_default(),
            &setting.wanted,
        )?;
    }
    record.save(state)?;
    let mut outcomes = Vec::new();
    for setting in wanted {
        outcomes.push(match write(setting) {
            Ok(()) => outcome(setting, Done::Set),
            Err(error) => {
                refused(tree, &mut record, setting);
                outcome(setting, Done::Failed(error.to_string()))
            }
        });
    }
    if outcomes.iter().any(Outcome::is_failed) {
        // Where this fails the first record stands: it tells of too many settings, not too few.
        let _ = record.save(state);
    }
    Ok(outcomes)
}

/// Forgets a setting that was not changed after all; one that got a third value is remembered with
/// it.
fn refused(tree: &Tree, record: &mut Record, setting: &Setting) {
    let now = knob::read(tree, &setting.path);
    let is_it = |path: &str| path == setting.path;
    record.changes.retain(|change| !is_it(&change.path) || now.as_ref() != Some(&change.previous));
    let change = record.changes.iter_mut().find(|change| is_it(&change.path));
    if let (Some(change), Some(now)) = (change, now) {
        change.written.push(now);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::undo::undo;

    const SETTINGS: [(&str, &str, &str); 4] = [
        ("proc/sys/net/core/somaxconn", "128", "4096"),
        ("proc/sys/vm/swappiness", "60", "1"),
        ("sys/kernel/mm/transparent_hugepage/enabled", "always", "madvise"),
        ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave", "performance"),
    ];

    fn fake() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for (path, found, _) in SETTINGS {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            fs::write(path, found).expect("writable");
        }
        root
    }

    fn values(root: &Path) -> BTreeMap<&'static str, Option<String>> {
        SETTINGS.map(|(path, ..)| (path, knob::read(&Tree::new(root), path))).into()
    }

    /// A crash after `writes` of the settings' writes, then another after `more`.
    fn crash(root: &Path, state: &Path, writes: usize) {
        let tree = Tree::new(root);
        let settings = SETTINGS.map(|(path, _, wanted)| Setting::new(&tree, path, wanted));
        let wanted: Vec<&Setting> = settings.iter().filter(|setting| setting.is_off()).collect();
        let mut left = writes;
        let crashed = catch_unwind(AssertUnwindSafe(|| {
            set(&tree, state, &wanted, &mut |setting| {
                left = left.checked_sub(1).expect("the crash of this test");
                knob::write(&tree, &setting.path, &setting.wanted)
            })
        }));
        assert_eq!(crashed.is_err(), writes < wanted.len());
    }

    #[test]
    fn a_crash_between_any_two_writes_is_undone() {
        for writes in 0..=SETTINGS.len() {
            for more in 0..=SETTINGS.len() {
                let root = fake();
                let state = root.path().join("tune.json");
                let before = values(root.path());
                crash(root.path(), &state, writes);
                crash(root.path(), &state, more);
                let outcomes = undo(root.path(), &state, false).expect("a record");
                assert!(outcomes.iter().all(|one| !one.is_failed()), "{outcomes:?}");
                assert_eq!(values(root.path()), before, "{writes} then {more}");
                assert!(!state.exists());
            }
        }
    }

    #[test]
    fn what_is_refused_is_forgotten() {
        let root = fake();
        let state = root.path().join("tune.json");
        let tree = Tree::new(root.path());
        let settings = SETTINGS.map(|(path, _, wanted)| Setting::new(&tree, path, wanted));
        let wanted: Vec<&Setting> = settings.iter().collect();
        let outcomes = set(&tree, &state, &wanted, &mut |setting| match setting.path.as_str() {
            "proc/sys/vm/swappiness" => Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem)),
            path => knob::write(&tree, path, &setting.wanted),
        });
        let failed = outcomes.expect("a record").iter().filter(|one| one.is_failed()).count();
        let record = Record::load(&state).expect("a record").expect("a record");
        assert_eq!((failed, record.changes.len()), (1, 3));
        assert!(record.changes.iter().all(|change| !change.path.contains("swappiness")));
    }
}
