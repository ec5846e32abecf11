//! Why a run could not be done.
//!
//! Owns the error type of this crate. Invariant: each text says what to do about it. Cost: none.

use std::io;
use std::net::IpAddr;

/// A run that could not start or had to stop. Servers have been stopped when it is returned.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A program the run needs cannot be executed.
    #[error("cannot run `{program}`: {source}; {hint}")]
    ProgramMissing {
        /// What was tried.
        program: String,
        /// What the operating system said.
        source: io::Error,
        /// What to install, or which flag to set.
        hint: &'static str,
    },
    /// Servers are started here without passwords, so only loopback addresses are allowed.
    #[error("{0} is not a loopback address; servers under test listen on loopback only")]
    NotLoopback(IpAddr),
    /// An option that cannot be measured.
    #[error("{0}")]
    Option(String),
    /// A server ended, or never answered.
    #[error("{server} did not start: {reason}\n{output}")]
    NotStarted {
        /// The server's name in the report.
        server: String,
        /// What was observed.
        reason: String,
        /// The end of what the server printed.
        output: String,
    },
    /// A server answered something else than it must.
    #[error("{server} answered {found} to {request}, expected {expected}")]
    WrongReply {
        /// The server's name in the report.
        server: String,
        /// The request, in words.
        request: String,
        /// The bytes required, escaped.
        expected: String,
        /// The bytes received, escaped.
        found: String,
    },
    /// The server cannot be reached.
    #[error("cannot reach the server: {0}; is it running, and is the address right?")]
    Unreachable(String),
    /// redis-benchmark failed or printed what it should not.
    #[error("redis-benchmark against {server} failed in {scenario}: {reason}")]
    Load {
        /// The server's name in the report.
        server: String,
        /// The scenario's name.
        scenario: String,
        /// What was observed.
        reason: String,
    },
    /// The operating system refused something the measurement needs.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// SIGINT or SIGTERM arrived.
    #[error("stopped by a signal; the servers have been stopped too")]
    Interrupted,
}

impl Failure {
    /// Makes a closure that turns an I/O error into [`Failure::System`].
    pub fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
        let what = what.into();
        move |source| Failure::System { what, source }
    }
}
