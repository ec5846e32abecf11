//! The closed set of tokens a reply is made of.
//!
//! Owns what can be said to a client, not how: aggregates are headers, their elements follow as
//! tokens of their own, so that a long reply is written in slices.

/// Which version of the protocol a connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proto {
    /// What every connection starts with.
    #[default]
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

impl Proto {
    /// 2 or 3, as HELLO says it.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Resp2 => 2,
            Self::Resp3 => 3,
        }
    }
}

/// One token of a reply.
///
/// | token | RESP3 | RESP2 |
/// |---|---|---|
/// | `Null` | `_` | `$-1` |
/// | `NullArray` | `_` | `*-1` |
/// | `Double` | `,` | bulk |
/// | `Boolean` | `#t` `#f` | `:1` `:0` |
/// | `BigNumber` | `(` | bulk |
/// | `Verbatim` | `=` | bulk |
/// | `Map(n)` | `%n` | `*2n` |
/// | `Set(n)` `Push(n)` | `~n` `>n` | `*n` |
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reply<'a> {
    /// A short status without line ends, such as `OK`.
    Simple(&'a str),
    /// An error, its code first, without line ends: `ERR syntax error`.
    Error(&'a str),
    /// A whole number.
    Integer(i64),
    /// Bytes.
    Bulk(&'a [u8]),
    /// Nothing, where bytes were expected.
    Null,
    /// Nothing, where an array was expected.
    NullArray,
    /// A floating-point number.
    Double(f64),
    /// True or false.
    Boolean(bool),
    /// The decimal digits of a number of any size.
    BigNumber(&'a str),
    /// Text for people, with its format (`txt`, `mkd`).
    Verbatim {
        /// Three ASCII letters.
        format: [u8; 3],
        /// The text.
        text: &'a [u8],
    },
    /// This many elements follow.
    Array(usize),
    /// This many pairs follow.
    Map(usize),
    /// This many distinct elements follow.
    Set(usize),
    /// This many elements follow, out of band.
    Push(usize),
    /// This many pairs follow about the reply behind them; exists in RESP3 only.
    Attribute(usize),
}
