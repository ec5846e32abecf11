//! COMMAND and CONFIG.
//!
//! Owns the filters of COMMAND LIST.

use crate::command::closed::Command;
use crate::command::keys::Keys;
use crate::command::refused::Refused;
use crate::command::server::{CommandCommand, CommandFilter, ConfigCommand};
use crate::resp::Args;

use super::words::is;

type Decoded<'a> = Result<Command<'a>, Refused>;

pub(in crate::command) fn command(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Command(CommandCommand::All))
}

pub(in crate::command) fn command_count(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Command(CommandCommand::Count))
}

pub(in crate::command) fn command_info(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Command(CommandCommand::Info { names: args.slice(2) }))
}

pub(in crate::command) fn command_docs(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Command(CommandCommand::Docs { names: args.slice(2) }))
}

pub(in crate::command) fn command_list(args: Args<'_>) -> Decoded<'_> {
    let filter = match args.len() {
        2 => CommandFilter::All,
        5 if is(args.get(2), "FILTERBY") => match args.get(3) {
            word if is(word, "MODULE") => CommandFilter::Module(args.get(4)),
            word if is(word, "ACLCAT") => CommandFilter::AclCategory(args.get(4)),
            word if is(word, "PATTERN") => CommandFilter::Pattern(args.get(4)),
            _ => return Err(Refused::Syntax),
        },
        _ => return Err(Refused::Syntax),
    };
    Ok(Command::Command(CommandCommand::List { filter }))
}

pub(in crate::command) fn command_getkeys(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Command(CommandCommand::GetKeys { request: args.slice(2) }))
}

pub(in crate::command) fn command_getkeysandflags(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Command(CommandCommand::GetKeysAndFlags { request: args.slice(2) }))
}

pub(in crate::command) fn command_help(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Command(CommandCommand::Help))
}

pub(in crate::command) fn config_get(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Config(ConfigCommand::Get { patterns: args.slice(2) }))
}

pub(in crate::command) fn config_set(args: Args<'_>) -> Decoded<'_> {
    let pairs = args.slice(2);
    if !pairs.len().is_multiple_of(2) {
        return Err(Refused::Syntax);
    }
    Ok(Command::Config(ConfigCommand::Set { pairs: Keys::with_values(pairs) }))
}

pub(in crate::command) fn config_resetstat(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Config(ConfigCommand::ResetStat))
}

pub(in crate::command) fn config_rewrite(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Config(ConfigCommand::Rewrite))
}

pub(in crate::command) fn config_help(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Config(ConfigCommand::Help))
}
