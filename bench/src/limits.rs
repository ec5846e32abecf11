//! Bounds of a measurement run.
//!
//! Owns the maxima. Invariant: each carries its unit in its name. Cost: none.

use std::time::Duration;

/// Rounds in one run.
pub const ROUNDS_MAX: u32 = 1_000;

/// How long a server may take to answer its first PING, in wall time.
pub const START_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long a server may take to answer one request of the check before the run.
pub const REPLY_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long a server may take to end after it was asked to, before it is killed.
pub const STOP_WAIT_MAX: Duration = Duration::from_secs(5);

/// Bytes of a server's own output that are shown when it fails to start.
pub const OUTPUT_TAIL_LEN_MAX: usize = 2_048;

/// Bytes read while waiting for one reply of the check before the run.
pub const CHECK_REPLY_LEN_MAX: usize = 4_096;

/// Distinct keys the generator draws from: it writes them as 12 digits.
pub const KEYS_MAX: u64 = 999_999_999_999;
