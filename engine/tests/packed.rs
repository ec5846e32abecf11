//! Packed values that change, and the memory that packing takes.
//!
//! Owns what becomes of a long value that the worker packs, and what counts of codecs' contexts.
//! Invariants: a value is packed once nobody changes it, whatever happened to it before; contexts
//! count before they are there. Cost: milliseconds.

mod support;

use support::{START_MS, check_bounds, engine, key};
use velodrome_engine::limits::{
    CODEC_MEMORY_SHARE, GZIP_UNPACK_BYTES_MAX, MEMORY_BYTES_MIN, ZSTD_UNPACK_BYTES_MAX,
};
use velodrome_engine::{Codec, Compression, Engine, Limits, Packer, Policy, Write};

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

/// What is packed longer than a hundred bytes.
fn by(codec: Codec) -> Compression {
    Compression { codec, threshold_bytes: 100 }
}

fn set(engine: &mut Engine<()>, name: &[u8], value: &[u8]) {
    let key = key(&support::hasher(), 0, name);
    engine.set(&key, Write::plain(value), START_MS).expect("stores");
    check_bounds(engine);
}

#[test]
fn what_codecs_work_with_counts_before_it_is_there() {
    let mut engine = engine(64 << 20, None, ());
    let mut unpacking = 0;
    for (codec, unpacks) in [
        (Codec::Lz4, 0),
        (Codec::Zstd(3), ZSTD_UNPACK_BYTES_MAX),
        (Codec::Gzip(6), GZIP_UNPACK_BYTES_MAX),
        (Codec::Zstd(9), 0),
    ] {
        engine.set_compression(by(codec));
        assert_eq!(engine.stats().codec_bytes, unpacking, "nothing was packed with {codec:?}");
        let before = engine.accounted_bytes();
        set(&mut engine, format!("{codec:?}").as_bytes(), &[b'v'; 4000]);
        unpacking += unpacks as u64;
        let counted = codec.shard_bytes_max() as u64 + unpacks as u64;
        assert!(engine.accounted_bytes() >= before + counted, "{codec:?}");
        assert_eq!(engine.stats().codec_bytes, unpacking + codec.shard_bytes_max() as u64);
        assert_eq!(engine.stats().large_bytes, 0);
    }
    engine.set_compression(Compression::default());
    assert_eq!(engine.stats().codec_bytes, unpacking, "what is packed can be read");
    engine.flush(None, START_MS);
    while engine.maintain(START_MS, 100).more {}
    engine.set_compression(by(Codec::Lz4));
    assert_eq!(engine.stats().codec_bytes, 0);
}

#[test]
fn where_codecs_would_take_too_much_the_worker_packs() {
    let codec = Codec::Zstd(3);
    let enough = (codec.shard_bytes_max() + ZSTD_UNPACK_BYTES_MAX) as u64 * CODEC_MEMORY_SHARE;
    let mut engine = engine(enough, None, ());
    engine.set_compression(by(codec));
    set(&mut engine, b"one", &[b'v'; 4000]);
    assert_eq!(engine.stats().packed_items, 1, "the shard packs where there is just enough");
    let limits = Limits { memory_bytes_max: MEMORY_BYTES_MIN, ..*engine.limits() };
    engine.set_limits(limits).expect("is possible");
    assert_eq!(engine.stats().codec_bytes, ZSTD_UNPACK_BYTES_MAX as u64);
    set(&mut engine, b"two", &[b'v'; 4000]);
    assert_eq!(engine.stats().packed_items, 1);
    work(&mut engine);
    assert_eq!(engine.stats().packed_items, 2);
    assert_eq!(engine.stats().codec_bytes, ZSTD_UNPACK_BYTES_MAX as u64);
}

#[test]
fn without_room_for_codecs_values_stay_raw() {
    let mut engine = engine(8 << 20, None, ());
    engine.set_policy(Policy::NoEviction);
    let hasher = support::hasher();
    let fills = |number: &u32| {
        let name = number.to_le_bytes();
        engine.set(&key(&hasher, 0, &name), Write::plain(&[7; 1000]), START_MS).is_ok()
    };
    let filled = (0..).take_while(fills).count() as u32;
    engine.set_compression(by(Codec::Zstd(9)));
    for number in 0..filled.min(100) {
        set(&mut engine, &number.to_le_bytes(), &[9; 1000]);
    }
    work(&mut engine);
    assert_eq!((engine.stats().packed_items, engine.stats().codec_bytes), (0, 0));
    engine.set_policy(Policy::Lru);
    set(&mut engine, &0_u32.to_le_bytes(), &[9; 1000]);
    assert_eq!(engine.stats().packed_items, 1, "other items make room");
}
