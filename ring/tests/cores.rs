//! Slots on cores: level to one slot, and as still as can be.
//!
//! Owns the figures for every core count up to 64 and for changes of a node's slots. Cost: about a
//! second.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use velodrome_ring::limits::CORES_MAX;
use velodrome_ring::{RingError, SLOT_COUNT, spread};

fn all_slots() -> Vec<u16> {
    (0..SLOT_COUNT as u16).collect()
}

fn check_level(chosen: &[u16], cores: usize) {
    let mut loads = vec![0; cores];
    chosen.iter().for_each(|&core| loads[usize::from(core)] += 1);
    let (least, most) = (loads.iter().min().expect("cores"), loads.iter().max().expect("cores"));
    assert!(most - least <= 1, "{cores} cores hold {least} to {most} slots");
}

fn moved(old: &[u16], new: &[u16]) -> usize {
    old.iter().zip(new).filter(|(old, new)| old != new).count()
}

#[test]
fn from_nothing_more_cores_move_only_what_the_new_ones_take() {
    let slots = all_slots();
    let chosen: Vec<Vec<u16>> =
        (1..=64).map(|cores| spread(&slots, cores, |_| None).expect("in range")).collect();
    for (index, old) in chosen.iter().enumerate() {
        let cores = index + 1;
        check_level(old, cores);
        for (step, new) in chosen[index..].iter().enumerate().skip(1) {
            let more = cores + step;
            assert!(
                old.iter().zip(new).all(|(&old, &new)| old == new || usize::from(new) >= cores)
            );
            let moved = moved(old, new);
            let least = SLOT_COUNT * step / more;
            assert!(moved <= least + step, "{cores} to {more} cores moved {moved}, least {least}");
            if step == 1 && cores.is_power_of_two() {
                let share = moved as f64 / SLOT_COUNT as f64;
                println!("{cores} to {more} cores: {share:.4}, 1/N {:.4}", 1.0 / more as f64);
            }
        }
    }
}

#[test]
fn a_core_gets_no_run_of_neighbours() {
    let chosen = spread(&all_slots(), 4, |_| None).expect("in range");
    let longest = chosen.chunk_by(|left, right| left == right).map(<[u16]>::len).max();
    println!("the longest run of neighbouring slots on one core is {longest:?}");
    assert!(longest < Some(16));
}

#[test]
fn with_a_previous_choice_only_the_surplus_moves() {
    let seed = 0xc0;
    println!("seed {seed:#x}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut held: Vec<u16> = all_slots().into_iter().filter(|_| rng.random()).collect();
    let mut cores = 4;
    let mut chosen = spread(&held, cores, |_| None).expect("in range");
    for _ in 0..300 {
        let count = rng.random_range(1..=24);
        let previous: Vec<(u16, u16)> = held.iter().copied().zip(chosen).collect();
        let rate = rng.random_range(1..20);
        held = all_slots()
            .into_iter()
            .filter(|slot| {
                let was = previous.binary_search_by_key(slot, |pair| pair.0).is_ok();
                was != rng.random_ratio(1, rate * 10)
            })
            .collect();
        let before = |slot: u16| {
            previous.binary_search_by_key(&slot, |pair| pair.0).ok().map(|at| previous[at].1)
        };
        chosen = spread(&held, count, before).expect("in range");
        check_level(&chosen, count);
        let mut loads = vec![0usize; count.max(cores)];
        held.iter().filter_map(|&slot| before(slot)).for_each(|core| loads[core as usize] += 1);
        let quota = held.len() / count;
        let ceilings = held.len() % count;
        let over = loads[..count].iter().filter(|&&load| load > quota).count();
        let surplus: usize = loads[..count].iter().map(|load| load.saturating_sub(quota)).sum();
        let surplus = surplus - over.min(ceilings) + loads[count..].iter().sum::<usize>();
        let changed = held.iter().zip(&chosen);
        let changed = changed.filter(|&(&slot, &core)| before(slot).is_some_and(|old| old != core));
        assert_eq!(changed.count(), surplus, "{cores} to {count} cores");
        cores = count;
    }
}

#[test]
fn bounds_and_edges() {
    assert_eq!(spread(&[1], 0, |_| None), Err(RingError::Cores(0)));
    assert_eq!(spread(&[1], CORES_MAX + 1, |_| None), Err(RingError::Cores(CORES_MAX + 1)));
    assert_eq!(spread(&[], 3, |_| None), Ok(vec![]));
    let few = spread(&[5, 9], 8, |_| None).expect("in range");
    assert_eq!(few.len(), 2);
    assert_ne!(few[0], few[1]);
    let most = spread(&all_slots(), CORES_MAX, |_| None).expect("in range");
    check_level(&most, CORES_MAX);
}
