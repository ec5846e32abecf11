//! Reading options one word at a time.
//!
//! Owns the cursor over a request's options and the numbers among them.

use crate::command::refused::Refused;
use crate::resp::{Args, parse_i64};

/// A cursor over the words of a request.
pub(super) struct Words<'a> {
    args: Args<'a>,
    at: usize,
}

impl<'a> Words<'a> {
    /// Starts at the argument `from`.
    pub(super) fn new(args: Args<'a>, from: usize) -> Self {
        Self { args, at: from }
    }

    /// The next word, if there is one.
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        let word = self.args.try_get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// The word that belongs to the option before it.
    pub(super) fn value(&mut self) -> Result<&'a [u8], Refused> {
        self.next().ok_or(Refused::Syntax)
    }

    /// The whole number that belongs to the option before it.
    pub(super) fn integer(&mut self) -> Result<i64, Refused> {
        integer(self.value()?)
    }

    /// Words not read yet.
    pub(super) fn left(&self) -> usize {
        self.args.len().saturating_sub(self.at)
    }
}

/// Whether `word` is the option `name`, which is written in capitals.
pub(super) fn is(word: &[u8], name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}

/// The whole number that `word` spells.
pub(super) fn integer(word: &[u8]) -> Result<i64, Refused> {
    parse_i64(word).ok_or(Refused::NotInteger)
}

/// The number of milliseconds that `word` spells, for a command that waits.
pub(super) fn timeout_ms(word: &[u8]) -> Result<u64, Refused> {
    match parse_i64(word) {
        None => Err(Refused::Text("ERR timeout is not an integer or out of range")),
        Some(ms) => u64::try_from(ms).map_err(|_| Refused::Text("ERR timeout is negative")),
    }
}

/// `ON` or `OFF`.
pub(super) fn on_off(word: &[u8]) -> Result<bool, Refused> {
    if is(word, "ON") {
        Ok(true)
    } else if is(word, "OFF") {
        Ok(false)
    } else {
        Err(Refused::Syntax)
    }
}
