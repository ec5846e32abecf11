//! Spikes: turns and commands that took longer than `latency-monitor-threshold`.
//!
//! Invariant: a kind keeps its newest [`EVENTS_MAX`] spikes, one a second, the longest of it. Cost:
//! nothing while nothing is slow.

use std::collections::VecDeque;

use velodrome_net::resp::Encoder;

/// Spikes of one kind that are kept.
const EVENTS_MAX: usize = 160;
/// The names of the kinds.
const NAMES: [&str; 2] = ["command", "turn"];

/// What took long.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spike {
    /// One command, by the clock on the wall.
    Command,
    /// A turn of the shard, by the processor time of its thread.
    Turn,
}

#[derive(Debug, Default)]
struct History {
    /// When, in seconds since 1970, and milliseconds.
    events: VecDeque<(u64, u64)>,
    longest_ms: u64,
}

/// The spikes of one shard.
#[derive(Debug, Default)]
pub(crate) struct LatencyEvents([History; NAMES.len()]);

impl LatencyEvents {
    /// Something took `ms` at second `at_s`.
    pub(crate) fn add(&mut self, spike: Spike, at_s: u64, ms: u64) {
        let history = &mut self.0[spike as usize];
        history.longest_ms = history.longest_ms.max(ms);
        match history.events.back_mut() {
            Some((last_s, last_ms)) if *last_s == at_s => *last_ms = ms.max(*last_ms),
            _ => history.events.push_back((at_s, ms)),
        }
        if history.events.len() > EVENTS_MAX {
            history.events.pop_front();
        }
    }

    /// Writes LATENCY LATEST.
    pub(crate) fn write_latest(&self, out: &mut Encoder<'_>) {
        let known = || NAMES.iter().zip(&self.0).filter(|(_, it)| !it.events.is_empty());
        out.array(known().count());
        for (name, history) in known() {
            let (at_s, ms) = history.events.back().expect("it has events");
            out.array(4);
            out.bulk_str(name);
            [*at_s, *ms, history.longest_ms].into_iter().for_each(|n| out.integer(n as i64));
        }
    }

    /// Writes LATENCY HISTORY of one kind, the oldest first.
    pub(crate) fn write_history(&self, name: &[u8], out: &mut Encoder<'_>) {
        let of_name = |known: &&str| known.as_bytes().eq_ignore_ascii_case(name);
        let Some(kind) = NAMES.iter().position(of_name) else {
            return out.array(0);
        };
        out.array(self.0[kind].events.len());
        for (at_s, ms) in &self.0[kind].events {
            out.array(2);
            [*at_s, *ms].into_iter().for_each(|n| out.integer(n as i64));
        }
    }

    /// Forgets the kinds that are `meant`; returns how many had spikes.
    pub(crate) fn reset(&mut self, meant: impl Fn(&str) -> bool) -> usize {
        let mut forgotten = 0;
        for (_, history) in NAMES.iter().zip(&mut self.0).filter(|(name, _)| meant(name)) {
            forgotten += usize::from(!history.events.is_empty());
            *history = History::default();
        }
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use velodrome_net::resp::Proto;

    use super::*;

    fn written(write: impl FnOnce(&mut Encoder<'_>)) -> String {
        let mut bytes = Vec::new();
        write(&mut Encoder::new(&mut bytes, Proto::Resp2));
        String::from_utf8(bytes).unwrap().replace("\r\n", " ")
    }

    #[test]
    fn a_second_keeps_its_longest_and_a_kind_its_newest() {
        let mut events = LatencyEvents::default();
        for (at_s, ms) in [(1, 9), (2, 3), (2, 5), (2, 4)] {
            events.add(Spike::Turn, at_s, ms);
        }
        let history = written(|out| events.write_history(b"TURN", out));
        assert_eq!(history, "*2 *2 :1 :9 *2 :2 :5 ");
        assert_eq!(written(|out| events.write_latest(out)), "*1 *4 $4 turn :2 :5 :9 ");
        (3..1000).for_each(|at_s| events.add(Spike::Turn, at_s, 1));
        assert_eq!(events.0[Spike::Turn as usize].events.len(), EVENTS_MAX);
        assert_eq!(written(|out| events.write_history(b"command", out)), "*0 ");
        assert_eq!((events.reset(|name| name == "turn"), events.reset(|_| true)), (1, 0));
    }
}
