//! What a shard asks of the connections it serves.
//!
//! The driver implements it; so does the simulator of the tests, and that is why the shard knows
//! no socket and no clock.

use std::sync::Arc;

use velodrome_engine::LargeValue;
use velodrome_net::ConnId;

/// The sending side of one core's connections.
pub(crate) trait Wire {
    /// Nanoseconds since some start, to measure what takes long.
    fn now_ns(&self) -> u64;
    /// Where replies to this connection are appended; `None` when it has gone.
    fn output(&mut self, conn: ConnId) -> Option<&mut Vec<u8>>;
    /// Sends a large value from its place, after everything appended so far.
    fn send_shared(&mut self, conn: ConnId, value: Arc<LargeValue>);
    /// Keeps the output back for a moment: more will soon follow it.
    fn hold(&mut self, conn: ConnId);
    /// Lets the output go.
    fn release(&mut self, conn: ConnId);
    /// Bytes that the peer has not taken yet.
    fn unsent_bytes(&self, conn: ConnId) -> usize;
    /// Those of them that are held for this peer alone, not sent from where they lie.
    fn buffered_bytes(&self, conn: ConnId) -> usize;
    /// Bytes held for all peers.
    fn all_buffered_bytes(&self) -> usize;
    /// Bytes that the peer has taken in the connection's life.
    fn sent_total(&self, conn: ConnId) -> u64;
    /// Asks to be told when the peer has taken most of what is unsent.
    fn notify_when_sent(&mut self, conn: ConnId);
    /// Stops reading from the peer.
    fn pause(&mut self, conn: ConnId);
    /// Reads from the peer again.
    fn resume(&mut self, conn: ConnId);
    /// Closes once the output has been sent.
    fn close(&mut self, conn: ConnId);
    /// Closes at once; what was not sent is lost.
    fn abort(&mut self, conn: ConnId);
}
