//! A packed value as callers see it, and the account of unpacking.
//!
//! Invariant: nothing is unpacked before somebody asks for bytes: a length is read from the prefix.
//! Cost: unpacking takes what `codec.rs` says and two looks at the caller's clock.

use core::cell::{Cell, RefCell};

use crate::codec::{PREFIX_LEN, Prefix, Unpacker};

/// What unpacking took, and its contexts.
#[derive(Debug)]
pub(crate) struct Unpacking {
    unpacker: RefCell<Unpacker>,
    clock_ns: fn() -> u64,
    pub(crate) count: Cell<u64>,
    pub(crate) took_ns: Cell<u64>,
}

impl Unpacking {
    pub(crate) fn new(clock_ns: fn() -> u64) -> Self {
        let (count, took_ns) = (Cell::new(0), Cell::new(0));
        Self { unpacker: RefCell::default(), clock_ns, count, took_ns }
    }

    /// Gives the contexts back; nothing is packed any more.
    pub(crate) fn forget(&mut self) {
        self.unpacker = RefCell::default();
    }
}

/// A value that is kept packed.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a> {
    /// Prefix first.
    pub(crate) bytes: &'a [u8],
    pub(crate) by: &'a Unpacking,
}

impl Packed<'_> {
    /// Bytes of the value.
    #[inline]
    pub fn raw_len(&self) -> usize {
        Prefix::read(self.bytes).raw_len()
    }

    /// Appends the value to `out`.
    #[cold]
    #[inline(never)]
    pub fn append_to(&self, out: &mut Vec<u8>) {
        let (by, prefix) = (self.by, Prefix::read(self.bytes));
        let began_ns = (by.clock_ns)();
        by.unpacker.borrow_mut().unpack(prefix, &self.bytes[PREFIX_LEN..], out);
        by.count.set(by.count.get() + 1);
        by.took_ns.set(by.took_ns.get() + (by.clock_ns)().saturating_sub(began_ns));
    }
}
