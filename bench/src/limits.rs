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

/// Threads of the load.
pub const THREADS_MAX: usize = 256;

/// Connections of the load, all threads together.
pub const CONNECTIONS_MAX: usize = 100_000;

/// Connections one thread opens at once: more would overflow a server's backlog.
pub const CONNECTING_MAX: usize = 256;

/// How long opening all connections may take.
pub const CONNECT_WAIT_MAX: Duration = Duration::from_secs(10);

/// Requests a connection sends before it waits for their answers.
pub const PIPELINE_MAX: usize = 65_536;

/// Requests of filling that a connection sends before it waits for their answers.
pub const FILL_PIPELINE_MAX: usize = 64;

/// Bytes of values one connection has on their way while filling.
pub const FILL_BYTES_MAX: usize = 1 << 20;

/// Keys of one command of many keys.
pub const MULTI_KEYS_MAX: u32 = 10_000;

/// Bytes of a key.
pub const KEY_LEN_MAX: usize = 250;

/// Bytes of a value.
pub const VALUE_LEN_MAX: usize = 64 << 20;

/// Bytes of a key in a trace.
pub const TRACE_KEY_LEN_MAX: usize = 250;

/// Requests of a trace.
pub const TRACE_REQUESTS_MAX: usize = 1 << 30;

/// Bytes of one line of memcached's text protocol.
pub const ANSWER_LINE_LEN_MAX: usize = 8_192;

/// Requests made between two entries into the kernel: more would keep the server waiting.
pub const REQUESTS_PER_ENTRY_MAX: usize = 128;

/// The longest latency that is told apart; longer ones count as this.
pub const LATENCY_NS_MAX: u64 = 100_000_000_000;

/// How long an open loop may go on after its end to send what had come due.
pub const BACKLOG_WAIT_MAX: Duration = Duration::from_secs(2);

/// Pause before a lost connection is tried again.
pub const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// Seconds of one measurement.
pub const SECONDS_MAX: f64 = 86_400.0;

/// Requests a second that can be offered.
pub const RATE_PER_S_MAX: f64 = 1e9;

/// Memory memcached is given when it is started here, in MiB: more than any dataset needs.
pub const MEMCACHED_MEMORY_MIB: u32 = 16_384;

/// Bytes an echo server holds for one peer that does not read.
pub const ECHO_UNSENT_BYTES_MAX: usize = 4 << 20;

/// Bytes a slow reader takes at once.
pub const SLOW_READ_LEN_MAX: usize = 4_096;

/// Requests of a trace's replay over the network that wait for answers together.
pub const TRACE_BATCH_MAX: usize = 64;

/// Bytes of values such a replay writes before it reads answers.
pub const TRACE_BATCH_BYTES_MAX: usize = 256 << 10;

/// Engines a trace is dealt to.
pub const TRACE_SHARDS_MAX: usize = 1_024;

/// Longest time to live in seconds: what is more is the Unix time at which a value ends.
pub const TTL_S_MAX: u32 = 30 * 24 * 3600;

/// Turnovers of a measurement of density.
pub const TURNOVERS_MAX: u64 = 1_000;
