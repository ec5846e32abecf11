//! Objects: a trace's keys with the sizes of their values.
//!
//! Owns the sizes. Invariant: an object's size is a function of its key's bytes, or the file's own,
//! so it is the same for every cache and in every run. Cost: four bytes a key.

use crate::limits::VALUE_LEN_MAX;
use crate::workload::Trace;

/// Where sizes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// From the trace.
    Trace,
    /// Drawn, equally likely in every octave: log-uniform. A single size when both are equal.
    Drawn {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
}

/// What is asked for.
#[derive(Debug)]
pub struct Objects {
    trace: Trace,
    value_lens: Vec<u32>,
}

impl Sizes {
    /// Understands `trace`, `LENGTH` and `MIN-MAX`.
    ///
    /// # Errors
    /// What would be understood.
    pub fn parse(text: &str) -> Result<Sizes, String> {
        if text == "trace" {
            return Ok(Sizes::Trace);
        }
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        match (min.parse(), max.parse()) {
            (Ok(min), Ok(max)) if 1 <= min && min <= max && max as usize <= VALUE_LEN_MAX => {
                Ok(Sizes::Drawn { min, max })
            }
            _ => Err(format!(
                "`{text}` is not `trace`, LENGTH or MIN-MAX, 1 to {VALUE_LEN_MAX} bytes"
            )),
        }
    }

    /// In words.
    pub fn text(self) -> String {
        match self {
            Sizes::Trace => "sizes of the trace".to_owned(),
            Sizes::Drawn { min, max } if min == max => format!("values of {min} bytes"),
            Sizes::Drawn { min, max } => format!("values of {min} to {max} bytes, log-uniform"),
        }
    }

    fn of(self, trace: &Trace, number: u64) -> Result<u32, String> {
        match self {
            Sizes::Trace => {
                let size = trace.size(number);
                let size = size.ok_or("the trace has no sizes; give --sizes MIN-MAX")?;
                match size as usize <= VALUE_LEN_MAX {
                    true => Ok(size.max(1)),
                    false => Err(format!("an object of {size} bytes, at most {VALUE_LEN_MAX}")),
                }
            }
            Sizes::Drawn { min, max } => {
                let (low, high) = (f64::from(min), f64::from(max) + 1.0);
                let drawn = low * (high / low).powf(fraction(trace.key(number)));
                Ok((drawn as u32).clamp(min, max))
            }
        }
    }
}

impl Objects {
    /// The objects of a trace.
    ///
    /// # Errors
    /// When sizes are to come from a trace that has none.
    pub fn new(trace: Trace, sizes: Sizes) -> Result<Objects, String> {
        let lens = (0..trace.distinct()).map(|number| sizes.of(&trace, number));
        let value_lens = lens.collect::<Result<_, _>>()?;
        Ok(Objects { trace, value_lens })
    }

    /// Objects there are.
    pub fn count(&self) -> usize {
        self.value_lens.len()
    }

    /// The numbers of the objects asked for, in order.
    pub fn requests(&self) -> &[u32] {
        self.trace.requests()
    }

    /// The bytes of an object's key.
    #[inline]
    pub fn key(&self, object: u32) -> &[u8] {
        self.trace.key(u64::from(object))
    }

    /// Bytes of an object's value.
    #[inline]
    pub fn value_len(&self, object: u32) -> usize {
        self.value_lens[object as usize] as usize
    }

    /// Bytes of the longest value.
    pub fn value_len_max(&self) -> usize {
        self.value_lens.iter().copied().max().unwrap_or(0) as usize
    }

    /// Bytes of an object: key and value.
    #[inline]
    pub fn bytes(&self, object: u32) -> u64 {
        (self.key(object).len() + self.value_len(object)) as u64
    }

    /// Bytes of all objects together.
    pub fn bytes_of_all(&self) -> u64 {
        (0..self.count() as u32).map(|object| self.bytes(object)).sum()
    }
}

/// A number from 0 to 1 that is always the same for the same bytes: FNV-1a, its bits mixed.
fn fraction(bytes: &[u8]) -> f64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, step);
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        hash = (hash ^ (hash >> 31)).wrapping_mul(factor);
    }
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(text: &str) -> Trace {
        Trace::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn texts_are_understood_or_refused() {
        assert_eq!(Sizes::parse("trace"), Ok(Sizes::Trace));
        assert_eq!(Sizes::parse("100"), Ok(Sizes::Drawn { min: 100, max: 100 }));
        assert_eq!(Sizes::parse("50-5000"), Ok(Sizes::Drawn { min: 50, max: 5000 }));
        for text in ["", "0", "9-3", "x", "1-99999999999"] {
            assert!(Sizes::parse(text).unwrap_err().contains("MIN-MAX"), "{text}");
        }
    }

    #[test]
    fn every_octave_has_its_share_and_order_does_not_matter() {
        let text: String = (0..40_000).map(|number| format!("{number}\n")).collect();
        let sizes = Sizes::Drawn { min: 64, max: 4095 };
        let objects = Objects::new(trace(&text), sizes).unwrap();
        for octave in 6..12 {
            let within = |object: &u32| objects.value_len(*object).ilog2() == octave;
            let count = (0..40_000).filter(within).count();
            assert!((6_200..7_200).contains(&count), "{octave}: {count} of 40000 / 6");
        }
        let alone = Objects::new(trace("39999\n"), sizes).unwrap();
        assert_eq!(alone.value_len(0), objects.value_len(39_999));
    }

    #[test]
    fn sizes_come_from_the_trace_or_are_missing() {
        let objects = Objects::new(trace("a 7\nbb 0\na 9\n"), Sizes::Trace).unwrap();
        assert_eq!((objects.bytes(0), objects.bytes(1), objects.bytes_of_all()), (8, 3, 11));
        let error = Objects::new(trace("a\n"), Sizes::Trace).unwrap_err();
        assert!(error.contains("--sizes MIN-MAX"));
    }
}
