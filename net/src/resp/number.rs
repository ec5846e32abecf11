//! The strict decimal numbers of the protocol.
//!
//! Owns what counts as an integer: an optional minus sign, no plus sign, no leading zero, no
//! blanks, nothing beyond 64 bits. Cost: one pass, no allocation.

/// The integer that `text` spells, or `None`.
#[must_use]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    if text == b"0" {
        return Some(0);
    }
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // Nineteen digits always fit 64 bits without a sign.
    if digits.is_empty() || digits.len() > 19 || digits[0] == b'0' {
        return None;
    }
    let mut magnitude: u64 = 0;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// The finite or infinite number that `text` spells, or `None`; blanks and NaN are refused.
#[must_use]
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let number: f64 = text.parse().ok()?;
    (!number.is_nan()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        let cases: &[(&str, Option<i64>)] = &[
            ("0", Some(0)),
            ("7", Some(7)),
            ("-1", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("99999999999999999999", None),
            ("", None),
            ("-", None),
            ("-0", None),
            ("+1", None),
            ("01", None),
            (" 1", None),
            ("1 ", None),
            ("1.0", None),
            ("0x10", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse_i64(text.as_bytes()), *want, "{text:?}");
        }
    }

    #[test]
    fn every_boundary_length_round_trips() {
        let mut power: i64 = 1;
        for _ in 0..19 {
            for number in [power - 1, power, power + 1, -power, 1 - power] {
                assert_eq!(parse_i64(number.to_string().as_bytes()), Some(number));
            }
            power = power.saturating_mul(10);
        }
    }

    #[test]
    fn floats() {
        assert_eq!(parse_f64(b"1.5"), Some(1.5));
        assert_eq!(parse_f64(b"-3e2"), Some(-300.0));
        assert_eq!(parse_f64(b"inf"), Some(f64::INFINITY));
        for text in ["", " 1", "1 ", "nan", "abc", "0x1"] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
    }
}
