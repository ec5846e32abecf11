//! Vacant: the segments that are free, with resident pages and without.
//!
//! Invariant: a segment is in at most one of the lists, and no more than
//! `FREE_RESIDENT_SEGMENTS_MAX` stay resident when nothing is left to be given back. Cost: a stack.

use core::ops::Range;

use crate::limits::{FREE_RESIDENT_SEGMENTS_MAX, STEP_BYTES_MAX};

/// Free segments of one engine.
#[derive(Debug, Default)]
pub(crate) struct Vacant {
    resident: Vec<u32>,
    released: Vec<u32>,
    /// Being given back, and how far.
    releasing: Option<(u32, usize)>,
}

impl Vacant {
    /// Whether `take` finds one.
    pub(crate) fn has_any(&self) -> bool {
        !self.resident.is_empty() || !self.released.is_empty()
    }

    /// Takes one, with resident pages if there is one.
    pub(crate) fn take(&mut self) -> Option<u32> {
        self.resident.pop().or_else(|| self.released.pop())
    }

    /// Takes the one that is being given back.
    pub(crate) fn take_releasing(&mut self) -> Option<u32> {
        self.releasing.take().map(|(number, _)| number)
    }

    /// A segment is free; its pages are resident.
    pub(crate) fn push(&mut self, number: u32) {
        self.resident.push(number);
    }

    /// Whether pages are waiting to be given back.
    pub(crate) fn is_releasing(&self) -> bool {
        self.releasing.is_some() || self.resident.len() > FREE_RESIDENT_SEGMENTS_MAX
    }

    /// One step's worth of pages to be given back now: a segment and bytes of it.
    pub(crate) fn release(&mut self, segment_len: usize) -> Option<(u32, Range<usize>)> {
        if self.releasing.is_none() && self.resident.len() > FREE_RESIDENT_SEGMENTS_MAX {
            self.releasing = self.resident.pop().map(|number| (number, 0));
        }
        let (number, from) = self.releasing?;
        let to = segment_len.min(from + STEP_BYTES_MAX);
        self.releasing = Some((number, to));
        if to == segment_len {
            self.releasing = None;
            self.released.push(number);
        }
        Some((number, from..to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_pages_are_given_back_in_steps() {
        let (len, mut vacant) = (4 * STEP_BYTES_MAX, Vacant::default());
        (0..40).for_each(|number| vacant.push(number));
        let mut given = [0; 40];
        while vacant.is_releasing() {
            let (number, part) = vacant.release(len).expect("there are some");
            assert!(part.len() <= STEP_BYTES_MAX && part.start == given[number as usize]);
            given[number as usize] = part.end;
        }
        assert_eq!(vacant.resident.len(), FREE_RESIDENT_SEGMENTS_MAX);
        assert_eq!(given.iter().filter(|bytes| **bytes == len).count(), vacant.released.len());
        assert_eq!(vacant.released.len() + vacant.resident.len(), 40);
        // Those with resident pages are used first.
        let first = vacant.take().expect("there are some");
        assert_eq!(given[first as usize], 0);
        assert_eq!((1..40).filter_map(|_| vacant.take()).count(), 39);
        assert!(!vacant.has_any());
    }
}
