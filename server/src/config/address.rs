//! Addresses to listen on, names of CPUs, nodes and peers: the lists of the configuration.
//!
//! Owns their syntax. Invariant: what `show` prints, `parse` reads back. Cost: one pass a text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use velodrome_tuning::CpuSet;

use super::limits::{BIND_ADDRESSES_MAX, NODE_ID_LEN_MAX, PEERS_MAX};

/// Reads addresses separated by commas or spaces. `*` means every address, `localhost` the
/// loopback of IPv4.
pub(crate) fn parse_bind(text: &str) -> Result<Vec<IpAddr>, String> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for word in words(text) {
        let bare = word.strip_prefix('[').and_then(|w| w.strip_suffix(']')).unwrap_or(word);
        let found: &[IpAddr] = match bare {
            "*" => &[IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)],
            "localhost" => &[IpAddr::V4(Ipv4Addr::LOCALHOST)],
            _ => &[bare.parse().map_err(|_| {
                format!(
                    "'{word}' is not an IP address: expected such as 127.0.0.1, ::1, 0.0.0.0 or *"
                )
            })?],
        };
        for address in found {
            if !addresses.contains(address) {
                addresses.push(*address);
            }
        }
    }
    match addresses.len() {
        0 => Err("no address: expected such as 127.0.0.1 or ::1".into()),
        1..=BIND_ADDRESSES_MAX => Ok(addresses),
        count => Err(format!("{count} addresses: expected at most {BIND_ADDRESSES_MAX}")),
    }
}

/// Writes addresses separated by `separator`.
pub(crate) fn show_bind(addresses: &[IpAddr], separator: &str) -> String {
    addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(separator)
}

/// Reads a port as `6379` or, as the systems replaced wrote it, `:6379`. 0 switches off.
pub(crate) fn parse_port(text: &str) -> Result<u16, String> {
    let digits = text.trim();
    let digits = digits.strip_prefix(':').unwrap_or(digits);
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    number.ok_or_else(|| format!("'{text}' is not a port: expected 0 (off) to 65535"))
}

/// Reads a set of CPUs such as `0,2-5`; whether the host has them is checked where it is known.
pub(crate) fn parse_cores(text: &str) -> Result<String, String> {
    CpuSet::parse(text).map(|cores| cores.to_string()).map_err(|error| error.to_string())
}

/// Checks a node's name: letters, digits, `.`, `_` and `-`.
pub(crate) fn parse_node_id(text: &str) -> Result<String, String> {
    let id = text.trim();
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if plain && (1..=NODE_ID_LEN_MAX).contains(&id.len()) {
        return Ok(id.into());
    }
    Err(format!("'{text}' is not a node id: expected 1 to {NODE_ID_LEN_MAX} of A-Z a-z 0-9 . _ -"))
}

/// Reads other nodes as `host:port` or `http://host:port`, separated by commas.
pub(crate) fn parse_peers(text: &str) -> Result<Vec<String>, String> {
    let mut peers = Vec::new();
    for word in words(text) {
        let bare = word.strip_prefix("http://").or(word.strip_prefix("https://")).unwrap_or(word);
        let bare = bare.trim_end_matches('/');
        let valid = match bare.rsplit_once(':') {
            Some((host, port)) => !host.is_empty() && matches!(parse_port(port), Ok(1..)),
            None => false,
        };
        if !valid || bare.contains('/') {
            return Err(format!("'{word}' is not a peer: expected host:port or http://host:port"));
        }
        peers.push(word.to_string());
    }
    if peers.len() > PEERS_MAX {
        return Err(format!("{} peers: expected at most {PEERS_MAX}", peers.len()));
    }
    Ok(peers)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bind() {
        let list = parse_bind("127.0.0.1, ::1 [::1] localhost").unwrap();
        assert_eq!(show_bind(&list, ","), "127.0.0.1,::1");
        assert_eq!(show_bind(&parse_bind("*").unwrap(), " "), "0.0.0.0 ::");
        for text in ["", "example.com", "127.0.0.1:80", "300.0.0.1"] {
            assert!(parse_bind(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ports() {
        for (text, port) in [("6379", 6379), (":8080", 8080), ("0", 0), (" 65535 ", 65535)] {
            assert_eq!(parse_port(text), Ok(port));
        }
        for text in ["", ":", "65536", "-1", "+1", "http", "8080:"] {
            assert!(parse_port(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cores() {
        assert_eq!(parse_cores("0, 2-4,5").as_deref(), Ok("0,2-5"));
        for text in ["", "a", "5-2", "0-", "-1", "1-2-3"] {
            assert!(parse_cores(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nodes_and_peers() {
        assert_eq!(parse_node_id("node-1.a_b").as_deref(), Ok("node-1.a_b"));
        assert!(parse_node_id("").is_err() && parse_node_id("a b").is_err());
        let peers = parse_peers("10.0.0.2:7000,http://cache-2:8080/,[::1]:7000").unwrap();
        assert_eq!(peers.len(), 3);
        for text in ["cache-2", ":7000", "h:0", "h:x", "http://h:1/path"] {
            assert!(parse_peers(text).is_err(), "{text}");
        }
    }
}
