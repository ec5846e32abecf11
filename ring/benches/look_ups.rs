//! Single look-ups of the ring, timed by criterion: for the curious.
//!
//! Owns nothing but the loop: the look-ups are those that `bench/instructions` counts. Invariant:
//! none of these figures is a bar, since a busy machine changes them and counts do not. Cost: some
//! ten seconds a look-up.

use criterion::{Criterion, criterion_group, criterion_main};
use velodrome_ring::{Circle, NodeId, SlotTable, slot, slot_point};

const KEYS: u64 = 10_000;
const NODES: u64 = 16;
const CORES: usize = 8;

fn look_ups(criterion: &mut Criterion) {
    let mut circle = Circle::new();
    (1..=NODES).for_each(|node| circle.add(NodeId(node), 1).expect("a few nodes fit a circle"));
    let table = SlotTable::standalone(NodeId(1), CORES).expect("a few cores");
    let keys: Vec<String> = (0..KEYS).map(|number| format!("key:{number:020}")).collect();
    let mut all = keys.iter().cycle();
    let mut next = || slot(all.next().expect("a cycle").as_bytes());
    criterion.bench_function("ring-slot", |bencher| bencher.iter(&mut next));
    criterion.bench_function("ring-route", |bencher| bencher.iter(|| table.route(next())));
    let mut owner = || circle.owner(slot_point(next()));
    criterion.bench_function("ring-owner", |bencher| bencher.iter(&mut owner));
}

criterion_group!(benches, look_ups);
criterion_main!(benches);
