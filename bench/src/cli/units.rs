//! Texts of flags that are more than a number: durations, ranges of them, addresses, cores.
//!
//! Invariant: what is refused is quoted in the refusal, with what would be understood. Cost: none.

use std::net::ToSocketAddrs;

use velodrome_net::{Address, DriverChoice};

use crate::protocol::Protocol;

/// Understands `30s`, `500ms`, `2m`, `1h`, `30`, as seconds.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{text}` is not a duration such as 500ms, 30s, 2m")),
    };
    match digits.parse::<f64>() {
        Ok(number) if number >= 0.0 && number.is_finite() => Ok(number * factor),
        _ => Err(format!("`{text}` is not a duration such as 500ms, 30s, 2m")),
    }
}

/// Understands `10s` and `5s-1m` as whole seconds.
pub(super) fn ttl(text: &str) -> Result<(u32, u32), String> {
    let (min, max) = text.split_once('-').unwrap_or((text, text));
    let (min, max) = (seconds(min)?.ceil() as u32, seconds(max)?.ceil() as u32);
    if min == 0 || min > max {
        return Err(format!("`{text}` is not a time of 1 s or more, or MIN-MAX"));
    }
    Ok((min, max))
}

/// A server's address and, where the text says it, its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) protocol: Option<Protocol>,
}

/// Understands `host:port`, `redis://host:port`, `memcached://host:port` and `unix:/path`.
pub(super) fn target(text: &str) -> Result<Target, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return Ok(Target { address: Address::Unix(path.into()), protocol: None });
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (protocol, port) = match scheme {
        "" => (None, 6379),
        "redis" | "tcp" => (Some(Protocol::Resp), 6379),
        "memcached" | "memcache" => (Some(Protocol::MemcachedText), 11211),
        _ => {
            return Err(format!(
                "`{text}`: the load speaks RESP and memcached; give host:port, \
                 redis://host:port, memcached://host:port or unix:/path"
            ));
        }
    };
    let rest = rest.trim_end_matches('/');
    let host_only = rest.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err());
    let with_port = if host_only { format!("{rest}:{port}") } else { rest.to_owned() };
    let mut found = with_port.to_socket_addrs().map_err(|error| format!("`{text}`: {error}"))?;
    let address = found.next().ok_or_else(|| format!("`{text}` has no address"))?;
    Ok(Target { address: Address::Tcp(address), protocol })
}

/// Understands `auto`, `io_uring` and `epoll`.
pub(super) fn driver(text: &str) -> Result<DriverChoice, String> {
    match text {
        "auto" => Ok(DriverChoice::Auto),
        "io_uring" => Ok(DriverChoice::IoUring),
        "epoll" => Ok(DriverChoice::Epoll),
        other => Err(format!("`{other}` is not auto, io_uring or epoll")),
    }
}

/// Understands `100000`, `100k` and `1.5m`.
pub(super) fn count(text: &str) -> Result<f64, String> {
    let refused = || format!("`{text}` is not a count such as 5000, 100k or 1.5m");
    let (digits, factor) = match text.to_ascii_lowercase().strip_suffix(['k', 'm']) {
        Some(digits) if text.ends_with(['k', 'K']) => (digits.to_owned(), 1e3),
        Some(digits) => (digits.to_owned(), 1e6),
        None => (text.to_owned(), 1.0),
    };
    match digits.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number * factor),
        _ => Err(refused()),
    }
}

/// Understands a whole `count`.
pub(super) fn whole(text: &str) -> Result<u64, String> {
    let number = count(text)?;
    if number.fract() == 0.0 { Ok(number as u64) } else { Err(format!("`{text}` is not whole")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, expected) in [("30s", 30.0), ("500ms", 0.5), ("2m", 120.0), ("7", 7.0)] {
            assert_eq!(seconds(text), Ok(expected));
        }
        for text in ["", "s", "-1s", "5d", "1 s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!((ttl("10s"), ttl("5-1m")), (Ok((10, 10)), Ok((5, 60))));
        assert!(ttl("0").is_err() && ttl("9-3").is_err());
    }

    #[test]
    fn counts_have_factors() {
        assert_eq!((count("100k"), count("1.5m"), whole("20")), (Ok(1e5), Ok(1.5e6), Ok(20)));
        assert!(count("0").is_err() && count("k").is_err() && whole("1.5").is_err());
    }

    #[test]
    fn addresses_say_their_protocol() {
        let tcp = |text: &str| Address::Tcp(text.parse().unwrap());
        let check = |text: &str, address: Address, protocol: Option<Protocol>| {
            assert_eq!(target(text), Ok(Target { address, protocol }), "{text}");
        };
        check("127.0.0.1:7000", tcp("127.0.0.1:7000"), None);
        check("127.0.0.1", tcp("127.0.0.1:6379"), None);
        check("redis://127.0.0.1:1/", tcp("127.0.0.1:1"), Some(Protocol::Resp));
        check("memcached://127.0.0.1", tcp("127.0.0.1:11211"), Some(Protocol::MemcachedText));
        check("[::1]:5", tcp("[::1]:5"), None);
        check("unix:///tmp/s", Address::Unix("/tmp/s".into()), None);
        assert!(target("http://127.0.0.1:8080").unwrap_err().contains("RESP"));
    }
}
