//! What a node says about itself: its turns' processor time, the most that one step did, counts.
//!
//! Owns the conversation with the node, on a connection of its own. Invariant: the figures are of
//! the time since [`forget`]. Cost: two commands a scenario.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use velodrome_net::resp::{ReplyParser, Value, encode_command};

use crate::failure::Failure;

/// Figures by name.
type Counted = BTreeMap<String, f64>;

/// How long an answer may take.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(10);

/// The fields of INFO that count, and their names in a record.
const FIELDS: [(&str, &str); 10] = [
    ("turns", "turns"),
    ("turn_cpu_us_p50", "turn p50, µs"),
    ("turn_cpu_us_p99", "turn p99, µs"),
    ("turn_cpu_us_p999", "turn p99.9, µs"),
    ("turn_cpu_us_p9999", "turn p99.99, µs"),
    ("turn_cpu_us_max", "turn max, µs"),
    ("longest_step_items", "step max, items"),
    ("longest_step_bytes", "step max, bytes"),
    ("longest_step_tables", "step max, tables"),
    ("longest_step_entries", "step max, entries"),
];

/// The figures in one line.
pub(super) fn line(counted: &Counted) -> String {
    let figures: Vec<String> =
        counted.iter().map(|(name, figure)| format!("{name} {figure}")).collect();
    format!("    {}", figures.join("; "))
}

fn of_info(text: &str) -> Counted {
    let fields = fields(text);
    let figure = |name: &str| fields.get(name).copied();
    FIELDS.iter().filter_map(|(field, name)| Some(((*name).to_owned(), figure(field)?))).collect()
}

/// The fields of INFO that are numbers.
fn fields(text: &str) -> HashMap<&str, f64> {
    let lines = text.lines().filter_map(|line| line.trim_end().split_once(':'));
    lines.filter_map(|(name, text)| Some((name, text.parse().ok()?))).collect()
}

/// Numbers of INFO, in the order of `names`; 0 for what the node does not say.
pub(super) fn numbers<const N: usize>(
    node: SocketAddr,
    names: [&str; N],
) -> Result<[f64; N], Failure> {
    let text = ask(node, &[b"INFO"])?;
    let fields = fields(&text);
    Ok(names.map(|name| fields.get(name).copied().unwrap_or(0.0)))
}

/// Lets the node count from now on.
pub(super) fn forget(node: SocketAddr) -> Result<(), Failure> {
    ask(node, &[b"CONFIG", b"RESETSTAT"]).map(drop)
}

/// Lets the node forget every key.
pub(super) fn flush(node: SocketAddr) -> Result<(), Failure> {
    ask(node, &[b"FLUSHALL"]).map(drop)
}

/// What the node counted.
pub(super) fn read(node: SocketAddr) -> Result<Counted, Failure> {
    ask(node, &[b"INFO", b"turns"]).map(|text| of_info(&text))
}

/// Sends one command; the answer as text.
fn ask(node: SocketAddr, words: &[&[u8]]) -> Result<String, Failure> {
    let refused = || Failure::system(format!("cannot ask {node} about its turns"));
    let mut stream = TcpStream::connect_timeout(&node, ANSWER_WAIT_MAX).map_err(refused())?;
    stream.set_read_timeout(Some(ANSWER_WAIT_MAX)).map_err(refused())?;
    let mut request = Vec::new();
    encode_command(&mut request, words);
    stream.write_all(&request).map_err(refused())?;
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let len = stream.read(&mut part).map_err(refused())?;
        bytes.extend_from_slice(&part[..len]);
        let parsed = ReplyParser::new().next(&bytes);
        let value = parsed.map_err(|error| refused()(std::io::Error::other(error.to_string())))?;
        match value {
            Some((_, Value::Error(text))) => {
                let text = String::from_utf8_lossy(text).into_owned();
                return Err(refused()(std::io::Error::other(text)));
            }
            Some((_, value)) => {
                let text = value.as_bytes().unwrap_or_default();
                return Ok(String::from_utf8_lossy(text).into_owned());
            }
            None if len == 0 => {
                return Err(refused()(std::io::ErrorKind::UnexpectedEof.into()));
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_info_are_found() {
        let text = "# Turns\r\nturns:7\r\nturn_cpu_us_p9999:4\r\nlongest_step_items:256\r\n";
        let counted = of_info(text);
        assert_eq!(counted.len(), 3);
        assert_eq!(line(&counted), "    step max, items 256; turn p99.99, µs 4; turns 7");
        assert!(of_info("redis_version:7\r\n").is_empty());
    }
}
