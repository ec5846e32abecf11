//! Full stores some of whose items may not go: what was deleted makes room, and little of it does.
//!
//! Owns stores filled to their limit under `noeviction` and the volatile policies. Invariant: no
//! item goes that may not, and none in vain. Cost: seconds.

mod support;

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use support::{START_MS, check_bounds, config, key, seed};
use velodrome_engine::{Config, Deadline, Engine, Limits, Policy, Refused, Write};

const VALUE_LEN: usize = 500;

fn dated() -> Deadline {
    Deadline::At((START_MS + 1_000_000).try_into().expect("not zero"))
}

fn write(engine: &mut Engine<()>, number: u64, len: usize) -> Result<(), Refused> {
    let (hasher, name) = (engine.hasher().clone(), number.to_le_bytes());
    let value = vec![7; len];
    let stored = engine.set(&key(&hasher, 0, &name), Write::plain(&value), START_MS);
    check_bounds(engine);
    stored.map(|_| ())
}

fn delete(engine: &mut Engine<()>, number: u64) {
    let (hasher, name) = (engine.hasher().clone(), number.to_le_bytes());
    assert!(engine.delete(&key(&hasher, 0, &name), START_MS));
    check_bounds(engine);
}

/// An engine with as many items as there is room for, none with a deadline.
fn full(policy: Policy, memory: u64) -> (Engine<()>, u64) {
    let config = Config { policy, ..config(memory, None) };
    let mut engine = Engine::new(config, ()).expect("starts");
    let count = (0..).take_while(|number| write(&mut engine, *number, VALUE_LEN).is_ok()).count();
    assert!(engine.accounted_bytes() > memory / 100 * 97, "{:?}", engine.stats());
    (engine, count as u64)
}

/// Numbers of so many items, at random.
fn drawn(rng: &mut SmallRng, count: u64, drawn: usize) -> Vec<u64> {
    let mut numbers: Vec<u64> = (0..count).collect();
    numbers.shuffle(rng);
    numbers.truncate(drawn);
    numbers
}

#[test]
fn what_was_deleted_makes_room_for_as_much() {
    let mut rng = SmallRng::seed_from_u64(seed(51));
    for policy in [Policy::NoEviction, Policy::VolatileLru] {
        for memory in [8 << 20, 160 << 20] {
            let (mut engine, count) = full(policy, memory);
            for number in drawn(&mut rng, count, 300) {
                delete(&mut engine, number);
                assert_eq!(write(&mut engine, number, VALUE_LEN), Ok(()), "as long as before");
                assert!(write(&mut engine, count, VALUE_LEN).is_err(), "nothing is left");
            }
            assert_eq!((engine.stats().items, engine.stats().evicted), (count, 0));
        }
    }
}

#[test]
fn deleted_items_make_room_for_others_of_any_length() {
    let mut rng = SmallRng::seed_from_u64(seed(52));
    for policy in [Policy::NoEviction, Policy::VolatileTtl] {
        for len in [60, 480, 900, 7000, 200_000] {
            let (mut engine, count) = full(policy, 16 << 20);
            let gone = drawn(&mut rng, count, 2000);
            gone.iter().for_each(|number| delete(&mut engine, *number));
            // About 34 bytes come with every value.
            let fit = gone.len() * (VALUE_LEN + 34) / (len + 34);
            let taken = (count..).take_while(|number| write(&mut engine, *number, len).is_ok());
            let taken = taken.count();
            println!("{} {len}: {taken} of {fit}", policy.name());
            assert!(taken * 10 >= fit * 8, "{taken} of {fit}");
            assert_eq!(engine.stats().evicted, 0);
        }
    }
}

#[test]
fn a_full_store_takes_deadlines() {
    let mut rng = SmallRng::seed_from_u64(seed(53));
    for memory in [4 << 20, 160 << 20] {
        let (mut engine, count) = full(Policy::NoEviction, memory);
        let hasher = engine.hasher().clone();
        let Deadline::At(deadline_ms) = dated() else { unreachable!("it is one") };
        for number in drawn(&mut rng, count, 2000) {
            let name = number.to_le_bytes();
            let redated = engine.redate(&key(&hasher, 0, &name), Some(deadline_ms), START_MS);
            assert_eq!(redated, Ok(true));
            check_bounds(&engine);
        }
        assert_eq!((engine.stats().items, engine.stats().items_with_deadline), (count, 2000));
        // Now some may go.
        engine.set_policy(Policy::VolatileRandom);
        (0..300).for_each(|at| write(&mut engine, count + at, VALUE_LEN).expect("fits"));
        println!("{} went for 300", engine.stats().evicted);
    }
}

#[test]
fn few_items_that_may_go_do_not_go_in_vain() {
    let mut rng = SmallRng::seed_from_u64(seed(54));
    let (mut engine, count) = full(Policy::NoEviction, 32 << 20);
    let hasher = engine.hasher().clone();
    let Deadline::At(deadline_ms) = dated() else { unreachable!("it is one") };
    for number in drawn(&mut rng, count, 3000) {
        let name = number.to_le_bytes();
        let key = key(&hasher, 0, &name);
        engine.redate(&key, Some(deadline_ms), START_MS).expect("there is room");
    }
    engine.set_policy(Policy::VolatileLru);
    for at in 0..1000 {
        let len = rng.random_range(VALUE_LEN - 100..VALUE_LEN);
        write(&mut engine, count + at, len).expect("some go");
    }
    // Those that made room, and a 64th of the memory that their places were spread over.
    let evicted = engine.stats().evicted;
    println!("{evicted} went for 1000");
    assert!((800..1000 + 1000).contains(&evicted), "{evicted}");
}

#[test]
fn under_a_lowered_limit_writes_wait_until_enough_was_deleted() {
    let mut rng = SmallRng::seed_from_u64(seed(55));
    for policy in [Policy::NoEviction, Policy::VolatileLru] {
        let (mut engine, count) = full(policy, 32 << 20);
        let limits = Limits { memory_bytes_max: 20 << 20, ..*engine.limits() };
        engine.set_limits(limits).expect("is possible");
        let hasher = engine.hasher().clone();
        let numbers = drawn(&mut rng, count, count as usize);
        for (at, number) in numbers.iter().enumerate() {
            let name = number.to_le_bytes();
            let new = engine.set(&key(&hasher, 1, b"new"), Write::plain(&[7; VALUE_LEN]), START_MS);
            if new.is_ok() {
                assert!(engine.accounted_bytes() <= 20 << 20, "{at} were deleted");
                break;
            }
            assert!(engine.delete(&key(&hasher, 0, &name), START_MS));
            while engine.maintain(START_MS, 8).more {}
        }
        let left = engine.stats().items as usize * 20 / count as usize;
        println!("{}: {left} twentieths are left", policy.name());
        assert!(left >= 12, "{left} twentieths, not five eighths");
    }
}
