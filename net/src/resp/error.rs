//! What ends a connection: bytes that no longer say where a request begins.
//!
//! Owns the wording, which is Redis's, since operators search their logs for it. The text has no
//! error code; `Encoder::protocol_error` puts `ERR` before it.

use std::fmt;

/// The peer broke the protocol: answer with this text as an error, then close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// A line of an inline request has no end in sight.
    TooBigInline,
    /// A request's number of arguments has no end in sight.
    TooBigMultibulkCount,
    /// An argument's length has no end in sight.
    TooBigBulkCount,
    /// A request's number of arguments is no number, or too large.
    InvalidMultibulkLength,
    /// An argument's length is no number, negative, or too large.
    InvalidBulkLength,
    /// More arguments than are allowed before authentication.
    UnauthenticatedMultibulkLength,
    /// A longer argument than is allowed before authentication.
    UnauthenticatedBulkLength,
    /// An argument does not start with its length; holds what came instead.
    ExpectedBulk(u8),
    /// An inline request opens a quote and does not close it.
    UnbalancedQuotes,
    /// The request as a whole is longer than the limit.
    TooBigRequest,
    /// A reply (client side) starts with no known type; holds what came.
    UnknownType(u8),
    /// A reply's (client side) number or length is malformed.
    InvalidReply,
    /// A reply (client side) is nested deeper than a client follows.
    TooDeep,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::TooBigInline => "too big inline request",
            Self::TooBigMultibulkCount => "too big mbulk count string",
            Self::TooBigBulkCount => "too big bulk count string",
            Self::InvalidMultibulkLength => "invalid multibulk length",
            Self::InvalidBulkLength => "invalid bulk length",
            Self::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            Self::UnauthenticatedBulkLength => "unauthenticated bulk length",
            Self::UnbalancedQuotes => "unbalanced quotes in request",
            Self::TooBigRequest => "too big request",
            Self::InvalidReply => "malformed reply",
            Self::TooDeep => "reply nested too deeply",
            Self::ExpectedBulk(got) => {
                return write!(f, "Protocol error: expected '$', got '{}'", printable(*got));
            }
            Self::UnknownType(got) => {
                return write!(f, "Protocol error: unknown type '{}'", printable(*got));
            }
        };
        write!(f, "Protocol error: {text}")
    }
}

impl std::error::Error for ProtocolError {}

/// Line ends would break the error line they are quoted in.
fn printable(byte: u8) -> char {
    match byte {
        b'\r' | b'\n' => ' ',
        0x20..0x7f => byte as char,
        _ => '?',
    }
}
