//! A socket that has just been accepted: who is at both ends.

use std::os::fd::OwnedFd;

use rustix::net::{SendFlags, send};
use socket2::{SockAddr, SockRef};

use crate::shard::session::Profile;

const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";

/// Tells a client that there is no room; the socket is closed by its owner.
pub(crate) fn turn_away(socket: &OwnedFd) {
    // A client that is gone already needs no telling.
    let _ = send(socket, TOO_MANY, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}

/// The two addresses of a connection.
pub(crate) fn profile(socket: &OwnedFd) -> Profile {
    let socket = SockRef::from(socket);
    let local = socket.local_addr().ok();
    let unix = local.as_ref().is_some_and(SockAddr::is_unix);
    let path = local.as_ref().and_then(SockAddr::as_pathname).map(|path| path.display());
    let local_text = match path {
        Some(path) => format!("{path}:0"),
        None => text(local.as_ref()),
    };
    let peer = if unix { local_text.clone() } else { text(socket.peer_addr().ok().as_ref()) };
    Profile { peer, local: local_text, ..Profile::default() }
}

fn text(address: Option<&SockAddr>) -> String {
    address.and_then(SockAddr::as_socket).map_or("?:0".into(), |address| address.to_string())
}
