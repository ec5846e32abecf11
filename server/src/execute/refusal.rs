//! Refusals in the words that clients match on.
//!
//! Owns the error texts of commands on data. Cost: only a refusal with numbers is formatted.

use velodrome_engine::{Effects, Engine, Refused};
use velodrome_net::resp::Encoder;

/// A value would be longer than the limit.
const TOO_LONG: &str = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";

/// Writes why the engine refused.
#[cold]
pub(super) fn refuse<E: Effects>(engine: &Engine<E>, refused: &Refused, out: &mut Encoder<'_>) {
    match refused {
        Refused::OutOfMemory { .. } | Refused::TooManyItems { .. } => {
            out.error("OOM command not allowed when used memory > 'maxmemory'.");
        }
        Refused::NotAnInteger => out.error("ERR value is not an integer or out of range"),
        Refused::Overflow => out.error("ERR increment or decrement would overflow"),
        Refused::ItemTooLong { len, .. } if *len > engine.limits().value_len_max => {
            out.error(TOO_LONG);
        }
        Refused::ItemTooLong { .. } | Refused::KeyTooLong { .. } => {
            out.error(&format!("ERR {refused}"));
        }
    }
}

/// Writes that a value would be too long.
#[cold]
pub(super) fn too_long(out: &mut Encoder<'_>) {
    out.error(TOO_LONG);
}

/// Writes that a deadline is beyond what 64 bits hold.
#[cold]
pub(super) fn invalid_expire(command: &'static str, out: &mut Encoder<'_>) {
    out.error(&velodrome_net::command::Refused::InvalidExpire { command }.to_string());
}
