//! Growth: no insertion, flush or expiry does more than a bounded step's work.
//!
//! The bounds are counted, not timed: entries moved, items touched, tables made or freed.

mod support;

use std::num::NonZeroU64;

use support::{START_MS, config};
use velodrome_engine::{Condition, Config, Deadline, Engine, Key, NewValue, SLOT_COUNT, Write};

const ITEMS: u64 = 10_000_000;

/// The slot that all keys have, or each its own.
fn slot_of(one_slot: bool) -> fn(&[u8]) -> u16 {
    if one_slot { |_| 77 } else { spread_slot }
}

fn spread_slot(bytes: &[u8]) -> u16 {
    let number = u64::from_le_bytes(bytes.try_into().expect("numbers have eight bytes"));
    let mut spread = number.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    spread = (spread ^ (spread >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((spread >> 33) % SLOT_COUNT as u64) as u16
}

/// An engine whose keys are numbers.
fn engine(memory: u64, one_slot: bool) -> Engine<()> {
    let config = Config { slot_of: slot_of(one_slot), ..config(memory, None) };
    Engine::new(config, ()).expect("starts")
}

/// Key `number` in its own slot, or all in one.
fn numbered<'a>(engine: &Engine<()>, bytes: &'a [u8; 8], one_slot: bool) -> Key<'a> {
    engine.hasher().key(0, slot_of(one_slot)(bytes), bytes)
}

/// The thread's CPU time.
fn cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn grow(one_slot: bool) {
    let mut engine = engine(4 << 30, one_slot);
    let mut longest_ns = 0;
    for number in 0..ITEMS {
        let bytes = number.to_le_bytes();
        let key = numbered(&engine, &bytes, one_slot);
        let before_ns = if number % 16 == 0 { cpu_ns() } else { u64::MAX };
        engine.set(&key, Write::plain(&bytes), START_MS).expect("stores");
        longest_ns = longest_ns.max(cpu_ns_since(before_ns));
        if number % 256 == 0 {
            engine.maintain(START_MS, 4);
        }
    }
    let grown = engine.stats();
    assert_eq!(grown.items, ITEMS);
    let longest = grown.longest_step;
    assert!(longest.entries <= 1024 && longest.tables <= 17, "{longest:?}");
    assert!(longest.items <= 256 && longest.bytes <= 64 << 10, "{longest:?}");
    let each = grown.index_bytes as f64 / ITEMS as f64;
    assert!(each < 11.0, "{each} bytes of index an item");
    for number in (0..ITEMS).step_by(9973) {
        let bytes = number.to_le_bytes();
        let key = numbered(&engine, &bytes, one_slot);
        assert_eq!(engine.get(&key, START_MS).expect("is there").value.as_bytes(), &bytes[..]);
    }
    engine.reset_stats();
    engine.flush(None, START_MS);
    assert_eq!(engine.len(0), 0);
    let mut steps = 0_u64;
    while engine.maintain(START_MS, 1).more {
        steps += 1;
    }
    let flushed = engine.stats();
    let longest = flushed.longest_step;
    assert!(longest.items <= 256 && longest.tables <= 256, "{longest:?}");
    assert!(longest.bytes <= 64 << 10, "{longest:?}");
    assert_eq!((flushed.index_bytes, flushed.live_bytes), (0, 0));
    assert!(flushed.segments <= 2);
    println!(
        "one slot {one_slot}: {each:.1} bytes of index an item, {:?} growing, {longest:?} \
         flushing in {steps} steps, longest sampled write {} us of CPU",
        grown.longest_step,
        longest_ns / 1000
    );
}

fn cpu_ns_since(before_ns: u64) -> u64 {
    if before_ns == u64::MAX { 0 } else { cpu_ns() - before_ns }
}

#[test]
fn ten_million_uniform_keys() {
    grow(false);
}

#[test]
fn ten_million_keys_of_one_tag() {
    grow(true);
}

#[test]
fn churn_at_constant_count_does_not_grow_the_index() {
    for (one_slot, count) in [(false, 200_000), (true, 200_000), (false, 500_000)] {
        let mut engine = engine(256 << 20, one_slot);
        let (mut filled, mut settled) = (0, 0);
        for number in 0..count * 10_u64 {
            let bytes = number.to_le_bytes();
            let key = numbered(&engine, &bytes, one_slot);
            engine.set(&key, Write::plain(&bytes), START_MS).expect("stores");
            if let Some(old) = number.checked_sub(count) {
                let bytes = old.to_le_bytes();
                assert!(engine.delete(&numbered(&engine, &bytes, one_slot), START_MS));
            } else {
                filled = engine.stats().index_bytes;
            }
            if number % 100 == 0 {
                engine.maintain(START_MS, 4);
            }
            if number % count == 0 {
                let bytes = engine.stats().index_bytes;
                settled = if number == count * 5 { bytes } else { settled };
                print!("{:.1} ", bytes as f64 / count as f64);
            }
        }
        let stats = engine.stats();
        println!("bytes an item, {count} in one slot {one_slot}");
        // Nothing is left of what is gone; only the tables' sizes drift apart a little.
        assert!(stats.index_bytes < filled * 106 / 100, "{filled} {stats:?}");
        assert!(stats.index_bytes < settled * 102 / 100, "{settled} {stats:?}");
        assert!(stats.segments < 64, "dead records are taken back: {stats:?}");
    }
}

#[test]
fn a_million_deadlines_pass_in_bounded_steps() {
    let mut engine = engine(512 << 20, false);
    let count = 1_000_000_u64;
    for number in 0..count {
        let bytes = number.to_le_bytes();
        let deadline_ms = NonZeroU64::new(START_MS + 1000 + number % 100_000).expect("set");
        let write = Write {
            value: NewValue::Bytes(&bytes),
            deadline: Deadline::At(deadline_ms),
            condition: Condition::Absent,
            client_flags: 0,
            tag: 0,
        };
        engine.set(&numbered(&engine, &bytes, false), write, START_MS).expect("stores");
    }
    assert_eq!(engine.len_with_deadline(0), count);
    // Half of the way half of them are gone, without anyone having asked for one, and none of the
    // 489,750 whose time is still to come.
    while engine.maintain(START_MS + 51_000 + 1024, 1).more {}
    assert!((489_750..=500_000).contains(&engine.len(0)), "{}", engine.len(0));
    assert!(engine.maintain(START_MS + 51_000, 1).next_due_ms.is_some());
    while engine.maintain(START_MS + 103_000, 1).more {}
    let stats = engine.stats();
    assert_eq!((stats.items, stats.expired, stats.wheel_entries), (0, count, 0));
    let longest = stats.longest_step;
    assert!(longest.items <= 256 && longest.entries <= 1024, "{longest:?}");
}
