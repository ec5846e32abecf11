//! Changes: the one way in which a key's state changes.
//!
//! Commands, expiry, eviction, flush and replay all end in `Engine::change`. Invariant: record,
//! index, wheel, large values and counts change together, the slot's version rises, and exactly
//! one effect says so. Cost: a change of equal length rewrites the record in place.

use core::num::NonZeroU64;
use std::sync::Arc;

use crate::codec::{PREFIX_LEN, Prefix};
use crate::effect::{Cause, Change, Effect, Effects};
use crate::engine::Engine;
use crate::key::{Key, Place};
use crate::large::LargeValue;
use crate::limits::DEADLINE_MS_MAX;
use crate::pack_queue::Candidate;
use crate::record::{Head, LARGE_NUMBER_LEN, PACKED_PLACE_LEN, Shape, Watched};
use crate::table::Address;
use crate::version::Version;
use crate::wheel::Watch;

/// A change of one key, or of one slot of one database.
#[derive(Debug)]
pub(crate) enum Mutation<'a> {
    /// The key gets this value.
    Write(NewItem<'a>),
    /// The key gets this value, packed; its raw bytes are those of the slice.
    WritePacked(NewItem<'a>, &'a [u8]),
    /// The record at `at` gets this deadline.
    Redate { place: Place, at: Address, deadline_ms: Option<NonZeroU64> },
    /// The record at `at` goes.
    Remove { place: Place, at: Address, cause: Cause },
    /// All keys of a slot go.
    Flush { db: u8, slot: u16 },
    /// All keys of a database go, with an effect for each slot that has any.
    FlushAll { db: u8 },
}

/// What a key holds after a write.
#[derive(Debug)]
pub(crate) struct NewItem<'a> {
    pub(crate) key: &'a Key<'a>,
    /// Where the key lies now.
    pub(crate) found: Option<Address>,
    pub(crate) value: Source<'a>,
    pub(crate) deadline_ms: Option<NonZeroU64>,
    pub(crate) client_flags: u32,
    pub(crate) tag: u8,
}

/// A value on its way into the engine.
#[derive(Clone, Debug)]
pub(crate) enum Source<'a> {
    /// To be copied into the record.
    Inline(&'a [u8]),
    /// To be held beside it.
    Large(Arc<LargeValue>),
}

impl Source<'_> {
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Inline(bytes) => bytes,
            Self::Large(value) => value,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Bytes that a record keeps of the value.
    #[inline]
    pub(crate) fn kept_len(&self, packed: bool) -> usize {
        match self {
            Self::Inline(bytes) => bytes.len(),
            Self::Large(_) if packed => PACKED_PLACE_LEN,
            Self::Large(_) => LARGE_NUMBER_LEN,
        }
    }

    /// Bytes mapped beside the record.
    #[inline]
    pub(crate) fn large_len(&self) -> u64 {
        match self {
            Self::Inline(_) => 0,
            Self::Large(value) => value.mapped_len() as u64,
        }
    }
}

impl NewItem<'_> {
    /// The shape of the record this becomes, but for the policy's field.
    #[inline(always)]
    pub(crate) fn shape(&self, packed: bool) -> Shape {
        let lens = (self.key.bytes.len(), self.value.kept_len(packed));
        let extra = self.client_flags | u32::from(self.tag) != 0;
        let shape = Shape::new(self.key.db, lens, self.deadline_ms, extra);
        let shape = if packed { shape.packed() } else { shape };
        match self.value {
            Source::Inline(_) => shape,
            Source::Large(_) => shape.large(),
        }
    }
}

impl<E: Effects> Engine<E> {
    /// Changes state and emits the effect. Room for a record that grows was made before. Returns
    /// the version the change got, of the last slot when there are several. Inlined, so that who
    /// knows what changes calls what does it.
    #[inline(always)]
    pub(crate) fn change(
        &mut self,
        mutation: Mutation<'_>,
        given: Option<Version>,
        now_ms: u64,
    ) -> Version {
        match mutation {
            Mutation::Write(item) => self.write::<false>(item, b"", given, now_ms),
            Mutation::WritePacked(item, raw) => self.write_packed(item, raw, given, now_ms),
            Mutation::Redate { place, at, deadline_ms } => {
                self.date(place, at, deadline_ms, given, now_ms)
            }
            Mutation::Remove { place, at, cause } => self.remove(place, at, cause, given),
            Mutation::Flush { db, slot } => self.flush_slot(db, slot, given),
            Mutation::FlushAll { db } => self.flush_db(db),
        }
    }

    #[cold]
    #[inline(never)]
    fn write_packed(
        &mut self,
        item: NewItem<'_>,
        raw: &[u8],
        given: Option<Version>,
        now_ms: u64,
    ) -> Version {
        self.write::<true>(item, raw, given, now_ms)
    }

    /// `raw` is what a packed value was packed from.
    #[inline(always)]
    fn write<const PACKED: bool>(
        &mut self,
        item: NewItem<'_>,
        raw: &[u8],
        given: Option<Version>,
        now_ms: u64,
    ) -> Version {
        let place = item.key.place();
        debug_assert_eq!(place.slot, (self.slot_of)(item.key.bytes), "the caller's slot is ours");
        let version = self.sequences.advance(place.slot, given);
        let before = item.found.map(|at| (at, self.segments.record(at).shape()));
        let dated = before.filter(|(_, shape)| shape.is_dated());
        let had = dated.and_then(|(at, _)| self.segments.record(at).watched());
        let watched = self.watch(place, had, item.deadline_ms, now_ms);
        if let Some((at, shape)) = before
            && !shape.stands_alone()
        {
            self.forget_written(place, at);
        }
        let (number, large) = match &item.value {
            Source::Inline(_) => (0, false),
            Source::Large(value) => (self.larges.insert(Arc::clone(value)), true),
        };
        let place_bytes;
        let value = match &item.value {
            Source::Inline(bytes) => bytes,
            Source::Large(value) => {
                place_bytes = large_place(number, PACKED.then_some(value));
                if PACKED { &place_bytes[..] } else { &place_bytes[PACKED_LENS_LEN..] }
            }
        };
        let items = self.index.items();
        let access = match before {
            None => self.keeper.fresh(items),
            Some((_, shape)) => {
                self.keeper.used(|| shape.access(), items).unwrap_or_else(|| shape.access())
            }
        };
        let shape = item.shape(PACKED).with_access(access);
        let (tag, client_flags, key) = (item.tag, item.client_flags, item.key.bytes);
        let head = Head { version, shape, tag, watched, client_flags, key };
        let at = self.settle_record::<PACKED>(place, before, &head, value);
        self.index.count_deadline(place, had.is_some(), watched.is_some());
        if large {
            self.larges.moved(number, at);
            self.rank_large(place, at);
        }
        let value = match large {
            _ if PACKED => raw,
            true => &self.larges.get(number)[..],
            false => value,
        };
        let change = Change::Written {
            key: item.key.bytes,
            value,
            deadline_ms: watched.map(|it| it.deadline_ms),
            client_flags: item.client_flags,
            tag: item.tag,
        };
        self.effects.emit(&Effect { slot: place.slot, db: place.db, version, change });
        version
    }

    /// Writes the record in place if it has the length it had, else at the end; `before` is where
    /// it was, and how.
    #[inline(always)]
    pub(crate) fn settle_record<const PACKED: bool>(
        &mut self,
        place: Place,
        before: Option<(Address, Shape)>,
        head: &Head<'_>,
        value: &[u8],
    ) -> Address {
        let at = match before {
            Some((at, shape)) if head.shape.is_as_long_as(shape) => at,
            _ => self.settle_elsewhere(place, before.map(|(at, _)| at), head.shape.len()),
        };
        self.segments.write(at, head, value);
        if PACKED {
            self.packing.tally.add(self.segments.record(at));
        }
        at
    }

    /// The record of `place` is to be written, with `len` bytes, where it does not lie yet. A call
    /// of its own keeps writing in place short.
    #[inline(never)]
    fn settle_elsewhere(&mut self, place: Place, found: Option<Address>, len: usize) -> Address {
        let stream = self.stream_for_write(place, found, len);
        let at = self.segments.take_place(stream, len);
        self.counters.written_bytes += len as u64;
        self.relocate(place, found, at, len);
        at
    }

    /// The record of `place` lies at `at` from now on and has `len` bytes.
    #[inline(always)]
    fn relocate(&mut self, place: Place, found: Option<Address>, at: Address, len: usize) {
        self.largest.added(place, len);
        match found {
            None => self.index.insert(place, at),
            Some(old) => {
                self.index.replace(place, old, at);
                self.segments.kill(old);
            }
        }
    }

    /// What the wheel says of an item that gets `deadline_ms`. An entry that comes no later than
    /// the new deadline keeps watching: it looks at the item and goes on from there.
    fn watch(
        &mut self,
        place: Place,
        had: Option<Watched>,
        deadline_ms: Option<NonZeroU64>,
        now_ms: u64,
    ) -> Option<Watched> {
        let latest = NonZeroU64::new(DEADLINE_MS_MAX).expect("not zero");
        let deadline_ms = deadline_ms?.min(latest);
        if let Some(old) = had
            && old.deadline_ms <= deadline_ms
        {
            return Some(Watched { deadline_ms, ..old });
        }
        let mark = self.wheel.push(Watch::of(place), deadline_ms.get(), now_ms);
        Some(Watched { deadline_ms, mark })
    }

    #[inline(never)]
    fn date(
        &mut self,
        place: Place,
        at: Address,
        deadline_ms: Option<NonZeroU64>,
        given: Option<Version>,
        now_ms: u64,
    ) -> Version {
        let record = self.segments.record(at);
        let (shape, had, before) = (record.shape(), record.watched(), record.version());
        let version = self.sequences.advance(place.slot, given);
        let watched = self.watch(place, had, deadline_ms, now_ms);
        let mut to = at;
        let longer = shape.with_deadline(deadline_ms);
        if longer == shape {
            self.segments.set_deadline(at, version, watched);
        } else {
            let stream = self.stream_for_write(place, Some(at), longer.len());
            to = self.segments.take_place(stream, longer.len());
            self.segments.copy_dated(at, to, version, watched);
            self.counters.written_bytes += longer.len() as u64;
            if let Some(number) = self.segments.record(to).large_number() {
                self.larges.moved(number, to);
            }
            self.relocate(place, Some(at), to, longer.len());
            if self.segments.record(to).large_number().is_some() {
                self.rank_large(place, to);
            }
        }
        self.index.count_deadline(place, had.is_some(), watched.is_some());
        if !self.packing.queue.is_idle() {
            self.packing.queue.redated(Candidate { place, version: before }, version);
        }
        let key = self.segments.record(to).key();
        let change = Change::Redated { key, deadline_ms: watched.map(|it| it.deadline_ms) };
        self.effects.emit(&Effect { slot: place.slot, db: place.db, version, change });
        version
    }

    #[inline(never)]
    fn remove(
        &mut self,
        place: Place,
        at: Address,
        cause: Cause,
        given: Option<Version>,
    ) -> Version {
        let record = self.segments.record(at);
        let had = record.watched().is_some();
        let version = self.sequences.advance(place.slot, given);
        self.index.count_deadline(place, had, false);
        self.index.remove(place, at);
        match cause {
            Cause::Deleted => {}
            Cause::Expired => self.counters.expired += 1,
            Cause::Evicted => self.counters.evicted += 1,
        }
        let change = Change::Removed { key: record.key(), cause };
        self.effects.emit(&Effect { slot: place.slot, db: place.db, version, change });
        if !record.shape().stands_alone() {
            self.forget_removed(place, at);
        }
        self.segments.kill(at);
        version
    }

    /// The record of a retired table is dead, its large value goes. The table still points to it
    /// until it is drained, so nothing else may take its place.
    pub(crate) fn bury(&mut self, at: Address) {
        let record = self.segments.record(at);
        if record.shape().is_packed() {
            self.packing.tally.remove(record);
        }
        if let Some(number) = record.large_number() {
            self.larges.retire(number);
        }
        self.segments.abandon(at);
    }

    fn flush_slot(&mut self, db: u8, slot: u16, given: Option<Version>) -> Version {
        let version = self.sequences.advance(slot, given);
        self.index.retire_slot(db, slot, self.segments.serial());
        self.largest.doubt_all();
        self.effects.emit(&Effect { slot, db, version, change: Change::Flushed });
        version
    }

    fn flush_db(&mut self, db: u8) -> Version {
        let mut last = Version::default();
        let Some(directory) = self.index.directory(db) else { return last };
        let mut from = 0;
        while let Some(slot) = directory.next_filled(from) {
            last = self.sequences.advance(slot, None);
            self.effects.emit(&Effect { slot, db, version: last, change: Change::Flushed });
            from = usize::from(slot) + 1;
        }
        self.index.retire_db(db, self.segments.serial());
        self.largest.doubt_all();
        last
    }
}

/// Bytes before the number of a packed large value.
const PACKED_LENS_LEN: usize = PACKED_PLACE_LEN - LARGE_NUMBER_LEN;

/// What a record keeps of a packed large value with this number; of a raw one it keeps the end.
pub(crate) fn large_place(number: u32, packed: Option<&Arc<LargeValue>>) -> [u8; PACKED_PLACE_LEN] {
    let mut place = [0; PACKED_PLACE_LEN];
    place[PACKED_LENS_LEN..].copy_from_slice(&number.to_le_bytes());
    if let Some(packed) = packed {
        place[..PREFIX_LEN].copy_from_slice(&Prefix::read(packed).to_bytes());
        place[PREFIX_LEN..PACKED_LENS_LEN].copy_from_slice(&(packed.len() as u32).to_le_bytes());
    }
    place
}
