//! Bounds of one driver: every queue, buffer and loop of this crate's event loop has its maximum
//! here, with its unit in its name.
//!
//! `Limits` holds what an operator may change; constants hold what nobody should need to.

/// Connections one driver carries at most; a slab index has 24 bits.
pub(crate) const CONNECTIONS_MAX: u32 = 1 << 24;
/// Listening sockets of one driver.
pub(crate) const LISTENERS_MAX: usize = 64;
/// Timers waiting at once: server's and the driver's own.
pub(crate) const TIMERS_MAX: usize = 1 << 20;
/// File operations in the kernel at once.
pub(crate) const FILE_OPERATIONS_MAX: usize = 1 << 12;
/// Submission queue entries; a fuller turn is submitted early.
pub(crate) const SUBMISSIONS_MAX: u32 = 1024;
/// Completion queue entries; what does not fit is kept by the kernel and fetched next.
pub(crate) const COMPLETIONS_MAX: u32 = 8192;
/// Events of one `epoll_wait`.
pub(crate) const READY_EVENTS_MAX: usize = 256;
/// Connections accepted from one listener in one turn of the epoll driver.
pub(crate) const ACCEPTS_PER_TURN_MAX: usize = 64;
/// Connections answered and dropped at once when descriptors run out.
pub(crate) const SHED_PER_TURN_MAX: usize = 16;
/// Bytes the epoll driver takes from one connection in one turn.
pub(crate) const RECEIVE_BYTES_PER_TURN_MAX: usize = 256 << 10;
/// An emptied output buffer larger than this is given back to the allocator.
pub(crate) const OUTPUT_KEEP_BYTES_MAX: usize = 128 << 10;
/// Pieces (copied or shared) of one vectored send.
pub(crate) const SEND_PIECES_MAX: usize = 16;
/// Bytes of one send: the kernel copies them, and over loopback delivers them, while we wait.
pub(crate) const SEND_BYTES_MAX: usize = 512 << 10;
/// Bytes of a send that waits for its socket to take any.
pub(crate) const SEND_PATIENT_BYTES_MAX: usize = 256 << 10;
/// Bytes of all sends of one turn but those of connections that have little to send.
pub(crate) const SEND_BYTES_PER_TURN_MAX: usize = 512 << 10;
/// What a connection has to send is little, and goes in one piece unless its peer is slow.
pub(crate) const SEND_LITTLE_BYTES_MAX: usize = 128 << 10;
/// A socket whose peer keeps up takes so much in one piece whatever the peer's window.
pub(crate) const SEND_SURE_BYTES_MAX: usize = 16 << 10;
/// How long io_uring waits after sends that may have been taken in part,
pub(crate) const UNSURE_SEND_SLEEP_US_MAX: u64 = 1_000;
/// and after those that the first block of a socket's memory takes, unless its peer is slow.
pub(crate) const SURE_SEND_SLEEP_US_MAX: u64 = 50_000;
/// Bytes of one file operation; the kernel's count is a signed 32-bit number.
pub(crate) const FILE_OPERATION_BYTES_MAX: usize = 1 << 30;
/// Bytes that one turn receives, or little more, while what is received is to be copied on.
pub(crate) const RECEIVE_BYTES_NARROW_MAX: usize = 256 << 10;
/// Receives a batching wait asks for at most.
pub(crate) const BATCH_COMPLETIONS_MAX: u32 = 25;
/// Connections there must be for each receive that a batching wait asks for.
pub(crate) const BATCH_CONNECTIONS_EACH: usize = 4;
/// The longest time a batching wait may add.
pub(crate) const BATCH_WAIT_US_MAX: u32 = 50;
/// How long output may be held for what follows it; a reply to another core's request comes sooner.
pub(crate) const OUTPUT_HOLD_US_MAX: u64 = 200;
/// Output beyond this is not held.
pub(crate) const OUTPUT_HOLD_BYTES_MAX: usize = 32 << 10;
/// Pause before accepting again after the process ran out of descriptors.
pub(crate) const ACCEPT_PAUSE_MS: u64 = 100;
/// Silence after which TCP probes a peer, and the pause between its three probes.
pub(crate) const KEEPALIVE_IDLE_S: u64 = 300;
/// Pause between keepalive probes.
pub(crate) const KEEPALIVE_INTERVAL_S: u64 = 100;
/// Unanswered probes after which a peer counts as gone.
pub(crate) const KEEPALIVE_PROBES_MAX: u32 = 3;
/// Rounds in which a dropped driver waits for the kernel to let go of its buffers.
pub(crate) const DROP_ROUNDS_MAX: usize = 1000;

/// What an operator may set for one driver.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; `adopt` and `connect` beyond it are refused.
    pub connections_max: u32,
    /// `Event::Sent` comes when a connection's backlog falls to this.
    pub output_low_water_bytes: usize,
    /// How long `close` waits for the peer to take what is queued.
    pub linger_ms: u64,
    /// Receive blocks of a driver; a power of two, at most 32768.
    pub receive_blocks: u16,
    /// Bytes of one receive block.
    pub receive_block_bytes: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 10_000,
            output_low_water_bytes: 64 << 10,
            linger_ms: 5_000,
            receive_blocks: 32,
            receive_block_bytes: 128 << 10,
        }
    }
}
