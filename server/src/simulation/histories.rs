//! Histories of reads, writes and transactions have a serial order.
//!
//! Clients work on the same few keys, one a shard, and keep a book of what they asked and heard;
//! then a serial order is searched that explains it all.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use rand::Rng;
use rand::rngs::SmallRng;

use super::actor::{Actor, Answer, Words, words};
use super::node::{Node, Weather, key_on};
use super::seeds::each_seed;
use super::serial_order::{Deed, Event, is_serializable};

const CLIENTS: usize = 4;
const DEEDS: usize = 7;

/// A client that keeps a book.
struct Historian {
    keys: Vec<String>,
    left: usize,
    book: Rc<RefCell<Vec<Event>>>,
    /// What the next replies belong to: a deed, or the words around one.
    awaited: VecDeque<Option<usize>>,
}

impl Historian {
    fn some_keys(&self, rng: &mut SmallRng) -> Vec<usize> {
        let mut keys: Vec<usize> = (0..self.keys.len()).collect();
        for at in (1..keys.len()).rev() {
            keys.swap(at, rng.random_range(0..=at));
        }
        keys.truncate(rng.random_range(2..=keys.len()));
        keys
    }

    fn deed(&self, rng: &mut SmallRng, within_exec: bool) -> Deed {
        let number = rng.random_range(1..1000);
        let keys = self.some_keys(rng);
        let pairs = || keys.iter().map(|key| (*key, number)).collect();
        match rng.random_range(0..if within_exec { 9 } else { 16 }) {
            0 | 1 => Deed::Get(keys[0]),
            2 | 3 => Deed::Set(keys[0], number),
            4 => Deed::Increment(keys[0]),
            5 => Deed::GetMany(keys),
            6 => Deed::SetMany(pairs()),
            7 => Deed::Delete(keys),
            8 if within_exec => Deed::Count,
            8 => Deed::SetIfNone(pairs()),
            9 if rng.random_ratio(1, 3) => Deed::Flush,
            9..12 => Deed::GetMany(keys),
            _ => {
                let count = rng.random_range(1..=4);
                Deed::Exec((0..count).map(|_| self.deed(rng, true)).collect())
            }
        }
    }

    fn request(&self, deed: &Deed) -> Words {
        let name = |key: &usize| self.keys[*key].clone();
        let names = |keys: &[usize]| keys.iter().map(name).collect::<Vec<_>>().join(" ");
        let pairs = |pairs: &[(usize, i64)]| {
            let pair = |(key, number): &(usize, i64)| format!("{} {number}", name(key));
            pairs.iter().map(pair).collect::<Vec<_>>().join(" ")
        };
        words(&match deed {
            Deed::Get(key) => format!("GET {}", name(key)),
            Deed::Set(key, number) => format!("SET {} {number}", name(key)),
            Deed::Increment(key) => format!("INCR {}", name(key)),
            Deed::GetMany(keys) => format!("MGET {}", names(keys)),
            Deed::SetMany(written) => format!("MSET {}", pairs(written)),
            Deed::SetIfNone(written) => format!("MSETNX {}", pairs(written)),
            Deed::Delete(keys) => format!("DEL {}", names(keys)),
            Deed::Count => "DBSIZE".into(),
            Deed::Flush => "FLUSHALL".into(),
            Deed::Exec(_) => "EXEC".into(),
        })
    }
}

impl Actor for Historian {
    fn speak(&mut self, rng: &mut SmallRng, at: u64) -> Option<Vec<Words>> {
        if self.left == 0 {
            return None;
        }
        // Rarely two at a time: what overlaps is hard to refute.
        if !self.awaited.is_empty() && !rng.random_ratio(1, 200) {
            return Some(Vec::new());
        }
        self.left -= 1;
        let deed = self.deed(rng, false);
        let mut out = Vec::new();
        if let Deed::Exec(deeds) = &deed {
            out.push(words("MULTI"));
            out.extend(deeds.iter().map(|deed| self.request(deed)));
            self.awaited.extend(out.iter().map(|_| None));
        }
        out.push(self.request(&deed));
        let mut book = self.book.borrow_mut();
        self.awaited.push_back(Some(book.len()));
        book.push(Event { deed, asked_at: at, heard: None });
        Some(out)
    }

    fn hear(&mut self, answer: Answer, at: u64) {
        match self.awaited.pop_front().expect("a reply to a request") {
            Some(number) => self.book.borrow_mut()[number].heard = Some((at, answer)),
            None => assert!(matches!(answer, Answer::Simple(_)), "{answer:?}"),
        }
    }

    fn cut_off(&mut self, _: u64) {
        self.awaited.clear();
    }

    fn satisfied(&self) -> bool {
        self.awaited.is_empty()
    }
}

fn check(seed: u64, weather: Weather) {
    let book = Rc::new(RefCell::new(Vec::new()));
    let mut node = Node::new(seed, weather);
    let keys: Vec<_> = (0..weather.shards).map(|s| key_on(weather.shards, s, "shared")).collect();
    for _ in 0..CLIENTS {
        let (keys, book) = (keys.clone(), book.clone());
        node.connect(Historian { keys, left: DEEDS, book, awaited: VecDeque::new() });
    }
    node.run();
    let events = book.borrow();
    assert!(is_serializable(&events, keys.len()), "no serial order explains {events:#?}");
}

#[test]
fn what_clients_see_has_a_serial_order() {
    each_seed("histories", 1200, |seed| {
        let shards = [4, 5][seed as usize % 2];
        check(seed, Weather { shards, ..Weather::default() });
    });
}

#[test]
fn a_serial_order_remains_when_clients_die_and_queues_are_full() {
    each_seed("killed clients", 1200, |seed| {
        let kills = [0, 60, 150][seed as usize % 3];
        let waiters_max = [0, 1, 2, 4096][seed as usize / 3 % 4];
        check(seed, Weather { kills, waiters_max, ..Weather::default() });
    });
}
