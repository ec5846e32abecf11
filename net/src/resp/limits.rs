//! How much one request may hold, before and after its sender has said who it is.
//!
//! Owns the protocol's bounds. Invariant: every offset inside a request fits 31 bits, which is
//! what a [`Span`](super::Span) has room for.

/// Longest unfinished line: an inline request, or the digits of a count.
pub const INLINE_LEN_MAX_BYTES: usize = 64 * 1024;
/// Most arguments of one request.
pub const ARGS_MAX: usize = 1_048_576;
/// Most arguments of a short request: their count has one digit.
pub(super) const ARGS_SHORT_MAX: usize = 9;
/// Most arguments of one request before authentication.
pub const ARGS_UNAUTHENTICATED_MAX: usize = 10;
/// Longest argument before authentication.
pub const ARG_LEN_UNAUTHENTICATED_MAX_BYTES: usize = 16 * 1024;
/// Longest value unless the configuration says otherwise.
pub const VALUE_LEN_DEFAULT_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Room in a request beside its largest value: name, key, options and framing.
pub(super) const REQUEST_SLACK_BYTES: usize = 1024 * 1024;
/// Longest request under any configuration, so that offsets fit a span.
pub const REQUEST_LEN_HARD_MAX_BYTES: usize = 1 << 30;
/// Deepest nesting of a reply that a client follows.
pub const REPLY_DEPTH_MAX: usize = 16;

const _: () = assert!(REQUEST_LEN_HARD_MAX_BYTES < 1 << 31, "spans keep one bit of an offset");

/// The bounds one request is parsed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Most arguments.
    pub args_max: usize,
    /// Longest argument, bytes.
    pub arg_len_max: usize,
    /// Longest request with its framing, bytes; at most [`REQUEST_LEN_HARD_MAX_BYTES`].
    pub request_len_max: usize,
    /// Longest line, bytes.
    pub inline_len_max: usize,
    /// Whether the sender still has to authenticate: decides the wording of refusals.
    pub unauthenticated: bool,
}

impl RequestLimits {
    /// For a peer that has authenticated, or need not.
    ///
    /// `value_len_max` is the longest value the node stores, in bytes.
    #[must_use]
    pub const fn authenticated(value_len_max: usize) -> Self {
        assert!(value_len_max <= REQUEST_LEN_HARD_MAX_BYTES - REQUEST_SLACK_BYTES);
        Self {
            args_max: ARGS_MAX,
            arg_len_max: value_len_max,
            request_len_max: value_len_max + REQUEST_SLACK_BYTES,
            inline_len_max: INLINE_LEN_MAX_BYTES,
            unauthenticated: false,
        }
    }

    /// For a peer that must authenticate first: ten arguments of 16 KiB.
    #[must_use]
    pub const fn unauthenticated() -> Self {
        Self {
            args_max: ARGS_UNAUTHENTICATED_MAX,
            arg_len_max: ARG_LEN_UNAUTHENTICATED_MAX_BYTES,
            request_len_max: (ARGS_UNAUTHENTICATED_MAX + 1) * ARG_LEN_UNAUTHENTICATED_MAX_BYTES
                + INLINE_LEN_MAX_BYTES,
            inline_len_max: INLINE_LEN_MAX_BYTES,
            unauthenticated: true,
        }
    }
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self::authenticated(VALUE_LEN_DEFAULT_MAX_BYTES)
    }
}
