//! memcached's text protocol, as a client speaks it.
//!
//! ```text
//! get k\r\n                    VALUE k <flags> <len>\r\n<bytes>\r\n … END\r\n
//! set k 0 <exptime> <len>\r\n<bytes>\r\n       STORED\r\n
//! delete k\r\n  incr k 1\r\n                   DELETED\r\n  NOT_FOUND\r\n  <number>\r\n
//! ```
//!
//! Owns the parsing of answers; the protocol is memcached's `doc/protocol.txt`. Invariant: the
//! outcome depends on the bytes only, never on where they were cut. Cost: every line is read once
//! when an answer arrives whole; a value's bytes are never searched.

use memchr::memchr;

use super::{Answer, NoAnswer, Request};
use crate::limits::ANSWER_LINE_LEN_MAX;
use crate::workload::Kind;

pub(super) fn encode(request: &Request<'_>, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    let mut words = |words: &[&[u8]]| words.iter().for_each(|word| out.extend_from_slice(word));
    match request {
        Request::Get(key) => words(&[b"get ", key, b"\r\n"]),
        Request::Set(key, value, ttl_s) => {
            words(&[b"set ", key, b" 0 ", digits.format(*ttl_s).as_bytes(), b" "]);
            words(&[digits.format(value.len()).as_bytes(), b"\r\n", value, b"\r\n"]);
        }
        Request::Delete(key) => words(&[b"delete ", key, b"\r\n"]),
        Request::Incr(key) => words(&[b"incr ", key, b" 1\r\n"]),
        Request::Mget(keys) => {
            words(&[b"get"]);
            keys.iter().for_each(|key| words(&[b" ", key]));
            words(&[b"\r\n"]);
        }
        Request::Mset(_) => unreachable!("the text protocol has no such command"),
    }
}

/// One connection's progress inside an answer.
#[derive(Debug, Default)]
pub struct TextParser {
    /// Whole values of a `get` known to be there, in bytes.
    measured: usize,
}

/// One line of an answer.
enum Line<'a> {
    /// `VALUE`: where its bytes begin and end.
    Value {
        key: &'a [u8],
        from: usize,
        len: usize,
    },
    End,
    Other(&'a [u8]),
}

impl TextParser {
    pub(super) fn next<'a>(
        &mut self,
        bytes: &'a [u8],
        kind: Kind,
    ) -> Result<Option<(usize, Answer<'a>)>, NoAnswer> {
        loop {
            let Some((line, end)) = line(bytes, self.measured)? else { return Ok(None) };
            match line {
                Line::Value { from, len, .. } => {
                    let after = from + len + 2;
                    if bytes.len() < after {
                        return Ok(None);
                    }
                    if &bytes[after - 2..after] != b"\r\n" {
                        return Err(NoAnswer::of(&bytes[self.measured..]));
                    }
                    self.measured = after;
                }
                Line::End => {
                    self.measured = 0;
                    return Ok(Some((end, values(&bytes[..end], kind)?)));
                }
                Line::Other(_) if self.measured > 0 => return Err(NoAnswer::of(bytes)),
                Line::Other(text) => return Ok(Some((end, word(text)))),
            }
        }
    }
}

/// The line at `start`, and where it ends.
fn line(bytes: &[u8], start: usize) -> Result<Option<(Line<'_>, usize)>, NoAnswer> {
    let rest = &bytes[start..];
    let refused = || NoAnswer::of(rest);
    let Some(at) = memchr(b'\n', rest) else {
        return if rest.len() > ANSWER_LINE_LEN_MAX { Err(refused()) } else { Ok(None) };
    };
    let text = rest[..at].strip_suffix(b"\r").ok_or_else(refused)?;
    let end = start + at + 1;
    if text == b"END" {
        return Ok(Some((Line::End, end)));
    }
    let Some(value) = text.strip_prefix(b"VALUE ") else {
        return Ok(Some((Line::Other(text), end)));
    };
    let mut fields = value.split(|byte| *byte == b' ');
    let key = fields.next().ok_or_else(refused)?;
    let len = fields.nth(1).and_then(number).ok_or_else(refused)?;
    let len = usize::try_from(len).map_err(|_| refused())?;
    Ok(Some((Line::Value { key, from: end, len }, end)))
}

/// The answer made of whole `VALUE`s and `END`.
fn values(bytes: &[u8], kind: Kind) -> Result<Answer<'_>, NoAnswer> {
    let (mut found, mut start) = (Vec::new(), 0);
    if kind != Kind::Mget {
        return Ok(match line(bytes, 0)? {
            Some((Line::Value { from, len, .. }, _)) => Answer::Value(&bytes[from..from + len]),
            _ => Answer::Missing,
        });
    }
    while let Some((Line::Value { key, from, len }, _)) = line(bytes, start)? {
        found.push((key, &bytes[from..from + len]));
        start = from + len + 2;
    }
    Ok(Answer::Named(found))
}

fn word(text: &[u8]) -> Answer<'_> {
    match text {
        b"STORED" => Answer::Done,
        b"DELETED" => Answer::Number(1),
        b"NOT_FOUND" => Answer::Missing,
        _ => match number(text) {
            Some(number) => Answer::Number(number),
            None if is_refusal(text) => Answer::Refused(text),
            None => Answer::Strange,
        },
    }
}

fn is_refusal(text: &[u8]) -> bool {
    let refusals: [&[u8]; 4] = [b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR", b"NOT_STORED"];
    refusals.iter().any(|refusal| text.starts_with(refusal))
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_the_command_it_stands_for() {
        let cases: [(Request<'_>, &[u8]); 6] = [
            (Request::Get(b"k"), b"get k\r\n"),
            (Request::Set(b"k", b"val", 0), b"set k 0 0 3\r\nval\r\n"),
            (Request::Set(b"k", b"", 60), b"set k 0 60 0\r\n\r\n"),
            (Request::Delete(b"k"), b"delete k\r\n"),
            (Request::Incr(b"k"), b"incr k 1\r\n"),
            (Request::Mget(&[b"a", b"b"]), b"get a b\r\n"),
        ];
        for (request, expected) in cases {
            let mut out = Vec::new();
            encode(&request, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn answers_are_read_wherever_they_are_cut() {
        let cases: [(&[u8], Kind, Answer<'_>); 10] = [
            (b"VALUE k 0 5\r\nEND\r\n\r\nEND\r\n", Kind::Get, Answer::Value(b"END\r\n")),
            (b"VALUE k 0 0\r\n\r\nEND\r\n", Kind::Get, Answer::Value(b"")),
            (b"END\r\n", Kind::Get, Answer::Missing),
            (b"STORED\r\n", Kind::Set, Answer::Done),
            (b"DELETED\r\n", Kind::Delete, Answer::Number(1)),
            (b"NOT_FOUND\r\n", Kind::Delete, Answer::Missing),
            (b"17\r\n", Kind::Incr, Answer::Number(17)),
            (b"SERVER_ERROR out\r\n", Kind::Set, Answer::Refused(b"SERVER_ERROR out")),
            (b"what\r\n", Kind::Set, Answer::Strange),
            (
                b"VALUE a 0 1\r\nx\r\nVALUE b 0 1\r\ny\r\nEND\r\n",
                Kind::Mget,
                Answer::Named(vec![(b"a", b"x"), (b"b", b"y")]),
            ),
        ];
        for (bytes, kind, expected) in cases {
            let mut parser = TextParser::default();
            for cut in 0..bytes.len() {
                assert_eq!(parser.next(&bytes[..cut], kind), Ok(None), "{cut} of {kind:?}");
            }
            let with_more = [bytes, b"END\r\n"].concat();
            let found = parser.next(&with_more, kind).unwrap().unwrap();
            assert_eq!(found, (bytes.len(), expected));
        }
    }

    #[test]
    fn broken_answers_end_the_connection() {
        let long = vec![b'x'; ANSWER_LINE_LEN_MAX + 1];
        let cases: [&[u8]; 5] =
            [b"END\n", b"VALUE k 0 x\r\n", b"VALUE k 0 1\r\nab\r\nEND\r\n", b"VALUE k\r\n", &long];
        for bytes in cases {
            assert!(TextParser::default().next(bytes, Kind::Get).is_err());
        }
    }
}
