//! Where a reply goes: straight into the connection's output, or behind replies that wait.

use std::sync::Arc;

use velodrome_engine::LargeValue;
use velodrome_net::ConnId;
use velodrome_net::resp::Encoder;

use crate::shard::session::{ReplyMode, Session};
use crate::shard::wire::Wire;

/// A large value that follows the header just written, to be sent from its place.
pub(crate) type Tail = Option<Arc<LargeValue>>;

/// Writes the reply to the command at hand.
#[inline]
pub(crate) fn reply(
    session: &mut Session,
    wire: &mut impl Wire,
    write: impl FnOnce(&mut Encoder<'_>) -> Tail,
) {
    let (proto, is_wanted) = (session.proto, session.reply_mode == ReplyMode::On);
    let straight = session.replies.is_empty();
    let mut unwanted = Vec::new();
    let out = match is_wanted {
        true if straight => wire.output(session.conn),
        true => Some(session.replies.behind()),
        false => Some(&mut unwanted),
    };
    let Some(out) = out else { return };
    let start = out.len();
    // In one place, whatever it is written to: a command's code is long.
    let tail = write(&mut Encoder::new(out, proto));
    match tail {
        _ if !is_wanted => {}
        tail if !straight => session.replies.push(start, tail),
        Some(value) => send_tail(session.conn, wire, value),
        None => {}
    }
}

/// Sends the replies that may leave.
pub(crate) fn send_ready(session: &mut Session, wire: &mut impl Wire) {
    let conn = session.conn;
    while session.replies.pop_ready(|bytes, tail| {
        if let Some(out) = wire.output(conn) {
            out.extend_from_slice(bytes);
            if let Some(value) = tail {
                send_tail(conn, wire, value);
            }
        }
    }) {}
}

/// Sends the replies that may leave, and closes the connection that was only waiting for them.
pub(crate) fn settle(session: &mut Session, wire: &mut impl Wire) {
    send_ready(session, wire);
    hold_while_waiting(session, wire);
    if session.closing && session.replies.is_empty() && !session.scattering {
        wire.close(session.conn);
    }
}

/// Replies in front of one that waits leave together with it: a send costs more than it.
pub(crate) fn hold_while_waiting(session: &Session, wire: &mut impl Wire) {
    if session.replies.is_empty() {
        wire.release(session.conn);
    } else {
        wire.hold(session.conn);
    }
}

fn send_tail(conn: ConnId, wire: &mut impl Wire, value: Arc<LargeValue>) {
    wire.send_shared(conn, value);
    if let Some(out) = wire.output(conn) {
        out.extend_from_slice(b"\r\n");
    }
}
