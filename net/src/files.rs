//! File operations in progress: their buffers, descriptors and ids.
//!
//! Invariant: buffer and descriptor stay here, unmoved, until the kernel is done with them.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::limits::FILE_OPERATIONS_MAX;

/// Names one file operation of one driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OpId(pub(crate) u64);

/// What an operation does with its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileAction {
    /// Write the whole buffer at `offset`; with `dsync` it is durable when done.
    Write { offset: u64, dsync: bool },
    /// Fill the buffer from `offset`.
    Read { offset: u64 },
    /// Make the file's data durable.
    Sync,
}

/// One operation: what it holds until it is done.
pub(crate) struct FileOperation {
    pub(crate) op: OpId,
    pub(crate) file: Arc<OwnedFd>,
    pub(crate) buffer: Vec<u8>,
    pub(crate) action: FileAction,
}

/// Operations in the kernel, by slab index.
#[derive(Default)]
pub(crate) struct Files {
    slots: Vec<Option<FileOperation>>,
    free: Vec<u32>,
    next_op: u64,
}

impl Files {
    /// The next operation's id.
    pub(crate) fn next_op(&mut self) -> OpId {
        self.next_op += 1;
        OpId(self.next_op)
    }

    /// Keeps an operation; the index names it until `take`.
    pub(crate) fn insert(&mut self, operation: FileOperation) -> u32 {
        assert!(self.len() < FILE_OPERATIONS_MAX, "the log has few writes in flight");
        match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = Some(operation);
                index
            }
            None => {
                self.slots.push(Some(operation));
                (self.slots.len() - 1) as u32
            }
        }
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> &mut FileOperation {
        self.slots[index as usize].as_mut().expect("in the kernel")
    }

    pub(crate) fn take(&mut self, index: u32) -> FileOperation {
        self.free.push(index);
        self.slots[index as usize].take().expect("in the kernel")
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
