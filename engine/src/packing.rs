//! Packing: values that are written packed, and those that a worker packs afterwards.
//!
//! Invariant: what a client can see of an item never depends on whether it is packed: value,
//! version, deadline and access stay, and effects carry raw values. Cost: a comparison a write; a
//! value up to `Codec::shard_len_max` is packed at once, a longer one waits for the worker.

use std::sync::Arc;

use crate::change::{NewItem, Source, large_place};
use crate::codec::{Codec, Prefix, Unpackable};
use crate::compression::Compression;
use crate::effect::Effects;
use crate::engine::Engine;
use crate::item::ValueRef;
use crate::key::Place;
use crate::limits::CODEC_MEMORY_SHARE;
use crate::pack_queue::{Candidate, PackDone, PackJob, PackedValue, RawValue};
use crate::record::{Head, PACKED_PLACE_LEN, Shape, record_len};
use crate::refused::Refused;
use crate::table::Address;
use crate::version::Version;

impl<E: Effects> Engine<E> {
    /// Which values are packed.
    pub fn compression(&self) -> Compression {
        self.packing.compression
    }

    /// Packs values written from now on like this. What is held stays as it is.
    pub fn set_compression(&mut self, compression: Compression) {
        self.packing.set(compression);
        self.count_codecs();
    }

    /// Whether there is memory to pack with, or to unpack what has this prefix: it counts from now
    /// on. Records may move and items may be evicted for it.
    fn equip(&mut self, packs: bool, unpackable: Unpackable, now_ms: u64) -> bool {
        let packs = packs || self.packing.packs();
        let bytes = self.packing.bytes(packs, unpackable);
        let more = bytes.saturating_sub(self.larges.set_apart_bytes());
        let share = self.limits.memory_bytes_max / CODEC_MEMORY_SHARE;
        if more > 0 && (bytes > share || !self.make_room_beside(more, now_ms)) {
            return false;
        }
        self.packing.equip(packs, unpackable);
        self.count_codecs();
        true
    }

    /// Counts what is set apart now.
    fn count_codecs(&mut self) {
        let packing = &self.packing;
        self.larges.set_apart(packing.bytes(packing.packs(), packing.unpackable));
    }

    /// A limit so low that packing takes too much of it ends packing on the shard.
    pub(crate) fn check_codecs(&mut self) {
        if self.larges.set_apart_bytes() > self.limits.memory_bytes_max / CODEC_MEMORY_SHARE {
            self.packing.forget_packer();
            self.count_codecs();
        }
    }

    /// How many items are packed, and the bytes of their values as clients see them.
    #[inline]
    pub fn packed(&self) -> (u64, u64) {
        (self.packing.tally.items, self.packing.tally.raw_bytes)
    }

    /// Nanoseconds of the caller's clock that packing and unpacking have taken on this shard.
    #[inline]
    pub fn coding_ns(&self) -> u64 {
        self.counters.pack_ns + self.packing.unpacking.took_ns.get()
    }

    /// Writes an item after making room for it, packed if it is long enough and that pays.
    #[inline(never)]
    pub(crate) fn store(
        &mut self,
        mut item: NewItem<'_>,
        given: Option<Version>,
        now_ms: u64,
    ) -> Result<Version, Refused> {
        let codec = self.packing.compression.codec;
        let (place, len) = (item.key.place(), item.value.len());
        if len <= self.packing.longer_than {
            return self.put_as_is(item, given, now_ms);
        }
        let mut on_shard = len <= codec.shard_len_max();
        if on_shard && !self.packing.packs() {
            on_shard = self.equip(true, self.packing.unpackable.with(codec), now_ms);
            // Making room may have moved the record, or evicted it.
            item.found = self.find(item.key);
        }
        if !on_shard {
            let version = self.put_as_is(item, given, now_ms)?;
            self.queue_packing(place, len, version);
            return Ok(version);
        }
        let mut packed = core::mem::take(&mut self.packing.scratch);
        let version = if self.pack(codec, item.value.bytes(), &mut packed) {
            self.put_packed(item, &packed, given, now_ms)
        } else {
            self.put_as_is(item, given, now_ms)
        };
        self.packing.scratch = packed;
        version
    }

    /// Lets a value that was just written raw wait for the worker, if it may be packed.
    #[cold]
    #[inline(never)]
    pub(crate) fn queue_packing(&mut self, place: Place, len: usize, version: Version) {
        if len <= self.packing.longer_than {
            return;
        }
        let fits = len <= self.packing.compression.codec.raw_len_max();
        let queued = fits && self.packing.queue.push(Candidate { place, version });
        self.counters.pack_skips += u64::from(!queued);
    }

    /// Writes an item as it is after making room for it.
    #[inline(never)]
    pub(crate) fn put_as_is(
        &mut self,
        item: NewItem<'_>,
        given: Option<Version>,
        now_ms: u64,
    ) -> Result<Version, Refused> {
        self.put::<false>(item, b"", given, now_ms)
    }

    /// Packs a value on the shard. Returns whether that pays.
    fn pack(&mut self, codec: Codec, raw: &[u8], packed: &mut Vec<u8>) -> bool {
        let began_ns = (self.packing.clock_ns)();
        let pays = self.packing.packer.pack(codec, raw, packed);
        self.counters.pack_ns += (self.packing.clock_ns)().saturating_sub(began_ns);
        self.counters.packs += u64::from(pays);
        self.counters.poor_packs += u64::from(!pays);
        pays
    }

    fn put_packed(
        &mut self,
        item: NewItem<'_>,
        packed: &[u8],
        given: Option<Version>,
        now_ms: u64,
    ) -> Result<Version, Refused> {
        let (value, raw) = (self.source_of_bytes(packed)?, item.value.bytes());
        let NewItem { key, found, deadline_ms, client_flags, tag, .. } = item;
        let packed = NewItem { key, found, value, deadline_ms, client_flags, tag };
        self.put::<true>(packed, raw, given, now_ms)
    }

    /// A value for the worker, if one waits and it may have one more.
    pub fn next_pack_job(&mut self, now_ms: u64) -> Option<PackJob> {
        while let Some(candidate) = self.packing.queue.pop() {
            let Some(at) = self.find_raw(candidate, now_ms) else { continue };
            let raw = match self.item(at).value {
                ValueRef::Inline(bytes) => RawValue::Copied(bytes.into()),
                ValueRef::Large(large) => RawValue::Pinned(Arc::clone(large)),
                ValueRef::Packed(_) => continue,
            };
            let (id, codec) = (self.packing.queue.begin(candidate), self.packing.compression.codec);
            let inline_len_max = self.inline_len_max();
            return Some(PackJob { id, codec, raw, inline_len_max });
        }
        None
    }

    /// Whether a value waits for the worker.
    #[inline]
    pub fn has_pack_jobs(&self) -> bool {
        self.packing.queue.len() > 0
    }

    /// Puts what the worker made in the place of the raw value, if that is still there. Returns
    /// whether it did. Nobody is told: the item is what it was.
    pub fn finish_pack(&mut self, done: PackDone, now_ms: u64) -> bool {
        let Some(candidate) = self.packing.queue.end(done.id) else { return false };
        self.counters.worker_ns += done.took_ns;
        let Some(packed) = done.packed else {
            self.counters.poor_packs += 1;
            return false;
        };
        let source = match &packed {
            PackedValue::Short(bytes) => Source::Inline(bytes),
            PackedValue::Long(large) => Source::Large(Arc::clone(large)),
        };
        let unpackable = self.packing.unpackable.with_prefix(Prefix::read(source.bytes()));
        if !self.equip(false, unpackable, now_ms) {
            self.counters.pack_skips += 1;
            return false;
        }
        let replaced = self.replace_raw(candidate, source, now_ms).is_some();
        self.counters.packs += u64::from(replaced);
        replaced
    }

    /// Where the item lies that still has its raw value.
    fn find_raw(&self, candidate: Candidate, now_ms: u64) -> Option<Address> {
        self.index.find(candidate.place, |at| {
            let record = self.segments.record(at);
            record.version() == candidate.version
                && !record.shape().is_packed()
                && !record.is_expired(now_ms)
        })
    }

    /// Makes room and puts a packed value in the place of the raw one.
    fn replace_raw(&mut self, candidate: Candidate, source: Source<'_>, now_ms: u64) -> Option<()> {
        let at = self.find_raw(candidate, now_ms)?;
        let record = self.segments.record(at);
        let (key_len, value_len) = (record.key().len(), source.packed_len());
        let extra = record.client_flags() | u32::from(record.tag()) != 0;
        let len = record_len(key_len, value_len, record.deadline_ms(), extra);
        self.reserve(len, source.large_len(), now_ms).ok()?;
        // Making room may have moved the record, or evicted it.
        let at = self.find_raw(candidate, now_ms)?;
        self.swap_value(candidate.place, at, source);
        Some(())
    }

    fn swap_value(&mut self, place: Place, at: Address, source: Source<'_>) {
        let record = self.segments.record(at);
        let (version, watched, shape) = (record.version(), record.watched(), record.shape());
        let (client_flags, tag) = (record.client_flags(), record.tag());
        let key = record.key().to_vec();
        self.forget_written(place, at);
        let place_bytes;
        let (number, value) = match &source {
            Source::Inline(bytes) => (None, *bytes),
            Source::Large(large) => {
                let number = self.larges.insert(Arc::clone(large));
                place_bytes = large_place(number, Some(large));
                (Some(number), &place_bytes[..])
            }
        };
        let (lens, deadline_ms) = ((key.len(), value.len()), watched.map(|it| it.deadline_ms));
        let extra = client_flags | u32::from(tag) != 0;
        let packed = Shape::new(shape.db(), lens, deadline_ms, extra).packed();
        let packed = if number.is_some() { packed.large() } else { packed };
        let packed = packed.with_access(shape.access());
        let head = Head { version, shape: packed, tag, watched, client_flags, key: &key };
        let to = self.settle_record::<true>(place, Some((at, shape)), &head, value);
        if let Some(number) = number {
            self.larges.moved(number, to);
            self.rank_large(place, to);
        }
    }

    /// A value that is no plain part of its record goes: it is replaced, or its item goes.
    pub(crate) fn forget_value(&mut self, at: Address) {
        let record = self.segments.record(at);
        if record.shape().is_packed() {
            self.packing.tally.remove(record);
        }
        if let Some(number) = record.large_number() {
            self.larges.retire(number);
        }
    }
}

impl Source<'_> {
    /// Bytes of the value, or of its place among the large ones, inside the record of a packed
    /// value.
    fn packed_len(&self) -> usize {
        match self {
            Self::Inline(bytes) => bytes.len(),
            Self::Large(_) => PACKED_PLACE_LEN,
        }
    }
}
