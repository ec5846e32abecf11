//! How much processor time a shard's turns take.
//!
//! Reading a thread's clock is a system call of 200 ns and a turn may take 5 µs, so turns are
//! measured in groups: until they have taken [`GROUP_TOOK_NS`] by the monotonic clock, kernel
//! entries and sleep included, or are [`GROUP_TURNS_MAX`]. A group that took less than
//! [`GROUP_SHORT_US`] counts as so many equal turns; of any other, one turn counts with all of it.
//! Invariant: no turn is shown shorter than it was if it took that long or longer, kernel entries
//! included. Cost: a vDSO call a turn and a system call a group, together under 1 % of a core
//! however many turns it makes; 18 KiB from the first turn on.

use hdrhistogram::Histogram;

/// A turn is not shown longer than this.
const TURN_US_MAX: u64 = 10_000_000;
/// Decimal digits to which the histogram is exact.
const DIGITS: u8 = 2;
/// Time after which a group of turns is measured.
const GROUP_TOOK_NS: u64 = 50_000;
/// Turns that are measured together at most.
const GROUP_TURNS_MAX: u64 = 16;
/// Groups of less than this are taken for equal turns.
const GROUP_SHORT_US: u64 = 200;

/// The histogram of one shard's turns, in microseconds of processor time.
#[derive(Debug, Default)]
pub(crate) struct TurnTimes {
    histogram: Option<Histogram<u64>>,
    /// The thread's processor time when the present group began.
    began_cpu_ns: u64,
    /// How long the group's turns took by the monotonic clock, and how many they are.
    took_ns: u64,
    turns: u64,
}

impl TurnTimes {
    /// The thread had used `cpu_ns` when its first turn began.
    pub(crate) fn start(&mut self, cpu_ns: u64) {
        self.began_cpu_ns = cpu_ns;
    }

    /// A turn took this long by the monotonic clock. True when the group is to be measured.
    #[inline]
    pub(crate) fn add(&mut self, took_ns: u64) -> bool {
        self.took_ns += took_ns;
        self.turns += 1;
        self.took_ns >= GROUP_TOOK_NS || self.turns >= GROUP_TURNS_MAX
    }

    /// The thread has used `cpu_ns` at the group's end. Returns the longest turn, microseconds.
    pub(crate) fn measure(&mut self, cpu_ns: u64) -> u64 {
        let turns = self.turns.max(1);
        let group_us = cpu_ns.saturating_sub(self.began_cpu_ns).div_ceil(1000);
        (self.began_cpu_ns, self.took_ns, self.turns) = (cpu_ns, 0, 0);
        let histogram = self.histogram.get_or_insert_with(empty);
        if group_us < GROUP_SHORT_US {
            let mean_us = group_us.div_ceil(turns);
            histogram.saturating_record_n(mean_us.max(1), turns);
            return mean_us;
        }
        histogram.saturating_record(group_us);
        histogram.saturating_record_n(1, turns - 1);
        group_us
    }

    /// Forgets all turns so far.
    pub(crate) fn reset(&mut self) {
        self.histogram = None;
    }

    /// Writes the counts for [`merge`].
    pub(crate) fn write(&self, out: &mut String) {
        self.histogram.iter().for_each(|histogram| write(histogram, out));
    }
}

/// Writes a histogram's counts for [`merge`]: pairs of microseconds and how many took them.
pub(crate) fn write(histogram: &Histogram<u64>, out: &mut String) {
    use std::fmt::Write;
    for step in histogram.iter_recorded() {
        let (us, count) = (step.value_iterated_to(), step.count_at_value());
        // Writing to a string cannot fail.
        let _ = write!(out, "{us} {count} ");
    }
}

/// A histogram of microseconds with nothing in it.
pub(crate) fn empty() -> Histogram<u64> {
    Histogram::new_with_max(TURN_US_MAX, DIGITS).expect("the bounds are sound")
}

/// Adds what [`write`] wrote.
pub(crate) fn merge(histogram: &mut Histogram<u64>, text: &str) {
    let mut words = text.split_ascii_whitespace().map(|word| word.parse().expect("a number"));
    while let (Some(us), Some(count)) = (words.next(), words.next()) {
        histogram.saturating_record_n(us, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(times: &TurnTimes) -> String {
        let mut text = String::new();
        times.write(&mut text);
        text
    }

    #[test]
    fn short_turns_are_equal_and_a_long_one_counts_whole() {
        let mut times = TurnTimes::default();
        times.start(1_000_000);
        assert!(!times.add(30_000) && times.add(30_000));
        assert_eq!(times.measure(1_100_000), 50);
        assert!(!times.add(1_000) && times.add(900_000));
        assert_eq!(times.measure(2_100_000), 1000);
        assert_eq!(text(&times), "1 1 50 2 1003 1 ", "two digits are kept");
        let few = (1..GROUP_TURNS_MAX).all(|_| !times.add(1));
        assert!(few && times.add(1), "a group ends");
    }

    #[test]
    fn histograms_of_shards_are_merged() {
        let mut times = TurnTimes::default();
        for us in [10, 20, 3_000, u64::from(u32::MAX)] {
            times.add(0);
            times.measure(times.began_cpu_ns + us * 1000);
        }
        let mut sum = empty();
        merge(&mut sum, &text(&times));
        merge(&mut sum, &text(&times));
        merge(&mut sum, &text(&TurnTimes::default()));
        assert_eq!((sum.len(), sum.value_at_quantile(0.5)), (8, 20));
        assert!(sum.max() >= TURN_US_MAX, "too long a turn is the longest there is");
        times.reset();
        assert_eq!(text(&times), "");
    }
}
