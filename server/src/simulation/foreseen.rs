//! A client that knows every reply before it comes.
//!
//! Its keys are its own, so a model of them foretells what each request is answered, whatever the
//! shards do to each other meanwhile. Invariant: replies are compared in the order of requests, so
//! a reply lost, doubled or out of place is a wrong one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::Rng;
use rand::rngs::SmallRng;

use super::actor::{Actor, Answer, Words, words};
use super::node::key_on;

const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

/// What a reply must be.
#[derive(Clone, Debug)]
enum Foreseen {
    /// This, whatever happens to the data.
    Always(Answer),
    /// This, as long as nobody else touches the client's keys.
    Exactly(Answer),
    /// An array of these in any order, as long as nobody else touches the client's keys.
    AnyOrder(Vec<Answer>),
    /// EXEC: an array of these in order.
    Each(Vec<Foreseen>),
    /// Not an error.
    Fine,
    /// An error.
    Refused,
}

/// How a client talks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Requests in all.
    pub(super) requests: usize,
    /// Requests in one go, at most.
    pub(super) pipeline_max: usize,
    /// Everything may be flushed, moved or expired by others: only what no one can change is
    /// foreseen.
    pub(super) shared: bool,
    /// Bytes that some values are longer than what is told apart in them.
    pub(super) padding: usize,
}

/// See the file's head.
pub(super) struct Foreseeing {
    name: usize,
    manner: Manner,
    said: usize,
    keys: Vec<String>,
    db: u8,
    data: BTreeMap<(u8, String), String>,
    watched: BTreeSet<(u8, String)>,
    dirty: bool,
    silent: bool,
    expected: VecDeque<(String, Foreseen)>,
    within_multi: bool,
}

impl Foreseeing {
    pub(super) fn new(name: usize, shards: usize, manner: Manner) -> Self {
        let key = |n: usize| key_on(shards, n % shards, &format!("own{name}:{n}"));
        Self {
            name,
            manner,
            said: 0,
            keys: (0..2 * shards).map(key).collect(),
            db: 0,
            data: BTreeMap::new(),
            watched: BTreeSet::new(),
            dirty: false,
            silent: false,
            expected: VecDeque::new(),
            within_multi: false,
        }
    }

    fn get(&self, key: &str) -> Option<&String> {
        self.data.get(&(self.db, key.to_owned()))
    }

    fn value(&self, key: &str) -> Answer {
        self.get(key).map_or(Answer::Null, |value| Answer::Bulk(value.clone()))
    }

    fn put(&mut self, key: &str, value: String) {
        let place = (self.db, key.to_owned());
        self.dirty |= self.watched.contains(&place);
        self.data.insert(place, value);
    }

    fn remove(&mut self, key: &str) -> bool {
        let place = (self.db, key.to_owned());
        let existed = self.data.remove(&place).is_some();
        self.dirty |= existed && self.watched.contains(&place);
        existed
    }

    fn some_keys(&self, rng: &mut SmallRng) -> Vec<String> {
        let count = rng.random_range(1..=5);
        (0..count).map(|_| self.keys[rng.random_range(0..self.keys.len())].clone()).collect()
    }

    /// A command on data, and its reply.
    fn data_command(&mut self, rng: &mut SmallRng) -> (String, Foreseen) {
        let keys = self.some_keys(rng);
        let key = keys[0].clone();
        let padding = rng.random_range(0..=self.manner.padding);
        let fresh = format!("v{}.{}{}", self.name, self.said, ".".repeat(padding));
        let exactly = Foreseen::Exactly;
        match rng.random_range(0..20) {
            0..3 => {
                self.put(&key, fresh.clone());
                (format!("SET {key} {fresh}"), exactly(Answer::ok()))
            }
            3..6 => (format!("GET {key}"), exactly(self.value(&key))),
            6 => {
                let absent = self.get(&key).is_none();
                if absent {
                    self.put(&key, fresh.clone());
                }
                let answer = if absent { Answer::ok() } else { Answer::Null };
                (format!("SET {key} {fresh} NX"), exactly(answer))
            }
            7 => {
                let longer = format!("{}.{fresh}", self.get(&key).cloned().unwrap_or_default());
                self.put(&key, longer.clone());
                let len = longer.len() as i64;
                (format!("APPEND {key} .{fresh}"), exactly(Answer::Integer(len)))
            }
            8 => {
                let answer = self.value(&key);
                self.remove(&key);
                (format!("GETDEL {key}"), exactly(answer))
            }
            9 => self.increment(&key),
            10..12 => {
                let values = keys.iter().map(|key| self.value(key)).collect();
                (format!("MGET {}", keys.join(" ")), exactly(Answer::Array(values)))
            }
            12..14 => self.set_many(&keys, &fresh),
            14 => {
                let count = keys.iter().filter(|key| self.remove(key)).count();
                (format!("DEL {}", keys.join(" ")), exactly(Answer::Integer(count as i64)))
            }
            15 => {
                let count = keys.iter().filter(|key| self.get(key).is_some()).count();
                (format!("EXISTS {}", keys.join(" ")), exactly(Answer::Integer(count as i64)))
            }
            16 if !self.within_multi => self.set_if_none(&keys, &fresh),
            17 => (format!("ECHO {fresh}"), Foreseen::Always(Answer::Bulk(fresh))),
            18 => self.switch_db(rng),
            _ => self.about_all(rng, &fresh),
        }
    }

    fn switch_db(&mut self, rng: &mut SmallRng) -> (String, Foreseen) {
        self.db = rng.random_range(0..2);
        (format!("SELECT {}", self.db), Foreseen::Always(Answer::ok()))
    }

    fn increment(&mut self, key: &str) -> (String, Foreseen) {
        let number = self.get(key).map_or(Some(0), |value| value.parse::<i64>().ok());
        let answer = match number {
            Some(number) => {
                self.put(key, (number + 1).to_string());
                Foreseen::Exactly(Answer::Integer(number + 1))
            }
            None => Foreseen::Exactly(Answer::Error(NOT_AN_INTEGER.into())),
        };
        (format!("INCR {key}"), answer)
    }

    fn set_many(&mut self, keys: &[String], fresh: &str) -> (String, Foreseen) {
        let pairs: Vec<_> =
            keys.iter().enumerate().map(|(n, key)| (key, format!("{fresh}.{n}"))).collect();
        let text: Vec<_> = pairs.iter().map(|(key, value)| format!("{key} {value}")).collect();
        pairs.into_iter().for_each(|(key, value)| self.put(key, value));
        (format!("MSET {}", text.join(" ")), Foreseen::Exactly(Answer::ok()))
    }

    fn set_if_none(&mut self, keys: &[String], fresh: &str) -> (String, Foreseen) {
        let free = keys.iter().all(|key| self.get(key).is_none());
        let text: Vec<_> = keys.iter().map(|key| format!("{key} {fresh}")).collect();
        if free {
            keys.iter().for_each(|key| self.put(key, fresh.to_owned()));
        }
        let answer = Foreseen::Exactly(Answer::Integer(free.into()));
        (format!("MSETNX {}", text.join(" ")), answer)
    }

    /// Commands about everybody's data, or nobody's.
    fn about_all(&mut self, rng: &mut SmallRng, fresh: &str) -> (String, Foreseen) {
        let fine = |text: &str| (text.to_owned(), Foreseen::Fine);
        match rng.random_range(0..if self.manner.shared { 12 } else { 8 }) {
            0 => fine("DBSIZE"),
            1 => fine("INFO stats"),
            2 => fine("SCAN 0 COUNT 5"),
            3 => fine("RANDOMKEY"),
            4 => (format!("NOSUCH {fresh}"), Foreseen::Refused),
            5 => ("GET".to_owned(), Foreseen::Refused),
            6 => fine("CLIENT LIST"),
            7 => {
                let mine = self.data.keys().filter(|(db, _)| *db == self.db);
                let mine = mine.map(|(_, key)| Answer::Bulk(key.clone())).collect();
                (format!("KEYS own{}:*", self.name), Foreseen::AnyOrder(mine))
            }
            8 => fine("FLUSHALL"),
            9 => fine("FLUSHDB"),
            10 => {
                let key = self.some_keys(rng).remove(0);
                fine(&format!("SET {key} {fresh} PX 15"))
            }
            _ => fine("CLIENT PAUSE 5 WRITE"),
        }
    }

    /// Says one or several requests that belong together.
    fn say(&mut self, rng: &mut SmallRng, out: &mut Vec<Words>) {
        self.said += 1;
        match rng.random_range(0..30) {
            0 => {
                let key = self.some_keys(rng).remove(0);
                self.watched.insert((self.db, key.clone()));
                self.put_out(out, format!("WATCH {key}"), Foreseen::Always(Answer::ok()));
            }
            1 => {
                self.unwatch();
                self.put_out(out, "UNWATCH".into(), Foreseen::Always(Answer::ok()));
            }
            2..5 => self.say_transaction(rng, out),
            5 => {
                out.push(words("CLIENT REPLY SKIP"));
                self.silent = true;
                let (text, answer) = self.data_command(rng);
                self.put_out(out, text, answer);
                self.silent = false;
            }
            6 => {
                out.push(words("CLIENT REPLY OFF"));
                self.silent = true;
                for _ in 0..rng.random_range(0..4) {
                    let (text, answer) = self.data_command(rng);
                    self.put_out(out, text, answer);
                }
                self.silent = false;
                self.put_out(out, "CLIENT REPLY ON".into(), Foreseen::Always(Answer::ok()));
            }
            _ => {
                let (text, answer) = self.data_command(rng);
                self.put_out(out, text, answer);
            }
        }
    }

    fn unwatch(&mut self) {
        self.watched.clear();
        self.dirty = false;
    }

    fn say_transaction(&mut self, rng: &mut SmallRng, out: &mut Vec<Words>) {
        self.put_out(out, "MULTI".into(), Foreseen::Always(Answer::ok()));
        let before = (self.data.clone(), self.db);
        let was_dirty = self.dirty;
        let (mut replies, mut spoiled) = (Vec::new(), false);
        self.within_multi = true;
        for _ in 0..rng.random_range(0..6) {
            self.said += 1;
            let (text, answer) = self.data_command(rng);
            let refused = text == "GET" || text.starts_with("NOSUCH");
            spoiled |= refused;
            let queued = Foreseen::Always(Answer::Simple("QUEUED".into()));
            self.put_out(out, text, if refused { Foreseen::Refused } else { queued });
            replies.push(answer);
        }
        self.within_multi = false;
        let discarded = rng.random_ratio(1, 6);
        let run = !discarded && !spoiled && !was_dirty;
        if !run {
            (self.data, self.db) = before;
        }
        self.unwatch();
        let (text, answer) = match (discarded, spoiled, run) {
            (true, ..) => ("DISCARD", Foreseen::Always(Answer::ok())),
            (_, true, _) => ("EXEC", Foreseen::Refused),
            (.., true) => ("EXEC", Foreseen::Each(replies)),
            _ => ("EXEC", Foreseen::Exactly(Answer::Null)),
        };
        self.put_out(out, text.into(), answer);
    }

    fn put_out(&mut self, out: &mut Vec<Words>, text: String, answer: Foreseen) {
        out.push(words(&text));
        if !self.silent {
            self.expected.push_back((text, answer));
        }
    }

    /// Whether a reply is what was foreseen.
    fn fits(&self, foreseen: &Foreseen, answer: &Answer) -> bool {
        let shared = self.manner.shared;
        match (foreseen, answer) {
            (Foreseen::Always(expected), answer) => expected == answer,
            (Foreseen::Refused, answer) => answer.is_error() || shared && *answer == Answer::Null,
            (Foreseen::Fine, answer) => !answer.is_error(),
            (Foreseen::Each(_), Answer::Null) => shared,
            (Foreseen::Each(expected), Answer::Array(answers)) => {
                let fits = |(expected, answer)| self.fits(expected, answer);
                expected.len() == answers.len() && expected.iter().zip(answers).all(fits)
            }
            (Foreseen::Each(_), _) => false,
            (Foreseen::Exactly(_) | Foreseen::AnyOrder(_), _) if shared => true,
            (Foreseen::Exactly(expected), answer) => expected == answer,
            (Foreseen::AnyOrder(expected), Answer::Array(answers)) => {
                let sorted = |answers: &[Answer]| {
                    let mut texts: Vec<_> = answers.iter().map(|a| format!("{a:?}")).collect();
                    texts.sort();
                    texts
                };
                sorted(expected) == sorted(answers)
            }
            (Foreseen::AnyOrder(_), _) => false,
        }
    }
}

impl Actor for Foreseeing {
    fn speak(&mut self, rng: &mut SmallRng, _: u64) -> Option<Vec<Words>> {
        if self.said >= self.manner.requests {
            return None;
        }
        let mut out = Vec::new();
        for _ in 0..rng.random_range(1..=self.manner.pipeline_max) {
            self.say(rng, &mut out);
        }
        Some(out)
    }

    fn hear(&mut self, answer: Answer, _: u64) {
        let Some((request, foreseen)) = self.expected.pop_front() else {
            panic!("client {} asked for nothing and hears {answer:?}", self.name);
        };
        let name = self.name;
        assert!(
            self.fits(&foreseen, &answer),
            "client {name}: {request} was answered {answer:?}, not {foreseen:?}"
        );
    }

    fn cut_off(&mut self, _: u64) {
        // What was under way may have been done or not: nothing of it is known any more.
        assert!(self.manner.shared || self.expected.is_empty(), "nobody cuts these clients off");
        self.expected.clear();
        if self.manner.shared {
            self.data.clear();
        }
        self.unwatch();
        self.db = 0;
    }

    fn satisfied(&self) -> bool {
        self.expected.is_empty()
    }
}
