//! Rules between settings: what is fine alone and wrong together.
//!
//! Owns those rules as pure functions. Invariant: a configuration that breaks none can be started
//! as far as it can be known without the machine. Cost: a few comparisons.

use std::net::IpAddr;

use velodrome_engine::Codec;

use super::{CompressionChoice, Config};

/// Why these addresses may not be listened on, if so: anything but loopback asks for a password or
/// for `--insecure`.
pub fn exposed(bind: &[IpAddr], has_password: bool, insecure: bool) -> Option<String> {
    if has_password || insecure {
        return None;
    }
    let open = bind.iter().find(|address| !address.to_canonical().is_loopback())?;
    Some(format!(
        "bind: {open} can be reached by other machines and there is no password: set requirepass, \
         or say --insecure if the network is trusted"
    ))
}

/// The services that ask for the same port, if any.
pub fn same_port(config: &Config) -> Option<String> {
    let ports = [
        ("resp-port", config.resp_port),
        ("memcached-port", config.memcached_port),
        ("http-port", config.http_port),
    ];
    for (index, (name, port)) in ports.iter().enumerate() {
        let twin = ports[..index].iter().find(|(_, other)| other == port && *port != 0);
        if let Some((other, _)) = twin {
            return Some(format!("{other} and {name} are both {port}: expected different ports"));
        }
    }
    None
}

/// Why nobody could connect, if so.
pub fn nothing_listens(config: &Config) -> Option<String> {
    let ports = [config.resp_port, config.memcached_port, config.http_port];
    let silent = ports.iter().all(|port| *port == 0) && config.unix_socket.is_none();
    silent.then(|| "every port is 0 and there is no unix-socket: nobody could connect".to_string())
}

/// Why the codec has no such level, if so.
pub fn no_such_level(config: &Config) -> Option<String> {
    let level = config.compression_level?;
    let levels = match config.compression {
        CompressionChoice::Zstd => Codec::ZSTD_LEVELS,
        CompressionChoice::Gzip => Codec::GZIP_LEVELS,
        // Kept for when there is a codec with levels again.
        CompressionChoice::None | CompressionChoice::Lz4 => return None,
    };
    let (name, least, most) = (config.compression.name(), levels.start(), levels.end());
    (!levels.contains(&level)).then(|| {
        format!(
            "compression-level: {name} has no level {level}: expected {least} to {most} or auto"
        )
    })
}

/// Every rule that `config` breaks, a line each.
pub fn broken(config: &Config) -> Vec<String> {
    let password = config.requirepass.is_some();
    let rules = [
        exposed(&config.bind, password, config.insecure),
        same_port(config),
        nothing_listens(config),
        no_such_level(config),
    ];
    rules.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_goes_without_a_password() {
        let cases = [
            ("127.0.0.1", false, false, true),
            ("127.9.9.9", false, false, true),
            ("::1", false, false, true),
            ("::ffff:127.0.0.1", false, false, true),
            ("0.0.0.0", false, false, false),
            ("::", false, false, false),
            ("10.0.0.1", false, false, false),
            ("10.0.0.1", true, false, true),
            ("10.0.0.1", false, true, true),
        ];
        for (address, password, insecure, allowed) in cases {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(exposed(&[address], password, insecure).is_none(), allowed, "{address}");
        }
        let mixed = ["127.0.0.1".parse().unwrap(), "10.0.0.1".parse().unwrap()];
        assert!(exposed(&mixed, false, false).unwrap().contains("10.0.0.1"));
    }

    #[test]
    fn levels_are_those_of_the_codec() {
        use CompressionChoice::{Gzip, Lz4, Zstd};
        for (compression, level, possible) in [
            (Gzip, Some(9), true),
            (Gzip, Some(10), false),
            (Zstd, Some(19), true),
            (Zstd, Some(20), false),
            (Zstd, None, true),
            (Lz4, Some(30), true),
        ] {
            let config = Config { compression, compression_level: level, ..Config::default() };
            let broken = broken(&config).join("");
            assert_eq!(broken.is_empty(), possible, "{compression:?} {level:?} {broken}");
            assert!(possible || broken.contains("expected 1 to"), "{broken}");
        }
    }

    #[test]
    fn ports_differ_and_one_is_on() {
        let mut config = Config::default();
        assert_eq!(broken(&config), Vec::<String>::new());
        config.http_port = config.resp_port;
        assert!(same_port(&config).unwrap().contains("resp-port and http-port are both 6379"));
        config.resp_port = 0;
        config.memcached_port = 0;
        config.http_port = 0;
        assert!(same_port(&config).is_none());
        assert!(nothing_listens(&config).is_some());
        config.unix_socket = Some("/run/velodrome.sock".into());
        assert!(nothing_listens(&config).is_none());
    }
}
