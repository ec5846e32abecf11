//! A whole node in one thread, from one seed.
//!
//! Shards are driven as their threads drive them, but a seeded scheduler decides which turns when,
//! how long parcels lie in mailboxes, where the clients' bytes are cut, who reads slowly and who
//! dies. Invariant: a seed decides everything, so a failure is repeated by its seed. Cost: a run
//! of a few hundred requests takes about a millisecond.

// Every request gets one reply, in order, and it is the right one.
mod order;
// A client whose every reply is known beforehand.
mod foreseen;
// The shards, the mailboxes and the scheduler.
mod node;
// A client.
mod actor;
// The connections of a shard.
mod wire;
// Which seeds are run.
mod seeds;
