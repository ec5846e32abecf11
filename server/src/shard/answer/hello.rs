//! HELLO and AUTH: who a connection is and which protocol it speaks.
//!
//! Invariant: a failed AUTH takes nothing away, and comparing a password tells nothing about it
//! but that it was wrong. Cost: one pass over the password sent.

use velodrome_net::command::Hello;
use velodrome_net::resp::Encoder;

use crate::shard::Shard;
use crate::shard::session::Session;

use super::REDIS_VERSION;

const WRONG: &str = "WRONGPASS invalid username-password pair or user is disabled.";
const NO_PASSWORD: &str = "ERR AUTH <password> called without any password configured for the \
                           default user. Are you sure your configuration is correct?";
const FIRST_AUTH: &str = "NOAUTH HELLO must be called with the client already authenticated, \
                          otherwise the HELLO <proto> AUTH <user> <pass> option can be used to \
                          authenticate the client and select the RESP protocol version at the \
                          same time";
/// The only user there is.
const USER: &[u8] = b"default";

/// AUTH
pub(super) fn auth(
    shard: &Shard,
    session: &mut Session,
    user: Option<&[u8]>,
    password: &[u8],
    out: &mut Encoder<'_>,
) {
    if user.is_none() && shard.config.requirepass.is_none() {
        return out.error(NO_PASSWORD);
    }
    if admits(shard, user.unwrap_or(USER), password) {
        session.authenticated = true;
        out.ok();
    } else {
        out.error(WRONG);
    }
}

fn admits(shard: &Shard, user: &[u8], password: &[u8]) -> bool {
    let right =
        shard.config.requirepass.as_ref().is_none_or(|secret| same(secret.as_bytes(), password));
    user == USER && right
}

/// Compares in a time that depends on the length of `sent` only.
fn same(secret: &[u8], sent: &[u8]) -> bool {
    let mut difference = u8::from(secret.len() != sent.len());
    for (index, byte) in sent.iter().enumerate() {
        let other = secret.get(index % secret.len().max(1)).copied().unwrap_or(!byte);
        difference = std::hint::black_box(difference | (byte ^ other));
    }
    difference == 0
}

/// HELLO: everything it does takes place, or nothing.
pub(super) fn hello(
    shard: &Shard,
    session: &mut Session,
    hello: &Hello<'_>,
    out: &mut Encoder<'_>,
) {
    match hello.auth {
        Some((user, password)) if admits(shard, user, password) => session.authenticated = true,
        Some(_) => return out.error(WRONG),
        None if !session.authenticated => return out.error(FIRST_AUTH),
        None => {}
    }
    if let Some(name) = hello.name {
        session.profile.name = String::from_utf8_lossy(name).into_owned();
    }
    session.proto = hello.version.unwrap_or(session.proto);
    out.set_proto(session.proto);
    out.map(7);
    out.bulk_str("server");
    out.bulk_str("velodrome");
    out.bulk_str("version");
    out.bulk_str(REDIS_VERSION);
    out.bulk_str("proto");
    out.integer(session.proto.number());
    out.bulk_str("id");
    out.integer(session.id as i64);
    out.bulk_str("mode");
    out.bulk_str("standalone");
    out.bulk_str("role");
    out.bulk_str("master");
    out.bulk_str("modules");
    out.array(0);
}

#[cfg(test)]
mod tests {
    use super::super::conversation::Conversation;
    use super::*;

    #[test]
    fn passwords_are_compared_whole() {
        assert!(same(b"secret", b"secret"));
        for wrong in ["", "s", "secre", "secrets", "Secret", "secretsecret"] {
            assert!(!same(b"secret", wrong.as_bytes()), "{wrong}");
        }
        assert!(!same(b"", b"x") && same(b"", b""));
    }

    #[test]
    fn a_connection_says_who_it_is() {
        let mut open = Conversation::new();
        open.check(&[
            ("AUTH secret", &format!("-{NO_PASSWORD}")),
            ("AUTH default anything", "+OK"),
            ("AUTH other secret", &format!("-{WRONG}")),
        ]);
        let mut closed = Conversation::new();
        closed.shard.config.requirepass = Some("secret".into());
        closed.session.authenticated = false;
        closed.check(&[
            ("HELLO 3", &format!("-{FIRST_AUTH}")),
            ("AUTH wrong", &format!("-{WRONG}")),
            ("HELLO 3 AUTH default wrong", &format!("-{WRONG}")),
        ]);
        assert!(!closed.session.authenticated && closed.session.proto.number() == 2);
        let hello = format!("%7 $6 server $9 velodrome $7 version $5 {REDIS_VERSION} ");
        let reply = closed.say("HELLO 3 AUTH default secret SETNAME me");
        assert!(reply.starts_with(&hello), "{reply}");
        assert!(reply.contains("$5 proto :3 $2 id :7 $4 mode $10 standalone"), "{reply}");
        assert!(reply.ends_with("$4 role $6 master $7 modules *0"), "{reply}");
        assert!(closed.session.authenticated);
        closed.check(&[("CLIENT GETNAME", "$2 me"), ("AUTH wrong", &format!("-{WRONG}"))]);
        assert!(closed.session.authenticated, "a failed AUTH takes nothing away");
        closed.check(&[("HELLO 4", "-NOPROTO unsupported protocol version")]);
        assert!(closed.say("HELLO").contains(":3"), "the version stays");
        assert!(closed.say("HELLO 2").starts_with("*14 "));
    }
}
