//! A request collected where the value in it is to stay.
//!
//! ```text
//! mapping: │ *3 $3 SET $1 k $len │ value │ what follows, to the end of the last page │
//! ```
//!
//! The bytes of a request lie in one row, as a parser wants them, and the value among them can be
//! stored without being copied: [`Engine::offer`](crate::Engine::offer). Invariant: nothing of it
//! changes once its value was stored. Cost: each byte is copied once, into memory taken as bytes
//! arrive; less than three pages are stored beside the value.

use core::ops::Range;
use std::sync::Arc;

use crate::large::{LargeValue, pages};
use crate::mapping::PAGE_LEN;
use crate::refused::Refused;

/// Bytes mapped for a collected value beyond its pages, at most, if it is to stay where it is.
pub(crate) const BESIDE_VALUE_BYTES_MAX: usize = 2 * PAGE_LEN;
/// Bytes that end an argument of a request.
const LINE_END_LEN: usize = 2;

/// A request whose value may become an engine's.
#[derive(Debug)]
pub struct Collected {
    shared: Arc<LargeValue>,
}

impl Collected {
    /// Room for a request up to the end of its value, which lies at `value` in it; no byte of it
    /// is there yet.
    ///
    /// # Errors
    /// `OutOfMemory` when the system has no address space left.
    pub fn new(value: Range<usize>) -> Result<Self, Refused> {
        let room = value.end + LINE_END_LEN;
        Ok(Self { shared: Arc::new(LargeValue::within(value.start, value.len(), room)?) })
    }

    /// The same request in another's hands.
    pub(crate) fn of(shared: Arc<LargeValue>) -> Self {
        Self { shared }
    }

    /// Appends as much of `bytes` as there is room for. Returns how much.
    ///
    /// # Panics
    /// When the value has been stored.
    pub fn extend(&mut self, bytes: &[u8]) -> usize {
        self.own().fill(bytes)
    }

    /// Makes room for a request of `room` bytes.
    ///
    /// # Errors
    /// `OutOfMemory` when the system has no address space left.
    ///
    /// # Panics
    /// When the value has been stored.
    pub fn widen(&mut self, room: usize) -> Result<(), Refused> {
        self.own().widen(room)
    }

    fn own(&mut self) -> &mut LargeValue {
        Arc::get_mut(&mut self.shared).expect("a request grows before it is executed")
    }

    /// The request so far.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.shared.whole()
    }

    /// Bytes of memory taken for it.
    pub fn memory_bytes(&self) -> usize {
        pages(self.as_bytes().len())
    }

    /// The value, and what came with it.
    pub(crate) fn value(&self) -> &Arc<LargeValue> {
        &self.shared
    }

    /// Gives the memory up to be given back, if nobody else has it.
    pub(crate) fn into_value(self) -> Arc<LargeValue> {
        self.shared
    }
}

/// Whether `bytes` are the value of `collected`, and little lies beside it.
pub(crate) fn is_value_of(bytes: &[u8], collected: &LargeValue) -> bool {
    let snug = collected.mapped_len() <= pages(bytes.len()) + BESIDE_VALUE_BYTES_MAX;
    core::ptr::eq::<[u8]>(bytes, &**collected) && snug
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_lies_in_one_row_around_its_value() {
        let head = b"*3 SET k ";
        let value: Vec<u8> = (0..300_000).map(|i| (i % 251) as u8).collect();
        let mut collected = Collected::new(head.len()..head.len() + value.len()).expect("maps");
        let request = [&head[..], &value, b"\r\nEX 5", &[7; 5000]].concat();
        let mut taken = 0;
        for part in request.chunks(100_000) {
            taken += collected.extend(part);
        }
        assert_eq!(taken, pages(head.len() + value.len() + 2));
        assert_eq!(collected.as_bytes(), &request[..taken]);
        assert_eq!(collected.memory_bytes(), taken);
        assert!(is_value_of(&collected.as_bytes()[head.len()..][..value.len()], collected.value()));
        assert!(!is_value_of(&collected.as_bytes()[..value.len()], collected.value()));
        collected.widen(request.len()).expect("grows");
        assert_eq!(collected.extend(&request[taken..]), request.len() - taken);
        assert_eq!(collected.as_bytes(), request);
        collected.widen(request.len() + 3 * PAGE_LEN).expect("grows");
        let same = &collected.as_bytes()[head.len()..][..value.len()];
        assert!(!is_value_of(same, collected.value()), "too much lies beside it");
    }

    #[test]
    fn a_value_that_grows_afterwards_is_followed_by_zeroes() {
        let mut collected = Collected::new(3..200_003).expect("maps");
        collected.extend(&[9; 200_003]);
        collected.extend(b"\r\nbehind");
        let mut value = Arc::into_inner(collected.into_value()).expect("nobody else has it");
        value.lengthen(200_040).expect("grows");
        assert_eq!((value.len(), value[199_999]), (200_040, 9));
        assert!(value[200_000..].iter().all(|byte| *byte == 0));
        value.lengthen(400_000).expect("grows");
        value.bytes_mut()[399_999] = 1;
        assert_eq!((value[0], value[300_000], value[399_999]), (9, 0, 1));
        let mut left = Some(value);
        while let Some(value) = left.take() {
            left = value.shrink(65536).1;
        }
    }
}
