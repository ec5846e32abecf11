//! Resident memory of a process, and which process listens on a port of this host.
//!
//! Owns reading `/proc`. Invariant: a process that cannot be looked into is unknown, never zero.
//! Cost: one small file; finding a listener reads every process's descriptors once.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// Resident bytes of `pid`.
pub fn resident_bytes(proc: &Path, pid: u32) -> Option<u64> {
    let status = fs::read_to_string(proc.join(pid.to_string()).join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// The process that listens on `address`, when it is one of this host's that may be seen.
pub fn listener_pid(proc: &Path, address: SocketAddr) -> Option<u32> {
    if !address.ip().is_loopback() {
        return None;
    }
    let inodes: Vec<String> = ["tcp", "tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(proc.join("self/net").join(table)).ok())
        .flat_map(|text| listening_inodes(&text, address.port()))
        .collect();
    let wanted: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let mut holders = fs::read_dir(proc).ok()?.filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let mut descriptors = fs::read_dir(proc.join(pid.to_string()).join("fd")).ok()?;
        let holds = descriptors.any(|descriptor| {
            let link = descriptor.and_then(|descriptor| fs::read_link(descriptor.path()));
            link.is_ok_and(|link| wanted.iter().any(|name| link.as_os_str() == name.as_str()))
        });
        holds.then_some(pid)
    });
    holders.next()
}

/// Inodes of the listening sockets on `port` in a table of `/proc/net`.
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    const LISTENING: &str = "0A";
    let wanted = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|line| line.split_ascii_whitespace());
    rows.filter_map(|mut fields| {
        let local = fields.nth(1)?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?;
        (local.ends_with(&wanted) && state == LISTENING).then(|| inode.to_owned())
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn this_process_is_resident_and_found_by_its_port() {
        let proc = Path::new("/proc");
        assert!(resident_bytes(proc, std::process::id()).unwrap() > 100_000);
        assert_eq!(resident_bytes(proc, u32::MAX), None);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(listener_pid(proc, address), Some(std::process::id()));
        drop(listener);
        assert_eq!(listener_pid(proc, address), None);
    }

    #[test]
    fn only_listening_sockets_of_the_port_count() {
        let table = "  sl  local rem st tx:rx tr:tm retr uid timeout inode\n\
            0: 0100007F:18EB 00000000:0000 0A 0:0 0:0 0 0 0 77 1\n\
            1: 0100007F:18EB 0100007F:9C40 01 0:0 0:0 0 0 0 78 1\n\
            2: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 79 1\n";
        assert_eq!(listening_inodes(table, 6379), ["77"]);
        assert_eq!(listening_inodes(table, 1), Vec::<String>::new());
    }
}
