//! Codecs' contexts take no more memory than is set apart for them, as the system sees it.
//!
//! Alone in its file: what other tests hold would count.

use velodrome_engine::limits::{
    GZIP_CONTEXT_BYTES_MAX, LZ4_CONTEXT_BYTES_MAX, PACKER_BYTES_MAX, ZSTD_FAST_CONTEXT_BYTES_MAX,
};
use velodrome_engine::{Codec, Packer};

/// So many that what the allocator keeps besides does not matter.
const PACKERS: usize = 64;

fn rss_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("is Linux");
    let pages = text.split(' ').nth(1).and_then(|field| field.parse::<usize>().ok());
    pages.expect("has a resident field") * 4096
}

/// Words of eight bytes, of which there are a thousand.
fn text(len: usize) -> Vec<u8> {
    const FACTOR: u64 = 6_364_136_223_846_793_005;
    let mut state = 1_u64;
    let word = |_| {
        state = state.wrapping_mul(FACTOR).wrapping_add(1);
        (state >> 54).wrapping_mul(FACTOR).to_le_bytes()
    };
    (0..len / 8).flat_map(word).collect()
}

#[test]
fn contexts_take_what_is_set_apart() {
    let raw = text(512 << 10);
    let shard_len = |codec: Codec| codec.shard_len_max();
    for (codec, len, bytes_max) in [
        (Codec::Lz4, shard_len(Codec::Lz4), LZ4_CONTEXT_BYTES_MAX),
        (Codec::Gzip(1), shard_len(Codec::Gzip(1)), GZIP_CONTEXT_BYTES_MAX),
        (Codec::Gzip(9), 128 << 10, GZIP_CONTEXT_BYTES_MAX),
        (Codec::Zstd(3), shard_len(Codec::Zstd(3)), ZSTD_FAST_CONTEXT_BYTES_MAX),
        (Codec::Zstd(19), 512 << 10, PACKER_BYTES_MAX),
    ] {
        let mut packed = Vec::with_capacity(1 << 20);
        packed.resize(1 << 20, 1);
        // The allocator's own beginnings do not count.
        Packer::default().pack(codec, &raw[..len], &mut packed);
        let before = rss_bytes();
        let mut packers: Vec<Packer> = (0..PACKERS).map(|_| Packer::default()).collect();
        for packer in &mut packers {
            assert!(packer.pack(codec, &raw[..len], &mut packed), "{codec:?}");
        }
        let each = rss_bytes().saturating_sub(before) / PACKERS;
        println!("{codec:?} of {len}: {each} bytes each");
        assert!(each <= bytes_max + bytes_max / 16, "{each} bytes of {codec:?}");
        assert!(each >= bytes_max / 4, "only {each} bytes of {codec:?}");
    }
}
