//! HOTKEYS and BIGKEYS.
//!
//! Owns their one option. Cost: none.

use crate::command::closed::Command;
use crate::command::refused::Refused;
use crate::resp::Args;

use super::words::{Words, integer, is};

type Decoded<'a> = Result<Command<'a>, Refused>;

/// Keys named when nothing is said.
const COUNT_DEFAULT: u64 = 10;

pub(in crate::command) fn hot_keys(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::HotKeys { count: count(args)? })
}

pub(in crate::command) fn big_keys(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::BigKeys { count: count(args)? })
}

/// `[COUNT count]`
fn count(args: Args<'_>) -> Result<u64, Refused> {
    let mut words = Words::new(args, 1);
    let Some(word) = words.next() else { return Ok(COUNT_DEFAULT) };
    if !is(word, "COUNT") || words.left() != 1 {
        return Err(Refused::Syntax);
    }
    let count = integer(words.value()?)?;
    u64::try_from(count)
        .ok()
        .filter(|count| *count > 0)
        .ok_or(Refused::Text("ERR COUNT must be greater than 0"))
}
