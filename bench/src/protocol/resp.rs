//! RESP, with net's codec.
//!
//! Invariant: what net's parser measures is taken from the same bytes here, so that the value
//! compared is the value received. Cost: one pass over lines, none over a value's bytes.

use velodrome_net::resp::{ReplyKind, ReplyParser, Value, encode_command};

use super::{Answer, NoAnswer, Request};
use crate::limits::TTL_S_MAX;

#[inline]
pub(super) fn encode(request: &Request<'_>, out: &mut Vec<u8>) {
    match request {
        Request::Get(key) => encode_command(out, &[b"GET", key]),
        Request::Set(key, value, 0) => encode_command(out, &[b"SET", key, value]),
        Request::Set(key, value, ttl_s) => {
            let mut digits = itoa::Buffer::new();
            let ttl = digits.format(*ttl_s).as_bytes();
            let word = if *ttl_s > TTL_S_MAX { b"EXAT".as_slice() } else { b"EX" };
            encode_command(out, &[b"SET", key, value, word, ttl]);
        }
        Request::Delete(key) => encode_command(out, &[b"DEL", key]),
        Request::Incr(key) => encode_command(out, &[b"INCR", key]),
        Request::Mget(keys) => encode_many(out, b"MGET", keys),
        Request::Mset(pairs) => encode_many(out, b"MSET", pairs),
    }
}

fn encode_many(out: &mut Vec<u8>, name: &[u8], rest: &[&[u8]]) {
    let args: Vec<&[u8]> = std::iter::once(name).chain(rest.iter().copied()).collect();
    encode_command(out, &args);
}

#[inline]
pub(super) fn next<'a>(
    parser: &mut ReplyParser,
    bytes: &'a [u8],
) -> Result<Option<(usize, Answer<'a>)>, NoAnswer> {
    let skipped = parser.skip(bytes).map_err(|_| NoAnswer::of(bytes))?;
    let Some(skipped) = skipped else { return Ok(None) };
    let reply = &bytes[..skipped.consumed];
    let answer = match skipped.kind {
        ReplyKind::Bulk { len } => Answer::Value(&reply[reply.len() - 2 - len..reply.len() - 2]),
        ReplyKind::Simple => match &reply[1..reply.len() - 2] {
            b"OK" => Answer::Done,
            _ => Answer::Strange,
        },
        ReplyKind::Integer(number) => Answer::Number(number),
        ReplyKind::Null => Answer::Missing,
        ReplyKind::Error => Answer::Refused(&reply[1..reply.len() - 2]),
        ReplyKind::Aggregate { .. } => aggregate(reply)?,
        ReplyKind::Scalar | ReplyKind::Push => Answer::Strange,
    };
    Ok(Some((skipped.consumed, answer)))
}

/// Many values.
fn aggregate(reply: &[u8]) -> Result<Answer<'_>, NoAnswer> {
    let value = ReplyParser::new().next(reply).map_err(|_| NoAnswer::of(reply))?;
    let Some((_, Value::Array(elements))) = value else { return Ok(Answer::Strange) };
    let value = |element: &Value<'_>| matches!(element, Value::Bulk(_) | Value::Null);
    if !elements.iter().all(value) {
        return Ok(Answer::Strange);
    }
    Ok(Answer::Values(elements.iter().map(Value::as_bytes).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_the_command_it_stands_for() {
        let cases: [(Request<'_>, &str); 6] = [
            (Request::Get(b"k"), "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
            (Request::Set(b"k", b"v", 0), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"),
            (
                Request::Set(b"k", b"v", 60),
                "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$2\r\nEX\r\n$2\r\n60\r\n",
            ),
            (Request::Delete(b"k"), "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"),
            (Request::Incr(b"k"), "*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n"),
            (Request::Mget(&[b"a", b"b"]), "*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n"),
        ];
        for (request, expected) in cases {
            let mut out = Vec::new();
            encode(&request, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn answers_are_read_wherever_they_are_cut() {
        let cases: [(&[u8], Answer<'_>); 9] = [
            (b"$3\r\na\r\n\r\n", Answer::Value(b"a\r\n")),
            (b"$-1\r\n", Answer::Missing),
            (b"_\r\n", Answer::Missing),
            (b"+OK\r\n", Answer::Done),
            (b"+PONG\r\n", Answer::Strange),
            (b":-7\r\n", Answer::Number(-7)),
            (b"-ERR no\r\n", Answer::Refused(b"ERR no")),
            (b"*2\r\n$1\r\na\r\n$-1\r\n", Answer::Values(vec![Some(b"a"), None])),
            (b"*1\r\n:1\r\n", Answer::Strange),
        ];
        for (bytes, expected) in cases {
            let mut parser = ReplyParser::new();
            for cut in 0..bytes.len() {
                assert_eq!(next(&mut parser, &bytes[..cut]), Ok(None), "{cut}");
            }
            let with_more = [bytes, b"+OK\r\n"].concat();
            let found = next(&mut parser, &with_more).unwrap().unwrap();
            assert_eq!(found, (bytes.len(), expected));
        }
        assert!(next(&mut ReplyParser::new(), b"VALUE k 0 1\r\n").is_err());
    }
}
