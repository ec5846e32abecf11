//! Files under a root that may be a test's.
//!
//! Owns the root. Invariant: nothing is ever created; a file that is missing, unreadable, not UTF-8
//! or longer than `FILE_LEN_MAX` is `None`, never an error: hosts and containers differ in what
//! they show.
//! Cost: one open, read and close a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::limits::FILE_LEN_MAX;

/// A root directory: `/`, or that of a test's host.
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    pub(crate) fn new(root: &Path) -> Tree {
        Tree { root: root.to_owned() }
    }

    /// The content of the file at `path` (relative to the root), without blanks around it.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        let file = File::open(self.root.join(path)).ok()?;
        let mut text = String::new();
        let len = file.take(FILE_LEN_MAX + 1).read_to_string(&mut text).ok()?;
        (len as u64 <= FILE_LEN_MAX).then(|| text.trim().to_owned())
    }

    /// The number a file holds.
    pub(crate) fn number(&self, path: &str) -> Option<u64> {
        self.read(path)?.parse().ok()
    }

    /// Writes a file that exists, in one system call, as the kernel's files want it.
    pub(crate) fn write(&self, path: &str, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).truncate(true).open(self.root.join(path))?;
        file.write_all(format!("{text}\n").as_bytes())
    }

    /// The names in the directory at `path`, in the order of their numbers: `rx-2` before `rx-10`.
    /// Names with letters that would need quoting in a command are left out.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let plain = |name: &String| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:@-".contains(&byte))
        };
        let entries = fs::read_dir(self.root.join(path)).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(plain).collect();
        names.sort_by_cached_key(|name| (name.len(), name.clone()));
        names
    }

    /// Whether there is a file or directory at `path`.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }
}
