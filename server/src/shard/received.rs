//! What a connection sent and nobody has executed.
//!
//! Owns where such bytes lie: in the driver's buffer as long as a turn lasts, else joined in one
//! row. A request with a large value is collected where that value is to stay, and what comes
//! behind it waits beside. Invariant: bytes keep their order, and every byte is given out once.
//! Cost: complete requests are never copied; the bytes of a large value once, a turn those that
//! arrived in it.

use std::ops::Range;

use velodrome_engine::{Collected, Refused};
use velodrome_net::Chunk;

/// Bytes received and not executed.
#[derive(Debug)]
pub(crate) enum Received {
    /// As received, in the driver's buffer.
    Chunk(Chunk),
    /// Joined with what an earlier turn left.
    Joined(Vec<u8>),
    /// A request with a large value, and what lies behind its place.
    Collected(Box<Collecting>),
}

/// A request that is collected where its value is to stay.
#[derive(Debug)]
pub(crate) struct Collecting {
    request: Collected,
    behind: Vec<u8>,
    /// Its place was given more room than its value takes.
    widened: bool,
}

/// Room that a request gets for arguments behind its value; its value can stay then.
const SHORT_END_BYTES: usize = 4096;

impl Default for Received {
    fn default() -> Self {
        Self::Joined(Vec::new())
    }
}

impl Received {
    /// The bytes that lie in one row, from the first on.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Chunk(chunk) => chunk,
            Self::Joined(bytes) => bytes,
            Self::Collected(collecting) => collecting.request.as_bytes(),
        }
    }

    /// Whether there is nothing.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// All bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.as_slice().len() + self.behind().len()
    }

    /// Bytes of memory held for them between turns.
    pub(crate) fn memory_bytes(&self) -> usize {
        match self {
            Self::Chunk(_) => 0,
            Self::Joined(bytes) => bytes.capacity(),
            Self::Collected(collecting) => {
                collecting.request.memory_bytes() + collecting.behind.capacity()
            }
        }
    }

    /// The request that is being collected, if one is.
    pub(crate) fn collected(&self) -> Option<&Collected> {
        match self {
            Self::Collected(collecting) => Some(&collecting.request),
            _ => None,
        }
    }

    /// The same, to be let go.
    pub(crate) fn into_collected(self) -> Option<Collected> {
        match self {
            Self::Collected(collecting) => Some(collecting.request),
            _ => None,
        }
    }

    /// Whether some bytes are not in the row with the first.
    pub(crate) fn has_more_behind(&self) -> bool {
        !self.behind().is_empty()
    }

    fn behind(&self) -> &[u8] {
        match self {
            Self::Collected(collecting) => &collecting.behind,
            _ => &[],
        }
    }

    /// Appends what has come.
    pub(crate) fn join(&mut self, bytes: &[u8]) {
        match self {
            Self::Chunk(first) => {
                let mut joined = Vec::with_capacity(first.len() + bytes.len());
                joined.extend_from_slice(first);
                joined.extend_from_slice(bytes);
                *self = Self::Joined(joined);
            }
            Self::Joined(joined) => joined.extend_from_slice(bytes),
            Self::Collected(collecting) => {
                let Collecting { request, behind, .. } = &mut **collecting;
                let taken = if behind.is_empty() { request.extend(bytes) } else { 0 };
                behind.extend_from_slice(&bytes[taken..]);
            }
        }
    }

    /// What remains after the first `done` bytes, apart from the driver's buffer; and the request
    /// that was collected, if all of it is done.
    pub(crate) fn into_rest(self, done: usize) -> (Self, Option<Collected>) {
        match self {
            Self::Chunk(chunk) => (Self::Joined(chunk[done..].to_vec()), None),
            Self::Joined(mut bytes) => {
                bytes.drain(..done);
                (Self::Joined(bytes), None)
            }
            Self::Collected(collecting) if done == 0 => (Self::Collected(collecting), None),
            Self::Collected(collecting) => {
                let Collecting { request, mut behind, .. } = *collecting;
                behind.splice(..0, request.as_bytes()[done..].iter().copied());
                (Self::Joined(behind), Some(request))
            }
        }
    }

    /// More of the request is awaited, which these bytes begin: where `argument` lies in it, if
    /// that is known, there must be room for it. A large one gets its own place. Returns whether
    /// bytes from behind came to the request, which may be complete now.
    ///
    /// # Errors
    /// `OutOfMemory` when the system has no address space left.
    pub(crate) fn await_more(
        &mut self,
        argument: Option<Range<usize>>,
        inline_len_max: usize,
    ) -> Result<bool, Refused> {
        match self {
            Self::Collected(collecting) => collecting.go_on(argument),
            Self::Joined(bytes) => {
                if let Some(value) = argument.filter(|it| it.len() > inline_len_max) {
                    let mut request = Collected::new(value)?;
                    let taken = request.extend(bytes);
                    let behind = bytes.split_off(taken);
                    *self =
                        Self::Collected(Box::new(Collecting { request, behind, widened: false }));
                }
                Ok(false)
            }
            Self::Chunk(_) => Ok(false),
        }
    }
}

impl Collecting {
    /// The request needs more than there was room for: its value is not its last argument.
    fn go_on(&mut self, argument: Option<Range<usize>>) -> Result<bool, Refused> {
        if self.behind.is_empty() {
            return Ok(false);
        }
        let len = self.request.as_bytes().len();
        let more = if self.widened { self.behind.len() } else { SHORT_END_BYTES };
        self.request.widen((len + more).max(argument.map_or(0, |it| it.end)))?;
        self.widened = true;
        let taken = self.request.extend(&self.behind);
        self.behind.drain(..taken);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INLINE_LEN_MAX: usize = 1000;

    /// All bytes, however they lie.
    fn all(received: &Received) -> Vec<u8> {
        [received.as_slice(), received.behind()].concat()
    }

    fn numbered(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i % 253) as u8).collect()
    }

    #[test]
    fn bytes_keep_their_order_however_they_come() {
        let bytes = numbered(60_000);
        for (first, step, value_len) in [(10, 700, 20_000), (500, 9000, 1001), (3000, 60_000, 9)] {
            let mut received = Received::Chunk(Chunk::copied(&bytes[..first]));
            received = received.into_rest(0).0;
            received.await_more(Some(5..5 + value_len), INLINE_LEN_MAX).expect("memory");
            assert_eq!(received.collected().is_some(), value_len > INLINE_LEN_MAX);
            for part in bytes[first..].chunks(step) {
                received.join(part);
            }
            assert_eq!(all(&received), bytes);
            assert_eq!(received.len(), bytes.len());
            for _ in 0..2 {
                let hidden = received.has_more_behind();
                let moved = received.await_more(None, INLINE_LEN_MAX).expect("memory");
                assert_eq!((moved, all(&received) == bytes), (hidden, true));
            }
            assert!(!received.has_more_behind());
            received.join(b"more");
            let (rest, _) = received.into_rest(150);
            assert_eq!(all(&rest), [&bytes[150..], b"more"].concat());
        }
    }

    #[test]
    fn what_lies_behind_a_collected_request_comes_after_it() {
        let bytes = numbered(10_000);
        let mut received = Received::Joined(bytes[..50].to_vec());
        assert!(!received.await_more(Some(20..5000), INLINE_LEN_MAX).expect("memory"));
        received.join(&bytes[50..]);
        let in_row = received.as_slice().len();
        assert!((5002..10_000).contains(&in_row), "{in_row}");
        let (rest, collected) = received.into_rest(5002);
        assert_eq!(collected.expect("it is done").as_bytes(), &bytes[..in_row]);
        assert_eq!(all(&rest), &bytes[5002..]);
        assert!(matches!(rest, Received::Joined(_)));
    }
}
