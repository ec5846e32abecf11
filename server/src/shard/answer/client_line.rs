//! One client as a line of text: CLIENT LIST and CLIENT INFO.
//!
//! The names and their order are what monitoring tools parse; what does not exist here is 0.

use std::fmt::Write;

use velodrome_net::resp::Proto;

use crate::shard::session::Session;

/// Appends a session's line, its line feed included.
pub(super) fn write(text: &mut String, session: &Session, now_ms: u64) {
    let profile = &session.profile;
    let age_s = now_ms.saturating_sub(profile.connected_ms) / 1000;
    let idle_s = now_ms.saturating_sub(session.active_ms) / 1000;
    let queued = session.queued.as_ref();
    let multi = queued.map_or(-1, |queued| queued.commands.len() as i64);
    let multi_bytes = queued.map_or(0, |queued| queued.args.len_bytes());
    let replies_bytes = session.replies.ready_bytes();
    let total = size_of::<Session>() + session.pending.memory_bytes() + replies_bytes + multi_bytes;
    let resp = match session.proto {
        Proto::Resp2 => 2,
        Proto::Resp3 => 3,
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "id={} addr={} laddr={} fd={} name={} age={age_s} idle={idle_s} flags={} db={} sub=0 \
         psub=0 ssub=0 multi={multi} watch={} qbuf={} qbuf-free={} argv-mem=0 \
         multi-mem={multi_bytes} rbs=0 rbp=0 obl=0 oll={} omem={replies_bytes} tot-mem={total} \
         events=r cmd={} user=default redir=-1 resp={resp} lib-name={} lib-ver={} \
         tot-net-in={}",
        session.id,
        profile.peer,
        profile.local,
        session.conn.index(),
        profile.name,
        flags(session),
        session.db,
        session.watching.len(),
        session.pending.len(),
        session.pending.memory_bytes().saturating_sub(session.pending.len()),
        session.replies.len(),
        session.last_command,
        profile.lib_name,
        profile.lib_version,
        profile.input_bytes,
    );
}

/// The letters Redis uses for what a client is doing; `N` when there is nothing to say.
fn flags(session: &Session) -> String {
    let letters = [
        ('x', session.queued.is_some()),
        ('b', session.held),
        ('c', session.closing),
        ('U', session.profile.local.starts_with('/')),
        ('e', session.profile.no_evict),
        ('T', session.no_touch),
    ];
    let set: String = letters.iter().filter(|(_, set)| *set).map(|(letter, _)| letter).collect();
    if set.is_empty() { "N".into() } else { set }
}
