//! Large values: staged, pinned, replaced while they are pinned, given back in steps.

mod support;

use std::sync::Arc;

use support::{START_MS, check_bounds, engine, key};
use velodrome_engine::{
    Collected, Condition, Engine, LargeValue, NewValue, StagedValue, Stored, ValueRef, Write,
};

const LEN: usize = 3 << 20;

fn staged(byte: u8, len: usize) -> StagedValue {
    let mut staged = StagedValue::new(len).expect("maps");
    let part = vec![byte; 100_000];
    while staged.remaining() > 0 {
        let take = staged.remaining().min(part.len());
        staged.extend(&part[..take]);
    }
    staged
}

fn set(engine: &mut Engine<()>, name: &[u8], byte: u8, len: usize) {
    let key = key(&support::hasher(), 0, name);
    let write = Write { value: NewValue::Staged(staged(byte, len)), ..Write::plain(b"") };
    engine.set(&key, write, START_MS).expect("stores");
    check_bounds(engine);
}

fn pin(engine: &mut Engine<()>, name: &[u8]) -> Arc<LargeValue> {
    let key = key(&support::hasher(), 0, name);
    match engine.get(&key, START_MS).expect("is there").value {
        ValueRef::Large(large) => Arc::clone(large),
        _ => panic!("it is large"),
    }
}

#[test]
fn a_pinned_value_stays_while_its_key_changes() {
    let mut engine = engine(32 << 20, None, ());
    let name = key(&support::hasher(), 0, b"big");
    set(&mut engine, b"big", 1, LEN);
    let pins: Vec<_> = (0..3).map(|_| pin(&mut engine, b"big")).collect();
    assert_eq!(engine.append(&name, b"tail", START_MS), Ok(LEN + 4));
    assert_eq!(engine.set_range(&name, 10, b"middle", START_MS), Ok(LEN + 4));
    set(&mut engine, b"other", 9, LEN);
    engine.set(&name, Write::plain(b"short"), START_MS).expect("stores");
    assert!(engine.delete(&name, START_MS));
    while engine.maintain(START_MS, 10).more {}
    assert!(pins.iter().all(|pin| pin.len() == LEN && pin.iter().all(|byte| *byte == 1)));
    let others = engine.stats().large_bytes;
    assert_eq!(others, LEN as u64, "what is pinned is its holder's");
    drop(pins);
    while engine.maintain(START_MS, 10).more {}
    assert!(engine.stats().longest_step.bytes <= 64 << 10);
}

/// A request `head value tail`, collected around its value.
fn collected(head: &[u8], value: &[u8], tail: &[u8]) -> Collected {
    let mut collected = Collected::new(head.len()..head.len() + value.len()).expect("maps");
    let request = [head, value, tail].concat();
    for part in request.chunks(70_000) {
        let taken = collected.extend(part);
        if taken < part.len() {
            collected.widen(request.len()).expect("maps");
            collected.extend(&part[taken..]);
        }
    }
    assert_eq!(collected.as_bytes(), request);
    collected
}

#[test]
fn a_collected_value_is_stored_where_it_lies() {
    let mut engine = engine(64 << 20, None, ());
    let name = key(&support::hasher(), 0, b"big");
    let value: Vec<u8> = (0..LEN).map(|i| (i % 251) as u8).collect();
    for (tail_len, stays) in [(2, true), (40, true), (LEN / 2, false)] {
        let collected = collected(b"SET big ", &value, &vec![b'x'; tail_len]);
        let bytes = &collected.as_bytes()[8..8 + LEN];
        engine.offer(&collected);
        let unmet = Write { condition: Condition::Equals(b"other"), ..Write::plain(bytes) };
        let unmet = engine.set(&name, unmet, START_MS).expect("is refused by its condition");
        assert!(matches!(unmet, Stored::Unmet { .. }));
        engine.set(&name, Write::plain(bytes), START_MS).expect("stores");
        engine.end_offer();
        check_bounds(&engine);
        let pinned = pin(&mut engine, b"big");
        assert_eq!((&pinned[..] == bytes, pinned.as_ptr() == bytes.as_ptr()), (true, stays));
        drop(pinned);
        engine.let_go(collected);
        // What came behind the value is not seen when it grows in its place.
        assert_eq!(engine.set_range(&name, LEN + 100, b"end", START_MS), Ok(LEN + 103));
        let grown = pin(&mut engine, b"big");
        assert!(grown[..LEN] == value && grown[LEN..LEN + 100].iter().all(|byte| *byte == 0));
        drop(grown);
        assert_eq!(engine.append(&name, &value, START_MS), Ok(2 * LEN + 103));
        assert!(pin(&mut engine, b"big")[LEN + 103..] == value);
        check_bounds(&engine);
    }
    engine.delete(&name, START_MS);
    while engine.maintain(START_MS, 10).more {}
    assert_eq!(engine.stats().large_bytes, 0);
    assert!(engine.stats().longest_step.bytes <= 64 << 10);
}

#[test]
fn a_value_nobody_pins_grows_in_place() {
    let mut engine = engine(64 << 20, None, ());
    let name = key(&support::hasher(), 0, b"big");
    set(&mut engine, b"big", 1, LEN);
    let mut want = vec![1; LEN];
    for round in 0..2000_usize {
        want.extend_from_slice(&round.to_le_bytes());
        assert_eq!(engine.append(&name, &round.to_le_bytes(), START_MS), Ok(want.len()));
        want[round * 7..round * 7 + 3].copy_from_slice(b"abc");
        assert_eq!(engine.set_range(&name, round * 7, b"abc", START_MS), Ok(want.len()));
    }
    assert_eq!(engine.set_range(&name, want.len() + 5, b"end", START_MS), Ok(want.len() + 8));
    want.extend_from_slice(b"\0\0\0\0\0end");
    let item = engine.get(&name, START_MS).expect("is there");
    assert!(item.value.as_bytes() == want);
    assert!(engine.stats().large_bytes < LEN as u64 * 3);
}

#[test]
fn every_boundary_of_length_is_read_back() {
    let mut engine = engine(256 << 20, None, ());
    let name = key(&support::hasher(), 0, b"key");
    let boundary = (1 << 20) / 8 - 1;
    for len in [0, 1, 7, 8, boundary - 1, boundary, boundary + 1, 1 << 20, (1 << 20) + 1] {
        let value: Vec<u8> = (0..len).map(|i| (i % 249) as u8).collect();
        engine.set(&name, Write::plain(&value), START_MS).expect("stores");
        let item = engine.get(&name, START_MS).expect("is there");
        assert!(item.value.as_bytes() == value && item.value.len() == len);
        assert_eq!(matches!(item.value, ValueRef::Large(_)), len > boundary);
        assert_eq!(engine.append(&name, b"x", START_MS), Ok(len + 1));
        set(&mut engine, b"key", 6, len);
        let item = engine.get(&name, START_MS).expect("is there");
        assert!(item.value.as_bytes().iter().all(|byte| *byte == 6) && item.value.len() == len);
        assert_eq!(matches!(item.value, ValueRef::Large(_)), len > engine.inline_len_max());
    }
}

#[test]
fn large_values_evict_and_are_evicted_within_the_limit() {
    let mut engine = engine(32 << 20, None, ());
    for number in 0..40_000_u32 {
        let bytes = number.to_le_bytes();
        let key = key(&support::hasher(), 0, &bytes);
        engine.set(&key, Write::plain(&[3; 500]), START_MS).expect("stores");
        if number % 2000 == 1999 {
            set(&mut engine, &[number as u8, 1, 2, 3, 4], 7, LEN);
        }
        check_bounds(&engine);
    }
    assert!(engine.stats().evicted > 1000);
    let last = pin(&mut engine, &[(39_999 % 256) as u8, 1, 2, 3, 4]);
    assert_eq!(last.len(), LEN, "the newest large value is still there");
}

#[test]
fn room_for_a_large_value_is_made_ahead_in_bounded_steps() {
    let mut engine = engine(32 << 20, None, ());
    for number in 0..200_000_u32 {
        let name = number.to_string();
        let key = key(&support::hasher(), 0, name.as_bytes());
        engine.set(&key, Write::plain(&[7; 200]), START_MS).expect("stores");
    }
    let before = engine.stats();
    let mut calls = 0;
    while !engine.make_room(LEN, START_MS, 4) {
        calls += 1;
    }
    assert!(calls > 10, "{calls} calls of four steps");
    assert!(engine.stats().evicted > before.evicted);
    set(&mut engine, b"big", 1, LEN);
    assert_eq!(engine.stats().stalls, before.stalls, "the write made no room itself");
    assert!(engine.make_room(100, START_MS, 0) && engine.make_room(usize::MAX, START_MS, 0));
}
