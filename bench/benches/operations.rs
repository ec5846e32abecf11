//! Single operations of codec and engine, timed by criterion: for the curious.
//!
//! Owns nothing but the loop: the operations are those that `bench/instructions` counts. Invariant:
//! none of these figures is a bar, since a busy machine changes them and counts do not. Cost: some
//! ten seconds an operation.

use criterion::{Criterion, criterion_group, criterion_main};
use velodrome_bench::micro::{Bench, Operation};

fn operations(criterion: &mut Criterion) {
    for operation in Operation::ALL {
        let mut bench = Bench::new(operation).expect("the system gives memory");
        let mut number = 0;
        criterion.bench_function(operation.name(), |bencher| {
            bencher.iter(|| {
                bench.execute(operation, number).expect("nothing is refused");
                number += 1;
            });
        });
    }
}

criterion_group!(benches, operations);
criterion_main!(benches);
