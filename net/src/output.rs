//! What one connection still has to send, in order: bytes being sent, then shared pieces, then
//! bytes being appended.
//!
//! ```text
//! in_flight[sent..]  │  pieces: copied, shared, copied, …  │  queued   ◄─ output() appends here
//! ```
//!
//! Invariant: bytes staged for the kernel never move or change until `advance` says they were
//! taken; appending touches only `queued`. Cost: staging swaps two buffers and copies nothing.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;

use crate::limits::{OUTPUT_KEEP_BYTES_MAX, SEND_PIECES_MAX};

/// Bytes sent from where they lie; the driver holds them until the kernel took them.
///
/// `as_ref` must return the same bytes at the same place every time.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

enum Piece {
    Copied(Vec<u8>),
    Shared(SharedBytes),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Piece::Copied(bytes) => bytes,
            Piece::Shared(shared) => (**shared).as_ref(),
        }
    }
}

#[derive(Default)]
struct Pieces {
    queue: VecDeque<Piece>,
    /// Bytes of the first piece already taken.
    front_sent: usize,
    copied_bytes: usize,
    shared_bytes: usize,
    /// Capacity of the copied pieces, which they keep until their last byte was taken.
    held_bytes: usize,
}

/// The next thing to send.
pub(crate) enum Staged<'a> {
    Nothing,
    Bytes(&'a [u8]),
    Pieces(StagedPieces<'a>),
}

/// Pieces that go out with one vectored send.
pub(crate) struct StagedPieces<'a>(&'a Pieces, usize);

impl<'a> StagedPieces<'a> {
    /// At most `SEND_PIECES_MAX` slices, in order.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (front_sent, mut left) = (self.0.front_sent, self.1);
        let pieces = self.0.queue.iter().take(SEND_PIECES_MAX).enumerate();
        let slices = pieces.map(move |(at, piece)| {
            let bytes = if at == 0 { &piece.bytes()[front_sent..] } else { piece.bytes() };
            let slice = &bytes[..bytes.len().min(left)];
            left -= slice.len();
            slice
        });
        slices.take_while(|slice| !slice.is_empty())
    }
}

/// The output queue of a connection.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) queued: Vec<u8>,
    in_flight: Vec<u8>,
    sent: usize,
    /// Boxed: most connections never have one.
    pieces: Option<Box<Pieces>>,
    sent_total: u64,
    /// What the hub has counted for this connection.
    pub(crate) accounted_bytes: usize,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("unsent_bytes", &self.unsent_bytes()).finish()
    }
}

impl Output {
    /// Appends a shared piece after everything queued so far.
    pub(crate) fn push_shared(&mut self, bytes: SharedBytes) {
        let len = (*bytes).as_ref().len();
        if len == 0 {
            return;
        }
        let pieces = self.pieces.get_or_insert_default();
        if !self.queued.is_empty() {
            let copied = mem::take(&mut self.queued);
            pieces.copied_bytes += copied.len();
            pieces.held_bytes += copied.capacity();
            pieces.queue.push_back(Piece::Copied(copied));
        }
        pieces.shared_bytes += len;
        pieces.queue.push_back(Piece::Shared(bytes));
    }

    /// What to send next, at most `bytes_max` of it. Call again only after `advance` or when
    /// nothing is in the kernel.
    pub(crate) fn stage(&mut self, bytes_max: usize) -> Staged<'_> {
        if self.sent < self.in_flight.len() {
            return Staged::Bytes(up_to(bytes_max, &self.in_flight[self.sent..]));
        }
        if let Some(pieces) = &self.pieces {
            return Staged::Pieces(StagedPieces(pieces, bytes_max));
        }
        if self.queued.is_empty() {
            return Staged::Nothing;
        }
        self.in_flight.clear();
        self.sent = 0;
        mem::swap(&mut self.queued, &mut self.in_flight);
        Staged::Bytes(up_to(bytes_max, &self.in_flight))
    }

    /// The kernel took `count` bytes of what was staged.
    pub(crate) fn advance(&mut self, count: usize) {
        self.sent_total += count as u64;
        if self.sent < self.in_flight.len() {
            self.sent += count;
            assert!(self.sent <= self.in_flight.len(), "took no more than was staged");
            if self.sent == self.in_flight.len() {
                self.recycle_in_flight();
            }
        } else {
            self.advance_pieces(count);
        }
    }

    fn recycle_in_flight(&mut self) {
        self.sent = 0;
        self.in_flight.clear();
        if self.in_flight.capacity() > OUTPUT_KEEP_BYTES_MAX {
            self.in_flight = Vec::new();
        }
    }

    fn advance_pieces(&mut self, mut count: usize) {
        let pieces = self.pieces.as_mut().expect("something was staged");
        while count > 0 {
            let front = pieces.queue.front().expect("took no more than was staged");
            let left = front.bytes().len() - pieces.front_sent;
            let taken = left.min(count);
            match front {
                Piece::Copied(_) => pieces.copied_bytes -= taken,
                Piece::Shared(_) => pieces.shared_bytes -= taken,
            }
            count -= taken;
            pieces.front_sent += taken;
            if taken == left {
                if let Some(Piece::Copied(sent)) = pieces.queue.pop_front() {
                    pieces.held_bytes -= sent.capacity();
                }
                pieces.front_sent = 0;
            }
        }
        if pieces.queue.is_empty() {
            self.pieces = None;
        }
    }

    /// Drops everything not in the kernel.
    pub(crate) fn discard_queued(&mut self) {
        self.queued = Vec::new();
    }

    /// Drops everything; only when nothing is in the kernel.
    pub(crate) fn discard_all(&mut self) {
        let accounted_bytes = self.accounted_bytes;
        let sent_total = self.sent_total;
        *self = Output { accounted_bytes, sent_total, ..Output::default() };
    }

    /// Gives unused capacity back; only when nothing is unsent.
    pub(crate) fn trim(&mut self) {
        if self.is_empty() {
            self.discard_all();
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queued.is_empty() && self.in_flight.is_empty() && self.pieces.is_none()
    }

    /// Bytes the kernel has not taken, shared ones included.
    #[inline]
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.unsent_copied_bytes() + self.pieces.as_ref().map_or(0, |p| p.shared_bytes)
    }

    /// Bytes the kernel has not taken, without shared pieces.
    #[inline]
    pub(crate) fn unsent_copied_bytes(&self) -> usize {
        let copied = self.pieces.as_ref().map_or(0, |pieces| pieces.copied_bytes);
        self.queued.len() + (self.in_flight.len() - self.sent) + copied
    }

    /// Memory this queue holds, shared pieces excepted.
    pub(crate) fn memory_bytes(&self) -> usize {
        let places = |queue: &VecDeque<Piece>| queue.capacity() * size_of::<Piece>();
        let pieces = self.pieces.as_ref().map_or(0, |it| it.held_bytes + places(&it.queue));
        self.queued.capacity() + self.in_flight.capacity() + pieces
    }

    /// Bytes the kernel has taken in this connection's life.
    pub(crate) fn sent_total(&self) -> u64 {
        self.sent_total
    }
}

fn up_to(bytes_max: usize, bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    fn take(output: &mut Output, count_max: usize) -> Vec<u8> {
        let staged_max = count_max.saturating_mul(2);
        let (taken, count) = match output.stage(staged_max) {
            Staged::Nothing => return Vec::new(),
            Staged::Bytes(bytes) => (bytes.to_vec(), bytes.len()),
            Staged::Pieces(pieces) => {
                let all = pieces.slices().collect::<Vec<_>>().concat();
                let len = all.len();
                (all, len)
            }
        };
        assert!(0 < count && count <= staged_max);
        let count = count.min(count_max);
        output.advance(count);
        taken[..count].to_vec()
    }

    #[test]
    fn keeps_order_whatever_the_kernel_takes() {
        let seed = 0x5eed_0001;
        println!("seed {seed:#x}");
        let mut rng = SmallRng::seed_from_u64(seed);
        for _ in 0..200 {
            let (mut output, mut wrote, mut read) = (Output::default(), Vec::new(), Vec::new());
            for _ in 0..200 {
                let bytes: Vec<u8> = (0..rng.random_range(0..200)).map(|_| rng.random()).collect();
                wrote.extend_from_slice(&bytes);
                match rng.random_range(0..3) {
                    0 => output.push_shared(Arc::new(bytes)),
                    _ => output.queued.extend_from_slice(&bytes),
                }
                read.extend(take(&mut output, rng.random_range(1..300)));
                assert_eq!(output.unsent_bytes(), wrote.len() - read.len());
            }
            while !output.is_empty() {
                read.extend(take(&mut output, 77));
            }
            assert_eq!(wrote, read);
            assert_eq!(output.sent_total(), wrote.len() as u64);
        }
    }

    #[test]
    fn gives_back_a_big_buffer() {
        let mut output = Output::default();
        output.queued.resize(4 * OUTPUT_KEEP_BYTES_MAX, 1);
        assert_eq!(take(&mut output, usize::MAX).len(), 4 * OUTPUT_KEEP_BYTES_MAX);
        assert!(output.is_empty());
        assert!(output.memory_bytes() <= OUTPUT_KEEP_BYTES_MAX);
    }

    #[test]
    fn a_piece_counts_with_its_capacity_until_all_of_it_was_taken() {
        let mut output = Output::default();
        output.queued.reserve_exact(100_000);
        output.queued.extend_from_slice(&[7; 1000]);
        output.push_shared(Arc::new(vec![8; 50_000]));
        let queue = 100 * size_of::<Piece>();
        assert!((100_000..100_000 + queue).contains(&output.memory_bytes()));
        take(&mut output, 999);
        assert!(output.memory_bytes() >= 100_000, "the last byte is there yet");
        take(&mut output, 2);
        assert!(output.memory_bytes() < queue, "what is shared does not count");
    }

    #[test]
    fn a_shared_piece_is_let_go_when_sent() {
        let mut output = Output::default();
        let value: Arc<Vec<u8>> = Arc::new(vec![7; 1000]);
        output.push_shared(value.clone());
        assert_eq!(Arc::strong_count(&value), 2);
        assert_eq!(output.unsent_copied_bytes(), 0);
        take(&mut output, 999);
        assert_eq!(Arc::strong_count(&value), 2);
        take(&mut output, 1);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
