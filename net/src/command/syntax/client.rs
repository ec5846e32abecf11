//! CLIENT.
//!
//! Owns the filters of LIST and KILL and the words of the rest.

use crate::command::client::{
    ClientAttribute, ClientCommand, ClientFilter, ClientKind, ClientList, ReplyMode,
};
use crate::command::closed::Command;
use crate::command::refused::Refused;
use crate::resp::{Args, parse_i64};

use super::connection::client_name;
use super::words::{Words, is, on_off, timeout_ms};

type Decoded<'a> = Result<Command<'a>, Refused>;

pub(in crate::command) fn id(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Client(ClientCommand::Id))
}

pub(in crate::command) fn info(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Client(ClientCommand::Info))
}

pub(in crate::command) fn getname(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Client(ClientCommand::GetName))
}

pub(in crate::command) fn setname(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Client(ClientCommand::SetName { name: client_name(args.get(2))? }))
}

pub(in crate::command) fn setinfo(args: Args<'_>) -> Decoded<'_> {
    let word = args.get(2);
    let (attribute, refusal) = if is(word, "LIB-NAME") {
        let text = "ERR lib-name cannot contain spaces, newlines or special characters.";
        (ClientAttribute::LibName, text)
    } else if is(word, "LIB-VER") {
        let text = "ERR lib-ver cannot contain spaces, newlines or special characters.";
        (ClientAttribute::LibVersion, text)
    } else {
        return Err(Refused::quoting("ERR Unrecognized option '{}'", word));
    };
    let value = client_name(args.get(3)).map_err(|_| Refused::Text(refusal))?;
    Ok(Command::Client(ClientCommand::SetInfo { attribute, value }))
}

pub(in crate::command) fn list(args: Args<'_>) -> Decoded<'_> {
    let mut list = ClientList { kind: None, ids: None };
    match args.try_get(2) {
        None => {}
        Some(word) if is(word, "TYPE") && args.len() == 4 => list.kind = Some(kind(args.get(3))?),
        Some(word) if is(word, "ID") && args.len() > 3 => {
            let ids = args.slice(3);
            if !ids.iter().all(|id| parse_i64(id).is_some_and(|id| id >= 0)) {
                return Err(Refused::Text("ERR Invalid client ID"));
            }
            list.ids = Some(ids);
        }
        Some(_) => return Err(Refused::Syntax),
    }
    Ok(Command::Client(ClientCommand::List(list)))
}

pub(in crate::command) fn kill(args: Args<'_>) -> Decoded<'_> {
    if args.len() == 3 {
        return Ok(Command::Client(ClientCommand::KillAddress { address: args.get(2) }));
    }
    let mut filter = ClientFilter::default();
    let mut words = Words::new(args, 2);
    while let Some(word) = words.next() {
        let value = words.value()?;
        if is(word, "ID") {
            filter.id =
                Some(positive(value, Refused::Text("ERR client-id should be greater than 0"))?);
        } else if is(word, "TYPE") {
            filter.kind = Some(kind(value)?);
        } else if is(word, "USER") {
            filter.user = Some(value);
        } else if is(word, "ADDR") {
            filter.address = Some(value);
        } else if is(word, "LADDR") {
            filter.local_address = Some(value);
        } else if is(word, "MAXAGE") {
            let refusal = "ERR maxage is not an integer or out of range";
            filter.age_min_s = Some(positive(value, Refused::Text(refusal))?);
        } else if is(word, "SKIPME") && (is(value, "YES") || is(value, "NO")) {
            filter.skip_me = is(value, "YES");
        } else {
            return Err(Refused::Syntax);
        }
    }
    Ok(Command::Client(ClientCommand::Kill(filter)))
}

fn positive(text: &[u8], refusal: Refused) -> Result<u64, Refused> {
    match parse_i64(text) {
        Some(number) if number > 0 => Ok(number.unsigned_abs()),
        _ => Err(refusal),
    }
}

fn kind(word: &[u8]) -> Result<ClientKind, Refused> {
    if is(word, "NORMAL") {
        Ok(ClientKind::Normal)
    } else if is(word, "PUBSUB") {
        Ok(ClientKind::PubSub)
    } else if is(word, "MASTER") || is(word, "PRIMARY") {
        Ok(ClientKind::Primary)
    } else if is(word, "REPLICA") || is(word, "SLAVE") {
        Ok(ClientKind::Replica)
    } else {
        Err(Refused::quoting("ERR Unknown client type '{}'", word))
    }
}

pub(in crate::command) fn reply(args: Args<'_>) -> Decoded<'_> {
    let mode = match args.get(2) {
        word if is(word, "ON") => ReplyMode::On,
        word if is(word, "OFF") => ReplyMode::Off,
        word if is(word, "SKIP") => ReplyMode::Skip,
        _ => return Err(Refused::Syntax),
    };
    Ok(Command::Client(ClientCommand::Reply { mode }))
}

pub(in crate::command) fn pause(args: Args<'_>) -> Decoded<'_> {
    let writes_only = match args.try_get(3) {
        None => false,
        Some(word) if is(word, "ALL") => false,
        Some(word) if is(word, "WRITE") => true,
        Some(_) => return Err(Refused::Text("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    if args.len() > 4 {
        return Err(Refused::Syntax);
    }
    let timeout_ms = timeout_ms(args.get(2))?;
    Ok(Command::Client(ClientCommand::Pause { timeout_ms, writes_only }))
}

pub(in crate::command) fn unpause(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Client(ClientCommand::Unpause))
}

pub(in crate::command) fn no_evict(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Client(ClientCommand::NoEvict { on: on_off(args.get(2))? }))
}

pub(in crate::command) fn no_touch(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Client(ClientCommand::NoTouch { on: on_off(args.get(2))? }))
}

pub(in crate::command) fn help(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Client(ClientCommand::Help))
}
