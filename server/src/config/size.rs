//! Sizes in bytes as Redis writes them, and memory limits that may be a share of the machine.
//!
//! Owns the units: `k m g t` are powers of 1000, `kb mb gb tb` powers of 1024, both in any case;
//! a bare number is bytes. Invariant: what `show` prints, `parse` reads back to the same number.
//! Cost: one pass over a short text.

const UNITS: [(&str, u64); 12] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1 << 10),
    ("mb", 1 << 20),
    ("gb", 1 << 30),
    ("tb", 1 << 40),
    ("k", 1_000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("t", 1_000_000_000_000),
    ("b", 1),
];

/// Reads a size such as `4gb`, `512m`, `1048576`. The error says what was expected.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let lower = text.trim().to_ascii_lowercase();
    let unit = UNITS.iter().find(|(name, _)| lower.ends_with(name));
    let (number, scale) = match unit {
        Some((name, scale)) => (lower[..lower.len() - name.len()].trim_end(), *scale),
        None => (lower.as_str(), 1),
    };
    let expected =
        || format!("'{text}' is not a size: expected bytes, or a number with kb, mb, gb");
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(expected());
    }
    let number: u64 = number.parse().map_err(|_| expected())?;
    number.checked_mul(scale).ok_or_else(|| format!("'{text}' is larger than any machine"))
}

/// Writes a size with the largest power of 1024 that divides it.
pub(crate) fn show(bytes: u64) -> String {
    for (unit, scale) in [("gb", 1u64 << 30), ("mb", 1 << 20), ("kb", 1 << 10)] {
        if bytes >= scale && bytes.is_multiple_of(scale) {
            return format!("{}{unit}", bytes / scale);
        }
    }
    bytes.to_string()
}

/// A limit on memory: left to the node, a share of something larger, or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// The node chooses.
    Auto,
    /// Hundredths of the whole (of the machine, or of `max-memory` for clients).
    Percent(u8),
    /// Bytes.
    Bytes(u64),
}

impl MemoryLimit {
    /// Reads `auto`, `0` (both: the node chooses), `25%` or a size.
    pub fn parse(text: &str) -> Result<MemoryLimit, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("auto") {
            return Ok(MemoryLimit::Auto);
        }
        if let Some(number) = text.strip_suffix('%') {
            return match number.trim_end().parse::<u8>() {
                Ok(percent @ 1..=100) => Ok(MemoryLimit::Percent(percent)),
                _ => Err(format!("'{text}' is not a share: expected 1% to 100%")),
            };
        }
        Ok(match parse(text).map_err(|reason| format!("{reason}, 25% or auto"))? {
            0 => MemoryLimit::Auto,
            bytes => MemoryLimit::Bytes(bytes),
        })
    }

    /// The bytes this means when the whole has `whole_bytes`; `None` leaves the choice to the node.
    pub fn bytes(self, whole_bytes: u64) -> Option<u64> {
        match self {
            MemoryLimit::Auto => None,
            MemoryLimit::Percent(percent) => {
                Some((u128::from(whole_bytes) * u128::from(percent) / 100) as u64)
            }
            MemoryLimit::Bytes(bytes) => Some(bytes),
        }
    }

    /// The text that `parse` reads back.
    pub fn show(self) -> String {
        match self {
            MemoryLimit::Auto => "auto".into(),
            MemoryLimit::Percent(percent) => format!("{percent}%"),
            MemoryLimit::Bytes(bytes) => show(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_of_redis() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("17b", 17),
            ("1k", 1000),
            ("1kb", 1024),
            ("1KB", 1024),
            ("3m", 3_000_000),
            ("3mb", 3 << 20),
            ("4gb", 4 << 30),
            ("4GiB", 4 << 30),
            ("4g", 4_000_000_000),
            (" 2 mb ", 2 << 20),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "gb", "-1", "1.5gb", "1x", "0x10", "18446744073709551615kb", "1 2"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for bytes in [1, 1000, 1024, 1025, 3 << 20, 5 << 30, (5 << 30) + 1] {
            assert_eq!(parse(&show(bytes)), Ok(bytes));
        }
        for text in ["auto", "25%", "4gb", "1000"] {
            assert_eq!(MemoryLimit::parse(text).unwrap().show(), text);
        }
    }

    #[test]
    fn shares_and_auto() {
        assert_eq!(MemoryLimit::parse("25%").unwrap().bytes(1000), Some(250));
        assert_eq!(MemoryLimit::parse("0"), Ok(MemoryLimit::Auto));
        assert_eq!(MemoryLimit::Auto.bytes(1000), None);
        for text in ["0%", "101%", "-3%", "%", "many"] {
            assert!(MemoryLimit::parse(text).is_err(), "{text}");
        }
    }
}
