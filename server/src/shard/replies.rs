//! The replies of one connection that may not be sent yet.
//!
//! Replies leave in the order of their requests, although some wait for a sibling core, for
//! durability or for acknowledgements: such a reply holds a place here and everything behind it
//! waits. Invariant: the front place is waiting, or the queue is empty. Cost: a connection whose
//! requests all run at home never touches its queue.

use std::collections::VecDeque;
use std::sync::Arc;

use velodrome_engine::LargeValue;

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
    Waiting {
        silent: bool,
    },
    Ready(Ready),
}

/// The places of one connection, oldest first.
#[derive(Debug, Default)]
pub(crate) struct ReplyQueue {
    places: VecDeque<Place>,
    /// The number of the front place; numbers wrap.
    front: u32,
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

    /// Appends a reply that is ready, behind one that waits.
    pub(crate) fn push(&mut self, ready: Ready) {
        assert!(!self.places.is_empty(), "a reply with nothing before it goes straight out");
        self.ready_bytes += ready.bytes.len();
        self.places.push_back(Place::Ready(ready));
    }

    /// Fills a place; true when replies can leave now. A place that has gone is ignored.
    pub(crate) fn fill(&mut self, number: u32, mut ready: Ready) -> bool {
        let at = number.wrapping_sub(self.front) as usize;
        let Some(place @ Place::Waiting { .. }) = self.places.get_mut(at) else { return false };
        if matches!(place, Place::Waiting { silent: true }) {
            ready = Ready::default();
        }
        self.ready_bytes += ready.bytes.len();
        *place = Place::Ready(ready);
        at == 0
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

    /// The next reply that may leave, in order.
    pub(crate) fn pop_ready(&mut self) -> Option<Ready> {
        if !matches!(self.places.front(), Some(Place::Ready(_))) {
            return None;
        }
        let Some(Place::Ready(ready)) = self.places.pop_front() else { return None };
        self.front = self.front.wrapping_add(1);
        self.ready_bytes -= ready.bytes.len();
        Some(ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(text: &str) -> Ready {
        Ready { bytes: text.into(), tail: None }
    }

    fn drain(queue: &mut ReplyQueue) -> String {
        std::iter::from_fn(|| queue.pop_ready())
            .map(|ready| String::from_utf8(ready.bytes).unwrap())
            .collect()
    }

    #[test]
    fn replies_leave_in_the_order_of_their_requests() {
        let mut queue = ReplyQueue::default();
        let first = queue.reserve(false);
        queue.push(ready("b"));
        let third = queue.reserve(false);
        queue.push(ready("d"));
        assert!(!queue.fill(third, ready("c")));
        assert_eq!(drain(&mut queue), "");
        assert!(queue.fill(first, ready("a")));
        assert_eq!(drain(&mut queue), "abcd");
        assert!(queue.is_empty() && queue.ready_bytes() == 0);
    }

    #[test]
    fn a_silent_place_gives_nothing() {
        let mut queue = ReplyQueue::default();
        let first = queue.reserve(true);
        queue.push(ready("b"));
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
}
