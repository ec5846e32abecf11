//! Keys to slots, exactly as Redis Cluster counts them.
//!
//! Owns `slot(key) = CRC16(key) mod 16384`, where a non-empty `{hash tag}` stands for the key.
//! Invariant: agrees with the CRC-16/XMODEM definition (polynomial 0x1021, most significant bit
//! first, initial value 0, no reflection, no final xor) on every input; clients compute the same
//! number on their side. Source: the Redis Cluster specification, "Key distribution model".
//!
//! Eight bytes go through eight tables at once ("slicing"), so that their look-ups do not wait for
//! one another: `TABLES[k][b]` is the remainder of byte `b` followed by `k` zero bytes.
//!
//! ```text
//!   crc  ─┬────┐
//!   key   b0   b1   b2   b3   b4   b5   b6   b7
//!         │    │    │    │    │    │    │    │
//!         T7 ^ T6 ^ T5 ^ T4 ^ T3 ^ T2 ^ T1 ^ T0  →  crc
//! ```
//!
//! Cost: one look-up a byte, 4 KiB of tables, no allocation.

/// Slots of a cluster.
pub const SLOT_COUNT: usize = 16384;

const SLICE_LEN: usize = 8;

static TABLES: [[u16; 256]; SLICE_LEN] = tables();

/// The slot of `key`, below `SLOT_COUNT`.
#[inline]
#[must_use]
pub fn slot(key: &[u8]) -> u16 {
    let hashed = if holds_brace(key) { hash_tag(key) } else { key };
    crc16(hashed) & (SLOT_COUNT as u16 - 1)
}

/// The part of `key` that is hashed: what stands between the first `{` and the first `}` after it
/// when that is not empty, else the whole key.
#[must_use]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|&byte| byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|&byte| byte == b'}') {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

/// CRC-16/XMODEM of `bytes`.
#[inline]
#[must_use]
pub fn crc16(bytes: &[u8]) -> u16 {
    let (chunks, mut rest) = bytes.as_chunks::<SLICE_LEN>();
    let mut crc = 0;
    for chunk in chunks {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = *chunk;
        let [high, low] = (crc ^ u16::from_be_bytes([b0, b1])).to_be_bytes();
        crc = at(7, high) ^ at(6, low) ^ at(5, b2) ^ at(4, b3);
        crc ^= at(3, b4) ^ at(2, b5) ^ at(1, b6) ^ at(0, b7);
    }
    if let [b0, b1, b2, b3, tail @ ..] = rest {
        let [high, low] = (crc ^ u16::from_be_bytes([*b0, *b1])).to_be_bytes();
        crc = at(3, high) ^ at(2, low) ^ at(1, *b2) ^ at(0, *b3);
        rest = tail;
    }
    for &byte in rest {
        let [high, low] = crc.to_be_bytes();
        crc = (u16::from(low) << 8) ^ at(0, high ^ byte);
    }
    crc
}

#[inline(always)]
fn at(table: usize, byte: u8) -> u16 {
    TABLES[table][usize::from(byte)]
}

/// Whether `key` holds a `{`, eight bytes at a time: most keys hold none, and need no search for a
/// tag. A byte of `word` is zero exactly where the key has a brace, and the expression below is
/// non-zero exactly when some byte of `word` is zero.
#[inline]
fn holds_brace(key: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    const BRACES: u64 = u64::from_ne_bytes([b'{'; 8]);
    let (chunks, rest) = key.as_chunks::<8>();
    let mut found = 0;
    for chunk in chunks {
        let word = u64::from_ne_bytes(*chunk) ^ BRACES;
        found |= word.wrapping_sub(ONES) & !word & HIGHS;
    }
    found != 0 || rest.contains(&b'{')
}

const fn tables() -> [[u16; 256]; SLICE_LEN] {
    let mut tables = [[0; 256]; SLICE_LEN];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut slice = 0;
        while slice < SLICE_LEN {
            let mut bit = 0;
            while bit < 8 {
                crc = (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 };
                bit += 1;
            }
            tables[slice][byte] = crc;
            slice += 1;
        }
        byte += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, RngCore, SeedableRng};

    use super::*;

    /// The definition, one bit at a time.
    fn crc16_bitwise(bytes: &[u8]) -> u16 {
        let mut crc: u16 = 0;
        for &byte in bytes {
            for bit in (0..8).rev() {
                let carry = (crc >> 15) ^ u16::from(byte >> bit & 1);
                crc = (crc << 1) ^ (carry * 0x1021);
            }
        }
        crc
    }

    #[test]
    fn agrees_with_published_values() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
        for (key, expected) in
            [("foo", 12182), ("bar", 5061), ("hello", 866), ("somekey", 11058), ("", 0)]
        {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
    }

    #[test]
    fn hashes_the_tag_alone() {
        for (key, hashed) in [
            ("{user1000}.following", "user1000"),
            ("{user1000}.followers", "user1000"),
            ("foo{}{bar}", "foo{}{bar}"),
            ("foo{{bar}}zap", "{bar"),
            ("foo{bar}{zap}", "bar"),
            ("{}", "{}"),
            ("{", "{"),
            ("}", "}"),
            ("a}b{c}", "c"),
            ("no closing {brace", "no closing {brace"),
            ("plain", "plain"),
        ] {
            assert_eq!(hash_tag(key.as_bytes()), hashed.as_bytes(), "{key}");
            let expected = crc16_bitwise(hashed.as_bytes()) % 16384;
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
    }

    #[test]
    fn agrees_with_the_definition_at_every_length() {
        let seed = 0x5107;
        println!("seed {seed:#x}");
        let mut rng = SmallRng::seed_from_u64(seed);
        for round in 0..40_000 {
            let mut key = vec![0; round % 80];
            rng.fill_bytes(&mut key);
            assert_eq!(crc16(&key), crc16_bitwise(&key), "{key:?}");
            for byte in &mut key {
                if rng.random_ratio(1, 12) {
                    *byte = if rng.random() { b'{' } else { b'}' };
                }
            }
            assert_eq!(holds_brace(&key), key.contains(&b'{'), "{key:?}");
            assert_eq!(slot(&key), crc16_bitwise(hash_tag(&key)) % 16384, "{key:?}");
        }
    }
}
