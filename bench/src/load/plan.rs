//! What a load is made of.
//!
//! Owns the plan and its refusals. Invariant: a checked plan can be run. Cost: none.

use velodrome_net::{Address, DriverChoice};

use super::pace::Pace;
use crate::failure::Failure;
use crate::limits::{
    CONNECTIONS_MAX, MULTI_KEYS_MAX, PIPELINE_MAX, RATE_PER_S_MAX, SECONDS_MAX, THREADS_MAX,
};
use crate::protocol::Protocol;
use crate::workload::{Kind, Workload};

/// The load's connections and what they ask.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub target: Address,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// What is asked.
    pub workload: Workload,
    /// Connections, all threads together.
    pub connections: usize,
    /// Threads, each with its own loop.
    pub threads: usize,
    /// The cores of the threads, one after the other; empty for any.
    pub cores: Vec<usize>,
    /// The event loop's kind.
    pub driver: DriverChoice,
    /// Requests a connection sends before it waits for their answers.
    pub pipeline: usize,
    /// Silence after which the server counts as dead, in seconds.
    pub timeout_s: f64,
    /// Whether a lost connection is opened again.
    pub reconnect: bool,
    /// Answers after which a connection is closed and opened anew.
    pub reconnect_after: Option<u64>,
}

/// When one stage of a load ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// After this time.
    Seconds(f64),
    /// After this many requests, all threads together.
    Requests(u64),
}

/// One stage of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// Write every key once.
    Fill,
    /// Send the mix.
    Traffic {
        /// For how long.
        limit: Limit,
        /// How fast.
        pace: Pace,
    },
}

impl Plan {
    /// Says what cannot be run.
    ///
    /// # Errors
    /// [`Failure::Option`], naming the flag.
    pub fn check(&self) -> Result<(), Failure> {
        let within = |what: &str, value: usize, max: usize| {
            if (1..=max).contains(&value) {
                return Ok(());
            }
            Err(Failure::Option(format!("{what} must be 1 to {max}, not {value}")))
        };
        within("--connections", self.connections, CONNECTIONS_MAX)?;
        within("--threads", self.threads, THREADS_MAX.min(self.connections))?;
        within("--pipeline", self.pipeline, PIPELINE_MAX)?;
        within("--multi-keys", self.workload.multi_keys as usize, MULTI_KEYS_MAX as usize)?;
        if !(self.timeout_s > 0.0 && self.timeout_s <= SECONDS_MAX) {
            return Err(Failure::Option("--timeout must be above 0 s".to_owned()));
        }
        for kind in Kind::ALL.into_iter().filter(|kind| self.workload.mix.has(*kind)) {
            if !self.protocol.knows(kind) {
                let (protocol, kind) = (self.protocol.name(), kind.name());
                return Err(Failure::Option(format!("{protocol} has no {kind}; see --mix")));
            }
        }
        Ok(())
    }
}

impl Stage {
    /// Says what cannot be run.
    ///
    /// # Errors
    /// [`Failure::Option`], naming the flag.
    pub fn check(&self) -> Result<(), Failure> {
        let Stage::Traffic { limit, pace } = self else { return Ok(()) };
        match limit {
            Limit::Seconds(seconds) if !(*seconds > 0.0 && *seconds <= SECONDS_MAX) => {
                let text = format!("--duration must be above 0 and at most {SECONDS_MAX} s");
                return Err(Failure::Option(text));
            }
            Limit::Requests(0) => {
                return Err(Failure::Option("--requests must be 1 or more".to_owned()));
            }
            _ => {}
        }
        match pace {
            Pace::Open { rate_per_s, .. }
                if !(*rate_per_s > 0.0 && *rate_per_s <= RATE_PER_S_MAX) =>
            {
                Err(Failure::Option("--rate must be above 0 requests a second".to_owned()))
            }
            _ => Ok(()),
        }
    }
}
