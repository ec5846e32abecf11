//! A whole node in one thread, from one seed.
//!
//! Shards are driven as their threads drive them, but a seeded scheduler decides which turns when,
//! how long parcels lie in mailboxes, where the clients' bytes are cut, who reads slowly and who
//! dies. Invariant: a seed decides everything, so a failure is repeated by its seed. Cost: a run
//! of a few hundred requests takes about a millisecond.

// Every request gets one reply, in order, and it is the right one.
mod order;
// Few requests, every word of their answers.
mod conversations;
// Transactions are all or nothing.
mod atomicity;
// Histories of reads, writes and transactions have a serial order.
mod histories;
// Slots that move while clients work.
mod tables;
// Quotas that move between shards.
mod quotas;
// Long requests: what is held of them, and who gets it back.
mod receiving;
// Turns are shared among connections.
mod fairness;
// Requests that cross, and what they cost.
mod crossing;
// Replies that wait for durability and acknowledgements.
mod durability;
// The search for a serial order.
mod serial_order;
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
