//! Density: how much resident memory an item takes beside its key and value.
//!
//! `cargo run --release --example density [-- VALUES COUNTS]` with lists as `32,100,1000` and
//! `3700000,5000000,7000000` prints a table; each line is measured in a process of its own. The
//! allocator is the node's. Invariant: growth is counted from just before the engine was made.
//! Cost: some 8 GB of memory for the largest line and minutes for those with churn.

use std::io;
use std::num::NonZeroU64;
use std::process::Command;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use velodrome_engine::{Config, Deadline, Engine, KeyHasher, SLOT_COUNT, Write};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEY_LEN: usize = 24;
const NOW_MS: u64 = 1_800_000_000_000;
const DAY_MS: u64 = 86_400_000;
const MEMORY_BYTES: u64 = 16 << 30;
/// Operations between two rounds of upkeep.
const UPKEEP_EVERY: u64 = 16;
const TURNOVERS: u64 = 10;
/// What names the process that measures one line.
const ONE: &str = "one";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// One line of the table.
#[derive(Clone, Copy)]
struct Line {
    value_len: usize,
    count: u64,
    dated: bool,
    turnovers: u64,
}

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == ONE) {
        let numbers: Vec<u64> =
            args[1..].iter().map(|arg| arg.parse()).collect::<Result<_, _>>()?;
        let [value_len, count, dated, turnovers] = numbers[..] else { return Err("usage".into()) };
        let line = Line { value_len: value_len as usize, count, dated: dated != 0, turnovers };
        println!("{:.2}", Store::new(line)?.measure()?);
        return Ok(());
    }
    let list = |at: usize, usual: &str| -> Result<Vec<u64>, _> {
        args.get(at).map_or(usual, |arg| arg).split(',').map(str::parse).collect()
    };
    let (values, counts) = (list(0, "32,100,1000")?, list(1, "3700000,5000000,7000000")?);
    println!("value    items  deadline  fresh  after {TURNOVERS} turnovers (bytes an item)");
    for value_len in values {
        for count in &counts {
            for dated in [0, 1] {
                let of = |turnovers| measured([value_len, *count, dated, turnovers]);
                let (fresh, turned) = (of(0)?, of(TURNOVERS)?);
                let deadline = if dated == 1 { "yes" } else { "no" };
                println!("{value_len:5} {count:8}  {deadline:8}  {fresh:>5}  {turned:>5}");
            }
        }
    }
    Ok(())
}

/// Measures a line in a process of its own.
fn measured(numbers: [u64; 4]) -> Outcome<String> {
    eprintln!("value, items, deadline, turnovers: {numbers:?}");
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.arg(ONE).args(numbers.map(|number| number.to_string())).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

struct Store {
    engine: Engine<()>,
    rng: SmallRng,
    line: Line,
    value: Vec<u8>,
    operations: u64,
    before_bytes: u64,
}

impl Store {
    fn new(line: Line) -> Outcome<Self> {
        let value = vec![7; line.value_len];
        let before_bytes = resident_bytes()?;
        let config = Config::for_memory(MEMORY_BYTES, KeyHasher::new([1, 2]), slot_of);
        let engine = Engine::new(config, ())?;
        let rng = SmallRng::seed_from_u64(1);
        Ok(Self { engine, rng, line, value, operations: 0, before_bytes })
    }

    /// Resident bytes an item, without key and value.
    fn measure(&mut self) -> Outcome<f64> {
        let Line { value_len, count, turnovers, .. } = self.line;
        for number in 0..count {
            self.set(number)?;
        }
        // The keys present are numbers of one of `count` residues; a turn over replaces them all,
        // in an order that jumps about.
        for turn in 0..turnovers {
            let step = (count / 2 + count / 7) | 1;
            let step = (step..).find(|step| gcd(*step, count) == 1).unwrap_or(1);
            let mut residue = self.rng.random_range(0..count);
            for _ in 0..count {
                self.delete(turn * count + residue);
                self.set((turn + 1) * count + residue)?;
                residue = (residue + step) % count;
            }
        }
        while self.engine.maintain(NOW_MS, 100).more {}
        let grown = resident_bytes()? - self.before_bytes;
        Ok(grown as f64 / count as f64 - (KEY_LEN + value_len) as f64)
    }

    fn set(&mut self, number: u64) -> Outcome<()> {
        let bytes = key(number);
        let key = self.engine.hasher().key(0, slot_of(&bytes), &bytes);
        let mut write = Write::plain(&self.value);
        if self.line.dated {
            let deadline_ms = NOW_MS + self.rng.random_range(1000..DAY_MS);
            write.deadline = NonZeroU64::new(deadline_ms).map_or(Deadline::Never, Deadline::At);
        }
        self.engine.set(&key, write, NOW_MS).map_err(|refused| refused.to_string())?;
        self.operations += 1;
        if self.operations.is_multiple_of(UPKEEP_EVERY) {
            self.engine.maintain(NOW_MS, 4);
        }
        Ok(())
    }

    fn delete(&mut self, number: u64) {
        let bytes = key(number);
        let key = self.engine.hasher().key(0, slot_of(&bytes), &bytes);
        assert!(self.engine.delete(&key, NOW_MS), "it was written");
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn key(number: u64) -> [u8; KEY_LEN] {
    let mut key = *b"0123456789abcdef########";
    key[16..].copy_from_slice(&number.to_be_bytes());
    key
}

fn slot_of(key: &[u8]) -> u16 {
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    ((hash ^ (hash >> 29)) % SLOT_COUNT as u64) as u16
}

fn resident_bytes() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split(' ').nth(1).and_then(|field| field.parse::<u64>().ok());
    pages.map(|pages| pages * 4096).ok_or_else(|| io::Error::other("statm has no second field"))
}
