//! Values of 4 KiB written and read raw and packed, timed by criterion: what compression costs.
//!
//! Owns the value, JSON made up of records with drawn fields. Invariant: every codec packs the same
//! bytes, through the engine as a node does; the ratio is what the engine counts. Cost: some ten
//! seconds a figure.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use velodrome_engine::{Codec, Compression, Config, Engine, KeyHasher, Write};

const MEMORY_BYTES: u64 = 64 << 20;
const VALUE_LEN: usize = 4 << 10;
const NOW_MS: u64 = 1_800_000_000_000;
const CODECS: [(&str, Codec); 4] = [
    ("raw", Codec::None),
    ("lz4", Codec::Lz4),
    ("zstd 3", Codec::Zstd(3)),
    ("gzip 6", Codec::Gzip(6)),
];

/// An array of people, as an application keeps them.
fn json() -> Vec<u8> {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut text = String::from("[");
    while text.len() < VALUE_LEN {
        let (id, age) = (rng.random_range(0..1_000_000), rng.random_range(18..90));
        let (city, score) = (rng.random_range(0..20), rng.random::<f64>());
        let active = rng.random_bool(0.5);
        write!(text, r#"{{"id":{id},"name":"user-{id}","age":{age},"city":"city-{city}","#)
            .and_then(|()| write!(text, r#""score":{score:.4},"active":{active}}},"#))
            .expect("a string takes all");
    }
    text.truncate(VALUE_LEN);
    text.into_bytes()
}

fn packing(criterion: &mut Criterion) {
    let value = json();
    for (name, codec) in CODECS {
        let mut config = Config::for_memory(MEMORY_BYTES, KeyHasher::new([1, 2]), |_| 7);
        config.compression = Compression { codec, ..Compression::default() };
        let mut engine = Engine::new(config, ()).expect("the system gives memory");
        let hasher = engine.hasher().clone();
        let key = hasher.key(0, 7, b"value");
        criterion.bench_function(&format!("set 4 KiB, {name}"), |bencher| {
            bencher.iter(|| engine.set(&key, Write::plain(&value), NOW_MS).is_ok());
        });
        criterion.bench_function(&format!("get 4 KiB, {name}"), |bencher| {
            bencher.iter(|| {
                let item = engine.get(&key, NOW_MS).expect("it was written");
                black_box(item.value.as_bytes().len())
            });
        });
        let stats = engine.stats();
        if stats.packed_stored_bytes > 0 {
            let ratio = stats.packed_raw_bytes as f64 / stats.packed_stored_bytes as f64;
            println!("{name}: ratio {ratio:.2}");
        }
    }
}

criterion_group!(benches, packing);
criterion_main!(benches);
