//! What one check says of the host.
//!
//! Owns the shape of an answer. Invariant: whatever is off says what to do about it.
//! Cost: some short texts.

use serde::Serialize;

use crate::knob;
use crate::tree::Tree;

/// How a host stands in one respect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As wanted.
    Good,
    /// The host does not tell.
    Unknown,
    /// Could be better.
    Advice,
    /// Costs much, or lets a node fail.
    Important,
}

/// A file of the kernel and the value it is to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The file, relative to the root.
    pub path: String,
    /// Its value now; `None` when the host has no such file or does not show it.
    pub found: Option<String>,
    /// The value wanted; the one found, where that is as good.
    pub wanted: String,
    /// Whether `apply` may write it: it is in force at once, undone at once, and opens nothing.
    pub safe: bool,
}

impl Setting {
    /// The setting at `path` as it stands, to be `wanted`.
    pub(crate) fn new(tree: &Tree, path: &str, wanted: &str) -> Setting {
        Setting {
            path: path.to_owned(),
            found: knob::read(tree, path),
            wanted: wanted.to_owned(),
            safe: knob::is_writable(path),
        }
    }

    /// Whether the host has the setting with another value than wanted.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.found.as_ref().is_some_and(|found| *found != self.wanted)
    }
}

/// The answer of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// The part of the host it belongs to.
    pub area: &'static str,
    /// How the host stands.
    pub verdict: Verdict,
    /// What there is.
    pub found: String,
    /// What there should be.
    pub wanted: String,
    /// What difference it makes.
    pub why: &'static str,
    /// The command that changes it; empty when nothing is off.
    pub fix: String,
    /// The settings behind it, those that are right too.
    pub settings: Vec<Setting>,
    /// Lines for the `[Service]` section of a systemd unit.
    pub unit: Vec<String>,
}

/// What a check's function returns: a finding without what the table knows.
pub(crate) struct Look {
    pub(crate) verdict: Verdict,
    pub(crate) found: String,
    pub(crate) wanted: Option<String>,
    pub(crate) fix: Option<String>,
    pub(crate) settings: Vec<Setting>,
    pub(crate) unit: Vec<String>,
}

impl Look {
    pub(crate) fn new(verdict: Verdict, found: impl Into<String>) -> Look {
        let found = found.into();
        Look { verdict, found, wanted: None, fix: None, settings: Vec::new(), unit: Vec::new() }
    }

    pub(crate) fn good(found: impl Into<String>) -> Look {
        Look::new(Verdict::Good, found)
    }

    pub(crate) fn advice(found: impl Into<String>) -> Look {
        Look::new(Verdict::Advice, found)
    }

    pub(crate) fn important(found: impl Into<String>) -> Look {
        Look::new(Verdict::Important, found)
    }

    pub(crate) fn unknown() -> Look {
        Look::new(Verdict::Unknown, "not told by this host")
    }

    /// In place of the table's.
    pub(crate) fn wanted(mut self, wanted: impl Into<String>) -> Look {
        self.wanted = Some(wanted.into());
        self
    }

    /// In place of the commands of the settings.
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Look {
        self.fix = Some(fix.into());
        self
    }

    pub(crate) fn setting(mut self, setting: Setting) -> Look {
        self.settings.push(setting);
        self
    }

    pub(crate) fn unit(mut self, line: impl Into<String>) -> Look {
        self.unit.push(line.into());
        self
    }

    /// The command to show: nothing when all is well.
    pub(crate) fn command(&self) -> String {
        if self.verdict < Verdict::Advice {
            return String::new();
        }
        let commands = self.settings.iter().filter(|setting| setting.is_off());
        let commands = commands.map(|setting| knob::command(&setting.path, &setting.wanted));
        self.fix.clone().unwrap_or_else(|| commands.collect::<Vec<_>>().join("; "))
    }
}
