//! Codecs: how a value becomes shorter, and long again.
//!
//! A packed value is its *prefix*, four bytes, and what the codec made of it:
//!
//! ```text
//!   31                       8 7        0
//!  ┌──────────────────────────┬──────────┐
//!  │ bytes of the raw value 24│ codec   8│ lowest byte first, then the packed bytes
//!  └──────────────────────────┴──────────┘
//! ```
//!
//! Pure functions of bytes; the contexts are kept because making them costs more than short values.
//! Invariants: what `pack` made, `unpack` makes the raw bytes of again, whatever the codec is now;
//! contexts take no more memory than `limits.rs` says, which their owner counts before they are
//! made. A value is packed in one piece, so Zstandard's window is no longer than the value.
//! Cost: bounded by the lengths of `limits.rs`, which are measured times.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use lz4_flex::block::{CompressTable, compress_into_with_table, decompress_into};

use crate::limits::{
    GZIP_CONTEXT_BYTES_MAX, GZIP_LEVEL_MAX, GZIP_RAW_BYTES_MAX, GZIP_SHARD_BYTES_MAX,
    GZIP_SLOW_SHARD_BYTES_MAX, GZIP_UNPACK_BYTES_MAX, LZ4_CONTEXT_BYTES_MAX, LZ4_RAW_BYTES_MAX,
    LZ4_SHARD_BYTES_MAX, PACKED_GAIN_SHARE, ZSTD_CONTEXT_BYTES_MAX, ZSTD_FAST_CONTEXT_BYTES_MAX,
    ZSTD_FAST_SHARD_BYTES_MAX, ZSTD_LEVEL_MAX, ZSTD_RAW_BYTES_MAX, ZSTD_SHARD_BYTES_MAX,
    ZSTD_SLOW_CONTEXT_BYTES_MAX, ZSTD_SLOW_SHARD_BYTES_MAX, ZSTD_UNPACK_BYTES_MAX,
};

/// Bytes before a packed value.
pub(crate) const PREFIX_LEN: usize = 4;

const LZ4: u8 = 1;
const ZSTD: u8 = 2;
const DEFLATE: u8 = 3;

/// How values are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    #[default]
    None,
    /// LZ4's block format: least effort.
    Lz4,
    /// Zstandard, with its level.
    Zstd(u8),
    /// Deflate as in gzip, with its level, without gzip's header and checksum.
    Gzip(u8),
}

impl Codec {
    /// Levels that Zstandard may have here.
    pub const ZSTD_LEVELS: core::ops::RangeInclusive<u8> = 1..=ZSTD_LEVEL_MAX;
    /// Levels that gzip has.
    pub const GZIP_LEVELS: core::ops::RangeInclusive<u8> = 1..=GZIP_LEVEL_MAX;

    /// The longest value that is packed: as long as unpacking it may take on the shard.
    pub fn raw_len_max(self) -> usize {
        match self {
            Self::None => 0,
            Self::Lz4 => LZ4_RAW_BYTES_MAX,
            Self::Zstd(_) => ZSTD_RAW_BYTES_MAX,
            Self::Gzip(_) => GZIP_RAW_BYTES_MAX,
        }
    }

    /// The longest value that the shard packs itself.
    pub fn shard_len_max(self) -> usize {
        match self {
            Self::None => 0,
            Self::Lz4 => LZ4_SHARD_BYTES_MAX,
            Self::Zstd(..=3) => ZSTD_FAST_SHARD_BYTES_MAX,
            Self::Zstd(..=6) => ZSTD_SHARD_BYTES_MAX,
            Self::Zstd(..=9) => ZSTD_SLOW_SHARD_BYTES_MAX,
            Self::Zstd(_) => 0,
            Self::Gzip(..=6) => GZIP_SHARD_BYTES_MAX,
            Self::Gzip(_) => GZIP_SLOW_SHARD_BYTES_MAX,
        }
    }

    /// Bytes of memory that packing takes on the shard: the context, and what was packed last.
    pub fn shard_bytes_max(self) -> usize {
        let context = match self {
            Self::None | Self::Zstd(10..) => return 0,
            Self::Lz4 => LZ4_CONTEXT_BYTES_MAX,
            Self::Zstd(..=3) => ZSTD_FAST_CONTEXT_BYTES_MAX,
            Self::Zstd(..=6) => ZSTD_CONTEXT_BYTES_MAX,
            Self::Zstd(_) => ZSTD_SLOW_CONTEXT_BYTES_MAX,
            Self::Gzip(_) => GZIP_CONTEXT_BYTES_MAX,
        };
        context + self.scratch_bytes_max()
    }

    /// Bytes that what the shard packs may take on its way.
    pub(crate) fn scratch_bytes_max(self) -> usize {
        PREFIX_LEN + self.room_for(self.shard_len_max())
    }

    /// Bytes that packing `raw_len` bytes needs room for: LZ4 wants it for the worst case, the
    /// others stop where it no longer pays.
    fn room_for(self, raw_len: usize) -> usize {
        match self {
            Self::Lz4 => lz4_flex::block::get_maximum_output_size(raw_len),
            _ => len_max(raw_len),
        }
    }

    fn kind(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Lz4 => LZ4,
            Self::Zstd(_) => ZSTD,
            Self::Gzip(_) => DEFLATE,
        }
    }
}

/// Bytes up to which packing `raw_len` bytes pays.
fn len_max(raw_len: usize) -> usize {
    raw_len - raw_len / PACKED_GAIN_SHARE
}

/// What precedes a packed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix(pub(crate) u32);

/// For values of which codecs memory to unpack them is set apart.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unpackable {
    zstd: bool,
    deflate: bool,
}

impl Unpackable {
    /// These and values that a codec packs.
    pub(crate) fn with(self, codec: Codec) -> Self {
        self.and(codec.kind())
    }

    /// These and values with this prefix.
    pub(crate) fn with_prefix(self, prefix: Prefix) -> Self {
        self.and(prefix.codec())
    }

    fn and(self, kind: u8) -> Self {
        Self { zstd: self.zstd || kind == ZSTD, deflate: self.deflate || kind == DEFLATE }
    }

    /// Bytes of memory that unpacking them takes.
    pub(crate) fn bytes_max(self) -> usize {
        let zstd = if self.zstd { ZSTD_UNPACK_BYTES_MAX } else { 0 };
        zstd + if self.deflate { GZIP_UNPACK_BYTES_MAX } else { 0 }
    }
}

impl Prefix {
    fn new(codec: u8, raw_len: usize) -> Self {
        assert!(raw_len < 1 << 24, "longer values are not packed");
        Self((raw_len as u32) << 8 | u32::from(codec))
    }

    /// The prefix at the front of these bytes.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        Self(u32::from_le_bytes(*bytes.first_chunk().expect("a packed value has a prefix")))
    }

    pub(crate) fn to_bytes(self) -> [u8; PREFIX_LEN] {
        self.0.to_le_bytes()
    }

    /// Bytes of the value when it is unpacked.
    pub(crate) fn raw_len(self) -> usize {
        (self.0 >> 8) as usize
    }

    fn codec(self) -> u8 {
        self.0 as u8
    }
}

/// Packs values; its contexts are made when they are needed first.
#[derive(Default)]
pub struct Packer {
    lz4: Option<CompressTable>,
    zstd: Option<(u8, zstd::bulk::Compressor<'static>)>,
    deflate: Option<(u8, Compress)>,
}

impl core::fmt::Debug for Packer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

impl Packer {
    /// Packs `raw` into `packed`, prefix first. Returns whether that pays: it is shorter by an
    /// eighth at least.
    pub fn pack(&mut self, codec: Codec, raw: &[u8], packed: &mut Vec<u8>) -> bool {
        if codec == Codec::None {
            return false;
        }
        packed.clear();
        packed.extend_from_slice(&Prefix::new(codec.kind(), raw.len()).to_bytes());
        packed.resize(PREFIX_LEN + codec.room_for(raw.len()), 0);
        let out = &mut packed[PREFIX_LEN..];
        let len = match codec {
            Codec::None => None,
            Codec::Lz4 => self.lz4(raw, out),
            Codec::Zstd(level) => self.zstd(level, raw, out),
            Codec::Gzip(level) => self.deflate(level, raw, out),
        };
        packed.truncate(PREFIX_LEN + len.unwrap_or(0));
        len.is_some_and(|len| PREFIX_LEN + len <= len_max(raw.len()))
    }

    /// Whether it has made no context yet.
    pub fn is_empty(&self) -> bool {
        self.lz4.is_none() && self.zstd.is_none() && self.deflate.is_none()
    }

    fn lz4(&mut self, raw: &[u8], out: &mut [u8]) -> Option<usize> {
        let table = self.lz4.get_or_insert_with(CompressTable::large);
        compress_into_with_table(raw, out, table).ok()
    }

    fn zstd(&mut self, level: u8, raw: &[u8], out: &mut [u8]) -> Option<usize> {
        if self.zstd.as_ref().is_none_or(|(of, _)| *of != level) {
            let made = zstd::bulk::Compressor::new(level.into()).ok()?;
            self.zstd = Some((level, made));
        }
        self.zstd.as_mut()?.1.compress_to_buffer(raw, out).ok()
    }

    fn deflate(&mut self, level: u8, raw: &[u8], out: &mut [u8]) -> Option<usize> {
        if self.deflate.as_ref().is_none_or(|(of, _)| *of != level) {
            self.deflate = Some((level, Compress::new(Compression::new(level.into()), false)));
        }
        let deflate = &mut self.deflate.as_mut()?.1;
        deflate.reset();
        let done = deflate.compress(raw, out, FlushCompress::Finish);
        if matches!(done, Ok(Status::StreamEnd)) {
            return Some(deflate.total_out() as usize);
        }
        // What found no room stays in the context, and its reset keeps the place that takes: it
        // would panic some values later.
        self.deflate = None;
        None
    }
}

/// Unpacks values of every codec; its contexts are made when they are needed first.
#[derive(Default)]
pub(crate) struct Unpacker {
    zstd: Option<zstd::zstd_safe::DCtx<'static>>,
    inflate: Option<Decompress>,
}

impl core::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

impl Unpacker {
    /// Appends the raw value to `out`.
    ///
    /// # Panics
    /// When these bytes are not what `pack` made.
    pub(crate) fn unpack(&mut self, prefix: Prefix, packed: &[u8], out: &mut Vec<u8>) {
        let (start, raw_len) = (out.len(), prefix.raw_len());
        out.resize(start + raw_len, 0);
        let raw = &mut out[start..];
        let len = match prefix.codec() {
            LZ4 => decompress_into(packed, raw).ok(),
            ZSTD => self.zstd(packed, raw),
            DEFLATE => self.inflate(packed, raw),
            _ => None,
        };
        assert_eq!(len, Some(raw_len), "what was packed is whole");
    }

    fn zstd(&mut self, packed: &[u8], raw: &mut [u8]) -> Option<usize> {
        if self.zstd.is_none() {
            self.zstd = zstd::zstd_safe::DCtx::try_create();
        }
        self.zstd.as_mut()?.decompress(raw, packed).ok()
    }

    fn inflate(&mut self, packed: &[u8], raw: &mut [u8]) -> Option<usize> {
        let inflate = self.inflate.get_or_insert_with(|| Decompress::new(false));
        inflate.reset(false);
        inflate.decompress(packed, raw, FlushDecompress::Finish).ok()?;
        Some(inflate.total_out() as usize)
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::limits::PACKER_BYTES_MAX;

    const CODECS: [Codec; 7] = [
        Codec::Lz4,
        Codec::Zstd(1),
        Codec::Zstd(3),
        Codec::Zstd(ZSTD_LEVEL_MAX),
        Codec::Gzip(1),
        Codec::Gzip(6),
        Codec::Gzip(GZIP_LEVEL_MAX),
    ];

    /// Words with some noise between them; `noise` of 256 bytes are drawn.
    fn text(rng: &mut SmallRng, len: usize, noise: u8) -> Vec<u8> {
        let words = [&b"{\"id\":"[..], b"\"name\":", b"\"velodrome\"", b"},", b"0000"];
        let mut text = Vec::new();
        while text.len() < len {
            if rng.random::<u8>() < noise {
                text.push(rng.random());
            } else {
                text.extend_from_slice(words[rng.random_range(0..words.len())]);
            }
        }
        text.truncate(len);
        text
    }

    #[test]
    fn what_pays_is_packed_and_comes_back_byte_for_byte() {
        let seed = 41;
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
        let (mut packed, mut paid) = (Vec::new(), 0);
        for len in [0, 1, 2, 31, 64, 1023, 1024, 1025, 4096, 65_535, 65_536, 262_144] {
            for noise in [0, 30, 200, 255] {
                let raw = text(&mut rng, len, noise);
                for codec in CODECS {
                    if !packer.pack(codec, &raw, &mut packed) {
                        continue;
                    }
                    paid += 1;
                    assert!(packed.len() <= len - len / PACKED_GAIN_SHARE, "{codec:?} {len}");
                    let mut back = b"before".to_vec();
                    let prefix = Prefix::read(&packed);
                    assert_eq!(prefix.raw_len(), len);
                    unpacker.unpack(prefix, &packed[PREFIX_LEN..], &mut back);
                    assert!(back.strip_prefix(b"before") == Some(&raw), "{codec:?} {len} {noise}");
                }
            }
        }
        assert!(paid > 100, "{paid}");
    }

    /// Bytes of the contexts there are, as far as their codecs tell.
    fn bytes(packer: &mut Packer, unpacker: &Unpacker) -> (usize, usize) {
        let zstd = packer.zstd.as_mut().map_or(0, |(_, zstd)| zstd.context_mut().sizeof());
        (zstd, unpacker.zstd.as_ref().map_or(0, |zstd| zstd.sizeof()))
    }

    #[test]
    fn contexts_take_no_more_than_is_set_apart_for_them() {
        let mut rng = SmallRng::seed_from_u64(5);
        let raw = text(&mut rng, ZSTD_RAW_BYTES_MAX, 30);
        for codec in Codec::ZSTD_LEVELS.map(Codec::Zstd) {
            let (shard_len_max, whole) = (codec.shard_len_max(), raw.len());
            let on_shard = codec.shard_bytes_max();
            let context_max = on_shard.saturating_sub(codec.scratch_bytes_max());
            for (len_max, bytes_max) in [(shard_len_max, context_max), (whole, PACKER_BYTES_MAX)] {
                let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
                let mut packed = Vec::with_capacity(on_shard - context_max);
                let capacity = packed.capacity();
                let powers = (0..20).map(|bits| 1_usize << bits);
                for len in powers.flat_map(|len| [len, len + 1, len + len / 2]) {
                    if len > len_max {
                        continue;
                    }
                    if packer.pack(codec, &raw[..len], &mut packed) {
                        let prefix = Prefix::read(&packed);
                        unpacker.unpack(prefix, &packed[PREFIX_LEN..], &mut Vec::new());
                    }
                    let (packing, unpacking) = bytes(&mut packer, &unpacker);
                    assert!(packing <= bytes_max, "{packing} bytes for {codec:?} of {len}");
                    assert!(unpacking <= ZSTD_UNPACK_BYTES_MAX, "{unpacking} bytes");
                    assert!(len_max == whole || packed.capacity() == capacity, "it grew");
                }
            }
        }
    }

    #[test]
    fn what_did_not_fit_leaves_nothing_behind() {
        let mut rng = SmallRng::seed_from_u64(7);
        let mut packed = Vec::new();
        for codec in Codec::GZIP_LEVELS.map(Codec::Gzip).chain(CODECS) {
            let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
            for _ in 0..40 {
                let len = rng.random_range(1..GZIP_RAW_BYTES_MAX);
                let noise = [0, 100, 180, 200, 220, 255][rng.random_range(0..6)];
                let raw = text(&mut rng, len, noise);
                if packer.pack(codec, &raw, &mut packed) {
                    let mut back = Vec::new();
                    unpacker.unpack(Prefix::read(&packed), &packed[PREFIX_LEN..], &mut back);
                    assert!(back == raw, "{codec:?} {len} {noise}");
                }
            }
        }
    }

    #[test]
    fn what_just_fits_is_whole_and_what_just_does_not_is_refused() {
        let mut rng = SmallRng::seed_from_u64(8);
        let mut out = vec![0; 4 * GZIP_RAW_BYTES_MAX];
        for level in Codec::GZIP_LEVELS {
            let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
            for round in 0..60 {
                let len = rng.random_range(1..[40, 1000, 20_000][round % 3]);
                let noise = rng.random();
                let raw = text(&mut rng, len, noise);
                let whole = packer.deflate(level, &raw, &mut out).expect("there is room");
                for room in whole.saturating_sub(9)..whole + 9 {
                    let fits = packer.deflate(level, &raw, &mut out[..room]);
                    assert!(fits.is_none_or(|len| len <= room));
                    assert!(fits.is_none() || room >= whole, "{room} for {whole}, level {level}");
                    if let Some(len) = fits {
                        let mut back = Vec::new();
                        let prefix = Prefix::new(DEFLATE, raw.len());
                        unpacker.unpack(prefix, &out[..len], &mut back);
                        assert!(back == raw, "{room} for {whole}, level {level}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_shortened_does_not_pay() {
        let mut rng = SmallRng::seed_from_u64(3);
        let raw: Vec<u8> = (0..10_000).map(|_| rng.random()).collect();
        let mut packer = Packer::default();
        for codec in CODECS {
            assert!(!packer.pack(codec, &raw, &mut Vec::new()), "{codec:?}");
            assert!(!packer.pack(codec, b"", &mut Vec::new()), "{codec:?}");
        }
        assert!(!packer.pack(Codec::None, &[7; 10_000], &mut Vec::new()));
    }

    #[test]
    #[should_panic(expected = "what was packed is whole")]
    fn spoilt_bytes_are_noticed() {
        let mut packed = Vec::new();
        assert!(Packer::default().pack(Codec::Lz4, &[7; 1000], &mut packed));
        let short = &packed[PREFIX_LEN..packed.len() - 1];
        Unpacker::default().unpack(Prefix::read(&packed), short, &mut Vec::new());
    }
}
