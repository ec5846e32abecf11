//! Strings: GET, SET and relatives.
//!
//! Owns which options go together. Cost: each option is looked at once, nothing is allocated.

use crate::command::closed::{Command, Set, SetCondition, SetReply};
use crate::command::expiry::Expiry;
use crate::command::keys::Keys;
use crate::command::refused::Refused;
use crate::resp::{Args, parse_f64};

use super::words::{Words, integer, is};

type Decoded<'a> = Result<Command<'a>, Refused>;

#[inline]
pub(in crate::command) fn get(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Get { key: args.get(1) })
}

pub(in crate::command) fn set(args: Args<'_>) -> Decoded<'_> {
    if args.len() == 3 {
        return Ok(Command::Set(plain_set(args.get(1), args.get(2))));
    }
    let mut set = plain_set(args.get(1), args.get(2));
    set_options(&mut set, Words::new(args, 3))?;
    Ok(Command::Set(set))
}

#[inline]
fn plain_set<'a>(key: &'a [u8], value: &'a [u8]) -> Set<'a> {
    Set {
        key,
        value,
        expiry: Expiry::None,
        condition: SetCondition::Always,
        reply: SetReply::Status,
    }
}

fn set_options<'a>(set: &mut Set<'a>, mut words: Words<'a>) -> Result<(), Refused> {
    while let Some(word) = words.next() {
        if is(word, "NX") {
            restrict(&mut set.condition, SetCondition::Nx)?;
        } else if is(word, "XX") {
            restrict(&mut set.condition, SetCondition::Xx)?;
        } else if is(word, "IFEQ") {
            restrict(&mut set.condition, SetCondition::IfEq(words.value()?))?;
        } else if is(word, "GET") {
            set.reply = SetReply::OldValue;
        } else if is(word, "KEEPTTL") {
            settle(&mut set.expiry, Expiry::Keep)?;
        } else {
            timed(&mut set.expiry, word, &mut words)?;
        }
    }
    positive(set.expiry, "set")
}

/// Takes a condition that may be repeated but not combined with another.
fn restrict<'a>(condition: &mut SetCondition<'a>, asked: SetCondition<'a>) -> Result<(), Refused> {
    let same = std::mem::discriminant(condition) == std::mem::discriminant(&asked);
    if *condition != SetCondition::Always && !same {
        return Err(Refused::Syntax);
    }
    *condition = asked;
    Ok(())
}

/// Takes an expiry that may be repeated but not combined with one of another kind.
fn settle(expiry: &mut Expiry, asked: Expiry) -> Result<(), Refused> {
    let same = std::mem::discriminant(expiry) == std::mem::discriminant(&asked);
    if *expiry != Expiry::None && !same {
        return Err(Refused::Syntax);
    }
    *expiry = asked;
    Ok(())
}

/// Takes `EX`, `PX`, `EXAT` or `PXAT` with its number.
fn timed(expiry: &mut Expiry, word: &[u8], words: &mut Words<'_>) -> Result<(), Refused> {
    let kind: fn(i64) -> Expiry = if is(word, "EX") {
        Expiry::Ex
    } else if is(word, "PX") {
        Expiry::Px
    } else if is(word, "EXAT") {
        Expiry::ExAt
    } else if is(word, "PXAT") {
        Expiry::PxAt
    } else {
        return Err(Refused::Syntax);
    };
    // What does not go together is said before what is no number.
    let text = words.value()?;
    settle(expiry, kind(0))?;
    settle(expiry, kind(integer(text)?))
}

/// A time to live that creates a key must lie in the future, as far as syntax can tell.
fn positive(expiry: Expiry, command: &'static str) -> Result<(), Refused> {
    match expiry.raw() {
        Some((number, _)) if number <= 0 => Err(Refused::InvalidExpire { command }),
        Some((number, true)) if number > i64::MAX / 1000 => Err(Refused::InvalidExpire { command }),
        _ => Ok(()),
    }
}

pub(in crate::command) fn setex(args: Args<'_>) -> Decoded<'_> {
    timed_set(args, Expiry::Ex, "setex")
}

pub(in crate::command) fn psetex(args: Args<'_>) -> Decoded<'_> {
    timed_set(args, Expiry::Px, "psetex")
}

fn timed_set<'a>(args: Args<'a>, kind: fn(i64) -> Expiry, command: &'static str) -> Decoded<'a> {
    let expiry = kind(integer(args.get(2))?);
    positive(expiry, command)?;
    Ok(Command::Set(Set { expiry, ..plain_set(args.get(1), args.get(3)) }))
}

pub(in crate::command) fn setnx(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Set(Set {
        condition: SetCondition::Nx,
        reply: SetReply::Count,
        ..plain_set(args.get(1), args.get(2))
    }))
}

pub(in crate::command) fn getset(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Set(Set { reply: SetReply::OldValue, ..plain_set(args.get(1), args.get(2)) }))
}

pub(in crate::command) fn getex(args: Args<'_>) -> Decoded<'_> {
    let mut words = Words::new(args, 2);
    let mut expiry = Expiry::None;
    while let Some(word) = words.next() {
        if is(word, "PERSIST") {
            settle(&mut expiry, Expiry::Persist)?;
        } else {
            timed(&mut expiry, word, &mut words)?;
        }
    }
    Ok(Command::GetEx { key: args.get(1), expiry })
}

pub(in crate::command) fn getdel(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::GetDel { key: args.get(1) })
}

pub(in crate::command) fn mget(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::MGet { keys: Keys::plain(args.slice(1)) })
}

pub(in crate::command) fn mset(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::MSet { pairs: pairs(args, "mset")? })
}

pub(in crate::command) fn msetnx(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::MSetNx { pairs: pairs(args, "msetnx")? })
}

fn pairs<'a>(args: Args<'a>, command: &'static str) -> Result<Keys<'a>, Refused> {
    if args.len().is_multiple_of(2) {
        return Err(Refused::WrongArity { command });
    }
    Ok(Keys::with_values(args.slice(1)))
}

pub(in crate::command) fn incr(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::IncrBy { key: args.get(1), delta: 1 })
}

pub(in crate::command) fn decr(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::IncrBy { key: args.get(1), delta: -1 })
}

pub(in crate::command) fn incrby(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::IncrBy { key: args.get(1), delta: integer(args.get(2))? })
}

pub(in crate::command) fn decrby(args: Args<'_>) -> Decoded<'_> {
    let delta =
        integer(args.get(2))?.checked_neg().ok_or(Refused::Text("ERR decrement would overflow"))?;
    Ok(Command::IncrBy { key: args.get(1), delta })
}

pub(in crate::command) fn incrbyfloat(args: Args<'_>) -> Decoded<'_> {
    let delta = parse_f64(args.get(2));
    Ok(Command::IncrByFloat { key: args.get(1), delta: delta.ok_or(Refused::NotFloat)? })
}

pub(in crate::command) fn append(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Append { key: args.get(1), value: args.get(2) })
}

pub(in crate::command) fn strlen(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::StrLen { key: args.get(1) })
}

pub(in crate::command) fn setrange(args: Args<'_>) -> Decoded<'_> {
    let offset = u64::try_from(integer(args.get(2))?)
        .map_err(|_| Refused::Text("ERR offset is out of range"))?;
    Ok(Command::SetRange { key: args.get(1), offset, value: args.get(3) })
}

pub(in crate::command) fn getrange(args: Args<'_>) -> Decoded<'_> {
    let (start, end) = (integer(args.get(2))?, integer(args.get(3))?);
    Ok(Command::GetRange { key: args.get(1), start, end })
}

pub(in crate::command) fn delifeq(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::DelIfEq { key: args.get(1), value: args.get(2) })
}
