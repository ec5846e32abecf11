//! An engine that is filled and turned over, and what its items weigh meanwhile.
//!
//! Owns the engine. Invariant: the count of items is constant after filling. Cost: a removal and a
//! write an item and turnover.

use std::num::NonZeroU64;
use std::path::Path;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use velodrome_engine::{Config, Deadline, Engine, KeyHasher, SLOT_COUNT, Write};

use super::{Case, DOCUMENTED_LEN, KEY_LEN, Weight};
use crate::failure::Failure;
use crate::resident::resident_bytes;

const NOW_MS: u64 = 1_800_000_000_000;
const DAY_MS: u64 = 86_400_000;
/// More than any case fills.
const MEMORY_BYTES: u64 = 16 << 30;
/// Operations between two rounds of upkeep.
const UPKEEP_EVERY: u64 = 16;
/// Looks at the weight during a turnover.
const LOOKS_A_TURNOVER: u64 = 20;
/// Lengths while they change: up to this, and so much more at the middle of the run.
const CHANGING_LEN: u64 = 100;
const CHANGING_LEN_MORE: u64 = 500;

pub(super) struct Store {
    engine: Engine<()>,
    rng: SmallRng,
    case: Case,
    value: Vec<u8>,
    /// Number and length of every item present, where lengths change.
    held: Vec<(u64, u32)>,
    payload_bytes: u64,
    written_bytes: u64,
    operations: u64,
    before_bytes: u64,
}

impl Store {
    pub(super) fn new(case: &Case) -> Result<Store, Failure> {
        let longest = u64::from(case.value_len).max(CHANGING_LEN + CHANGING_LEN_MORE);
        let count = if case.has_changing_sizes() { case.items } else { 0 };
        // Written, so that it is resident before growth is counted.
        let held = (0..count).map(|number| (number, CHANGING_LEN as u32)).collect();
        let before_bytes = resident()?;
        let config = Config::for_memory(MEMORY_BYTES, KeyHasher::new([1, 2]), slot_of);
        let engine = Engine::new(config, ()).map_err(|error| Failure::Option(error.to_string()))?;
        Ok(Store {
            engine,
            rng: SmallRng::seed_from_u64(1),
            case: case.clone(),
            value: vec![7; longest as usize],
            held,
            payload_bytes: 0,
            written_bytes: 0,
            operations: 0,
            before_bytes,
        })
    }

    /// The weight after filling, and after so many turnovers.
    pub(super) fn measure(&mut self, turnovers: u64) -> Result<(Weight, Weight), Failure> {
        let len = match self.case.value_len {
            0 => CHANGING_LEN as u32,
            len => len,
        };
        for number in 0..self.case.items {
            self.set(number, len)?;
        }
        self.settle();
        let fresh = self.weight()?;
        if self.case.has_changing_sizes() {
            return Ok((fresh, self.change_sizes(turnovers)?));
        }
        self.turn_over(turnovers)?;
        self.settle();
        Ok((fresh, self.weight()?))
    }

    /// Bytes that compaction copied a byte written.
    pub(super) fn copied_a_byte(&self) -> f64 {
        self.engine.stats().copied_bytes as f64 / self.written_bytes.max(1) as f64
    }

    /// The keys present are numbers of one of `items` residues; a turnover replaces them all, in an
    /// order that jumps about.
    fn turn_over(&mut self, turnovers: u64) -> Result<(), Failure> {
        let count = self.case.items;
        let step = (count / 2 + count / 7) | 1;
        let step = (step..).find(|step| gcd(*step, count) == 1).unwrap_or(1);
        for turn in 0..turnovers {
            let mut residue = self.rng.random_range(0..count);
            for _ in 0..count {
                self.delete(turn * count + residue, self.case.value_len);
                self.set((turn + 1) * count + residue, self.case.value_len)?;
                residue = (residue + step) % count;
            }
        }
        Ok(())
    }

    /// Replaces items at random by others whose range of lengths rises and falls again. The
    /// heaviest moment counts.
    fn change_sizes(&mut self, turnovers: u64) -> Result<Weight, Failure> {
        let (count, all) = (self.case.items, self.case.items * turnovers);
        let mut worst = Weight::default();
        for done in 0..all {
            // 0 at both ends, 1 in the middle.
            let rise = 1.0 - (2.0 * done as f64 / all as f64 - 1.0).abs();
            let widest = CHANGING_LEN + (CHANGING_LEN_MORE as f64 * rise) as u64;
            let len = self.rng.random_range(0..widest) as u32;
            let place = self.rng.random_range(0..self.held.len());
            let (number, before) = self.held[place];
            self.delete(number, before);
            self.set(count + done, len)?;
            self.held[place] = (count + done, len);
            if done.is_multiple_of((count / LOOKS_A_TURNOVER).max(1)) {
                let now = self.weight()?;
                worst.resident = worst.resident.max(now.resident);
                worst.accounted = worst.accounted.max(now.accounted);
            }
        }
        Ok(worst)
    }

    /// Lets upkeep do all it has to do.
    fn settle(&mut self) {
        while self.engine.maintain(NOW_MS, 100).more {}
    }

    fn weight(&self) -> Result<Weight, Failure> {
        let count = self.case.items;
        let live = self.payload_bytes + count * KEY_LEN as u64;
        let weigh = |bytes: u64| match self.case.has_changing_sizes() {
            true => bytes as f64 / (live + count * DOCUMENTED_LEN) as f64,
            false => (bytes as f64 - live as f64) / count as f64,
        };
        let grown = resident()?.saturating_sub(self.before_bytes);
        Ok(Weight { resident: weigh(grown), accounted: weigh(self.engine.accounted_bytes()) })
    }

    fn set(&mut self, number: u64, len: u32) -> Result<(), Failure> {
        let bytes = key(number);
        let key = self.engine.hasher().key(0, slot_of(&bytes), &bytes);
        let mut write = Write::plain(&self.value[..len as usize]);
        if self.case.dated {
            let deadline_ms = NOW_MS + self.rng.random_range(1000..DAY_MS);
            write.deadline = NonZeroU64::new(deadline_ms).map_or(Deadline::Never, Deadline::At);
        }
        let stored = self.engine.set(&key, write, NOW_MS);
        stored.map_err(|refused| Failure::Option(refused.to_string()))?;
        self.payload_bytes += u64::from(len);
        self.written_bytes += u64::from(len) + KEY_LEN as u64;
        self.operations += 1;
        if self.operations.is_multiple_of(UPKEEP_EVERY) {
            self.engine.maintain(NOW_MS, 4);
        }
        Ok(())
    }

    fn delete(&mut self, number: u64, len: u32) {
        let bytes = key(number);
        let key = self.engine.hasher().key(0, slot_of(&bytes), &bytes);
        assert!(self.engine.delete(&key, NOW_MS), "it was written");
        self.payload_bytes -= u64::from(len);
    }
}

fn resident() -> Result<u64, Failure> {
    let refused = || Failure::system("cannot read this process's memory");
    resident_bytes(Path::new("/proc"), std::process::id())
        .ok_or_else(|| refused()(std::io::ErrorKind::NotFound.into()))
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn key(number: u64) -> [u8; KEY_LEN] {
    let mut key = *b"0123456789abcdef########";
    key[16..].copy_from_slice(&number.to_be_bytes());
    key
}

/// FNV-1a: any hash that spreads keys over slots will do.
fn slot_of(key: &[u8]) -> u16 {
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    ((hash ^ (hash >> 29)) % SLOT_COUNT as u64) as u16
}
