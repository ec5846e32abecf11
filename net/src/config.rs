//! What a driver is built from: the choice of driver, its bounds and its habits.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::limits::Limits;

/// Which driver to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriverChoice {
    /// io_uring when the host allows it, else epoll.
    #[default]
    Auto,
    /// io_uring or an error.
    IoUring,
    /// epoll.
    Epoll,
}

/// Which driver is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverKind {
    /// One io_uring.
    IoUring,
    /// One epoll instance.
    Epoll,
}

impl DriverKind {
    /// The name operators use: `io_uring` or `epoll`.
    pub fn name(self) -> &'static str {
        match self {
            DriverKind::IoUring => "io_uring",
            DriverKind::Epoll => "epoll",
        }
    }
}

/// Whether a busy io_uring driver waits a moment to take more completions at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batching {
    /// Never waits longer than for the first completion.
    Off,
    /// When recent turns took many completions each, waits at most 50 µs for half as many again.
    /// A few connections never see it.
    #[default]
    Adaptive,
}

/// How io_uring uses receive blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockUse {
    /// A block is filled by one receive after another where the kernel can (Linux 6.12): small
    /// requests cost their bytes, big ones are not split.
    #[default]
    Incremental,
    /// Every receive uses up a block, and blocks are smaller and more, as on older kernels.
    Whole,
}

/// How to build a driver.
#[derive(Clone, Debug, Default)]
pub struct DriverConfig {
    /// Which driver.
    pub choice: DriverChoice,
    /// Bounds.
    pub limits: Limits,
    /// Batching of completions.
    pub batching: Batching,
    /// Use of receive blocks.
    pub block_use: BlockUse,
    /// What a connection is told that is dropped because no descriptors are left.
    pub shed_answer: Vec<u8>,
}

/// Where to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// IPv4 or IPv6.
    Tcp(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

/// Why there is no driver.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// io_uring was asked for and the host refuses it.
    #[error("{0}")]
    IoUringRefused(String),
    /// The host refuses epoll, eventfd or the memory for receive blocks.
    #[error("the event loop could not be set up: {0}")]
    Setup(#[from] io::Error),
}
