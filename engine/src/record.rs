//! Records: one item's bytes in a segment.
//!
//! ```text
//! word 0   version                epoch:20 | seq:44
//! word 1   shape                  access:24 | value_len:20 | key_len:16 | flags:4
//! word 2   home                   slot:14 | db:4 | 0:2 | fragment:28 | tag:8 | 0:8
//! [word]   deadline, if DEADLINE  deadline_ms:48 | wheel_tag:8 | 0:8
//! [word]   extra, if EXTRA        client_flags:32 | 0:32
//! key, value, zero to seven bytes of padding
//! ```
//!
//! The value of a LARGE record is the number of its slot among the large values. Invariant: a
//! record's length follows from word 1 alone and never changes, so a segment can be walked from
//! its front even over dead records. Cost: the three words, one cache line with a short key.

use core::num::NonZeroU64;

use crate::key::Place;
use crate::limits::{DATABASES_MAX, FRAGMENT_BITS, SLOT_COUNT};
use crate::version::Version;

/// Words every record begins with.
pub(crate) const HEAD_WORDS: usize = 3;
const DEADLINE: u64 = 1;
const EXTRA: u64 = 2;
const LARGE: u64 = 4;
const DEAD: u64 = 8;
/// Bytes of a large value's number.
pub(crate) const LARGE_NUMBER_LEN: usize = 4;
/// Most bytes a value can have inside a record.
pub(crate) const INLINE_LEN_MAX: usize = (1 << 20) - 1;
/// Bits of the access clock.
pub(crate) const ACCESS_BITS: u32 = 24;

const _: () = assert!(SLOT_COUNT == 1 << 14 && DATABASES_MAX <= 1 << 4 && FRAGMENT_BITS == 28);

/// Word 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape(u64);

impl Shape {
    fn new(key_len: usize, value_len: usize, flags: u64) -> Self {
        assert!(key_len < 1 << 16 && value_len <= INLINE_LEN_MAX);
        Self(flags | ((key_len as u64) << 4) | ((value_len as u64) << 20))
    }

    #[inline]
    pub(crate) fn access(self) -> u32 {
        (self.0 >> 40) as u32
    }

    #[inline]
    fn key_len(self) -> usize {
        (self.0 >> 4) as usize & 0xffff
    }

    #[inline]
    fn value_len(self) -> usize {
        (self.0 >> 20) as usize & INLINE_LEN_MAX
    }

    #[inline]
    pub(crate) fn has_deadline_word(self) -> bool {
        self.0 & DEADLINE != 0
    }

    #[inline]
    fn has_extra_word(self) -> bool {
        self.0 & EXTRA != 0
    }

    #[inline]
    pub(crate) fn is_large(self) -> bool {
        self.0 & LARGE != 0
    }

    #[inline]
    pub(crate) fn is_dead(self) -> bool {
        self.0 & DEAD != 0
    }

    #[inline]
    fn key_offset(self) -> usize {
        (HEAD_WORDS + (self.0 & DEADLINE) as usize + ((self.0 & EXTRA) >> 1) as usize) * 8
    }

    #[inline]
    fn value_offset(self) -> usize {
        self.key_offset() + self.key_len()
    }

    /// Bytes of the whole record, a multiple of 8.
    #[inline]
    pub(crate) fn len(self) -> usize {
        (self.value_offset() + self.value_len()).next_multiple_of(8)
    }
}

/// A record's deadline and the tag of the wheel entry that watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) deadline_ms: NonZeroU64,
    pub(crate) wheel_tag: u8,
}

/// Everything of a record but its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) version: Version,
    pub(crate) access: u32,
    pub(crate) place: Place,
    pub(crate) tag: u8,
    pub(crate) watched: Option<Watched>,
    pub(crate) client_flags: u32,
    pub(crate) key: &'a [u8],
    pub(crate) value_len: usize,
    pub(crate) large: bool,
}

impl Head<'_> {
    pub(crate) fn shape(&self) -> Shape {
        let deadline = if self.watched.is_some() { DEADLINE } else { 0 };
        let extra = if self.client_flags != 0 { EXTRA } else { 0 };
        let large = if self.large { LARGE } else { 0 };
        let shape = Shape::new(self.key.len(), self.value_len, deadline | extra | large);
        Shape(shape.0 | (u64::from(self.access) << 40))
    }

    /// Writes the words before the key; `words` begins where the record does.
    #[inline]
    pub(crate) fn write_words(&self, words: &mut [u64]) {
        let shape = self.shape();
        let Place { slot, db, fragment } = self.place;
        words[0] = self.version.0;
        words[1] = shape.0;
        words[2] = (u64::from(slot) << 50)
            | (u64::from(db) << 46)
            | (u64::from(fragment) << 16)
            | (u64::from(self.tag) << 8);
        let mut next = HEAD_WORDS;
        if shape.has_deadline_word() {
            words[next] = deadline_word(self.watched);
            next += 1;
        }
        if shape.has_extra_word() {
            words[next] = u64::from(self.client_flags) << 32;
        }
    }

    /// Writes key and value; `bytes` begins where the record does.
    #[inline]
    pub(crate) fn write_bytes(&self, bytes: &mut [u8], value: &[u8]) {
        debug_assert_eq!(value.len(), self.value_len);
        let offset = self.shape().key_offset();
        let (key, rest) = bytes[offset..].split_at_mut(self.key.len());
        key.copy_from_slice(self.key);
        rest[..value.len()].copy_from_slice(value);
    }
}

/// Bytes a record needs.
pub(crate) fn record_len(key_len: usize, value_len: usize, deadline: bool, extra: bool) -> usize {
    let words = HEAD_WORDS + usize::from(deadline) + usize::from(extra);
    (words * 8 + key_len + value_len).next_multiple_of(8)
}

fn deadline_word(watched: Option<Watched>) -> u64 {
    watched.map_or(0, |it| (it.deadline_ms.get() << 16) | (u64::from(it.wheel_tag) << 8))
}

/// A record, read in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// The engine's memory from the record's first word on.
    words: &'a [u64],
    /// The same memory in bytes.
    bytes: &'a [u8],
}

impl<'a> Record<'a> {
    #[inline]
    pub(crate) fn new(words: &'a [u64], bytes: &'a [u8]) -> Self {
        Self { words, bytes }
    }

    #[inline]
    pub(crate) fn version(self) -> Version {
        Version(self.words[0])
    }

    #[inline]
    pub(crate) fn shape(self) -> Shape {
        Shape(self.words[1])
    }

    #[inline]
    pub(crate) fn place(self) -> Place {
        let word = self.words[2];
        let fragment = (word >> 16) as u32 & ((1 << FRAGMENT_BITS) - 1);
        Place { slot: (word >> 50) as u16, db: (word >> 46) as u8 & 0xf, fragment }
    }

    #[inline]
    pub(crate) fn tag(self) -> u8 {
        (self.words[2] >> 8) as u8
    }

    #[inline]
    pub(crate) fn deadline_ms(self) -> Option<NonZeroU64> {
        if self.shape().has_deadline_word() {
            NonZeroU64::new(self.words[HEAD_WORDS] >> 16)
        } else {
            None
        }
    }

    #[inline]
    pub(crate) fn watched(self) -> Option<Watched> {
        let deadline_ms = self.deadline_ms()?;
        Some(Watched { deadline_ms, wheel_tag: (self.words[HEAD_WORDS] >> 8) as u8 })
    }

    #[inline]
    pub(crate) fn client_flags(self) -> u32 {
        let shape = self.shape();
        if !shape.has_extra_word() {
            return 0;
        }
        (self.words[HEAD_WORDS + usize::from(shape.has_deadline_word())] >> 32) as u32
    }

    #[inline]
    pub(crate) fn key(self) -> &'a [u8] {
        let shape = self.shape();
        &self.bytes[shape.key_offset()..][..shape.key_len()]
    }

    /// The value, or the number of a large one in four bytes.
    #[inline]
    pub(crate) fn value(self) -> &'a [u8] {
        let shape = self.shape();
        &self.bytes[shape.value_offset()..][..shape.value_len()]
    }

    /// The number of a large value.
    pub(crate) fn large_number(self) -> Option<u32> {
        let number = self.shape().is_large().then(|| self.value())?;
        Some(u32::from_le_bytes(number.try_into().expect("a large record holds four bytes")))
    }

    /// Whether the deadline has passed.
    #[inline]
    pub(crate) fn is_expired(self, now_ms: u64) -> bool {
        self.deadline_ms().is_some_and(|deadline_ms| deadline_ms.get() <= now_ms)
    }
}

/// Changes of single words of a record in place; `words` begins where the record does.
pub(crate) mod patch {
    use super::{DEAD, DEADLINE, HEAD_WORDS, Shape, Version, Watched, deadline_word};

    #[inline]
    pub(crate) fn access(words: &mut [u64], access: u32) {
        let word =
            (words[1] << super::ACCESS_BITS >> super::ACCESS_BITS) | (u64::from(access) << 40);
        if words[1] != word {
            words[1] = word;
        }
    }

    pub(crate) fn dead(words: &mut [u64]) {
        words[1] |= DEAD;
    }

    /// Declares a deadline word, for which the caller made room.
    pub(crate) fn add_deadline_word(words: &mut [u64]) {
        assert!(!Shape(words[1]).has_deadline_word());
        words[1] |= DEADLINE;
    }

    /// Sets version and deadline of a record that has a deadline word.
    pub(crate) fn deadline(words: &mut [u64], version: Version, watched: Option<Watched>) {
        assert!(Shape(words[1]).has_deadline_word());
        words[0] = version.0;
        words[HEAD_WORDS] = deadline_word(watched);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key_len: usize, value_len: usize, deadline: u64, client_flags: u32, large: bool) {
        let (key, value) = (vec![b'k'; key_len], vec![b'v'; value_len]);
        let watched =
            NonZeroU64::new(deadline).map(|deadline_ms| Watched { deadline_ms, wheel_tag: 0xa5 });
        let place = Place { slot: 16383, db: 15, fragment: (1 << FRAGMENT_BITS) - 1 };
        let (version, access) = (Version(u64::MAX), (1 << 24) - 1);
        let head = Head {
            version,
            access,
            place,
            tag: 255,
            watched,
            client_flags,
            key: &key,
            value_len,
            large,
        };
        let len = head.shape().len();
        assert_eq!(len, record_len(key_len, value_len, deadline != 0, client_flags != 0));
        let mut words = vec![0_u64; len / 8];
        head.write_words(&mut words);
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        head.write_bytes(&mut bytes, &value);
        let record = Record::new(&words, &bytes);
        assert_eq!((record.version(), record.shape().access()), (version, access));
        assert_eq!((record.place(), record.tag()), (place, 255));
        assert_eq!((record.watched(), record.client_flags()), (watched, client_flags));
        assert_eq!((record.key(), record.value()), (&key[..], &value[..]));
        assert_eq!(record.shape().is_large(), large);
        patch::access(&mut words, 3);
        patch::dead(&mut words);
        let record = Record::new(&words, &bytes);
        assert!(record.shape().is_dead() && record.shape().len() == len);
        assert_eq!((record.shape().access(), record.key().len()), (3, key_len));
    }

    #[test]
    fn every_field_is_read_back_at_every_boundary() {
        for key_len in [0, 1, 7, 8, 9, 250, 65_535] {
            for value_len in [0, 1, 4, 7, 8, 9, 4096, INLINE_LEN_MAX] {
                for deadline in [0, 1, (1 << 48) - 1] {
                    for client_flags in [0, 1, u32::MAX] {
                        check(key_len, value_len, deadline, client_flags, value_len == 4);
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "value_len <= INLINE_LEN_MAX")]
    fn a_longer_value_never_gets_a_record() {
        check(1, INLINE_LEN_MAX + 1, 0, 0, false);
    }
}
