//! Scripts.
//!
//! Owns the split of a script's arguments into keys and the rest.

use crate::command::closed::Command;
use crate::command::keys::Keys;
use crate::command::refused::Refused;
use crate::command::server::ScriptCommand;
use crate::resp::Args;

use super::server::flush_mode;
use super::words::integer;

type Decoded<'a> = Result<Command<'a>, Refused>;

pub(in crate::command) fn eval(args: Args<'_>) -> Decoded<'_> {
    let (keys, rest) = keys_and_rest(args)?;
    Ok(Command::Eval { script: args.get(1), keys, args: rest })
}

pub(in crate::command) fn evalsha(args: Args<'_>) -> Decoded<'_> {
    let (keys, rest) = keys_and_rest(args)?;
    Ok(Command::EvalSha { sha1: args.get(1), keys, args: rest })
}

fn keys_and_rest<'a>(args: Args<'a>) -> Result<(Keys<'a>, Args<'a>), Refused> {
    let count = integer(args.get(2))?;
    if count > args.len() as i64 - 3 {
        let text = "ERR Number of keys can't be greater than number of args";
        return Err(Refused::Text(text));
    }
    let count = usize::try_from(count)
        .map_err(|_| Refused::Text("ERR Number of keys can't be negative"))?;
    Ok((Keys::plain(args.range(3..3 + count)), args.slice(3 + count)))
}

pub(in crate::command) fn load(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Script(ScriptCommand::Load { script: args.get(2) }))
}

pub(in crate::command) fn exists(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Script(ScriptCommand::Exists { sha1s: args.slice(2) }))
}

pub(in crate::command) fn flush(args: Args<'_>) -> Decoded<'_> {
    let refusal = Refused::Text("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
    let mode = flush_mode(args.slice(2)).ok_or(refusal)?;
    Ok(Command::Script(ScriptCommand::Flush { mode }))
}

pub(in crate::command) fn kill(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Script(ScriptCommand::Kill))
}

pub(in crate::command) fn help(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Script(ScriptCommand::Help))
}
