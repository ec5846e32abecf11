//! The parts of the binary `velodrome`, in reading order.

// A whole node in one thread, from one seed.
#[cfg(test)]
mod simulation;
// The sub-command that looks at the host.
pub mod tune;
// A node from start to stop.
pub mod node;
// A shard's thread: the driver and the shard, turn after turn.
mod turn;
// The driver as the shard's wire.
mod wiring;
// The addresses on which clients reach the node.
mod listeners;
// A socket that has just been accepted.
mod arrival;
// A shard's dataset when the node starts.
mod dataset;
// The thread that packs long values.
mod packing_worker;
// Signals to stop.
mod signals;
// Outgoing mail: what waits for room, and whom to wake.
mod post;
// How long to look for siblings' answers before sleeping.
mod spin;
// The mailboxes between shards.
mod mailbox;
// One core's data and everything that is said about it.
mod shard;
// What commands do to the dataset.
mod execute;
// What is true of the node as a whole.
mod facts;
// What a shard publishes.
mod gauges;
// How much processor time turns take.
mod turn_times;
// Wall time that never steps.
mod clock;
// What the machine allows.
pub mod capacity;
// Every bound of the server.
mod limits;
// Logs.
pub mod logging;
// Configuration.
pub mod config;
