//! Keys of any type, and transactions.
//!
//! Owns the options of EXPIRE and SCAN.

use crate::command::closed::{Command, Scan, TimeUnit};
use crate::command::expiry::{ExpireCondition, Expiry};
use crate::command::keys::Keys;
use crate::command::refused::Refused;
use crate::command::server::ObjectCommand;
use crate::resp::Args;

use super::words::{Words, integer, is, timeout_ms};

type Decoded<'a> = Result<Command<'a>, Refused>;

pub(in crate::command) fn del(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Del { keys: Keys::plain(args.slice(1)) })
}

pub(in crate::command) fn exists(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Exists { keys: Keys::plain(args.slice(1)) })
}

pub(in crate::command) fn touch(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Touch { keys: Keys::plain(args.slice(1)) })
}

pub(in crate::command) fn expire(args: Args<'_>) -> Decoded<'_> {
    timed(args, Expiry::Ex, "expire")
}

pub(in crate::command) fn pexpire(args: Args<'_>) -> Decoded<'_> {
    timed(args, Expiry::Px, "pexpire")
}

pub(in crate::command) fn expireat(args: Args<'_>) -> Decoded<'_> {
    timed(args, Expiry::ExAt, "expireat")
}

pub(in crate::command) fn pexpireat(args: Args<'_>) -> Decoded<'_> {
    timed(args, Expiry::PxAt, "pexpireat")
}

/// The options are read before the number: an unknown one is what the client hears of first.
fn timed<'a>(args: Args<'a>, kind: fn(i64) -> Expiry, command: &'static str) -> Decoded<'a> {
    let condition = expire_condition(args.slice(3))?;
    let number = integer(args.get(2))?;
    let expiry = kind(number);
    let seconds = matches!(expiry, Expiry::Ex(_) | Expiry::ExAt(_));
    if seconds && number.checked_mul(1000).is_none() {
        return Err(Refused::InvalidExpire { command });
    }
    Ok(Command::Expire { key: args.get(1), expiry, condition })
}

fn expire_condition(options: Args<'_>) -> Result<ExpireCondition, Refused> {
    let (mut nx, mut xx, mut gt, mut lt) = (false, false, false, false);
    for word in options {
        match word {
            _ if is(word, "NX") => nx = true,
            _ if is(word, "XX") => xx = true,
            _ if is(word, "GT") => gt = true,
            _ if is(word, "LT") => lt = true,
            _ => return Err(Refused::quoting("ERR Unsupported option {}", word)),
        }
    }
    match (nx, xx, gt, lt) {
        (true, false, false, false) => Ok(ExpireCondition::Nx),
        (true, ..) => Err(Refused::Text(
            "ERR NX and XX, GT or LT options at the same time are not compatible",
        )),
        (_, _, true, true) => {
            Err(Refused::Text("ERR GT and LT options at the same time are not compatible"))
        }
        (_, true, true, _) => Ok(ExpireCondition::XxGt),
        (_, true, _, true) => Ok(ExpireCondition::XxLt),
        (_, true, ..) => Ok(ExpireCondition::Xx),
        (_, _, true, _) => Ok(ExpireCondition::Gt),
        (_, _, _, true) => Ok(ExpireCondition::Lt),
        _ => Ok(ExpireCondition::Always),
    }
}

pub(in crate::command) fn ttl(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Ttl { key: args.get(1), unit: TimeUnit::Seconds, absolute: false })
}

pub(in crate::command) fn pttl(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Ttl { key: args.get(1), unit: TimeUnit::Milliseconds, absolute: false })
}

pub(in crate::command) fn expiretime(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Ttl { key: args.get(1), unit: TimeUnit::Seconds, absolute: true })
}

pub(in crate::command) fn pexpiretime(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Ttl { key: args.get(1), unit: TimeUnit::Milliseconds, absolute: true })
}

pub(in crate::command) fn persist(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Persist { key: args.get(1) })
}

pub(in crate::command) fn type_of(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Type { key: args.get(1) })
}

pub(in crate::command) fn keys(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Keys { pattern: args.get(1) })
}

/// Keys that SCAN looks at when nothing is said.
const SCAN_COUNT_DEFAULT: u64 = 10;

pub(in crate::command) fn scan(args: Args<'_>) -> Decoded<'_> {
    let mut scan = Scan {
        cursor: cursor(args.get(1))?,
        pattern: None,
        count: SCAN_COUNT_DEFAULT,
        type_name: None,
    };
    let mut words = Words::new(args, 2);
    while let Some(word) = words.next() {
        if is(word, "COUNT") {
            let count = u64::try_from(words.integer()?).map_err(|_| Refused::Syntax)?;
            if count == 0 {
                return Err(Refused::Syntax);
            }
            scan.count = count;
        } else if is(word, "MATCH") {
            scan.pattern = Some(words.value()?);
        } else if is(word, "TYPE") {
            scan.type_name = Some(words.value()?);
        } else {
            return Err(Refused::Syntax);
        }
    }
    Ok(Command::Scan(scan))
}

fn cursor(text: &[u8]) -> Result<u64, Refused> {
    let digits = std::str::from_utf8(text).ok();
    let cursor = digits.filter(|text| !text.starts_with('+')).and_then(|text| text.parse().ok());
    cursor.ok_or(Refused::Text("ERR invalid cursor"))
}

pub(in crate::command) fn randomkey(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::RandomKey)
}

pub(in crate::command) fn object_encoding(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Object(ObjectCommand::Encoding { key: args.get(2) }))
}

pub(in crate::command) fn object_freq(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Object(ObjectCommand::Freq { key: args.get(2) }))
}

pub(in crate::command) fn object_idletime(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Object(ObjectCommand::IdleTime { key: args.get(2) }))
}

pub(in crate::command) fn object_refcount(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Object(ObjectCommand::RefCount { key: args.get(2) }))
}

pub(in crate::command) fn object_help(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Object(ObjectCommand::Help))
}

pub(in crate::command) fn wait(args: Args<'_>) -> Decoded<'_> {
    let replicas = integer(args.get(1))?;
    Ok(Command::Wait { replicas, timeout_ms: timeout_ms(args.get(2))? })
}

pub(in crate::command) fn multi(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Multi)
}

pub(in crate::command) fn exec(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Exec)
}

pub(in crate::command) fn discard(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Discard)
}

pub(in crate::command) fn watch(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Watch { keys: Keys::plain(args.slice(1)) })
}

pub(in crate::command) fn unwatch(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Unwatch)
}
