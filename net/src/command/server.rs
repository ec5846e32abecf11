//! What the commands about the server itself can ask.
//!
//! Owns the closed sets of sub-commands of CONFIG, COMMAND, OBJECT, MEMORY, SLOWLOG, LATENCY and
//! SCRIPT, and the options of FLUSHDB, FLUSHALL and SHUTDOWN.

use crate::resp::Args;

use super::keys::Keys;

/// How FLUSHDB and FLUSHALL go about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlushMode {
    /// Nothing said.
    #[default]
    Default,
    /// `ASYNC`
    Async,
    /// `SYNC`
    Sync,
}

/// `SHUTDOWN`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shutdown {
    /// `SAVE` or `NOSAVE`.
    pub save: Option<bool>,
    /// `NOW`: do not wait for replicas.
    pub now: bool,
    /// `FORCE`: ignore what would prevent it.
    pub force: bool,
    /// `ABORT`: take a shutdown under way back.
    pub abort: bool,
}

/// `CONFIG …`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named in the syntax above each variant")]
pub enum ConfigCommand<'a> {
    /// `GET pattern…`
    Get { patterns: Args<'a> },
    /// `SET (parameter value)…`
    Set { pairs: Keys<'a> },
    /// `RESETSTAT`
    ResetStat,
    /// `REWRITE`
    Rewrite,
    /// `HELP`
    Help,
}

/// `COMMAND …`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named in the syntax above each variant")]
pub enum CommandCommand<'a> {
    /// Nothing further: every command.
    All,
    /// `COUNT`
    Count,
    /// `INFO [name…]`; none for all.
    Info { names: Args<'a> },
    /// `DOCS [name…]`; none for all.
    Docs { names: Args<'a> },
    /// `LIST [FILTERBY …]`
    List { filter: CommandFilter<'a> },
    /// `GETKEYS command…`
    GetKeys { request: Args<'a> },
    /// `GETKEYSANDFLAGS command…`
    GetKeysAndFlags { request: Args<'a> },
    /// `HELP`
    Help,
}

/// Which commands `COMMAND LIST` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommandFilter<'a> {
    /// All.
    #[default]
    All,
    /// Those of a module.
    Module(&'a [u8]),
    /// Those of an ACL category.
    AclCategory(&'a [u8]),
    /// Those whose name matches a glob.
    Pattern(&'a [u8]),
}

/// `OBJECT …`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named in the syntax above each variant")]
pub enum ObjectCommand<'a> {
    /// `ENCODING key`
    Encoding { key: &'a [u8] },
    /// `FREQ key`
    Freq { key: &'a [u8] },
    /// `IDLETIME key`
    IdleTime { key: &'a [u8] },
    /// `REFCOUNT key`
    RefCount { key: &'a [u8] },
    /// `HELP`
    Help,
}

/// `MEMORY …`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named in the syntax above each variant")]
pub enum MemoryCommand<'a> {
    /// `USAGE key [SAMPLES count]`
    Usage { key: &'a [u8], samples: Option<u64> },
    /// `STATS`
    Stats,
    /// `DOCTOR`
    Doctor,
    /// `MALLOC-STATS`
    MallocStats,
    /// `PURGE`
    Purge,
    /// `HELP`
    Help,
}

/// `SLOWLOG …`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named in the syntax above each variant")]
pub enum SlowlogCommand {
    /// `GET [count]`; `None` for all (`-1`), 10 when nothing is said.
    Get { count: Option<u64> },
    /// `LEN`
    Len,
    /// `RESET`
    Reset,
    /// `HELP`
    Help,
}

/// `LATENCY …`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named in the syntax above each variant")]
pub enum LatencyCommand<'a> {
    /// `LATEST`
    Latest,
    /// `HISTORY event`
    History { event: &'a [u8] },
    /// `RESET [event…]`; none for all.
    Reset { events: Args<'a> },
    /// `HISTOGRAM [command…]`; none for all.
    Histogram { commands: Args<'a> },
    /// `HELP`
    Help,
}

/// `SCRIPT …`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named in the syntax above each variant")]
pub enum ScriptCommand<'a> {
    /// `LOAD script`
    Load { script: &'a [u8] },
    /// `EXISTS sha1…`
    Exists { sha1s: Args<'a> },
    /// `FLUSH [ASYNC|SYNC]`
    Flush { mode: FlushMode },
    /// `KILL`
    Kill,
    /// `HELP`
    Help,
}
