//! Records: one item's bytes in a segment.
//!
//! ```text
//! 8 bytes    version                 epoch:20 | seq:44
//! 8 bytes    shape                   access:20 | value_len:17 | key_len:16 | db:4 | flags:7
//! [6 bytes]  deadline, if DEADLINE   deadline_ms:42 | digit:6
//! [8 bytes]  extra, if EXTRA         client_flags:32 | tag:8 | deadline_high:16 | 0:8
//! key, value, a byte of padding where their length is odd
//! ```
//!
//! The highest bits stand on the left, the lowest byte first in memory. Flags are DEADLINE 1, EXTRA
//! 2, LARGE 4, DEAD 8, PACKED 16, ROUND 32 and LISTED 64, which says that `largest.rs` relies on
//! the record. Round and digit are what the wheel wants to be kept. The value of a LARGE record is
//! the number of its slot among the large values. That of a PACKED record begins with its prefix
//! (`codec.rs`); one that is LARGE too has, between prefix and number, the bytes that its packed
//! value takes, in four bytes. Invariant: a record's length follows from its shape alone and never
//! changes, so a segment can be walked from its front even over dead records. Cost: sixteen bytes
//! an item, six more with a deadline before the year 2109; reads need no alignment. A dead record
//! keeps a link of `holes.rs` instead of version and access.

use core::num::NonZeroU64;

use crate::codec::{PREFIX_LEN, Prefix};
use crate::limits::{DATABASES_MAX, DEADLINE_MS_MAX};
use crate::version::Version;

/// Bytes every record begins with.
const HEAD_LEN: usize = 16;
const DEADLINE_LEN: usize = 6;
const EXTRA_LEN: usize = 8;
/// Bytes that a record takes beside key and value at most.
pub(crate) const BESIDE_LEN_MAX: usize = HEAD_LEN + DEADLINE_LEN + EXTRA_LEN + RECORD_ALIGN;
/// Records begin at multiples of this many bytes, the unit of addresses.
pub(crate) const RECORD_ALIGN: usize = 2;

const DEADLINE: u64 = 1;
const EXTRA: u64 = 2;
const LARGE: u64 = 4;
const DEAD: u64 = 8;
const PACKED: u64 = 16;
const ROUND: u64 = 32;
const LISTED: u64 = 64;
const DB_SHIFT: u32 = 7;
const KEY_LEN_SHIFT: u32 = 11;
const VALUE_LEN_SHIFT: u32 = 27;
const ACCESS_SHIFT: u32 = 44;
/// What a record's length follows from.
const FORM: u64 = DEADLINE | EXTRA | ((1 << ACCESS_SHIFT) - (1 << KEY_LEN_SHIFT));
/// Bits of the access clock.
pub(crate) const ACCESS_BITS: u32 = 20;
/// Bits of the wheel's mark: six beside the deadline and the flag ROUND.
pub(crate) const MARK_BITS: u32 = 7;
const DIGIT_BITS: u32 = 6;
/// Bits of a deadline that lie beside the digit; those above are extra.
const DEADLINE_LOW_BITS: u32 = 42;

/// Bytes of a large value's number.
pub(crate) const LARGE_NUMBER_LEN: usize = 4;
/// Bytes of a packed large value's place: its prefix, its length, its number.
pub(crate) const PACKED_PLACE_LEN: usize = PREFIX_LEN + 4 + LARGE_NUMBER_LEN;
/// Most bytes a value can have inside a record.
pub(crate) const INLINE_LEN_MAX: usize = (1 << 17) - 1;

const _: () = assert!(DATABASES_MAX <= 1 << 4 && ACCESS_SHIFT + ACCESS_BITS == 64);
const _: () = assert!(DEADLINE_MS_MAX >> DEADLINE_LOW_BITS < 1 << 16);

/// The second word: what a record's length follows from, and the policy's field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape(u64);

impl Shape {
    /// The shape of a record that lies as its client wrote it, with these lengths and deadline and
    /// something extra or nothing; its access field is zero.
    #[inline]
    pub(crate) fn new(
        db: u8,
        (key_len, value_len): (usize, usize),
        deadline_ms: Option<NonZeroU64>,
        extra: bool,
    ) -> Self {
        assert!(key_len < 1 << 16 && value_len <= INLINE_LEN_MAX);
        let lens = ((key_len as u64) << KEY_LEN_SHIFT) | ((value_len as u64) << VALUE_LEN_SHIFT);
        let extra = if extra { EXTRA } else { 0 };
        Self(lens | (u64::from(db) << DB_SHIFT) | extra).with_deadline(deadline_ms)
    }

    #[inline]
    pub(crate) fn access(self) -> u32 {
        (self.0 >> ACCESS_SHIFT) as u32
    }

    #[inline]
    pub(crate) fn db(self) -> u8 {
        (self.0 >> DB_SHIFT) as u8 & 0xf
    }

    #[inline]
    fn key_len(self) -> usize {
        (self.0 >> KEY_LEN_SHIFT) as usize & 0xffff
    }

    #[inline]
    fn value_len(self) -> usize {
        (self.0 >> VALUE_LEN_SHIFT) as usize & INLINE_LEN_MAX
    }

    #[inline]
    pub(crate) fn is_dated(self) -> bool {
        self.0 & DEADLINE != 0
    }

    #[inline]
    fn has_extra(self) -> bool {
        self.0 & EXTRA != 0
    }

    #[inline]
    pub(crate) fn is_large(self) -> bool {
        self.0 & LARGE != 0
    }

    #[inline]
    pub(crate) fn is_packed(self) -> bool {
        self.0 & PACKED != 0
    }

    /// Whether the value lies in the record as the client wrote it.
    #[inline]
    pub(crate) fn is_plain(self) -> bool {
        self.0 & (LARGE | PACKED) == 0
    }

    /// Whether the list of the largest items relies on this record.
    #[inline]
    pub(crate) fn is_listed(self) -> bool {
        self.0 & LISTED != 0
    }

    /// Whether nobody has to be told when the record goes or is written again.
    #[inline]
    pub(crate) fn stands_alone(self) -> bool {
        self.0 & (LARGE | PACKED | LISTED) == 0
    }

    #[inline]
    pub(crate) fn is_dead(self) -> bool {
        self.0 & DEAD != 0
    }

    #[inline]
    fn extra_offset(self) -> usize {
        HEAD_LEN + (self.0 & DEADLINE) as usize * DEADLINE_LEN
    }

    #[inline]
    fn key_offset(self) -> usize {
        self.extra_offset() + (self.0 & EXTRA) as usize * (EXTRA_LEN / EXTRA as usize)
    }

    #[inline]
    fn value_offset(self) -> usize {
        self.key_offset() + self.key_len()
    }

    /// Bytes of the whole record, a multiple of `RECORD_ALIGN`.
    #[inline]
    pub(crate) fn len(self) -> usize {
        (self.value_offset() + self.value_len()).next_multiple_of(RECORD_ALIGN)
    }

    /// Whether two records are equally long. Those of equal form, as nearly all that follow each
    /// other are, need not be measured.
    #[inline]
    pub(crate) fn is_as_long_as(self, other: Self) -> bool {
        (self.0 ^ other.0) & FORM == 0 || self.len() == other.len()
    }

    /// This shape with the policy's field, which was zero.
    #[inline]
    pub(crate) fn with_access(self, access: u32) -> Self {
        debug_assert_eq!(self.access(), 0);
        Self(self.0 | (u64::from(access) << ACCESS_SHIFT))
    }

    /// The shape of the same record if its value lies elsewhere.
    #[inline]
    pub(crate) fn large(self) -> Self {
        Self(self.0 | LARGE)
    }

    /// The shape of the same record if its value is packed.
    #[inline]
    pub(crate) fn packed(self) -> Self {
        Self(self.0 | PACKED)
    }

    /// This shape with the wheel's round.
    #[inline]
    fn with_round(self, watched: Option<Watched>) -> Self {
        let round = watched.is_some_and(|it| it.mark >> DIGIT_BITS != 0);
        Self((self.0 & !ROUND) | if round { ROUND } else { 0 })
    }

    /// The shape that the record needs to hold this deadline: its own, or a longer one.
    #[inline]
    pub(crate) fn with_deadline(self, deadline_ms: Option<NonZeroU64>) -> Self {
        let dated = if deadline_ms.is_some() { DEADLINE } else { 0 };
        let far = if is_far(deadline_ms) { EXTRA } else { 0 };
        Self(self.0 | dated | far)
    }
}

/// Whether a deadline needs more bits than lie beside the mark.
#[inline]
fn is_far(deadline_ms: Option<NonZeroU64>) -> bool {
    deadline_ms.is_some_and(|it| it.get() >> DEADLINE_LOW_BITS != 0)
}

/// A record's deadline and what the wheel calls the entry that watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) deadline_ms: NonZeroU64,
    pub(crate) mark: u8,
}

/// Everything of a record but its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) version: Version,
    pub(crate) shape: Shape,
    pub(crate) tag: u8,
    pub(crate) watched: Option<Watched>,
    pub(crate) client_flags: u32,
    pub(crate) key: &'a [u8],
}

impl Head<'_> {
    /// Writes the whole record; `bytes` begins where it does.
    #[inline(always)]
    pub(crate) fn write(&self, bytes: &mut [u8], value: &[u8]) {
        let shape = self.shape;
        debug_assert_eq!((self.key.len(), value.len()), (shape.key_len(), shape.value_len()));
        debug_assert!(shape.is_dated() == self.watched.is_some());
        debug_assert!(shape.has_extra() || self.client_flags | u32::from(self.tag) == 0);
        let own = (self.client_flags, self.tag);
        let content = write_head(bytes, self.version, shape, self.watched, own);
        let (key, rest) = content.split_at_mut(self.key.len());
        key.copy_from_slice(self.key);
        rest[..value.len()].copy_from_slice(value);
    }
}

/// Writes all that stands before the key. Returns what follows.
#[inline]
fn write_head(
    bytes: &mut [u8],
    version: Version,
    shape: Shape,
    watched: Option<Watched>,
    (client_flags, tag): (u32, u8),
) -> &mut [u8] {
    let (words, mut rest) = bytes.split_first_chunk_mut::<HEAD_LEN>().expect("room was made");
    words[..8].copy_from_slice(&version.0.to_le_bytes());
    words[8..].copy_from_slice(&shape.with_round(watched).0.to_le_bytes());
    let deadline_ms = watched.map_or(0, |it| it.deadline_ms.get());
    if shape.is_dated() {
        let (field, after) = rest.split_first_chunk_mut().expect("room was made");
        (*field, rest) = (deadline_field(watched), after);
    }
    if shape.has_extra() {
        let (field, after) = rest.split_first_chunk_mut::<EXTRA_LEN>().expect("room was made");
        let high = deadline_ms >> DEADLINE_LOW_BITS;
        let extra = (u64::from(client_flags) << 32) | (u64::from(tag) << 24) | (high << 8);
        (*field, rest) = (extra.to_le_bytes(), after);
    }
    rest
}

/// The lower bits of a deadline and the wheel's digit.
#[inline]
fn deadline_field(watched: Option<Watched>) -> [u8; DEADLINE_LEN] {
    let deadline_ms = watched.map_or(0, |it| it.deadline_ms.get());
    let digit = u64::from(watched.map_or(0, |it| it.mark)) & ((1 << DIGIT_BITS) - 1);
    let [field @ .., _, _] = ((deadline_ms << DIGIT_BITS) | digit).to_le_bytes();
    field
}

/// Bytes a record needs.
#[inline]
pub(crate) fn record_len(
    key_len: usize,
    value_len: usize,
    deadline_ms: Option<NonZeroU64>,
    extra: bool,
) -> usize {
    let dated = if deadline_ms.is_some() { DEADLINE_LEN } else { 0 };
    let extra = if extra || is_far(deadline_ms) { EXTRA_LEN } else { 0 };
    (HEAD_LEN + dated + extra + key_len + value_len).next_multiple_of(RECORD_ALIGN)
}

/// A record, read in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    head: &'a [u8; HEAD_LEN],
    /// The engine's memory from the record's first byte on.
    bytes: &'a [u8],
}

impl<'a> Record<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { head: bytes.first_chunk().expect("a record is whole"), bytes }
    }

    #[inline]
    fn word<const AT: usize>(self) -> u64 {
        let word = self.head[AT..].first_chunk().expect("the head has two words");
        u64::from_le_bytes(*word)
    }

    /// What a dead record keeps instead of version and access.
    #[inline]
    pub(crate) fn link(self) -> (u64, u32) {
        (self.word::<0>(), self.shape().access())
    }

    #[inline]
    pub(crate) fn version(self) -> Version {
        Version(self.word::<0>())
    }

    #[inline]
    pub(crate) fn shape(self) -> Shape {
        Shape(self.word::<8>())
    }

    /// The extra word, or zero.
    #[inline]
    fn extra(self) -> u64 {
        let shape = self.shape();
        if !shape.has_extra() {
            return 0;
        }
        let extra = self.bytes[shape.extra_offset()..].first_chunk().expect("a record is whole");
        u64::from_le_bytes(*extra)
    }

    #[inline]
    pub(crate) fn tag(self) -> u8 {
        (self.extra() >> 24) as u8
    }

    #[inline]
    pub(crate) fn client_flags(self) -> u32 {
        (self.extra() >> 32) as u32
    }

    #[inline]
    pub(crate) fn watched(self) -> Option<Watched> {
        let shape = self.shape();
        if !shape.is_dated() {
            return None;
        }
        let mut word = [0; 8];
        word[..DEADLINE_LEN].copy_from_slice(&self.bytes[HEAD_LEN..HEAD_LEN + DEADLINE_LEN]);
        let word = u64::from_le_bytes(word);
        let high = if shape.has_extra() { (self.extra() >> 8) & 0xffff } else { 0 };
        let deadline_ms = NonZeroU64::new((word >> DIGIT_BITS) | (high << DEADLINE_LOW_BITS))?;
        let round = if shape.0 & ROUND != 0 { 1 << DIGIT_BITS } else { 0 };
        Some(Watched { deadline_ms, mark: round | (word as u8 & ((1 << DIGIT_BITS) - 1)) })
    }

    #[inline]
    pub(crate) fn deadline_ms(self) -> Option<NonZeroU64> {
        self.watched().map(|it| it.deadline_ms)
    }

    #[inline]
    pub(crate) fn key(self) -> &'a [u8] {
        let shape = self.shape();
        &self.bytes[shape.key_offset()..][..shape.key_len()]
    }

    /// The value, or what stands for a large one.
    #[inline]
    pub(crate) fn value(self) -> &'a [u8] {
        let shape = self.shape();
        &self.bytes[shape.value_offset()..][..shape.value_len()]
    }

    /// The number of a large value.
    #[inline]
    pub(crate) fn large_number(self) -> Option<u32> {
        let place = self.shape().is_large().then(|| self.value())?;
        Some(u32::from_le_bytes(*place.last_chunk().expect("a large record holds four bytes")))
    }

    /// Bytes of the raw value of a packed record, and those that its packed value takes.
    pub(crate) fn packed_lens(self) -> (usize, usize) {
        debug_assert!(self.shape().is_packed());
        let (value, raw_len) = (self.value(), Prefix::read(self.value()).raw_len());
        if !self.shape().is_large() {
            return (raw_len, value.len());
        }
        let len = value[PREFIX_LEN..].first_chunk().expect("the place of a packed large value");
        (raw_len, u32::from_le_bytes(*len) as usize)
    }

    /// Whether the deadline has passed.
    #[inline]
    pub(crate) fn is_expired(self, now_ms: u64) -> bool {
        self.deadline_ms().is_some_and(|deadline_ms| deadline_ms.get() <= now_ms)
    }
}

/// Copies the record at `from` to `to` with the deadline, for which `to` has the room.
pub(crate) fn copy_dated(
    bytes: &mut [u8],
    (from, to): (usize, usize),
    version: Version,
    watched: Option<Watched>,
) {
    let record = Record::new(&bytes[from..]);
    let (old, own) = (record.shape(), (record.client_flags(), record.tag()));
    let new = old.with_deadline(watched.map(|it| it.deadline_ms));
    let content = from + old.key_offset()..from + old.value_offset() + old.value_len();
    bytes.copy_within(content, to + new.key_offset());
    write_head(&mut bytes[to..], version, new, watched, own);
}

#[inline]
fn shape_of(bytes: &[u8]) -> Shape {
    Record::new(bytes).shape()
}

/// Changes of single fields of a record in place; `bytes` begins where the record does.
pub(crate) mod patch {
    use super::{
        ACCESS_BITS, ACCESS_SHIFT, DEAD, DEADLINE_LEN, DEADLINE_LOW_BITS, HEAD_LEN, LISTED,
        Version, Watched, deadline_field, shape_of,
    };

    #[inline]
    fn set_shape(bytes: &mut [u8], word: u64) {
        bytes[8..HEAD_LEN].copy_from_slice(&word.to_le_bytes());
    }

    #[inline]
    pub(crate) fn access(bytes: &mut [u8], access: u32) {
        let old = shape_of(bytes).0;
        let word = (old << ACCESS_BITS >> ACCESS_BITS) | (u64::from(access) << ACCESS_SHIFT);
        if old != word {
            set_shape(bytes, word);
        }
    }

    pub(crate) fn listed(bytes: &mut [u8]) {
        let word = shape_of(bytes).0 | LISTED;
        set_shape(bytes, word);
    }

    pub(crate) fn dead(bytes: &mut [u8]) {
        let word = shape_of(bytes).0 | DEAD;
        set_shape(bytes, word);
    }

    /// Lets a dead record keep a link instead of version and access.
    pub(crate) fn link(bytes: &mut [u8], link: (u64, u32)) {
        bytes[..8].copy_from_slice(&link.0.to_le_bytes());
        access(bytes, link.1);
    }

    /// Sets version and deadline of a record that has the room for it, or loses it.
    #[inline]
    pub(crate) fn deadline(bytes: &mut [u8], version: Version, watched: Option<Watched>) {
        let shape = shape_of(bytes);
        let high = watched.map_or(0, |it| it.deadline_ms.get()) >> DEADLINE_LOW_BITS;
        bytes[..8].copy_from_slice(&version.0.to_le_bytes());
        assert!(shape.is_dated() || watched.is_none(), "room was made");
        assert!(shape.has_extra() || high == 0, "room was made");
        if !shape.is_dated() {
            return;
        }
        set_shape(bytes, shape.with_round(watched).0);
        bytes[HEAD_LEN..HEAD_LEN + DEADLINE_LEN].copy_from_slice(&deadline_field(watched));
        if shape.has_extra() {
            let high_at = shape.extra_offset() + 1;
            bytes[high_at..high_at + 2].copy_from_slice(&(high as u16).to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key_len: usize, value_len: usize, deadline: u64, client_flags: u32, tag: u8) {
        let (key, value) = (vec![b'k'; key_len], vec![b'v'; value_len]);
        let watched =
            NonZeroU64::new(deadline).map(|deadline_ms| Watched { deadline_ms, mark: 0x6a });
        let (version, access, large) = (Version(u64::MAX), (1 << 20) - 1, value_len == 4);
        let packed = value_len > 4;
        let (db, deadline_ms) = (15, watched.map(|it| it.deadline_ms));
        let extra = client_flags != 0 || tag != 0;
        let shape = Shape::new(db, (key_len, value_len), deadline_ms, extra).with_access(access);
        let shape = if large { shape.large() } else { shape };
        let shape = if packed { shape.packed() } else { shape };
        let head = Head { version, shape, tag, watched, client_flags, key: &key };
        let len = shape.len();
        assert_eq!(len, record_len(key_len, value_len, deadline_ms, extra));
        let mut bytes = vec![0xee; len];
        head.write(&mut bytes, &value);
        let same = |record: Record<'_>, watched: Option<Watched>| {
            assert_eq!((record.version(), record.shape().access()), (version, access));
            assert_eq!((record.shape().db(), record.tag()), (db, tag));
            assert_eq!((record.watched(), record.client_flags()), (watched, client_flags));
            assert_eq!((record.key(), record.value()), (&key[..], &value[..]));
            assert_eq!((record.shape().is_large(), record.shape().is_packed()), (large, packed));
            assert_eq!(record.shape().is_plain(), !large && !packed);
        };
        same(Record::new(&bytes), watched);
        for deadline in [1, (1 << 42) - 1, 1 << 42, DEADLINE_MS_MAX] {
            let later =
                NonZeroU64::new(deadline).map(|deadline_ms| Watched { deadline_ms, mark: 63 });
            let longer = Record::new(&bytes).shape().with_deadline(later.map(|it| it.deadline_ms));
            let mut both = bytes.clone();
            both.resize(len + longer.len(), 0xee);
            copy_dated(&mut both, (0, len), version, later);
            same(Record::new(&both[len..]), later);
            patch::deadline(&mut both[len..], version, None);
            same(Record::new(&both[len..]), None);
            assert_eq!(Record::new(&both[len..]).shape().len(), longer.len());
        }
        patch::access(&mut bytes, 3);
        patch::dead(&mut bytes);
        let record = Record::new(&bytes);
        assert!(record.shape().is_dead() && record.shape().len() == len);
        assert_eq!((record.shape().access(), record.key().len()), (3, key_len));
    }

    #[test]
    fn every_field_is_read_back_at_every_boundary() {
        for key_len in [0, 1, 7, 8, 9, 250, 65_535] {
            for value_len in [0, 1, 4, 7, 8, 9, 4096, INLINE_LEN_MAX] {
                for deadline in [0, 1, (1 << 42) - 1, 1 << 42, DEADLINE_MS_MAX] {
                    for (client_flags, tag) in [(0, 0), (1, 0), (u32::MAX, 255), (0, 1)] {
                        check(key_len, value_len, deadline, client_flags, tag);
                    }
                }
            }
        }
    }

    #[test]
    fn an_item_weighs_its_bytes_and_sixteen_more_or_twenty_two() {
        let of = |deadline, extra| record_len(24, 32, NonZeroU64::new(deadline), extra) - 24 - 32;
        assert_eq!((of(0, false), of(1_800_000_000_000, false)), (16, 22));
        assert_eq!((of(0, true), of(1_800_000_000_000, true), of(1 << 42, false)), (24, 30, 30));
        assert_eq!(record_len(23, 32, None, false), 16 + 23 + 32 + 1);
    }

    #[test]
    fn equally_long_are_those_whose_lengths_agree() {
        let shape = |value_len, deadline, extra| {
            Shape::new(3, (5, value_len), NonZeroU64::new(deadline), extra)
        };
        let shapes = [30, 31, 32, 36, 37, 38, 40, 44].into_iter().flat_map(|value_len| {
            [(0, false), (0, true), (9, false), (9, true), (1 << 42, false)]
                .map(|(deadline, extra)| shape(value_len, deadline, extra))
        });
        let shapes: Vec<Shape> = shapes.collect();
        for one in &shapes {
            for other in shapes.iter().map(|it| it.with_access(7).packed()) {
                assert_eq!(one.is_as_long_as(other), one.len() == other.len());
            }
        }
    }

    #[test]
    #[should_panic(expected = "value_len <= INLINE_LEN_MAX")]
    fn a_longer_value_never_gets_a_record() {
        check(1, INLINE_LEN_MAX + 1, 0, 0, 0);
    }
}
