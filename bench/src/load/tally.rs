//! What one thread saw: latencies by command, and answers that were not as they should be.
//!
//! Owns the histograms. Invariant: three significant digits from 131 µs on, 64 ns below, so a
//! percentile is never off by more than a thousandth. Cost: one increment a request; a histogram
//! has 170 KiB and exists from its command's first answer on.

use hdrhistogram::Histogram;

use crate::limits::LATENCY_NS_MAX;
use crate::workload::Kind;

/// Nanoseconds that are not told apart.
const RESOLUTION_NS: u64 = 64;
const DIGITS: u8 = 3;

/// Counts and latencies of some time.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    latencies: [Option<Box<Histogram<u64>>>; Kind::ALL.len()],
    /// Requests that were answered.
    pub answered: u64,
    /// Answers that said there is no such key.
    pub missing: u64,
    /// Answers with another value than the key's, or of the wrong kind.
    pub wrong: u64,
    /// Requests the server refused.
    pub refused: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// The first wrong answer or refusal, in words.
    pub trouble: Option<String>,
}

/// An empty histogram of nanoseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(RESOLUTION_NS, LATENCY_NS_MAX, DIGITS).expect("constant bounds")
}

impl Tally {
    /// Counts one answer.
    #[inline]
    pub fn record(&mut self, kind: Kind, latency_ns: u64) {
        self.answered += 1;
        self.record_apart(kind, latency_ns);
    }

    /// Counts a latency that is no answer: opening a connection.
    #[inline]
    pub fn record_apart(&mut self, kind: Kind, latency_ns: u64) {
        let latencies = &mut self.latencies[kind as usize];
        latencies.get_or_insert_with(|| Box::new(histogram())).saturating_record(latency_ns);
    }

    /// Notes the first thing that went wrong.
    #[cold]
    pub fn note(&mut self, trouble: impl FnOnce() -> String) {
        if self.trouble.is_none() {
            self.trouble = Some(trouble());
        }
    }

    /// The latencies of one command, in nanoseconds.
    pub fn latencies(&self, kind: Kind) -> Option<&Histogram<u64>> {
        self.latencies[kind as usize].as_deref()
    }

    /// The latencies of all answers, in nanoseconds.
    pub fn overall(&self) -> Histogram<u64> {
        let mut all = histogram();
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Connect) {
            if let Some(latencies) = self.latencies(kind) {
                all.add(latencies).expect("equal bounds");
            }
        }
        all
    }

    /// Adds what another thread or another second saw.
    pub fn add(&mut self, other: &Tally) {
        for (own, other) in self.latencies.iter_mut().zip(&other.latencies) {
            match (own, other) {
                (_, None) => {}
                (Some(own), Some(other)) => own.add(&**other).expect("equal bounds"),
                (own, Some(_)) => *own = other.clone(),
            }
        }
        self.answered += other.answered;
        self.missing += other.missing;
        self.wrong += other.wrong;
        self.refused += other.refused;
        self.received_bytes += other.received_bytes;
        if self.trouble.is_none() {
            self.trouble.clone_from(&other.trouble);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_the_sum_of_its_parts() {
        let (mut one, mut two) = (Tally::default(), Tally::default());
        (1..=100).for_each(|us| one.record(Kind::Get, us * 1000));
        two.record(Kind::Set, 5_000_000);
        two.record_apart(Kind::Connect, 900_000_000);
        two.note(|| "odd".to_owned());
        one.add(&two);
        assert_eq!((one.answered, one.overall().len()), (101, 101));
        let p50 = one.latencies(Kind::Get).unwrap().value_at_quantile(0.5);
        assert!((49_900..50_100).contains(&p50), "{p50}");
        assert!((4_990_000..5_010_000).contains(&one.overall().max()));
        assert_eq!(one.trouble.as_deref(), Some("odd"));
    }

    #[test]
    fn a_percentile_is_within_a_thousandth() {
        for ns in [200_000_u64, 1_234_567, 98_765_432_100] {
            let mut tally = Tally::default();
            tally.record(Kind::Get, ns);
            let found = tally.overall().value_at_quantile(0.5);
            assert!(found.abs_diff(ns) as f64 <= ns as f64 / 1000.0, "{ns}: {found}");
        }
    }

    #[test]
    fn what_is_longer_than_the_longest_counts_as_the_longest() {
        let mut tally = Tally::default();
        tally.record(Kind::Get, u64::MAX);
        assert_eq!(tally.overall().len(), 1);
    }
}
