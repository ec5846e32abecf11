//! RSS stays within 1.05 times the limit and 64 MiB, under churn of mixed sizes.
//!
//! Alone in its file: what other tests hold would count.

mod support;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::{START_MS, check_bounds, engine, key, seed};
use velodrome_engine::{Refused, Write};

fn rss_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("is Linux");
    let pages = text.split(' ').nth(1).and_then(|field| field.parse::<u64>().ok());
    pages.expect("has a resident field") * 4096
}

#[test]
fn churn_of_mixed_sizes_stays_within_the_bound() {
    let mut rng = SmallRng::seed_from_u64(seed(31));
    let (limit, value) = (192 << 20, vec![1; 4 << 20]);
    let mut engine = engine(limit, None, ());
    let mut peak = 0;
    for phase in 0..6 {
        // Each phase has its own mixture, so that memory must move between the kinds.
        let large = [0.0, 0.05, 0.0, 0.02, 0.001, 0.01][phase];
        for step in 0..25_000 {
            let number: u64 = rng.random_range(0..200_000);
            let bytes = number.to_le_bytes();
            let key = key(engine.hasher(), 0, &bytes);
            let len = if rng.random_bool(large) {
                rng.random_range(100_000..value.len())
            } else {
                [rng.random_range(0..100), rng.random_range(0..10_000)][rng.random_range(0..2)]
            };
            match engine.set(&key, Write::plain(&value[..len]), START_MS) {
                Ok(_) | Err(Refused::OutOfMemory { .. }) => {}
                Err(refused) => panic!("{refused}"),
            }
            if rng.random_bool(0.2) {
                engine.delete(&key, START_MS);
            }
            if phase % 2 == 0 {
                engine.maintain(START_MS, 2);
            }
            check_bounds(&engine);
            if step % 500 == 0 {
                peak = peak.max(rss_bytes());
                assert!(peak <= limit / 100 * 105 + (64 << 20), "{peak} {:?}", engine.stats());
            }
        }
    }
    println!("peak {} MiB of {} MiB allowed", peak >> 20, ((limit / 100 * 105) >> 20) + 64);
    assert!(peak > limit / 2, "the limit was in play");
}
