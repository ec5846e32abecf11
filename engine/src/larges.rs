//! The large values of one engine.
//!
//! A large record holds a number; this table holds the value and where its record lies. A value
//! that was replaced or removed is retired and given back in steps, once nobody pins it.
//! Invariant: `bytes` counts the mappings of stored values, of retired ones nobody pinned, and what
//! is set apart for codecs; `pinned_bytes` those that belong to clients: retired while one
//! receives them, or never stored. Cost: one array access.

use std::collections::VecDeque;
use std::sync::Arc;

use rand::Rng;
use rand::rngs::SmallRng;

use crate::large::LargeValue;
use crate::limits::STEP_BYTES_MAX;
use crate::table::Address;

/// Retired values looked at in one step for whether they are still pinned.
const PIN_CHECKS_MAX: usize = 16;

#[derive(Debug)]
struct Stored {
    /// Lent for a moment while its owner is changed.
    value: Option<Arc<LargeValue>>,
    at: Address,
}

#[derive(Debug)]
struct Leaving {
    value: LargeValue,
    counted: bool,
}

/// Stored and retired large values.
#[derive(Debug, Default)]
pub(crate) struct Larges {
    stored: Vec<Option<Stored>>,
    free: Vec<u32>,
    count: usize,
    bytes: u64,
    /// Those of `bytes` that are set apart for codecs: added up here so that no write adds more.
    set_apart_bytes: u64,
    pinned_bytes: u64,
    retired: VecDeque<Arc<LargeValue>>,
    /// Those that their holders have to let go first, and those that were never stored.
    pinned: VecDeque<Arc<LargeValue>>,
    leaving: Option<Leaving>,
}

impl Larges {
    /// Bytes mapped for stored values and retired ones, and those set apart for codecs.
    #[inline]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes set apart for codecs.
    pub(crate) fn set_apart_bytes(&self) -> u64 {
        self.set_apart_bytes
    }

    /// Changes what is set apart for codecs.
    pub(crate) fn set_apart(&mut self, bytes: u64) {
        self.bytes = self.bytes - self.set_apart_bytes + bytes;
        self.set_apart_bytes = bytes;
    }

    /// Bytes mapped for values that belong to clients and are not given back yet.
    pub(crate) fn pinned_bytes(&self) -> u64 {
        self.pinned_bytes
    }

    /// Number of stored values.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Stores a value whose record is still to be written; `moved` says where.
    pub(crate) fn insert(&mut self, value: Arc<LargeValue>) -> u32 {
        self.bytes += value.mapped_len() as u64;
        self.count += 1;
        let stored = Some(Stored { value: Some(value), at: Address(0) });
        if let Some(number) = self.free.pop() {
            self.stored[number as usize] = stored;
            return number;
        }
        self.stored.push(stored);
        (self.stored.len() - 1) as u32
    }

    /// A stored value.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> &Arc<LargeValue> {
        let stored = self.stored[number as usize].as_ref();
        stored.and_then(|it| it.value.as_ref()).expect("a large record's value is stored")
    }

    /// The record of a stored value lies at `at` now.
    pub(crate) fn moved(&mut self, number: u32, at: Address) {
        self.stored[number as usize].as_mut().expect("a large record's value is stored").at = at;
    }

    /// Takes the handle of a value that is about to be replaced; its number stays until `retire`.
    pub(crate) fn lend(&mut self, number: u32) -> Arc<LargeValue> {
        let stored = self.stored[number as usize].as_mut();
        let value = stored.and_then(|it| it.value.take()).expect("a value is lent once");
        self.bytes -= value.mapped_len() as u64;
        value
    }

    /// Takes a stored value out and gives its memory back step by step.
    pub(crate) fn retire(&mut self, number: u32) {
        let stored = self.stored[number as usize].take().expect("a value is retired once");
        self.free.push(number);
        self.count -= 1;
        let Some(value) = stored.value else { return };
        if Arc::strong_count(&value) == 1 {
            self.retired.push_back(value);
        } else {
            self.bytes -= value.mapped_len() as u64;
            self.pin(value);
        }
    }

    fn pin(&mut self, value: Arc<LargeValue>) {
        self.pinned_bytes += value.mapped_len() as u64;
        self.pinned.push_back(value);
    }

    /// Gives the memory of a value that was not stored back step by step.
    pub(crate) fn let_go(&mut self, mut value: Arc<LargeValue>) {
        if let Some(own) = Arc::get_mut(&mut value) {
            // No memory was taken for what never came.
            own.trim();
            self.pin(value);
        }
    }

    /// Where the record of some stored value lies.
    pub(crate) fn sample(&self, rng: &mut SmallRng) -> Option<Address> {
        if self.count == 0 {
            return None;
        }
        let start = rng.random_range(0..self.stored.len());
        let (before, after) = self.stored.split_at(start);
        after.iter().chain(before).take(64).flatten().next().map(|stored| stored.at)
    }

    /// Whether retired values that nobody pins may be waiting.
    pub(crate) fn is_retiring(&self) -> bool {
        self.leaving.is_some() || !self.retired.is_empty()
    }

    /// Whether retired values are still pinned.
    pub(crate) fn is_pinned(&self) -> bool {
        !self.pinned.is_empty()
    }

    /// Gives one step's worth of retired memory back. Returns the bytes.
    pub(crate) fn free_step(&mut self) -> usize {
        if self.leaving.is_none() {
            self.leaving = self.next_leaving();
        }
        let Some(Leaving { value, counted }) = self.leaving.take() else { return 0 };
        let (given, rest) = value.shrink(STEP_BYTES_MAX);
        let counter = if counted { &mut self.bytes } else { &mut self.pinned_bytes };
        *counter -= given as u64;
        self.leaving = rest.map(|value| Leaving { value, counted });
        given
    }

    fn next_leaving(&mut self) -> Option<Leaving> {
        if let Some(value) = self.retired.pop_front() {
            let value = Arc::into_inner(value).expect("nobody pins a value after it was retired");
            return Some(Leaving { value, counted: true });
        }
        for _ in 0..self.pinned.len().min(PIN_CHECKS_MAX) {
            let value = self.pinned.pop_front()?;
            match Arc::try_unwrap(value) {
                Ok(value) => return Some(Leaving { value, counted: false }),
                Err(value) => self.pinned.push_back(value),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::large::StagedValue;

    fn value(len: usize) -> Arc<LargeValue> {
        let mut staged = StagedValue::new(len).expect("maps");
        staged.extend(&vec![7; len]);
        Arc::new(staged.finish())
    }

    #[test]
    fn retired_memory_is_counted_until_it_is_given_back() {
        let mut larges = Larges::default();
        let number = larges.insert(value(1 << 20));
        assert_eq!(larges.bytes(), 1 << 20);
        larges.retire(number);
        let mut steps = 0;
        while larges.is_retiring() {
            assert!(larges.free_step() <= STEP_BYTES_MAX);
            steps += 1;
        }
        assert_eq!((steps, larges.bytes(), larges.count()), (16, 0, 0));
    }

    #[test]
    fn a_pinned_value_lives_until_its_holder_lets_go() {
        let mut larges = Larges::default();
        let number = larges.insert(value(200_000));
        let pin = Arc::clone(larges.get(number));
        larges.retire(number);
        assert_eq!((larges.bytes(), larges.free_step()), (0, 0));
        assert_eq!(larges.pinned_bytes(), 200_704, "it is the client's");
        assert!(pin.iter().all(|byte| *byte == 7));
        drop(pin);
        while larges.free_step() > 0 {}
        assert_eq!((larges.pinned_bytes(), larges.is_pinned()), (0, false));
    }

    #[test]
    fn what_never_came_is_not_given_back_step_by_step() {
        let mut larges = Larges::default();
        let mut value = LargeValue::within(10, 64 << 20, (64 << 20) + 12).expect("maps");
        value.fill(&[7; 100_000]);
        larges.let_go(Arc::new(value));
        assert_eq!(larges.pinned_bytes(), 102_400);
        assert_eq!((larges.free_step(), larges.free_step()), (65_536, 36_864));
        assert_eq!((larges.free_step(), larges.pinned_bytes(), larges.bytes()), (0, 0, 0));
    }
}
