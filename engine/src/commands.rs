//! Commands on one key: read, write, delete, touch, redate.
//!
//! Invariant: an item past its deadline is never returned, not even in the millisecond of the
//! deadline itself. Cost: one lookup each; a write of the same length allocates nothing.

use core::num::NonZeroU64;
use std::sync::Arc;

use crate::change::{Mutation, NewItem, Source};
use crate::collected::{BESIDE_VALUE_BYTES_MAX, Collected, is_value_of};
use crate::effect::{Cause, Effects};
use crate::engine::Engine;
use crate::item::Item;
use crate::key::Key;
use crate::large::StagedValue;
use crate::limits::{
    INDEX_GROWTH_BYTES_MAX, KEY_LEN_BYTES_MAX, OTHERS_SEGMENTS_MIN, SEGMENT_LEN_BYTES_MIN,
    SEGMENT_SHARE,
};
use crate::record::INLINE_LEN_MAX;
use crate::refused::Refused;
use crate::table::Address;
use crate::version::Version;
use crate::write::{Condition, Deadline, NewValue, Stored, Write};

/// Keys and values up to this length may be held whatever a segment's length is.
const SHORT_LEN_MAX: usize = SEGMENT_LEN_BYTES_MIN / SEGMENT_SHARE;

const _: () = assert!(SHORT_LEN_MAX <= INLINE_LEN_MAX && SHORT_LEN_MAX <= KEY_LEN_BYTES_MAX);

impl<E: Effects> Engine<E> {
    /// The item of `key`. Counts a hit or a miss and marks the item as used.
    #[inline(always)]
    pub fn get(&mut self, key: &Key<'_>, now_ms: u64) -> Option<Item<'_>> {
        self.hot.access(key, now_ms);
        let Some(at) = self.find_live_here(key, now_ms) else {
            self.counters.misses += 1;
            return None;
        };
        self.counters.hits += 1;
        self.mark_used(at);
        Some(self.item(at))
    }

    /// The item of `key`, leaving no trace.
    #[inline]
    pub fn peek(&self, key: &Key<'_>, now_ms: u64) -> Option<Item<'_>> {
        let at = self.find(key)?;
        (!self.segments.record(at).is_expired(now_ms)).then(|| self.item(at))
    }

    /// Writes a value if the condition holds. A deadline that has passed removes the key.
    ///
    /// # Errors
    /// `KeyTooLong`, `ItemTooLong`, `OutOfMemory`; the key is what it was, or was evicted.
    #[inline]
    pub fn set(&mut self, key: &Key<'_>, write: Write<'_>, now_ms: u64) -> Result<Stored, Refused> {
        // Elsewhere: a call from here would cost every write the registers it saves.
        if self.hot.is_sample() {
            return self.set_sampled(key, write, now_ms);
        }
        let (key_len, len) = (key.bytes.len(), write.value.as_bytes().len());
        if key_len > SHORT_LEN_MAX || len > SHORT_LEN_MAX || len > self.packing.longer_than {
            return self.set_long(key, write, now_ms);
        }
        self.set_checked::<false>(key, write, now_ms)
    }

    /// Writes a value, and samples the access.
    #[cold]
    #[inline(never)]
    fn set_sampled(
        &mut self,
        key: &Key<'_>,
        write: Write<'_>,
        now_ms: u64,
    ) -> Result<Stored, Refused> {
        self.hot.sample(key, now_ms);
        self.set_long(key, write, now_ms)
    }

    /// Writes a value that may be packed, or lie elsewhere, or be too long.
    #[cold]
    #[inline(never)]
    fn set_long(
        &mut self,
        key: &Key<'_>,
        write: Write<'_>,
        now_ms: u64,
    ) -> Result<Stored, Refused> {
        self.check_lengths(key, write.value.as_bytes().len())?;
        self.set_checked::<true>(key, write, now_ms)
    }

    #[inline(always)]
    fn set_checked<const LONG: bool>(
        &mut self,
        key: &Key<'_>,
        write: Write<'_>,
        now_ms: u64,
    ) -> Result<Stored, Refused> {
        let found = self.find_live_here(key, now_ms);
        if !self.holds(found, &write.condition) {
            let current = found.map(|at| self.segments.record(at).version());
            return Ok(Stored::Unmet { current });
        }
        let deadline_ms = match write.deadline {
            Deadline::Never => None,
            Deadline::At(deadline_ms) => Some(deadline_ms),
            Deadline::Keep => found.and_then(|at| self.segments.record(at).deadline_ms()),
        };
        let replaced = found.is_some();
        if deadline_ms.is_some_and(|deadline_ms| deadline_ms.get() <= now_ms) {
            if let Some(at) = found {
                self.remove_found(key, at, Cause::Deleted, now_ms);
            }
            return Ok(Stored::Written { version: self.slot_version(key.slot), replaced });
        }
        let short;
        let value = match write.value {
            _ if !LONG => Source::Inline(write.value.as_bytes()),
            NewValue::Bytes(bytes) => self.source_of_bytes(bytes)?,
            NewValue::Staged(staged) if staged.as_bytes().len() <= self.inline_len_max() => {
                short = staged;
                Source::Inline(short.as_bytes())
            }
            NewValue::Staged(staged) => Source::Large(Arc::new(staged.finish())),
        };
        let (client_flags, tag) = (write.client_flags, write.tag);
        let item = NewItem { key, found, value, deadline_ms, client_flags, tag };
        let version = match LONG {
            true => self.store(item, None, now_ms)?,
            false => self.put::<false>(item, b"", None, now_ms)?,
        };
        Ok(Stored::Written { version, replaced })
    }

    /// Removes a key. Returns whether it existed.
    pub fn delete(&mut self, key: &Key<'_>, now_ms: u64) -> bool {
        let Some(at) = self.find_live(key, now_ms) else { return false };
        self.remove_found(key, at, Cause::Deleted, now_ms);
        true
    }

    /// Marks an item as used. Returns whether it exists.
    pub fn touch(&mut self, key: &Key<'_>, now_ms: u64) -> bool {
        let Some(at) = self.find_live(key, now_ms) else { return false };
        self.mark_used(at);
        true
    }

    #[inline(always)]
    fn mark_used(&mut self, at: Address) {
        let access = || self.segments.record(at).shape().access();
        if let Some(access) = self.keeper.used(access, self.index.items()) {
            self.segments.set_access(at, access);
        }
    }

    /// Gives an item another deadline, or none. One that has passed removes the key. Returns
    /// whether the key existed.
    ///
    /// # Errors
    /// `OutOfMemory` when an item that never had a deadline cannot grow by its bytes.
    pub fn redate(
        &mut self,
        key: &Key<'_>,
        deadline_ms: Option<NonZeroU64>,
        now_ms: u64,
    ) -> Result<bool, Refused> {
        let Some(at) = self.find_live(key, now_ms) else { return Ok(false) };
        if deadline_ms.is_some_and(|deadline_ms| deadline_ms.get() <= now_ms) {
            self.remove_found(key, at, Cause::Deleted, now_ms);
            return Ok(true);
        }
        if deadline_ms.is_some() || self.segments.record(at).deadline_ms().is_some() {
            self.redate_found(key, at, deadline_ms, None, now_ms)?;
        }
        Ok(true)
    }

    /// Redates an existing item, with room made for the deadline.
    pub(crate) fn redate_found(
        &mut self,
        key: &Key<'_>,
        at: Address,
        deadline_ms: Option<NonZeroU64>,
        given: Option<Version>,
        now_ms: u64,
    ) -> Result<(), Refused> {
        let shape = self.segments.record(at).shape();
        let longer = shape.with_deadline(deadline_ms);
        let mut found = Some(at);
        if longer != shape || !self.has_margin() {
            self.reserve_for_deadline(longer.len(), now_ms)?;
            found = self.find(key);
        }
        if let Some(at) = found {
            let place = key.place();
            self.change(Mutation::Redate { place, at, deadline_ms }, given, now_ms);
        }
        Ok(())
    }

    /// A key was accessed: where its item lies, for those that have no need to be quick.
    #[inline(never)]
    pub(crate) fn find_live(&mut self, key: &Key<'_>, now_ms: u64) -> Option<Address> {
        self.hot.access(key, now_ms);
        self.find_live_here(key, now_ms)
    }

    /// Where a live item lies; one whose time is over is removed.
    #[inline(always)]
    fn find_live_here(&mut self, key: &Key<'_>, now_ms: u64) -> Option<Address> {
        let at = self.find(key)?;
        if self.segments.record(at).is_expired(now_ms) {
            self.remove_found(key, at, Cause::Expired, now_ms);
            return None;
        }
        Some(at)
    }

    #[inline(never)]
    fn remove_found(&mut self, key: &Key<'_>, at: Address, cause: Cause, now_ms: u64) {
        let place = key.place();
        self.change(Mutation::Remove { place, at, cause }, None, now_ms);
        self.keep_within(now_ms);
    }

    #[inline(always)]
    fn holds(&self, found: Option<Address>, condition: &Condition<'_>) -> bool {
        matches!(condition, Condition::Always) || self.is_met(found, condition)
    }

    #[inline(never)]
    fn is_met(&self, found: Option<Address>, condition: &Condition<'_>) -> bool {
        let is = |wanted: &[u8]| found.is_some_and(|at| self.item(at).value.equals(wanted));
        match condition {
            Condition::Always => true,
            Condition::Absent => found.is_none(),
            Condition::Present => found.is_some(),
            Condition::Version(version) => {
                found.is_some_and(|at| self.segments.record(at).version() == *version)
            }
            Condition::Equals(value) => is(value),
            Condition::Differs(value) => !is(value),
        }
    }

    /// Writes an item after making room for it; `raw` is what a packed value was packed from.
    #[inline(always)]
    pub(crate) fn put<const PACKED: bool>(
        &mut self,
        mut item: NewItem<'_>,
        raw: &[u8],
        given: Option<Version>,
        now_ms: u64,
    ) -> Result<Version, Refused> {
        if !self.fits_in_place(&item, PACKED) {
            let existed = item.found.is_some();
            if !existed {
                self.make_item_room(now_ms)?;
            }
            let (record_len, large_len) = (item.shape(PACKED).len(), item.value.large_len());
            match PACKED {
                true => self.reserve(record_len, large_len, now_ms)?,
                false => self.reserve_here(record_len, large_len, now_ms)?,
            }
            // Making room may have moved the record, or evicted it.
            if existed {
                item.found = self.find_again(item.key);
            }
        }
        let mutation = match PACKED {
            false => Mutation::Write(item),
            true => Mutation::WritePacked(item, raw),
        };
        Ok(self.change(mutation, given, now_ms))
    }

    #[inline(never)]
    fn find_again(&self, key: &Key<'_>) -> Option<Address> {
        self.find(key)
    }

    /// Whether a record is written over the one there was. Without a deadline neither index nor
    /// wheel can grow by that.
    #[inline(always)]
    fn fits_in_place(&self, item: &NewItem<'_>, packed: bool) -> bool {
        let Some(at) = item.found else { return false };
        matches!(item.value, Source::Inline(_))
            && item.shape(packed).is_as_long_as(self.segments.record(at).shape())
            && (item.deadline_ms.is_none() || self.has_margin())
    }

    /// Refuses a key or value that could never be held.
    #[inline]
    pub(crate) fn check_lengths(&self, key: &Key<'_>, len: usize) -> Result<(), Refused> {
        self.check(key.bytes.len(), len)
    }

    /// Refuses lengths of key and value that could never be held.
    ///
    /// # Errors
    /// `KeyTooLong`, `ItemTooLong`.
    #[inline]
    pub fn check(&self, key_len: usize, value_len: usize) -> Result<(), Refused> {
        let key_len_max = KEY_LEN_BYTES_MAX.min(self.segments.segment_len() / SEGMENT_SHARE);
        if key_len > key_len_max {
            return Err(Refused::KeyTooLong { len: key_len, max: key_len_max });
        }
        if value_len > self.inline_len_max() {
            let max = self.value_len_max();
            if value_len > max {
                return Err(Refused::ItemTooLong { len: value_len, max });
            }
        }
        Ok(())
    }

    /// Bytes of the longest value there can be room for.
    pub(crate) fn value_len_max(&self) -> usize {
        let kept = OTHERS_SEGMENTS_MIN * self.segments.segment_len() as u64
            + 2 * INDEX_GROWTH_BYTES_MAX
            + BESIDE_VALUE_BYTES_MAX as u64;
        let room = self.limits.memory_bytes_max.saturating_sub(kept);
        self.limits.value_len_max().min(room as usize)
    }

    /// Bytes of the longest value that lies inside its record; staging pays for longer ones.
    #[inline]
    pub fn inline_len_max(&self) -> usize {
        INLINE_LEN_MAX.min(self.segments.segment_len() / SEGMENT_SHARE)
    }

    /// Until [`Engine::end_offer`], writes of the value of `collected` take it from where it lies.
    pub fn offer(&mut self, collected: &Collected) {
        self.offered = Some(Arc::clone(collected.value()));
    }

    /// What is offered now, for another engine to whom the value belongs.
    pub fn offered(&self) -> Option<Collected> {
        self.offered.clone().map(Collected::of)
    }

    /// Ends what [`Engine::offer`] began.
    pub fn end_offer(&mut self) {
        self.offered = None;
    }

    /// Gives back, in steps, the memory of a request that is not needed any more; the value stays
    /// if it was stored.
    pub fn let_go(&mut self, collected: Collected) {
        self.larges.let_go(collected.into_value());
    }

    /// Bytes as they will be held.
    #[inline]
    pub(crate) fn source_of_bytes<'a>(&self, bytes: &'a [u8]) -> Result<Source<'a>, Refused> {
        if bytes.len() <= self.inline_len_max() {
            return Ok(Source::Inline(bytes));
        }
        if let Some(offered) = self.offered.as_ref().filter(|it| is_value_of(bytes, it)) {
            return Ok(Source::Large(Arc::clone(offered)));
        }
        let mut staged = StagedValue::new(bytes.len())?;
        staged.extend(bytes);
        Ok(Source::Large(Arc::new(staged.finish())))
    }
}
