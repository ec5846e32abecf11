//! How many bytes of replies may come into being at once.
//!
//! A turn that has produced its share leaves the remaining commands to the next one, by which time
//! slow readers have been noticed. Requests under way to siblings are limited by what their answers
//! are expected to weigh. Invariant: memory for replies grows by bounded amounts between two looks
//! at the peers. Cost: two additions a command.

use crate::limits::{
    ANSWER_BYTES_IN_FLIGHT_MAX, ANSWERS_IN_FLIGHT_MAX, ANSWERS_IN_FLIGHT_MIN,
    OUTPUT_BYTES_PER_TURN_MAX,
};

/// What an answer is taken to weigh before any has come.
const FIRST_GUESS_BYTES: usize = 16 << 10;

/// The bytes of replies of one shard's turn, and of the answers it waits for.
#[derive(Debug)]
pub(super) struct Flow {
    produced_bytes: usize,
    mean_answer_bytes: usize,
}

impl Default for Flow {
    fn default() -> Self {
        Self { produced_bytes: 0, mean_answer_bytes: FIRST_GUESS_BYTES }
    }
}

impl Flow {
    /// A turn begins.
    pub(super) fn begin_turn(&mut self) {
        self.produced_bytes = 0;
    }

    /// A command wrote a reply of so many bytes.
    #[inline]
    pub(super) fn produced(&mut self, bytes: usize) {
        self.produced_bytes += bytes;
    }

    /// Whether this turn has produced enough.
    #[inline]
    pub(super) fn spent(&self) -> bool {
        self.produced_bytes >= OUTPUT_BYTES_PER_TURN_MAX
    }

    /// An answer from a sibling weighed so many bytes. Heavy ones count at once, light ones slowly.
    #[inline]
    pub(super) fn answer_came(&mut self, bytes: usize) {
        let mean = self.mean_answer_bytes;
        self.mean_answer_bytes = if bytes > mean {
            mean + (bytes - mean).div_ceil(4)
        } else {
            mean - (mean - bytes) / 32
        };
    }

    /// Requests that may be under way to siblings.
    #[inline]
    pub(super) fn window(&self) -> usize {
        (ANSWER_BYTES_IN_FLIGHT_MAX / self.mean_answer_bytes.max(1))
            .clamp(ANSWERS_IN_FLIGHT_MIN, ANSWERS_IN_FLIGHT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heavy_answers_narrow_the_window_at_once_and_light_ones_widen_it() {
        let mut flow = Flow::default();
        let first = flow.window();
        (0..1000).for_each(|_| flow.answer_came(40));
        assert!(flow.window() == ANSWERS_IN_FLIGHT_MAX && first < ANSWERS_IN_FLIGHT_MAX);
        (0..4).for_each(|_| flow.answer_came(100 << 10));
        assert!(flow.window() < first);
        (0..100).for_each(|_| flow.answer_came(64 << 20));
        assert_eq!(flow.window(), ANSWERS_IN_FLIGHT_MIN);
    }

    #[test]
    fn a_turn_ends_when_it_has_produced_its_share() {
        let mut flow = Flow::default();
        flow.produced(OUTPUT_BYTES_PER_TURN_MAX - 1);
        assert!(!flow.spent());
        flow.produced(1);
        assert!(flow.spent());
        flow.begin_turn();
        assert!(!flow.spent());
    }
}
