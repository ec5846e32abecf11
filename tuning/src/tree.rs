//! Files under a root that may be a test's.
//!
//! Owns the root. Invariant: a file that is missing, unreadable, not UTF-8 or longer than
//! `FILE_LEN_MAX` is `None`, never an error: hosts and containers differ in what they show.
//! Cost: one open, read and close a file.

use std::fs::File;
use std::io::Read;
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

    /// Whether there is a file or directory at `path`.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }
}
