//! The load generator: threads with a loop each, stages they run together, what came of them.
//!
//! Owns the session with a server. Invariant: a stage begins when every thread has ended the one
//! before, so that what the server spent between two stages belongs to one of them. Cost: one
//! message a thread and second beside the load itself.

// The session: threads, stages, the server's account.
mod session;
// One thread.
mod worker;
// Requests out, answers in.
mod traffic;
// Connections opened, lost and renewed.
mod connection;
// Whether an answer is right.
mod judge;
// What came of a stage.
mod outcome;
// What a load is made of.
mod plan;
// When requests are sent.
mod pace;
// What a thread saw.
mod tally;

pub use outcome::{Latencies, Outcome, Second, ServerCost};
pub use pace::{Arrivals, Pace};
pub use plan::{Limit, Plan, Stage};
pub use session::Session;
pub use tally::Tally;
