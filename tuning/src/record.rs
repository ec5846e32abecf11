//! The record of what was changed, and what is said of each change.
//!
//! Owns the state file: JSON, the previous value of every setting and what was written over it.
//! Invariant: on the disk there is either the whole old record or the whole new one; a record holds
//! at most `CHANGES_MAX` settings, each once. A record from before the last start of the host tells
//! of values that are gone, and is known by its boot id.
//! Cost: one small file, written and synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::knob;
use crate::limits::{CHANGES_MAX, RECORD_LEN_MAX};
use crate::tree::Tree;

/// Where the record stands unless told otherwise, relative to the root.
pub const STATE_PATH: &str = "var/lib/velodrome/tune.json";

const FORMAT: u32 = 1;

/// What became of one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "done", content = "reason")]
pub enum Done {
    /// It has its new value.
    Set,
    /// It would be set, had this not been a rehearsal.
    Planned,
    /// It would be restored, had this not been a rehearsal.
    Restorable,
    /// It has its previous value again.
    Restored,
    /// It was left as it is, and why.
    Left(String),
    /// It could not be changed, and why.
    Failed(String),
}

/// One setting, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The sysctl, or the file.
    pub setting: String,
    /// Its value before; `None` when the host has no such setting any more.
    pub from: Option<String>,
    /// The value it was to have.
    pub to: String,
    /// What became of it.
    #[serde(flatten)]
    pub done: Done,
}

impl Outcome {
    pub(crate) fn new(path: &str, from: Option<String>, to: &str, done: Done) -> Outcome {
        Outcome { setting: knob::name(path), from, to: to.to_owned(), done }
    }

    /// Whether something went wrong.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self.done, Done::Failed(_))
    }
}

/// One setting that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) path: String,
    /// The value before the first change.
    pub(crate) previous: String,
    /// Every value that was, or was about to be, written since.
    pub(crate) written: Vec<String>,
}

/// What was changed since the host was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u32,
    /// The kernel's name for the time since it was started; `None` where it does not tell.
    boot_id: Option<String>,
    pub(crate) changes: Vec<Change>,
}

impl Record {
    pub(crate) fn empty(tree: &Tree) -> Record {
        let boot_id = tree.read("proc/sys/kernel/random/boot_id");
        Record { format: FORMAT, boot_id, changes: Vec::new() }
    }

    /// The record at `path`; `None` when there is none. Errors: one line, what is wrong and what to
    /// do.
    pub(crate) fn load(path: &Path) -> Result<Option<Record>, String> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| format!("{}: {error}", path.display()))?,
        };
        let mut text = String::new();
        let wrong = |what: &str| {
            format!("{} is not a record of changes ({what}): move it away", path.display())
        };
        let read = file.take(RECORD_LEN_MAX + 1).read_to_string(&mut text);
        read.map_err(|error| wrong(&error.to_string()))?;
        if text.len() as u64 > RECORD_LEN_MAX {
            return Err(wrong("too long"));
        }
        let record: Record =
            serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
        if record.format != FORMAT {
            return Err(wrong(&format!("format {}, expected {FORMAT}", record.format)));
        }
        if record.changes.len() > CHANGES_MAX {
            return Err(wrong("too many settings"));
        }
        Ok(Some(record))
    }

    /// Whether the host was started anew since.
    pub(crate) fn is_stale(&self, tree: &Tree) -> bool {
        self.boot_id != Record::empty(tree).boot_id
    }

    /// Notes that the setting at `path`, which has the value `current`, is about to get `wanted`.
    /// Errors: the record is full.
    pub(crate) fn note(&mut self, path: &str, current: &str, wanted: &str) -> Result<(), String> {
        let is_full = self.changes.len() == CHANGES_MAX;
        let known = self.changes.iter_mut().find(|change| change.path == path);
        match known {
            // What someone else has set since is what undo shall bring back.
            Some(change) if !change.written.iter().any(|written| written == current) => {
                change.previous = current.to_owned();
                change.written = vec![wanted.to_owned()];
            }
            Some(change) if change.written.iter().any(|written| written == wanted) => {}
            Some(change) => change.written.push(wanted.to_owned()),
            None if is_full => {
                return Err(format!("more than {CHANGES_MAX} settings were changed: undo first"));
            }
            None => self.changes.push(Change {
                path: path.to_owned(),
                previous: current.to_owned(),
                written: vec![wanted.to_owned()],
            }),
        }
        Ok(())
    }

    /// Puts the record on the disk, whole or not at all; an empty one is removed. Errors: one line.
    pub(crate) fn save(&self, path: &Path) -> Result<(), String> {
        let saved = if self.changes.is_empty() { remove(path) } else { self.replace(path) };
        saved.map_err(|error| {
            let path = path.display();
            format!("{path} cannot be written: {error} (root may, or choose another with --state)")
        })
    }

    fn replace(&self, path: &Path) -> io::Result<()> {
        let folder = folder(path);
        fs::create_dir_all(folder)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = folder.join(name);
        // What a crash left behind.
        remove(&new)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(folder)?.sync_all()
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(()) => File::open(folder(path))?.sync_all(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_first_is_remembered() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut record = Record::empty(&Tree::new(folder.path()));
        let change = |record: &Record| {
            (record.changes[0].previous.clone(), record.changes[0].written.join(" "))
        };
        for (current, wanted, previous, written) in [
            ("1", "2", "1", "2"),
            ("2", "2", "1", "2"),
            ("2", "3", "1", "2 3"),
            // The write of 3 never happened.
            ("2", "3", "1", "2 3"),
            // Someone set 7.
            ("7", "3", "7", "3"),
        ] {
            record.note("proc/sys/vm/swappiness", current, wanted).expect("room");
            assert_eq!(change(&record), (previous.into(), written.into()), "{current} {wanted}");
        }
        assert_eq!(record.changes.len(), 1);
    }

    #[test]
    fn a_record_is_read_as_written_or_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("deep/er/tune.json");
        assert_eq!(Record::load(&path), Ok(None));
        let mut record = Record::empty(&Tree::new(folder.path()));
        record.note("a", "1", "2").expect("room");
        record.save(&path).expect("writable");
        fs::write(path.with_file_name("tune.json.new"), "{\"half").expect("writable");
        assert_eq!(Record::load(&path), Ok(Some(record.clone())));
        record.note("b", "3", "4").expect("room");
        record.save(&path).expect("what a crash left is no hindrance");
        assert_eq!(Record::load(&path), Ok(Some(record.clone())));
        for text in ["", "{}", "[]", "{\"format\":2,\"boot_id\":null,\"changes\":[]}", "\u{0}"] {
            fs::write(&path, text).expect("writable");
            let error = Record::load(&path).expect_err(text);
            assert!(error.contains("tune.json is not a record"), "{error}");
        }
        record.changes.clear();
        record.save(&path).expect("writable");
        record.save(&path).expect("twice is once");
        assert!(!path.exists());
    }
}
