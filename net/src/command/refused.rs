//! Why a request is no command, in the words that clients match on.
//!
//! Owns the error texts of syntax. Cost: only texts that quote the request are allocated.

use std::fmt;

/// A request that is answered with an error and changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too few or too many arguments for this command, named in full (`client|kill`).
    WrongArity {
        /// Name in full.
        command: &'static str,
    },
    /// Options that do not exist or do not go together.
    Syntax,
    /// A number is none, or too large.
    NotInteger,
    /// A floating-point number is none.
    NotFloat,
    /// A time to live is not positive, or beyond 64 bits.
    InvalidExpire {
        /// Name of the command.
        command: &'static str,
    },
    /// A text of its own, its code first.
    Text(&'static str),
    /// A text that quotes the request, its code first.
    Quoting(Box<str>),
    /// The first line of an HTTP request: close without an answer, a browser is being abused.
    CrossProtocol,
}

impl fmt::Display for Refused {
    /// Writes the error with its code, without line ends, as `Encoder::error` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongArity { command } => {
                write!(f, "ERR wrong number of arguments for '{command}' command")
            }
            Self::Syntax => f.write_str("ERR syntax error"),
            Self::NotInteger => f.write_str("ERR value is not an integer or out of range"),
            Self::NotFloat => f.write_str("ERR value is not a valid float"),
            Self::InvalidExpire { command } => {
                write!(f, "ERR invalid expire time in '{command}' command")
            }
            Self::Text(text) => f.write_str(text),
            Self::Quoting(text) => f.write_str(text),
            Self::CrossProtocol => f.write_str("ERR this is not an HTTP port"),
        }
    }
}

impl std::error::Error for Refused {}

/// Longest quotation of a request in an error, bytes.
const QUOTE_LEN_MAX_BYTES: usize = 128;

impl Refused {
    /// `text` with the first `{}` replaced by what the client sent, shortened.
    pub(super) fn quoting(text: &str, sent: &[u8]) -> Self {
        let sent = &sent[..sent.len().min(QUOTE_LEN_MAX_BYTES)];
        Self::Quoting(text.replacen("{}", &String::from_utf8_lossy(sent), 1).into())
    }

    /// No command has this name.
    pub(super) fn unknown_command(args: crate::resp::Args<'_>) -> Self {
        let name = args.get(0);
        if name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:") {
            return Self::CrossProtocol;
        }
        let mut quoted = String::new();
        for arg in args.slice(1) {
            if quoted.len() >= QUOTE_LEN_MAX_BYTES {
                break;
            }
            let room = QUOTE_LEN_MAX_BYTES - quoted.len();
            let arg = String::from_utf8_lossy(&arg[..arg.len().min(room)]);
            quoted.push('\'');
            quoted.push_str(&arg);
            quoted.push_str("' ");
        }
        let text = format!("ERR unknown command '{{}}', with args beginning with: {quoted}");
        Self::quoting(&text, name)
    }

    /// The container has no such sub-command.
    pub(super) fn unknown_subcommand(container: &str, sent: &[u8]) -> Self {
        let help = container.to_ascii_uppercase();
        Self::quoting(&format!("ERR unknown subcommand '{{}}'. Try {help} HELP."), sent)
    }
}
