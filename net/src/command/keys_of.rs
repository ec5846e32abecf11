//! Which arguments of a command line are keys.
//!
//! Owns the reading of key specifications, for COMMAND GETKEYS and for whoever must know keys
//! without running a command.

use crate::resp::{Args, Encoder};

use super::closed::{Command, SetReply};
use super::refused::Refused;
use super::spec::{FindKeys, Spec};
use super::table::find_full;

/// The keys of one command line.
#[derive(Clone, Debug)]
pub struct KeysOf<'a> {
    request: Args<'a>,
    at: usize,
    end: usize,
    step: usize,
    /// What the command does to them, as key specifications call it.
    pub flags: &'static [&'static str],
}

impl<'a> Iterator for KeysOf<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.at >= self.end {
            return None;
        }
        self.at += self.step;
        Some(self.request.get(self.at - self.step))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end.saturating_sub(self.at).div_ceil(self.step);
        (left, Some(left))
    }
}

impl ExactSizeIterator for KeysOf<'_> {}

/// The keys of the command line `request`, which may have none only if a count says so.
///
/// # Errors
/// When there is no such command, it takes no keys, or it does not take this many arguments.
pub fn keys_of(request: Args<'_>) -> Result<KeysOf<'_>, Refused> {
    let spec = row_of(request).ok_or(Refused::Text("ERR Invalid command specified"))?;
    let Some(keys) = spec.keys.first() else {
        return Err(Refused::Text("ERR The command has no key arguments"));
    };
    if !spec.takes(request.len()) {
        return Err(Refused::Text("ERR Invalid number of arguments specified for command"));
    }
    let len = request.len();
    let (at, end, step) = match keys.find {
        FindKeys::One => (keys.begin, keys.begin + 1, 1),
        FindKeys::ToEnd { step } => (keys.begin, len, step),
        FindKeys::Counted => {
            let count = crate::resp::parse_i64(request.get(keys.begin)).unwrap_or(0);
            let count = usize::try_from(count).unwrap_or(0);
            let first = keys.begin + 1;
            // A count that promises more than there is means no keys at all.
            if count > len - first { (first, first, 1) } else { (first, first + count, 1) }
        }
    };
    assert!(end <= len, "the arity covers the first key");
    Ok(KeysOf { request, at, end, step, flags: flags_of(spec, keys.flags, request) })
}

fn row_of(request: Args<'_>) -> Option<&'static Spec> {
    let spec = find_full(request.try_get(0)?)?;
    match request.try_get(1) {
        Some(word) if !spec.subcommands.is_empty() => spec.subcommand(word),
        _ => Some(spec),
    }
}

/// SET reads the old value only when asked to.
fn flags_of(
    spec: &Spec,
    flags: &'static [&'static str],
    request: Args<'_>,
) -> &'static [&'static str] {
    if !flags.contains(&"variable_flags") {
        return flags;
    }
    match spec.decode(request) {
        Ok(Command::Set(set)) if set.reply == SetReply::OldValue => &["RW", "access", "update"],
        _ => &["OW", "update"],
    }
}

/// Answers `COMMAND GETKEYS`.
pub(super) fn encode_keys(out: &mut Encoder<'_>, request: Args<'_>) -> Result<(), Refused> {
    let keys = keys_of(request)?;
    out.array(keys.len());
    keys.for_each(|key| out.bulk(key));
    Ok(())
}

/// Answers `COMMAND GETKEYSANDFLAGS`.
pub(super) fn encode_keys_and_flags(
    out: &mut Encoder<'_>,
    request: Args<'_>,
) -> Result<(), Refused> {
    let keys = keys_of(request)?;
    let flags = keys.flags;
    out.array(keys.len());
    for key in keys {
        out.array(2);
        out.bulk(key);
        out.set(flags.len());
        flags.iter().for_each(|flag| out.simple(flag));
    }
    Ok(())
}
