//! Single operations of codec and engine, so many times: what is to be counted, not timed.
//!
//! Owns the operations and what they work on. Invariant: the same name and count execute the same
//! instructions, so that the difference of two counts is the operation's own cost. Cost: the
//! operations; preparing takes some ten million instructions whatever the count.

use std::hint::black_box;

use velodrome_engine::{Config, Engine, Key, KeyHasher, SLOT_COUNT, ValueRef, Write};
use velodrome_net::command::Command;
use velodrome_net::resp::{ArgBuf, Encoder, Parsed, Proto, RequestLimits, RequestParser};

use crate::failure::Failure;
use crate::protocol::{Protocol, Request};
use crate::workload::{KeySpace, Lengths, Values};

/// Keys in the dataset: enough to fill many tables, few enough to prepare quickly.
const KEYS: u64 = 10_000;
const KEY_LEN: usize = 24;
const VALUE_LEN: u32 = 32;
const MEMORY_BYTES: u64 = 64 << 20;
/// A dataset this small evicts with every write of a new key.
const FULL_MEMORY_BYTES: u64 = 2 << 20;
/// Writes between two rounds of upkeep, as in a turn.
const WRITES_PER_UPKEEP: u64 = 16;
const NOW_MS: u64 = 1_000_000;
/// A slot has the highest bits of a product.
const SLOT_SHIFT: u32 = u64::BITS - SLOT_COUNT.ilog2();

/// One operation that can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The bytes of a GET to a command.
    ParseGet,
    /// The bytes of a SET to a command.
    ParseSet,
    /// Hashing a key and finding its record.
    Find,
    /// Reading a value and marking it as used.
    Get,
    /// Overwriting a value by one of the same length.
    Set,
    /// Writing a new key into full memory, upkeep included.
    SetEvicting,
    /// A whole GET, from its bytes to those of the reply.
    WholeGet,
    /// A whole SET, from its bytes to those of the reply.
    WholeSet,
}

impl Operation {
    /// Every operation, in the order of reports.
    pub const ALL: [Operation; 8] = [
        Operation::ParseGet,
        Operation::ParseSet,
        Operation::Find,
        Operation::Get,
        Operation::Set,
        Operation::SetEvicting,
        Operation::WholeGet,
        Operation::WholeSet,
    ];

    /// The name on the command line and in the file of ceilings.
    pub fn name(self) -> &'static str {
        match self {
            Operation::ParseGet => "parse-get",
            Operation::ParseSet => "parse-set",
            Operation::Find => "find",
            Operation::Get => "get",
            Operation::Set => "set",
            Operation::SetEvicting => "set-evicting",
            Operation::WholeGet => "whole-get",
            Operation::WholeSet => "whole-set",
        }
    }

    /// Understands a name.
    ///
    /// # Errors
    /// The names there are.
    pub fn parse(name: &str) -> Result<Operation, String> {
        let known = || Operation::ALL.map(Operation::name).join(", ");
        let found = Operation::ALL.into_iter().find(|operation| operation.name() == name);
        found.ok_or_else(|| format!("`{name}` is not one of {}", known()))
    }
}

/// What operations work on.
pub struct Bench {
    engine: Engine<()>,
    hasher: KeyHasher,
    keys: Vec<Vec<u8>>,
    values: Vec<Vec<u8>>,
    requests: Vec<Vec<u8>>,
    parser: RequestParser,
    args: ArgBuf,
    limits: RequestLimits,
    out: Vec<u8>,
}

/// Executes `operation` `count` times.
///
/// # Errors
/// When the system refuses the engine's memory, or a write is refused.
pub fn run(operation: Operation, count: u64) -> Result<(), Failure> {
    let mut bench = Bench::new(operation)?;
    for number in 0..count {
        bench.execute(operation, number)?;
    }
    Ok(())
}

impl Bench {
    /// A dataset for `operation`.
    ///
    /// # Errors
    /// When the system refuses the engine's memory, or a write is refused.
    pub fn new(operation: Operation) -> Result<Bench, Failure> {
        let hasher = KeyHasher::new([1, 2]);
        let memory_bytes = match operation {
            Operation::SetEvicting => FULL_MEMORY_BYTES,
            _ => MEMORY_BYTES,
        };
        let config = Config::for_memory(memory_bytes, hasher.clone(), slot_of);
        let engine = Engine::new(config, ()).map_err(|error| Failure::Option(error.to_string()))?;
        let lengths = Lengths::fixed(VALUE_LEN);
        let (space, values) = (KeySpace::numbered("key:", KEY_LEN, KEYS), Values::new(lengths));
        let bytes = |write: &dyn Fn(u64, &mut Vec<u8>)| -> Vec<Vec<u8>> {
            let one = |number| {
                let mut bytes = Vec::new();
                write(number, &mut bytes);
                bytes
            };
            (0..KEYS).map(one).collect()
        };
        let keys = bytes(&|number, into| space.write(number, into));
        let values = bytes(&|number, into| values.write(number, VALUE_LEN, into));
        let writes = matches!(operation, Operation::ParseSet | Operation::WholeSet);
        let encode = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            let mut bytes = Vec::new();
            let request = if writes { Request::Set(key, value, 0) } else { Request::Get(key) };
            Protocol::Resp.encode(&request, &mut bytes);
            bytes
        };
        let requests = keys.iter().zip(&values).map(encode).collect();
        let (parser, args) = (RequestParser::new(), ArgBuf::new());
        let (limits, out) = (RequestLimits::default(), Vec::new());
        let mut bench = Bench { engine, hasher, keys, values, requests, parser, args, limits, out };
        for number in 0..KEYS {
            bench.set(number)?;
        }
        Ok(bench)
    }

    /// Executes the operation it was made for once, on the `number`-th key.
    ///
    /// # Errors
    /// When a write is refused.
    pub fn execute(&mut self, operation: Operation, number: u64) -> Result<(), Failure> {
        let at = (number % KEYS) as usize;
        match operation {
            Operation::ParseGet | Operation::ParseSet => self.parse(at),
            Operation::Find => {
                let key = key_of(&self.hasher, &self.keys[at]);
                black_box(self.engine.peek(&key, NOW_MS).is_some());
            }
            Operation::Get => self.get(number),
            Operation::Set => self.set(number)?,
            Operation::SetEvicting => {
                // Equal ends after another beginning are other keys, in every round.
                let round = (number / KEYS + 1) as u32;
                let key = &mut self.keys[(number % KEYS) as usize];
                key[..4].copy_from_slice(&round.to_le_bytes());
                self.set(number)?;
                if number.is_multiple_of(WRITES_PER_UPKEEP) {
                    black_box(self.engine.maintain(NOW_MS + number, 1));
                }
            }
            Operation::WholeGet => {
                self.parse(at);
                self.get(number);
            }
            Operation::WholeSet => {
                self.parse(at);
                self.set(number)?;
                Encoder::new(&mut self.out, Proto::Resp2).ok();
            }
        }
        self.out.clear();
        Ok(())
    }

    fn parse(&mut self, at: usize) {
        let bytes = &self.requests[at][..];
        self.args.clear();
        let parsed = self.parser.next(bytes, &mut self.args, &self.limits);
        assert!(matches!(parsed, Parsed::Command { .. }), "requests are sound");
        black_box(Command::decode(self.args.args(bytes)).is_ok());
    }

    fn get(&mut self, number: u64) {
        let place = number % KEYS;
        let key = key_of(&self.hasher, &self.keys[place as usize]);
        let item = self.engine.get(&key, NOW_MS).expect("every key was written");
        let mut out = Encoder::new(&mut self.out, Proto::Resp2);
        match item.value {
            ValueRef::Inline(bytes) => out.bulk(bytes),
            other => out.bulk(&other.as_bytes()),
        }
        black_box(&self.out);
    }

    fn set(&mut self, number: u64) -> Result<(), Failure> {
        let at = (number % KEYS) as usize;
        let key = key_of(&self.hasher, &self.keys[at]);
        let stored = self.engine.set(&key, Write::plain(&self.values[at]), NOW_MS);
        black_box(stored.map_err(|refused| Failure::Option(format!("{refused:?}")))?);
        Ok(())
    }
}

/// A slot for a key; which one does not matter to the cost.
#[inline]
fn slot_of(key: &[u8]) -> u16 {
    let end = key.last_chunk().expect("keys are longer than eight bytes");
    (u64::from_le_bytes(*end).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> SLOT_SHIFT) as u16
}

#[inline]
fn key_of<'a>(hasher: &KeyHasher, bytes: &'a [u8]) -> Key<'a> {
    hasher.key(0, slot_of(bytes), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_runs_past_its_keys() {
        for operation in Operation::ALL {
            run(operation, KEYS + 100).unwrap();
            assert_eq!(Operation::parse(operation.name()), Ok(operation));
        }
        assert!(Operation::parse("x").unwrap_err().contains("whole-get"));
    }

    #[test]
    fn new_keys_in_full_memory_evict() {
        let mut bench = Bench::new(Operation::SetEvicting).unwrap();
        let before = bench.engine.stats().evicted;
        for number in 0..50_000 {
            bench.execute(Operation::SetEvicting, number).unwrap();
        }
        let evicted = bench.engine.stats().evicted - before;
        assert!(evicted > 10_000, "{evicted}");
    }
}
