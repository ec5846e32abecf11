//! Conversations in which every word matters: what each of a few requests is answered.

use std::collections::VecDeque;

use rand::rngs::SmallRng;

use super::actor::{Actor, Answer, Words, words};
use super::node::{Node, Weather, key_on};
use super::seeds::each_seed;

/// Says its requests one after the other, or all at once, and compares the answers.
struct Speaker {
    to_say: VecDeque<String>,
    expected: VecDeque<(String, Answer)>,
    at_once: bool,
}

impl Speaker {
    fn new(at_once: bool) -> Self {
        Self { to_say: VecDeque::new(), expected: VecDeque::new(), at_once }
    }

    fn script(&mut self, exchanges: &[(&str, Answer)]) {
        for (request, answer) in exchanges {
            self.to_say.push_back((*request).to_owned());
            self.expected.push_back(((*request).to_owned(), answer.clone()));
        }
    }
}

impl Actor for Speaker {
    fn speak(&mut self, _: &mut SmallRng, _: u64) -> Option<Vec<Words>> {
        if self.to_say.is_empty() {
            return None;
        }
        let waits = !self.at_once && self.to_say.len() < self.expected.len();
        let count = match (self.at_once, waits) {
            (true, _) => self.to_say.len(),
            (false, waits) => usize::from(!waits),
        };
        Some(self.to_say.drain(..count).map(|text| words(&text)).collect())
    }

    fn hear(&mut self, answer: Answer, _: u64) {
        let (request, expected) = self.expected.pop_front().expect("a reply to a request");
        assert_eq!(answer, expected, "{request}");
    }

    fn cut_off(&mut self, _: u64) {}

    fn satisfied(&self) -> bool {
        self.to_say.len() == self.expected.len()
    }
}

fn ok() -> Answer {
    Answer::ok()
}

fn queued() -> Answer {
    Answer::Simple("QUEUED".into())
}

fn bulk(text: &str) -> Answer {
    Answer::Bulk(text.into())
}

fn error(text: &str) -> Answer {
    Answer::Error(text.into())
}

/// One client's exchanges on nodes of many seeds, one by one and pipelined.
fn check(exchanges: &[(&str, Answer)]) {
    for seed in 0..20 {
        let mut node = Node::new(seed, Weather::default());
        node.connect(Speaker::new(seed % 2 == 0));
        node.clients[0].actor.script(exchanges);
        node.run();
    }
}

/// Four keys, one a shard.
fn keys() -> [String; 4] {
    std::array::from_fn(|shard| key_on(4, shard, "k"))
}

#[test]
fn scripts_over_shards_are_refused_within_a_transaction_too() {
    let [a, b, ..] = keys();
    let refused = "NOSCRIPT No matching script. Please use EVAL.";
    let request = format!("EVALSHA {} 2 {a} {b}", "0".repeat(40));
    check(&[("MULTI", ok()), (&request, queued()), ("EXEC", Answer::Array(vec![error(refused)]))]);
}

#[test]
fn of_many_over_shards_that_could_not_all_be_held_none_is_written() {
    let [a, b, ..] = keys();
    // An eighth of these shards' segments, and more.
    let long = "x".repeat(8200);
    let exchanges = [format!("MSET {a} 1 {long} 2 {b} 3"), format!("MSETNX {a} 1 {long} 2 {b} 3")];
    let refused = "ERR key of 8200 bytes is longer than the 8192 bytes allowed; shorten it";
    let none = format!("EXISTS {a} {b}");
    check(&[
        (&exchanges[0], error(refused)),
        (&exchanges[1], error(refused)),
        ("MULTI", ok()),
        (&exchanges[0], queued()),
        ("EXEC", Answer::Array(vec![error(refused)])),
        (&none, Answer::Integer(0)),
    ]);
}

#[test]
fn a_command_without_reply_is_no_part_of_a_transaction() {
    let refused = "ERR Command not allowed inside a transaction";
    let aborted = "EXECABORT Transaction discarded because of previous errors.";
    check(&[
        ("MULTI", ok()),
        ("CLIENT REPLY OFF", error(refused)),
        ("PING", queued()),
        ("EXEC", error(aborted)),
    ]);
}

#[test]
fn a_transaction_called_off_selects_no_database() {
    let [a, ..] = keys();
    let set = format!("SET {a} 1");
    check(&[
        (&set, ok()),
        (&format!("WATCH {a}"), ok()),
        (&set, ok()),
        ("MULTI", ok()),
        ("SELECT 1", queued()),
        ("EXEC", Answer::Null),
        (&format!("GET {a}"), bulk("1")),
        ("MULTI", ok()),
        ("SELECT 1", queued()),
        (&format!("GET {a}"), queued()),
        ("EXEC", Answer::Array(vec![ok(), Answer::Null])),
        (&format!("GET {a}"), Answer::Null),
    ]);
}

#[test]
fn keys_within_a_transaction_shows_its_own_moment() {
    let [a, b, ..] = keys();
    check(&[
        ("MULTI", ok()),
        (&format!("SET {a} 1"), queued()),
        ("KEYS *", queued()),
        (&format!("DEL {a}"), queued()),
        (&format!("SET {b} 1"), queued()),
        (
            "EXEC",
            Answer::Array(vec![ok(), Answer::Array(vec![bulk(&a)]), Answer::Integer(1), ok()]),
        ),
    ]);
}

#[test]
fn a_slot_is_counted_before_what_follows() {
    for key in keys() {
        let count = format!("CLUSTER COUNTKEYSINSLOT {}", velodrome_ring::slot(key.as_bytes()));
        check(&[
            (&count, Answer::Integer(0)),
            (&format!("SET {key} 1"), ok()),
            (&count, Answer::Integer(1)),
            (&format!("DEL {key}"), Answer::Integer(1)),
        ]);
    }
}

/// Watches a key that does not live long, and wants EXEC to see what was seen before, or nothing.
struct Onlooker {
    key: String,
    rounds: usize,
    replies: Vec<Answer>,
    awaited: usize,
}

impl Actor for Onlooker {
    fn speak(&mut self, _: &mut SmallRng, _: u64) -> Option<Vec<Words>> {
        if self.awaited > self.replies.len() {
            return Some(Vec::new());
        }
        let key = &self.key;
        let requests = match self.awaited {
            3 => vec!["MULTI".to_owned(), format!("GET {key}"), "EXEC".to_owned()],
            _ if self.rounds == 0 => return None,
            _ => {
                self.rounds -= 1;
                self.awaited = 0;
                self.replies.clear();
                vec![format!("SET {key} 1 PX 40"), format!("WATCH {key}"), format!("GET {key}")]
            }
        };
        self.awaited += requests.len();
        Some(requests.iter().map(|request| words(request)).collect())
    }

    fn hear(&mut self, answer: Answer, _: u64) {
        self.replies.push(answer);
        if let [.., seen, _, _, Answer::Array(within)] = &self.replies[..]
            && *seen != Answer::Null
        {
            assert_eq!(within[..], std::slice::from_ref(seen)[..], "changed and not noticed");
        }
    }

    fn cut_off(&mut self, _: u64) {}

    fn satisfied(&self) -> bool {
        self.awaited == self.replies.len()
    }
}

#[test]
fn a_watched_key_that_expires_has_changed() {
    each_seed("onlookers", 300, |seed| {
        let mut node = Node::new(seed, Weather { step_ms_max: 30, ..Weather::default() });
        for shard in 0..4 {
            let key = key_on(4, shard, "short");
            node.connect(Onlooker { key, rounds: 12, replies: Vec::new(), awaited: 0 });
        }
        node.run();
    });
}

/// Watches, lets something happen to the node, and wants EXEC to be called off.
fn check_called_off(happens: impl Fn(&mut Node<Speaker>)) {
    let keys = keys();
    for (seed, key) in (0..40).zip(keys.iter().cycle()) {
        let mut node = Node::new(seed, Weather::default());
        node.connect(Speaker::new(false));
        let before = [(format!("SET {key} 1 PX 5000"), ok()), (format!("WATCH {key}"), ok())];
        let before: Vec<_> =
            before.iter().map(|(text, reply)| (&text[..], reply.clone())).collect();
        node.clients[0].actor.script(&before);
        node.work();
        happens(&mut node);
        node.clients[0].actor.script(&[
            ("MULTI", ok()),
            ("PING", queued()),
            ("EXEC", Answer::Null),
            ("MULTI", ok()),
            ("PING", queued()),
            ("EXEC", Answer::Array(vec![Answer::Simple("PONG".into())])),
        ]);
        node.clients[0].done = false;
        node.run();
    }
}

#[test]
fn a_watched_key_whose_slot_moves_counts_as_changed() {
    check_called_off(|node| node.move_every_slot());
}
