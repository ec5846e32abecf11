//! The circle: consistent hashing's promises, with figures, and its refusals.
//!
//! Owns properties that hold for every seed. Invariant: an oracle that scans all points answers as
//! the circle does. Cost: under a second.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use velodrome_ring::limits::{NODES_MAX, VIRTUAL_NODES_MAX, WEIGHT_MAX};
use velodrome_ring::{Circle, NodeId, RingError, SLOT_COUNT, slot_point};

fn circle_of(ids: impl IntoIterator<Item = u64>) -> Circle {
    let mut circle = Circle::new();
    for id in ids {
        circle.add(NodeId(id), 1).expect("a new node");
    }
    circle
}

fn owners(circle: &Circle) -> Vec<NodeId> {
    let owner = |slot| circle.owner(slot_point(slot)).expect("not empty");
    (0..SLOT_COUNT as u16).map(owner).collect()
}

#[test]
fn an_empty_ring_says_what_to_do() {
    let circle = Circle::new();
    assert_eq!(circle.owner(7), Err(RingError::Empty));
    assert_eq!(circle.owners(7, 2), Err(RingError::Empty));
    let text = RingError::Empty.to_string();
    assert!(text.contains("no nodes") && text.contains("add one with"), "{text}");
}

#[test]
fn refuses_what_it_cannot_hold_and_stays_as_it_was() {
    let mut circle = circle_of([1, 2]);
    let before = owners(&circle);
    assert_eq!(circle.add(NodeId(1), 1), Err(RingError::Duplicate(NodeId(1))));
    assert_eq!(circle.add(NodeId(3), 0), Err(RingError::Weight(0)));
    assert_eq!(circle.add(NodeId(3), WEIGHT_MAX + 1), Err(RingError::Weight(WEIGHT_MAX + 1)));
    assert_eq!(circle.remove(NodeId(3)), Err(RingError::Unknown(NodeId(3))));
    assert_eq!(owners(&circle), before);
    for count in [0, VIRTUAL_NODES_MAX + 1] {
        let refused = Circle::with_virtual_nodes(count).expect_err("out of range");
        assert_eq!(refused, RingError::VirtualNodes(count));
    }
    let mut dense = Circle::with_virtual_nodes(VIRTUAL_NODES_MAX).expect("in range");
    for id in 0..10 {
        dense.add(NodeId(id), WEIGHT_MAX).expect("ten heavy nodes fit");
    }
    let refused = dense.add(NodeId(10), WEIGHT_MAX).expect_err("eleven do not");
    assert_eq!(refused, RingError::TooManyPoints(11 * (VIRTUAL_NODES_MAX * WEIGHT_MAX) as usize));
    let mut many = Circle::with_virtual_nodes(1).expect("in range");
    for id in 0..NODES_MAX as u64 {
        many.add(NodeId(id), 1).expect("up to the limit");
    }
    assert_eq!(many.add(NodeId(u64::MAX), 1), Err(RingError::TooManyNodes));
}

#[test]
fn joining_takes_only_for_the_joiner_and_leaving_undoes_it() {
    let seed = 0xc1;
    println!("seed {seed:#x}");
    let mut rng = SmallRng::seed_from_u64(seed);
    for round in 1..=30 {
        let ids: Vec<u64> = (0..round).map(|_| rng.random()).collect();
        let mut circle = circle_of(ids.iter().copied());
        let before = owners(&circle);
        let joiner = NodeId(rng.random());
        circle.add(joiner, 1).expect("a new node");
        let after = owners(&circle);
        let moved = before.iter().zip(&after).filter(|(old, new)| old != new);
        assert!(moved.clone().all(|(_, &new)| new == joiner));
        let share = moved.count() as f64 / SLOT_COUNT as f64;
        let fair = 1.0 / (round + 1) as f64;
        println!("{} nodes: the joiner takes {share:.4}, fair is {fair:.4}", round + 1);
        assert!((share - fair).abs() < 0.03 + fair * 0.3);
        circle.remove(joiner).expect("it joined");
        assert_eq!(owners(&circle), before);
    }
}

#[test]
fn the_order_of_joining_does_not_matter() {
    assert_eq!(owners(&circle_of(0..20)), owners(&circle_of((0..20).rev())));
}

#[test]
fn owners_are_distinct_and_clockwise() {
    let seed = 0xc2;
    println!("seed {seed:#x}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let circle = circle_of(0..9);
    for _ in 0..2000 {
        let point = rng.random();
        let count = rng.random_range(0..12);
        let owners = circle.owners(point, count).expect("not empty");
        assert_eq!(owners.len(), count.min(9));
        let mut expected: Vec<NodeId> = Vec::new();
        for node in circle.walk(point) {
            if expected.len() < owners.len() && !expected.contains(&node) {
                expected.push(node);
            }
        }
        assert_eq!(owners, expected);
        if count > 0 {
            assert_eq!(circle.owner(point), Ok(owners[0]));
        }
    }
}

#[test]
fn weights_are_shares() {
    let mut circle = Circle::new();
    for (id, weight) in [(1, 1), (2, 2), (3, 4)] {
        circle.add(NodeId(id), weight).expect("a new node");
    }
    let owners = owners(&circle);
    for (id, weight) in [(1, 1.0), (2, 2.0), (3, 4.0)] {
        let held = owners.iter().filter(|owner| owner.0 == id).count();
        let share = held as f64 / SLOT_COUNT as f64;
        println!("weight {weight}: {share:.4}");
        assert!((share - weight / 7.0).abs() < 0.06);
    }
    assert_eq!(circle.weight(NodeId(2)), Some(2));
    assert_eq!(circle.weight(NodeId(9)), None);
}
