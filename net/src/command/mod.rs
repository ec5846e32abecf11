//! What a request asks: the closed `Command`, its syntax and its table of metadata.
//!
//! Owns names, arities, options and error texts; not what a command does.
//! Invariant: every command in the table decodes, and what decodes is in the table.
//! Cost: one table look-up and one pass over the arguments, no allocation unless refused.

// From a request to a command.
mod decode;
// What COMMAND answers about the table.
pub mod metadata;
// The HELP of a container.
pub mod help;
// Which arguments of a command line are keys.
mod keys_of;
// The table of every command offered.
mod table;
// The arguments of every command.
mod syntax;
// Where a command must go.
mod route;
// One row of the table.
mod spec;
// Names as words.
mod name;
// What a command does and when it may.
pub mod flags;
// Globs over names of commands.
mod glob;
// The closed set.
mod closed;
// CLIENT's sub-commands.
mod client;
// CLUSTER's sub-commands.
mod cluster;
// Sub-commands about the server itself.
mod server;
// The keys of a command that may have many.
mod keys;
// Deadlines as requests say them.
mod expiry;
// Why a request is no command.
mod refused;

pub use client::{ClientAttribute, ClientCommand, ClientFilter, ClientKind, ClientList, ReplyMode};
pub use closed::{Command, Hello, Scan, Set, SetCondition, SetReply, TimeUnit};
pub use cluster::ClusterCommand;
pub use expiry::{DeadlineOverflow, ExpireCondition, Expiry};
pub use flags::Flags;
pub use keys::{Keys, KeysIter};
pub use keys_of::{KeysOf, keys_of};
pub use refused::Refused;
pub use route::Route;
pub use server::{
    CommandCommand, CommandFilter, ConfigCommand, FlushMode, LatencyCommand, MemoryCommand,
    ObjectCommand, ScriptCommand, Shutdown, SlowlogCommand,
};
pub use spec::{Arg, FindKeys, KeySpec, Spec};
pub use table::{COMMANDS, SPEC_COUNT, find, find_full};
