//! Which key comes next, and its bytes.
//!
//! ```text
//! numbered: │ prefix │ number, zeros in front │      counters: the same behind a 'c'
//! ```
//!
//! Owns the key space and the ways to draw from it. Invariant: a key's number names its bytes and
//! nothing else does. Cost: a draw is a random number; zipf a little more; bytes are one copy.

use std::sync::Arc;

use rand::Rng;
use rand::rngs::SmallRng;

use super::trace::Trace;
use super::zipf::Zipf;

/// The keys there are.
#[derive(Clone, Debug)]
pub struct KeySpace {
    prefix: String,
    digits: usize,
    count: u64,
    trace: Option<Arc<Trace>>,
}

/// How a key is chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyDraw {
    /// Every key alike.
    Uniform,
    /// The rank's power: 0.99 is the usual exponent.
    Zipf(f64),
    /// This share of the keys gets that share of the requests.
    HotSet {
        /// Share of the keys, between 0 and 1.
        keys: f64,
        /// Share of the requests that goes to them.
        requests: f64,
    },
    /// One after the other, around and around.
    Sequential,
    /// In the order of the trace file.
    Trace,
}

impl KeySpace {
    /// `count` keys of `len` bytes, or longer where their number needs it.
    pub fn numbered(prefix: &str, len: usize, count: u64) -> KeySpace {
        assert!(count > 0);
        let needed = (count - 1).max(1).ilog10() as usize + 1;
        let digits = len.saturating_sub(prefix.len()).max(needed);
        KeySpace { prefix: prefix.to_owned(), digits, count, trace: None }
    }

    /// The distinct keys of a trace.
    pub fn traced(trace: Arc<Trace>) -> KeySpace {
        let count = trace.distinct();
        KeySpace { prefix: String::new(), digits: 0, count, trace: Some(trace) }
    }

    /// How many keys there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The trace the keys come from.
    pub fn trace(&self) -> Option<&Arc<Trace>> {
        self.trace.as_ref()
    }

    /// Replaces `into` with the bytes of key `number`.
    #[inline]
    pub fn write(&self, number: u64, into: &mut Vec<u8>) {
        into.clear();
        self.append(number, into);
    }

    /// Replaces `into` with the bytes of counter `number`.
    pub fn write_counter(&self, number: u64, into: &mut Vec<u8>) {
        into.clear();
        into.push(b'c');
        self.append(number, into);
    }

    #[inline]
    fn append(&self, number: u64, into: &mut Vec<u8>) {
        if let Some(trace) = &self.trace {
            into.extend_from_slice(trace.key(number));
            return;
        }
        into.extend_from_slice(self.prefix.as_bytes());
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number).as_bytes();
        into.resize(into.len() + self.digits - digits.len(), b'0');
        into.extend_from_slice(digits);
    }
}

impl KeyDraw {
    /// Understands `uniform`, `zipf`, `zipf:0.99`, `hot:0.1:0.9`, `sequential`.
    pub fn parse(text: &str) -> Result<KeyDraw, String> {
        let refused = || {
            format!(
                "`{text}` is not uniform, zipf[:EXPONENT], hot:KEYS_SHARE:REQUESTS_SHARE or \
                 sequential"
            )
        };
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let numbers: Option<Vec<f64>> = parts.map(|part| part.parse().ok()).collect();
        let share = |share: f64| (share > 0.0 && share <= 1.0).then_some(share);
        match (name, numbers.ok_or_else(refused)?[..].as_ref()) {
            ("uniform", []) => Ok(KeyDraw::Uniform),
            ("sequential", []) => Ok(KeyDraw::Sequential),
            ("zipf", []) => Ok(KeyDraw::Zipf(0.99)),
            ("zipf", [exponent]) if *exponent > 0.0 && *exponent <= 10.0 => {
                Ok(KeyDraw::Zipf(*exponent))
            }
            ("hot", [keys, requests]) => match (share(*keys), share(*requests)) {
                (Some(keys), Some(requests)) => Ok(KeyDraw::HotSet { keys, requests }),
                _ => Err(refused()),
            },
            _ => Err(refused()),
        }
    }
}

/// One thread's place in the draws.
#[derive(Debug)]
pub(super) struct KeyState {
    draw: Draw,
    count: u64,
}

#[derive(Debug)]
enum Draw {
    Uniform,
    Zipf(Zipf, u64),
    HotSet { hot: u64, requests: f64 },
    Steps { next: u64, step: u64, trace: bool },
}

impl KeyState {
    pub(super) fn new(draw: &KeyDraw, count: u64, thread: u64, threads: u64) -> KeyState {
        let draw = match draw {
            KeyDraw::Uniform => Draw::Uniform,
            KeyDraw::Zipf(exponent) => Draw::Zipf(Zipf::new(count, *exponent), spread(count)),
            KeyDraw::HotSet { keys, requests } => {
                let hot = ((count as f64 * keys) as u64).clamp(1, count);
                Draw::HotSet { hot, requests: *requests }
            }
            KeyDraw::Sequential => Draw::Steps { next: thread, step: threads, trace: false },
            KeyDraw::Trace => Draw::Steps { next: thread, step: threads, trace: true },
        };
        KeyState { draw, count }
    }

    /// A key's number.
    #[inline]
    pub(super) fn next(&mut self, rng: &mut SmallRng, trace: Option<&Trace>) -> u64 {
        let count = self.count;
        match &mut self.draw {
            Draw::Uniform => rng.random_range(0..count),
            // Neighbouring ranks lie far apart, so that the hot keys share no block of numbers.
            Draw::Zipf(zipf, factor) => {
                (u128::from(zipf.sample(rng)) * u128::from(*factor) % u128::from(count)) as u64
            }
            Draw::HotSet { hot, requests } => {
                if *hot == count || rng.random::<f64>() < *requests {
                    rng.random_range(0..*hot)
                } else {
                    rng.random_range(*hot..count)
                }
            }
            Draw::Steps { next, step, trace: traced } => {
                let place = *next;
                *next += *step;
                match trace.filter(|_| *traced) {
                    Some(trace) => trace.request(place),
                    None => place % count,
                }
            }
        }
    }
}

/// A factor without a common divisor with `count`, near its golden section: multiplying by it
/// permutes the keys.
fn spread(count: u64) -> u64 {
    let mut factor = ((count as f64 * 0.618_033_988_75) as u64).max(1);
    while divisor(factor, count) != 1 {
        factor += 1;
    }
    factor
}

fn divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::HashSet;

    #[test]
    fn keys_have_their_length_and_their_number() {
        let cases = [(24, 1_000_000, 7, "key:00000000000000000007"), (2, 100, 42, "key:42")];
        for (len, count, number, expected) in cases {
            let keys = KeySpace::numbered("key:", len, count);
            let mut bytes = b"before".to_vec();
            keys.write(number, &mut bytes);
            assert_eq!(bytes, expected.as_bytes());
            keys.write_counter(number, &mut bytes);
            assert_eq!(bytes, format!("c{expected}").as_bytes());
        }
    }

    #[test]
    fn every_draw_stays_inside_and_finds_every_key() {
        for text in ["uniform", "zipf:0.5", "hot:0.5:0.6", "sequential"] {
            let draw = KeyDraw::parse(text).unwrap();
            for count in [1_u64, 2, 97] {
                let mut state = KeyState::new(&draw, count, 0, 1);
                let mut rng = SmallRng::seed_from_u64(5);
                let seen: HashSet<u64> = (0..20_000).map(|_| state.next(&mut rng, None)).collect();
                assert!(seen.iter().all(|number| *number < count), "{text}");
                assert_eq!(seen.len() as u64, count, "{text}");
            }
        }
    }

    #[test]
    fn the_hot_keys_get_their_share() {
        let draw = KeyDraw::HotSet { keys: 0.1, requests: 0.9 };
        let mut state = KeyState::new(&draw, 1000, 0, 1);
        let mut rng = SmallRng::seed_from_u64(5);
        let hot = (0..20_000).filter(|_| state.next(&mut rng, None) < 100).count();
        assert!((17_600..18_400).contains(&hot), "{hot}");
    }

    #[test]
    fn threads_share_a_sequence() {
        let state = |thread| KeyState::new(&KeyDraw::Sequential, 5, thread, 2);
        let mut rng = SmallRng::seed_from_u64(1);
        let (mut one, mut two) = (state(0), state(1));
        let take = |state: &mut KeyState, rng: &mut SmallRng| {
            (0..3).map(|_| state.next(rng, None)).collect::<Vec<_>>()
        };
        assert_eq!(
            (take(&mut one, &mut rng), take(&mut two, &mut rng)),
            (vec![0, 2, 4], vec![1, 3, 0])
        );
    }

    #[test]
    fn what_is_no_draw_is_refused() {
        for text in ["", "zipf:0", "zipf:x", "hot:0.1", "hot:0:1", "hot:0.1:1.1", "uniform:1"] {
            assert!(KeyDraw::parse(text).is_err(), "{text}");
        }
    }
}
