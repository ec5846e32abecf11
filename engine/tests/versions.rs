//! Versions, transfer between engines, and limits that change.

mod support;

use std::num::NonZeroU64;

use support::{START_MS, check_bounds, config, content, engine, key, slot_of};
use velodrome_engine::{
    Condition, Deadline, Effects, Engine, NewValue, Record, Refused, SlotCursor, Stored, Version,
    Write,
};

fn set<E: Effects>(engine: &mut Engine<E>, db: u8, bytes: &[u8], value: &[u8]) -> Version {
    let key = key(engine.hasher(), db, bytes);
    match engine.set(&key, Write::plain(value), START_MS).expect("stores") {
        Stored::Written { version, .. } => version,
        Stored::Unmet { .. } => panic!("there was no condition"),
    }
}

fn compare_and_swap<E: Effects>(engine: &mut Engine<E>, bytes: &[u8], version: Version) -> bool {
    let key = key(engine.hasher(), 0, bytes);
    let condition = Condition::Version(version);
    let write = Write { condition, ..Write::plain(b"swapped") };
    matches!(engine.set(&key, write, START_MS), Ok(Stored::Written { .. }))
}

#[test]
fn an_old_token_is_never_accepted_again() {
    let mut first = engine(16 << 20, None, ());
    let mut token = set(&mut first, 0, b"key", b"1");
    for _ in 0..100_000 {
        token = set(&mut first, 0, b"key", b"1");
    }
    drop(first);
    // A second later the store starts empty and counts far above the run before.
    let mut config = config(16 << 20, None);
    config.start = Version::at_start(START_MS + 1000);
    let mut second = Engine::new(config, ()).expect("starts");
    for _ in 0..3 {
        let fresh = set(&mut second, 0, b"key", b"2");
        assert!(fresh > token);
        assert!(!compare_and_swap(&mut second, b"key", token));
        assert!(compare_and_swap(&mut second, b"key", fresh));
        assert!(!compare_and_swap(&mut second, b"key", fresh));
        let key = key(&support::hasher(), 0, b"key");
        token = second.peek(&key, START_MS).expect("is there").version;
        second.flush(None, START_MS);
        set(&mut second, 0, b"key", b"3");
        assert!(!compare_and_swap(&mut second, b"key", token), "a flush resets nothing");
        second.drop_slot(slot_of(b"key"));
        set(&mut second, 0, b"key", b"4");
        assert!(!compare_and_swap(&mut second, b"key", token), "a dropped slot resets nothing");
        assert!(second.delete(&key, START_MS));
    }
}

#[test]
fn a_slot_moves_with_versions_and_deadlines() {
    let mut from = engine(64 << 20, None, ());
    let big = vec![5; 300_000];
    for number in 0..3000 {
        set(&mut from, number as u8 % 3, format!("{{t}}{number}").as_bytes(), b"value");
        set(&mut from, 0, format!("other {number}").as_bytes(), b"value");
    }
    set(&mut from, 2, b"{t}big", &big);
    let dated = key(from.hasher(), 0, b"{t}0");
    assert_eq!(from.redate(&dated, NonZeroU64::new(START_MS + 5000), START_MS), Ok(true));
    let slot = slot_of(b"{t}");
    let mut to = engine(64 << 20, None, ());
    let mut cursor = Some(SlotCursor::default());
    let mut moved = 0;
    while let Some(at) = cursor {
        let mut visited = 0;
        cursor = from.export_slot(slot, at, 100, START_MS, &mut |key, item| {
            let record = Record {
                value: &item.value.as_bytes(),
                version: item.version,
                deadline_ms: item.deadline_ms,
                client_flags: item.client_flags,
                tag: item.tag,
            };
            assert_eq!(to.import(key, &record, START_MS), Ok(true));
            assert_eq!(to.import(key, &record, START_MS), Ok(false), "it is not newer");
            visited += 1;
        });
        assert!(visited <= 101);
        moved += visited;
    }
    assert_eq!((moved, to.slot_version(slot)), (3001, from.slot_version(slot)));
    for db in 0..3 {
        let mut sent = content(&mut from, db, START_MS);
        sent.retain(|key, _| slot_of(key) == slot);
        assert!(content(&mut to, db, START_MS) == sent);
    }
    from.drop_slot(slot);
    assert_eq!((from.slot_len(slot), from.len(2)), (0, 0));
    assert!(content(&mut from, 0, START_MS).keys().all(|key| slot_of(key) != slot));
    while from.maintain(START_MS, 10).more {}
    assert_eq!((from.stats().items, from.stats().large_bytes), (3000, 0));
    assert_eq!(from.len_with_deadline(0), 0);
}

#[test]
fn lowered_limits_are_reached_step_by_step() {
    let mut engine = engine(64 << 20, None, ());
    for number in 0..100_000_u32 {
        set(&mut engine, 0, &number.to_le_bytes(), &[1; 400]);
    }
    let mut limits = *engine.limits();
    (limits.memory_bytes_max, limits.items_max) = (16 << 20, Some(20_000));
    engine.set_limits(limits).expect("possible");
    let held = engine.accounted_bytes();
    for number in 0..1000_u32 {
        set(&mut engine, 0, &number.to_le_bytes(), &[2; 500]);
        assert!(engine.accounted_bytes() <= held + (3 << 20));
    }
    while engine.maintain(START_MS, 1).more {}
    check_bounds(&engine);
    assert!(engine.stats().items > 10_000);
    for number in 0..50_000_u32 {
        set(&mut engine, 0, &number.to_le_bytes(), &[3; 600]);
        check_bounds(&engine);
    }
    limits.memory_bytes_max = 1 << 40;
    let refused = engine.set_limits(limits).expect_err("there are no addresses for it").to_string();
    assert!(refused.contains("start with it"), "{refused}");
}

#[test]
fn what_can_never_be_held_is_refused_with_the_numbers() {
    let mut engine = engine(4 << 20, None, ());
    let long = vec![b'k'; 100_000];
    let key_of = |bytes| key(&support::hasher(), 0, bytes);
    let refused = engine.set(&key_of(&long), Write::plain(b""), START_MS);
    assert!(matches!(refused, Err(Refused::KeyTooLong { len: 100_000, .. })));
    let huge = vec![0; 5 << 20];
    let refused = engine.set(&key_of(b"k"), Write::plain(&huge), START_MS).expect_err("huge");
    assert!(matches!(refused, Refused::ItemTooLong { len, max } if len > max), "{refused}");
    assert!(refused.to_string().contains(&huge.len().to_string()));
    set(&mut engine, 0, b"n", b"9223372036854775807");
    assert_eq!(engine.increment(&key_of(b"n"), 1, START_MS), Err(Refused::Overflow));
    assert_eq!(engine.increment(&key_of(b"n"), -1, START_MS), Ok(i64::MAX - 1));
    set(&mut engine, 0, b"n", b"1.5");
    assert_eq!(engine.increment(&key_of(b"n"), 1, START_MS), Err(Refused::NotAnInteger));
    assert_eq!(engine.increment(&key_of(b"new"), -7, START_MS), Ok(-7));
}

#[test]
fn nothing_is_read_at_its_deadline_or_after() {
    let mut engine = engine(4 << 20, None, ());
    let deadline_ms = START_MS + 1234;
    let write = |at| Write { deadline: Deadline::At(at), ..Write::plain(b"v") };
    let at = NonZeroU64::new(deadline_ms).expect("set");
    let key = key(&support::hasher(), 0, b"key");
    engine.set(&key, write(at), START_MS).expect("stores");
    assert!(
        engine.get(&key, deadline_ms - 1).is_some() && engine.peek(&key, deadline_ms).is_none()
    );
    assert_eq!(engine.len(0), 1);
    assert!(engine.get(&key, deadline_ms).is_none() && engine.is_empty(0));
    // One that has passed already removes what is there.
    engine.set(&key, Write::plain(b"v"), START_MS).expect("stores");
    let past = write(NonZeroU64::new(START_MS).expect("set"));
    let stored = engine.set(&key, past, START_MS).expect("stores");
    assert!(matches!(stored, Stored::Written { replaced: true, .. }));
    assert!(engine.peek(&key, START_MS).is_none());
    let value = NewValue::Bytes(b"v");
    engine.set(&key, Write { value, ..write(at) }, START_MS).expect("stores");
    assert_eq!(engine.redate(&key, None, START_MS), Ok(true));
    assert!(engine.get(&key, deadline_ms).is_some());
    assert_eq!(engine.redate(&key, NonZeroU64::new(5), START_MS), Ok(true));
    assert_eq!(engine.redate(&key, None, START_MS), Ok(false));
}
