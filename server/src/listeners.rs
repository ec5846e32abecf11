//! The addresses on which clients reach the node.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use velodrome_net::{bind_tcp, bind_unix};

use crate::config::Config;
use crate::limits::LISTEN_BACKLOG;

/// A socket that listens already.
pub(crate) struct Listener {
    pub(crate) name: String,
    pub(crate) socket: OwnedFd,
}

/// Binds every address of the configuration, or none.
pub(crate) fn bind(config: &Config) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    if config.resp_port != 0 {
        for address in &config.bind {
            let address = SocketAddr::new(*address, config.resp_port);
            let socket = bind_tcp(address, LISTEN_BACKLOG, "--resp-port");
            let socket = socket.map_err(|error| error.to_string())?;
            listeners.push(Listener { name: address.to_string(), socket });
        }
    }
    if let Some(path) = &config.unix_socket {
        let socket = bind_unix(path, LISTEN_BACKLOG, "--unix-socket");
        let socket = socket.map_err(|error| error.to_string())?;
        listeners.push(Listener { name: path.display().to_string(), socket });
    }
    if listeners.is_empty() {
        return Err("nothing to listen on: give --resp-port a port or --unix-socket a path".into());
    }
    Ok(listeners)
}

/// The addresses as a person reads them.
pub(crate) fn describe(config: &Config) -> String {
    let tcp = config.bind.iter().filter(|_| config.resp_port != 0);
    let tcp = tcp.map(|address| SocketAddr::new(*address, config.resp_port).to_string());
    let unix = config.unix_socket.iter().map(|path| path.display().to_string());
    tcp.chain(unix).collect::<Vec<_>>().join(", ")
}
