//! What is known about a command without running it.
//!
//! Owns the shape of one row of the table and how a row is written down.
//! Cost: static data only.

use crate::resp::Args;

use super::closed::Command;
use super::flags::{ADMIN, FAST, Flags, MOVABLE_KEYS, NO_MANDATORY_KEYS, READONLY, WRITE};
use super::refused::Refused;

/// Reads the arguments of a request whose name and arity are already right.
pub(super) type Decode = for<'a> fn(Args<'a>) -> Result<Command<'a>, Refused>;

/// One command or sub-command.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// A number below `SPEC_COUNT` of its own, for arrays of what is counted by command; it may
    /// differ from build to build.
    pub id: u16,
    /// Lower-case name; a sub-command's own, without its container.
    pub name: &'static str,
    /// Lower-case name in full: `client|kill`.
    pub full_name: &'static str,
    /// Number of arguments, the name and the container's included; negative for "at least".
    pub arity: i32,
    /// What the command does and when it may.
    pub flags: Flags,
    /// Where its keys are.
    pub keys: &'static [KeySpec],
    /// Whether it runs on the shard of its key, when it has just one.
    pub runs_at_its_key: bool,
    /// ACL categories beyond those that follow from the flags, without `@`.
    pub categories: &'static [&'static str],
    /// Hints for clients that talk to many nodes.
    pub tips: &'static [&'static str],
    /// Version of Redis, or of Valkey where it alone has the command, that brought it.
    pub since: &'static str,
    /// Version that advises against it and what to use instead.
    pub deprecated: Option<(&'static str, &'static str)>,
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
    decode: Decode,
}

impl Spec {
    pub(super) const fn new(
        full_name: &'static str,
        arity: i32,
        flags: Flags,
        decode: Decode,
    ) -> Self {
        Self {
            id: u16::MAX,
            name: own_name(full_name),
            full_name,
            arity,
            flags,
            keys: &[],
            runs_at_its_key: true,
            categories: &[],
            tips: &[],
            since: "",
            deprecated: None,
            group: "",
            summary: "",
            complexity: "",
            args: &[],
            subcommands: &[],
            decode,
        }
    }

    pub(super) const fn about(
        mut self,
        group: &'static str,
        since: &'static str,
        complexity: &'static str,
        summary: &'static str,
    ) -> Self {
        self.group = group;
        self.since = since;
        self.complexity = complexity;
        self.summary = summary;
        self
    }

    pub(super) const fn categories(mut self, categories: &'static [&'static str]) -> Self {
        self.categories = categories;
        self
    }

    pub(super) const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    pub(super) const fn deprecated(mut self, since: &'static str, instead: &'static str) -> Self {
        self.deprecated = Some((since, instead));
        self
    }

    pub(super) const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        if let [KeySpec { find: FindKeys::Counted, .. }, ..] = keys {
            self.flags = self.flags.and(MOVABLE_KEYS).and(NO_MANDATORY_KEYS);
        }
        self.keys = keys;
        self
    }

    /// Its keys say nothing about where it runs.
    pub(super) const fn runs_here(mut self) -> Self {
        self.runs_at_its_key = false;
        self
    }

    pub(super) const fn args(mut self, args: &'static [Arg]) -> Self {
        self.args = args;
        self
    }

    pub(super) const fn subcommands(mut self, subcommands: &'static [Self]) -> Self {
        self.subcommands = subcommands;
        self
    }

    /// Whether a request of `len` arguments has as many as this takes.
    #[inline]
    #[must_use]
    pub const fn takes(&self, len: usize) -> bool {
        let (len, arity) = (len as i64, self.arity as i64);
        len == arity || (arity < 0 && len >= -arity)
    }

    /// Reads a request that was found to be this command's by [`Spec::of`](Spec::of).
    ///
    /// # Errors
    /// With the error to answer.
    #[inline]
    pub fn decode<'a>(&self, args: Args<'a>) -> Result<Command<'a>, Refused> {
        debug_assert!(self.takes(args.len()));
        (self.decode)(args)
    }

    /// The key of a request that has just one, as far as the table tells without decoding it: what
    /// may be fetched ahead.
    #[inline]
    #[must_use]
    pub fn only_key<'a>(&self, args: Args<'a>) -> Option<&'a [u8]> {
        let keys = self.keys.first()?;
        let only = match keys.find {
            FindKeys::One => true,
            FindKeys::ToEnd { step } => args.len() <= keys.begin + step,
            FindKeys::Counted => false,
        };
        if only { args.try_get(keys.begin) } else { None }
    }

    /// Whether it belongs to an ACL category, named without `@`.
    #[must_use]
    pub fn in_category(&self, category: &str) -> bool {
        match category {
            "write" => self.flags.contains(WRITE),
            "read" => self.flags.contains(READONLY),
            "fast" => self.flags.contains(FAST),
            "slow" => !self.flags.contains(FAST),
            "admin" | "dangerous" if self.flags.contains(ADMIN) => true,
            other => self.categories.contains(&other),
        }
    }
}

/// Stands in the row of a container that cannot be called without a sub-command: its arity, and
/// the look-up of sub-commands, let no request through.
pub(super) fn container(_: Args<'_>) -> Result<Command<'_>, Refused> {
    Err(Refused::Syntax)
}

/// `kill` of `client|kill`.
const fn own_name(full_name: &'static str) -> &'static str {
    let bytes = full_name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'|' {
            return full_name.split_at(at + 1).1;
        }
        at += 1;
    }
    full_name
}

/// Where keys are among the arguments and what is done to them.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// Names of its flags: `RW`, `access`, ….
    pub flags: &'static [&'static str],
    /// Index of the first key, or of the count before it.
    pub begin: usize,
    /// How the rest are found.
    pub find: FindKeys,
}

/// How keys follow from where they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindKeys {
    /// The one at the beginning.
    One,
    /// From the beginning to the last argument, every `step`-th.
    ToEnd {
        /// Distance from key to key.
        step: usize,
    },
    /// The number of keys stands at the beginning, they follow.
    Counted,
}

impl KeySpec {
    pub(super) const fn one(begin: usize, flags: &'static [&'static str]) -> Self {
        Self { flags, begin, find: FindKeys::One }
    }

    pub(super) const fn to_end(begin: usize, step: usize, flags: &'static [&'static str]) -> Self {
        Self { flags, begin, find: FindKeys::ToEnd { step } }
    }

    pub(super) const fn counted(begin: usize, flags: &'static [&'static str]) -> Self {
        Self { flags, begin, find: FindKeys::Counted }
    }
}

/// One argument in the documentation.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Name.
    pub name: &'static str,
    /// Type, as it is called on the wire.
    pub kind: &'static str,
    /// Word that announces it.
    pub token: Option<&'static str>,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// Version that brought it.
    pub since: Option<&'static str>,
    /// Its parts, when it is a choice or a block.
    pub args: &'static [Arg],
}

/// The argument most commands start with.
pub(super) const KEY: Arg = Arg::of("key", "key", &[]);

impl Arg {
    const fn of(name: &'static str, kind: &'static str, args: &'static [Self]) -> Self {
        Self { name, kind, token: None, optional: false, multiple: false, since: None, args }
    }

    pub(super) const fn string(name: &'static str) -> Self {
        Self::of(name, "string", &[])
    }

    pub(super) const fn integer(name: &'static str) -> Self {
        Self::of(name, "integer", &[])
    }

    pub(super) const fn double(name: &'static str) -> Self {
        Self::of(name, "double", &[])
    }

    pub(super) const fn pattern(name: &'static str) -> Self {
        Self::of(name, "pattern", &[])
    }

    pub(super) const fn unix_time(name: &'static str) -> Self {
        Self::of(name, "unix-time", &[])
    }

    /// Nothing but the word `token`.
    pub(super) const fn word(name: &'static str, token: &'static str) -> Self {
        Self::of(name, "pure-token", &[]).after(token)
    }

    pub(super) const fn one_of(name: &'static str, args: &'static [Self]) -> Self {
        Self::of(name, "oneof", args)
    }

    pub(super) const fn block(name: &'static str, args: &'static [Self]) -> Self {
        Self::of(name, "block", args)
    }

    pub(super) const fn after(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    pub(super) const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    pub(super) const fn multiple(mut self) -> Self {
        self.multiple = true;
        self
    }

    pub(super) const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }
}
