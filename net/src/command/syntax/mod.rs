//! The arguments of every command, after name and arity have been checked.
//!
//! Owns the syntax of options and the wording of what is wrong with them. Each function is handed
//! the whole request, its name first.

// Strings: GET, SET and relatives.
pub(super) mod strings;
// Keys of any type, and transactions.
pub(super) mod keyspace;
// CLIENT.
pub(super) mod client;
// The connection itself.
pub(super) mod connection;
// Scripts.
pub(super) mod scripts;
// The server and what it records.
pub(super) mod server;
// COMMAND and CONFIG.
pub(super) mod introspection;
// CLUSTER.
pub(super) mod cluster;
// HOTKEYS and BIGKEYS.
pub(super) mod ranking;
// Reading options one word at a time.
mod words;
