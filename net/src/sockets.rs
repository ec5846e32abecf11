//! Options of stream sockets, the same for both drivers.
//!
//! Cost: a handful of system calls a connection, none a request.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};

use crate::limits::{KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES_MAX};

/// No delay for small replies and probes for silent peers; a Unix socket needs neither.
pub(crate) fn prepare(socket: impl AsFd) -> io::Result<()> {
    let socket = SockRef::from(&socket);
    if !matches!(socket.domain()?, Domain::IPV4 | Domain::IPV6) {
        return Ok(());
    }
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(KEEPALIVE_IDLE_S))
        .with_interval(Duration::from_secs(KEEPALIVE_INTERVAL_S))
        .with_retries(KEEPALIVE_PROBES_MAX);
    socket.set_tcp_keepalive(&keepalive)
}

/// epoll needs non-blocking descriptors; io_uring needs blocking ones, because it fails a request
/// on a non-blocking descriptor instead of waiting. Answers what it was before.
pub(crate) fn set_nonblocking(socket: impl AsFd, nonblocking: bool) -> io::Result<bool> {
    let flags = fcntl_getfl(&socket)?;
    let mut wanted = flags;
    wanted.set(OFlags::NONBLOCK, nonblocking);
    if wanted != flags {
        fcntl_setfl(&socket, wanted)?;
    }
    Ok(flags.contains(OFlags::NONBLOCK))
}

/// A socket that can connect to `address`.
pub(crate) fn open_for(address: &SockAddr) -> io::Result<OwnedFd> {
    Ok(Socket::new(address.domain(), Type::STREAM, None)?.into())
}

/// The pending error of a socket whose connect ended.
pub(crate) fn take_error(socket: impl AsFd) -> io::Result<()> {
    match SockRef::from(&socket).take_error()? {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Makes the coming close a reset, so that the kernel drops what it still holds for the peer.
pub(crate) fn reset_on_close(socket: impl AsFd) {
    // A socket that refuses is closed in the ordinary way.
    let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_sockets_get_their_options_and_unix_sockets_none() {
        let tcp = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        prepare(&tcp).unwrap();
        assert!(tcp.tcp_nodelay().unwrap() && tcp.keepalive().unwrap());
        assert_eq!(tcp.tcp_keepalive_time().unwrap(), Duration::from_secs(300));
        prepare(Socket::new(Domain::UNIX, Type::STREAM, None).unwrap()).unwrap();
    }

    #[test]
    fn blocking_mode_is_set_and_told() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        assert!(!set_nonblocking(&socket, true).unwrap());
        assert!(set_nonblocking(&socket, true).unwrap());
        assert!(set_nonblocking(&socket, false).unwrap());
        assert!(!set_nonblocking(&socket, false).unwrap());
    }
}
