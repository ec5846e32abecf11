//! How the replies of scattered pieces become one reply.
//!
//! A plan is the list of steps of one command or one EXEC: replies known already, and runs of
//! parts that are combined once every part has answered.

use velodrome_net::command::MemoryCommand;
use velodrome_net::resp::{Encoder, Proto, Reply};

use crate::execute::{combine_big, combine_hot};
use crate::shard::argument_buffer::{ArgumentBuffer, ArgumentRange};
use crate::shard::merge;

/// How the parts of one command become its reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Combine {
    /// The only part's reply, as it is.
    Same,
    /// The parts' replies as the elements of an array: MGET.
    Array,
    /// The sum of integers: DEL, EXISTS, DBSIZE.
    Sum,
    /// OK unless a part failed: MSET, FLUSHALL.
    Ok,
    /// The elements of the parts' arrays in one array: KEYS.
    Concat,
    /// The elements of the parts' arrays that begin with the highest numbers: SLOWLOG GET.
    Newest(usize),
    /// The elements of the parts' arrays by the numbers they begin with: LATENCY HISTORY.
    Earliest,
    /// The latest spike of each kind: LATENCY LATEST.
    Latest,
    /// The sums of the parts' histograms of these commands: LATENCY HISTOGRAM.
    Histograms(Vec<Vec<u8>>),
    /// The texts of the parts in one text: CLIENT LIST.
    Text,
    /// The key of the part with the lowest lot, if any is not null: RANDOMKEY.
    Drawn,
    /// 1 unless a part failed: the second round of MSETNX.
    One,
    /// The hottest keys of all shards, so many: HOTKEYS.
    HotKeys(u64),
    /// The largest items of all shards, so many: BIGKEYS.
    BigKeys(u64),
    /// The node's INFO of these sections, once every shard has published its figures; the parts
    /// are the shards' turns.
    Info(Vec<Vec<u8>>),
    /// What MEMORY says of the node, once every shard has published its figures.
    Memory(MemoryCommand<'static>),
    /// OK if a part is not 0, else this error: CLIENT KILL of one address.
    OkOr(&'static str),
}

/// One element of a plan.
#[derive(Debug)]
pub(crate) enum Step {
    /// A reply known before anything ran.
    Known(Vec<u8>),
    /// A command about the connection itself, run when the reply is put together.
    Here { args: ArgumentBuffer, range: ArgumentRange },
    /// The parts `first..first + count`.
    Parts { first: u32, count: u32, combine: Combine },
}

/// Combines encoded replies. `Info` is the caller's: here it fails loudly.
pub(crate) fn combine(parts: &[&[u8]], how: &Combine, proto: Proto, out: &mut Vec<u8>) {
    if *how != Combine::Array
        && let Some(error) = parts.iter().find(|part| part.first() == Some(&b'-'))
    {
        return out.extend_from_slice(error);
    }
    let mut encoder = Encoder::new(out, proto);
    match how {
        Combine::Same => out.extend_from_slice(parts[0]),
        Combine::Array => {
            encoder.write(Reply::Array(parts.len()));
            parts.iter().for_each(|part| out.extend_from_slice(part));
        }
        Combine::Sum => encoder.integer(parts.iter().map(|part| integer_of(part)).sum()),
        Combine::Ok => encoder.ok(),
        Combine::One => encoder.integer(1),
        Combine::Concat => {
            let split = || parts.iter().map(|part| header_of(part));
            encoder.write(Reply::Array(split().map(|(count, _)| count as usize).sum()));
            split().for_each(|(_, elements)| out.extend_from_slice(elements));
        }
        Combine::Newest(count_max) => merge::newest(parts, *count_max, &mut encoder),
        Combine::Earliest => merge::earliest(parts, &mut encoder),
        Combine::Latest => merge::latest(parts, &mut encoder),
        Combine::Histograms(names) => merge::histograms(parts, names, &mut encoder),
        Combine::Text => {
            let text: Vec<u8> = parts.iter().flat_map(|part| text_of(part)).copied().collect();
            encoder.write(Reply::Verbatim { format: *b"txt", text: &text });
        }
        Combine::Drawn => {
            let drawn = parts.iter().filter(|part| part.first() == Some(&b'*'));
            match drawn.map(|part| header_of(header_of(part).1)).min_by_key(|(lot, _)| *lot) {
                Some((_, key)) => out.extend_from_slice(key),
                None => encoder.write(Reply::Null),
            }
        }
        Combine::OkOr(error) => match parts.iter().any(|part| integer_of(part) > 0) {
            true => encoder.ok(),
            false => encoder.error(error),
        },
        Combine::HotKeys(count) => combine_hot(parts, *count, &mut encoder),
        Combine::BigKeys(count) => combine_big(parts, *count, &mut encoder),
        Combine::Info(_) | Combine::Memory(_) => {
            unreachable!("the shard composes INFO and MEMORY itself")
        }
    }
}

/// The integer in `:n\r\n`; the parts come from our own encoder.
pub(crate) fn integer_of(part: &[u8]) -> i64 {
    header_of(part).0
}

/// The number in a reply's first line, and what follows the line.
pub(crate) fn header_of(part: &[u8]) -> (i64, &[u8]) {
    let end = part.iter().position(|byte| *byte == b'\r').expect("a reply has a line end");
    let line = std::str::from_utf8(&part[1..end]).expect("our own replies are text");
    (line.parse().expect("our own reply is a number"), &part[end + 2..])
}

/// The content of a bulk string; the parts come from our own encoder.
pub(crate) fn text_of(part: &[u8]) -> &[u8] {
    let (len, rest) = header_of(part);
    &rest[..len as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(how: Combine, parts: &[&str], expected: &str) {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        let mut out = Vec::new();
        combine(&parts, &how, Proto::Resp2, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{how:?}");
    }

    #[test]
    fn parts_become_one_reply() {
        check(Combine::Same, &["+PONG\r\n"], "+PONG\r\n");
        check(Combine::Array, &["$1\r\na\r\n", "$-1\r\n"], "*2\r\n$1\r\na\r\n$-1\r\n");
        check(Combine::Sum, &[":2\r\n", ":40\r\n"], ":42\r\n");
        check(Combine::Ok, &["+OK\r\n", "+OK\r\n"], "+OK\r\n");
        check(Combine::Concat, &["*1\r\n$1\r\na\r\n", "*0\r\n"], "*1\r\n$1\r\na\r\n");
        check(Combine::Text, &["$2\r\na\n\r\n", "$2\r\nb\n\r\n"], "$4\r\na\nb\n\r\n");
        let lots = ["*2\r\n:7\r\n$1\r\na\r\n", "$-1\r\n", "*2\r\n:3\r\n$1\r\nb\r\n"];
        check(Combine::Drawn, &lots, "$1\r\nb\r\n");
        check(Combine::Drawn, &lots[..2], "$1\r\na\r\n");
        check(Combine::Drawn, &["$-1\r\n", "_\r\n"], "$-1\r\n");
    }

    #[test]
    fn the_first_error_is_the_reply() {
        check(Combine::Sum, &[":2\r\n", "-OOM no\r\n"], "-OOM no\r\n");
        check(Combine::Array, &["-OOM no\r\n"], "*1\r\n-OOM no\r\n");
    }
}
