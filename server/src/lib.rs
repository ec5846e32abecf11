//! The parts of the binary `velodrome`.
