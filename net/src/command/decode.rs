//! From a request to a command.
//!
//! Owns the order of checks: name, arity, then the command's own arguments.

use crate::resp::Args;

use super::closed::Command;
use super::refused::Refused;

impl<'a> Command<'a> {
    /// The command that the request `args` asks for.
    ///
    /// # Errors
    /// With the error to answer.
    ///
    /// # Panics
    /// When `args` is empty, which no parser gives.
    pub fn decode(args: Args<'a>) -> Result<Self, Refused> {
        Err(Refused::unknown_command(args))
    }
}
