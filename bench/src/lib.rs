//! Velodrome's measurements: a load generator, and servers side by side on one machine in one run.
//!
//! Owns loading servers, starting them, and saying what each operation cost. It knows servers only
//! by their wire bytes and by what the kernel accounts to their processes. Invariant: servers are
//! compared by ratios of the same round, since absolute figures drift by tens of percent between
//! rounds on a shared machine. Cost: the load's.
//!
//! Modules in reading order; a file imports only what stands below it in this list.

// The command line.
pub mod cli;
// The document of what was measured, made from records.
pub mod performance;
// The latency suite: named scenarios, records, their comparison.
pub mod suite;
// The highest rate a server answers in time.
pub mod ceiling;
// Traces replayed: miss ratios by policy and size.
pub mod trace;
// What an item weighs in resident memory.
pub mod density;
// Rounds, scenarios and the order in which the servers take their turns.
pub mod peers;
// What the comparison found, as a table for people and as JSON for machines.
pub mod report;
// The bytes each server must answer before its speed counts.
pub mod verify;
// The other load: redis-benchmark, one scenario at a time.
pub mod redis_benchmark;
// What is compared: commands, connections, depths, values, bars.
pub mod scenario;
// A server started for the run, pinned, and stopped by its process id.
pub mod server_process;
// The report of a load as one HTML file.
pub mod html;
// Line plots as SVG.
pub mod plot;
// Horizontal bars as SVG.
pub mod bars;
// The frame and the colours of drawings.
pub mod drawing;
// What came of a load, as text and as JSON.
pub mod summary;
// What is seen while a load runs.
pub mod live;
// Instructions an operation takes, and their ceilings.
pub mod instructions;
// Single operations of codec and engine.
pub mod micro;
// A server that sends back what it gets.
pub mod echo;
// The load generator: threads, stages, outcomes.
pub mod load;
// Requests to bytes and bytes to answers.
pub mod protocol;
// What is asked: commands, keys, values.
pub mod workload;
// Resident memory, and who listens on a port.
pub mod resident;
// Which cores a child or a thread may run on.
pub mod affinity;
// Processor time of all threads of a process.
pub mod cpu_time;
// On what, of what and when a record was taken.
pub mod provenance;
// Medians and ranges.
pub mod spread;
// Why a run could not be done.
pub mod failure;
// Every bound, with its unit in its name.
pub mod limits;
