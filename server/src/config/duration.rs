//! Spans of time as people write them: `30`, `30s`, `5m`, `500ms`, `2h`, `7d`.
//!
//! Owns the units. Invariant: a result is at most `DURATION_MS_MAX`, so adding it to a clock never
//! overflows. Cost: one pass over a short text.

use super::limits::DURATION_MS_MAX;

const UNITS_MS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a span in milliseconds; a bare number counts `bare_ms` milliseconds each.
pub(crate) fn parse_ms(text: &str, bare_ms: u64) -> Result<u64, String> {
    let lower = text.trim().to_ascii_lowercase();
    let unit = UNITS_MS.iter().find(|(name, _)| lower.ends_with(name));
    let (number, scale) = match unit {
        Some((name, scale)) => (lower[..lower.len() - name.len()].trim_end(), *scale),
        None => (lower.as_str(), bare_ms),
    };
    let unit = if bare_ms == 1 { "milliseconds" } else { "seconds" };
    let expected = || format!("'{text}' is not a time: expected {unit}, or 500ms, 30s, 5m, 2h, 7d");
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(expected());
    }
    let span_ms = number.parse::<u64>().ok().and_then(|n| n.checked_mul(scale));
    match span_ms {
        Some(span_ms) if span_ms <= DURATION_MS_MAX => Ok(span_ms),
        _ => Err(format!("'{text}' is longer than 100 years")),
    }
}

/// Writes a span of milliseconds: seconds without a unit when they are whole, else `ms`.
pub(crate) fn show_seconds(span_ms: u64) -> String {
    if span_ms.is_multiple_of(1000) { (span_ms / 1000).to_string() } else { format!("{span_ms}ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (text, ms) in [
            ("0", 0),
            ("30", 30_000),
            ("30s", 30_000),
            ("500ms", 500),
            ("5m", 300_000),
            ("1H", 3_600_000),
        ] {
            assert_eq!(parse_ms(text, 1000), Ok(ms), "{text}");
        }
        assert_eq!(parse_ms("5000", 1), Ok(5000));
        for text in ["", "s", "-1", "1.5", "1w", "99999999999999999999", "36501d"] {
            assert!(parse_ms(text, 1000).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for ms in [0, 1, 999, 1000, 61_500] {
            assert_eq!(parse_ms(&show_seconds(ms), 1000), Ok(ms));
        }
    }
}
