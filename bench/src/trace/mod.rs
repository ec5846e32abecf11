//! Traces replayed: how often what was asked for was not in the cache.
//!
//! Owns the replay of one trace by many caches: every policy, at every size. Invariant: all of
//! them see the same requests for objects of the same sizes, and what is missed is put in at once.
//! Cost: one pass of the trace a cache; the caches are simulated one after another.
//!
//! Modules in reading order; a file imports only what stands below it in this list.

// Which caches replay the trace, one after another.
pub mod matrix;
// What was found, as plots.
pub mod picture;
// What was found, as lines for people.
pub mod table;
// What a replay leaves behind.
pub mod record;
// The replay over the network.
pub mod over;
// The replay through engines in this process.
pub mod shards;
// What a replay found.
pub mod figure;
// Objects: a trace's keys with their sizes.
pub mod objects;
// Policies as their definitions say.
pub mod exact;
// Files of requests.
pub mod file;
// How a file of requests is written.
pub mod format;
