//! A request's arguments, in place.
//!
//! Owns the difference between where an argument lies and what it says. Arguments stay in the
//! connection's receive buffer; only those of inline requests that were quoted or escaped are
//! copied, into the [`ArgBuf`].
//! Invariant: a span that a parser wrote lies inside the bytes it was given.
//! Cost: 8 bytes an argument, one shared buffer a shard.

const UNESCAPED_BIT: u32 = 1 << 31;

/// Where one argument lies.
///
/// ```text
/// start: bit 31      set: the bytes are in ArgBuf's copy of unescaped text
///        bits 0..31  offset
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte, with the flag above.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

impl Span {
    /// A span of the request's own bytes.
    #[must_use]
    pub const fn of_request(start: usize, len: usize) -> Self {
        debug_assert!(start < UNESCAPED_BIT as usize && len < UNESCAPED_BIT as usize);
        Self { start: start as u32, len: len as u32 }
    }

    pub(super) const fn of_unescaped(start: usize, len: usize) -> Self {
        Self { start: start as u32 | UNESCAPED_BIT, len: len as u32 }
    }

    fn offset(self) -> usize {
        (self.start & !UNESCAPED_BIT) as usize
    }
}

/// Spans of parsed requests and the text of unescaped arguments.
///
/// One a shard serves all its connections: [`RequestParser::next`](super::RequestParser::next)
/// appends, the owner clears when it has executed what it parsed. A batch remembers for each
/// request the range `spans_before..spans_after` of [`ArgBuf::len`].
#[derive(Debug, Default)]
pub struct ArgBuf {
    pub(super) spans: Vec<Span>,
    pub(super) unescaped: Vec<u8>,
}

/// Spans kept allocated by [`ArgBuf::clear`].
const SPANS_KEPT_MAX: usize = 16 * 1024;
/// Unescaped bytes kept allocated by [`ArgBuf::clear`].
const UNESCAPED_KEPT_MAX_BYTES: usize = 64 * 1024;

impl ArgBuf {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of spans held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether no span is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// All spans, as arguments of the request at the start of `bytes`.
    #[must_use]
    pub fn args<'a>(&'a self, bytes: &'a [u8]) -> Args<'a> {
        self.args_in(bytes, 0..self.spans.len())
    }

    /// The spans of `range`, as arguments of the request at the start of `bytes`.
    ///
    /// # Panics
    /// When `range` is not within `0..len()`.
    #[must_use]
    pub fn args_in<'a>(&'a self, bytes: &'a [u8], range: std::ops::Range<usize>) -> Args<'a> {
        Args { bytes, unescaped: &self.unescaped, spans: &self.spans[range] }
    }

    /// Forgets everything; gives back the memory of an unusually large request.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.unescaped.clear();
        if self.spans.capacity() > SPANS_KEPT_MAX {
            self.spans.shrink_to(SPANS_KEPT_MAX);
        }
        if self.unescaped.capacity() > UNESCAPED_KEPT_MAX_BYTES {
            self.unescaped.shrink_to(UNESCAPED_KEPT_MAX_BYTES);
        }
    }
}

/// One request's arguments, or a tail of them.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a [u8],
    unescaped: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// A view of `spans` over a request's `bytes` that needed no unescaping.
    #[must_use]
    pub const fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self { bytes, unescaped: &[], spans }
    }

    /// Number of arguments.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`.
    ///
    /// # Panics
    /// When `index` is not below `len()`, or when the view was built over other bytes than the
    /// ones that were parsed.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> &'a [u8] {
        self.resolve(self.spans[index])
    }

    /// The argument at `index`, or `None` behind the last one.
    #[inline]
    #[must_use]
    pub fn try_get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|&span| self.resolve(span))
    }

    /// The arguments in order.
    #[must_use]
    pub fn iter(&self) -> ArgsIter<'a> {
        ArgsIter { args: *self, front: 0, back: self.spans.len() }
    }

    /// The arguments from the index `from` on; empty when there are none.
    #[must_use]
    pub fn slice(&self, from: usize) -> Self {
        Self { spans: self.spans.get(from..).unwrap_or(&[]), ..*self }
    }

    /// The arguments of `range`.
    ///
    /// # Panics
    /// When `range` is not within `0..len()`.
    #[must_use]
    pub fn range(&self, range: std::ops::Range<usize>) -> Self {
        Self { spans: &self.spans[range], ..*self }
    }

    /// Copies the arguments behind `bytes` and where they lie there behind `spans`. Those that
    /// lie in the request are copied at once, with what is between them.
    #[inline]
    pub fn append_to(&self, bytes: &mut Vec<u8>, spans: &mut Vec<Span>) {
        let (Some(first), Some(last)) = (self.spans.first(), self.spans.last()) else { return };
        let (from, to) = (first.start as usize, last.start as usize + last.len as usize);
        let base = bytes.len();
        if self.spans.iter().any(|span| span.start & UNESCAPED_BIT != 0) {
            for arg in self.iter() {
                spans.push(Span::of_request(bytes.len(), arg.len()));
                bytes.extend_from_slice(arg);
            }
            return;
        }
        bytes.extend_from_slice(&self.bytes[from..to]);
        let moved =
            |span: &Span| Span::of_request(span.start as usize - from + base, span.len as usize);
        spans.extend(self.spans.iter().map(moved));
    }

    #[inline]
    fn resolve(&self, span: Span) -> &'a [u8] {
        let bytes = if span.start & UNESCAPED_BIT == 0 { self.bytes } else { self.unescaped };
        &bytes[span.offset()..span.offset() + span.len as usize]
    }
}

impl PartialEq for Args<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Args<'_> {}

impl std::fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(String::from_utf8_lossy)).finish()
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = ArgsIter<'a>;

    fn into_iter(self) -> ArgsIter<'a> {
        self.iter()
    }
}

/// Iterates over [`Args`].
#[derive(Clone, Debug)]
pub struct ArgsIter<'a> {
    args: Args<'a>,
    front: usize,
    back: usize,
}

impl<'a> Iterator for ArgsIter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.front == self.back {
            return None;
        }
        self.front += 1;
        Some(self.args.get(self.front - 1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.back - self.front, Some(self.back - self.front))
    }
}

impl ExactSizeIterator for ArgsIter<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views() {
        let bytes = b"abcdef";
        let spans = [Span::of_request(0, 1), Span::of_request(1, 2), Span::of_request(3, 0)];
        let args = Args::new(bytes, &spans);
        assert_eq!(args.iter().collect::<Vec<_>>(), [&b"a"[..], b"bc", b""]);
        assert_eq!(args.slice(1).get(0), b"bc");
        assert!(args.slice(9).is_empty());
        assert_eq!(args.try_get(3), None);
        assert_eq!(args.range(1..2), args.range(1..2));
        assert_ne!(args.range(1..2), args.range(0..1));
    }

    #[test]
    fn copies_say_the_same() {
        let unescaped = Span::of_unescaped(1, 2);
        for third in [Span::of_request(6, 3), Span::of_request(6, 0), unescaped] {
            let spans = [Span::of_request(2, 1), Span::of_request(4, 2), third];
            let args = Args { bytes: b"..a.bc.def", unescaped: b"xyz", spans: &spans };
            let (mut bytes, mut copies) = (b"before".to_vec(), vec![unescaped]);
            args.append_to(&mut bytes, &mut copies);
            assert_eq!(Args::new(&bytes, &copies[1..]), args);
            args.slice(3).append_to(&mut bytes, &mut copies);
            assert_eq!(copies.len(), 4, "nothing is copied of none");
        }
    }

    #[test]
    fn clear_gives_memory_back() {
        let mut buf = ArgBuf::new();
        buf.spans.resize(SPANS_KEPT_MAX * 4, Span::of_request(0, 0));
        buf.clear();
        assert!(buf.is_empty() && buf.spans.capacity() <= SPANS_KEPT_MAX * 2);
    }
}
