//! What a client does with incoming bytes: one reply at a time, and requests going out.
//!
//! Owns one connection's progress inside the reply that its buffer starts with: a stack of how
//! many elements each open aggregate still lacks. A reply is measured first, resumably, and turned
//! into a [`Value`] only when it is complete and only when somebody wants it.
//! Invariant: `consumed` is exactly one reply, attributes before it included.
//! Cost: every byte of a line is looked at once, the bytes of a bulk not at all.

use memchr::memchr;

use super::error::ProtocolError;
use super::limits::{INLINE_LEN_MAX_BYTES, REPLY_DEPTH_MAX, REQUEST_LEN_HARD_MAX_BYTES};
use super::number::{parse_f64, parse_i64};

/// One complete reply, borrowing from the bytes it came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A status.
    Simple(&'a [u8]),
    /// An error, its code first.
    Error(&'a [u8]),
    /// A whole number.
    Integer(i64),
    /// Bytes.
    Bulk(&'a [u8]),
    /// Any of the protocol's nulls.
    Null,
    /// A floating-point number.
    Double(f64),
    /// True or false.
    Boolean(bool),
    /// The digits of a number of any size.
    BigNumber(&'a [u8]),
    /// Text for people, with its format.
    Verbatim {
        /// Three letters.
        format: [u8; 3],
        /// The text.
        text: &'a [u8],
    },
    /// Elements in order.
    Array(Vec<Value<'a>>),
    /// Pairs in order.
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// Distinct elements.
    Set(Vec<Value<'a>>),
    /// Elements sent out of band.
    Push(Vec<Value<'a>>),
    /// A reply and what was said about it.
    Attributed {
        /// Pairs in order.
        attributes: Vec<(Value<'a>, Value<'a>)>,
        /// The reply itself.
        value: Box<Value<'a>>,
    },
}

impl<'a> Value<'a> {
    /// The bytes of a bulk, status or verbatim text.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bulk(bytes) | Self::Simple(bytes) | Self::Verbatim { text: bytes, .. } => {
                Some(bytes)
            }
            _ => None,
        }
    }
}

/// What a reply is, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// A status; `OK` for one.
    Simple,
    /// An error.
    Error,
    /// A whole number.
    Integer(i64),
    /// Any null.
    Null,
    /// Bytes of this length.
    Bulk {
        /// Length in bytes.
        len: usize,
    },
    /// A double, boolean or big number.
    Scalar,
    /// An array, map or set.
    Aggregate {
        /// Elements; pairs of a map.
        len: usize,
    },
    /// A message out of band: no reply to any request.
    Push,
}

/// One reply's extent and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Length of the reply in bytes.
    pub consumed: usize,
    /// What it was.
    pub kind: ReplyKind,
}

/// Progress inside one connection's current reply.
#[derive(Debug, Default)]
pub struct ReplyParser {
    /// Bytes measured.
    pos: usize,
    /// Bytes searched for a line end, when beyond `pos`.
    scanned: usize,
    /// Elements each open aggregate still lacks, the outermost first.
    open: Vec<u64>,
    /// The kind of the reply at the top, once its header is read.
    kind: Option<ReplyKind>,
    /// Whether attributes stand before the reply at the top; `open[0]` then stands for it.
    attributed: bool,
}

impl ReplyParser {
    /// A parser at the start of a reply.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The reply at the start of `bytes` and its length, or `None` while it is incomplete.
    ///
    /// The same rules as for requests: after `None`, `bytes` start at the same place.
    ///
    /// # Errors
    /// When the bytes are no reply; the connection is beyond use.
    pub fn next<'a>(
        &mut self,
        bytes: &'a [u8],
    ) -> Result<Option<(usize, Value<'a>)>, ProtocolError> {
        let Some(skipped) = self.skip(bytes)? else { return Ok(None) };
        let mut rest = &bytes[..skipped.consumed];
        let value = build(&mut rest, 0)?;
        assert!(rest.is_empty(), "measuring and building agree");
        Ok(Some((skipped.consumed, value)))
    }

    /// The extent and kind of the reply at the start of `bytes`, or `None` while incomplete.
    ///
    /// # Errors
    /// When the bytes are no reply.
    #[inline]
    pub fn skip(&mut self, bytes: &[u8]) -> Result<Option<Skipped>, ProtocolError> {
        loop {
            let Some(token) = self.token(bytes)? else { return Ok(None) };
            let extent = token.extent(self.pos);
            if extent > bytes.len() {
                return Ok(None);
            }
            self.pos = extent;
            if !token.is_attribute() && self.open.len() == usize::from(self.attributed) {
                self.kind = self.kind.or(Some(token.kind()));
            }
            self.descend(&token)?;
            if self.open.is_empty() {
                let skipped = Skipped {
                    consumed: self.pos,
                    kind: self.kind.take().expect("a complete reply has a kind"),
                };
                self.pos = 0;
                self.scanned = 0;
                self.attributed = false;
                return Ok(Some(skipped));
            }
        }
    }

    /// Counts `token` against the aggregates that are open and opens its own.
    fn descend(&mut self, token: &Token) -> Result<(), ProtocolError> {
        // An attribute stands before an element without being one: that element is still owed.
        match self.open.last_mut() {
            Some(missing) if !token.is_attribute() => *missing -= 1,
            None if token.is_attribute() => {
                self.attributed = true;
                self.open.push(1);
            }
            _ => {}
        }
        if let Some(elements) = token.elements() {
            if self.open.len() > REPLY_DEPTH_MAX {
                return Err(ProtocolError::TooDeep);
            }
            self.open.push(elements);
        }
        while self.open.last() == Some(&0) {
            self.open.pop();
        }
        Ok(())
    }

    fn token(&mut self, bytes: &[u8]) -> Result<Option<Token>, ProtocolError> {
        let from = self.pos.max(self.scanned);
        let Some(rest) = bytes.get(from..) else { return Ok(None) };
        match memchr(b'\n', rest) {
            Some(at) => {
                let end = from + at;
                Token::parse(&bytes[self.pos..=end]).map(Some)
            }
            None if bytes.len() - self.pos > INLINE_LEN_MAX_BYTES => {
                Err(ProtocolError::InvalidReply)
            }
            None => {
                self.scanned = bytes.len();
                Ok(None)
            }
        }
    }
}

/// One line of a reply.
#[derive(Clone, Copy, Debug)]
struct Token {
    kind: u8,
    /// The number behind the type byte, where the type has one; −1 is a null.
    number: i64,
    /// Length of the line with its end, bytes.
    line_len: usize,
}

impl Token {
    /// Reads a line that ends in `\n`.
    fn parse(line: &[u8]) -> Result<Self, ProtocolError> {
        let [kind, text @ .., b'\r', b'\n'] = line else {
            return Err(ProtocolError::InvalidReply);
        };
        let number = match kind {
            b'+' | b'-' | b'(' => 0,
            b'_' if text.is_empty() => -1,
            b',' => parse_f64(text).map_or(Err(text), |_| Ok(0)).or_else(nan)?,
            b'#' if matches!(text, b"t" | b"f") => 0,
            b':' => parse_i64(text).ok_or(ProtocolError::InvalidReply)?,
            b'$' | b'=' | b'!' => length(text, REQUEST_LEN_HARD_MAX_BYTES)?,
            b'*' | b'~' | b'>' | b'%' | b'|' => length(text, u32::MAX as usize)?,
            b'_' | b'#' => return Err(ProtocolError::InvalidReply),
            other => return Err(ProtocolError::UnknownType(*other)),
        };
        // Only bulks and arrays have a null form of their own.
        if number < 0 && !matches!(kind, b'$' | b'*' | b'_' | b':') {
            return Err(ProtocolError::InvalidReply);
        }
        if *kind == b'=' && number < 4 {
            return Err(ProtocolError::InvalidReply);
        }
        Ok(Self { kind: *kind, number, line_len: line.len() })
    }

    /// Where the token ends when its line starts at `pos`.
    fn extent(&self, pos: usize) -> usize {
        let body_len = match self.kind {
            b'$' | b'=' | b'!' if self.number >= 0 => self.number as usize + 2,
            _ => 0,
        };
        pos + self.line_len + body_len
    }

    fn is_attribute(&self) -> bool {
        self.kind == b'|'
    }

    /// Elements that follow, when the token opens an aggregate that has any.
    fn elements(&self) -> Option<u64> {
        let number = u64::try_from(self.number).ok().filter(|number| *number > 0)?;
        match self.kind {
            b'*' | b'~' | b'>' => Some(number),
            b'%' | b'|' => Some(number * 2),
            _ => None,
        }
    }

    fn kind(&self) -> ReplyKind {
        let len = self.number.max(0) as usize;
        match self.kind {
            b'+' => ReplyKind::Simple,
            b'-' | b'!' => ReplyKind::Error,
            b':' => ReplyKind::Integer(self.number),
            b'>' => ReplyKind::Push,
            b'$' | b'*' | b'_' if self.number < 0 => ReplyKind::Null,
            b'$' => ReplyKind::Bulk { len },
            b'=' => ReplyKind::Bulk { len: len - 4 },
            b'*' | b'~' | b'%' => ReplyKind::Aggregate { len },
            _ => ReplyKind::Scalar,
        }
    }
}

/// A double may also be `nan`, which no other number may.
fn nan(text: &[u8]) -> Result<i64, ProtocolError> {
    if matches!(text, b"nan" | b"-nan") { Ok(0) } else { Err(ProtocolError::InvalidReply) }
}

fn length(text: &[u8], len_max: usize) -> Result<i64, ProtocolError> {
    match parse_i64(text) {
        Some(len) if (-1..=len_max as i64).contains(&len) => Ok(len),
        _ => Err(ProtocolError::InvalidReply),
    }
}

/// Builds the value at the start of `rest`, which is known to be complete, and moves past it.
fn build<'a>(rest: &mut &'a [u8], depth: usize) -> Result<Value<'a>, ProtocolError> {
    let bytes = *rest;
    let line_end = memchr(b'\n', bytes).ok_or(ProtocolError::InvalidReply)?;
    let token = Token::parse(&bytes[..=line_end])?;
    let extent = token.extent(0);
    let text = &bytes[1..token.line_len - 2];
    let body = &bytes[token.line_len..extent.max(token.line_len + 2) - 2];
    *rest = &bytes[extent..];
    assert!(depth <= REPLY_DEPTH_MAX + 1, "measuring has bounded the depth");
    Ok(match token.kind {
        b'+' => Value::Simple(text),
        b'-' => Value::Error(text),
        b'!' => Value::Error(body),
        b':' => Value::Integer(token.number),
        b'$' | b'*' | b'_' if token.number < 0 => Value::Null,
        b'$' => Value::Bulk(body),
        b',' => Value::Double(parse_f64(text).unwrap_or(f64::NAN)),
        b'#' => Value::Boolean(text == b"t"),
        b'(' => Value::BigNumber(text),
        b'=' => Value::Verbatim { format: [body[0], body[1], body[2]], text: &body[4..] },
        b'*' => Value::Array(elements(rest, token.number, depth)?),
        b'~' => Value::Set(elements(rest, token.number, depth)?),
        b'>' => Value::Push(elements(rest, token.number, depth)?),
        b'%' => Value::Map(pairs(rest, token.number, depth)?),
        _ => {
            let attributes = pairs(rest, token.number, depth)?;
            attributed(rest, attributes, depth)?
        }
    })
}

/// Builds what stands behind `attributes`; further ones join them, so that a chain of attributes
/// costs no depth.
fn attributed<'a>(
    rest: &mut &'a [u8],
    mut attributes: Vec<(Value<'a>, Value<'a>)>,
    depth: usize,
) -> Result<Value<'a>, ProtocolError> {
    while let [b'|', ..] = rest {
        let line_end = memchr(b'\n', rest).ok_or(ProtocolError::InvalidReply)?;
        let token = Token::parse(&rest[..=line_end])?;
        *rest = &rest[token.line_len..];
        attributes.extend(pairs(rest, token.number, depth)?);
    }
    Ok(Value::Attributed { attributes, value: Box::new(build(rest, depth + 1)?) })
}

fn elements<'a>(
    rest: &mut &'a [u8],
    len: i64,
    depth: usize,
) -> Result<Vec<Value<'a>>, ProtocolError> {
    (0..len).map(|_| build(rest, depth + 1)).collect()
}

fn pairs<'a>(
    rest: &mut &'a [u8],
    len: i64,
    depth: usize,
) -> Result<Vec<(Value<'a>, Value<'a>)>, ProtocolError> {
    (0..len).map(|_| Ok((build(rest, depth + 1)?, build(rest, depth + 1)?))).collect()
}

/// Appends the request of these arguments to `out`.
pub fn encode_command(out: &mut Vec<u8>, args: &[&[u8]]) {
    let mut digits = itoa::Buffer::new();
    out.push(b'*');
    out.extend_from_slice(digits.format(args.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    for arg in args {
        out.push(b'$');
        out.extend_from_slice(digits.format(arg.len()).as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}
