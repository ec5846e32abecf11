//! How long commands take.
//!
//! Timing every command would cost more than a tenth of most. So a command that may take long is
//! timed always, any other once in [`SAMPLE_EVERY`] and then counts for as many; all of them when
//! the slow log asks for short ones. Invariant: a histogram's counts estimate the calls. Cost: a
//! comparison and a subtraction a command; 18 KiB a command, from its first time on.

use hdrhistogram::Histogram;
use velodrome_net::command::{Command, SPEC_COUNT, Spec, find};
use velodrome_net::resp::Args;

use crate::limits::{HEAVY_VALUE_BYTES, TIME_ALL_BELOW_US};
use crate::turn_times;

/// Every so many commands one that does not take long is timed; prime, so that it takes turns
/// with the places in a batch.
const SAMPLE_EVERY: u32 = 251;

/// Commands that take short when their requests are.
const LIGHT: [&[u8]; 21] = [
    b"get", b"set", b"setex", b"psetex", b"setnx", b"incr", b"decr", b"incrby", b"decrby", b"ping",
    b"expire", b"pexpire", b"ttl", b"pttl", b"persist", b"strlen", b"type", b"del", b"unlink",
    b"exists", b"touch",
];
/// Arguments of a short request.
const LIGHT_ARGS_MAX: usize = 8;

#[derive(Debug)]
struct Times {
    /// Microseconds.
    histogram: Histogram<u64>,
    sum_ns: u64,
}

/// The times of one shard's commands, by `Spec::id`.
#[derive(Debug)]
pub(crate) struct CommandTimes {
    by_id: Vec<Option<Box<Times>>>,
    until_sample: u32,
    all: bool,
    /// By `Spec::id`: whether short requests of it take short.
    light: Box<[bool]>,
}

impl CommandTimes {
    /// No times yet; the slow log takes commands from `slow_us` on.
    pub(crate) fn new(slow_us: i64) -> Self {
        let mut light = vec![false; SPEC_COUNT].into_boxed_slice();
        LIGHT.iter().filter_map(|name| find(name)).for_each(|it| light[usize::from(it.id)] = true);
        let (by_id, until_sample) = (Vec::new(), SAMPLE_EVERY);
        let mut times = Self { by_id, until_sample, all: false, light };
        times.slow_from(slow_us);
        times
    }

    /// The slow log takes commands from so many microseconds on, none when negative.
    pub(crate) fn slow_from(&mut self, slow_us: i64) {
        self.all = (0..TIME_ALL_BELOW_US).contains(&slow_us);
    }

    /// For how many commands a request of so many bytes counts if it is timed; 0: it is not.
    #[inline]
    pub(crate) fn weight_of(&mut self, spec: &Spec, args: Args<'_>, request_len: usize) -> u32 {
        let light = self.light[usize::from(spec.id)];
        let short = request_len <= HEAVY_VALUE_BYTES && args.len() <= LIGHT_ARGS_MAX;
        self.sampled(!(light && short))
    }

    /// The same for a command decoded already.
    #[inline]
    pub(crate) fn weight(&mut self, command: &Command<'_>) -> u32 {
        self.sampled(may_take_long(command))
    }

    #[inline]
    fn sampled(&mut self, may_take_long: bool) -> u32 {
        if self.all || may_take_long {
            return 1;
        }
        self.until_sample -= 1;
        if self.until_sample > 0 {
            return 0;
        }
        self.until_sample = SAMPLE_EVERY;
        SAMPLE_EVERY
    }

    /// A command that counts for `weight` took so long.
    pub(crate) fn add(&mut self, spec: &Spec, took_ns: u64, weight: u32) {
        if self.by_id.is_empty() {
            self.by_id.resize_with(SPEC_COUNT, || None);
        }
        let times = self.by_id[usize::from(spec.id)]
            .get_or_insert_with(|| Box::new(Times { histogram: turn_times::empty(), sum_ns: 0 }));
        times.sum_ns += took_ns * u64::from(weight);
        times.histogram.saturating_record_n((took_ns / 1000).max(1), weight.into());
    }

    /// Forgets all times.
    pub(crate) fn reset(&mut self) {
        self.by_id = Vec::new();
    }

    /// Microseconds that all calls of each command took, by `Spec::id`.
    pub(crate) fn sums_us(&self) -> impl Iterator<Item = u64> {
        let sums = self.by_id.iter().map(|it| it.as_ref().map_or(0, |it| it.sum_ns / 1000));
        sums.chain(std::iter::repeat(0)).take(SPEC_COUNT)
    }

    /// Writes the counts: a line a command, its id and pairs of microseconds and calls.
    pub(crate) fn write(&self, out: &mut String) {
        use std::fmt::Write;
        for (id, times) in self.by_id.iter().enumerate() {
            let Some(times) = times else { continue };
            // Writing to a string cannot fail.
            let _ = write!(out, "{id} ");
            turn_times::write(&times.histogram, out);
            out.push('\n');
        }
    }
}

/// Whether a command's time is not bounded by that of a look-up and a small copy.
#[inline]
fn may_take_long(command: &Command<'_>) -> bool {
    match command {
        Command::Get { .. }
        | Command::IncrBy { .. }
        | Command::Ping { .. }
        | Command::Expire { .. }
        | Command::Ttl { .. }
        | Command::Persist { .. }
        | Command::StrLen { .. }
        | Command::Type { .. } => false,
        Command::Set(set) => set.value.len() > HEAVY_VALUE_BYTES,
        Command::Del { keys } | Command::Exists { keys } | Command::Touch { keys } => {
            keys.len() > 1
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_counts_for_those_that_were_not_timed() {
        let mut times = CommandTimes::new(10_000);
        let get = Command::Get { key: b"k" };
        let weights: Vec<u32> = (0..2 * SAMPLE_EVERY).map(|_| times.weight(&get)).collect();
        assert_eq!(weights.iter().sum::<u32>(), 2 * SAMPLE_EVERY);
        assert_eq!(weights.iter().filter(|weight| **weight > 0).count(), 2);
        assert_eq!(times.weight(&Command::Append { key: b"k", value: b"" }), 1);
        times.slow_from(0);
        assert_eq!(times.weight(&get), 1);
        times.slow_from(-1);
        assert_eq!(times.weight(&get), 0);
        times.add(find(b"get").unwrap(), 2_000, SAMPLE_EVERY);
        assert_eq!(times.sums_us().sum::<u64>(), u64::from(2 * SAMPLE_EVERY));
        let mut text = String::new();
        times.write(&mut text);
        let id = find(b"get").unwrap().id;
        assert_eq!(text, format!("{id} 2 {SAMPLE_EVERY} \n"));
        times.reset();
        assert_eq!(times.sums_us().sum::<u64>(), 0);
    }
}
