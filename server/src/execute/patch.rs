//! Values changed in place: APPEND and SETRANGE.
//!
//! Invariant: the length answered is the value's after the change. Cost: one engine call, which
//! copies only what the value's new place demands.

use velodrome_engine::{Effects, Engine, Key, Refused};
use velodrome_net::resp::Encoder;

use super::deadline::date_created;
use super::moment::Moment;
use super::refusal::{refuse, too_long};

/// APPEND
pub(super) fn append<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    tail: &[u8],
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    let change = |engine: &mut Engine<E>| engine.append(key, tail, moment.now_ms);
    patch(engine, key, moment, change, out);
}

/// SETRANGE: what lies between the old end and the offset becomes zeros; nothing to write
/// creates nothing.
pub(super) fn set_range<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    offset: u64,
    part: &[u8],
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    if part.is_empty() {
        let item = engine.peek(key, moment.now_ms);
        return out.integer(item.map_or(0, |item| item.value.len() as i64));
    }
    let len_max = engine.limits().value_len_max as u64;
    if offset.checked_add(part.len() as u64).is_none_or(|len| len > len_max) {
        return too_long(out);
    }
    let change =
        |engine: &mut Engine<E>| engine.set_range(key, offset as usize, part, moment.now_ms);
    patch(engine, key, moment, change, out);
}

/// Runs a change that may create its key, and answers the value's length.
fn patch<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    moment: &Moment,
    change: impl FnOnce(&mut Engine<E>) -> Result<usize, Refused>,
    out: &mut Encoder<'_>,
) {
    let creates = moment.default_ttl_ms > 0 && engine.peek(key, moment.now_ms).is_none();
    let mut len = change(engine);
    if creates {
        len = len.and_then(|len| date_created(engine, key, moment).map(|()| len));
    }
    match len {
        Ok(len) => out.integer(len as i64),
        Err(refused) => refuse(engine, &refused, out),
    }
}

#[cfg(test)]
mod tests {
    use super::super::conversation::check;

    #[test]
    fn values_grow() {
        check(&[
            ("APPEND k Hello", ":5"),
            ("APPEND k \" World\"", ":11"),
            ("GET k", "$11 Hello World"),
            ("APPEND k \"\"", ":11"),
            ("APPEND none \"\"", ":0"),
            ("EXISTS none", ":1"),
            ("SET k 5 EX 10", "+OK"),
            ("APPEND k 6", ":2"),
            ("TTL k", ":10"),
            ("INCR k", ":57"),
        ]);
    }

    #[test]
    fn ranges_are_overwritten_and_padded_with_zeros() {
        check(&[
            ("SET k \"Hello World\"", "+OK"),
            ("SETRANGE k 6 Redis", ":11"),
            ("GET k", "$11 Hello Redis"),
            ("SETRANGE k 6 \"\"", ":11"),
            ("SETRANGE new 3 x", ":4"),
            ("GET new", "$4 \0\0\0x"),
            ("SETRANGE new 6 y", ":7"),
            ("GET new", "$7 \0\0\0x\0\0y"),
            ("SETRANGE none 0 \"\"", ":0"),
            ("EXISTS none", ":0"),
            ("SETRANGE k -1 x", "-ERR offset is out of range"),
            ("SET k 5 EX 10", "+OK"),
            ("SETRANGE k 1 x", ":2"),
            ("TTL k", ":10"),
        ]);
    }
}
