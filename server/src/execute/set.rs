//! SET and its relatives, and deleting what holds a value.
//!
//! Invariant: the old value that is answered is the one the write replaced. Cost: a plain SET is
//! one engine call; an old value is copied when it must be answered after a write that can fail.

use velodrome_engine::{Condition, Deadline, Effects, Engine, Key, Stored, ValueRef, Write};
use velodrome_net::command::{Expiry, Set, SetCondition, SetReply};
use velodrome_net::resp::Encoder;

use super::get::{read, value};
use super::moment::{Moment, Tail, clamped};
use super::refusal::{invalid_expire, refuse};

/// SET, SETEX, PSETEX, SETNX, GETSET.
#[inline]
pub(super) fn set<E: Effects>(
    engine: &mut Engine<E>,
    set: &Set<'_>,
    key: &Key<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) -> Tail {
    let Some(deadline) = deadline(set.expiry, moment) else {
        invalid_expire("set", out);
        return None;
    };
    let write = Write { deadline, condition: condition(set.condition), ..Write::plain(set.value) };
    if set.reply == SetReply::OldValue {
        return swap(engine, key, write, moment, out);
    }
    match engine.set(key, write, moment.now_ms) {
        Ok(Stored::Written { .. }) if set.reply == SetReply::Count => out.integer(1),
        Ok(Stored::Written { .. }) => out.ok(),
        Ok(Stored::Unmet { .. }) if set.reply == SetReply::Count => out.integer(0),
        Ok(Stored::Unmet { .. }) => out.null(),
        Err(refused) => refuse(engine, &refused, out),
    }
    None
}

/// What a write leaves behind; `None` when the deadline is beyond what 64 bits hold.
#[inline]
fn deadline(expiry: Expiry, moment: &Moment) -> Option<Deadline> {
    match expiry {
        Expiry::None | Expiry::Persist => Some(moment.default_deadline()),
        Expiry::Keep => Some(Deadline::Keep),
        said => {
            let deadline_ms = said.deadline_ms(moment.now_ms).ok()??;
            Some(Deadline::At(clamped(deadline_ms.max(1) as u64)))
        }
    }
}

#[inline]
fn condition(condition: SetCondition<'_>) -> Condition<'_> {
    match condition {
        SetCondition::Always => Condition::Always,
        SetCondition::Nx => Condition::Absent,
        SetCondition::Xx => Condition::Present,
        SetCondition::IfEq(value) => Condition::Equals(value),
    }
}

/// An old value that outlives its write.
enum Old {
    Bytes(Vec<u8>),
    Large(std::sync::Arc<velodrome_engine::LargeValue>),
}

/// A write that answers the value before it, whether or not its condition holds.
fn swap<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    write: Write<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) -> Tail {
    let old = read(engine, key, moment).map(|item| match item.value {
        ValueRef::Inline(bytes) => Old::Bytes(bytes.to_vec()),
        ValueRef::Large(large) => Old::Large(large.clone()),
        ValueRef::Packed(_) => Old::Bytes(item.value.as_bytes().into_owned()),
    });
    if let Err(refused) = engine.set(key, write, moment.now_ms) {
        refuse(engine, &refused, out);
        return None;
    }
    match old {
        Some(Old::Bytes(bytes)) => out.bulk(&bytes),
        Some(Old::Large(large)) => return value(ValueRef::Large(&large), out),
        None => out.null(),
    }
    None
}

/// DELIFEQ
pub(super) fn delete_if<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    expected: &[u8],
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    let equal = engine.peek(key, moment.now_ms).is_some_and(|item| item.value.equals(expected));
    out.integer((equal && engine.delete(key, moment.now_ms)).into());
}

#[cfg(test)]
mod tests {
    use super::super::conversation::{Conversation, check};

    #[test]
    fn conditions_decide() {
        check(&[
            ("SET k 1 XX", "$-1"),
            ("SET k 1 NX", "+OK"),
            ("SET k 2 NX", "$-1"),
            ("SET k 2 XX", "+OK"),
            ("GET k", "$1 2"),
            ("SET k 3 IFEQ 1", "$-1"),
            ("SET k 3 IFEQ 2", "+OK"),
            ("SET none 3 IFEQ 2", "$-1"),
            ("SETNX k 4", ":0"),
            ("SETNX new 4", ":1"),
            ("GET k", "$1 3"),
            ("DELIFEQ k 4", ":0"),
            ("DELIFEQ k 3", ":1"),
            ("DELIFEQ k 3", ":0"),
        ]);
    }

    #[test]
    fn the_old_value_is_answered() {
        check(&[
            ("GETSET k 1", "$-1"),
            ("GETSET k 2", "$1 1"),
            ("SET k 3 GET", "$1 2"),
            ("SET k 4 NX GET", "$1 3"),
            ("GET k", "$1 3"),
            ("SET k 4 XX GET", "$1 3"),
            ("SET none 4 XX GET", "$-1"),
            ("SET new 4 NX GET", "$-1"),
            ("GET new", "$1 4"),
            ("SET k 9 IFEQ 4 GET", "$1 4"),
            ("GET k", "$1 9"),
        ]);
    }

    #[test]
    fn deadlines_are_set_kept_and_dropped() {
        check(&[
            ("SET k v EX 10", "+OK"),
            ("TTL k", ":10"),
            ("SET k w KEEPTTL", "+OK"),
            ("PTTL k", ":10000"),
            ("SET k v", "+OK"),
            ("PTTL k", ":-1"),
            ("SETEX k 20 v", "+OK"),
            ("TTL k", ":20"),
            ("PSETEX k 1500 v", "+OK"),
            ("PTTL k", ":1500"),
            ("@ 1499", ""),
            ("GET k", "$1 v"),
            ("@ 1", ""),
            ("GET k", "$-1"),
            ("SET k v", "+OK"),
            ("SET k v PXAT 1", "+OK"),
            ("EXISTS k", ":0"),
            ("SET k v EX 0", "-ERR invalid expire time in 'set' command"),
            ("SET k v EX 9223372036854775", "-ERR invalid expire time in 'set' command"),
            ("SETEX k 9223372036854775807 v", "-ERR invalid expire time in 'setex' command"),
            ("SET k v EXAT 9223372036854775", "+OK"),
            ("GET k", "$1 v"),
        ]);
    }

    #[test]
    fn what_is_written_without_a_deadline_gets_the_default_one() {
        let mut conversation = Conversation::new();
        conversation.moment.default_ttl_ms = 5_000;
        conversation.check(&[
            ("SET k v", "+OK"),
            ("PTTL k", ":5000"),
            ("SET k v EX 1", "+OK"),
            ("PTTL k", ":1000"),
            ("SET k w KEEPTTL", "+OK"),
            ("PTTL k", ":1000"),
            ("SET kept w KEEPTTL", "+OK"),
            ("PTTL kept", ":-1"),
            ("MSET a 1 b 2", "+OK"),
            ("PTTL b", ":5000"),
            ("INCR i", ":1"),
            ("PTTL i", ":5000"),
            ("@ 1000", ""),
            ("INCR i", ":2"),
            ("PTTL i", ":4000"),
            ("APPEND s x", ":1"),
            ("PTTL s", ":5000"),
            ("SETRANGE r 3 x", ":4"),
            ("PTTL r", ":5000"),
            ("INCRBYFLOAT f 1.5", "$3 1.5"),
            ("PTTL f", ":5000"),
            ("GETSET g x", "$-1"),
            ("PTTL g", ":5000"),
        ]);
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let mut conversation = Conversation::with_value_len_max(100_000);
        let long = "x".repeat(100_001);
        let too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
        conversation.check(&[
            (&format!("SET k {long}"), too_long),
            (&format!("MSET j 1 k {long}"), too_long),
            (&format!("MSETNX j 1 k {long}"), too_long),
            ("EXISTS j", ":0"),
            (&format!("SET k {}", &long[1..]), "+OK"),
            ("APPEND k y", too_long),
            ("SETRANGE k 100000 y", too_long),
            ("SETRANGE k 99999 y", ":100000"),
            ("SETRANGE none 4294967295 y", too_long),
            ("SETRANGE none 9223372036854775807 y", too_long),
            ("STRLEN k", ":100000"),
        ]);
    }

    #[test]
    fn of_many_that_could_not_all_be_held_none_is_written() {
        let mut conversation = Conversation::new();
        let too_long = conversation.say(&format!("MSET j 1 k {}", "x".repeat(32 << 20)));
        assert!(too_long.starts_with("-ERR value of 33554432 bytes is longer"), "{too_long}");
        let key = "x".repeat(40_000);
        let long_key = "-ERR key of 40000 bytes is longer than the 32768 bytes allowed; shorten it";
        conversation.check(&[
            (&format!("MSET j 1 {key} 2"), long_key),
            (&format!("MSETNX j 1 {key} 2"), long_key),
            ("EXISTS j", ":0"),
        ]);
    }
}
