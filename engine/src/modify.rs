//! Changes of a value by a part: increment, append, overwrite a range.
//!
//! Invariant: deadline, client flags and type tag stay. Cost: a short value is put together in
//! one buffer; a long one that nobody pins grows where it is, a pinned one is copied first, a
//! packed one is unpacked first.

use std::sync::Arc;

use crate::change::{Mutation, NewItem, Source};
use crate::collected::BESIDE_VALUE_BYTES_MAX;
use crate::effect::Effects;
use crate::engine::Engine;
use crate::item::ValueRef;
use crate::key::Key;
use crate::large::{LargeValue, StagedValue, lengthened, pages};
use crate::record::{LARGE_NUMBER_LEN, record_len};
use crate::refused::Refused;
use crate::table::Address;

/// Most digits of a 64-bit integer, with its sign.
const INTEGER_LEN_MAX: usize = 20;

impl<E: Effects> Engine<E> {
    /// Adds `delta` to a decimal integer; an absent key counts as 0. Returns the sum.
    ///
    /// # Errors
    /// `NotAnInteger`, `Overflow`, and those of `set`.
    pub fn increment(&mut self, key: &Key<'_>, delta: i64, now_ms: u64) -> Result<i64, Refused> {
        self.check_lengths(key, INTEGER_LEN_MAX)?;
        let found = self.find_live(key, now_ms);
        let old = match found {
            None => 0,
            Some(at) => {
                let value = self.item(at).value;
                // Unpacking what is too long would be in vain.
                if value.len() > INTEGER_LEN_MAX {
                    return Err(Refused::NotAnInteger);
                }
                parse_integer(&value.as_bytes())?
            }
        };
        let sum = old.checked_add(delta).ok_or(Refused::Overflow)?;
        let mut digits = [0; INTEGER_LEN_MAX];
        let digits = format_integer(sum, &mut digits);
        self.replace_value(key, found, Source::Inline(digits), now_ms)?;
        Ok(sum)
    }

    /// Appends `tail`; an absent key counts as empty. Returns the new length.
    ///
    /// # Errors
    /// Those of `set`.
    pub fn append(&mut self, key: &Key<'_>, tail: &[u8], now_ms: u64) -> Result<usize, Refused> {
        let found = self.find_live(key, now_ms);
        let len = found.map_or(0, |at| self.item(at).value.len());
        self.overwrite(key, found, len, tail, now_ms)
    }

    /// Overwrites the value from `offset` on with `part`; what lies between its end and `offset`
    /// becomes zero. Returns the new length.
    ///
    /// # Errors
    /// Those of `set`.
    pub fn set_range(
        &mut self,
        key: &Key<'_>,
        offset: usize,
        part: &[u8],
        now_ms: u64,
    ) -> Result<usize, Refused> {
        let found = self.find_live(key, now_ms);
        self.overwrite(key, found, offset, part, now_ms)
    }

    fn overwrite(
        &mut self,
        key: &Key<'_>,
        found: Option<Address>,
        offset: usize,
        part: &[u8],
        now_ms: u64,
    ) -> Result<usize, Refused> {
        let end = offset.saturating_add(part.len());
        let len = end.max(found.map_or(0, |at| self.item(at).value.len()));
        self.check_lengths(key, len)?;
        if let Some(at) = found
            && let ValueRef::Large(value) = self.item(at).value
        {
            let value = Arc::clone(value);
            let value = self.overwrite_large(key, at, value, len, (offset, part), now_ms)?;
            return Ok(value);
        }
        if len > self.inline_len_max() {
            let mut staged = StagedValue::new(len)?;
            if let Some(at) = found {
                staged.extend(&self.item(at).value.as_bytes());
            }
            let mut value = staged.finish();
            value.lengthen(len)?;
            value.bytes_mut()[offset..end].copy_from_slice(part);
            self.replace_value(key, found, Source::Large(Arc::new(value)), now_ms)?;
            return Ok(len);
        }
        let mut scratch = core::mem::take(&mut self.scratch);
        scratch.clear();
        if let Some(at) = found {
            self.item(at).value.append_to(&mut scratch);
        }
        scratch.resize(len, 0);
        scratch[offset..end].copy_from_slice(part);
        let done = self.replace_value(key, found, Source::Inline(&scratch), now_ms);
        self.scratch = scratch;
        done.map(|()| len)
    }

    /// Overwrites part of a large value, in place when nobody else holds it.
    fn overwrite_large(
        &mut self,
        key: &Key<'_>,
        at: Address,
        value: Arc<LargeValue>,
        len: usize,
        (offset, part): (usize, &[u8]),
        now_ms: u64,
    ) -> Result<usize, Refused> {
        let room = value.room();
        let old = self.item(at);
        let (deadline_ms, client_flags, tag) = (old.deadline_ms, old.client_flags, old.tag);
        // The engine holds one handle and `value` is another; a third pins the bytes.
        let shared = Arc::strong_count(&value) > 2;
        let wanted =
            if shared || len > room { lengthened(len + BESIDE_VALUE_BYTES_MAX) } else { 0 };
        let extra = client_flags != 0 || tag != 0;
        let record_len = record_len(key.bytes.len(), LARGE_NUMBER_LEN, deadline_ms, extra);
        self.reserve(record_len, wanted as u64, now_ms)?;
        let found = self.find(key);
        let mut value = match self.owned(found, value) {
            Ok(owned) => owned,
            Err(shared) => copied(&shared, len)?,
        };
        // A value that cannot grow is put back as it was.
        let grown = value.lengthen(len);
        if grown.is_ok() {
            value.bytes_mut()[offset..offset + part.len()].copy_from_slice(part);
        }
        let value = Source::Large(Arc::new(value));
        let item = NewItem { key, found, value, deadline_ms, client_flags, tag };
        let version = self.change(Mutation::Write(item), None, now_ms);
        self.queue_packing(key.place(), len, version);
        grown.map(|()| len)
    }

    /// The value behind the last handle, or the handle when others hold it too.
    fn owned(
        &mut self,
        found: Option<Address>,
        value: Arc<LargeValue>,
    ) -> Result<LargeValue, Arc<LargeValue>> {
        let number = found.and_then(|at| self.segments.record(at).large_number());
        if let Some(number) = number
            && Arc::strong_count(&value) == 2
        {
            drop(self.larges.lend(number));
        }
        Arc::try_unwrap(value)
    }

    /// Writes a value to a key that keeps its deadline, flags and tag.
    fn replace_value(
        &mut self,
        key: &Key<'_>,
        found: Option<Address>,
        value: Source<'_>,
        now_ms: u64,
    ) -> Result<(), Refused> {
        let record = found.map(|at| self.segments.record(at));
        let deadline_ms = record.and_then(|record| record.deadline_ms());
        let (client_flags, tag) = record.map_or((0, 0), |it| (it.client_flags(), it.tag()));
        let item = NewItem { key, found, value, deadline_ms, client_flags, tag };
        self.store(item, None, now_ms).map(|_| ())
    }
}

/// A copy with room for `len` bytes.
fn copied(value: &LargeValue, len: usize) -> Result<LargeValue, Refused> {
    let mut staged = StagedValue::new(pages(len.max(value.len())))?;
    staged.extend(value);
    Ok(staged.finish())
}

/// A 64-bit integer in the one decimal form it has: no sign but `-`, no spaces, no leading zero.
fn parse_integer(bytes: &[u8]) -> Result<i64, Refused> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let plain = matches!(digits, [b'1'..=b'9', ..]) || bytes == b"0";
    if !plain || bytes.len() > INTEGER_LEN_MAX {
        return Err(Refused::NotAnInteger);
    }
    let text = core::str::from_utf8(bytes).map_err(|_| Refused::NotAnInteger)?;
    text.parse().map_err(|_| Refused::NotAnInteger)
}

fn format_integer(number: i64, digits: &mut [u8; INTEGER_LEN_MAX]) -> &[u8] {
    let (mut rest, mut start) = (number.unsigned_abs(), INTEGER_LEN_MAX);
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        start -= 1;
        digits[start] = b'-';
    }
    &digits[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_form() {
        for number in [0, 1, -1, 9, 10, -10, 12345, i64::MAX, i64::MIN] {
            let mut digits = [0; INTEGER_LEN_MAX];
            let text = format_integer(number, &mut digits);
            assert_eq!(text, number.to_string().as_bytes());
            assert_eq!(parse_integer(text), Ok(number));
        }
        let wrong = ["", "-", "+1", "01", "-0", " 1", "1 ", "1.0", "9223372036854775808", "0x1"];
        for text in wrong {
            assert_eq!(parse_integer(text.as_bytes()), Err(Refused::NotAnInteger), "{text}");
        }
    }
}
