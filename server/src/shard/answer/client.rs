//! CLIENT: what a connection may know and change about itself, and about the others.

use velodrome_net::command::{ClientAttribute, ClientCommand, ReplyMode as Mode};
use velodrome_net::resp::Encoder;

use crate::shard::parcel::Caller;
use crate::shard::session::{ReplyMode, Session};
use crate::shard::{ClientPause, Shard};

use super::client_filter::{self, DEFAULT_USER};
use super::{client_line, container_help};

/// A sub-command that concerns the connection itself.
///
/// # Panics
/// When it concerns every shard.
pub(super) fn own(
    shard: &Shard,
    session: &mut Session,
    command: &ClientCommand<'_>,
    out: &mut Encoder<'_>,
) {
    match command {
        ClientCommand::Id => out.integer(session.id as i64),
        ClientCommand::Info => {
            let mut line = String::new();
            client_line::write(&mut line, session, shard.moment.now_ms);
            out.verbatim(*b"txt", line.as_bytes());
        }
        ClientCommand::GetName if session.profile.name.is_empty() => out.null(),
        ClientCommand::GetName => out.bulk_str(&session.profile.name),
        ClientCommand::SetName { name } => {
            session.profile.name = String::from_utf8_lossy(name).into_owned();
            out.ok();
        }
        ClientCommand::SetInfo { attribute, value } => {
            let value = String::from_utf8_lossy(value).into_owned();
            match attribute {
                ClientAttribute::LibName => session.profile.lib_name = value,
                ClientAttribute::LibVersion => session.profile.lib_version = value,
            }
            out.ok();
        }
        ClientCommand::Reply { mode } => reply_mode(session, *mode, out),
        ClientCommand::NoEvict { on } => {
            session.profile.no_evict = *on;
            out.ok();
        }
        ClientCommand::NoTouch { on } => {
            session.no_touch = *on;
            out.ok();
        }
        ClientCommand::Help => container_help(b"client", out),
        _ => unreachable!("{command:?} concerns every shard"),
    }
}

/// CLIENT REPLY: only ON is answered.
fn reply_mode(session: &mut Session, mode: Mode, out: &mut Encoder<'_>) {
    match mode {
        Mode::On => {
            session.reply_mode = ReplyMode::On;
            out.ok();
        }
        Mode::Off => session.reply_mode = ReplyMode::Off,
        Mode::Skip if session.reply_mode == ReplyMode::Off => {}
        Mode::Skip => session.reply_mode = ReplyMode::SkipNext,
    }
}

/// This shard's part of a sub-command that concerns every shard.
///
/// # Panics
/// When it concerns the connection itself.
pub(super) fn everybody(
    shard: &mut Shard,
    caller: &Caller,
    command: &ClientCommand<'_>,
    out: &mut Encoder<'_>,
) {
    let now_ms = shard.moment.now_ms;
    match command {
        ClientCommand::List(list) => {
            let mut text = String::new();
            for session in shard.sessions().filter(|session| client_filter::lists(list, session)) {
                client_line::write(&mut text, session, now_ms);
            }
            out.bulk_str(&text);
        }
        ClientCommand::Kill(filter) => match filter.user.filter(|user| *user != DEFAULT_USER) {
            Some(user) => {
                out.error(&format!("ERR No such user '{}'", String::from_utf8_lossy(user)));
            }
            None => kill(shard, caller, out, |session| {
                client_filter::kills(filter, session, caller.client, now_ms)
            }),
        },
        ClientCommand::KillAddress { address } => {
            kill(shard, caller, out, |session| session.profile.peer.as_bytes() == *address);
        }
        ClientCommand::Pause { timeout_ms, writes_only } => {
            let until_ms = now_ms.saturating_add(*timeout_ms);
            shard.client_pause = ClientPause { until_ms, writes_only: *writes_only };
            out.ok();
        }
        ClientCommand::Unpause => {
            // A pause that is over lets go at the turn's end; 0 would mean there was none.
            shard.client_pause.until_ms = shard.client_pause.until_ms.min(1);
            out.ok();
        }
        _ => unreachable!("{command:?} concerns the connection itself"),
    }
}

/// Ends the sessions meant, the caller's own once it is answered; answers how many.
fn kill(
    shard: &mut Shard,
    caller: &Caller,
    out: &mut Encoder<'_>,
    means: impl Fn(&Session) -> bool,
) {
    let mut killed = 0;
    for session in shard.sessions.iter_mut().flatten().filter(|session| means(session)) {
        killed += 1;
        if session.id == caller.client {
            session.closing = true;
        } else {
            shard.to_kill.push(session.conn);
        }
    }
    out.integer(killed);
}

#[cfg(test)]
mod tests {
    use super::super::conversation::Conversation;
    use super::*;

    #[test]
    fn a_connection_knows_and_changes_itself() {
        let mut conversation = Conversation::new();
        conversation.check(&[
            ("CLIENT ID", ":7"),
            ("CLIENT GETNAME", "$-1"),
            ("CLIENT SETNAME me", "+OK"),
            ("CLIENT GETNAME", "$2 me"),
            ("CLIENT SETNAME \"\"", "+OK"),
            ("CLIENT GETNAME", "$-1"),
            ("CLIENT SETINFO LIB-NAME redis-py", "+OK"),
            ("CLIENT SETINFO LIB-VER 8.1", "+OK"),
            ("CLIENT NO-TOUCH ON", "+OK"),
            ("CLIENT NO-EVICT ON", "+OK"),
            ("CLIENT REPLY SKIP", ""),
        ]);
        assert!(conversation.session.no_touch);
        assert_eq!(conversation.session.reply_mode, ReplyMode::SkipNext);
        conversation.check(&[("CLIENT REPLY OFF", ""), ("CLIENT REPLY SKIP", "")]);
        assert_eq!(conversation.session.reply_mode, ReplyMode::Off);
        conversation.check(&[("CLIENT REPLY ON", "+OK")]);
        let info = conversation.say("CLIENT INFO");
        assert!(info.contains("id=7 addr=10.0.0.7:700 laddr=127.0.0.1:6379 "), "{info}");
        assert!(info.contains("lib-name=redis-py lib-ver=8.1"), "{info}");
    }

    #[test]
    fn connections_are_listed_and_killed() {
        let mut conversation = Conversation::with_clients(3);
        let lines = conversation.say("CLIENT LIST");
        assert_eq!(lines.matches("id=").count(), 3, "{lines}");
        let lines = conversation.say("CLIENT LIST ID 2 9");
        assert!(lines.contains("id=2 ") && lines.matches("id=").count() == 1, "{lines}");
        conversation.check(&[
            ("CLIENT LIST TYPE pubsub", "$0 "),
            ("CLIENT KILL ID 9", ":0"),
            ("CLIENT KILL ID 2", ":1"),
            ("CLIENT KILL 10.0.0.3:300", ":1"),
            ("CLIENT KILL ADDR 10.0.0.3:301", ":0"),
            ("CLIENT KILL USER nobody", "-ERR No such user 'nobody'"),
            ("CLIENT KILL USER default MAXAGE 100", ":0"),
        ]);
        assert_eq!(conversation.shard.to_kill.len(), 2);
        conversation.shard.to_kill.clear();
        conversation.check(&[("CLIENT KILL TYPE normal", ":2")]);
        conversation.check(&[("CLIENT KILL SKIPME no LADDR 127.0.0.1:6379", ":3")]);
        assert_eq!(conversation.shard.to_kill.len(), 4, "the caller goes once it is answered");
        assert!(conversation.shard.sessions().any(|session| session.closing));
    }

    #[test]
    fn a_pause_ends_by_itself_or_by_command() {
        let mut conversation = Conversation::new();
        let now_ms = conversation.shard.moment.now_ms;
        conversation.check(&[("CLIENT PAUSE 100 WRITE", "+OK")]);
        assert_eq!(conversation.shard.client_pause.until_ms, now_ms + 100);
        assert!(conversation.shard.client_pause.writes_only);
        conversation.check(&[("CLIENT UNPAUSE", "+OK")]);
        assert!(conversation.shard.client_pause.until_ms < now_ms);
    }
}
