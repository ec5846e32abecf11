//! Passing: queues of segments are walked record by record, from the oldest.
//!
//! So `fifo` and `s3fifo` know exactly what is oldest, whether a limit counts items or bytes: what
//! stays is appended again, what goes leaves a dead record, and a segment that was walked through
//! is free. Invariant: where a queue has come to is the front of its first segment. Cost: a record
//! is looked at once each time round.

use crate::change::Mutation;
use crate::effect::{Cause, Effects};
use crate::engine::Engine;
use crate::limits::{STEP_BYTES_MAX, STEP_ITEMS_MAX};
use crate::policy::{Order, ghost_hash, s3fifo};
use crate::segment::{State, Stream};
use crate::stats::Work;
use crate::table::Address;

/// Steps that may pass before some other item goes.
const STEPS_PER_EVICTION_MAX: usize = 8;

/// What became of a record that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passed {
    /// It is dead; its bytes.
    Gone(usize),
    /// It was appended again; its bytes.
    Stayed(usize),
}

impl<E: Effects> Engine<E> {
    /// Passes up to `scan_bytes` of records. Returns whether there were any.
    pub(crate) fn pass_step(&mut self, scan_bytes: usize, now_ms: u64) -> bool {
        let (mut work, mut scanned) = (Work::default(), 0);
        while scanned < scan_bytes && within(&work) && !self.larges.is_retiring() {
            match self.pass(&mut work, now_ms) {
                Some(Passed::Gone(len) | Passed::Stayed(len)) => scanned += len,
                None => break,
            }
        }
        self.counters.longest_step.raise(work);
        work.items > 0
    }

    /// Passes records until one has gone. Returns whether one has.
    pub(crate) fn pass_one(&mut self, now_ms: u64) -> bool {
        for _ in 0..STEPS_PER_EVICTION_MAX {
            let (mut work, mut gone) = (Work::default(), false);
            while within(&work) && !gone {
                let Some(passed) = self.pass(&mut work, now_ms) else { break };
                gone = matches!(passed, Passed::Gone(_));
            }
            self.counters.longest_step.raise(work);
            if gone || within(&work) {
                return gone;
            }
        }
        false
    }

    /// Passes the record that is next by the policy.
    fn pass(&mut self, work: &mut Work, now_ms: u64) -> Option<Passed> {
        let at = self.next_to_pass(work)?;
        let stream = self.stream_at(at);
        let record = self.segments.record(at);
        let (shape, expired) = (record.shape(), record.is_expired(now_ms));
        let (len, place) = (shape.len(), self.place_at(at));
        if self.is_retired(place, at) {
            // Its database or slot was flushed; the drain has not come by yet.
            self.bury(at);
            return Some(Passed::Stayed(len));
        }
        // Whatever becomes of it, it will be dead here: its copy takes its place in the account.
        let (number, offset) = self.segments.place_of(at);
        self.segments.set_front(number, offset + len);
        let again = match (self.keeper.policy().order(), stream) {
            (Order::Queues, Stream::Writes) => s3fifo::promoted(shape.access()),
            (Order::Queues, _) => s3fifo::again(shape.access()),
            _ => None,
        };
        self.keeper.is_full = true;
        if let Some(access) = again.filter(|_| !expired)
            && self.has_room_or_opens(Stream::Survivors, len, 0)
        {
            let to = self.copy_record(at, Stream::Survivors, len);
            self.segments.set_access(to, access);
            self.index.replace(place, at, to);
            self.segments.kill(at);
            work.bytes += len;
            return Some(Passed::Stayed(len));
        }
        if self.keeper.policy().order() == Order::Queues && stream == Stream::Writes && !expired {
            self.remember(ghost_hash(place), len as u64);
        }
        let cause = if expired { Cause::Expired } else { Cause::Evicted };
        self.change(Mutation::Remove { place, at, cause }, None, now_ms);
        Some(Passed::Gone(len))
    }

    /// The ghost remembers about as many names as there are items.
    fn remember(&mut self, hash: u64, len: u64) {
        let may_grow = self.has_margin();
        let items = self.index.items();
        let (weight, all) = match self.limits.items_max {
            Some(_) => (1, items),
            None => (len, self.segments.totals().live_bytes),
        };
        let names = s3fifo::ghost_of(items);
        self.keeper.ghost.insert(hash, weight, names, s3fifo::ghost_of(all), may_grow);
    }

    /// The next live record of the queue that is due, or of another when that is empty.
    fn next_to_pass(&mut self, work: &mut Work) -> Option<Address> {
        let mut streams = Stream::ALL;
        streams.sort_by_key(|stream| self.due(*stream));
        streams.into_iter().find_map(|stream| self.front(stream, work))
    }

    /// What is due first has the lowest key.
    fn due(&self, stream: Stream) -> (bool, u64) {
        let Some(head) = self.segments.oldest_of(stream) else { return (true, u64::MAX) };
        let segment = self.segments.segment(head);
        if self.keeper.policy().order() != Order::Queues {
            return (false, segment.born);
        }
        let is_small = stream == Stream::Writes;
        (is_small == self.main_pays(), segment.serial)
    }

    /// Whether the main queue is due rather than the small one.
    fn main_pays(&self) -> bool {
        let segments = &self.segments;
        let (small, all) = match self.limits.items_max {
            Some(items_max) => (segments.totals().items_of(Stream::Writes), items_max),
            None => (segments.totals().live_bytes_of(Stream::Writes), segments.totals().live_bytes),
        };
        let main = match self.limits.items_max {
            Some(_) => self.index.items().saturating_sub(small),
            None => all - small,
        };
        s3fifo::main_pays(small, main, all)
    }

    /// The next live record of a queue. Dead ones before it are passed for good.
    fn front(&mut self, stream: Stream, work: &mut Work) -> Option<Address> {
        while within(work) {
            let head = self.segments.oldest_of(stream)?;
            let segment = *self.segments.segment(head);
            work.items += 1;
            if segment.state == State::Cleaning || segment.front == segment.used {
                return None;
            }
            let offset = segment.front as usize;
            let at = self.segments.address(head, offset);
            let shape = self.segments.record(at).shape();
            if !shape.is_dead() {
                return Some(at);
            }
            self.segments.set_front(head, offset + shape.len());
        }
        None
    }
}

fn within(work: &Work) -> bool {
    work.items < STEP_ITEMS_MAX && work.bytes < STEP_BYTES_MAX
}
