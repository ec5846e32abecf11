//! Replies that wait for durability and acknowledgements leave in the order of their requests.
//!
//! The three reasons to wait, a sibling core, a log that is not durable yet and replicas that have
//! not acknowledged, are the same place in the queue; here their events are injected.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::seeds::each_seed;
use crate::shard::replies::{Ready, ReplyQueue};

/// What a reply waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// A sibling's answer.
    Answer,
    /// The log, up to this position.
    Durable(u64),
    /// As many acknowledgements of this position.
    Acknowledged(u64, usize),
}

/// The log and the replicas as far as they are.
#[derive(Debug, Default)]
struct Progress {
    written: u64,
    durable: u64,
    replicas: [u64; 3],
}

impl Progress {
    fn allows(&self, wait: Wait, rng: &mut SmallRng) -> bool {
        match wait {
            Wait::Answer => rng.random_ratio(1, 4),
            Wait::Durable(position) => self.durable >= position,
            Wait::Acknowledged(position, count) => {
                self.replicas.iter().filter(|at| **at >= position).count() >= count
            }
        }
    }

    /// One of them moves on.
    fn advance(&mut self, rng: &mut SmallRng) {
        let further = |at: u64, rng: &mut SmallRng| rng.random_range(at..=self.written);
        match rng.random_range(0..4) {
            0 => self.durable = further(self.durable, rng),
            n => self.replicas[n - 1] = further(self.replicas[n - 1], rng),
        }
    }
}

fn reply(number: u64) -> Ready {
    Ready { bytes: format!("{number} ").into_bytes(), tail: None }
}

/// What a client wants to hear of `requests`, in order; `None` for silence.
fn check(seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let (mut queue, mut progress) = (ReplyQueue::default(), Progress::default());
    let mut waiting: Vec<(u32, u64, Wait)> = Vec::new();
    let (mut heard, mut expected) = (String::new(), String::new());
    let mut number = 0;
    while number < 200 || !waiting.is_empty() {
        if number < 200 && rng.random_ratio(1, 3) {
            number += 1;
            progress.written += 1;
            let wait = match rng.random_range(0..4) {
                0 => Some(Wait::Answer),
                1 => Some(Wait::Durable(progress.written)),
                2 => Some(Wait::Acknowledged(progress.written, rng.random_range(1..=2))),
                _ => None,
            };
            let silent = rng.random_ratio(1, 8);
            if !silent {
                expected.push_str(&format!("{number} "));
            }
            match wait {
                Some(wait) => waiting.push((queue.reserve(silent), number, wait)),
                None if silent => {}
                None if queue.is_empty() => heard.push_str(&format!("{number} ")),
                None => {
                    let start = queue.behind().len();
                    queue.behind().extend_from_slice(&reply(number).bytes);
                    queue.push(start, None);
                }
            }
        } else {
            progress.advance(&mut rng);
        }
        let due = waiting.iter().position(|(_, _, wait)| progress.allows(*wait, &mut rng));
        if let Some(at) = due {
            let (place, number, _) = waiting.remove(at);
            if queue.is_front(place) && rng.random_ratio(1, 2) {
                queue.drop_front();
                heard.push_str(&format!("{number} "));
            } else {
                queue.fill(place, reply(number));
                assert!(!queue.fill(place, reply(number)), "a place is filled once");
            }
        }
        while queue.pop_ready(|bytes, _| heard.push_str(str::from_utf8(bytes).expect("text"))) {}
        assert!(expected.starts_with(&heard), "{heard} is not the start of {expected}");
        assert_eq!(queue.is_empty(), waiting.is_empty(), "a place waits, or nothing does");
    }
    assert_eq!(heard, expected);
    assert!(queue.is_empty() && queue.ready_bytes() == 0);
}

#[test]
fn replies_keep_their_order_whatever_they_wait_for() {
    each_seed("durability", 2000, check);
}
