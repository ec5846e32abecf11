//! What a server does with incoming bytes: one request at a time.
//!
//! ```text
//! *3\r\n  $3\r\n SET\r\n  $1\r\n k\r\n  $5\r\n value\r\n      or an inline line:  SET k value\r\n
//! └ args_left            └ pos: understood up to here
//! ```
//!
//! Owns one connection's progress inside the request that its buffer starts with.
//! Invariant: the outcome depends on the bytes only, never on where they were cut.
//! Cost: O(1) work a byte in total; a request that arrives whole touches no heap of the parser,
//! and a short one takes the way of `short.rs`.

use memchr::memchr;

use super::args::{ArgBuf, Span};
use super::error::ProtocolError;
use super::inline;
use super::limits::{ARGS_MAX, REQUEST_LEN_HARD_MAX_BYTES, RequestLimits};
use super::number::parse_i64;
use super::short;

/// What a connection's buffer starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// One request; its spans were appended, the next request starts `consumed` bytes further.
    Command {
        /// Length of the request in bytes.
        consumed: usize,
    },
    /// A blank line, `*0` or `*-1`: nothing to answer.
    Empty {
        /// Length of the nothing in bytes.
        consumed: usize,
    },
    /// The request goes on; keep its bytes and call again with more behind them.
    Incomplete {
        /// Bytes known to be missing, at least 1.
        hint: usize,
    },
    /// Answer with the error's text and close.
    Refused(ProtocolError),
}

/// No length of the next argument is known yet.
const UNKNOWN: u32 = u32::MAX;

/// Progress inside one connection's current request.
#[derive(Debug)]
pub struct RequestParser {
    /// Arguments found so far, when the request did not arrive whole.
    partial: Vec<Span>,
    /// Bytes understood.
    pos: u32,
    /// Bytes searched for a line end, when beyond `pos`.
    scanned: u32,
    /// Arguments still missing; 0 before the count is known.
    args_left: u32,
    /// Length of the argument at `pos`, or `UNKNOWN`.
    bulk_len: u32,
}

impl Default for RequestParser {
    fn default() -> Self {
        Self { partial: Vec::new(), pos: 0, scanned: 0, args_left: 0, bulk_len: UNKNOWN }
    }
}

impl RequestParser {
    /// A parser at the start of a request.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at `bytes`, which start where the current request starts, and appends the spans of
    /// that request to `args` when it is complete; `args` is as it was otherwise.
    ///
    /// After `Command` and `Empty` the next call's bytes start `consumed` further; after
    /// `Incomplete` they start at the same place and are at least as many.
    ///
    /// # Panics
    /// When `bytes` are fewer than those of the `Incomplete` before.
    #[inline]
    pub fn next(&mut self, bytes: &[u8], args: &mut ArgBuf, limits: &RequestLimits) -> Parsed {
        debug_assert!(limits.request_len_max <= REQUEST_LEN_HARD_MAX_BYTES, "spans have 31 bits");
        if self.args_left == 0
            && let Some(consumed) = short::request(bytes, &mut args.spans, limits)
        {
            self.scanned = 0;
            return Parsed::Command { consumed };
        }
        self.next_of_any_form(bytes, args, limits)
    }

    /// Goes on with a request that is not short, or not whole.
    fn next_of_any_form(
        &mut self,
        bytes: &[u8],
        args: &mut ArgBuf,
        limits: &RequestLimits,
    ) -> Parsed {
        if self.args_left == 0 {
            match bytes.first() {
                None => return Parsed::Incomplete { hint: 1 },
                Some(b'*') => {}
                Some(_) => return self.inline(bytes, args, limits),
            }
            if let Err(outcome) = self.header(bytes, limits) {
                return outcome;
            }
        }
        if self.partial.is_empty() {
            let before = args.spans.len();
            let outcome = self.bulks(bytes, &mut args.spans, limits);
            if !matches!(outcome, Parsed::Command { .. }) {
                self.partial.extend(args.spans.drain(before..));
            }
            self.settle(outcome)
        } else {
            let mut partial = std::mem::take(&mut self.partial);
            let outcome = self.bulks(bytes, &mut partial, limits);
            if matches!(outcome, Parsed::Command { .. }) {
                args.spans.append(&mut partial);
            } else {
                self.partial = partial;
            }
            self.settle(outcome)
        }
    }

    /// Heap bytes held for the unfinished request, to be counted with the client's memory.
    #[must_use]
    pub fn memory_len(&self) -> usize {
        self.partial.capacity() * size_of::<Span>()
    }

    /// Where the argument lies that bytes are missing of, as (offset, length) in the request.
    #[must_use]
    pub fn pending_argument(&self) -> Option<(usize, usize)> {
        (self.bulk_len != UNKNOWN).then_some((self.pos as usize, self.bulk_len as usize))
    }

    /// Leaves the parser ready for the next request unless this one goes on.
    #[inline]
    fn settle(&mut self, outcome: Parsed) -> Parsed {
        if !matches!(outcome, Parsed::Incomplete { .. }) {
            self.pos = 0;
            self.scanned = 0;
            self.args_left = 0;
            self.bulk_len = UNKNOWN;
            if self.partial.capacity() > 0 {
                self.partial = Vec::new();
            }
        }
        outcome
    }

    /// Reads `*<count>\r\n`; an error carries the outcome when no argument is to be read.
    #[inline]
    fn header(&mut self, bytes: &[u8], limits: &RequestLimits) -> Result<(), Parsed> {
        let (count, next) = match short::number(bytes, 0, b'*') {
            Some((count, next)) => (Some(i64::from(count)), next),
            None => match self.line(bytes, limits.inline_len_max) {
                Line::Text { end, next } => (parse_i64(&bytes[1..end]), next),
                Line::Missing => return Err(Parsed::Incomplete { hint: 1 }),
                Line::TooLong => return Err(self.refuse(ProtocolError::TooBigMultibulkCount)),
            },
        };
        match count {
            Some(count) if count <= 0 => Err(self.settle(Parsed::Empty { consumed: next })),
            Some(count) if count <= limits.args_max.min(ARGS_MAX) as i64 => {
                self.pos = next as u32;
                self.args_left = count as u32;
                Ok(())
            }
            Some(count) if limits.unauthenticated && count <= i64::from(i32::MAX) => {
                Err(self.refuse(ProtocolError::UnauthenticatedMultibulkLength))
            }
            _ => Err(self.refuse(ProtocolError::InvalidMultibulkLength)),
        }
    }

    /// Reads arguments into `spans` until the request is complete or the bytes end.
    fn bulks(&mut self, bytes: &[u8], spans: &mut Vec<Span>, limits: &RequestLimits) -> Parsed {
        assert!(bytes.len() >= self.pos as usize, "a request's bytes do not vanish");
        let mut pos = self.pos as usize;
        while self.args_left > 0 {
            let len = if self.bulk_len != UNKNOWN {
                self.bulk_len as usize
            } else if let Some((len, next)) = short::number(bytes, pos, b'$')
                && len as usize <= limits.arg_len_max
                && next + (len as usize) < limits.request_len_max
            {
                pos = next;
                len as usize
            } else {
                self.pos = pos as u32;
                match self.bulk_header(bytes, limits) {
                    Ok((len, next)) => {
                        pos = next;
                        len
                    }
                    Err(outcome) => return outcome,
                }
            };
            let end = pos + len + 2;
            if end > bytes.len() {
                self.pos = pos as u32;
                self.bulk_len = len as u32;
                return Parsed::Incomplete { hint: end - bytes.len() };
            }
            spans.push(Span::of_request(pos, len));
            pos = end;
            self.bulk_len = UNKNOWN;
            self.args_left -= 1;
        }
        Parsed::Command { consumed: pos }
    }

    /// Reads `$<length>\r\n` at `pos` in all its odd forms; gives the length and where the
    /// argument starts.
    #[cold]
    fn bulk_header(
        &mut self,
        bytes: &[u8],
        limits: &RequestLimits,
    ) -> Result<(usize, usize), Parsed> {
        let pos = self.pos as usize;
        let (end, next) = match self.line(bytes, limits.inline_len_max) {
            Line::Text { end, next } => (end, next),
            Line::Missing => return Err(Parsed::Incomplete { hint: 1 }),
            Line::TooLong => return Err(Parsed::Refused(ProtocolError::TooBigBulkCount)),
        };
        if bytes[pos] != b'$' {
            return Err(Parsed::Refused(ProtocolError::ExpectedBulk(bytes[pos])));
        }
        let len = match parse_i64(&bytes[pos + 1..end]) {
            Some(len) if (0..=REQUEST_LEN_HARD_MAX_BYTES as i64).contains(&len) => len as usize,
            _ => return Err(Parsed::Refused(ProtocolError::InvalidBulkLength)),
        };
        if len > limits.arg_len_max {
            return Err(Parsed::Refused(if limits.unauthenticated {
                ProtocolError::UnauthenticatedBulkLength
            } else {
                ProtocolError::InvalidBulkLength
            }));
        }
        if next + len >= limits.request_len_max.min(REQUEST_LEN_HARD_MAX_BYTES) {
            return Err(Parsed::Refused(ProtocolError::TooBigRequest));
        }
        Ok((len, next))
    }

    /// Reads a line typed by hand.
    #[cold]
    fn inline(&mut self, bytes: &[u8], args: &mut ArgBuf, limits: &RequestLimits) -> Parsed {
        let from = self.scanned as usize;
        let stop = bytes.len().min(limits.inline_len_max + 1);
        let Some(at) = memchr(b'\n', &bytes[from..stop]) else {
            if bytes.len() > limits.inline_len_max {
                return self.refuse(ProtocolError::TooBigInline);
            }
            self.scanned = stop as u32;
            return Parsed::Incomplete { hint: 1 };
        };
        let end = from + at;
        let consumed = end + 1;
        let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
        let before = (args.spans.len(), args.unescaped.len());
        let outcome = match inline::split(line, args) {
            Err(inline::Unbalanced) => Parsed::Refused(ProtocolError::UnbalancedQuotes),
            Ok(0) => Parsed::Empty { consumed },
            Ok(count) if count <= limits.args_max => Parsed::Command { consumed },
            Ok(_) => Parsed::Refused(if limits.unauthenticated {
                ProtocolError::UnauthenticatedMultibulkLength
            } else {
                ProtocolError::InvalidMultibulkLength
            }),
        };
        if !matches!(outcome, Parsed::Command { .. }) {
            args.spans.truncate(before.0);
            args.unescaped.truncate(before.1);
        }
        self.settle(outcome)
    }

    /// Finds the end of the line at `pos`, remembering what was searched.
    fn line(&mut self, bytes: &[u8], len_max: usize) -> Line {
        let pos = self.pos as usize;
        let from = pos.max(self.scanned as usize);
        let stop = bytes.len().min(pos + len_max + 1);
        match memchr(b'\r', &bytes[from..stop]) {
            None if bytes.len() - pos > len_max => Line::TooLong,
            None => {
                self.scanned = stop as u32;
                Line::Missing
            }
            Some(at) if from + at + 1 >= bytes.len() => {
                self.scanned = (from + at) as u32;
                Line::Missing
            }
            Some(at) => Line::Text { end: from + at, next: from + at + 2 },
        }
    }

    fn refuse(&mut self, error: ProtocolError) -> Parsed {
        self.settle(Parsed::Refused(error))
    }
}

enum Line {
    /// The text ends before `end`, the next token starts at `next`.
    Text {
        end: usize,
        next: usize,
    },
    Missing,
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8], limits: &RequestLimits) -> (Parsed, Vec<Vec<u8>>) {
        let mut args = ArgBuf::new();
        let parsed = RequestParser::new().next(bytes, &mut args, limits);
        (parsed, args.args(bytes).iter().map(<[u8]>::to_vec).collect())
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], limits: &RequestLimits, text: &str) {
        match parse(bytes, limits).0 {
            Parsed::Refused(error) => assert_eq!(error.to_string(), text),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_command() {
        let (parsed, args) = parse(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1", &RequestLimits::default());
        assert_eq!(parsed, Parsed::Command { consumed: 20 });
        assert_eq!(args, [&b"GET"[..], b"k"]);
    }

    #[test]
    fn nothing_to_answer() {
        for (bytes, consumed) in
            [(&b"\r\n"[..], 2), (b"\n", 1), (b"  \r\n", 4), (b"*0\r\n", 4), (b"*-1\r\n", 5)]
        {
            let limits = RequestLimits::default();
            assert_eq!(parse(bytes, &limits).0, Parsed::Empty { consumed }, "{bytes:?}");
        }
    }

    #[test]
    fn hints_say_what_is_missing() {
        let limits = RequestLimits::default();
        for (bytes, hint) in
            [(&b""[..], 1), (b"*1\r\n$10\r\nabc", 9), (b"*1\r\n", 1), (b"*1\r\n$1\r\na\r", 1)]
        {
            assert_eq!(parse(bytes, &limits).0, Parsed::Incomplete { hint }, "{bytes:?}");
        }
    }

    #[test]
    fn refusals() {
        let limits = RequestLimits::default();
        let long = |start: &str| [start.as_bytes(), &[b'1'; 65 * 1024]].concat();
        let cases: &[(&[u8], &str)] = &[
            (b"*a\r\n", "invalid multibulk length"),
            (b"*\r\n", "invalid multibulk length"),
            (b"*01\r\n", "invalid multibulk length"),
            (b"*1048577\r\n", "invalid multibulk length"),
            (b"*3000000000\r\n", "invalid multibulk length"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$x\r\n", "invalid bulk length"),
            (b"*1\r\n$67108865\r\n", "invalid bulk length"),
            (b"*1\r\n$99999999999999999999\r\n", "invalid bulk length"),
            (b"*1\r\n:1\r\n", "expected '$', got ':'"),
            (b"*1\r\n\r\n", "expected '$', got ' '"),
            (b"get \"a\r\n", "unbalanced quotes in request"),
            (&long("a"), "too big inline request"),
            (&long("*"), "too big mbulk count string"),
            (&long("*1\r\n$"), "too big bulk count string"),
        ];
        for (bytes, text) in cases {
            check_refused(bytes, &limits, &format!("Protocol error: {text}"));
        }
    }

    #[test]
    fn a_refused_line_leaves_nothing_behind() {
        let mut args = ArgBuf::new();
        for line in [&b"a 'b' \"c\r\n"[..], b"\"\r\n"] {
            let parsed = RequestParser::new().next(line, &mut args, &RequestLimits::default());
            assert_eq!(parsed, Parsed::Refused(ProtocolError::UnbalancedQuotes));
            assert!(args.spans.is_empty() && args.unescaped.is_empty());
        }
    }

    #[test]
    fn strangers_get_less_room() {
        let limits = RequestLimits::unauthenticated();
        let error = "Protocol error: unauthenticated multibulk length";
        check_refused(b"*11\r\n", &limits, error);
        check_refused(b"a b c d e f g h i j k\r\n", &limits, error);
        check_refused(b"*1\r\n$16385\r\n", &limits, "Protocol error: unauthenticated bulk length");
        assert_eq!(parse(b"*10\r\n$16384\r\n", &limits).0, Parsed::Incomplete { hint: 16386 });
    }

    #[test]
    fn the_whole_request_is_bounded() {
        let limits = RequestLimits { request_len_max: 40, ..RequestLimits::default() };
        let bytes = b"*9\r\n$9\r\n123456789\r\n$9\r\n123456789\r\n$9\r\n123456789\r\n";
        check_refused(bytes, &limits, "Protocol error: too big request");
    }
}
