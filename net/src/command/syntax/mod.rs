//! The arguments of every command, after name and arity have been checked.
//!
//! Owns the syntax of options and the wording of what is wrong with them. Each function is handed
//! the whole request, its name first.

// Strings: GET, SET and relatives.
pub(super) mod strings;
// Keys of any type, and transactions.
pub(super) mod keyspace;
// The connection itself.
pub(super) mod connection;
// CLIENT.
pub(super) mod client;
// The server and what it records.
pub(super) mod server;
// COMMAND and CONFIG.
pub(super) mod introspection;
// CLUSTER.
pub(super) mod cluster;
// Scripts.
pub(super) mod scripts;
// Reading options one word at a time.
mod words;
