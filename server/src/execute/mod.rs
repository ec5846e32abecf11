//! What commands do to data: from a `Command` and an engine to a reply.
//!
//! Owns the meaning of every command on keys; knows no sessions, no other shards and no clock: the
//! time and the caller's settings come in as a [`Moment`]. Invariant: every call appends exactly
//! one reply, a [`Tail`] that it returns included. Cost: a hit allocates nothing and copies its
//! value once, a large one not at all.

// Many keys of one shard in one piece.
mod many;
// Commands on a shard as a whole.
mod dataset;
// Hot keys and large items.
mod ranking;
// One page of SCAN and KEYS.
mod page;
// SET and its relatives.
mod set;
// GET and its relatives.
mod get;
// Numbers in values.
mod counter;
// Decimal arithmetic of INCRBYFLOAT.
mod decimal;
// Values changed in place.
mod patch;
// When keys end.
mod deadline;
// What is known about a key.
mod object;
// Scripts, which are not offered.
mod script;
// Many keys in one buffer.
mod key_list;
// Which keys a pattern means.
pub(crate) mod glob;
// Refusals in the words that clients know.
mod refusal;
// The moment at which a command runs.
mod moment;
// A conversation in the protocol's own bytes, for tests.
#[cfg(test)]
mod conversation;

use velodrome_engine::{Effects, Engine, Key};
use velodrome_net::command::{Command, MemoryCommand};
use velodrome_net::resp::Encoder;

pub(crate) use dataset::on_shard;
pub(crate) use many::{lengths, on_keys, refuse_pairs};
pub(crate) use moment::{Moment, Tail};
pub(crate) use page::scan_page;
pub(crate) use ranking::{combine_big, combine_hot};
pub(crate) use script::answer_script;

/// Runs a command on one key, which `key` is.
///
/// # Panics
/// When the command's route is not `Route::Key`.
#[inline(always)]
pub(crate) fn on_key<E: Effects>(
    engine: &mut Engine<E>,
    command: &Command<'_>,
    key: &Key<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) -> Tail {
    match command {
        Command::Get { .. } => return get::get(engine, key, moment, out),
        Command::Set(set) => return set::set(engine, set, key, moment, out),
        Command::IncrBy { delta, .. } => counter::add(engine, key, *delta, moment, out),
        _ => return rarer(engine, command, key, moment, out),
    }
    None
}

#[inline(never)]
fn rarer<E: Effects>(
    engine: &mut Engine<E>,
    command: &Command<'_>,
    key: &Key<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) -> Tail {
    match command {
        Command::GetEx { expiry, .. } => return get::get_ex(engine, key, *expiry, moment, out),
        Command::GetDel { .. } => return get::get_del(engine, key, moment, out),
        Command::MGet { .. } => {
            out.array(1);
            return get::get(engine, key, moment, out);
        }
        Command::StrLen { .. } => get::len(engine, key, moment, out),
        Command::GetRange { start, end, .. } => {
            get::range(engine, key, *start, *end, moment, out);
        }
        Command::IncrByFloat { delta, .. } => {
            counter::add_float(engine, key, *delta, moment, out);
        }
        Command::Append { value, .. } => patch::append(engine, key, value, moment, out),
        Command::SetRange { offset, value, .. } => {
            patch::set_range(engine, key, *offset, value, moment, out);
        }
        Command::DelIfEq { value, .. } => set::delete_if(engine, key, value, moment, out),
        Command::Expire { expiry, condition, .. } => {
            deadline::expire(engine, key, *expiry, *condition, moment, out);
        }
        Command::Ttl { unit, absolute, .. } => {
            deadline::ttl(engine, key, *unit, *absolute, moment, out);
        }
        Command::Persist { .. } => deadline::persist(engine, key, moment, out),
        Command::Type { .. } => object::type_name(engine, key, moment, out),
        Command::Object(command) => object::object(engine, command, key, moment, out),
        Command::Memory(MemoryCommand::Usage { .. }) => object::usage(engine, key, moment, out),
        Command::Eval { .. } | Command::EvalSha { .. } => script::answer_script(command, out),
        _ => alone(engine, command, key, moment, out),
    }
    None
}

/// Commands that may have many keys and were given one.
fn alone<E: Effects>(
    engine: &mut Engine<E>,
    command: &Command<'_>,
    key: &Key<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    match command {
        Command::Del { .. } => out.integer(engine.delete(key, moment.now_ms).into()),
        Command::Exists { .. } => out.integer(engine.peek(key, moment.now_ms).is_some().into()),
        Command::Touch { .. } => out.integer(engine.touch(key, moment.now_ms).into()),
        Command::MSet { pairs } => many::set(engine, pairs, key.db, moment, out),
        Command::MSetNx { pairs } => many::set_nx(engine, pairs, key.db, moment, out),
        _ => unreachable!("the route of {command:?} is not one key"),
    }
}
