//! Which seeds a simulation runs: many by default, one when `VELODROME_SEED` names it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs `test` with the seeds `0..count`, or with the one of the environment; says which failed.
pub(super) fn each_seed(name: &str, count: u64, test: impl Fn(u64)) {
    let chosen = std::env::var("VELODROME_SEED").ok().map(|text| text.parse::<u64>());
    let seeds = match chosen {
        Some(seed) => {
            let seed = seed.expect("VELODROME_SEED is a number");
            seed..seed + 1
        }
        None => 0..count,
    };
    println!("{name}: seeds {seeds:?}; VELODROME_SEED=n runs one");
    for seed in seeds {
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| test(seed))) {
            println!("{name}: failed with seed {seed}: VELODROME_SEED={seed}");
            resume_unwind(cause);
        }
    }
}
