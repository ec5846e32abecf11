//! Arguments that outlive the buffer they arrived in.
//!
//! Commands queued by MULTI, waiting for a slot or travelling to a sibling core are kept as one run
//! of bytes and one run of spans, so that keeping a command costs no allocation of its own.

use velodrome_net::resp::{Args, Span};

/// Many commands' arguments, back to back.
#[derive(Debug, Default)]
pub(crate) struct ArgumentBuffer {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

/// One command's arguments within an [`ArgumentBuffer`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ArgumentRange {
    first: u32,
    count: u32,
}

impl ArgumentBuffer {
    /// Copies one command's arguments in.
    pub(crate) fn push<'a>(&mut self, args: impl Iterator<Item = &'a [u8]>) -> ArgumentRange {
        let first = self.spans.len();
        for arg in args {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(arg);
            self.spans.push(Span::of_request(start, arg.len()));
        }
        ArgumentRange { first: first as u32, count: (self.spans.len() - first) as u32 }
    }

    /// The same for a request as it was received.
    #[inline]
    pub(crate) fn push_received(&mut self, args: Args<'_>) -> ArgumentRange {
        let first = self.spans.len() as u32;
        args.append_to(&mut self.bytes, &mut self.spans);
        ArgumentRange { first, count: args.len() as u32 }
    }

    /// One command's arguments.
    #[inline]
    pub(crate) fn get(&self, range: ArgumentRange) -> Args<'_> {
        let first = range.first as usize;
        Args::new(&self.bytes, &self.spans[first..first + range.count as usize])
    }

    /// Bytes of the arguments kept.
    pub(crate) fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of memory held for them.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.spans.capacity() * size_of::<Span>()
    }

    /// Forgets everything, keeping at most `capacity_max` bytes of room for the next use.
    pub(crate) fn clear(&mut self, capacity_max: usize) {
        self.bytes.clear();
        self.spans.clear();
        self.bytes.shrink_to(capacity_max);
        self.spans.shrink_to(capacity_max / size_of::<Span>());
    }
}
