//! Replies on their way out.
//!
//! Owns the bytes of every [`Reply`] in both protocol versions.
//! Invariant: what is written parses back to the same token, downgraded where RESP2 lacks it.
//! Cost: one append a token, no allocation but the output's growth.

use std::io::Write as _;

use super::error::ProtocolError;
use super::reply::{Proto, Reply};

/// Writes tokens behind what `out` already holds.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    proto: Proto,
}

impl<'a> Encoder<'a> {
    /// An encoder that appends to `out`.
    #[inline]
    #[must_use]
    pub fn new(out: &'a mut Vec<u8>, proto: Proto) -> Self {
        Self { out, proto }
    }

    /// The version being written.
    #[inline]
    #[must_use]
    pub fn proto(&self) -> Proto {
        self.proto
    }

    /// Writes in another version from here on: HELLO answers in the version it chose.
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    /// Appends replies that were encoded before, in the version they should have.
    #[inline]
    pub fn encoded(&mut self, replies: &[u8]) {
        self.out.extend_from_slice(replies);
    }

    /// Bytes in the output so far, those from before this encoder included.
    #[inline]
    #[must_use]
    pub fn written_len(&self) -> usize {
        self.out.len()
    }

    /// Appends one token.
    ///
    /// # Panics
    /// On [`Reply::Attribute`] under RESP2, where nothing can be said about a reply.
    pub fn write(&mut self, reply: Reply<'_>) {
        match reply {
            Reply::Simple(text) => self.simple(text),
            Reply::Error(text) => self.error(text),
            Reply::Integer(number) => self.integer(number),
            Reply::Bulk(bytes) => self.bulk(bytes),
            Reply::Null => self.null(),
            Reply::NullArray => self.null_array(),
            Reply::Double(number) => self.double(number),
            Reply::Boolean(truth) => self.boolean(truth),
            Reply::BigNumber(digits) => self.big_number(digits),
            Reply::Verbatim { format, text } => self.verbatim(format, text),
            Reply::Array(len) => self.array(len),
            Reply::Map(len) => self.map(len),
            Reply::Set(len) => self.set(len),
            Reply::Push(len) => self.push(len),
            Reply::Attribute(len) => {
                assert!(self.proto == Proto::Resp3, "RESP2 has no attributes");
                self.header(b'|', len as u64);
            }
        }
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A status; line ends in it become blanks.
    #[inline]
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text);
    }

    /// An error, its code first; line ends in it become blanks.
    pub fn error(&mut self, text: &str) {
        self.line(b'-', text);
    }

    /// The last words to a peer that broke the protocol: `-ERR Protocol error: …`.
    pub fn protocol_error(&mut self, error: ProtocolError) {
        self.error(&format!("ERR {error}"));
    }

    /// A whole number.
    #[inline]
    pub fn integer(&mut self, number: i64) {
        // The commonest answers of counting commands.
        match number {
            0 => self.out.extend_from_slice(b":0\r\n"),
            1 => self.out.extend_from_slice(b":1\r\n"),
            _ => {
                let mut digits = itoa::Buffer::new();
                self.out.push(b':');
                self.out.extend_from_slice(digits.format(number).as_bytes());
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Bytes.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.out.reserve(bytes.len() + 16);
        self.bulk_header(bytes.len());
        self.out.extend_from_slice(bytes);
        self.bulk_end();
    }

    /// Bytes that `write` appends, `len` of them.
    ///
    /// # Panics
    /// When it appends more or less.
    pub fn bulk_with(&mut self, len: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.out.reserve(len + 16);
        self.bulk_header(len);
        let end = self.out.len() + len;
        write(self.out);
        assert_eq!(self.out.len(), end, "as many bytes as announced");
        self.bulk_end();
    }

    /// The start of bytes that the caller sends from their own place; `len` bytes and then
    /// [`Encoder::bulk_end`] must follow.
    #[inline]
    pub fn bulk_header(&mut self, len: usize) {
        self.header(b'$', len as u64);
    }

    /// The line end behind a bulk's bytes.
    #[inline]
    pub fn bulk_end(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }

    /// A text as bytes.
    #[inline]
    pub fn bulk_str(&mut self, text: &str) {
        self.bulk(text.as_bytes());
    }

    /// Nothing, where bytes were expected.
    #[inline]
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.proto {
            Proto::Resp2 => b"$-1\r\n",
            Proto::Resp3 => b"_\r\n",
        });
    }

    /// Nothing, where an array was expected.
    #[inline]
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(match self.proto {
            Proto::Resp2 => b"*-1\r\n",
            Proto::Resp3 => b"_\r\n",
        });
    }

    /// A floating-point number, in the shortest digits that read back as the same.
    pub fn double(&mut self, number: f64) {
        let mut text = [0u8; 32];
        let len = format_double(number, &mut text);
        match self.proto {
            Proto::Resp2 => self.bulk(&text[..len]),
            Proto::Resp3 => {
                self.out.push(b',');
                self.out.extend_from_slice(&text[..len]);
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// True or false.
    pub fn boolean(&mut self, truth: bool) {
        self.out.extend_from_slice(match (self.proto, truth) {
            (Proto::Resp2, true) => b":1\r\n",
            (Proto::Resp2, false) => b":0\r\n",
            (Proto::Resp3, true) => b"#t\r\n",
            (Proto::Resp3, false) => b"#f\r\n",
        });
    }

    /// The digits of a number of any size.
    pub fn big_number(&mut self, digits: &str) {
        match self.proto {
            Proto::Resp2 => self.bulk_str(digits),
            Proto::Resp3 => self.line(b'(', digits),
        }
    }

    /// Text for people, `format` being `txt` or `mkd`.
    pub fn verbatim(&mut self, format: [u8; 3], text: &[u8]) {
        match self.proto {
            Proto::Resp2 => self.bulk(text),
            Proto::Resp3 => {
                self.header(b'=', text.len() as u64 + 4);
                self.out.extend_from_slice(&format);
                self.out.push(b':');
                self.out.extend_from_slice(text);
                self.bulk_end();
            }
        }
    }

    /// `len` elements follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len as u64);
    }

    /// `len` pairs follow.
    pub fn map(&mut self, len: usize) {
        match self.proto {
            Proto::Resp2 => self.header(b'*', len as u64 * 2),
            Proto::Resp3 => self.header(b'%', len as u64),
        }
    }

    /// `len` distinct elements follow.
    pub fn set(&mut self, len: usize) {
        self.aggregate(b'~', len);
    }

    /// `len` elements follow, out of band.
    pub fn push(&mut self, len: usize) {
        self.aggregate(b'>', len);
    }

    fn aggregate(&mut self, resp3_type: u8, len: usize) {
        match self.proto {
            Proto::Resp2 => self.header(b'*', len as u64),
            Proto::Resp3 => self.header(resp3_type, len as u64),
        }
    }

    /// Short numbers, which nearly all are, are written in one piece of known length.
    #[inline]
    fn header(&mut self, kind: u8, len: u64) {
        let digit = |unit: u64| b'0' + (len / unit % 10) as u8;
        match len {
            0..10 => self.out.extend_from_slice(&[kind, digit(1), b'\r', b'\n']),
            10..100 => self.out.extend_from_slice(&[kind, digit(10), digit(1), b'\r', b'\n']),
            100..1000 => {
                let text = [kind, digit(100), digit(10), digit(1), b'\r', b'\n'];
                self.out.extend_from_slice(&text);
            }
            _ => {
                let mut digits = itoa::Buffer::new();
                self.out.push(kind);
                self.out.extend_from_slice(digits.format(len).as_bytes());
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    #[inline]
    fn line(&mut self, kind: u8, text: &str) {
        self.out.push(kind);
        let from = self.out.len();
        self.out.extend_from_slice(text.as_bytes());
        for byte in &mut self.out[from..] {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Writes `number` into `text` and returns its length; every double fits 32 bytes.
fn format_double(number: f64, text: &mut [u8; 32]) -> usize {
    let mut rest = &mut text[..];
    let written = if number.is_nan() {
        write!(rest, "nan")
    } else if number.is_infinite() {
        write!(rest, "{}", if number > 0.0 { "inf" } else { "-inf" })
    } else if number == number.trunc() && number.abs() < 1e16 {
        write!(rest, "{number:.0}")
    } else {
        write!(rest, "{number:?}")
    };
    let rest_len = rest.len();
    assert!(written.is_ok(), "a double is at most 24 bytes long");
    32 - rest_len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reply: Reply<'_>, resp2: &str, resp3: &str) {
        for (proto, want) in [(Proto::Resp2, resp2), (Proto::Resp3, resp3)] {
            let mut out = Vec::new();
            Encoder::new(&mut out, proto).write(reply);
            assert_eq!(String::from_utf8_lossy(&out), want, "{reply:?} {proto:?}");
        }
    }

    #[test]
    fn tokens() {
        check(Reply::Simple("OK"), "+OK\r\n", "+OK\r\n");
        check(Reply::Error("ERR a\r\nb"), "-ERR a  b\r\n", "-ERR a  b\r\n");
        check(Reply::Integer(i64::MIN), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n");
        check(Reply::Integer(1), ":1\r\n", ":1\r\n");
        check(Reply::Bulk(b""), "$0\r\n\r\n", "$0\r\n\r\n");
        check(Reply::Bulk(b"hello world"), "$11\r\nhello world\r\n", "$11\r\nhello world\r\n");
        for len in [0, 1, 9, 10, 11, 90, 99, 100, 101, 120, 999, 1000, 1001, 12345, u32::MAX] {
            check(Reply::Array(len as usize), &format!("*{len}\r\n"), &format!("*{len}\r\n"));
        }
        check(Reply::Null, "$-1\r\n", "_\r\n");
        check(Reply::NullArray, "*-1\r\n", "_\r\n");
        check(Reply::Boolean(true), ":1\r\n", "#t\r\n");
        check(Reply::Boolean(false), ":0\r\n", "#f\r\n");
        check(Reply::BigNumber("123"), "$3\r\n123\r\n", "(123\r\n");
        check(Reply::Verbatim { format: *b"txt", text: b"hi" }, "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n");
        check(Reply::Array(3), "*3\r\n", "*3\r\n");
        check(Reply::Map(30), "*60\r\n", "%30\r\n");
        check(Reply::Set(2), "*2\r\n", "~2\r\n");
        check(Reply::Push(2), "*2\r\n", ">2\r\n");
    }

    #[test]
    fn doubles() {
        let cases = [
            (1.0, "1"),
            (-0.5, "-0.5"),
            (0.1, "0.1"),
            (1e300, "1e300"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-1.2345678901234568e-300, "-1.2345678901234568e-300"),
        ];
        for (number, text) in cases {
            let resp2 = format!("${}\r\n{text}\r\n", text.len());
            check(Reply::Double(number), &resp2, &format!(",{text}\r\n"));
        }
    }

    #[test]
    fn last_words() {
        let mut out = Vec::new();
        Encoder::new(&mut out, Proto::Resp3).protocol_error(ProtocolError::ExpectedBulk(b'\r'));
        assert_eq!(out, b"-ERR Protocol error: expected '$', got ' '\r\n");
    }

    #[test]
    #[should_panic(expected = "RESP2 has no attributes")]
    fn attributes_need_resp3() {
        Encoder::new(&mut Vec::new(), Proto::Resp2).write(Reply::Attribute(1));
    }
}
