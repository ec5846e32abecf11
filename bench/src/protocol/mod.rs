//! The protocols a server may be asked in: requests to bytes, bytes to answers.
//!
//! Owns the closed list of protocols. Invariant: every protocol says the same things, so that the
//! load and its checks are the same for all. Cost: an enum's branch a request and an answer.

// Requests made beforehand.
mod template;
// memcached's text protocol.
mod memcached_text;
// memcached's meta commands.
mod memcached_meta;
// memcached's binary protocol.
mod memcached_binary;
// Reads that come back as they were sent.
mod echo;
// RESP, with net's codec.
mod resp;

use memcached_binary::BinaryParser;
use memcached_meta::MetaParser;
use memcached_text::TextParser;
pub use template::Template;
use velodrome_net::resp::ReplyParser;

use crate::workload::Kind;

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// RESP, as Redis and Valkey speak it.
    #[default]
    Resp,
    /// memcached's text protocol.
    MemcachedText,
    /// memcached's meta commands.
    MemcachedMeta,
    /// memcached's binary protocol.
    MemcachedBinary,
    /// RESP requests that come back as they are: the floor, measured with an echo server.
    Echo,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// Read one value.
    Get(&'a [u8]),
    /// Write one value that lives so many seconds, beyond 30 days until that Unix time, 0 for ever.
    Set(&'a [u8], &'a [u8], u32),
    /// Remove one key.
    Delete(&'a [u8]),
    /// Add one to a counter.
    Incr(&'a [u8]),
    /// Read many values.
    Mget(&'a [&'a [u8]]),
    /// Write many values: keys and values in turn.
    Mset(&'a [&'a [u8]]),
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<'a> {
    /// What was asked was done.
    Done,
    /// A value.
    Value(&'a [u8]),
    /// There is no such key.
    Missing,
    /// A counter's value, or how many keys were removed.
    Number(i64),
    /// Values in the order of the keys.
    Values(Vec<Option<&'a [u8]>>),
    /// The values that are there, with their keys.
    Named(Vec<(&'a [u8], &'a [u8])>),
    /// The request came back, with so many bytes.
    Echoed(usize),
    /// The server refused.
    Refused(&'a [u8]),
    /// Something no such request may be answered with.
    Strange,
}

/// Bytes that are no answer; the connection is beyond use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bytes that are no answer: {0}")]
pub struct NoAnswer(pub String);

impl NoAnswer {
    fn of(bytes: &[u8]) -> NoAnswer {
        NoAnswer(bytes[..bytes.len().min(64)].escape_ascii().to_string())
    }
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Protocol; 5] = [
        Protocol::Resp,
        Protocol::MemcachedText,
        Protocol::MemcachedMeta,
        Protocol::MemcachedBinary,
        Protocol::Echo,
    ];

    /// The name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Resp => "resp",
            Protocol::MemcachedText => "memcached-text",
            Protocol::MemcachedMeta => "memcached-meta",
            Protocol::MemcachedBinary => "memcached-binary",
            Protocol::Echo => "echo",
        }
    }

    /// Understands a name.
    pub fn parse(name: &str) -> Result<Protocol, String> {
        let known = Protocol::ALL.map(Protocol::name).join(", ");
        let found = Protocol::ALL.into_iter().find(|protocol| protocol.name() == name);
        found.ok_or_else(|| format!("`{name}` is not one of {known}"))
    }

    /// Whether the protocol has a command for `kind`.
    pub fn knows(self, kind: Kind) -> bool {
        match self {
            Protocol::Resp => true,
            Protocol::MemcachedText => kind != Kind::Mset,
            Protocol::MemcachedMeta | Protocol::MemcachedBinary => {
                !matches!(kind, Kind::Mget | Kind::Mset)
            }
            Protocol::Echo => kind == Kind::Get,
        }
    }

    /// Appends the bytes of `request` to `out`.
    ///
    /// # Panics
    /// When the protocol does not know the request; see [`Protocol::knows`].
    #[inline]
    pub fn encode(self, request: &Request<'_>, out: &mut Vec<u8>) {
        match self {
            Protocol::Resp | Protocol::Echo => resp::encode(request, out),
            Protocol::MemcachedText => memcached_text::encode(request, out),
            Protocol::MemcachedMeta => memcached_meta::encode(request, out),
            Protocol::MemcachedBinary => memcached_binary::encode(request, out),
        }
    }

    /// A parser at the start of an answer.
    pub fn parser(self) -> AnswerParser {
        match self {
            Protocol::Resp => AnswerParser::Resp(ReplyParser::new()),
            Protocol::Echo => AnswerParser::Echo,
            Protocol::MemcachedText => AnswerParser::MemcachedText(TextParser::default()),
            Protocol::MemcachedMeta => AnswerParser::MemcachedMeta(MetaParser),
            Protocol::MemcachedBinary => AnswerParser::MemcachedBinary(BinaryParser),
        }
    }
}

/// One connection's progress inside an answer.
#[derive(Debug)]
pub enum AnswerParser {
    /// RESP.
    Resp(ReplyParser),
    /// memcached's text protocol.
    MemcachedText(TextParser),
    /// memcached's meta commands.
    MemcachedMeta(MetaParser),
    /// memcached's binary protocol.
    MemcachedBinary(BinaryParser),
    /// Requests that come back.
    Echo,
}

impl AnswerParser {
    /// The answer at the start of `bytes` to a request of `kind`, with its length; `None` while it
    /// is incomplete: call again with the same bytes and more.
    ///
    /// # Errors
    /// When the bytes are no answer.
    #[inline]
    pub fn next<'a>(
        &mut self,
        bytes: &'a [u8],
        kind: Kind,
    ) -> Result<Option<(usize, Answer<'a>)>, NoAnswer> {
        match self {
            AnswerParser::Resp(parser) => resp::next(parser, bytes),
            AnswerParser::MemcachedText(parser) => parser.next(bytes, kind),
            AnswerParser::MemcachedMeta(parser) => parser.next(bytes, kind),
            AnswerParser::MemcachedBinary(parser) => parser.next(bytes, kind),
            AnswerParser::Echo => echo::next(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_understood_and_others_refused() {
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::parse(protocol.name()), Ok(protocol));
        }
        assert!(Protocol::parse("http").unwrap_err().contains("memcached-text"));
    }
}
