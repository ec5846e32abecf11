//! Slots on the cores of one node.
//!
//! Owns the choice of a core for each slot a node holds. Invariants: two cores differ by one slot
//! at most; without a previous choice the result depends on the slots and the number of cores
//! alone, and of two such results for different numbers of cores the larger differs from the
//! smaller only by the slots its additional cores took, which is the least that can move.
//! Cost: O(slots) with a previous choice, O(slots * cores) without: it is built up core by core.

use crate::circle::slot_point;
use crate::error::RingError;
use crate::limits::CORES_MAX;
use crate::slot::SLOT_COUNT;

/// A core for each of `slots`, in their order, of `cores` cores. `previous` tells the core a slot
/// had before; it keeps it as far as balance permits. Pass `|_| None` for a choice from nothing.
/// Errors: `Cores` when `cores` is 0 or above `CORES_MAX`.
pub fn spread(
    slots: &[u16],
    cores: usize,
    previous: impl Fn(u16) -> Option<u16>,
) -> Result<Vec<u16>, RingError> {
    if !(1..=CORES_MAX).contains(&cores) {
        return Err(RingError::Cores(cores));
    }
    assert!(slots.len() <= SLOT_COUNT, "a node holds each slot once");
    let mut order: Vec<usize> = (0..slots.len()).collect();
    order.sort_unstable_by_key(|&index| slot_point(slots[index]));
    let mut chosen: Vec<Option<u16>> = slots.iter().map(|&slot| previous(slot)).collect();
    let first = if chosen.iter().all(Option::is_none) { 1 } else { cores };
    for count in first..=cores {
        level(&mut chosen, &order, count);
    }
    Ok(chosen.into_iter().map(|core| core.expect("levelled slots have a core")).collect())
}

/// Brings every core to its quota, moving only what exceeds one or has no valid core.
fn level(chosen: &mut [Option<u16>], order: &[usize], cores: usize) {
    let mut room = quotas(chosen, cores);
    for &index in order {
        chosen[index] = chosen[index].filter(|&core| {
            let kept = room.get_mut(usize::from(core)).filter(|room| **room > 0);
            kept.map(|room| *room -= 1).is_some()
        });
    }
    let mut core = 0;
    for &index in order.iter().filter(|&&index| chosen[index].is_none()).collect::<Vec<_>>() {
        while room[core] == 0 {
            core += 1;
        }
        room[core] -= 1;
        chosen[index] = Some(core as u16);
    }
}

/// How many slots each core is to hold: the mean, and one more for as many cores as leaves nothing
/// over, beginning with those that hold most now, so that least moves.
fn quotas(chosen: &[Option<u16>], cores: usize) -> Vec<usize> {
    let mut loads = vec![0usize; cores];
    for core in chosen.iter().flatten() {
        if let Some(load) = loads.get_mut(usize::from(*core)) {
            *load += 1;
        }
    }
    let mut busiest: Vec<usize> = (0..cores).collect();
    busiest.sort_by_key(|&core| std::cmp::Reverse(loads[core]));
    let mut quotas = vec![chosen.len() / cores; cores];
    for &core in &busiest[..chosen.len() % cores] {
        quotas[core] += 1;
    }
    quotas
}
