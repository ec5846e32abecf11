//! The parts of the binary `velodrome`.

// Logs.
pub mod logging;
// Configuration.
pub mod config;
