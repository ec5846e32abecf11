//! Received bytes: blocks of one mapped region, filled front to back, shared out as `Chunk`s.
//!
//! ```text
//! block: │ chunk │ chunk │ chunk │ free, owned by whoever fills (kernel or epoll) │
//!        0                       filled                                 block_len
//! ```
//!
//! Invariant: bytes before `filled` never change while a chunk or the filler holds the block;
//! bytes after it belong to the filler alone. A block is free again when its filler and its last
//! chunk have let go. Cost: a chunk is two counter increments, no allocation, no copy. A chunk
//! kept keeps its whole block, so leftovers that wait for more bytes are to be copied out.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::slice;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// All receive blocks of one driver.
pub(crate) struct Blocks {
    base: NonNull<u8>,
    block_len: usize,
    /// Holders of each block: its chunks, plus one while it is being filled.
    holders: Box<[Cell<u32>]>,
    /// Blocks nobody holds.
    free: RefCell<Vec<u16>>,
}

impl Blocks {
    /// Maps `count` blocks of `block_len` bytes; pages cost memory once they are written.
    pub(crate) fn new(count: u16, block_len: usize) -> io::Result<Rc<Blocks>> {
        assert!(count > 0 && block_len > 0 && block_len <= u32::MAX as usize);
        let len = count as usize * block_len;
        let flags = MapFlags::PRIVATE;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let base = unsafe {
            mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, flags)?
        };
        let base = NonNull::new(base.cast()).expect("a mapping is never at address zero");
        let holders = (0..count).map(|_| Cell::new(0)).collect();
        let free = RefCell::new((0..count).rev().collect());
        Ok(Rc::new(Blocks { base, block_len, holders, free }))
    }

    pub(crate) fn block_len(&self) -> usize {
        self.block_len
    }

    pub(crate) fn bytes(&self) -> usize {
        self.holders.len() * self.block_len
    }

    pub(crate) fn has_free(&self) -> bool {
        !self.free.borrow().is_empty()
    }

    /// A free block, now held by its filler.
    pub(crate) fn take_free(&self) -> Option<u16> {
        let block = self.free.borrow_mut().pop()?;
        let holders = &self.holders[block as usize];
        assert!(holders.get() == 0);
        holders.set(1);
        Some(block)
    }

    /// One holder lets go.
    #[inline]
    pub(crate) fn release(&self, block: u16) {
        let holders = &self.holders[block as usize];
        assert!(holders.get() > 0, "let go once for every hold");
        holders.set(holders.get() - 1);
        if holders.get() == 0 {
            self.free.borrow_mut().push(block);
        }
    }

    /// Where the kernel is to write a block's bytes.
    pub(crate) fn address(&self, block: u16) -> *mut u8 {
        assert!((block as usize) < self.holders.len());
        // SAFETY: the block was checked to lie inside the mapping.
        unsafe { self.base.as_ptr().add(block as usize * self.block_len) }
    }

    /// Hands out bytes that were just filled. The filler must never write them again while it
    /// holds the block.
    #[inline]
    pub(crate) fn chunk(self: &Rc<Blocks>, block: u16, offset: usize, len: usize) -> Chunk {
        assert!(offset + len <= self.block_len);
        let holders = &self.holders[block as usize];
        assert!(holders.get() > 0, "only a held block has bytes");
        holders.set(holders.get() + 1);
        Chunk { blocks: self.clone(), block, offset: offset as u32, len: len as u32 }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping of `new`, and with the last `Rc` no chunk is left.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.bytes()) };
    }
}

/// The block that is being filled by system calls (epoll).
pub(crate) struct Filling {
    blocks: Rc<Blocks>,
    current: Option<(u16, usize)>,
    /// A block with less space than this is retired.
    space_min: usize,
}

impl Filling {
    pub(crate) fn new(blocks: Rc<Blocks>) -> Filling {
        let space_min = blocks.block_len / 4;
        Filling { blocks, current: None, space_min }
    }

    /// Lets `read` fill free space and answers the chunk it filled with the length it was
    /// offered; `None` when every block is held.
    pub(crate) fn fill(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> Option<io::Result<(Chunk, usize)>> {
        let (block, filled) = self.space()?;
        let offered = self.blocks.block_len - filled;
        // SAFETY: the region is mapped and initialised (zero pages or earlier bytes), and bytes
        // from `filled` on are in no chunk: chunks end at `filled`, and a block is refilled from
        // 0 only after its last chunk let go.
        let free =
            unsafe { slice::from_raw_parts_mut(self.blocks.address(block).add(filled), offered) };
        Some(read(free).map(|count| {
            assert!(count <= offered);
            self.current = Some((block, filled + count));
            (self.blocks.chunk(block, filled, count), offered)
        }))
    }

    fn space(&mut self) -> Option<(u16, usize)> {
        if let Some((block, filled)) = self.current {
            if self.blocks.block_len - filled >= self.space_min {
                return self.current;
            }
            self.blocks.release(block);
            self.current = None;
        }
        self.current = self.blocks.take_free().map(|block| (block, 0));
        self.current
    }
}

/// Bytes received by one driver, in the place they were received in.
///
/// Keeps its block until dropped; stays valid after its driver is gone.
pub struct Chunk {
    blocks: Rc<Blocks>,
    block: u16,
    offset: u32,
    len: u32,
}

impl Chunk {
    /// A chunk with a copy of `bytes`, for what did not come from a socket. Panics when empty.
    pub fn copied(bytes: &[u8]) -> Chunk {
        let blocks = Blocks::new(1, bytes.len()).expect("memory for one chunk");
        let mut filling = Filling::new(blocks);
        let filled = filling.fill(|free| {
            free.copy_from_slice(bytes);
            Ok(bytes.len())
        });
        filled.expect("the first block is free").expect("copying cannot fail").0
    }

    /// Forgets the first `count` bytes; panics when there are fewer.
    pub fn advance(&mut self, count: usize) {
        assert!(count <= self.len as usize);
        self.offset += count as u32;
        self.len -= count as u32;
    }
}

impl Deref for Chunk {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        let at = self.block as usize * self.blocks.block_len + self.offset as usize;
        // SAFETY: `Blocks::chunk` checked the bounds, the bytes are initialised, and nobody
        // writes them while this chunk holds the block.
        unsafe { slice::from_raw_parts(self.blocks.base.as_ptr().add(at), self.len as usize) }
    }
}

impl Drop for Chunk {
    #[inline]
    fn drop(&mut self) {
        self.blocks.release(self.block);
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(filling: &mut Filling, bytes: &[u8]) -> Option<Chunk> {
        let filled = filling.fill(|free| {
            free[..bytes.len()].copy_from_slice(bytes);
            Ok(bytes.len())
        });
        filled.map(|filled| filled.unwrap().0)
    }

    #[test]
    fn blocks_come_back_when_filler_and_chunks_let_go() {
        let blocks = Blocks::new(2, 8).unwrap();
        let mut filling = Filling::new(blocks.clone());
        let one = put(&mut filling, b"1234567").unwrap();
        let two = put(&mut filling, b"abcdefgh").unwrap();
        assert!(put(&mut filling, b"x").is_none(), "both blocks are held");
        assert_eq!((&*one, &*two), (&b"1234567"[..], &b"abcdefgh"[..]));
        drop(one);
        let mut three = put(&mut filling, b"yz").unwrap();
        three.advance(1);
        assert_eq!((&*three, &*two), (&b"z"[..], &b"abcdefgh"[..]));
        assert!(!blocks.has_free());
        drop(two);
        assert!(blocks.has_free());
    }

    #[test]
    fn a_chunk_outlives_its_pool() {
        let chunk = Chunk::copied(b"still here");
        assert_eq!(&*chunk, b"still here");
    }
}
