//! The ports of outgoing connections.
//!
//! Owns their range: wide enough, and clear of the ports a node listens on. Cost: two small files.

use super::Check;
use super::sight::Sight;
use crate::finding::Look;

const RANGE_PATH: &str = "proc/sys/net/ipv4/ip_local_port_range";
const RESERVED_PATH: &str = "proc/sys/net/ipv4/ip_local_reserved_ports";

/// What apply sets: about 44,000 ports, above those a node listens on.
const RANGE_WANTED: &str = "16384 60999";
const PORTS_MIN: u64 = 28_000;
/// RESP, HTTP and memcached, by default.
const LISTENING: [u64; 3] = [6379, 8080, 11211];

pub(super) const RANGE: Check = Check {
    name: "port range",
    area: "Network",
    wanted: "28000 ports, none of the node's",
    why: "clients and load generators on this host use up one port a connection; and an outgoing \
          connection on 6379, 8080 or 11211 keeps a node from starting",
    look: range,
};

fn range(sight: &Sight) -> Look {
    let setting = sight.setting(RANGE_PATH, RANGE_WANTED);
    let Some(found) = setting.found.clone() else { return Look::unknown().setting(setting) };
    let bounds = found.split_once(' ').and_then(|(low, high)| {
        Some((low.parse::<u64>().ok()?, high.parse::<u64>().ok()?)).filter(|(l, h)| l <= h)
    });
    let Some((low, high)) = bounds else { return Look::unknown() };
    let reserved = sight.tree.read(RESERVED_PATH).unwrap_or_default();
    let taken = |port: &u64| (low..=high).contains(port) && !is_listed(&reserved, *port);
    if let Some(port) = LISTENING.iter().find(|port| taken(port)) {
        return Look::advice(format!("{low} to {high}, with {port}")).setting(setting);
    }
    if high - low < PORTS_MIN - 1 {
        return Look::advice(format!("{low} to {high}")).setting(setting);
    }
    let look = Look::good(format!("{low} to {high}"));
    sight.kept(RANGE_PATH).into_iter().fold(look, Look::setting)
}

/// Whether a list such as `8080,9000-9100` has `port`.
fn is_listed(list: &str, port: u64) -> bool {
    list.split(',').any(|part| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let bounds = low.trim().parse().ok().zip(high.trim().parse().ok());
        bounds.is_some_and(|(low, high): (u64, u64)| (low..=high).contains(&port))
    })
}
