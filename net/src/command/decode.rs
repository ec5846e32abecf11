//! From a request to a command.
//!
//! Owns the order of checks: name, arity, then the command's own arguments. A server that must
//! look at a command's flags in between calls [`Spec::of`] and [`Spec::decode`] itself.

use crate::resp::Args;

use super::closed::Command;
use super::refused::Refused;
use super::spec::Spec;

impl<'a> Command<'a> {
    /// The command that the request `args` asks for.
    ///
    /// # Errors
    /// With the error to answer.
    ///
    /// # Panics
    /// When `args` is empty, which no parser gives.
    #[inline]
    pub fn decode(args: Args<'a>) -> Result<Self, Refused> {
        Spec::of(args)?.decode(args)
    }
}
