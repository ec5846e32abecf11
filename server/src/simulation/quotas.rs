//! Quotas that move between shards: the node's limits hold after every turn, and none is lost.
//!
//! Clients write to one shard at a time, so that it runs short while its siblings have plenty, and
//! change the limits meanwhile. Invariant: together the shards never hold more than the node may,
//! but while a lowered limit is approached. Cost: some thousand writes a seed.

use std::collections::VecDeque;

use rand::Rng;
use rand::rngs::SmallRng;

use super::actor::{Actor, Answer, Words, words};
use super::node::{Node, Weather, key_on};
use super::seeds::each_seed;
use crate::shard::Shard;

const SHARDS: usize = 4;

/// Writes what it was given, so much at a time, and hears OK.
#[derive(Default)]
struct Writer {
    requests: VecDeque<Words>,
    owed: usize,
}

impl Writer {
    /// Adds `count` writes of about `len` bytes each to keys of `shard`.
    fn flood(&mut self, shard: usize, count: usize, len: usize) {
        let tag = key_on(SHARDS, shard, "flood");
        for number in 0..count {
            let value = "v".repeat(len * 3 / 4 + number * 7919 % (len / 2 + 1));
            self.requests.push_back(words(&format!("SET {{{tag}}}:{number} {value}")));
        }
    }

    fn say(&mut self, request: &str) {
        self.requests.push_back(words(request));
    }
}

impl Actor for Writer {
    fn speak(&mut self, rng: &mut SmallRng, _: u64) -> Option<Vec<Words>> {
        if self.owed > 0 {
            return Some(Vec::new());
        }
        if self.requests.is_empty() {
            return None;
        }
        let count = rng.random_range(1..=8).min(self.requests.len());
        self.owed = count;
        Some(self.requests.drain(..count).collect())
    }

    fn hear(&mut self, answer: Answer, _: u64) {
        assert_eq!(answer, Answer::ok());
        self.owed -= 1;
    }

    fn cut_off(&mut self, _: u64) {}

    fn satisfied(&self) -> bool {
        self.owed == 0
    }
}

fn quotas(node: &Node<Writer>) -> u64 {
    node.shards.iter().map(|shard| shard.engine.limits().memory_bytes_max).sum()
}

fn item_quotas(node: &Node<Writer>) -> u64 {
    node.shards.iter().filter_map(|shard| shard.engine.limits().items_max).sum()
}

fn held(node: &Node<Writer>) -> u64 {
    node.shards.iter().map(|shard| shard.engine.accounted_bytes()).sum()
}

fn items(node: &Node<Writer>) -> u64 {
    node.shards.iter().map(|shard| shard.engine.stats().items).sum()
}

/// Runs until the writer has said and heard all, checking after every step.
fn work(node: &mut Node<Writer>, check: impl Fn(&Node<Writer>)) {
    while !(node.clients.iter().all(|client| client.done && client.actor.satisfied())) {
        node.step();
        check(node);
    }
    // Quota that is still under way arrives.
    for _ in 0..200 {
        node.round();
        check(node);
    }
}

fn again(node: &mut Node<Writer>, script: impl Fn(&mut Writer)) {
    let client = &mut node.clients[0];
    script(&mut client.actor);
    client.done = false;
}

#[test]
fn memory_moves_to_where_it_is_needed_and_none_is_lost() {
    each_seed("quotas", 6, |seed| {
        let quota = 8 << 20;
        let weather = Weather { shards: SHARDS, quota_bytes: quota, ..Weather::default() };
        let mut node = Node::new(seed, weather);
        let limit = quota * SHARDS as u64;
        node.connect(Writer::default());
        let within = |node: &Node<Writer>| {
            assert!(quotas(node) <= limit, "{} bytes of quota", quotas(node));
            assert!(held(node) <= limit, "{} bytes are held", held(node));
        };
        again(&mut node, |writer| writer.flood(0, 2400, 10_000));
        work(&mut node, within);
        assert_eq!(quotas(&node), limit, "none is lost");
        let grown = node.shards[0].engine.limits().memory_bytes_max;
        assert!(grown >= 2 * quota, "the short one has got {grown} bytes");
        // What one shard has got and needs no more goes to another that is short.
        again(&mut node, |writer| {
            writer.say("FLUSHALL");
            writer.flood(2, 2400, 10_000);
        });
        work(&mut node, within);
        assert_eq!(quotas(&node), limit);
        let other = node.shards[2].engine.limits().memory_bytes_max;
        assert!(other >= 2 * quota, "the second has got {other} bytes");
    });
}

#[test]
fn a_write_to_one_shard_is_not_refused_while_others_have_room() {
    each_seed("unevicted quotas", 6, |seed| {
        let (quota_bytes, step_ms_max) = (16 << 20, 2);
        let weather = Weather { shards: SHARDS, quota_bytes, step_ms_max, ..Weather::default() };
        let mut node = Node::new(seed, weather);
        node.connect(Writer::default());
        again(&mut node, |writer| {
            writer.say("CONFIG SET maxmemory-policy noeviction");
            // Three of the four shards' memory.
            writer.flood(1, 4400, 10_000);
        });
        work(&mut node, |node| assert!(quotas(node) <= 64 << 20));
        assert!(held(&node) > 40 << 20, "{} bytes are held", held(&node));
    });
}

#[test]
fn a_lowered_limit_is_reached_while_quota_moves() {
    each_seed("lowered quotas", 6, |seed| {
        let weather = Weather { shards: SHARDS, quota_bytes: 8 << 20, ..Weather::default() };
        let mut node = Node::new(seed, weather);
        let (high, low) = (32 << 20, 16 << 20);
        node.connect(Writer::default());
        again(&mut node, |writer| {
            writer.flood(1, 1600, 10_000);
            writer.flood(3, 900, 10_000);
            writer.say("CONFIG SET maxmemory 16mb");
        });
        work(&mut node, |node| {
            assert!(quotas(node) <= high && held(node) <= high);
        });
        // The rest is given up by bounded work of every turn, whoever writes meanwhile.
        again(&mut node, |writer| writer.flood(2, 400, 10_000));
        work(&mut node, |node| assert!(quotas(node) <= low && held(node) <= high));
        assert!(quotas(&node) + 16 > low, "{} bytes of quota", quotas(&node));
        assert!(held(&node) <= low, "{} bytes are held", held(&node));
        again(&mut node, |writer| writer.flood(1, 400, 10_000));
        work(&mut node, |node| assert!(quotas(node) <= low && held(node) <= low));
        again(&mut node, |writer| {
            writer.say("CONFIG SET maxmemory 32mb");
            writer.flood(1, 1600, 10_000);
        });
        work(&mut node, |node| assert!(quotas(node) <= high && held(node) <= high));
        assert!(quotas(&node) + 32 > high, "{} bytes of quota", quotas(&node));
    });
}

#[test]
fn room_for_items_moves_to_where_it_is_needed() {
    each_seed("item quotas", 10, |seed| {
        let limit = 403;
        let weather = Weather { shards: SHARDS, items_max: Some(limit), ..Weather::default() };
        let mut node = Node::new(seed, weather);
        node.connect(Writer::default());
        let within = |node: &Node<Writer>| {
            assert!(item_quotas(node) <= limit && items(node) <= limit, "{}", items(node));
        };
        again(&mut node, |writer| writer.flood(0, 900, 20));
        work(&mut node, within);
        assert_eq!(item_quotas(&node), limit, "none is lost");
        let most = |shard: &Shard| shard.engine.limits().items_max.unwrap_or(0);
        assert!(most(&node.shards[0]) > 250, "{}", most(&node.shards[0]));
        again(&mut node, |writer| {
            writer.flood(3, 900, 20);
            writer.say("CONFIG SET max-items 200");
        });
        work(&mut node, within);
        assert!(item_quotas(&node) > 196, "{} items", item_quotas(&node));
        assert!(items(&node) <= 200, "{}", items(&node));
    });
}
