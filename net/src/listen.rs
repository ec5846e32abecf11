//! Listening sockets: TCP on one address, or a Unix socket only its owner may use.
//!
//! Errors are sentences an operator can act on. A Unix socket's file is never open to others, not
//! even for a moment, and another server's live socket is never stolen.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Why a listening socket could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else listens there.
    #[error(
        "address {addr} is already in use: stop the other server or choose another port with {flag}"
    )]
    AddressInUse {
        /// The address.
        addr: SocketAddr,
        /// The flag that sets it.
        flag: String,
    },
    /// The host has no such address.
    #[error("address {addr} does not belong to this host: choose another one with {flag}")]
    NoSuchAddress {
        /// The address.
        addr: SocketAddr,
        /// The flag that sets it.
        flag: String,
    },
    /// Low ports are privileged.
    #[error("port {} needs privileges: choose one above 1023 with {flag}", addr.port())]
    Privileged {
        /// The address.
        addr: SocketAddr,
        /// The flag that sets it.
        flag: String,
    },
    /// Another process answers on the Unix socket.
    #[error("Unix socket {path} is in use: stop the other server or choose another with {flag}")]
    PathInUse {
        /// The path.
        path: PathBuf,
        /// The flag that sets it.
        flag: String,
    },
    /// The path is taken by something that is no socket.
    #[error("{path} exists and is no socket: remove it or choose another with {flag}")]
    NotASocket {
        /// The path.
        path: PathBuf,
        /// The flag that sets it.
        flag: String,
    },
    /// Anything else.
    #[error("cannot listen on {place} ({flag}): {error}")]
    Failed {
        /// Address or path.
        place: String,
        /// The flag that sets it.
        flag: String,
        /// The system's answer.
        error: io::Error,
    },
}

/// Listens on `addr` with room for `backlog` waiting connections; an IPv6 address takes no IPv4
/// connections. `flag` is the name of the setting, for the error's text.
pub fn bind_tcp(addr: SocketAddr, backlog: u32, flag: &str) -> Result<OwnedFd, BindError> {
    let open = || -> io::Result<OwnedFd> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if addr.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&addr.into())?;
        socket.listen(backlog.min(i32::MAX as u32) as i32)?;
        Ok(socket.into())
    };
    open().map_err(|error| {
        let flag = flag.to_owned();
        match error.kind() {
            io::ErrorKind::AddrInUse => BindError::AddressInUse { addr, flag },
            io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress { addr, flag },
            io::ErrorKind::PermissionDenied => BindError::Privileged { addr, flag },
            _ => BindError::Failed { place: addr.to_string(), flag, error },
        }
    })
}

/// Listens on a Unix socket with mode 0600. A socket file nobody answers on is replaced.
pub fn bind_unix(path: &Path, backlog: u32, flag: &str) -> Result<OwnedFd, BindError> {
    remove_stale(path, flag)?;
    let open = || -> io::Result<OwnedFd> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // The file gets the socket's mode less the umask: it is never open to others.
        rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
        socket.bind(&SockAddr::unix(path)?)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        socket.listen(backlog.min(i32::MAX as u32) as i32)?;
        Ok(socket.into())
    };
    open().map_err(|error| {
        let (place, flag) = (path.display().to_string(), flag.to_owned());
        match error.kind() {
            io::ErrorKind::AddrInUse => BindError::PathInUse { path: path.into(), flag },
            _ => BindError::Failed { place, flag, error },
        }
    })
}

fn remove_stale(path: &Path, flag: &str) -> Result<(), BindError> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let (path, flag) = (path.to_owned(), flag.to_owned());
    if !metadata.file_type().is_socket() {
        return Err(BindError::NotASocket { path, flag });
    }
    match UnixStream::connect(&path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(&path)
            .map_err(|error| {
                let place = path.display().to_string();
                BindError::Failed { place, flag, error }
            }),
        _ => Err(BindError::PathInUse { path, flag }),
    }
}
