//! Values, their lengths and their check.
//!
//! ```text
//! value of key k: │ 16 hex digits of a hash of k │ noise[offset(k)..] │  cut to its length
//! ```
//!
//! Owns the bytes of values. Invariant: a value is a function of key and length, so any answer can
//! be judged at once. Cost: writing is a copy, judging a compare; the noise stays in the caches.

use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

use crate::limits::VALUE_LEN_MAX;

/// Bytes that name the key.
const STAMP_LEN: usize = 16;
/// Values start at this many different places of the noise.
const OFFSETS: u64 = 4096;

/// How long values are: ranges with weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Smallest, largest, and the sum of weights up to and with this range's.
    ranges: Vec<(u32, u32, u32)>,
}

/// The values of all keys.
#[derive(Clone, Debug)]
pub struct Values {
    lengths: Lengths,
    noise: std::sync::Arc<[u8]>,
}

impl Lengths {
    /// One length.
    pub fn fixed(len: u32) -> Lengths {
        Lengths { ranges: vec![(len, len, 1)] }
    }

    /// Understands `32`, `100-1000` and `32*90,100-1000*10`: lengths with weights.
    pub fn parse(text: &str) -> Result<Lengths, String> {
        let refused = || {
            format!(
                "`{text}` is not LENGTH or MIN-MAX, several as LENGTH*WEIGHT,MIN-MAX*WEIGHT; \
                 lengths are 1 to {VALUE_LEN_MAX}"
            )
        };
        let number = |text: &str| text.trim().parse::<u32>().ok().ok_or_else(refused);
        let (mut ranges, mut sum) = (Vec::new(), 0_u32);
        for piece in text.split(',') {
            let (range, weight) = piece.split_once('*').unwrap_or((piece, "1"));
            let (min, max) = range.split_once('-').unwrap_or((range, range));
            let (min, max, weight) = (number(min)?, number(max)?, number(weight)?);
            if min == 0 || min > max || max as usize > VALUE_LEN_MAX || weight == 0 {
                return Err(refused());
            }
            sum = sum.checked_add(weight).ok_or_else(refused)?;
            ranges.push((min, max, sum));
        }
        Ok(Lengths { ranges })
    }

    /// The longest there is.
    pub fn max(&self) -> u32 {
        self.ranges.iter().map(|range| range.1).max().unwrap_or(0)
    }

    /// Whether a value may have this length.
    pub fn has(&self, len: usize) -> bool {
        self.ranges.iter().any(|&(min, max, _)| (min as usize..=max as usize).contains(&len))
    }

    /// The one length all values have.
    pub fn only(&self) -> Option<u32> {
        match self.ranges[..] {
            [(min, max, _)] if min == max => Some(min),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn draw(&self, rng: &mut SmallRng) -> u32 {
        let range = match &self.ranges[..] {
            [only] => only,
            many => {
                let total = many.last().expect("never empty").2;
                let ticket = rng.random_range(0..total);
                many.iter().find(|range| ticket < range.2).expect("a ticket is below the total")
            }
        };
        if range.0 == range.1 { range.0 } else { rng.random_range(range.0..=range.1) }
    }
}

impl Values {
    /// Values of these lengths.
    pub fn new(lengths: Lengths) -> Values {
        let mut noise = vec![0; lengths.max() as usize + OFFSETS as usize];
        SmallRng::seed_from_u64(0x7261_6365).fill_bytes(&mut noise);
        Values { lengths, noise: noise.into() }
    }

    /// How long they are.
    pub fn lengths(&self) -> &Lengths {
        &self.lengths
    }

    /// Replaces `into` with the value of key `number` of `len` bytes.
    #[inline]
    pub fn write(&self, number: u64, len: u32, into: &mut Vec<u8>) {
        into.resize(len as usize, 0);
        self.write_into(number, into);
    }

    /// Fills `into` with the value of key `number` of as many bytes.
    #[inline]
    pub fn write_into(&self, number: u64, into: &mut [u8]) {
        let (stamp, offset) = stamp(number);
        let (head, tail) = into.split_at_mut(into.len().min(STAMP_LEN));
        head.copy_from_slice(&stamp[..head.len()]);
        tail.copy_from_slice(&self.noise[offset..offset + tail.len()]);
    }

    /// Whether `bytes` are a value of key `number`.
    #[inline]
    pub fn matches(&self, number: u64, bytes: &[u8]) -> bool {
        let (stamp, offset) = stamp(number);
        let (head, tail) = bytes.split_at(bytes.len().min(STAMP_LEN));
        self.lengths.has(bytes.len())
            && head == &stamp[..head.len()]
            && tail == &self.noise[offset..offset + tail.len()]
    }
}

/// The bytes that name a key, and its place in the noise.
#[inline]
fn stamp(number: u64) -> ([u8; STAMP_LEN], usize) {
    // The finalizer of SplitMix64: neighbours share nothing.
    let mut hash = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    let mut stamp = [0; STAMP_LEN];
    for (at, digit) in stamp.iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(hash >> (at * 4) & 15) as usize];
    }
    (stamp, (hash % OFFSETS) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_belongs_to_its_key_alone() {
        let values = Values::new(Lengths::parse("1-2000").unwrap());
        let mut bytes = Vec::new();
        for len in [1, 8, 16, 17, 32, 2000] {
            values.write(5, len, &mut bytes);
            assert_eq!(bytes.len(), len as usize);
            assert!(values.matches(5, &bytes));
            if len >= 8 {
                assert!(!values.matches(6, &bytes), "{len}");
            }
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            assert!(!values.matches(5, &bytes), "{len}");
        }
        assert!(!values.matches(5, b""));
    }

    #[test]
    fn lengths_come_as_often_as_they_weigh() {
        let lengths = Lengths::parse("32*3,100-1000*1").unwrap();
        let mut rng = SmallRng::seed_from_u64(1);
        let drawn: Vec<u32> = (0..10_000).map(|_| lengths.draw(&mut rng)).collect();
        assert!(drawn.iter().all(|len| lengths.has(*len as usize)));
        let short = drawn.iter().filter(|len| **len == 32).count();
        assert!((7_200..7_800).contains(&short), "{short}");
        assert_eq!(lengths.max(), 1000);
        assert!(!lengths.has(99) && !lengths.has(1001));
    }

    #[test]
    fn what_is_no_length_is_refused() {
        for text in ["", "0", "9-3", "x", "1*0", "99999999999", "67108865"] {
            assert!(Lengths::parse(text).is_err(), "{text}");
        }
    }
}
