//! What is compared: commands, connections, pipeline depths, values, and the bars to meet.
//!
//! Owns the matrix. Invariant: all servers get the same requests in shape, share and order of
//! scenarios. Cost: none.

use serde::Serialize;

use crate::workload::{KeyDraw, KeySpace, Kind, Lengths, Mix, Values, Workload};

/// Bytes of every key.
const KEY_LEN: usize = 24;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// `GET` of a random key; all exist.
    Get,
    /// `SET` of a random key.
    Set,
    /// 90 % reads of zipf-distributed keys, 10 % writes.
    Zipf,
    /// `PING`; redis-benchmark's load only, as are the next two.
    Ping,
    /// `INCR` of a random key.
    Incr,
    /// `MSET` of ten random keys.
    MSet,
}

impl Operation {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Get => "GET",
            Operation::Set => "SET",
            Operation::Zipf => "ZIPF",
            Operation::Ping => "PING",
            Operation::Incr => "INCR",
            Operation::MSet => "MSET",
        }
    }
}

/// What a server is filled with before it is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dataset {
    /// Lengths of values as `--size` has them.
    pub size: String,
    /// Keys.
    pub keys: u64,
}

/// The most a server may need, as a share of what a peer needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bars {
    /// Against Redis and Valkey.
    pub redis: f64,
    /// Against memcached.
    pub memcached: f64,
}

/// One cell of the matrix.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// What is sent.
    pub operation: Operation,
    /// Connections.
    pub connections: u32,
    /// Requests a connection sends before it waits for their replies.
    pub pipeline: u32,
    /// What the server holds.
    pub dataset: Dataset,
    /// Processor time at most, where a bar is set.
    pub bars: Option<Bars>,
}

/// How many keys each dataset has.
#[derive(Clone, Copy, Debug)]
pub struct KeyCounts {
    /// Of 32 bytes.
    pub small: u64,
    /// Of 1 KiB.
    pub medium: u64,
    /// Of 100 to 1000 bytes, drawn by zipf.
    pub zipf: u64,
}

impl Scenario {
    /// The whole matrix, dataset by dataset.
    pub fn matrix(keys: KeyCounts) -> Vec<Scenario> {
        use Operation::{Get, Set, Zipf};
        let bars = |redis, memcached| Some(Bars { redis, memcached });
        let cell = |operation, connections, pipeline, size: &str, keys, bars| {
            let dataset = Dataset { size: size.to_owned(), keys };
            Scenario { operation, connections, pipeline, dataset, bars }
        };
        let small = |operation, connections, pipeline, bars| {
            cell(operation, connections, pipeline, "32", keys.small, bars)
        };
        vec![
            small(Get, 50, 1, bars(0.88, 0.90)),
            small(Set, 50, 1, bars(0.88, 0.90)),
            small(Get, 500, 1, bars(0.82, 0.90)),
            small(Set, 500, 1, bars(0.82, 0.90)),
            small(Get, 50, 16, bars(0.45, 0.35)),
            small(Set, 50, 16, bars(0.45, 0.35)),
            small(Get, 50, 64, bars(0.32, 0.20)),
            small(Set, 50, 64, bars(0.34, 0.20)),
            small(Get, 1, 1, None),
            cell(Get, 50, 64, "1024", keys.medium, bars(0.40, 0.25)),
            cell(Set, 50, 64, "1024", keys.medium, bars(0.40, 0.25)),
            cell(Zipf, 50, 16, "100-1000", keys.zipf, bars(0.45, 0.35)),
        ]
    }

    /// What redis-benchmark's own tests compare: 50 connections, 32-byte values, three depths.
    pub fn redis_benchmark_tests(keys: u64) -> Vec<Scenario> {
        use Operation::{Get, Incr, MSet, Ping, Set};
        let depths = [(1, 1.0), (16, 0.55), (64, 0.45)];
        let cell = |operation, (pipeline, redis)| Scenario {
            operation,
            connections: 50,
            pipeline,
            dataset: Dataset { size: "32".to_owned(), keys },
            bars: Some(Bars { redis, memcached: redis }),
        };
        let operations = [Ping, Set, Get, Incr, MSet];
        depths.into_iter().flat_map(|depth| operations.map(|it| cell(it, depth))).collect()
    }

    /// The name in tables and messages.
    pub fn name(&self) -> String {
        let size = match self.dataset.size.as_str() {
            "1024" => "1K".to_owned(),
            size => size.to_owned(),
        };
        format!("{} {size} c{} P{}", self.operation.name(), self.connections, self.pipeline)
    }

    /// What the load generator draws.
    pub fn workload(&self) -> Workload {
        let (mix, draw) = match self.operation {
            Operation::Get => (Mix::only(Kind::Get), KeyDraw::Uniform),
            Operation::Set => (Mix::only(Kind::Set), KeyDraw::Uniform),
            Operation::Ping | Operation::Incr | Operation::MSet => {
                unreachable!("redis-benchmark makes this load")
            }
            Operation::Zipf => (Mix::read_share(0.9), KeyDraw::Zipf(0.99)),
        };
        let lengths = Lengths::parse(&self.dataset.size).expect("the matrix has sound lengths");
        Workload {
            keys: KeySpace::numbered("key:", KEY_LEN, self.dataset.keys),
            draw,
            values: Values::new(lengths),
            mix,
            ttl_s: None,
            multi_keys: 1,
            seed: 1,
        }
    }

    /// Requests of one round for a load that counts them: some seconds of a single core's work.
    pub fn requests(&self, scale: f64) -> u64 {
        let base = match self.pipeline {
            ..=3 => 200_000.0,
            4..=31 => 1_000_000.0,
            32.. => 1_600_000.0,
        };
        // Ten keys take as long as ten.
        let base = if self.operation == Operation::MSet { base / 8.0 } else { base };
        ((base * scale) as u64).max(u64::from(self.pipeline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: KeyCounts = KeyCounts { small: 10, medium: 20, zipf: 30 };

    #[test]
    fn the_matrix_holds_every_cell_once_and_keeps_datasets_together() {
        let matrix = Scenario::matrix(KEYS);
        let mut datasets: Vec<&Dataset> = Vec::new();
        for (index, scenario) in matrix.iter().enumerate() {
            let same = |other: &Scenario| other.name() == scenario.name();
            assert!(!matrix[..index].iter().any(same), "{}", scenario.name());
            if datasets.last() != Some(&&scenario.dataset) {
                assert!(!datasets.contains(&&scenario.dataset), "{}", scenario.name());
                datasets.push(&scenario.dataset);
            }
            assert_eq!(scenario.workload().keys.count(), scenario.dataset.keys);
        }
        assert_eq!(datasets.len(), 3);
    }

    #[test]
    fn a_small_scale_still_fills_one_pipeline() {
        let deep = &Scenario::matrix(KEYS)[6];
        assert_eq!((deep.name().as_str(), deep.requests(0.0)), ("GET 32 c50 P64", 64));
        assert_eq!(deep.requests(1.0), 1_600_000);
    }
}
