//! The commands and pipeline depths that are compared.
//!
//! Owns the matrix. Invariant: both servers get the same requests in number, shape and order of
//! scenarios. Cost: none.

use serde::Serialize;

/// A command as redis-benchmark sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// `PING` as an array of one.
    Ping,
    /// `SET` of a random key.
    Set,
    /// `GET` of a random key; most exist, as the run fills the keyspace first.
    Get,
    /// `INCR` of a random key.
    Incr,
    /// `MSET` of ten random keys.
    Mset,
}

impl Operation {
    /// Every operation, in the report's order.
    pub const ALL: [Operation; 5] =
        [Operation::Ping, Operation::Set, Operation::Get, Operation::Incr, Operation::Mset];

    /// The command's name.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Ping => "PING",
            Operation::Set => "SET",
            Operation::Get => "GET",
            Operation::Incr => "INCR",
            Operation::Mset => "MSET",
        }
    }

    /// The name redis-benchmark's `-t` knows the command by.
    pub fn benchmark_test(self) -> &'static str {
        match self {
            Operation::Ping => "ping_mbulk",
            Operation::Set => "set",
            Operation::Get => "get",
            Operation::Incr => "incr",
            Operation::Mset => "mset",
        }
    }

    /// Understands a command's name in either case.
    pub fn parse(name: &str) -> Option<Operation> {
        Operation::ALL.into_iter().find(|operation| operation.name().eq_ignore_ascii_case(name))
    }
}

/// One cell of the matrix: a command at a pipeline depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Scenario {
    /// What is sent.
    pub operation: Operation,
    /// Requests a connection sends before it waits for their replies.
    pub pipeline: u32,
}

impl Scenario {
    /// Every operation at every depth, depth by depth.
    pub fn matrix(operations: &[Operation], pipelines: &[u32]) -> Vec<Scenario> {
        pipelines
            .iter()
            .flat_map(|&pipeline| {
                operations.iter().map(move |&operation| Scenario { operation, pipeline })
            })
            .collect()
    }

    /// Requests of one round: one to three seconds of a single core's work at any depth.
    pub fn requests(&self, scale: f64) -> u64 {
        let base = match self.pipeline {
            ..=3 => 200_000.0,
            4..=31 => 1_000_000.0,
            32.. => 1_600_000.0,
        };
        let share = if self.operation == Operation::Mset && self.pipeline > 3 { 0.2 } else { 1.0 };
        let requests = (base * share * scale) as u64;
        requests.max(u64::from(self.pipeline))
    }

    /// The scenario's name in tables and messages.
    pub fn name(&self) -> String {
        format!("{} P{}", self.operation.name(), self.pipeline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrix_holds_every_pair_once() {
        let matrix = Scenario::matrix(&Operation::ALL, &[1, 16, 64]);
        assert_eq!(matrix.len(), 15);
        for (index, scenario) in matrix.iter().enumerate() {
            assert!(!matrix[..index].contains(scenario));
        }
    }

    #[test]
    fn names_are_understood_in_either_case() {
        for operation in Operation::ALL {
            assert_eq!(Operation::parse(operation.name()), Some(operation));
            assert_eq!(Operation::parse(&operation.name().to_lowercase()), Some(operation));
        }
        assert_eq!(Operation::parse("LPUSH"), None);
    }

    #[test]
    fn a_small_scale_still_fills_one_pipeline() {
        let scenario = Scenario { operation: Operation::Get, pipeline: 64 };
        assert_eq!(scenario.requests(0.0), 64);
        assert_eq!(scenario.requests(1.0), 1_600_000);
    }
}
