//! The slot table: what it routes, what its changes leave alone, and values pinned for all time.
//!
//! Owns the golden values: a change of any would make nodes of two builds disagree on who owns
//! what, and stored placements worthless. Cost: under a second.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use velodrome_ring::limits::{CORES_MAX, EPOCH_MAX};
use velodrome_ring::{
    Circle, NodeId, Place, Placement, RingError, SLOT_COUNT, SlotState, SlotTable, slot, slot_point,
};

fn cluster(nodes: u64) -> Circle {
    let mut circle = Circle::new();
    for id in 1..=nodes {
        circle.add(NodeId(id), 1).expect("a new node");
    }
    circle
}

#[test]
fn a_node_alone_owns_every_slot_on_level_cores() {
    for cores in [1, 2, 3, 16, CORES_MAX] {
        let table = SlotTable::standalone(NodeId(7), cores).expect("in range");
        assert_eq!(table.version(), 1);
        assert_eq!(table.nodes(), [NodeId(7)]);
        assert_eq!(table.ranges_of(NodeId(7)), [0..=16383]);
        for core in 0..cores {
            let held = table.slots_of_core(NodeId(7), core as u16).count();
            assert!(held.abs_diff(SLOT_COUNT / cores) <= 1);
        }
        let place = table.route(slot(b"foo"));
        assert_eq!((place.node, place.epoch, place.state), (NodeId(7), 1, SlotState::Stable));
    }
    for cores in [0, CORES_MAX + 1] {
        let refused = SlotTable::standalone(NodeId(7), cores).expect_err("out of range");
        assert_eq!(refused, RingError::Cores(cores));
    }
}

#[test]
fn a_cluster_routes_as_it_was_placed() {
    let placement = Placement::compute(&cluster(5), 2).expect("nodes");
    let table = SlotTable::from_placement(&placement, |node| node.0 as usize).expect("in range");
    let mut covered = vec![0; SLOT_COUNT];
    for &node in table.nodes() {
        for range in table.ranges_of(node) {
            for slot in range {
                covered[usize::from(slot)] += 1;
                assert_eq!(placement.primary(slot), node);
                assert_eq!(table.route(slot).node, node);
                assert!(u64::from(table.route(slot).core) < node.0);
            }
        }
    }
    assert!(covered.iter().all(|&count| count == 1));
}

#[test]
fn changes_touch_what_they_name_and_count_versions() {
    let seed = 0x7ab1e;
    println!("seed {seed:#x}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut table = SlotTable::standalone(NodeId(1), 4).expect("in range");
    let mut model: Vec<Place> = (0..SLOT_COUNT as u16).map(|slot| table.route(slot)).collect();
    let states = [SlotState::Stable, SlotState::Migrating, SlotState::Draining, SlotState::Sealing];
    for version in 2..300 {
        let slots: Vec<u16> = (0..20).map(|_| rng.random_range(0..SLOT_COUNT as u16)).collect();
        let place = Place {
            node: NodeId(rng.random_range(0..9)),
            core: rng.random_range(0..CORES_MAX as u16),
            epoch: rng.random_range(0..=EPOCH_MAX),
            state: states[rng.random_range(0..4)],
        };
        let old = table.clone();
        if rng.random() {
            table = old.with(slots.iter().map(|&slot| (slot, place)));
            slots.iter().for_each(|&slot| model[usize::from(slot)] = place);
        } else {
            table = old.with_state(slots.iter().copied(), place.state);
            slots.iter().for_each(|&slot| model[usize::from(slot)].state = place.state);
        }
        assert_eq!((old.version(), table.version()), (version - 1, version));
        for slot in 0..SLOT_COUNT as u16 {
            assert_eq!(table.route(slot), model[usize::from(slot)]);
        }
    }
}

#[test]
fn a_transfer_raises_the_epoch_and_more_cores_move_their_share() {
    let table = SlotTable::standalone(NodeId(1), 4).expect("in range");
    let moved = table.with_owner(NodeId(2), [(10, 3), (12, 0)]);
    let expected = Place { node: NodeId(2), core: 3, epoch: 2, state: SlotState::Stable };
    assert_eq!(moved.route(10), expected);
    assert_eq!(moved.ranges_of(NodeId(2)), [10..=10, 12..=12]);
    assert_eq!(moved.ranges_of(NodeId(1)), [0..=9, 11..=11, 13..=16383]);
    assert_eq!(moved.ranges_of(NodeId(3)), []);
    let wider = moved.with_cores(NodeId(1), 5).expect("in range");
    let changed = (0..SLOT_COUNT as u16).filter(|&slot| wider.route(slot) != moved.route(slot));
    let changed: Vec<u16> = changed.collect();
    assert!(changed.len() <= SLOT_COUNT / 5 + 1, "{} slots moved", changed.len());
    assert!(changed.iter().all(|&slot| wider.route(slot).core == 4));
}

#[test]
#[should_panic(expected = "beyond its bound")]
fn an_epoch_beyond_20_bits_is_a_defect() {
    let table = SlotTable::standalone(NodeId(1), 1).expect("in range");
    let _ = table.with([(0, Place { epoch: EPOCH_MAX + 1, ..table.route(0) })]);
}

/// A checksum of the whole placement, so that no slot may wander unseen.
fn fingerprint(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(0, |sum: u64, value| sum.rotate_left(7).wrapping_mul(31).wrapping_add(value))
}

/// Owners and cores of the same few slots are spelled out, so that a failure can be read.
const SAMPLE: [u16; 7] = [0, 1, 2, 100, 5061, 12182, 16383];

#[test]
fn golden_values_hold_on_every_platform() {
    assert_eq!(NodeId::of_name("node-1"), NodeId(0x94a9_d409_86da_123d));
    assert_eq!(
        [0, 1, 16383].map(slot_point),
        [0x65f3_228a_5f0d_564b, 0x698d_0bb3_1d5d_86fd, 0xe9e2_a933_ff4a_a6e1]
    );
    let circle = cluster(5);
    let owners = SAMPLE.map(|slot| circle.owner(slot_point(slot)).expect("nodes").0);
    assert_eq!(owners, [4, 1, 3, 5, 5, 2, 1]);
    let placement = Placement::compute(&circle, 3).expect("nodes");
    assert_eq!(SAMPLE.map(|slot| placement.primary(slot).0), [4, 1, 3, 5, 5, 2, 1]);
    let all = (0..SLOT_COUNT as u16).flat_map(|slot| placement.owners(slot));
    assert_eq!(fingerprint(all.map(|node| node.0)), 0x8a71_5a0b_5edb_1cb1);
    let mut grown = circle.clone();
    grown.add(NodeId(6), 2).expect("a new node");
    let placement = placement.rebalance(&grown, 3).expect("nodes");
    assert_eq!(SAMPLE.map(|slot| placement.primary(slot).0), [4, 1, 3, 6, 5, 2, 6]);
    let all = (0..SLOT_COUNT as u16).flat_map(|slot| placement.owners(slot));
    assert_eq!(fingerprint(all.map(|node| node.0)), 0x0632_209f_eb26_9503);
    let table = SlotTable::standalone(NodeId(1), 6).expect("in range");
    assert_eq!(SAMPLE.map(|slot| table.route(slot).core), [2, 2, 2, 5, 4, 2, 4]);
    let all = (0..SLOT_COUNT as u16).map(|slot| u64::from(table.route(slot).core));
    assert_eq!(fingerprint(all), 0x16dd_e67e_6b1e_9e7f);
}
