//! What was there before, restored.
//!
//! Owns the judgement whether a setting still has the value this program gave it. Invariant: what
//! someone else set since is left alone; done twice is done once; what could not be restored stays
//! on the record. Cost: one write a setting, one file synced.

use std::path::Path;

use crate::knob;
use crate::record::{Change, Done, Outcome, Record};
use crate::tree::Tree;

/// Restores what the record in the file `state` tells, on the host under `root`, last change first;
/// no record is nothing to do. A `rehearsal` only says what would be done. Errors: one line, and
/// nothing was changed, or the record could not be put away.
pub fn undo(root: &Path, state: &Path, rehearsal: bool) -> Result<Vec<Outcome>, String> {
    let tree = Tree::new(root);
    let Some(mut record) = Record::load(state)? else { return Ok(Vec::new()) };
    let stale = record.is_stale(&tree);
    let mut outcomes = Vec::new();
    for change in record.changes.iter().rev() {
        // The record may be anybody's work: what it names is not even read.
        if !knob::is_writable(&change.path) {
            let done = Done::Failed("not a setting that may be changed".to_owned());
            outcomes.push(Outcome::new(&change.path, None, &change.previous, done));
            continue;
        }
        let found = knob::read(&tree, &change.path);
        let done = match fate(change, found.as_deref(), stale) {
            Done::Restorable if !rehearsal => restore(&tree, change),
            done => done,
        };
        outcomes.push(Outcome::new(&change.path, found, &change.previous, done));
    }
    if !rehearsal {
        let mut failed = outcomes.iter().rev().map(Outcome::is_failed);
        record.changes.retain(|_| failed.next().unwrap_or(true));
        record.save(state)?;
    }
    Ok(outcomes)
}

fn fate(change: &Change, found: Option<&str>, stale: bool) -> Done {
    let Some(found) = found else { return Done::Left("gone from this host".to_owned()) };
    if found == change.previous {
        return Done::Left("as it was".to_owned());
    }
    if stale {
        return Done::Left("the host was restarted since".to_owned());
    }
    if change.written.iter().any(|written| written == found) {
        return Done::Restorable;
    }
    Done::Left("someone else changed it since".to_owned())
}

fn restore(tree: &Tree, change: &Change) -> Done {
    match knob::write(tree, &change.path, &change.previous) {
        Ok(()) => Done::Restored,
        Err(error) => Done::Failed(error.to_string()),
    }
}
