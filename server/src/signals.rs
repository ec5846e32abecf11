//! Signals: how the node is asked to stop.

use std::io;

use rustix::process::{Signal, getpid, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// SIGTERM and SIGINT, held back from the moment this is made.
pub(crate) struct StopSignals(Signals);

impl StopSignals {
    /// Starts to hold them back; before this they end the process.
    pub(crate) fn hold() -> io::Result<Self> {
        Signals::new([SIGTERM, SIGINT]).map(Self)
    }

    /// Waits for one of them, and names it.
    pub(crate) fn wait(&mut self) -> &'static str {
        match self.0.forever().next() {
            Some(SIGINT) => "SIGINT",
            _ => "SIGTERM",
        }
    }
}

/// Sends this process the signal to stop: SHUTDOWN, or a shard that has failed.
pub(crate) fn ask_to_stop() {
    // The only failure would be a process that does not exist.
    let _ = kill_process(getpid(), Signal::TERM);
}
