//! When keys end: EXPIRE, TTL, PERSIST and their relatives.
//!
//! Invariant: a deadline that has passed removes its key at once. Cost: one look, one change.

use velodrome_engine::{Deadline, Effects, Engine, Key, Refused};
use velodrome_net::command::{ExpireCondition, Expiry, TimeUnit};
use velodrome_net::resp::Encoder;

use super::moment::{Moment, clamped};
use super::refusal::{invalid_expire, refuse};

/// EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT.
pub(super) fn expire<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    expiry: Expiry,
    condition: ExpireCondition,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    let Ok(Some(deadline_ms)) = expiry.deadline_ms(moment.now_ms) else {
        return invalid_expire(name(expiry), out);
    };
    let Some(item) = engine.peek(key, moment.now_ms) else { return out.integer(0) };
    let current_ms = item.deadline_ms.map(|at| at.get() as i64);
    if !holds(condition, current_ms, deadline_ms) {
        return out.integer(0);
    }
    if moment.is_past(deadline_ms) {
        return out.integer(engine.delete(key, moment.now_ms).into());
    }
    match engine.redate(key, Some(clamped(deadline_ms as u64)), moment.now_ms) {
        Ok(done) => out.integer(done.into()),
        Err(refused) => refuse(engine, &refused, out),
    }
}

fn name(expiry: Expiry) -> &'static str {
    match expiry {
        Expiry::Px(_) => "pexpire",
        Expiry::ExAt(_) => "expireat",
        Expiry::PxAt(_) => "pexpireat",
        _ => "expire",
    }
}

/// Whether a deadline may replace the current one; none is infinitely far.
fn holds(condition: ExpireCondition, current_ms: Option<i64>, new_ms: i64) -> bool {
    let later = current_ms.is_some_and(|current_ms| new_ms > current_ms);
    let earlier = current_ms.is_none_or(|current_ms| new_ms < current_ms);
    match condition {
        ExpireCondition::Always => true,
        ExpireCondition::Nx => current_ms.is_none(),
        ExpireCondition::Xx => current_ms.is_some(),
        ExpireCondition::Gt | ExpireCondition::XxGt => later,
        ExpireCondition::Lt => earlier,
        ExpireCondition::XxLt => current_ms.is_some() && earlier,
    }
}

/// TTL, PTTL, EXPIRETIME, PEXPIRETIME.
pub(super) fn ttl<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    unit: TimeUnit,
    absolute: bool,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    let Some(item) = engine.peek(key, moment.now_ms) else { return out.integer(-2) };
    let Some(deadline_ms) = item.deadline_ms else { return out.integer(-1) };
    let from_ms = if absolute { 0 } else { moment.now_ms };
    let left_ms = deadline_ms.get().saturating_sub(from_ms) as i64;
    out.integer(match unit {
        TimeUnit::Milliseconds => left_ms,
        TimeUnit::Seconds => (left_ms + 500) / 1000,
    });
}

/// PERSIST
pub(super) fn persist<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    let dated = engine.peek(key, moment.now_ms).is_some_and(|item| item.deadline_ms.is_some());
    if !dated {
        return out.integer(0);
    }
    match engine.redate(key, None, moment.now_ms) {
        Ok(done) => out.integer(done.into()),
        Err(refused) => refuse(engine, &refused, out),
    }
}

/// Gives a key that has just been created the default time to live.
///
/// # Errors
/// When there is no room for the deadline; the key is gone then.
pub(super) fn date_created<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    moment: &Moment,
) -> Result<(), Refused> {
    let Deadline::At(deadline_ms) = moment.default_deadline() else { return Ok(()) };
    let dated = engine.redate(key, Some(deadline_ms), moment.now_ms);
    if dated.is_err() {
        engine.delete(key, moment.now_ms);
    }
    dated.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::super::conversation::{START_MS, check};

    #[test]
    fn deadlines_are_set_and_told() {
        let at = |ms: u64| format!(":{ms}");
        check(&[
            ("TTL k", ":-2"),
            ("PTTL k", ":-2"),
            ("EXPIRETIME k", ":-2"),
            ("EXPIRE k 10", ":0"),
            ("SET k v", "+OK"),
            ("TTL k", ":-1"),
            ("PEXPIRETIME k", ":-1"),
            ("EXPIRE k 10", ":1"),
            ("TTL k", ":10"),
            ("PEXPIRETIME k", &at(START_MS + 10_000)),
            ("EXPIRETIME k", &at((START_MS + 10_500) / 1000)),
            ("PEXPIRE k 1499", ":1"),
            ("TTL k", ":1"),
            ("PEXPIRE k 1500", ":1"),
            ("TTL k", ":2"),
            ("PERSIST k", ":1"),
            ("PERSIST k", ":0"),
            ("PERSIST none", ":0"),
            (&format!("PEXPIREAT k {}", START_MS + 5), ":1"),
            ("PTTL k", ":5"),
            (&format!("EXPIREAT k {}", START_MS / 1000 + 1), ":1"),
            ("@ 1000", ""),
            ("TTL k", ":-2"),
        ]);
    }

    #[test]
    fn a_deadline_in_the_past_removes() {
        for past in ["EXPIRE k -1", "EXPIRE k 0", "PEXPIREAT k -5", "EXPIREAT k 1"] {
            check(&[("SET k v", "+OK"), (past, ":1"), ("EXISTS k", ":0"), (past, ":0")]);
        }
    }

    #[test]
    fn conditions_compare_with_the_current_deadline() {
        check(&[
            ("SET k v", "+OK"),
            ("EXPIRE k 10 XX", ":0"),
            ("EXPIRE k 10 GT", ":0"),
            ("TTL k", ":-1"),
            ("EXPIRE k 10 XX LT", ":0"),
            ("EXPIRE k 10 LT", ":1"),
            ("EXPIRE k 20 NX", ":0"),
            ("EXPIRE k 20 LT", ":0"),
            ("EXPIRE k 10 GT", ":0"),
            ("EXPIRE k 20 GT", ":1"),
            ("EXPIRE k 30 XX GT", ":1"),
            ("EXPIRE k 15 XX LT", ":1"),
            ("TTL k", ":15"),
            ("PERSIST k", ":1"),
            ("EXPIRE k 15 NX", ":1"),
            ("EXPIRE k -1 GT", ":0"),
            ("EXPIRE k -1 LT", ":1"),
            ("EXISTS k", ":0"),
        ]);
    }

    #[test]
    fn a_deadline_beyond_64_bits_is_refused_and_one_beyond_48_is_the_last() {
        let refused = |name: &str| format!("-ERR invalid expire time in '{name}' command");
        check(&[
            ("SET k v", "+OK"),
            ("EXPIRE k 9223372036854775807", &refused("expire")),
            ("PEXPIRE k 9223372036854775807", &refused("pexpire")),
            ("EXPIREAT k 9223372036854775807", &refused("expireat")),
            ("EXPIRE k -9223372036854775808", &refused("expire")),
            ("PEXPIREAT k 9223372036854775807", ":1"),
            ("PEXPIRETIME k", ":281474976710655"),
        ]);
    }
}
