//! Where a command must go, as far as its syntax says.
//!
//! Owns the classes of placement; which shard a key lives on is the server's to know.

use super::client::ClientCommand;
use super::closed::Command;
use super::cluster::ClusterCommand;
use super::keys::Keys;
use super::server::{ConfigCommand, MemoryCommand, ObjectCommand, ScriptCommand};

/// How a command is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// The client's own shard answers.
    Connection,
    /// The shard of this key answers.
    Key(&'a [u8]),
    /// The shards of these keys answer, each for its own; a script's must be one shard's.
    Keys(Keys<'a>),
    /// The shard of this slot answers.
    Slot(u16),
    /// Every shard adds its part, or must hear of it.
    AllShards,
    /// It changes what the connection's transaction is.
    Transaction,
}

impl<'a> Command<'a> {
    /// Where this command must go.
    #[inline(always)]
    #[must_use]
    pub fn route(&self) -> Route<'a> {
        match *self {
            Self::Get { key }
            | Self::GetEx { key, .. }
            | Self::GetDel { key }
            | Self::IncrBy { key, .. }
            | Self::IncrByFloat { key, .. }
            | Self::Append { key, .. }
            | Self::StrLen { key }
            | Self::SetRange { key, .. }
            | Self::GetRange { key, .. }
            | Self::DelIfEq { key, .. }
            | Self::Expire { key, .. }
            | Self::Ttl { key, .. }
            | Self::Persist { key }
            | Self::Type { key } => Route::Key(key),
            Self::Set(set) => Route::Key(set.key),
            Self::MGet { keys } | Self::Del { keys } | Self::Exists { keys } => many(keys),
            Self::Touch { keys } => many(keys),
            Self::MSet { pairs } | Self::MSetNx { pairs } => many(pairs),
            Self::Eval { keys, .. } | Self::EvalSha { keys, .. } => match keys.len() {
                0 => Route::Connection,
                _ => many(keys),
            },
            Self::Object(command) => object(command),
            Self::Memory(command) => memory(command),
            Self::Client(command) => client(command),
            Self::Config(command) => config(command),
            Self::Cluster(command) => cluster(command),
            Self::Script(command) => script(command),
            Self::Keys { .. }
            | Self::Scan(_)
            | Self::RandomKey
            | Self::DbSize
            | Self::FlushDb { .. }
            | Self::FlushAll { .. }
            | Self::HotKeys { .. }
            | Self::BigKeys { .. }
            | Self::Info { .. }
            | Self::Slowlog(_)
            | Self::Latency(_) => Route::AllShards,
            Self::Multi | Self::Exec | Self::Discard | Self::Watch { .. } | Self::Unwatch => {
                Route::Transaction
            }
            Self::Ping { .. }
            | Self::Echo { .. }
            | Self::Quit
            | Self::Reset
            | Self::Hello(_)
            | Self::Auth { .. }
            | Self::Select { .. }
            | Self::Wait { .. }
            | Self::Time
            | Self::Role
            | Self::Shutdown(_)
            | Self::Command(_)
            | Self::ReadOnly
            | Self::ReadWrite
            | Self::Asking => Route::Connection,
        }
    }
}

/// One key is no scatter.
fn many(keys: Keys<'_>) -> Route<'_> {
    if keys.len() == 1 { Route::Key(keys.key(0)) } else { Route::Keys(keys) }
}

fn object(command: ObjectCommand<'_>) -> Route<'_> {
    match command {
        ObjectCommand::Encoding { key }
        | ObjectCommand::Freq { key }
        | ObjectCommand::IdleTime { key }
        | ObjectCommand::RefCount { key } => Route::Key(key),
        ObjectCommand::Help => Route::Connection,
    }
}

fn memory(command: MemoryCommand<'_>) -> Route<'_> {
    match command {
        MemoryCommand::Usage { key, .. } => Route::Key(key),
        MemoryCommand::Stats
        | MemoryCommand::Doctor
        | MemoryCommand::MallocStats
        | MemoryCommand::Purge => Route::AllShards,
        MemoryCommand::Help => Route::Connection,
    }
}

fn client(command: ClientCommand<'_>) -> Route<'_> {
    match command {
        ClientCommand::List(_)
        | ClientCommand::Kill(_)
        | ClientCommand::KillAddress { .. }
        | ClientCommand::Pause { .. }
        | ClientCommand::Unpause => Route::AllShards,
        _ => Route::Connection,
    }
}

fn config(command: ConfigCommand<'_>) -> Route<'_> {
    match command {
        ConfigCommand::Set { .. } | ConfigCommand::ResetStat => Route::AllShards,
        ConfigCommand::Get { .. } | ConfigCommand::Rewrite | ConfigCommand::Help => {
            Route::Connection
        }
    }
}

fn cluster(command: ClusterCommand<'_>) -> Route<'_> {
    match command {
        ClusterCommand::CountKeysInSlot { slot } | ClusterCommand::GetKeysInSlot { slot, .. } => {
            Route::Slot(slot)
        }
        _ => Route::Connection,
    }
}

fn script(command: ScriptCommand<'_>) -> Route<'_> {
    match command {
        ScriptCommand::Load { .. } | ScriptCommand::Flush { .. } => Route::AllShards,
        ScriptCommand::Exists { .. } | ScriptCommand::Kill | ScriptCommand::Help => {
            Route::Connection
        }
    }
}
