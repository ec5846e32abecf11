//! Decimal arithmetic of INCRBYFLOAT.
//!
//! Clients write `0.1` and expect `0.3` from adding `0.2`, with up to 17 digits behind the point.
//! So numbers are added as they are written, in units of 10^-17, as long as that fits 128 bits;
//! what is larger is added as doubles. Cost: one pass over either text.

/// Digits behind the point.
const PLACES: usize = 17;
const ONE: i128 = 10_i128.pow(PLACES as u32);

/// The sum of `text`, whose double is `value`, and `delta`; `None` when it is no finite number.
pub(super) fn sum(text: &[u8], value: f64, delta: f64) -> Option<String> {
    let rough = value + delta;
    if !rough.is_finite() {
        return None;
    }
    let exact = || parse(text)?.checked_add(parse(delta.to_string().as_bytes())?);
    Some(exact().map_or_else(|| rough.to_string(), show))
}

/// A number in units of 10^-17; `None` when it is too large or is not written as a decimal.
fn parse(text: &[u8]) -> Option<i128> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (digits, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&text[..at], std::str::from_utf8(&text[at + 1..]).ok()?.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let point = digits.iter().position(|byte| *byte == b'.');
    let whole_len = point.unwrap_or(digits.len()) as i64;
    // The place of the next digit, counted in units of 10^-17.
    let mut place = whole_len + i64::from(exponent) + PLACES as i64;
    let mut magnitude: i128 = 0;
    let mut round_up = false;
    for byte in digits.iter().filter(|byte| **byte != b'.') {
        let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
        place -= 1;
        match place {
            0.. => magnitude = magnitude.checked_mul(10)?.checked_add(digit)?,
            -1 => round_up = digit >= 5,
            _ => {}
        }
    }
    for _ in 0..place {
        if magnitude == 0 {
            break;
        }
        magnitude = magnitude.checked_mul(10)?;
    }
    magnitude = magnitude.checked_add(i128::from(round_up))?;
    Some(if negative { -magnitude } else { magnitude })
}

/// Digits without a point at the end and without zeros behind one.
fn show(number: i128) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let (whole, part) = (number.unsigned_abs() / ONE as u128, number.unsigned_abs() % ONE as u128);
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let part = format!("{part:017}");
    format!("{sign}{whole}.{}", part.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_as_written() {
        for (text, delta, expected) in [
            ("0", 0.0, "0"),
            ("-0", 0.0, "0"),
            ("3.0e3", 0.5, "3000.5"),
            ("1e-17", 0.0, "0.00000000000000001"),
            ("1e-18", 0.0, "0"),
            ("5e-18", 0.0, "0.00000000000000001"),
            ("0.000000000000000049", 0.0, "0.00000000000000005"),
            (".5", 0.25, "0.75"),
            ("5.", 1.0, "6"),
            ("1e300", 0.0, &1e300_f64.to_string()),
            ("123456789012345678901", 0.5, "123456789012345678901.5"),
        ] {
            let value: f64 = text.parse().unwrap();
            assert_eq!(sum(text.as_bytes(), value, delta).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(sum(b"inf", f64::INFINITY, 1.0), None);
        assert_eq!(sum(b"1e308", 1e308, 1e308), None);
    }

    #[test]
    fn the_sum_is_never_far_from_that_of_doubles() {
        let mut state = 7_u64;
        for _ in 0..10_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (a, b) = ((state >> 40) as f64 / 4096.0, f64::from(state as u32) / -65536.0);
            let exact: f64 = sum(a.to_string().as_bytes(), a, b).unwrap().parse().unwrap();
            assert!((exact - (a + b)).abs() <= 1e-9 * (a.abs() + b.abs()), "{a} {b} {exact}");
        }
    }
}
