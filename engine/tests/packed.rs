//! Packed values that change: what was packed is packed again.
//!
//! Owns what becomes of a long value that the worker packs. Invariant: it is packed once nobody
//! changes it, whatever happened to it before. Cost: milliseconds.

mod support;

use support::{START_MS, check_bounds, engine, key};
use velodrome_engine::{Codec, Compression, Engine, Packer, Write};

/// Lets the worker pack what waits.
fn work(engine: &mut Engine<()>) {
    let mut packer = Packer::default();
    while let Some(job) = engine.next_pack_job(START_MS) {
        engine.finish_pack(job.run(&mut packer, || 0), START_MS);
        check_bounds(engine);
    }
}

#[test]
fn a_long_value_that_is_changed_in_part_is_packed_again() {
    for len in [100_000, 400_000] {
        let mut engine = engine(64 << 20, None, ());
        engine.set_compression(Compression { codec: Codec::Lz4, threshold_bytes: 1024 });
        let name = key(&support::hasher(), 0, b"long");
        let mut value = b"again and again ".repeat(len / 16);
        engine.set(&name, Write::plain(&value), START_MS).expect("stores");
        assert_eq!(engine.stats().packed_items, 0, "the worker has not come by");
        work(&mut engine);
        for round in 0..3 {
            assert_eq!(engine.stats().packed_items, 1, "round {round}");
            engine.append(&name, b"tail", START_MS).expect("appends");
            value.extend_from_slice(b"tail");
            assert_eq!(engine.stats().packed_items, 0);
            // What has become raw is changed in place, and is packed all the same.
            engine.set_range(&name, round, b"X", START_MS).expect("overwrites");
            value[round] = b'X';
            work(&mut engine);
            let item = engine.get(&name, START_MS).expect("is there");
            assert!(item.value.as_bytes()[..] == value);
        }
        assert_eq!(engine.stats().packed_items, 1);
        assert!(engine.stats().packed_stored_bytes < len as u64 / 8);
    }
}
