//! What is known about a command without running it.
//!
//! Owns the shape of one row of the table. Cost: static data only.

use crate::resp::Args;

use super::closed::Command;
use super::refused::Refused;

/// Reads the arguments of a request whose name and arity are already right.
pub(super) type Decode = for<'a> fn(Args<'a>) -> Result<Command<'a>, Refused>;

/// One command or sub-command.
#[derive(Clone, Copy)]
pub struct Spec {
    /// Lower-case name; a sub-command's own, without its container.
    pub name: &'static str,
    /// Lower-case name in full: `client|kill`.
    pub full_name: &'static str,
    /// Arguments with the name (and the container's); negative for "at least".
    pub arity: i32,
    /// What the command does and when it may.
    pub flags: Flags,
    /// Where its keys are.
    pub keys: &'static [KeySpec],
    /// ACL categories beyond those that follow from the flags, without `@`.
    pub categories: &'static [&'static str],
    /// Hints for clients that talk to many nodes.
    pub tips: &'static [&'static str],
    /// Version of Redis (or of Valkey, where it alone has the command) that brought it.
    pub since: &'static str,
    /// Group in the documentation.
    pub group: &'static str,
    /// One line about it.
    pub summary: &'static str,
    /// Cost in terms of the dataset.
    pub complexity: &'static str,
    /// What it takes.
    pub args: &'static [Arg],
    /// Its sub-commands, when it is a container.
    pub subcommands: &'static [Spec],
    pub(super) decode: Decode,
}

/// A set of properties of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub(super) u32);

/// Where keys are among the arguments and what is done to them.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// Names of its flags: `RW`, `access`, ….
    pub flags: &'static [&'static str],
    /// A remark for people.
    pub notes: Option<&'static str>,
    /// Index of the first key, or of the count before it.
    pub begin: usize,
    /// How the rest are found.
    pub find: FindKeys,
}

/// How keys follow from where they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindKeys {
    /// Up to `last` after the beginning (negative: counted from the end), every `step`-th.
    Range {
        /// Relative to the beginning, or −1 for the last argument.
        last: i32,
        /// Distance from key to key.
        step: usize,
    },
    /// A number of keys stands at the beginning, they follow.
    Counted,
}

/// One argument in the documentation.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Name.
    pub name: &'static str,
    /// Type.
    pub kind: ArgKind,
    /// Word that announces it.
    pub token: Option<&'static str>,
    /// Which key specification it belongs to.
    pub key_spec: Option<u8>,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// Version that brought it.
    pub since: Option<&'static str>,
    /// Its parts, when it is a choice or a block.
    pub args: &'static [Arg],
}

/// Types of arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// Bytes.
    String,
    /// A whole number.
    Integer,
    /// A floating-point number.
    Double,
    /// A key.
    Key,
    /// A glob.
    Pattern,
    /// Seconds or milliseconds since 1970.
    UnixTime,
    /// Only its token.
    PureToken,
    /// One of its parts.
    OneOf,
    /// All of its parts.
    Block,
}
