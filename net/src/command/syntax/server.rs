//! The server and what it records.
//!
//! Owns the options of FLUSHDB, SHUTDOWN, MEMORY, SLOWLOG and LATENCY.

use crate::command::closed::Command;
use crate::command::refused::Refused;
use crate::command::server::{FlushMode, LatencyCommand, MemoryCommand, Shutdown, SlowlogCommand};
use crate::resp::{Args, parse_i64};

use super::words::{integer, is};

type Decoded<'a> = Result<Command<'a>, Refused>;

pub(in crate::command) fn dbsize(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::DbSize)
}

pub(in crate::command) fn flushdb(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::FlushDb { mode: flush_mode(args.slice(1)).ok_or(Refused::Syntax)? })
}

pub(in crate::command) fn flushall(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::FlushAll { mode: flush_mode(args.slice(1)).ok_or(Refused::Syntax)? })
}

/// `ASYNC`, `SYNC` or nothing; `None` for anything else.
pub(super) fn flush_mode(options: Args<'_>) -> Option<FlushMode> {
    match options.len() {
        0 => Some(FlushMode::Default),
        1 if is(options.get(0), "ASYNC") => Some(FlushMode::Async),
        1 if is(options.get(0), "SYNC") => Some(FlushMode::Sync),
        _ => None,
    }
}

pub(in crate::command) fn info(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Info { sections: args.slice(1) })
}

pub(in crate::command) fn time(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Time)
}

pub(in crate::command) fn role(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Role)
}

pub(in crate::command) fn shutdown(args: Args<'_>) -> Decoded<'_> {
    let mut shutdown = Shutdown::default();
    for word in args.slice(1) {
        match word {
            _ if is(word, "SAVE") && shutdown.save != Some(false) => shutdown.save = Some(true),
            _ if is(word, "NOSAVE") && shutdown.save != Some(true) => shutdown.save = Some(false),
            _ if is(word, "NOW") => shutdown.now = true,
            _ if is(word, "FORCE") => shutdown.force = true,
            _ if is(word, "ABORT") => shutdown.abort = true,
            _ => return Err(Refused::Syntax),
        }
    }
    let other = shutdown.save.is_some() || shutdown.now || shutdown.force;
    if shutdown.abort && other {
        return Err(Refused::Syntax);
    }
    Ok(Command::Shutdown(shutdown))
}

pub(in crate::command) fn memory_usage(args: Args<'_>) -> Decoded<'_> {
    let samples = match args.len() {
        3 => None,
        5 if is(args.get(3), "SAMPLES") => {
            Some(u64::try_from(integer(args.get(4))?).map_err(|_| Refused::Syntax)?)
        }
        _ => return Err(Refused::Syntax),
    };
    Ok(Command::Memory(MemoryCommand::Usage { key: args.get(2), samples }))
}

pub(in crate::command) fn memory_stats(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Memory(MemoryCommand::Stats))
}

pub(in crate::command) fn memory_doctor(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Memory(MemoryCommand::Doctor))
}

pub(in crate::command) fn memory_malloc_stats(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Memory(MemoryCommand::MallocStats))
}

pub(in crate::command) fn memory_purge(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Memory(MemoryCommand::Purge))
}

pub(in crate::command) fn memory_help(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Memory(MemoryCommand::Help))
}

/// Entries that SLOWLOG GET gives when nothing is said.
const SLOWLOG_COUNT_DEFAULT: u64 = 10;

pub(in crate::command) fn slowlog_get(args: Args<'_>) -> Decoded<'_> {
    let count = match (args.try_get(2).map(parse_i64), args.len()) {
        (None, _) => Some(SLOWLOG_COUNT_DEFAULT),
        (Some(_), 4..) => return Err(Refused::WrongArity { command: "slowlog|get" }),
        (Some(Some(-1)), _) => None,
        (Some(Some(count)), _) if count >= 0 => Some(count.unsigned_abs()),
        _ => {
            return Err(Refused::Text("ERR count should be greater than or equal to -1"));
        }
    };
    Ok(Command::Slowlog(SlowlogCommand::Get { count }))
}

pub(in crate::command) fn slowlog_len(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Slowlog(SlowlogCommand::Len))
}

pub(in crate::command) fn slowlog_reset(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Slowlog(SlowlogCommand::Reset))
}

pub(in crate::command) fn slowlog_help(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Slowlog(SlowlogCommand::Help))
}

pub(in crate::command) fn latency_latest(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Latency(LatencyCommand::Latest))
}

pub(in crate::command) fn latency_history(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Latency(LatencyCommand::History { event: args.get(2) }))
}

pub(in crate::command) fn latency_reset(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Latency(LatencyCommand::Reset { events: args.slice(2) }))
}

pub(in crate::command) fn latency_histogram(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Latency(LatencyCommand::Histogram { commands: args.slice(2) }))
}

pub(in crate::command) fn latency_help(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Latency(LatencyCommand::Help))
}
