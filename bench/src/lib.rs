//! Velodrome's measurements: servers side by side on one machine, in one run.
//!
//! Owns starting servers, loading them, and saying what each operation cost. It knows servers only
//! by their wire bytes and by what the kernel accounts to their processes. Invariant: every figure
//! is a ratio of two servers measured in the same round, since absolute figures drift by tens of
//! percent between rounds on a shared machine. Cost: one round of the full matrix takes about a
//! minute.
//!
//! Modules in reading order; a file imports only what stands below it in this list.

// The run itself: rounds, scenarios and the order in which the two servers take their turns.
pub mod peers;
// What the run found, as a table for people and as JSON for machines.
pub mod report;
// The bytes each server must answer before its speed counts.
pub mod verify;
// The load: redis-benchmark, one scenario at a time.
pub mod generator;
// A server started for the run, pinned, and stopped by its process id.
pub mod server_process;
// Which cores a child may run on.
pub mod affinity;
// Processor time of all threads of a process.
pub mod cpu_time;
// The commands and pipeline depths that are compared.
pub mod scenario;
// Medians and ranges.
pub mod spread;
// Why a run could not be done.
pub mod failure;
// Every bound, with its unit in its name.
pub mod limits;
