//! The closed set of what a request can ask.
//!
//! Owns the meaning of a request's syntax: which command, with which arguments and options, all
//! borrowed from the request's bytes. What a command does is the server's.
//! Invariant: a `Command` is syntactically right; numbers are parsed, option conflicts refused.
//! Cost: no allocation; options are read in place.

use crate::resp::{Args, Proto};

use super::client::ClientCommand;
use super::cluster::ClusterCommand;
use super::expiry::{ExpireCondition, Expiry};
use super::keys::Keys;
use super::server::{
    CommandCommand, ConfigCommand, FlushMode, LatencyCommand, MemoryCommand, ObjectCommand,
    ScriptCommand, Shutdown, SlowlogCommand,
};

/// One request, syntactically right.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "fields are named in the syntax above each variant")]
pub enum Command<'a> {
    // Connection.
    /// `PING [message]`
    Ping { message: Option<&'a [u8]> },
    /// `ECHO message`
    Echo { message: &'a [u8] },
    /// `QUIT`
    Quit,
    /// `RESET`
    Reset,
    /// `HELLO [version [AUTH user password] [SETNAME name]]`
    Hello(Hello<'a>),
    /// `AUTH [user] password`
    Auth { user: Option<&'a [u8]>, password: &'a [u8] },
    /// `SELECT index`; whether the database exists is the server's to say.
    Select { db: i64 },
    /// `CLIENT …`
    Client(ClientCommand<'a>),

    // Strings.
    /// `GET key`
    Get { key: &'a [u8] },
    /// `SET key value …`, and SETEX, PSETEX, SETNX, GETSET each with its own reply.
    Set(Set<'a>),
    /// `GETEX key [expiry]`; whether the expiry is valid matters only if the key exists.
    GetEx { key: &'a [u8], expiry: Expiry },
    /// `GETDEL key`
    GetDel { key: &'a [u8] },
    /// `MGET key…`
    MGet { keys: Keys<'a> },
    /// `MSET (key value)…`
    MSet { pairs: Keys<'a> },
    /// `MSETNX (key value)…`
    MSetNx { pairs: Keys<'a> },
    /// `INCR`, `DECR`, `INCRBY`, `DECRBY`: the amount to add.
    IncrBy { key: &'a [u8], delta: i64 },
    /// `INCRBYFLOAT key increment`
    IncrByFloat { key: &'a [u8], delta: f64 },
    /// `APPEND key value`
    Append { key: &'a [u8], value: &'a [u8] },
    /// `STRLEN key`
    StrLen { key: &'a [u8] },
    /// `SETRANGE key offset value`; the offset is not negative.
    SetRange { key: &'a [u8], offset: u64, value: &'a [u8] },
    /// `GETRANGE` and `SUBSTR key start end`; negative counts from the end, both inclusive.
    GetRange { key: &'a [u8], start: i64, end: i64 },
    /// `DELIFEQ key value`: deletes the key if it holds the value.
    DelIfEq { key: &'a [u8], value: &'a [u8] },

    // Keys.
    /// `DEL key…` and `UNLINK key…`
    Del { keys: Keys<'a> },
    /// `EXISTS key…`
    Exists { keys: Keys<'a> },
    /// `TOUCH key…`
    Touch { keys: Keys<'a> },
    /// `EXPIRE`, `PEXPIRE`, `EXPIREAT`, `PEXPIREAT key time [NX|XX|GT|LT]`
    Expire { key: &'a [u8], expiry: Expiry, condition: ExpireCondition },
    /// `TTL`, `PTTL`, `EXPIRETIME`, `PEXPIRETIME key`
    Ttl { key: &'a [u8], unit: TimeUnit, absolute: bool },
    /// `PERSIST key`
    Persist { key: &'a [u8] },
    /// `TYPE key`
    Type { key: &'a [u8] },
    /// `KEYS pattern`
    Keys { pattern: &'a [u8] },
    /// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
    Scan(Scan<'a>),
    /// `RANDOMKEY`
    RandomKey,
    /// `OBJECT …`
    Object(ObjectCommand<'a>),
    /// `WAIT replicas timeout`; the timeout in milliseconds, 0 for none.
    Wait { replicas: i64, timeout_ms: u64 },

    // Transactions.
    /// `MULTI`
    Multi,
    /// `EXEC`
    Exec,
    /// `DISCARD`
    Discard,
    /// `WATCH key…`
    Watch { keys: Keys<'a> },
    /// `UNWATCH`
    Unwatch,

    // Server.
    /// `DBSIZE`
    DbSize,
    /// `FLUSHDB [ASYNC|SYNC]`
    FlushDb { mode: FlushMode },
    /// `FLUSHALL [ASYNC|SYNC]`
    FlushAll { mode: FlushMode },
    /// `HOTKEYS [COUNT count]`: ours.
    HotKeys { count: u64 },
    /// `BIGKEYS [COUNT count]`: ours.
    BigKeys { count: u64 },
    /// `INFO [section…]`
    Info { sections: Args<'a> },
    /// `TIME`
    Time,
    /// `ROLE`
    Role,
    /// `SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]`
    Shutdown(Shutdown),
    /// `CONFIG …`
    Config(ConfigCommand<'a>),
    /// `COMMAND …`
    Command(CommandCommand<'a>),
    /// `MEMORY …`
    Memory(MemoryCommand<'a>),
    /// `SLOWLOG …`
    Slowlog(SlowlogCommand),
    /// `LATENCY …`
    Latency(LatencyCommand<'a>),

    // Cluster.
    /// `CLUSTER …`
    Cluster(ClusterCommand<'a>),
    /// `READONLY`
    ReadOnly,
    /// `READWRITE`
    ReadWrite,
    /// `ASKING`
    Asking,

    // Scripts.
    /// `EVAL script numkeys key… arg…`
    Eval { script: &'a [u8], keys: Keys<'a>, args: Args<'a> },
    /// `EVALSHA sha1 numkeys key… arg…`
    EvalSha { sha1: &'a [u8], keys: Keys<'a>, args: Args<'a> },
    /// `SCRIPT …`
    Script(ScriptCommand<'a>),
}

/// `HELLO`: the version asked for and what to do on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The version asked for; `None` keeps the current one.
    pub version: Option<Proto>,
    /// User and password of `AUTH`.
    pub auth: Option<(&'a [u8], &'a [u8])>,
    /// Name of `SETNAME`, already checked.
    pub name: Option<&'a [u8]>,
}

/// `SET` and its relatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set<'a> {
    /// Where to.
    pub key: &'a [u8],
    /// What.
    pub value: &'a [u8],
    /// For how long.
    pub expiry: Expiry,
    /// Only if.
    pub condition: SetCondition<'a>,
    /// What to answer.
    pub reply: SetReply,
}

/// When a `SET` takes place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SetCondition<'a> {
    /// In any case.
    #[default]
    Always,
    /// If the key does not exist.
    Nx,
    /// If the key exists.
    Xx,
    /// If the key holds this value.
    IfEq(&'a [u8]),
}

/// What a `SET` answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SetReply {
    /// `OK`, or null when the condition did not hold: SET, SETEX, PSETEX.
    #[default]
    Status,
    /// The value before, or null: SET with GET, GETSET.
    OldValue,
    /// 1 when set, 0 when not: SETNX.
    Count,
}

/// Unit of a time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// `SCAN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan<'a> {
    /// 0 to begin, then what the reply before said.
    pub cursor: u64,
    /// Only keys that match this glob.
    pub pattern: Option<&'a [u8]>,
    /// About how many keys to look at, at least 1.
    pub count: u64,
    /// Only keys of this type.
    pub type_name: Option<&'a [u8]>,
}
