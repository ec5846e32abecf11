//! memcached's binary protocol, as a client speaks it.
//!
//! ```text
//! │ magic 1 │ opcode 1 │ key len 2 │ extras len 1 │ type 1 │ vbucket or status 2 │
//! │ body len 4 │ opaque 4 │ cas 8 │ then extras, key, value: the body, all big-endian
//! ```
//!
//! Owns four commands of memcached's `doc/protocol-binary.txt`. Invariant: a header says how long
//! its answer is, so nothing is searched. Cost: a header a request.

use super::{Answer, NoAnswer, Request};
use crate::limits::VALUE_LEN_MAX;
use crate::workload::Kind;

const HEADER_LEN: usize = 24;
const REQUEST: u8 = 0x80;
const RESPONSE: u8 = 0x81;
const GET: u8 = 0x00;
const SET: u8 = 0x01;
const DELETE: u8 = 0x04;
const INCREMENT: u8 = 0x05;
const KEY_NOT_FOUND: u16 = 1;

pub(super) fn encode(request: &Request<'_>, out: &mut Vec<u8>) {
    match request {
        Request::Get(key) => frame(out, GET, &[], key, &[]),
        Request::Set(key, value, ttl_s) => {
            let mut extras = [0; 8];
            extras[4..].copy_from_slice(&ttl_s.to_be_bytes());
            frame(out, SET, &extras, key, value);
        }
        Request::Delete(key) => frame(out, DELETE, &[], key, &[]),
        Request::Incr(key) => {
            // Add one; a counter that is not there is refused and not made.
            let mut extras = [0; 20];
            extras[7] = 1;
            extras[16..].fill(0xff);
            frame(out, INCREMENT, &extras, key, &[]);
        }
        Request::Mget(_) | Request::Mset(_) => unreachable!("one key a command"),
    }
}

fn frame(out: &mut Vec<u8>, opcode: u8, extras: &[u8], key: &[u8], value: &[u8]) {
    let key_len = u16::try_from(key.len()).expect("keys are short");
    let body_len = u32::try_from(extras.len() + key.len() + value.len()).expect("a bounded value");
    out.extend_from_slice(&[REQUEST, opcode]);
    out.extend_from_slice(&key_len.to_be_bytes());
    out.extend_from_slice(&[extras.len() as u8, 0, 0, 0]);
    out.extend_from_slice(&body_len.to_be_bytes());
    out.extend_from_slice(&[0; 12]);
    for part in [extras, key, value] {
        out.extend_from_slice(part);
    }
}

/// Answers need no memory between two looks.
#[derive(Debug)]
pub struct BinaryParser;

impl BinaryParser {
    pub(super) fn next<'a>(
        &mut self,
        bytes: &'a [u8],
        kind: Kind,
    ) -> Result<Option<(usize, Answer<'a>)>, NoAnswer> {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            return Ok(None);
        };
        let body_len = u32::from_be_bytes([header[8], header[9], header[10], header[11]]) as usize;
        let key_len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let value_from = usize::from(header[4]) + key_len;
        let too_long = body_len > VALUE_LEN_MAX + HEADER_LEN + usize::from(u16::MAX);
        if header[0] != RESPONSE || too_long || value_from > body_len {
            return Err(NoAnswer::of(bytes));
        }
        let Some(body) = rest.get(..body_len) else { return Ok(None) };
        let value = &body[value_from..];
        let answer = match (u16::from_be_bytes([header[6], header[7]]), header[1], kind) {
            (0, GET, Kind::Get) => Answer::Value(value),
            (0, SET, Kind::Set | Kind::Zero) => Answer::Done,
            (0, DELETE, Kind::Delete) => Answer::Number(1),
            (0, INCREMENT, Kind::Incr) => match value.try_into() {
                Ok(number) => Answer::Number(i64::from_be_bytes(number)),
                Err(_) => Answer::Strange,
            },
            (0, ..) => Answer::Strange,
            (KEY_NOT_FOUND, ..) => Answer::Missing,
            _ => Answer::Refused(value),
        };
        Ok(Some((HEADER_LEN + body_len, answer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(opcode: u8, status: u8, extras: &[u8], value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame(&mut bytes, opcode, extras, &[], value);
        bytes[0] = RESPONSE;
        bytes[7] = status;
        bytes
    }

    #[test]
    fn a_request_states_its_lengths() {
        let mut out = Vec::new();
        encode(&Request::Set(b"key", b"value", 7), &mut out);
        assert_eq!(out.len(), HEADER_LEN + 8 + 3 + 5);
        assert_eq!(out[..12], [0x80, 1, 0, 3, 8, 0, 0, 0, 0, 0, 0, 16]);
        assert_eq!(out[24..], [b"\0\0\0\0\0\0\0\x07".as_slice(), b"keyvalue"].concat());
    }

    #[test]
    fn answers_are_read_wherever_they_are_cut() {
        let seven = 7_i64.to_be_bytes();
        let cases = [
            (response(GET, 0, &[0; 4], b"abc"), Kind::Get, Answer::Value(b"abc")),
            (response(GET, 1, &[], b"Not found"), Kind::Get, Answer::Missing),
            (response(SET, 0, &[], b""), Kind::Set, Answer::Done),
            (response(DELETE, 0, &[], b""), Kind::Delete, Answer::Number(1)),
            (response(INCREMENT, 0, &[], &seven), Kind::Incr, Answer::Number(7)),
            (response(SET, 3, &[], b"Too large."), Kind::Set, Answer::Refused(b"Too large.")),
            (response(SET, 0, &[], b""), Kind::Get, Answer::Strange),
        ];
        for (bytes, kind, expected) in cases {
            for cut in 0..bytes.len() {
                assert_eq!(BinaryParser.next(&bytes[..cut], kind), Ok(None));
            }
            let with_more = [&bytes[..], b"more"].concat();
            let found = BinaryParser.next(&with_more, kind).unwrap().unwrap();
            assert_eq!(found, (bytes.len(), expected));
        }
        assert!(BinaryParser.next(&[b'E'; HEADER_LEN], Kind::Get).is_err());
    }
}
