//! Single look-ups of the ring, so many times: what is to be counted, not timed.
//!
//! `micro OPERATION COUNT` executes, `micro` alone names the operations; `bench/instructions`
//! counts them. Invariant: the same name and count execute the same instructions. Cost: the
//! operations; preparing takes some fifty million instructions whatever the count.

use std::hint::black_box;
use std::process::ExitCode;

use velodrome_ring::{Circle, NodeId, RingError, SlotTable, slot, slot_point};

const OPERATIONS: [&str; 3] = ["ring-slot", "ring-route", "ring-owner"];
const KEYS: u64 = 10_000;
const NODES: u64 = 16;
const CORES: usize = 8;

/// What look-ups work on.
struct Ring {
    keys: Vec<String>,
    table: SlotTable,
    circle: Circle,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = match &arguments[..] {
        [] => {
            OPERATIONS.iter().for_each(|name| println!("{name}"));
            return ExitCode::SUCCESS;
        }
        [name, count] if OPERATIONS.contains(&name.as_str()) => count.parse().ok().zip(Some(name)),
        _ => None,
    };
    let Some((count, name)) = wanted else {
        eprintln!("usage: micro OPERATION COUNT, with one of {}", OPERATIONS.join(", "));
        return ExitCode::from(2);
    };
    let ring = Ring::new().expect("a few nodes of weight 1 fit a circle");
    ring.run(name, count);
    ExitCode::SUCCESS
}

impl Ring {
    fn new() -> Result<Ring, RingError> {
        let mut circle = Circle::new();
        for node in 1..=NODES {
            circle.add(NodeId(node), 1)?;
        }
        let keys = (0..KEYS).map(|number| format!("key:{number:020}")).collect();
        Ok(Ring { keys, table: SlotTable::standalone(NodeId(1), CORES)?, circle })
    }

    /// Looks up `count` keys: their slot, then the slot's shard or its owner on the circle.
    fn run(&self, name: &str, count: u64) {
        for number in 0..count {
            let slot = slot(black_box(self.keys[(number % KEYS) as usize].as_bytes()));
            match name {
                "ring-slot" => drop(black_box(slot)),
                "ring-route" => drop(black_box(self.table.route(slot))),
                _ => drop(black_box(self.circle.owner(slot_point(slot)))),
            }
        }
    }
}
