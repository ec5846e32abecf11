//! The RESP protocol's bytes, both versions, for servers and for clients.
//!
//! Owns parsing and encoding and nothing else: bytes come in as slices, answers go out into a
//! caller's `Vec`, no call blocks, allocates per argument or reads a clock.
//! Invariant: a stream cut anywhere gives what the uncut stream gives.
//! Cost: every byte is looked at once, however many pieces it arrives in.

// What a server does with incoming bytes: one request at a time.
mod request;
// Short requests that lie in the buffer whole.
mod short;
// Requests typed by hand, with quotes and escapes.
mod inline;
// What a client does with incoming bytes: one reply at a time, and requests going out.
mod client;
// Replies on their way out.
mod encoder;
// The closed set of tokens a reply is made of.
mod reply;
// A request's arguments, in place.
mod args;
// What ends a connection.
mod error;
// The strict decimal numbers of the protocol.
mod number;
// How much a peer may send.
mod limits;

pub use args::{ArgBuf, Args, ArgsIter, Span};
pub use client::{ReplyKind, ReplyParser, Skipped, Value, encode_command};
pub use encoder::Encoder;
pub use error::ProtocolError;
pub use limits::{
    ARG_LEN_UNAUTHENTICATED_MAX_BYTES, ARGS_MAX, ARGS_UNAUTHENTICATED_MAX, INLINE_LEN_MAX_BYTES,
    REPLY_DEPTH_MAX, REQUEST_LEN_HARD_MAX_BYTES, RequestLimits, VALUE_LEN_DEFAULT_MAX_BYTES,
};
pub use number::{parse_f64, parse_i64};
pub use reply::{Proto, Reply};
pub use request::{Parsed, RequestParser};
