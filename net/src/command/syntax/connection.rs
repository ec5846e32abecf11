//! The connection itself.
//!
//! Owns the options of HELLO and AUTH, and which names a client may bear.

use crate::command::closed::{Command, Hello};
use crate::command::refused::Refused;
use crate::resp::{Args, Proto, parse_i64};

use super::words::{Words, integer, is};

type Decoded<'a> = Result<Command<'a>, Refused>;

pub(in crate::command) fn ping(args: Args<'_>) -> Decoded<'_> {
    if args.len() > 2 {
        return Err(Refused::WrongArity { command: "ping" });
    }
    Ok(Command::Ping { message: args.try_get(1) })
}

pub(in crate::command) fn echo(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Echo { message: args.get(1) })
}

pub(in crate::command) fn quit(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Quit)
}

pub(in crate::command) fn reset(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Reset)
}

pub(in crate::command) fn hello(args: Args<'_>) -> Decoded<'_> {
    let mut hello = Hello::default();
    let mut words = Words::new(args, 1);
    if let Some(version) = words.next() {
        let version = parse_i64(version)
            .ok_or(Refused::Text("ERR Protocol version is not an integer or out of range"))?;
        hello.version = Some(match version {
            2 => Proto::Resp2,
            3 => Proto::Resp3,
            _ => return Err(Refused::Text("NOPROTO unsupported protocol version")),
        });
    }
    while let Some(word) = words.next() {
        if is(word, "AUTH") && words.left() >= 2 {
            hello.auth = Some((words.value()?, words.value()?));
        } else if is(word, "SETNAME") && words.left() >= 1 {
            hello.name = Some(client_name(words.value()?)?);
        } else {
            return Err(Refused::quoting("ERR Syntax error in HELLO option '{}'", word));
        }
    }
    Ok(Command::Hello(hello))
}

pub(in crate::command) fn auth(args: Args<'_>) -> Decoded<'_> {
    match args.len() {
        2 => Ok(Command::Auth { user: None, password: args.get(1) }),
        3 => Ok(Command::Auth { user: Some(args.get(1)), password: args.get(2) }),
        _ => Err(Refused::Syntax),
    }
}

pub(in crate::command) fn select(args: Args<'_>) -> Decoded<'_> {
    let db = integer(args.get(1))?;
    if i32::try_from(db).is_err() {
        return Err(Refused::Text(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        ));
    }
    Ok(Command::Select { db })
}

pub(in crate::command) fn readonly(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::ReadOnly)
}

pub(in crate::command) fn readwrite(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::ReadWrite)
}

pub(in crate::command) fn asking(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Asking)
}

/// A name that CLIENT LIST can show: visible ASCII without blanks.
pub(super) fn client_name(name: &[u8]) -> Result<&[u8], Refused> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        Ok(name)
    } else {
        Err(Refused::Text(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ))
    }
}
