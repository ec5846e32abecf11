//! memcached's meta commands, as a client speaks them.
//!
//! ```text
//! mg k v\r\n                         VA <len>\r\n<bytes>\r\n   or  EN\r\n
//! ms k <len> T<ttl>\r\n<bytes>\r\n   HD\r\n
//! md k\r\n   ma k v\r\n              HD\r\n or NF\r\n   VA <len>\r\n<number>\r\n or NF\r\n
//! ```
//!
//! Owns four commands of memcached's `doc/protocol.txt`. Invariant: the outcome depends on the
//! bytes only, never on where they were cut. Cost: a line an answer; a value is never searched.

use memchr::memchr;

use super::{Answer, NoAnswer, Request};
use crate::limits::{ANSWER_LINE_LEN_MAX, VALUE_LEN_MAX};
use crate::workload::Kind;

pub(super) fn encode(request: &Request<'_>, out: &mut Vec<u8>) {
    let (mut len, mut ttl) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut words = |words: &[&[u8]]| words.iter().for_each(|word| out.extend_from_slice(word));
    match request {
        Request::Get(key) => words(&[b"mg ", key, b" v\r\n"]),
        Request::Set(key, value, ttl_s) => {
            words(&[b"ms ", key, b" ", len.format(value.len()).as_bytes()]);
            if *ttl_s > 0 {
                words(&[b" T", ttl.format(*ttl_s).as_bytes()]);
            }
            words(&[b"\r\n", value, b"\r\n"]);
        }
        Request::Delete(key) => words(&[b"md ", key, b"\r\n"]),
        Request::Incr(key) => words(&[b"ma ", key, b" v\r\n"]),
        Request::Mget(_) | Request::Mset(_) => unreachable!("one key a command"),
    }
}

/// Answers need no memory between two looks.
#[derive(Debug)]
pub struct MetaParser;

impl MetaParser {
    pub(super) fn next<'a>(
        &mut self,
        bytes: &'a [u8],
        kind: Kind,
    ) -> Result<Option<(usize, Answer<'a>)>, NoAnswer> {
        let refused = || NoAnswer::of(bytes);
        let Some(at) = memchr(b'\n', bytes) else {
            let too_long = bytes.len() > ANSWER_LINE_LEN_MAX;
            return if too_long { Err(refused()) } else { Ok(None) };
        };
        let line = bytes[..at].strip_suffix(b"\r").ok_or_else(refused)?;
        let end = at + 1;
        let code = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let answer = match (code, kind) {
            (b"VA", _) => {
                let len = line.split(|byte| *byte == b' ').nth(1).and_then(number);
                let len = len.and_then(|len| usize::try_from(len).ok()).ok_or_else(refused)?;
                if len > VALUE_LEN_MAX {
                    return Err(refused());
                }
                let Some(body) = bytes.get(end..end + len + 2) else { return Ok(None) };
                let value = body.strip_suffix(b"\r\n").ok_or_else(refused)?;
                return Ok(Some((end + len + 2, valued(value, kind))));
            }
            (b"HD", Kind::Set | Kind::Zero) => Answer::Done,
            (b"HD", Kind::Delete) => Answer::Number(1),
            (b"EN" | b"NF", _) => Answer::Missing,
            (b"NS" | b"ERROR" | b"CLIENT_ERROR" | b"SERVER_ERROR", _) => Answer::Refused(line),
            _ => Answer::Strange,
        };
        Ok(Some((end, answer)))
    }
}

fn valued(value: &[u8], kind: Kind) -> Answer<'_> {
    match kind {
        Kind::Incr => number(value).map_or(Answer::Strange, Answer::Number),
        Kind::Get => Answer::Value(value),
        _ => Answer::Strange,
    }
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_the_command_it_stands_for() {
        let cases: [(Request<'_>, &[u8]); 5] = [
            (Request::Get(b"k"), b"mg k v\r\n"),
            (Request::Set(b"k", b"val", 0), b"ms k 3\r\nval\r\n"),
            (Request::Set(b"k", b"", 60), b"ms k 0 T60\r\n\r\n"),
            (Request::Delete(b"k"), b"md k\r\n"),
            (Request::Incr(b"k"), b"ma k v\r\n"),
        ];
        for (request, expected) in cases {
            let mut out = Vec::new();
            encode(&request, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn answers_are_read_wherever_they_are_cut() {
        let cases: [(&[u8], Kind, Answer<'_>); 9] = [
            (b"VA 4 f0\r\nHD\r\n\r\n", Kind::Get, Answer::Value(b"HD\r\n")),
            (b"VA 0\r\n\r\n", Kind::Get, Answer::Value(b"")),
            (b"EN\r\n", Kind::Get, Answer::Missing),
            (b"HD\r\n", Kind::Set, Answer::Done),
            (b"HD\r\n", Kind::Delete, Answer::Number(1)),
            (b"NF\r\n", Kind::Delete, Answer::Missing),
            (b"VA 2\r\n17\r\n", Kind::Incr, Answer::Number(17)),
            (b"SERVER_ERROR out\r\n", Kind::Set, Answer::Refused(b"SERVER_ERROR out")),
            (b"HD\r\n", Kind::Get, Answer::Strange),
        ];
        for (bytes, kind, expected) in cases {
            for cut in 0..bytes.len() {
                assert_eq!(MetaParser.next(&bytes[..cut], kind), Ok(None), "{cut} of {kind:?}");
            }
            let with_more = [bytes, b"EN\r\n"].concat();
            let found = MetaParser.next(&with_more, kind).unwrap().unwrap();
            assert_eq!(found, (bytes.len(), expected));
        }
        for bytes in [&b"EN\n"[..], b"VA x\r\n", b"VA 1\r\nabc"] {
            assert!(MetaParser.next(bytes, Kind::Get).is_err());
        }
    }
}
