//! Many keys of one shard in one piece: MGET, MSET, DEL and their relatives.
//!
//! Keys are hashed and their places fetched ahead in groups, so that look-ups wait for memory
//! together. Invariant: the piece is atomic; a write of many that cannot be done in full for its
//! sizes changes nothing. Cost: no allocation.

use velodrome_engine::{Condition, Effects, Engine, Key, Refused, ValueRef, Write};
use velodrome_net::command::{Command, Keys};
use velodrome_net::resp::Encoder;

use crate::limits::MGET_REPLY_BYTES_MAX;

use super::get::{copied, read};
use super::moment::Moment;
use super::refusal::refuse;
use super::script::answer_script;

/// Keys whose memory is fetched at the same time.
const GROUP_LEN: usize = 32;

/// Runs a command whose keys all live on this shard.
///
/// # Panics
/// When the command's route is neither `Route::Keys` nor one key of such a command.
pub(crate) fn on_keys<E: Effects>(
    engine: &mut Engine<E>,
    command: &Command<'_>,
    db: u8,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    let now_ms = moment.now_ms;
    match command {
        Command::MGet { keys } => get(engine, keys, db, moment, out),
        Command::Del { keys } => {
            let deleted = count(engine, keys, db, |engine, key| engine.delete(key, now_ms));
            out.integer(deleted);
        }
        Command::Exists { keys } => {
            let found = count(engine, keys, db, |engine, key| engine.peek(key, now_ms).is_some());
            out.integer(found);
        }
        Command::Touch { keys } => {
            out.integer(count(engine, keys, db, |engine, key| engine.touch(key, now_ms)));
        }
        Command::MSet { pairs } => set(engine, pairs, db, moment, out),
        Command::MSetNx { pairs } => set_nx(engine, pairs, db, moment, out),
        Command::Eval { .. } | Command::EvalSha { .. } => answer_script(command, out),
        _ => unreachable!("the route of {command:?} is not many keys"),
    }
}

/// MGET
fn get<E: Effects>(
    engine: &mut Engine<E>,
    keys: &Keys<'_>,
    db: u8,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    // Raw values that lie inside records cannot be that long together.
    let stats = engine.stats();
    if stats.large_bytes + stats.packed_items > 0 {
        let (_, len) = lengths(engine, keys, db, moment.now_ms);
        if len > MGET_REPLY_BYTES_MAX {
            return out.error(&format!(
                "ERR these values have {len} bytes together and {MGET_REPLY_BYTES_MAX} are \
                 allowed in one reply; ask for fewer keys at a time"
            ));
        }
    }
    out.array(keys.len());
    each(engine, keys, db, |engine, key, _| match read(engine, key, moment) {
        Some(item) => copied(item.value, out),
        None => out.null(),
    });
}

/// Bytes of the values of these keys that are packed, when they are unpacked, and of all values.
pub(crate) fn lengths<E: Effects>(
    engine: &mut Engine<E>,
    keys: &Keys<'_>,
    db: u8,
    now_ms: u64,
) -> (usize, usize) {
    let (mut unpacked, mut all) = (0, 0);
    each(engine, keys, db, |engine, key, _| {
        if let Some(item) = engine.peek(key, now_ms) {
            let len = item.value.len();
            all += len;
            unpacked += if matches!(item.value, ValueRef::Packed(_)) { len } else { 0 };
        }
    });
    (unpacked, all)
}

/// MSET
pub(super) fn set<E: Effects>(
    engine: &mut Engine<E>,
    pairs: &Keys<'_>,
    db: u8,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    match write_all(engine, pairs, db, moment) {
        Ok(()) => out.ok(),
        Err(refused) => refuse(engine, &refused, out),
    }
}

/// MSETNX: all or, when one of the keys exists, none.
pub(super) fn set_nx<E: Effects>(
    engine: &mut Engine<E>,
    pairs: &Keys<'_>,
    db: u8,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    if count(engine, pairs, db, |engine, key| engine.peek(key, moment.now_ms).is_some()) > 0 {
        return out.integer(0);
    }
    match write_all(engine, pairs, db, moment) {
        Ok(()) => out.integer(1),
        Err(refused) => refuse(engine, &refused, out),
    }
}

/// Writes why these pairs cannot all be written, wherever their shards are, if one could be held by
/// none of them; true when it did.
pub(crate) fn refuse_pairs<E: Effects>(
    engine: &Engine<E>,
    command: &Command<'_>,
    out: &mut Encoder<'_>,
) -> bool {
    let (Command::MSet { pairs } | Command::MSetNx { pairs }) = command else { return false };
    // How much memory a sibling has for a value only that sibling knows.
    let value_len_max = engine.limits().value_len_max;
    let refused = pairs.iter().find_map(|(key, value)| {
        let len = value.map_or(0, <[u8]>::len);
        let too_long = (len > value_len_max).then_some(len);
        engine.check(key.len(), too_long.unwrap_or(0)).err()
    });
    refused.inspect(|refused| refuse(engine, refused, out)).is_some()
}

/// Writes every pair, or none when one could never be held.
fn write_all<E: Effects>(
    engine: &mut Engine<E>,
    pairs: &Keys<'_>,
    db: u8,
    moment: &Moment,
) -> Result<(), Refused> {
    for (key, value) in *pairs {
        engine.check(key.len(), value.map_or(0, <[u8]>::len))?;
    }
    let deadline = moment.default_deadline();
    let mut outcome = Ok(());
    each(engine, pairs, db, |engine, key, value| {
        let value = value.expect("pairs have values");
        let write = Write { deadline, condition: Condition::Always, ..Write::plain(value) };
        if let (Ok(()), Err(refused)) = (&outcome, engine.set(key, write, moment.now_ms)) {
            outcome = Err(refused);
        }
    });
    outcome
}

/// How many keys `run` says yes to.
fn count<E: Effects>(
    engine: &mut Engine<E>,
    keys: &Keys<'_>,
    db: u8,
    mut run: impl FnMut(&mut Engine<E>, &Key<'_>) -> bool,
) -> i64 {
    let mut count = 0;
    each(engine, keys, db, |engine, key, _| count += i64::from(run(engine, key)));
    count
}

/// Runs every key, with its value where there is one, in the request's order.
fn each<E: Effects>(
    engine: &mut Engine<E>,
    keys: &Keys<'_>,
    db: u8,
    mut run: impl FnMut(&mut Engine<E>, &Key<'_>, Option<&[u8]>),
) {
    let hasher = engine.hasher().clone();
    let mut group = [hasher.key(db, 0, b""); GROUP_LEN];
    for first in (0..keys.len()).step_by(GROUP_LEN) {
        let group = &mut group[..GROUP_LEN.min(keys.len() - first)];
        for (place, index) in group.iter_mut().zip(first..) {
            let bytes = keys.key(index);
            *place = hasher.key(db, velodrome_ring::slot(bytes), bytes);
        }
        engine.prefetch(group.iter());
        for (key, index) in group.iter().zip(first..) {
            run(engine, key, keys.value(index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::conversation::{Conversation, check};

    #[test]
    fn many_keys_answer_together() {
        check(&[
            ("MSET a 1 b 2 c 3", "+OK"),
            ("MGET a none c", "*3 $1 1 $-1 $1 3"),
            ("EXISTS a a none b", ":3"),
            ("TOUCH a none", ":1"),
            ("TOUCH a", ":1"),
            ("EXISTS a", ":1"),
            ("DEL a a none", ":1"),
            ("UNLINK b c", ":2"),
            ("DEL b", ":0"),
            ("MSET k 1", "+OK"),
            ("MSET k 1 k 2", "+OK"),
            ("MGET k k", "*2 $1 2 $1 2"),
        ]);
    }

    #[test]
    fn all_are_set_or_none() {
        check(&[
            ("MSETNX a 1 b 2", ":1"),
            ("MSETNX b 3 c 4", ":0"),
            ("MGET a b c", "*3 $1 1 $1 2 $-1"),
            ("MSETNX c 5", ":1"),
            ("MSETNX c 6", ":0"),
            ("GET c", "$1 5"),
        ]);
    }

    #[test]
    fn a_reply_that_would_be_too_long_is_refused() {
        let long = "x".repeat(3 << 20);
        let mget = format!("MGET{}", " k".repeat(86));
        let mut conversation = Conversation::new();
        conversation.check(&[
            (&format!("SET k {long}"), "+OK"),
            (
                &mget,
                "-ERR these values have 270532608 bytes together and 268435456 are allowed in \
                 one reply; ask for fewer keys at a time",
            ),
            ("MGET j k none", &format!("*3 $-1 ${} {long} $-1", long.len())),
        ]);
    }

    #[test]
    fn a_full_piece_runs() {
        let mut conversation = Conversation::new();
        let names: Vec<String> = (0..256).map(|number| format!("k{number}")).collect();
        let pairs: Vec<String> = names.iter().map(|name| format!("{name} {name}")).collect();
        let values: String = names.iter().map(|name| format!(" ${} {name}", name.len())).collect();
        conversation.check(&[
            (&format!("MSET {}", pairs.join(" ")), "+OK"),
            (&format!("MGET {}", names.join(" ")), &format!("*256{values}")),
            (&format!("DEL {}", names.join(" ")), ":256"),
            ("DBSIZE", ":0"),
        ]);
    }
}
