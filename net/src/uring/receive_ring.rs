//! The receive blocks offered to the kernel: a ring of buffers shared with it.
//!
//! ```text
//! entry: │ address:u64 │ len:u32 │ block:u16 │ tail:u16 (of entry 0: the ring's tail) │
//! ```
//!
//! With incremental consumption (Linux 6.12) the kernel fills a block front to back with whatever
//! arrives for any connection, and says when it is done with it; without it every receive uses up
//! a block. Either way a block is offered again when its last chunk was dropped. Invariant: a
//! block is in the ring, or in chunks, or free. Cost: 16 bytes written a block, none a receive.

#![allow(unsafe_code)]

use std::io;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use crate::buffers::{Blocks, Chunk};
use crate::limits::{Limits, RECEIVE_BYTES_NARROW_MAX};

/// The only buffer group of a ring.
pub(crate) const GROUP: u16 = 0;
/// `IOU_PBUF_RING_INC`.
const INCREMENTAL: u16 = 2;
/// Without incremental consumption, blocks are this many times smaller and more.
const WHOLE_BLOCK_SPLIT: u32 = 8;
/// But not smaller than this.
const WHOLE_BLOCK_LEN_MIN: u32 = 2048;

/// Blocks in the kernel's hands.
pub(crate) struct ReceiveRing {
    blocks: Rc<Blocks>,
    entries: NonNull<BufRingEntry>,
    entry_count: u16,
    tail: u16,
    incremental: bool,
    /// Blocks in the kernel's hands, and how many those may be.
    offered: usize,
    offered_max: usize,
    /// Bytes of each block already in chunks.
    filled: Box<[u32]>,
}

impl ReceiveRing {
    /// Maps the blocks and registers the ring; it must be dropped after the io_uring.
    pub(crate) fn new(
        submitter: &Submitter<'_>,
        limits: &Limits,
        incremental: bool,
    ) -> io::Result<ReceiveRing> {
        let (count, len) = (limits.receive_blocks, limits.receive_block_bytes);
        if incremental && let Ok(ring) = ReceiveRing::register(submitter, count, len, true) {
            return Ok(ring);
        }
        let split = WHOLE_BLOCK_SPLIT.min(len / WHOLE_BLOCK_LEN_MIN).max(1);
        let count = (u32::from(count) * split).min(1 << 15) as u16;
        ReceiveRing::register(submitter, count, len / split, false)
    }

    fn register(
        submitter: &Submitter<'_>,
        count: u16,
        block_len: u32,
        incremental: bool,
    ) -> io::Result<ReceiveRing> {
        let entry_count = count.next_power_of_two();
        let len = entry_count as usize * size_of::<BufRingEntry>();
        let flags = MapFlags::PRIVATE;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let entries = unsafe {
            mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, flags)?
        };
        let entries = NonNull::new(entries.cast()).expect("a mapping is never at address zero");
        let blocks = Blocks::new(count, block_len as usize)?;
        let filled = vec![0; count as usize].into();
        let (tail, offered, offered_max) = (0, 0, few_of(block_len as usize));
        let mut ring = ReceiveRing {
            blocks,
            entries,
            entry_count,
            tail,
            incremental,
            offered,
            offered_max,
            filled,
        };
        let flags = if incremental { INCREMENTAL } else { 0 };
        let address = entries.as_ptr() as u64;
        // SAFETY: the mapping is page-aligned, zeroed, big enough for `entry_count`, and outlives
        // the io_uring: the driver drops this after it.
        unsafe { submitter.register_buf_ring_with_flags(address, entry_count, GROUP, flags)? };
        ring.offer_free();
        Ok(ring)
    }

    /// Memory of the blocks.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.bytes()
    }

    /// From now on the kernel has few blocks at a time, or all.
    pub(crate) fn narrow(&mut self, narrow: bool) {
        self.offered_max = if narrow { few_of(self.blocks.block_len()) } else { usize::MAX };
    }

    /// Offers free blocks to the kernel; true when there was one.
    pub(crate) fn offer_free(&mut self) -> bool {
        if !self.blocks.has_free() || self.offered >= self.offered_max {
            return false;
        }
        while self.offered < self.offered_max
            && let Some(block) = self.blocks.take_free()
        {
            self.offered += 1;
            self.filled[block as usize] = 0;
            let slot = self.tail & (self.entry_count - 1);
            self.tail = self.tail.wrapping_add(1);
            // SAFETY: `slot` is below `entry_count`; the kernel does not read this entry before
            // the tail below is published, and there are no more blocks than entries.
            let entry = unsafe { &mut *self.entries.as_ptr().add(slot as usize) };
            entry.set_addr(self.blocks.address(block) as u64);
            entry.set_len(self.blocks.block_len() as u32);
            entry.set_bid(block);
        }
        // SAFETY: the tail lies in the first entry, which is mapped and initialised; it is only
        // ever accessed as this atomic.
        let tail = unsafe { &*BufRingEntry::tail(self.entries.as_ptr()).cast::<AtomicU16>() };
        tail.store(self.tail, Ordering::Release);
        true
    }

    /// The bytes a completion says were received; `flags` are its flags.
    #[inline]
    pub(crate) fn take(&mut self, flags: u32, len: usize) -> Chunk {
        let block = io_uring::cqueue::buffer_select(flags).expect("a receive names its block");
        let filled = &mut self.filled[block as usize];
        let chunk = self.blocks.chunk(block, *filled as usize, len);
        *filled += len as u32;
        if !self.incremental || !io_uring::cqueue::buffer_more(flags) {
            self.withdraw(block);
        }
        chunk
    }

    /// A completion without bytes that used up a block anyway.
    pub(crate) fn discard(&mut self, flags: u32) {
        if let Some(block) = io_uring::cqueue::buffer_select(flags)
            && !self.incremental
        {
            self.withdraw(block);
        }
    }

    /// The kernel is done with a block.
    fn withdraw(&mut self, block: u16) {
        self.offered -= 1;
        self.blocks.release(block);
    }
}

/// How many blocks are enough for what one turn can copy.
fn few_of(block_len: usize) -> usize {
    RECEIVE_BYTES_NARROW_MAX.div_ceil(block_len)
}

impl Drop for ReceiveRing {
    fn drop(&mut self) {
        let len = self.entry_count as usize * size_of::<BufRingEntry>();
        // SAFETY: the whole mapping of `register`; the io_uring that read it is gone.
        let _ = unsafe { munmap(self.entries.as_ptr().cast(), len) };
    }
}
