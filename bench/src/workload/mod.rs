//! What is asked of a server: which command, which key, how long a value, for how long.
//!
//! Owns the draws. Invariant: the same seed and thread number draw the same requests, and a value
//! says which key it belongs to, so an answer can be checked without remembering what was written.
//! Cost: some ten nanoseconds a request; zipf some fifty.

// Which command comes next.
mod mix;
// Which key comes next, and its bytes.
mod keys;
// A zipf distribution without a table.
mod zipf;
// Keys replayed from a file.
mod trace;
// Values, their lengths and their check.
mod values;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

pub use keys::{KeyDraw, KeySpace};
pub use mix::{Kind, Mix};
pub use trace::{Trace, TraceBuilder};
pub use values::{Lengths, Values};

use keys::KeyState;

/// Everything that decides what is asked.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The keys there are.
    pub keys: KeySpace,
    /// How one of them is chosen.
    pub draw: KeyDraw,
    /// The values and their lengths.
    pub values: Values,
    /// The commands and how often each comes.
    pub mix: Mix,
    /// Seconds a written value lives, drawn from this range, or beyond 30 days the Unix time it
    /// ends at, which is memcached's rule; `None` for ever.
    pub ttl_s: Option<(u32, u32)>,
    /// Keys of one command of many keys.
    pub multi_keys: u32,
    /// Seed of all draws.
    pub seed: u64,
}

/// One request, before it has bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The command.
    pub kind: Kind,
    /// The number of its key, or of its first one.
    pub key: u64,
    /// Bytes of the value, where one is written.
    pub value_len: u32,
    /// Seconds the value is to live, beyond 30 days the Unix time it ends at; 0 for ever.
    pub ttl_s: u32,
}

/// One thread's place in the draws.
#[derive(Debug)]
pub struct Draws {
    rng: SmallRng,
    keys: KeyState,
}

impl Workload {
    /// The draws of thread `thread` of `threads`.
    pub fn draws(&self, thread: u64, threads: u64) -> Draws {
        let seed = self.seed ^ thread.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let keys = KeyState::new(&self.draw, self.keys.count(), thread, threads);
        Draws { rng: SmallRng::seed_from_u64(seed), keys }
    }

    /// The next request of a thread.
    #[inline]
    pub fn next(&self, draws: &mut Draws) -> Wanted {
        let kind = self.mix.draw(&mut draws.rng);
        let trace = self.keys.trace().map(AsRef::as_ref);
        let key = draws.keys.next(&mut draws.rng, trace);
        self.wanted(kind, key, draws)
    }

    /// Requests of filling: every value, then every counter if counters are used.
    pub fn fill_count(&self) -> u64 {
        let counters = if self.mix.has(Kind::Incr) { self.keys.count() } else { 0 };
        self.keys.count() + counters
    }

    /// The `index`-th request of filling.
    pub fn fill(&self, index: u64, draws: &mut Draws) -> Wanted {
        match index.checked_sub(self.keys.count()) {
            None => self.wanted(Kind::Set, index, draws),
            Some(counter) => self.wanted(Kind::Zero, counter, draws),
        }
    }

    #[inline]
    fn wanted(&self, kind: Kind, key: u64, draws: &mut Draws) -> Wanted {
        let mut wanted = Wanted { kind, key, value_len: 0, ttl_s: 0 };
        if kind.writes_value() {
            wanted.value_len = self.values.lengths().draw(&mut draws.rng);
            wanted.ttl_s = match self.ttl_s {
                Some((min, max)) => draws.rng.random_range(min..=max),
                None => 0,
            };
        }
        wanted
    }

    /// The numbers of the keys of a command of many keys that starts at `first`.
    pub fn many(&self, first: u64) -> impl Iterator<Item = u64> {
        let count = self.keys.count();
        (0..u64::from(self.multi_keys)).map(move |step| (first + step) % count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload() -> Workload {
        Workload {
            keys: KeySpace::numbered("key:", 24, 100),
            draw: KeyDraw::Uniform,
            values: Values::new(Lengths::parse("10-20").unwrap()),
            mix: Mix::parse("get=1,set=1,incr=1").unwrap(),
            ttl_s: Some((3, 5)),
            multi_keys: 4,
            seed: 7,
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_and_another_thread_something_else() {
        let workload = workload();
        let take = |thread| {
            let mut draws = workload.draws(thread, 2);
            (0..50).map(|_| workload.next(&mut draws)).collect::<Vec<_>>()
        };
        assert_eq!(take(0), take(0));
        assert_ne!(take(0), take(1));
        for wanted in take(0) {
            let written = wanted.kind == Kind::Set;
            assert_eq!((10..=20).contains(&wanted.value_len), written, "{wanted:?}");
            assert_eq!((3..=5).contains(&wanted.ttl_s), written, "{wanted:?}");
        }
    }

    #[test]
    fn filling_writes_every_value_and_every_counter_once() {
        let workload = workload();
        let mut draws = workload.draws(0, 1);
        assert_eq!(workload.fill_count(), 200);
        assert_eq!(workload.fill(99, &mut draws).kind, Kind::Set);
        let counter = workload.fill(100, &mut draws);
        assert_eq!((counter.kind, counter.key), (Kind::Zero, 0));
    }

    #[test]
    fn many_keys_wrap_around() {
        assert_eq!(workload().many(98).collect::<Vec<_>>(), [98, 99, 0, 1]);
    }
}
