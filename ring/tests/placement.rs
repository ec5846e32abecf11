//! Bounded loads: balance and moved share for 1 to 100 nodes, with figures.
//!
//! Owns the two promises: the busiest primary carries at most 1.05 times the mean, rounded up to a
//! whole slot; a join or a leave moves at most 1/N + 3 % of the slots, N the larger count.
//! Cost: some seconds.

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use velodrome_ring::{Circle, NodeId, Placement, RingError, SLOT_COUNT};

const SLOTS: f64 = SLOT_COUNT as f64;

/// Asserts the bounds on `placement`; returns the busiest primary's and the busiest holder's load
/// relative to their fair shares.
fn check(placement: &Placement) -> (f64, f64) {
    let total: u32 = placement.members().iter().map(|member| member.1).sum();
    let mut busiest = (0f64, 0f64);
    for (&(node, weight), (primaries, copies)) in placement.members().iter().zip(placement.loads())
    {
        let fair = SLOTS * f64::from(weight) / f64::from(total);
        let bound = (SLOT_COUNT as u64 * 105 * u64::from(weight)).div_ceil(100 * u64::from(total));
        assert!(primaries as u64 <= bound, "{node} has {primaries} of at most {bound} slots");
        busiest.0 = busiest.0.max(primaries as f64 / fair);
        busiest.1 = busiest.1.max(copies as f64 / fair / placement.copies() as f64);
    }
    for slot in 0..SLOT_COUNT as u16 {
        let mut owners: Vec<NodeId> = placement.owners(slot).collect();
        assert_eq!(owners[0], placement.primary(slot));
        owners.sort_unstable();
        owners.dedup();
        assert_eq!(owners.len(), placement.copies(), "owners of slot {slot} are distinct");
    }
    busiest
}

/// Asserts the bound on what moved between two placements; returns the share of primaries.
fn check_moved(old: &Placement, new: &Placement) -> f64 {
    let nodes = old.members().len().max(new.members().len());
    let share = old.moved_primaries(new) as f64 / SLOTS;
    assert!(share <= 1.0 / nodes as f64 + 0.03, "{nodes} nodes: {share:.4} of the slots moved");
    share
}

/// Grows a cluster to 100 nodes and shrinks it to one again, printing a line a decade.
fn grow_and_shrink(seed: u64, copies: usize) -> (f64, f64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut circle = Circle::new();
    let mut members = vec![NodeId(rng.random())];
    circle.add(members[0], 1).expect("a new node");
    let mut placement = Placement::compute(&circle, copies).expect("a node");
    let (mut worst_load, mut worst_moved) = (0f64, f64::MIN);
    for step in 2..=199 {
        if step <= 100 {
            members.push(NodeId(rng.random()));
            circle.add(members[step - 1], 1).expect("a new node");
        } else {
            let leaver = members.swap_remove(rng.random_range(0..members.len()));
            circle.remove(leaver).expect("a member");
        }
        let next = placement.rebalance(&circle, copies).expect("a node");
        let nodes = placement.members().len().max(next.members().len());
        let (load, held) = check(&next);
        let moved = check_moved(&placement, &next);
        assert!(moved <= 1.05 / nodes as f64 + 0.001, "{nodes} nodes: {moved:.4}");
        let sent = next.moved_copies(&placement) as f64 / (SLOTS * next.copies() as f64);
        assert!(sent <= 1.0 / nodes as f64 + 0.03, "{nodes} nodes: {sent:.4} of the copies sent");
        worst_moved = worst_moved.max(moved - 1.0 / nodes as f64);
        worst_load = worst_load.max(load);
        if step % 20 == 0 || step < 5 {
            let way = if step <= 100 { "join" } else { "leave" };
            let fair = 1.0 / nodes as f64;
            println!(
                "{way:5} {nodes:3} nodes: busiest primary {load:.3}, holder {held:.3}, \
                 moved {moved:.4} (1/N {fair:.4}), copies sent {sent:.4}"
            );
        }
        placement = next;
    }
    (worst_load, worst_moved)
}

#[test]
fn grows_to_100_nodes_and_shrinks_again() {
    for seed in 1..=3 {
        let (load, moved) = grow_and_shrink(seed, 1);
        println!("seed {seed}: busiest {load:.4} of the mean, moved at most 1/N {moved:+.4}");
    }
}

#[test]
fn replicas_stay_distinct_and_level() {
    let (load, moved) = grow_and_shrink(4, 3);
    println!("seed 4, 3 copies: busiest {load:.4}, moved at most 1/N {moved:+.4}");
}

#[test]
fn from_nothing_every_count_is_balanced_and_a_step_from_it_moves_little() {
    let mut circle = Circle::new();
    for nodes in 1..=100u64 {
        circle.add(NodeId::of_name(&format!("node-{nodes}")), 1).expect("a new node");
        let placement = Placement::compute(&circle, 1).expect("a node");
        let (load, _) = check(&placement);
        assert_eq!(Ok(&placement), Placement::compute(&circle, 1).as_ref());
        let mut joined = circle.clone();
        joined.add(NodeId(nodes), 1).expect("a new node");
        let next = placement.rebalance(&joined, 1).expect("a node");
        check(&next);
        let on_join = check_moved(&placement, &next);
        let back = next.rebalance(&circle, 1).expect("a node");
        check(&back);
        let on_leave = check_moved(&next, &back);
        if nodes % 10 == 0 || nodes < 4 {
            println!("{nodes:3} nodes: busiest {load:.4}, join {on_join:.4}, leave {on_leave:.4}");
        }
    }
}

#[test]
fn long_churn_with_weights_keeps_the_bounds() {
    let seed = 5;
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut circle = Circle::with_virtual_nodes(40).expect("in range");
    let mut next_id = 0;
    let mut placement: Option<Placement> = None;
    let mut worst = (0f64, 0f64);
    for _ in 0..400 {
        let members: Vec<NodeId> = circle.members().map(|member| member.0).collect();
        if members.len() < 2 || (members.len() < 25 && rng.random()) {
            circle.add(NodeId(next_id), rng.random_range(1..=4)).expect("a new node");
            next_id += 1;
        } else {
            circle.remove(*members.choose(&mut rng).expect("members")).expect("a member");
        }
        let next = match &placement {
            None => Placement::compute(&circle, 2),
            Some(placement) => placement.rebalance(&circle, 2),
        }
        .expect("a node");
        let (load, held) = check(&next);
        // With few nodes a light one must hold copies above its share, since copies are distinct.
        let held = if members.len() < 12 { 0.0 } else { held };
        worst = (worst.0.max(load), worst.1.max(held));
        placement = Some(next);
    }
    println!("busiest primary {:.4}, busiest holder {:.4} of their shares", worst.0, worst.1);
    assert!(worst.1 < 1.06);
}

#[test]
fn an_unchanged_circle_moves_nothing() {
    let mut circle = Circle::new();
    for id in 0..12 {
        circle.add(NodeId(id), 1 + id as u32 % 3).expect("a new node");
    }
    let placement = Placement::compute(&circle, 3).expect("a node");
    assert_eq!(placement.rebalance(&circle, 3), Ok(placement));
}

#[test]
fn a_leavers_slots_go_to_their_replicas_as_far_as_these_have_room() {
    let mut circle = Circle::new();
    for id in 0..10 {
        circle.add(NodeId(id), 1).expect("a new node");
    }
    let old = Placement::compute(&circle, 3).expect("a node");
    circle.remove(NodeId(4)).expect("a member");
    let new = old.rebalance(&circle, 3).expect("a node");
    let orphans: Vec<u16> = old.primary_slots(NodeId(4)).collect();
    let promoted = |&&slot: &&u16| old.owners(slot).any(|owner| owner == new.primary(slot));
    let share = orphans.iter().filter(promoted).count() as f64 / orphans.len() as f64;
    println!("{share:.4} of {} slots have a replica promoted", orphans.len());
    assert!(share > 0.95);
}

#[test]
fn refuses_no_nodes_and_no_copies() {
    let mut circle = Circle::new();
    assert_eq!(Placement::compute(&circle, 1), Err(RingError::Empty));
    circle.add(NodeId(1), 1).expect("a new node");
    assert_eq!(Placement::compute(&circle, 0), Err(RingError::Copies(0)));
    assert_eq!(Placement::compute(&circle, 8), Err(RingError::Copies(8)));
    let alone = Placement::compute(&circle, 3).expect("fewer nodes than copies is no error");
    assert_eq!(alone.copies(), 1);
}
