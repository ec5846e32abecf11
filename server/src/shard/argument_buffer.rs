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

    /// Keeps where one command's arguments lie in `bytes`, if they all do.
    pub(crate) fn push_within(&mut self, args: Args<'_>, bytes: &[u8]) -> Option<ArgumentRange> {
        let first = self.spans.len();
        for arg in args.iter() {
            let start = arg.as_ptr().addr().wrapping_sub(bytes.as_ptr().addr());
            if start > bytes.len() || arg.len() > bytes.len() - start {
                self.spans.truncate(first);
                return None;
            }
            self.spans.push(Span::of_request(start, arg.len()));
        }
        Some(ArgumentRange { first: first as u32, count: args.len() as u32 })
    }

    /// The arguments of [`push_within`](Self::push_within) in those bytes.
    #[inline]
    pub(crate) fn get_within<'a>(&'a self, range: ArgumentRange, bytes: &'a [u8]) -> Args<'a> {
        let first = range.first as usize;
        Args::new(bytes, &self.spans[first..first + range.count as usize])
    }

    /// One command's arguments.
    #[inline]
    pub(crate) fn get(&self, range: ArgumentRange) -> Args<'_> {
        self.get_within(range, &self.bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_other_bytes_is_kept_as_it_lies_there() {
        let bytes = b"SET k value";
        let spans = [(0, 3), (4, 1), (6, 5)].map(|(start, len)| Span::of_request(start, len));
        let mut buffer = ArgumentBuffer::default();
        buffer.push([&b"GET"[..], b"j"].into_iter());
        let args = Args::new(bytes, &spans);
        let range = buffer.push_within(args, bytes).expect("it lies there");
        assert_eq!(buffer.len_bytes(), 4, "nothing was copied");
        assert!(buffer.get_within(range, bytes).iter().eq(args.iter()));
        for elsewhere in [&bytes[1..], &bytes[..8], &b"SET k value"[..0]] {
            assert!(buffer.push_within(args, elsewhere).is_none());
        }
        let again = buffer.push_received(args);
        assert!(buffer.get(again).iter().eq(args.iter()), "nothing was left behind");
    }
}
