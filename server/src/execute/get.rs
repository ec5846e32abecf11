//! GET and its relatives: values on their way out.
//!
//! Invariant: a large value that is the whole reply to a command outside of EXEC leaves from its
//! place. Cost: one look-up; an inline value is copied once, a packed one unpacked, to the output.

use std::sync::Arc;

use velodrome_engine::{Effects, Engine, Item, Key, ValueRef};
use velodrome_net::command::Expiry;
use velodrome_net::resp::Encoder;

use super::moment::{Moment, Tail, clamped};
use super::refusal::{invalid_expire, refuse};

/// The item of a key that a client reads.
#[inline]
pub(super) fn read<'e, E: Effects>(
    engine: &'e mut Engine<E>,
    key: &Key<'_>,
    moment: &Moment,
) -> Option<Item<'e>> {
    if moment.no_touch { engine.peek(key, moment.now_ms) } else { engine.get(key, moment.now_ms) }
}

/// Writes a value, or the header of a large one that is sent from its place.
#[inline(always)]
pub(super) fn value(value: ValueRef<'_>, out: &mut Encoder<'_>) -> Tail {
    match value {
        ValueRef::Inline(bytes) => {
            out.bulk(bytes);
            None
        }
        ValueRef::Large(large) => {
            out.bulk_header(large.len());
            Some(Arc::clone(large))
        }
        ValueRef::Packed(packed) => {
            out.bulk_with(packed.raw_len(), |bytes| packed.append_to(bytes));
            None
        }
    }
}

/// Writes a value, a large one, too, into the reply.
#[inline]
pub(super) fn copied(value: ValueRef<'_>, out: &mut Encoder<'_>) {
    match value {
        ValueRef::Inline(bytes) => out.bulk(bytes),
        other => out.bulk_with(other.len(), |bytes| other.append_to(bytes)),
    }
}

/// GET, and MGET of one key behind its array header.
#[inline]
pub(super) fn get<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) -> Tail {
    match read(engine, key, moment) {
        Some(item) => value(item.value, out),
        None => {
            out.null();
            None
        }
    }
}

/// GETDEL
pub(super) fn get_del<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) -> Tail {
    let tail = get(engine, key, moment, out);
    engine.delete(key, moment.now_ms);
    tail
}

/// GETEX: the deadline is changed before the value is written, because that can be refused.
pub(super) fn get_ex<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    expiry: Expiry,
    moment: &Moment,
    out: &mut Encoder<'_>,
) -> Tail {
    let deadline_ms = match expiry.deadline_ms(moment.now_ms) {
        Ok(deadline_ms) if expiry.is_positive() => deadline_ms,
        _ => {
            match engine.peek(key, moment.now_ms) {
                Some(_) => invalid_expire("getex", out),
                None => out.null(),
            }
            return None;
        }
    };
    let redated = match deadline_ms {
        Some(deadline_ms) if moment.is_past(deadline_ms) => {
            return get_del(engine, key, moment, out);
        }
        Some(deadline_ms) => engine.redate(key, Some(clamped(deadline_ms as u64)), moment.now_ms),
        None if expiry == Expiry::Persist => engine.redate(key, None, moment.now_ms),
        None => Ok(true),
    };
    if let Err(refused) = redated {
        refuse(engine, &refused, out);
        return None;
    }
    get(engine, key, moment, out)
}

/// STRLEN
pub(super) fn len<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    out.integer(read(engine, key, moment).map_or(0, |item| item.value.len() as i64));
}

/// GETRANGE
pub(super) fn range<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    start: i64,
    end: i64,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    let Some(item) = read(engine, key, moment) else { return out.bulk(b"") };
    let range = bounds(start, end, item.value.len());
    if range.is_empty() {
        return out.bulk(b"");
    }
    out.bulk(&item.value.as_bytes()[range]);
}

/// The bytes from `start` to `end`, both inclusive and counted from the end when negative.
fn bounds(start: i64, end: i64, len: usize) -> std::ops::Range<usize> {
    let len = len as i64;
    if len == 0 || (start < 0 && end < 0 && start > end) {
        return 0..0;
    }
    let from_start = |at: i64| if at < 0 { at.saturating_add(len).max(0) } else { at };
    let (first, last) = (from_start(start), from_start(end).min(len - 1));
    if first > last { 0..0 } else { first as usize..last as usize + 1 }
}

#[cfg(test)]
mod tests {
    use super::super::conversation::check;
    use super::*;

    #[test]
    fn values_are_read() {
        check(&[
            ("GET k", "$-1"),
            ("SET k value", "+OK"),
            ("GET k", "$5 value"),
            ("STRLEN k", ":5"),
            ("STRLEN none", ":0"),
            ("MGET k", "*1 $5 value"),
            ("MGET none", "*1 $-1"),
            ("GETDEL k", "$5 value"),
            ("GETDEL k", "$-1"),
            ("EXISTS k", ":0"),
        ]);
    }

    #[test]
    fn ranges_are_cut_as_redis_cuts_them() {
        check(&[
            ("SET k \"Hello World\"", "+OK"),
            ("GETRANGE k 0 3", "$4 Hell"),
            ("GETRANGE k 0 -1", "$11 Hello World"),
            ("GETRANGE k -4 -1", "$4 orld"),
            ("GETRANGE k 5 3", "$0 "),
            ("GETRANGE k 5 5000", "$6  World"),
            ("GETRANGE k -5000 10000", "$11 Hello World"),
            ("GETRANGE k 0 -100", "$1 H"),
            ("GETRANGE k -1 -100", "$0 "),
            ("GETRANGE k 9223372036854775807 -1", "$0 "),
            ("SUBSTR k 0 1", "$2 He"),
            ("GETRANGE none 0 -1", "$0 "),
        ]);
        for len in 0..6 {
            for (start, end) in [(i64::MIN, i64::MAX), (0, i64::MIN), (i64::MAX, i64::MAX)] {
                assert!(bounds(start, end, len).end <= len);
            }
        }
    }

    #[test]
    fn a_read_changes_the_deadline() {
        check(&[
            ("GETEX k EX 10", "$-1"),
            ("SET k v", "+OK"),
            ("GETEX k EX 10", "$1 v"),
            ("PTTL k", ":10000"),
            ("GETEX k", "$1 v"),
            ("PTTL k", ":10000"),
            ("GETEX k PERSIST", "$1 v"),
            ("PTTL k", ":-1"),
            ("GETEX k PXAT 1", "$1 v"),
            ("GET k", "$-1"),
            ("GETEX k EX 9223372036854775", "$-1"),
            ("GETEX k EX 0", "$-1"),
            ("SET k v", "+OK"),
            ("GETEX k EX 0", "-ERR invalid expire time in 'getex' command"),
            ("GETEX k EX 9223372036854775", "-ERR invalid expire time in 'getex' command"),
        ]);
    }

    #[test]
    fn large_values_are_sent_from_their_place() {
        let long = "x".repeat(300_000);
        let reply = format!("$300000 {long}");
        check(&[
            (&format!("SET k {long}"), "+OK"),
            ("GET k", &reply),
            ("GETRANGE k 299998 -1", "$2 xx"),
            ("MGET k", &format!("*1 {reply}")),
            ("SET k short GET", &reply),
            ("GET k", "$5 short"),
        ]);
    }
}
