//! What is wrong with a configuration, and where.
//!
//! Owns the wording of places. Invariant: every problem is one line that names its place, the
//! setting and what was expected. All problems are collected, so one start shows all of them.

use std::fmt;

/// Where a value comes from, weakest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the configuration file, counted from 1.
    File {
        /// The file as it was named.
        path: String,
        /// Line, from 1.
        line: usize,
        /// The key as it was written.
        key: String,
    },
    /// An environment variable.
    Environment(String),
    /// A flag of the command line, as its canonical name.
    Flag(String),
    /// CONFIG SET, while the node ran.
    Runtime,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => write!(f, "default"),
            Origin::File { path, line, .. } => write!(f, "{path} line {line}"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag(name) => write!(f, "flag --{name}"),
            Origin::Runtime => write!(f, "CONFIG SET"),
        }
    }
}

impl Origin {
    /// The problem line of a refused value that came from here.
    pub(super) fn refuse(&self, reason: &str) -> String {
        match self {
            Origin::File { path, line, key } => format!("{path} line {line}: {key}: {reason}"),
            Origin::Environment(name) => format!("environment {name}: {reason}"),
            Origin::Flag(name) => format!("--{name}: {reason}"),
            Origin::Default | Origin::Runtime => reason.to_string(),
        }
    }
}

/// Why a configuration was refused: one line a problem, each naming its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The lines, in the order file, environment, flags, rules.
    pub problems: Vec<String>,
}

impl ConfigError {
    pub(super) fn one(problem: impl Into<String>) -> ConfigError {
        ConfigError { problems: vec![problem.into()] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for ConfigError {}
