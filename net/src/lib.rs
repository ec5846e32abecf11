//! One core's sockets and files, and the wire protocols.
//!
//! `Driver` is the event loop: it owns sockets, timers, wake-ups and log writes of one core and
//! reports a closed list of events. The codecs do no I/O. Modules are listed in reading order; a
//! file imports only from modules below it.

// The event loop's interface: io_uring or epoll.
mod driver;
// The driver over io_uring.
mod uring;
// The driver over epoll.
mod epoll;
// What both drivers share.
mod hub;
// The listening sockets of a driver; running out of descriptors.
mod listeners;
// What a driver is built from.
mod config;
// What happened: the closed list of events.
mod event;
// One-shot timers.
mod timers;
// The connections of a driver and their ids.
mod connections;
// What a connection still has to send.
mod output;
// File operations in progress.
mod files;
// The place for encryption between driver and codec.
mod transform;
// Received bytes and the blocks they lie in.
mod buffers;
// Waking a driver from elsewhere.
mod waker;
// Listening sockets: binding and its errors.
mod listen;
// Options of stream sockets.
mod sockets;
// The monotonic clock.
mod clock;
// Every bound of the event loop.
mod limits;
// What a request asks: the closed `Command` and its metadata.
pub mod command;
// The RESP protocol's bytes, for servers and clients.
pub mod resp;

pub use buffers::Chunk;
pub use clock::mono_ns;
pub use config::{
    Address, Batching, BlockUse, DriverChoice, DriverConfig, DriverError, DriverKind,
};
pub use connections::ConnId;
pub use driver::Driver;
pub use event::{CloseReason, Event};
pub use files::OpId;
pub use hub::Wait;
pub use limits::Limits;
pub use listen::{BindError, bind_tcp, bind_unix};
pub use output::SharedBytes;
pub use waker::Waker;
