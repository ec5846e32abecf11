//! Names of commands as words, so that finding one compares a word and not a text.
//!
//! ```text
//! up to 8 letters   g  e  t  0  0  0  0  0      in lower case, zeros behind them
//! more              the first eight, mixed with the last eight and the length
//! ```
//!
//! Invariant: names up to eight bytes are the same in any mixture of capitals exactly if their
//! words and lengths are, provided one of them is made of letters. Cost: two loads, or three.

/// The word of the empty name, and of no other that consists of letters.
pub(super) const NO_NAME: u64 = 0;

/// Sets the bit in which small letters differ from capitals, in eight bytes.
const SMALL: u64 = u64::from_ne_bytes([0x20; 8]);

/// The word of a name, without regard to capitals.
#[inline]
pub(super) const fn word(name: &[u8]) -> u64 {
    let len = name.len();
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        let (first, last) = (u64::from_le_bytes(*first) | SMALL, u64::from_le_bytes(*last) | SMALL);
        if len == 8 {
            return first;
        }
        return first ^ last.rotate_left(29) ^ len as u64;
    }
    let unused_bits = 64 - 8 * len as u32;
    let bytes = match (name.first_chunk(), name.last_chunk()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            first as u64 | (last as u64) << (32 - unused_bits)
        }
        _ if len == 0 => return NO_NAME,
        _ => {
            let (middle, last) = (len / 2, len - 1);
            name[0] as u64
                | (name[middle] as u64) << (8 * middle)
                | (name[last] as u64) << (8 * last)
        }
    };
    bytes | SMALL >> unused_bits
}

/// Whether a request's `name` is that of a command, their words being equal.
#[inline]
pub(super) fn is_same(of_command: &str, name: &[u8]) -> bool {
    of_command.len() == name.len()
        && (name.len() <= 8 || of_command.as_bytes().eq_ignore_ascii_case(name))
}

/// Whether a name consists of small letters, as [`word`] needs it.
pub(super) const fn is_lower_case(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_lowercase() {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_equal_exactly_when_names_are() {
        let names = ["a", "b", "ab", "ba", "abc", "acc", "abcd", "abcde", "abcdefg", "abcdefgh"];
        for one in names {
            for other in names {
                let capitals = other.to_ascii_uppercase();
                assert_eq!(word(one.as_bytes()) == word(capitals.as_bytes()), one == other);
            }
        }
        assert_eq!(word(b""), NO_NAME);
    }

    /// One byte of a name replaced by any other is another word.
    #[test]
    fn every_byte_counts() {
        for len in 1..=12 {
            let name = &b"incrbyfloats"[..len];
            for at in 0..len {
                for byte in 0..=255u8 {
                    let mut other = name.to_vec();
                    other[at] = byte;
                    let same = byte.eq_ignore_ascii_case(&name[at]);
                    let text = std::str::from_utf8(name).unwrap();
                    let found = word(&other) == word(name) && is_same(text, &other);
                    assert_eq!(found, same, "{other:?}");
                }
            }
        }
    }

    #[test]
    fn longer_names_are_compared_in_full() {
        assert!(is_same("pexpiretime", b"PExpireTime"));
        assert!(!is_same("pexpiretime", b"pexpiretimf") && !is_same("get", b"gett"));
    }
}
