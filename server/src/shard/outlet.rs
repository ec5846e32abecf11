//! Where a reply goes: straight into the connection's output, or behind replies that wait.

use std::sync::Arc;

use velodrome_engine::LargeValue;
use velodrome_net::resp::Encoder;

use crate::shard::replies::Ready;
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
    if session.replies.is_empty() && session.reply_mode == ReplyMode::On {
        let Some(out) = wire.output(session.conn) else { return };
        if let Some(value) = write(&mut Encoder::new(out, session.proto)) {
            send_tail(session, wire, value);
        }
    } else {
        reply_later(session, write);
    }
}

#[cold]
fn reply_later(session: &mut Session, write: impl FnOnce(&mut Encoder<'_>) -> Tail) {
    let mut bytes = Vec::new();
    let tail = write(&mut Encoder::new(&mut bytes, session.proto));
    if session.reply_mode == ReplyMode::On {
        // Something before it waits, so it is not the front.
        session.replies.push(Ready { bytes, tail });
    }
}

/// Sends the replies that may leave, and closes the connection that was only waiting for them.
pub(crate) fn settle(session: &mut Session, wire: &mut impl Wire) {
    while let Some(ready) = session.replies.pop_ready() {
        let Some(out) = wire.output(session.conn) else { return };
        out.extend_from_slice(&ready.bytes);
        if let Some(value) = ready.tail {
            send_tail(session, wire, value);
        }
    }
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

fn send_tail(session: &Session, wire: &mut impl Wire, value: Arc<LargeValue>) {
    wire.send_shared(session.conn, value);
    if let Some(out) = wire.output(session.conn) {
        out.extend_from_slice(b"\r\n");
    }
}
