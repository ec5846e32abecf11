//! Segments: the memory records lie in.
//!
//! One reserved address range is cut into segments of one length, filled in order through one
//! open segment for writes and some for survivors. Charged is what is filled (`segment.rs`), so
//! copying a segment's survivors forward, record by record, takes no room of its own. Invariant:
//! the records of a segment follow each other without a gap up to `used`, those of its front are
//! dead and stay so, and `live` is the sum of the lengths of those that are not dead. Cost:
//! appending moves an offset; freeing a segment changes its state only.

use std::io;

use crate::holes::{Holes, Link};
use crate::mapping::Mapping;
use crate::queues::Queues;
use crate::record::{Head, RECORD_ALIGN, Record, Watched, copy_dated, patch};
use crate::segment::{FREE, STREAMS, Segment, State, Stream};
use crate::table::Address;
use crate::totals::Totals;
use crate::vacant::Vacant;
use crate::version::Version;

/// All segments of one engine.
#[derive(Debug)]
pub(crate) struct Segments {
    mapping: Mapping,
    len_bits: u32,
    segments: Vec<Segment>,
    /// By stream.
    open: [Option<u32>; STREAMS],
    /// The one that was open before, for short records that fit its end.
    spare: [Option<u32>; STREAMS],
    queues: Queues<STREAMS>,
    totals: Totals,
    vacant: Vacant,
    serial: u64,
    in_use: u64,
    holes: Holes,
    /// Whether writes may take the places of dead records now.
    lends: bool,
}

impl Segments {
    /// Reserves `address_space_bytes` for segments of `segment_len` bytes.
    pub(crate) fn reserve(segment_len: usize, address_space_bytes: u64) -> io::Result<Self> {
        let len = (address_space_bytes as usize).next_multiple_of(segment_len);
        Ok(Self {
            mapping: Mapping::reserve(len)?,
            len_bits: segment_len.trailing_zeros(),
            segments: Vec::new(),
            open: [None; STREAMS],
            spare: [None; STREAMS],
            queues: Queues::default(),
            totals: Totals::default(),
            vacant: Vacant::default(),
            serial: 0,
            in_use: 0,
            holes: Holes::new(),
            lends: false,
        })
    }

    /// Bytes of a segment.
    #[inline]
    pub(crate) fn segment_len(&self) -> usize {
        1 << self.len_bits
    }

    /// Segments that are not free.
    pub(crate) fn in_use(&self) -> u64 {
        self.in_use
    }

    /// Sums over all segments.
    #[inline]
    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The segment of a stream that was opened first.
    pub(crate) fn oldest_of(&self, stream: Stream) -> Option<u32> {
        self.queues.oldest(stream as usize)
    }

    /// The stream's open segment gets a record that was last used at `tick`.
    #[inline]
    pub(crate) fn stamp(&mut self, stream: Stream, tick: u64) {
        if let Some(open) = self.open[stream as usize] {
            let segment = &mut self.segments[open as usize];
            segment.oldest = segment.oldest.min(tick);
            segment.newest = segment.newest.max(tick);
        }
    }

    /// The stream's open segment gets a record of a segment that was born earlier.
    pub(crate) fn inherit(&mut self, stream: Stream, born: u64) {
        if let Some(open) = self.open[stream as usize] {
            let segment = &mut self.segments[open as usize];
            segment.born = segment.born.min(born);
        }
    }

    /// The serial of the newest segment.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// Number of segments that ever were in use.
    pub(crate) fn count(&self) -> usize {
        self.segments.len()
    }

    /// One segment's account.
    #[inline]
    pub(crate) fn segment(&self, number: u32) -> &Segment {
        &self.segments[number as usize]
    }

    /// The segment an address lies in, and its offset there in bytes.
    #[inline]
    pub(crate) fn place_of(&self, at: Address) -> (u32, usize) {
        let byte = byte_of(at);
        ((byte >> self.len_bits) as u32, byte & (self.segment_len() - 1))
    }

    /// The address of an offset in a segment.
    pub(crate) fn address(&self, number: u32, offset: usize) -> Address {
        Address(((u64::from(number) << self.len_bits) + offset as u64) / RECORD_ALIGN as u64)
    }

    /// The record at an address.
    #[inline]
    pub(crate) fn record(&self, at: Address) -> Record<'_> {
        Record::new(&self.mapping.bytes()[byte_of(at)..])
    }

    /// A byte at or behind the start of a record, to prefetch.
    #[inline]
    pub(crate) fn byte(&self, at: Address, offset: usize) -> Option<&u8> {
        self.mapping.bytes().get(byte_of(at) + offset)
    }

    /// Whether the stream's open segment has room for `len` bytes.
    #[inline]
    pub(crate) fn has_room(&self, stream: Stream, len: usize) -> bool {
        self.room_in(self.open[stream as usize]) >= len
            || self.room_in(self.spare[stream as usize]) >= len
    }

    /// Bytes that are charged when the stream opens a segment: the end of one that is sealed then.
    /// There is none to be opened when the whole range is in use.
    pub(crate) fn charge_of_opening(&self, stream: Stream) -> Option<usize> {
        let more = (self.segments.len() + 1) << self.len_bits <= self.mapping.len();
        (more || self.vacant.has_any()).then(|| match self.spare[stream as usize] {
            Some(spare) => self.room_in(Some(spare)),
            None => 0,
        })
    }

    #[inline]
    fn room_in(&self, number: Option<u32>) -> usize {
        number.map_or(0, |number| self.segment_len() - self.segment(number).used as usize)
    }

    /// Opens a free segment for the stream; the one that was open is spare, the spare one sealed.
    pub(crate) fn open_next(&mut self, stream: Stream) -> bool {
        let Some(next) = self.take_free() else { return false };
        if let Some(spare) = self.spare[stream as usize] {
            let tail = self.room_in(Some(spare));
            self.segments[spare as usize].tail = tail as u32;
            self.totals.tail_bytes += tail as u64;
            self.seal_spare(stream);
        }
        let before = self.open[stream as usize];
        self.spare[stream as usize] = before;
        if before.is_some_and(|number| self.segment(number).live == 0) {
            self.seal_spare(stream);
        }
        self.serial += 1;
        let serial = self.serial;
        self.segments[next as usize] =
            Segment { state: State::Open, serial, stream, born: serial, ..FREE };
        self.queues.push(stream as usize, next);
        self.open[stream as usize] = Some(next);
        self.in_use += 1;
        true
    }

    /// Dead bytes of the stream's open segment, or of its spare one if those are more.
    pub(crate) fn dead_unsealed(&self, stream: Stream) -> usize {
        let unsealed = [self.spare[stream as usize], self.open[stream as usize]];
        unsealed.into_iter().flatten().map(|number| self.segment(number).dead()).max().unwrap_or(0)
    }

    /// Seals the stream's spare segment, or else its open one, so that it can pay; it is free at
    /// once if nothing in it lives. Returns its number.
    pub(crate) fn seal(&mut self, stream: Stream) -> Option<u32> {
        self.seal_spare(stream).or_else(|| {
            let open = self.open[stream as usize].take()?;
            self.seal_number(open)
        })
    }

    /// Seals the stream's spare segment.
    pub(crate) fn seal_spare(&mut self, stream: Stream) -> Option<u32> {
        let spare = self.spare[stream as usize].take()?;
        self.seal_number(spare)
    }

    fn seal_number(&mut self, number: u32) -> Option<u32> {
        self.segments[number as usize].state = State::Sealed;
        if self.segment(number).live == 0 {
            self.free(number);
        }
        Some(number)
    }

    fn take_free(&mut self) -> Option<u32> {
        if let Some(number) = self.vacant.take() {
            return Some(number);
        }
        let number = self.segments.len();
        let end = (number + 1) << self.len_bits;
        if end > self.mapping.len() || self.mapping.extend_usable(end).is_err() {
            return self.vacant.take_releasing();
        }
        self.segments.push(FREE);
        Some(number as u32)
    }

    /// Takes `len` bytes of the stream's open segment, which has the room.
    #[inline(always)]
    pub(crate) fn append(&mut self, stream: Stream, len: usize) -> Address {
        let spare = self.spare[stream as usize];
        let fits = self.room_in(spare) >= len;
        let number = if fits { spare } else { self.open[stream as usize] };
        let number = number.expect("room was made");
        let segment = &mut self.segments[number as usize];
        let offset = segment.used as usize;
        segment.used += len as u32;
        segment.live += len as u32;
        self.totals.came(stream, len);
        self.totals.used_bytes += len as u64;
        assert!(segment.used as usize <= 1 << self.len_bits, "room was made");
        self.address(number, offset)
    }

    /// Says whether writes may take the places of dead records from now on. While segments are
    /// being cleaned they do not: new items would lie among old ones.
    #[inline]
    pub(crate) fn lend(&mut self, lends: bool) {
        self.lends = lends;
    }

    /// Whether streams are queues from now on, so that a place is taken by an item of its queue.
    pub(crate) fn tell_queues_apart(&mut self, are_queues: bool) {
        self.holes.tell_apart(are_queues);
    }

    /// Whether there is a place for a record that a command writes.
    #[inline(always)]
    pub(crate) fn has_place(&self, len: usize) -> bool {
        self.hole(Stream::Writes, len).is_some() || self.has_room(Stream::Writes, len)
    }

    /// Whether that place is a dead record's.
    #[inline]
    pub(crate) fn has_hole(&self, len: usize) -> bool {
        self.hole(Stream::Writes, len).is_some()
    }

    /// Takes a place for a record that a command writes, which `has_place`.
    #[inline(always)]
    pub(crate) fn take_place(&mut self, stream: Stream, len: usize) -> Address {
        let Some(at) = self.hole(stream, len) else { return self.append(stream, len) };
        let hole = self.record(at);
        debug_assert!(hole.shape().is_dead() && hole.shape().len() == len);
        self.holes.set_top(stream, len, Link::unpack(hole.link()));
        let (number, _) = self.place_of(at);
        let segment = &mut self.segments[number as usize];
        segment.live += len as u32;
        self.totals.came(segment.stream, len);
        at
    }

    /// The place of a dead record of this length, if writes may take it.
    #[inline(always)]
    fn hole(&self, stream: Stream, len: usize) -> Option<Address> {
        if !self.lends {
            return None;
        }
        let Link { at, serial } = self.holes.top(stream, len)?;
        let (number, offset) = self.place_of(at);
        let segment = self.segments.get(number as usize)?;
        let stands = segment.serial == serial && segment.state != State::Cleaning;
        (stands && offset >= segment.front as usize).then_some(at)
    }

    /// Writes a whole record.
    #[inline(always)]
    pub(crate) fn write(&mut self, at: Address, head: &Head<'_>, value: &[u8]) {
        head.write(self.bytes_mut(at), value);
    }

    /// Copies a record to `to` as it is.
    pub(crate) fn copy(&mut self, from: Address, to: Address, len: usize) {
        let (from, to) = (byte_of(from), byte_of(to));
        self.mapping.bytes_mut().copy_within(from..from + len, to);
    }

    /// Sets a record's access clock.
    #[inline]
    pub(crate) fn set_access(&mut self, at: Address, access: u32) {
        patch::access(self.bytes_mut(at), access);
    }

    /// Says in a record that the list of the largest items relies on it.
    pub(crate) fn set_listed(&mut self, at: Address) {
        patch::listed(self.bytes_mut(at));
    }

    /// Sets version and deadline of a record that has the room for it.
    pub(crate) fn set_deadline(&mut self, at: Address, version: Version, watched: Option<Watched>) {
        patch::deadline(self.bytes_mut(at), version, watched);
    }

    /// Sets the wheel's mark of a record with a deadline.
    pub(crate) fn set_mark(&mut self, at: Address, mark: u8) {
        let record = self.record(at);
        let (version, watched) = (record.version(), record.watched());
        self.set_deadline(at, version, watched.map(|it| Watched { mark, ..it }));
    }

    /// Copies a record that lacks room for a deadline to `to`, which has it.
    pub(crate) fn copy_dated(
        &mut self,
        from: Address,
        to: Address,
        version: Version,
        watched: Option<Watched>,
    ) {
        let bytes = self.mapping.bytes_mut();
        copy_dated(bytes, (byte_of(from), byte_of(to)), version, watched);
    }

    #[inline]
    fn bytes_mut(&mut self, at: Address) -> &mut [u8] {
        &mut self.mapping.bytes_mut()[byte_of(at)..]
    }

    /// A record is dead, and a write may take its place.
    pub(crate) fn kill(&mut self, at: Address) {
        let (number, len) = self.mark_dead(at);
        let Segment { serial, state, stream, front, .. } = *self.segment(number);
        // A link into a front would hide those below it.
        if matches!(state, State::Open | State::Sealed)
            && self.place_of(at).1 >= front as usize
            && let Some(top) = self.holes.top(stream, len)
        {
            patch::link(self.bytes_mut(at), top.pack());
            self.holes.set_top(stream, len, Link { at, serial });
        }
    }

    /// A record is dead, but something may still point to its place.
    pub(crate) fn abandon(&mut self, at: Address) {
        self.mark_dead(at);
    }

    /// A record is dead; a filled segment without a live one is free at once. Returns its segment
    /// and its length.
    #[inline(always)]
    fn mark_dead(&mut self, at: Address) -> (u32, usize) {
        let ((number, _), shape) = (self.place_of(at), self.record(at).shape());
        debug_assert!(!shape.is_dead());
        patch::dead(self.bytes_mut(at));
        let len = shape.len();
        let segment = &mut self.segments[number as usize];
        segment.live -= len as u32;
        self.totals.went(segment.stream, len);
        if segment.live == 0 {
            self.empty(number);
        }
        (number, len)
    }

    /// Nothing lives in a segment any more.
    #[cold]
    #[inline(never)]
    fn empty(&mut self, number: u32) {
        let Segment { state, stream, .. } = *self.segment(number);
        let place = stream as usize;
        if state == State::Sealed {
            self.free(number);
        } else if self.spare[place] == Some(number) {
            self.spare[place] = None;
            self.free(number);
        } else if stream != Stream::Writes && self.open[place] == Some(number) {
            // Survivors may be rare: an empty segment does not wait for them.
            self.open[place] = None;
            self.free(number);
        }
    }

    /// A sealed segment is being cleaned: it is not freed behind the cleaner's back.
    pub(crate) fn start_cleaning(&mut self, number: u32) {
        let segment = &mut self.segments[number as usize];
        assert_eq!(segment.state, State::Sealed);
        segment.state = State::Cleaning;
    }

    /// All records before `offset` are dead and stay so: they are not charged any more.
    pub(crate) fn set_front(&mut self, number: u32, offset: usize) {
        let segment = &mut self.segments[number as usize];
        self.totals.used_bytes += u64::from(segment.front);
        self.totals.used_bytes -= offset as u64;
        segment.front = offset as u32;
    }

    /// A cleaned segment is free.
    ///
    /// # Panics
    /// If a live record is left in it.
    pub(crate) fn finish_cleaning(&mut self, number: u32) {
        let segment = &self.segments[number as usize];
        assert!(segment.state == State::Cleaning && segment.live == 0, "survivors were copied");
        self.free(number);
    }

    /// A segment that is being cleaned is left as it is.
    pub(crate) fn stop_cleaning(&mut self, number: u32) {
        let segment = &mut self.segments[number as usize];
        assert_eq!(segment.state, State::Cleaning);
        segment.state = State::Sealed;
        if segment.live == 0 {
            self.free(number);
        }
    }

    fn free(&mut self, number: u32) {
        self.queues.remove(self.segment(number).stream as usize, number);
        let Segment { used, front, tail, .. } = *self.segment(number);
        self.totals.used_bytes -= u64::from(used - front);
        self.totals.tail_bytes -= u64::from(tail);
        self.segments[number as usize] = FREE;
        self.in_use -= 1;
        self.vacant.push(number);
    }

    /// Whether pages are waiting to be given back.
    pub(crate) fn is_releasing(&self) -> bool {
        self.vacant.is_releasing()
    }

    /// Gives one step's worth of a free segment's pages back. Returns the bytes.
    pub(crate) fn release_step(&mut self) -> usize {
        let Some((number, part)) = self.vacant.release(self.segment_len()) else { return 0 };
        let start = (number as usize) << self.len_bits;
        self.mapping.release(start + part.start..start + part.end);
        part.len()
    }
}

#[inline]
fn byte_of(at: Address) -> usize {
    at.0 as usize * RECORD_ALIGN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Shape;

    const LEN: usize = 64 << 10;

    fn append(segments: &mut Segments, key: &[u8], value: &[u8]) -> Address {
        let shape = Shape::new(0, (key.len(), value.len()), None, false);
        let (version, watched) = (Version(1), None);
        let head = Head { version, shape, tag: 0, watched, client_flags: 0, key };
        let len = shape.len();
        if !segments.has_room(Stream::Writes, len) {
            assert!(segments.open_next(Stream::Writes));
        }
        let at = segments.append(Stream::Writes, len);
        segments.write(at, &head, value);
        at
    }

    #[test]
    fn a_segment_is_freed_with_its_last_live_record_and_used_again() {
        let mut segments = Segments::reserve(LEN, 8 * LEN as u64).expect("reserves");
        let addresses: Vec<_> =
            (0..100_u8).map(|i| append(&mut segments, &[i; 9], &[i; 4000])).collect();
        let full = segments.in_use();
        assert_eq!(full, 7);
        for (i, at) in addresses.iter().enumerate() {
            assert_eq!(segments.record(*at).value(), &[i as u8; 4000]);
            segments.kill(*at);
        }
        assert_eq!((segments.in_use(), segments.totals().live_bytes), (1, 0));
        for round in 0..50 {
            let at = append(&mut segments, b"k", &[round; 7000]);
            segments.kill(at);
        }
        assert_eq!((segments.in_use(), segments.count()), (1, 7));
    }

    #[test]
    fn a_write_takes_the_place_of_a_dead_record_of_its_length() {
        let mut segments = Segments::reserve(LEN, 8 * LEN as u64).expect("reserves");
        let at: Vec<_> = (0..30_u8).map(|i| append(&mut segments, &[i], &[i; 2015])).collect();
        let len = segments.record(at[0]).shape().len();
        assert_eq!((len, segments.in_use()), (2032, 1));
        [3, 4, 5].into_iter().for_each(|i: usize| segments.kill(at[i]));
        segments.abandon(at[6]);
        let dead = segments.totals().dead_bytes();
        assert_eq!(segments.take_place(Stream::Writes, len), Address(30 * 1016), "nothing is lent");
        segments.lend(true);
        assert_eq!(segments.take_place(Stream::Writes, len), at[5]);
        let shorter = segments.take_place(Stream::Writes, len - 2);
        assert_eq!(shorter, Address(31 * 1016), "another length");
        assert_eq!(
            (segments.take_place(Stream::Writes, len), segments.take_place(Stream::Writes, len)),
            (at[4], at[3])
        );
        assert_eq!(segments.totals().dead_bytes(), dead - 3 * len as u64);
        // What was abandoned stays dead, whatever else is free.
        assert!(!segments.has_hole(len) && segments.record(at[6]).shape().is_dead());
    }

    #[test]
    fn places_of_a_segment_that_is_cleaned_or_was_freed_are_not_taken() {
        let mut segments = Segments::reserve(LEN, 8 * LEN as u64).expect("reserves");
        let at: Vec<_> = (0..64_u8).map(|i| append(&mut segments, &[i], &[i; 2015])).collect();
        let (first, len) = (segments.place_of(at[0]).0, segments.record(at[0]).shape().len());
        segments.lend(true);
        segments.kill(at[40]);
        segments.kill(at[1]);
        assert_eq!(segments.hole(Stream::Writes, len), Some(at[1]));
        assert_eq!(segments.seal_spare(Stream::Writes), Some(first));
        segments.start_cleaning(first);
        assert_eq!(segments.hole(Stream::Writes, len), None);
        let rest: Vec<_> = at.iter().filter(|it| segments.place_of(**it).0 == first).collect();
        rest.into_iter().filter(|it| **it != at[1]).for_each(|it| segments.kill(*it));
        segments.finish_cleaning(first);
        assert_eq!(segments.hole(Stream::Writes, len), None);
        segments.lend(false);
        (0..64_u8).for_each(|i| _ = append(&mut segments, &[i], &[i; 2015]));
        segments.lend(true);
        assert_ne!(segments.segment(first).state, State::Free);
        assert_eq!(segments.hole(Stream::Writes, len), None, "the segment is another one now");
        segments.kill(at[41]);
        assert_eq!(segments.take_place(Stream::Writes, len), at[41]);
    }

    #[test]
    fn what_dies_in_a_front_hides_no_place() {
        let mut segments = Segments::reserve(LEN, 8 * LEN as u64).expect("reserves");
        let at: Vec<_> = (0..9_u8).map(|i| append(&mut segments, &[i], &[i; 2015])).collect();
        let len = segments.record(at[0]).shape().len();
        segments.lend(true);
        segments.kill(at[7]);
        segments.set_front(0, len);
        segments.kill(at[0]);
        assert_eq!(segments.take_place(Stream::Writes, len), at[7]);
    }

    #[test]
    fn what_is_filled_is_charged_and_ends_that_stay_empty() {
        let mut segments = Segments::reserve(LEN, 8 * LEN as u64).expect("reserves");
        let append = |segments: &mut Segments| append(segments, b"key", &[1; 20_000]);
        let at: Vec<_> = (0..3).map(|_| append(&mut segments)).collect();
        let len = segments.record(at[0]).shape().len();
        assert_eq!(segments.totals().charged_bytes(), 3 * len as u64);
        // The first is spare with the fourth record, and sealed with the seventh.
        (0..3).for_each(|_| _ = append(&mut segments));
        assert_eq!(segments.charge_of_opening(Stream::Writes), Some(LEN - 3 * len));
        append(&mut segments);
        assert_eq!(segments.totals().charged_bytes(), (LEN + 4 * len) as u64);
        segments.start_cleaning(0);
        segments.set_front(0, len);
        segments.kill(at[0]);
        assert_eq!(segments.totals().charged_bytes(), (LEN + 3 * len) as u64);
        segments.stop_cleaning(0);
        assert_eq!((segments.segment(0).dead(), segments.totals().dead_bytes()), (0, 0));
        segments.lend(true);
        assert_eq!(segments.hole(Stream::Writes, len), None, "the front is nobody's place");
        at[1..].iter().for_each(|at| segments.kill(*at));
        assert_eq!((segments.totals().charged_bytes(), segments.in_use()), (4 * len as u64, 2));
    }

    #[test]
    fn a_full_range_opens_nothing() {
        let mut segments = Segments::reserve(LEN, 2 * LEN as u64).expect("reserves");
        assert!(segments.open_next(Stream::Writes));
        append(&mut segments, b"k", b"v");
        assert!(segments.open_next(Stream::Writes));
        append(&mut segments, b"k", b"v");
        assert!(!segments.open_next(Stream::Writes));
    }
}
