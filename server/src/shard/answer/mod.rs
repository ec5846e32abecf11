//! Commands about the connection and the node.
//!
//! Owns what they answer; nothing here touches the dataset but for its limits and figures.
//! Invariant: every call writes one reply, but for CLIENT REPLY OFF and SKIP and for SHUTDOWN,
//! which have none. Cost: rare commands; INFO and MEMORY STATS read files of /proc.

// INFO: which sections, in which order.
mod info;
// INFO: the lines of each section.
mod sections;
// MEMORY STATS, DOCTOR and the like.
mod memory;
// What the kernel says about this process.
mod process;
// HELLO and AUTH.
mod hello;
// CLIENT.
mod client;
// Which clients CLIENT LIST and KILL mean.
mod client_filter;
// One client as a line of text.
mod client_line;
// CLUSTER, for a node alone.
mod cluster;
// CONFIG.
mod settings;
// SLOWLOG and LATENCY.
mod latency;
// A shard and its clients, for tests.
#[cfg(test)]
mod conversation;

use velodrome_net::command::{
    ClientCommand, Command, ConfigCommand, LatencyCommand, MemoryCommand, ObjectCommand,
    ScriptCommand, Shutdown, SlowlogCommand, find, help, metadata,
};
use velodrome_net::resp::Encoder;

use crate::config::ClusterMode;
use crate::execute::answer_script;
use crate::shard::Shard;
use crate::shard::parcel::Caller;
use crate::shard::plan::Combine;
use crate::shard::session::Session;

pub(super) use info::info;
pub(super) use memory::memory;

/// What is to be done with the connection once its reply is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Nothing.
    Nothing,
    /// It closes once the reply has left.
    Close,
    /// What it watches is forgotten.
    Unwatch,
    /// The node stops.
    Shutdown(Shutdown),
}

/// The version of Redis whose commands and replies clients may expect; they read it in INFO and
/// HELLO and switch features on by it.
const REDIS_VERSION: &str = "7.2.4";

/// Text of a CLUSTER command while the node offers none.
const NO_CLUSTER: &str = "ERR This instance has cluster support disabled";

/// Answers a command that the client's own shard answers.
///
/// # Panics
/// When the command's route is neither `Route::Connection` nor that of a script.
pub(super) fn connection(
    shard: &mut Shard,
    session: &mut Session,
    command: &Command<'_>,
    out: &mut Encoder<'_>,
) -> After {
    match command {
        Command::Ping { message: None } => out.simple("PONG"),
        Command::Ping { message: Some(message) } | Command::Echo { message } => out.bulk(message),
        Command::Quit => {
            out.ok();
            return After::Close;
        }
        Command::Reset => {
            session.reset(shard.config.requirepass.is_none());
            out.simple("RESET");
            return After::Unwatch;
        }
        // Only queued by MULTI does it come here: EXEC has ended the watch already.
        Command::Unwatch => out.ok(),
        Command::Hello(hello) => hello::hello(shard, session, hello, out),
        Command::Auth { user, password } => hello::auth(shard, session, *user, password, out),
        Command::Select { db } => select(shard, session, *db, out),
        Command::Client(command) => client::own(shard, session, command, out),
        Command::Shutdown(shutdown) if shutdown.abort => out.error("ERR No shutdown in progress."),
        Command::Shutdown(shutdown) => return After::Shutdown(*shutdown),
        Command::ReadOnly | Command::ReadWrite | Command::Asking => {
            if shard.config.cluster_mode == ClusterMode::Off {
                out.error(NO_CLUSTER);
            } else {
                out.ok();
            }
        }
        Command::Cluster(command) => cluster::cluster(shard, session, command, out),
        _ => node(shard, command, out),
    }
    After::Nothing
}

/// Answers what is the same for every connection.
fn node(shard: &Shard, command: &Command<'_>, out: &mut Encoder<'_>) {
    match command {
        // A node alone has no replica that could acknowledge anything.
        Command::Wait { .. } => out.integer(0),
        Command::Time => {
            let (s, ms) = (shard.moment.now_ms / 1000, shard.moment.now_ms % 1000);
            out.array(2);
            out.bulk_str(&s.to_string());
            out.bulk_str(&(ms * 1000).to_string());
        }
        Command::Role => {
            out.array(3);
            out.bulk_str("master");
            out.integer(0);
            out.array(0);
        }
        Command::Command(command) => {
            if let Err(refused) = metadata::encode(out, *command) {
                out.error(&refused.to_string());
            }
        }
        Command::Config(ConfigCommand::Get { patterns }) => settings::get(shard, *patterns, out),
        Command::Config(ConfigCommand::Rewrite) => settings::rewrite(shard, out),
        Command::Config(ConfigCommand::Help) => container_help(b"config", out),
        Command::Object(ObjectCommand::Help) => container_help(b"object", out),
        Command::Memory(MemoryCommand::Help) => container_help(b"memory", out),
        Command::Eval { .. } | Command::EvalSha { .. } => answer_script(command, out),
        Command::Script(ScriptCommand::Exists { sha1s }) => {
            out.array(sha1s.len());
            sha1s.iter().for_each(|_| out.integer(0));
        }
        Command::Script(ScriptCommand::Kill) => {
            out.error("NOTBUSY No scripts in execution right now.");
        }
        Command::Script(ScriptCommand::Help) => container_help(b"script", out),
        _ => unreachable!("{command:?} is not the connection's"),
    }
}

fn select(shard: &Shard, session: &mut Session, db: i64, out: &mut Encoder<'_>) {
    match u8::try_from(db).ok().filter(|db| *db < shard.config.databases) {
        Some(db) => {
            session.db = db;
            out.ok();
        }
        None => out.error("ERR DB index is out of range"),
    }
}

/// The HELP of a command with sub-commands.
fn container_help(name: &[u8], out: &mut Encoder<'_>) {
    help::encode(out, find(name).expect("every container stands in the table"));
}

/// Answers this shard's part of a command on every shard that is not on data.
///
/// # Panics
/// When the command is another.
pub(super) fn on_every_shard(
    shard: &mut Shard,
    caller: &Caller,
    command: &Command<'_>,
    out: &mut Encoder<'_>,
) {
    match command {
        Command::Info { .. } => {
            shard.publish();
            let mut turns = String::new();
            shard.turn_times.write(&mut turns);
            out.bulk_str(&turns);
        }
        Command::Memory(command) => memory(shard, *command, out),
        Command::Client(command) => client::everybody(shard, caller, command, out),
        Command::Config(ConfigCommand::Set { pairs }) => settings::set(shard, *pairs, out),
        Command::Config(ConfigCommand::ResetStat) => settings::reset_stats(shard, out),
        Command::Slowlog(command) => latency::slowlog(shard, *command, out),
        Command::Latency(command) => latency::latency(shard, command, out),
        Command::Script(ScriptCommand::Load { .. }) => answer_script(command, out),
        Command::Script(ScriptCommand::Flush { .. }) => out.ok(),
        _ => unreachable!("{command:?} is not every shard's"),
    }
}

/// How the shards' parts of a command become its reply.
pub(super) fn combine_of(command: &Command<'_>) -> Combine {
    match command {
        Command::DbSize
        | Command::Client(ClientCommand::Kill(_))
        | Command::Slowlog(SlowlogCommand::Len)
        | Command::Latency(LatencyCommand::Reset { .. }) => Combine::Sum,
        Command::Keys { .. } => Combine::Concat,
        Command::Slowlog(SlowlogCommand::Get { count }) => {
            Combine::Newest(count.map_or(usize::MAX, |count| count as usize))
        }
        Command::Latency(LatencyCommand::Latest) => Combine::Latest,
        Command::Latency(LatencyCommand::History { .. }) => Combine::Earliest,
        Command::Latency(LatencyCommand::Histogram { commands }) => {
            Combine::Histograms(commands.iter().map(<[u8]>::to_vec).collect())
        }
        Command::FlushDb { .. }
        | Command::FlushAll { .. }
        | Command::Client(ClientCommand::Pause { .. } | ClientCommand::Unpause)
        | Command::Config(ConfigCommand::Set { .. } | ConfigCommand::ResetStat)
        | Command::Slowlog(SlowlogCommand::Reset)
        | Command::Memory(MemoryCommand::Purge)
        | Command::Script(ScriptCommand::Load { .. } | ScriptCommand::Flush { .. }) => Combine::Ok,
        Command::HotKeys { count } => Combine::HotKeys(*count),
        Command::BigKeys { count } => Combine::BigKeys(*count),
        Command::RandomKey => Combine::Drawn,
        Command::Client(ClientCommand::List(_)) => Combine::Text,
        Command::Client(ClientCommand::KillAddress { .. }) => Combine::OkOr("ERR No such client"),
        Command::Memory(MemoryCommand::Stats) => Combine::Memory(MemoryCommand::Stats),
        Command::Memory(MemoryCommand::Doctor) => Combine::Memory(MemoryCommand::Doctor),
        Command::Memory(MemoryCommand::MallocStats) => Combine::Memory(MemoryCommand::MallocStats),
        Command::Info { sections } => Combine::Info(sections.iter().map(<[u8]>::to_vec).collect()),
        _ => Combine::Same,
    }
}
