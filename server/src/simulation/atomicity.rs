//! Transactions are all or nothing: sums stay, colours are never mixed, updates are not lost.

use rand::Rng;
use rand::rngs::SmallRng;

use super::actor::{Actor, Answer, Words, words};
use super::node::{Node, Weather, key_on};
use super::seeds::each_seed;

const OPENING_BALANCE: i64 = 100;

/// Moves money between accounts by WATCH and EXEC, and audits.
struct Teller {
    accounts: Vec<String>,
    rounds: usize,
    stage: Stage,
    to_say: Vec<Words>,
}

/// What a teller waits for.
#[derive(Clone, Copy)]
enum Stage {
    Idle,
    Audit,
    Watch { from: usize, to: usize },
    Balances { from: usize, to: usize },
    Rest { replies: usize },
}

impl Teller {
    fn begin(&mut self, rng: &mut SmallRng) {
        let accounts = &self.accounts;
        self.rounds -= 1;
        let request = if rng.random_ratio(1, 3) {
            self.stage = Stage::Audit;
            format!("MGET {}", accounts.join(" "))
        } else {
            let from = rng.random_range(0..accounts.len());
            let to = (from + rng.random_range(1..accounts.len())) % accounts.len();
            self.stage = Stage::Watch { from, to };
            format!("WATCH {} {}", accounts[from], accounts[to])
        };
        self.to_say = vec![words(&request)];
    }

    fn transfer(&mut self, from: usize, to: usize, balances: &[i64]) {
        let set = |account: usize, amount: i64| {
            words(&format!("SET {} {amount}", self.accounts[account]))
        };
        let (less, more) = (set(from, balances[0] - 7), set(to, balances[1] + 7));
        self.to_say = vec![words("MULTI"), less, more, words("EXEC")];
        self.stage = Stage::Rest { replies: 4 };
    }
}

fn balances(answer: &Answer) -> Vec<i64> {
    let Answer::Array(answers) = answer else { panic!("no balances: {answer:?}") };
    let balance = |answer: &Answer| match answer {
        Answer::Null => OPENING_BALANCE,
        Answer::Bulk(text) => text.parse().expect("an amount"),
        other => panic!("no balance: {other:?}"),
    };
    answers.iter().map(balance).collect()
}

impl Actor for Teller {
    fn speak(&mut self, rng: &mut SmallRng, _: u64) -> Option<Vec<Words>> {
        if matches!(self.stage, Stage::Idle) {
            if self.rounds == 0 {
                return None;
            }
            self.begin(rng);
        }
        Some(std::mem::take(&mut self.to_say))
    }

    fn hear(&mut self, answer: Answer, _: u64) {
        self.stage = match self.stage {
            Stage::Idle => panic!("nothing was asked for: {answer:?}"),
            Stage::Audit | Stage::Watch { .. } if answer.is_error() => Stage::Idle,
            Stage::Audit => {
                let sum: i64 = balances(&answer).iter().sum();
                assert_eq!(sum, OPENING_BALANCE * self.accounts.len() as i64, "{answer:?}");
                Stage::Idle
            }
            Stage::Watch { from, to } => {
                let accounts = &self.accounts;
                self.to_say = vec![words(&format!("MGET {} {}", accounts[from], accounts[to]))];
                Stage::Balances { from, to }
            }
            Stage::Balances { .. } if answer.is_error() => {
                self.to_say = vec![words("UNWATCH")];
                Stage::Rest { replies: 1 }
            }
            Stage::Balances { from, to } => return self.transfer(from, to, &balances(&answer)),
            Stage::Rest { replies: 1 } => Stage::Idle,
            Stage::Rest { replies } => Stage::Rest { replies: replies - 1 },
        };
    }

    fn cut_off(&mut self, _: u64) {
        self.stage = Stage::Idle;
        self.to_say.clear();
    }

    fn satisfied(&self) -> bool {
        matches!(self.stage, Stage::Idle) || !self.to_say.is_empty()
    }
}

/// Paints all keys in one colour, in one way or another, and looks whether they are.
struct Painter {
    name: usize,
    keys: Vec<String>,
    rounds: usize,
    /// Replies awaited, and whether the last of them shows the colours.
    awaited: Vec<bool>,
}

impl Painter {
    fn requests(&self, rng: &mut SmallRng) -> Vec<Words> {
        let mut keys = self.keys.clone();
        for at in (1..keys.len()).rev() {
            keys.swap(at, rng.random_range(0..=at));
        }
        let colour = format!("{}.{}", self.name, self.rounds);
        let pairs =
            || keys.iter().map(|key| format!("{key} {colour}")).collect::<Vec<_>>().join(" ");
        match rng.random_range(0..8) {
            0 => vec![words(&format!("MSET {}", pairs()))],
            1 => vec![words(&format!("DEL {}", keys.join(" ")))],
            2 => vec![words(&format!("MSETNX {}", pairs()))],
            3 | 4 => {
                let sets = keys.iter().map(|key| words(&format!("SET {key} {colour}")));
                let multi = std::iter::once(words("MULTI"));
                multi.chain(sets).chain([words("EXEC")]).collect()
            }
            _ => vec![words(&format!("MGET {}", keys.join(" ")))],
        }
    }
}

impl Actor for Painter {
    fn speak(&mut self, rng: &mut SmallRng, _: u64) -> Option<Vec<Words>> {
        if self.rounds == 0 {
            return None;
        }
        if self.awaited.len() > 12 {
            return Some(Vec::new());
        }
        self.rounds -= 1;
        let requests = self.requests(rng);
        self.awaited.extend(requests.iter().map(|request| request[0] == b"MGET"));
        Some(requests)
    }

    fn hear(&mut self, answer: Answer, _: u64) {
        let shows_colours = self.awaited.remove(0);
        if let Answer::Array(colours) = &answer
            && shows_colours
        {
            assert!(colours.iter().all(|colour| *colour == colours[0]), "mixed: {colours:?}");
        }
    }

    fn cut_off(&mut self, _: u64) {
        self.awaited.clear();
    }

    fn satisfied(&self) -> bool {
        self.awaited.is_empty()
    }
}

/// Calm, mortal or crowded.
fn weather(seed: u64) -> Weather {
    let kills = [0, 50][seed as usize % 2];
    let waiters_max = [4096, 2, 0][seed as usize / 2 % 3];
    let shards = [4, 6][seed as usize / 6 % 2];
    Weather { shards, kills, waiters_max, half_closes: 5, ..Weather::default() }
}

#[test]
fn no_money_is_made_or_lost() {
    each_seed("tellers", 600, |seed| {
        let weather = weather(seed);
        let mut node = Node::new(seed, weather);
        let account = |n: usize| key_on(weather.shards, n, "account");
        let accounts: Vec<_> = (0..weather.shards).map(account).collect();
        for _ in 0..5 {
            let accounts = accounts.clone();
            node.connect(Teller { accounts, rounds: 12, stage: Stage::Idle, to_say: Vec::new() });
        }
        node.run();
    });
}

#[test]
fn colours_are_never_mixed() {
    each_seed("painters", 600, |seed| {
        let weather = weather(seed);
        let mut node = Node::new(seed, weather);
        let key = |n: usize| key_on(weather.shards, n, "colour");
        let keys: Vec<_> = (0..weather.shards).map(key).collect();
        for name in 0..5 {
            node.connect(Painter { name, keys: keys.clone(), rounds: 25, awaited: Vec::new() });
        }
        node.run();
    });
}
