//! Memory of items whose time is over is there for others within seconds.
//!
//! Time is an argument and upkeep does what it does in turns: so many steps a millisecond.

mod support;

use std::num::NonZeroU64;

use support::{START_MS, check_bounds, engine, key};
use velodrome_engine::{Deadline, Engine, Write};

const MEMORY: u64 = 64 << 20;
const VALUE: [u8; 100] = [7; 100];
/// Fills nine tenths of the memory.
const ITEMS: u64 = 400_000;
const END_MS: u64 = START_MS + 60_000;
/// What a shard does between requests, at the least: a third of its time while something is left to
/// be done, in steps of a few microseconds.
const STEPS_A_MS: usize = 8;
/// From the end of an item's time until its memory is another's, in milliseconds.
const REUSED_MS_MAX: u64 = 5000;

fn write(engine: &mut Engine<()>, number: u64, end_ms: Option<u64>, now_ms: u64) {
    let bytes = number.to_le_bytes();
    let key = key(engine.hasher(), 0, &bytes);
    let deadline = end_ms.and_then(NonZeroU64::new).map_or(Deadline::Never, Deadline::At);
    engine.set(&key, Write { deadline, ..Write::plain(&VALUE) }, now_ms).expect("stores");
}

fn holds(engine: &Engine<()>, number: u64, now_ms: u64) -> bool {
    let bytes = number.to_le_bytes();
    engine.peek(&key(engine.hasher(), 0, &bytes), now_ms).is_some()
}

/// Fills the memory with items of which one in `each` ends, and lets the time pass that they have.
/// Then as many others find room, and nobody had to go.
fn check(each: u64) {
    let mut engine = engine(MEMORY, None, ());
    for number in 0..ITEMS {
        let end_ms = number.is_multiple_of(each).then_some(END_MS);
        write(&mut engine, number, end_ms, START_MS);
        engine.maintain(START_MS, 1);
    }
    let full = engine.accounted_bytes();
    assert!(full > MEMORY / 10 * 8, "{full} bytes are not nearly the limit");
    assert_eq!(engine.stats().evicted, 0);
    assert!(holds(&engine, 0, END_MS - 1) && !holds(&engine, 0, END_MS));

    for now_ms in END_MS..END_MS + REUSED_MS_MAX {
        engine.maintain(now_ms, STEPS_A_MS);
    }
    let now_ms = END_MS + REUSED_MS_MAX;
    let (ended, left) = (ITEMS / each, ITEMS - ITEMS / each);
    assert_eq!((engine.stats().expired, engine.len(0)), (ended, left));
    for number in ITEMS..ITEMS + ended {
        write(&mut engine, number, None, now_ms);
        engine.maintain(now_ms, 1);
    }
    check_bounds(&engine);
    assert_eq!((engine.stats().evicted, engine.len(0)), (0, ITEMS));
    let kept = (0..ITEMS).filter(|number| holds(&engine, *number, now_ms)).count() as u64;
    assert_eq!(kept, left, "those that stay were not touched");
}

#[test]
fn memory_of_expired_items_is_anothers_within_five_seconds() {
    // All of them; every other one, so that every segment is half of those that stay; one in ten.
    for each in [1, 2, 10] {
        check(each);
    }
}
