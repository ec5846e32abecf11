//! The replies of one connection that may not be sent yet.
//!
//! Replies leave in the order of their requests, although some wait for a sibling core, for
//! durability or for acknowledgements: such a reply holds a place here and everything behind it
//! waits. Replies made behind one that waits share one buffer, since they leave in the order in
//! which they were made; a reply that comes before its turn keeps bytes of its own.
//!
//! ```text
//! places  │ waits │ behind 5 │ behind 7 │ waits │ behind 6 │
//! shared  │ left already │ 5 bytes │ 7 bytes │ 6 bytes │
//! ```
//!
//! Invariant: the front place is waiting, or the queue is empty; the shared buffer holds the bytes
//! of the places behind, and bytes that left are fewer than those or `REPLIES_CAPACITY_KEPT_BYTES`.
//! Cost: a connection whose requests all run at home never touches its queue.

use std::collections::VecDeque;
use std::sync::Arc;

use velodrome_engine::LargeValue;

use crate::limits::REPLIES_CAPACITY_KEPT_BYTES;

/// A reply: its bytes and, for a large value, the value itself with the line end it needs.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// The encoded reply, or its header when `tail` follows.
    pub(crate) bytes: Vec<u8>,
    /// A large value to be sent from its place after `bytes`, then CR LF.
    pub(crate) tail: Option<Arc<LargeValue>>,
}

#[derive(Debug)]
enum Place {
    /// Its reply will come; `silent`: the client does not want it.
    Waiting { silent: bool },
    /// Its bytes are the next so many of the shared buffer.
    Behind { len: usize, tail: Option<Arc<LargeValue>> },
    /// It came before its turn.
    Early(Ready),
}

/// The places of one connection, oldest first.
#[derive(Debug, Default)]
pub(crate) struct ReplyQueue {
    places: VecDeque<Place>,
    /// The number of the front place; numbers wrap.
    front: u32,
    /// The bytes of the places behind, oldest first; those before `shared_start` have left.
    shared: Vec<u8>,
    shared_start: usize,
    /// Bytes of the replies that are ready and may not be sent.
    ready_bytes: usize,
}

impl ReplyQueue {
    /// Whether the next reply may go straight out.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many replies hold a place.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Bytes of the replies that are ready behind one that waits.
    pub(crate) fn ready_bytes(&self) -> usize {
        self.ready_bytes
    }

    /// Takes a place for a reply that comes later; returns its number.
    pub(crate) fn reserve(&mut self, silent: bool) -> u32 {
        let number = self.front.wrapping_add(self.places.len() as u32);
        self.places.push_back(Place::Waiting { silent });
        number
    }

    /// Where the bytes of a reply go that is ready, behind one that waits; `push` follows.
    #[inline]
    pub(crate) fn behind(&mut self) -> &mut Vec<u8> {
        &mut self.shared
    }

    /// Takes a place for the reply whose bytes are those `behind` from `start` on.
    #[inline]
    pub(crate) fn push(&mut self, start: usize, tail: Option<Arc<LargeValue>>) {
        assert!(!self.places.is_empty(), "a reply with nothing before it goes straight out");
        let len = self.shared.len() - start;
        self.ready_bytes += len;
        self.places.push_back(Place::Behind { len, tail });
    }

    /// Fills a place; true when replies can leave now. A place that has gone is ignored.
    pub(crate) fn fill(&mut self, number: u32, mut ready: Ready) -> bool {
        let at = number.wrapping_sub(self.front) as usize;
        let Some(place @ Place::Waiting { .. }) = self.places.get_mut(at) else { return false };
        if matches!(place, Place::Waiting { silent: true }) {
            ready = Ready::default();
        }
        self.ready_bytes += ready.bytes.len();
        *place = Place::Early(ready);
        at == 0
    }

    /// Writes what may leave before this place's reply and the reply itself, if that is simple:
    /// else false, and nothing but replies before it has left.
    #[inline]
    pub(crate) fn leave(&mut self, number: u32, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        if matches!(self.places.front(), Some(Place::Behind { tail: None, .. })) {
            let mut len = 0;
            while let Some(Place::Behind { len: next, tail: None }) = self.places.front() {
                len += *next;
                self.places.pop_front();
                self.front = self.front.wrapping_add(1);
            }
            self.leave_shared(len, |bytes| out.extend_from_slice(bytes));
        }
        if !self.is_front(number) {
            return false;
        }
        self.drop_front();
        out.extend_from_slice(bytes);
        true
    }

    /// Whether this place is the next to leave, and its reply is wanted.
    pub(crate) fn is_front(&self, number: u32) -> bool {
        number == self.front
            && matches!(self.places.front(), Some(Place::Waiting { silent: false }))
    }

    /// Gives up the front place: its reply was written straight to the output.
    pub(crate) fn drop_front(&mut self) {
        assert!(matches!(self.places.pop_front(), Some(Place::Waiting { .. })), "the front waits");
        self.front = self.front.wrapping_add(1);
    }

    /// Hands out the next bytes that may leave, in order, with the value that follows them; false
    /// when there are none.
    pub(crate) fn pop_ready(&mut self, leave: impl FnOnce(&[u8], Option<Arc<LargeValue>>)) -> bool {
        match self.places.front() {
            Some(Place::Behind { .. }) => self.pop_behind(leave),
            Some(Place::Early(_)) => {
                let Some(Place::Early(ready)) = self.places.pop_front() else { return false };
                self.front = self.front.wrapping_add(1);
                self.ready_bytes -= ready.bytes.len();
                leave(&ready.bytes, ready.tail);
            }
            Some(Place::Waiting { .. }) | None => return false,
        }
        true
    }

    /// Hands out the bytes of all places behind that are next, up to a value that follows.
    fn pop_behind(&mut self, leave: impl FnOnce(&[u8], Option<Arc<LargeValue>>)) {
        let (mut len, mut value) = (0, None);
        while value.is_none()
            && let Some(Place::Behind { len: next, tail }) = self.places.front_mut()
        {
            len += *next;
            value = tail.take();
            self.places.pop_front();
            self.front = self.front.wrapping_add(1);
        }
        self.leave_shared(len, |bytes| leave(bytes, value));
    }

    /// The next `len` bytes of the shared buffer leave.
    fn leave_shared(&mut self, len: usize, leave: impl FnOnce(&[u8])) {
        self.ready_bytes -= len;
        let end = self.shared_start + len;
        leave(&self.shared[self.shared_start..end]);
        self.shared_start = end;
        self.reclaim();
    }

    /// Gives back the room of what has left. No more is moved than has left since the last
    /// time, so a byte is moved at most once on average.
    fn reclaim(&mut self) {
        let left = self.shared.len() - self.shared_start;
        if left == 0 {
            self.shared.clear();
            self.shared.shrink_to(REPLIES_CAPACITY_KEPT_BYTES);
            self.shared_start = 0;
        } else if self.shared_start >= left.max(REPLIES_CAPACITY_KEPT_BYTES) {
            self.shared.drain(..self.shared_start);
            self.shared_start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(text: &str) -> Ready {
        Ready { bytes: text.into(), tail: None }
    }

    fn push(queue: &mut ReplyQueue, text: &str) {
        let start = queue.behind().len();
        queue.behind().extend_from_slice(text.as_bytes());
        queue.push(start, None);
    }

    fn drain(queue: &mut ReplyQueue) -> String {
        let mut all = Vec::new();
        while queue.pop_ready(|bytes, _| all.extend_from_slice(bytes)) {}
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn replies_leave_in_the_order_of_their_requests() {
        let mut queue = ReplyQueue::default();
        let first = queue.reserve(false);
        push(&mut queue, "b");
        let third = queue.reserve(false);
        push(&mut queue, "d");
        assert!(!queue.fill(third, ready("c")));
        assert_eq!(drain(&mut queue), "");
        assert!(queue.fill(first, ready("a")));
        assert_eq!(drain(&mut queue), "abcd");
        assert!(queue.is_empty() && queue.ready_bytes() == 0);
    }

    #[test]
    fn an_answer_in_its_turn_takes_along_what_is_before_it() {
        let mut queue = ReplyQueue::default();
        let (first, mut out) = (queue.reserve(false), Vec::new());
        push(&mut queue, "b");
        let (third, fourth) = (queue.reserve(false), queue.reserve(true));
        assert!(!queue.leave(third, b"c", &mut out) && out.is_empty());
        assert!(queue.leave(first, b"a", &mut out) && out == b"a");
        assert!(queue.leave(third, b"c", &mut out) && out == b"abc");
        assert!(!queue.leave(fourth, b"d", &mut out) && out == b"abc", "nobody wants it");
        assert!(queue.ready_bytes() == 0 && queue.len() == 1);
    }

    #[test]
    fn a_silent_place_gives_nothing() {
        let mut queue = ReplyQueue::default();
        let first = queue.reserve(true);
        push(&mut queue, "b");
        assert!(!queue.is_front(first) && queue.fill(first, ready("a")));
        assert_eq!(drain(&mut queue), "b");
    }

    #[test]
    fn a_place_is_filled_once_and_numbers_wrap() {
        let mut queue = ReplyQueue { front: u32::MAX, ..ReplyQueue::default() };
        let (first, second) = (queue.reserve(false), queue.reserve(false));
        assert_eq!(second, 0);
        assert!(queue.is_front(first) && !queue.is_front(second));
        assert!(!queue.fill(second, ready("2")));
        assert!(!queue.fill(second, ready("again")));
        queue.drop_front();
        assert_eq!(drain(&mut queue), "2");
    }

    #[test]
    fn the_shared_buffer_is_given_back() {
        let mut queue = ReplyQueue::default();
        let long = "x".repeat(3 * REPLIES_CAPACITY_KEPT_BYTES);
        let first = queue.reserve(false);
        push(&mut queue, &long);
        queue.fill(first, ready("a"));
        assert_eq!(drain(&mut queue).len(), 1 + long.len());
        assert_eq!((queue.shared.len(), queue.shared_start), (0, 0));
        assert!(queue.shared.capacity() <= REPLIES_CAPACITY_KEPT_BYTES);
    }

    #[test]
    fn a_queue_that_never_empties_keeps_no_more_than_it_has_and_a_little() {
        let mut queue = ReplyQueue::default();
        let (mut heard, mut expected) = (String::new(), String::new());
        queue.reserve(false);
        push(&mut queue, "0 ");
        for number in 1..4 * REPLIES_CAPACITY_KEPT_BYTES {
            queue.reserve(false);
            push(&mut queue, &format!("{number} "));
            queue.drop_front();
            heard.push_str(&drain(&mut queue));
            expected.push_str(&format!("{} ", number - 1));
            let kept = queue.ready_bytes() + queue.ready_bytes().max(REPLIES_CAPACITY_KEPT_BYTES);
            assert!(queue.shared.len() <= kept, "{} bytes", queue.shared.len());
        }
        assert_eq!(heard, expected);
    }
}
