//! Streaming: where a record that is copied or new goes.
//!
//! Invariant: a stream is opened within the limit only. Cost: a branch; under `s3fifo` a look
//! into the ghost for a new key.

use crate::effect::Effects;
use crate::engine::Engine;
use crate::key::Place;
use crate::policy::{Order, ghost_hash, s3fifo};
use crate::segment::Stream;
use crate::table::Address;

/// The limit holds this many segments for every class of survivors that `lru` tells apart.
const SEGMENTS_PER_CLASS: u64 = 8;
/// Classes of survivors told apart at most.
const CLASSES_MAX: u64 = 3;

impl<E: Effects> Engine<E> {
    /// Where a record of `len` bytes that a command writes goes; `found` is the one it replaces.
    /// Room among the writes was made.
    #[inline(always)]
    pub(crate) fn stream_for_write(
        &mut self,
        place: Place,
        found: Option<Address>,
        len: usize,
    ) -> Stream {
        let order = self.keeper.policy().order();
        if order == Order::Queues {
            return self.stream_by_queue(place, found, len);
        }
        if order == Order::Recency {
            self.segments.stamp(Stream::Writes, self.keeper.lru.now());
        }
        Stream::Writes
    }

    /// The main queue for what was there lately, or is there now; else the small one.
    fn stream_by_queue(&mut self, place: Place, found: Option<Address>, len: usize) -> Stream {
        let main = match found {
            Some(at) => self.stream_at(at) != Stream::Writes,
            None => self.comes_back(place) || self.small_is_full(),
        };
        let margin = self.index.footprint.growth_max;
        if main && self.has_room_or_opens(Stream::Survivors, len, margin) {
            return Stream::Survivors;
        }
        Stream::Writes
    }

    /// What the segment around a record is filled with.
    pub(crate) fn stream_at(&self, at: Address) -> Stream {
        self.segments.segment(self.segments.place_of(at).0).stream
    }

    /// Whether the ghost knows a key, which leaves it thereby.
    fn comes_back(&mut self, place: Place) -> bool {
        let hash = ghost_hash(place);
        let known = self.keeper.ghost.holds(hash);
        if known {
            self.keeper.ghost.remove(hash);
        }
        known
    }

    /// Whether new items fill both queues, since nothing had to go yet.
    fn small_is_full(&self) -> bool {
        if self.keeper.is_full {
            return false;
        }
        match self.limits.items_max {
            Some(items_max) => {
                self.segments.totals().items_of(Stream::Writes) >= s3fifo::small_of(items_max)
            }
            None => {
                let small = s3fifo::small_of(self.limits.memory_bytes_max);
                self.segments.totals().live_bytes_of(Stream::Writes) >= small
            }
        }
    }

    /// Where a survivor of a segment filled with `own` goes: among its like, else wherever there
    /// is room.
    pub(crate) fn stream_for_survivor(
        &mut self,
        own: Stream,
        worth: u64,
        len: usize,
    ) -> Option<Stream> {
        let policy = self.keeper.policy();
        let wanted = match policy.order() {
            Order::Recency if policy.spares_nothing() => self.class_of(worth),
            Order::Queues => own,
            _ => Stream::Survivors,
        };
        if self.has_room_or_opens(wanted, len, 0) {
            return Some(wanted);
        }
        let fits = self.accounted_bytes() + len as u64 <= self.ceiling;
        let mut others = Stream::ALL.into_iter().rev().filter(|_| fits);
        others.find(|stream| self.segments.has_room(*stream, len))
    }

    /// The stream of survivors that fall due together.
    fn class_of(&self, last_used: u64) -> Stream {
        let segments = self.limits.memory_bytes_max / self.segments.segment_len() as u64;
        let classes = (segments / SEGMENTS_PER_CLASS).clamp(1, CLASSES_MAX);
        Stream::ALL[1 + self.keeper.lru.class(last_used, classes) as usize]
    }

    /// Whether `stream` has room for `len` bytes, perhaps in a segment more, that leaves `margin`.
    pub(crate) fn has_room_or_opens(&mut self, stream: Stream, len: usize, margin: u64) -> bool {
        let after = self.accounted_bytes() + len as u64 + margin;
        if self.segments.has_room(stream, len) {
            return after <= self.ceiling;
        }
        let Some(tail) = self.segments.charge_of_opening(stream) else { return false };
        after + tail as u64 <= self.ceiling && self.segments.open_next(stream)
    }
}
