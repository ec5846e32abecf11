//! Numbers in values: INCR, DECR, INCRBYFLOAT.
//!
//! Invariant: a refused sum changes nothing and deadlines stay. Cost: INCR is one engine call.

use velodrome_engine::{Deadline, Effects, Engine, Key, Write};
use velodrome_net::resp::{Encoder, parse_f64};

use crate::limits::FLOAT_LEN_BYTES_MAX;

use super::deadline::date_created;
use super::decimal;
use super::moment::Moment;
use super::refusal::refuse;

const NO_FLOAT: &str = "ERR value is not a valid float";

/// INCR, DECR, INCRBY, DECRBY.
#[inline]
pub(super) fn add<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    delta: i64,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    let creates = moment.default_ttl_ms > 0 && engine.peek(key, moment.now_ms).is_none();
    let mut sum = engine.increment(key, delta, moment.now_ms);
    if creates {
        sum = sum.and_then(|sum| date_created(engine, key, moment).map(|()| sum));
    }
    match sum {
        Ok(sum) => out.integer(sum),
        Err(refused) => refuse(engine, &refused, out),
    }
}

/// INCRBYFLOAT
pub(super) fn add_float<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    delta: f64,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    let now_ms = moment.now_ms;
    let (sum, deadline) = match engine.peek(key, now_ms) {
        Some(item) if item.value.len() > FLOAT_LEN_BYTES_MAX => return out.error(NO_FLOAT),
        Some(item) => {
            let bytes = item.value.as_bytes();
            let Some(value) = parse_f64(&bytes) else { return out.error(NO_FLOAT) };
            (decimal::sum(&bytes, value, delta), Deadline::Keep)
        }
        None => (decimal::sum(b"0", 0.0, delta), moment.default_deadline()),
    };
    let Some(sum) = sum else {
        return out.error("ERR increment would produce NaN or Infinity");
    };
    let write = Write { deadline, ..Write::plain(sum.as_bytes()) };
    match engine.set(key, write, now_ms) {
        Ok(_) => out.bulk_str(&sum),
        Err(refused) => refuse(engine, &refused, out),
    }
}

#[cfg(test)]
mod tests {
    use super::super::conversation::check;
    use super::FLOAT_LEN_BYTES_MAX;

    #[test]
    fn integers_are_counted() {
        check(&[
            ("INCR k", ":1"),
            ("INCRBY k 41", ":42"),
            ("DECR k", ":41"),
            ("DECRBY k 50", ":-9"),
            ("GET k", "$2 -9"),
            ("SET k 9223372036854775807", "+OK"),
            ("INCR k", "-ERR increment or decrement would overflow"),
            ("GET k", "$19 9223372036854775807"),
            ("SET k -9223372036854775808", "+OK"),
            ("DECR k", "-ERR increment or decrement would overflow"),
            ("SET k text", "+OK"),
            ("INCR k", "-ERR value is not an integer or out of range"),
            ("SET k \" 11\"", "+OK"),
            ("INCR k", "-ERR value is not an integer or out of range"),
            ("SET k 01", "+OK"),
            ("INCR k", "-ERR value is not an integer or out of range"),
            ("SET k 5 EX 100", "+OK"),
            ("INCR k", ":6"),
            ("TTL k", ":100"),
            ("INCRBY k 1.5", "-ERR value is not an integer or out of range"),
        ]);
    }

    #[test]
    fn fractions_are_counted_in_decimal() {
        check(&[
            ("INCRBYFLOAT k 1", "$1 1"),
            ("INCRBYFLOAT k 0.25", "$4 1.25"),
            ("SET k 10.50", "+OK"),
            ("INCRBYFLOAT k 0.1", "$4 10.6"),
            ("INCRBYFLOAT k -5", "$3 5.6"),
            ("SET k 5.0e3", "+OK"),
            ("INCRBYFLOAT k 2.0e2", "$4 5200"),
            ("SET k 0.1", "+OK"),
            ("INCRBYFLOAT k 0.2", "$3 0.3"),
            ("SET k 1", "+OK"),
            ("INCRBYFLOAT k -1.1", "$4 -0.1"),
            ("SET k 17179869184", "+OK"),
            ("INCRBYFLOAT k 1.5", "$13 17179869185.5"),
            ("SET k text EX 10", "+OK"),
            ("INCRBYFLOAT k 1", "-ERR value is not a valid float"),
            ("INCRBYFLOAT k nan", "-ERR value is not a valid float"),
            ("SET k 1 EX 10", "+OK"),
            ("INCRBYFLOAT k 1", "$1 2"),
            ("TTL k", ":10"),
            ("SET k inf", "+OK"),
            ("INCRBYFLOAT k 1", "-ERR increment would produce NaN or Infinity"),
            (&format!("SET k {}", "0".repeat(FLOAT_LEN_BYTES_MAX)), "+OK"),
            ("INCRBYFLOAT k 1.5", "$3 1.5"),
            (&format!("SET k {}", "0".repeat(FLOAT_LEN_BYTES_MAX + 1)), "+OK"),
            ("INCRBYFLOAT k 1.5", "-ERR value is not a valid float"),
        ]);
    }
}
