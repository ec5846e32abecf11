//! The table of every command offered, and the way from a name to its row.
//!
//! ```text
//! word of the name ─► SLOTS[256] ─► COMMANDS[row]     linear probing, NO_NAME ends the search
//! ```
//!
//! Owns the only list of commands. Invariant: names are lower-case letters and unique.
//! Cost: a multiplication and the comparison of a word in nearly every case.

// Strings.
mod strings;
// Keys of any type, and transactions.
mod keyspace;
// The connection itself, and CLIENT.
mod connection;
// The server and what it records.
mod server;
// COMMAND.
mod introspection;
// Hot keys and large items.
mod ranking;
// The cluster and scripts.
mod cluster;

use crate::resp::Args;

use super::name::{self, NO_NAME};
use super::refused::Refused;
use super::spec::Spec;

const GROUPS: &[&[Spec]] = &[
    strings::ROWS,
    keyspace::ROWS,
    connection::ROWS,
    server::ROWS,
    introspection::ROWS,
    ranking::ROWS,
    cluster::ROWS,
];

const ROW_COUNT: usize = count(false);
const SUBCOMMAND_COUNT: usize = count(true);

/// Commands and sub-commands together: one more than the largest [`Spec::id`].
pub const SPEC_COUNT: usize = ROW_COUNT + SUBCOMMAND_COUNT;

/// Rows of all groups, or the sub-commands inside them.
const fn count(subcommands: bool) -> usize {
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        let mut row = 0;
        while row < GROUPS[group].len() {
            count += if subcommands { GROUPS[group][row].subcommands.len() } else { 1 };
            row += 1;
        }
        group += 1;
    }
    count
}

/// The groups behind each other, numbered.
static ROWS: [Spec; ROW_COUNT] = {
    let mut rows = [GROUPS[0][0]; ROW_COUNT];
    let (mut at, mut group) = (0, 0);
    while group < GROUPS.len() {
        let mut row = 0;
        while row < GROUPS[group].len() {
            rows[at] = GROUPS[group][row];
            rows[at].id = at as u16;
            at += 1;
            row += 1;
        }
        group += 1;
    }
    rows
};

/// The sub-commands behind each other, numbered on from the rows.
static SUBCOMMANDS: [Spec; SUBCOMMAND_COUNT] = {
    let mut specs = [GROUPS[0][0]; SUBCOMMAND_COUNT];
    let (mut at, mut row) = (0, 0);
    while row < ROW_COUNT {
        let mut sub = 0;
        while sub < ROWS[row].subcommands.len() {
            specs[at] = ROWS[row].subcommands[sub];
            specs[at].id = (ROW_COUNT + at) as u16;
            at += 1;
            sub += 1;
        }
        row += 1;
    }
    specs
};

/// The rows, their sub-commands being the numbered ones.
static TABLE: [Spec; ROW_COUNT] = {
    let mut rows = ROWS;
    let (mut at, mut row) = (0, 0);
    while row < ROW_COUNT {
        let len = rows[row].subcommands.len();
        rows[row].subcommands = SUBCOMMANDS.split_at(at).1.split_at(len).0;
        at += len;
        row += 1;
    }
    rows
};

/// Every command offered; sub-commands stand in their containers.
pub static COMMANDS: &[Spec] = &TABLE;

const SLOT_COUNT: usize = 256;
const _: () = assert!(ROW_COUNT * 2 < SLOT_COUNT);

/// A row and its name as a word; `NO_NAME` ends the search.
#[derive(Clone, Copy)]
struct Slot {
    word: u64,
    spec: &'static Spec,
}

static SLOTS: [Slot; SLOT_COUNT] = {
    let mut slots = [Slot { word: NO_NAME, spec: &TABLE[0] }; SLOT_COUNT];
    let mut row = 0;
    while row < ROW_COUNT {
        let word = name::word(ROWS[row].name.as_bytes());
        assert!(name::is_lower_case(ROWS[row].name) && word != NO_NAME);
        let mut slot = place(word);
        while slots[slot].word != NO_NAME {
            slot = (slot + 1) % SLOT_COUNT;
        }
        slots[slot] = Slot { word, spec: &TABLE[row] };
        row += 1;
    }
    slots
};

/// Chosen by trial so that no two names of the table meet; more names may, and are still found.
const MULTIPLIER: u64 = 0x3ca8_49b4_372a_c063;

/// A slot for a name's word.
#[inline]
const fn place(word: u64) -> usize {
    (word.wrapping_mul(MULTIPLIER) >> 56) as usize
}

/// The command of this name, in any mixture of capitals.
#[inline]
#[must_use]
pub fn find(name: &[u8]) -> Option<&'static Spec> {
    let word = name::word(name);
    let mut slot = place(word);
    loop {
        let Slot { word: found, spec } = SLOTS[slot];
        if found == NO_NAME {
            return None;
        }
        if found == word && name::is_same(spec.name, name) {
            return Some(spec);
        }
        slot = (slot + 1) % SLOT_COUNT;
    }
}

/// The command or sub-command of a full name such as `client|kill`.
#[must_use]
pub fn find_full(full_name: &[u8]) -> Option<&'static Spec> {
    match full_name.iter().position(|byte| *byte == b'|') {
        None => find(full_name),
        Some(at) => find(&full_name[..at])?.subcommand(&full_name[at + 1..]),
    }
}

impl Spec {
    /// The row of the request `args`, whose name exists and whose arity is right.
    ///
    /// # Errors
    /// With the error to answer.
    ///
    /// # Panics
    /// When `args` is empty, which no parser gives.
    #[inline]
    pub fn of(args: Args<'_>) -> Result<&'static Self, Refused> {
        Self::of_sound(args).ok_or_else(|| Self::refused(args))
    }

    /// The row of the request `args`; `None` when [`Spec::of`] has an error for it.
    ///
    /// # Panics
    /// When `args` is empty, which no parser gives.
    #[inline]
    #[must_use]
    pub fn of_sound(args: Args<'_>) -> Option<&'static Self> {
        let mut spec = find(args.get(0))?;
        if !spec.subcommands.is_empty()
            && let Some(word) = args.try_get(1)
        {
            spec = spec.subcommand(word)?;
        }
        spec.takes(args.len()).then_some(spec)
    }

    /// Why a request has no row.
    #[cold]
    fn refused(args: Args<'_>) -> Refused {
        let Some(mut spec) = find(args.get(0)) else { return Refused::unknown_command(args) };
        if !spec.subcommands.is_empty()
            && let Some(word) = args.try_get(1)
        {
            let Some(subcommand) = spec.subcommand(word) else {
                return Refused::unknown_subcommand(spec.name, word);
            };
            spec = subcommand;
        }
        Refused::WrongArity { command: spec.full_name }
    }

    /// The sub-command of this name, in any mixture of capitals.
    #[must_use]
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Self> {
        self.subcommands.iter().find(|spec| spec.name.as_bytes().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (row, spec) in COMMANDS.iter().enumerate() {
            assert_eq!(spec.name, spec.name.to_ascii_lowercase());
            for name in [spec.name.to_string(), spec.name.to_ascii_uppercase()] {
                let found = find(name.as_bytes()).expect("the name stands in the table");
                assert!(std::ptr::eq(found, &COMMANDS[row]), "{name} is there twice");
            }
        }
        for name in ["", "g", "gett", "ge", "unknown", "set\0", "\u{7}et"] {
            assert!(find(name.as_bytes()).is_none(), "{name:?}");
        }
    }

    #[test]
    fn searches_are_short() {
        let probes = |name: &str| {
            let mut slot = place(name::word(name.as_bytes()));
            let mut probes = 1;
            while SLOTS[slot].spec.name != name {
                slot = (slot + 1) % SLOT_COUNT;
                probes += 1;
            }
            probes
        };
        for name in ["get", "set", "incr", "mset", "mget", "del", "ping", "expire"] {
            assert_eq!(probes(name), 1, "{name}");
        }
        let longest = COMMANDS.iter().map(|spec| probes(spec.name)).max();
        assert!(longest <= Some(4), "{longest:?}");
    }

    #[test]
    fn ids_are_dense() {
        let all = COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands));
        let mut ids: Vec<_> = all.map(|spec| usize::from(spec.id)).collect();
        ids.sort_unstable();
        assert_eq!(ids, (0..SPEC_COUNT).collect::<Vec<_>>());
    }

    #[test]
    fn full_names() {
        assert_eq!(find_full(b"CLIENT|Kill").map(|spec| spec.full_name), Some("client|kill"));
        assert_eq!(find_full(b"get").map(|spec| spec.full_name), Some("get"));
        assert!(find_full(b"client|").is_none() && find_full(b"get|x").is_none());
    }
}
