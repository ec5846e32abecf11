//! Scripts, which this version does not run.
//!
//! Owns the answers that make clients fall back: a script is never known.

use velodrome_net::command::Command;
use velodrome_net::resp::Encoder;

/// Answers EVAL and EVALSHA.
pub(crate) fn answer_script(command: &Command<'_>, out: &mut Encoder<'_>) {
    match command {
        Command::EvalSha { .. } => out.error("NOSCRIPT No matching script. Please use EVAL."),
        _ => out.error("ERR scripting is not offered: use SET IFEQ, DELIFEQ or MULTI instead"),
    }
}
