//! How many bytes of replies may come into being at once, and how long a turn may work.
//!
//! A turn that has produced its share leaves the remaining commands to the next one, by which time
//! slow readers have been noticed; so does one that has taken its share of time. Requests under
//! way to siblings are limited by what their answers are expected to weigh. Invariant: memory for
//! replies grows by bounded amounts between two looks at the peers, and a turn is as long as its
//! shares and what they had begun. Cost: two additions a command, a look at the clock a full batch.

use crate::limits::{
    ANSWER_BYTES_IN_FLIGHT_MAX, ANSWERED_LATELY_NS, ANSWERS_IN_FLIGHT_MAX, ANSWERS_IN_FLIGHT_MIN,
    BUSY_UPKEEP_NS_MAX, BUSY_UPKEEP_NS_MIN, OUTPUT_BYTES_PER_TURN_MAX, TURN_SHARE_NS_MAX,
    UPKEEP_BEHIND_NS, UPKEEP_WAITS_NS_MAX,
};

/// What an answer is taken to weigh before any has come.
const FIRST_GUESS_BYTES: usize = 16 << 10;

/// The bytes of replies of one shard's turn, and of the answers it waits for.
#[derive(Debug)]
pub(super) struct Flow {
    produced_bytes: usize,
    /// When the present turn began, and the one that followed the last to produce any.
    began_ns: u64,
    answered_by_ns: Option<u64>,
    /// Since when upkeep leaves something to be done, if it does, and when the turn began that had
    /// its last share.
    upkeep_left_ns: Option<u64>,
    upkeep_ns: u64,
    mean_answer_bytes: usize,
    /// When the present share of time ends, and whether it has.
    share_ends_ns: u64,
    late: bool,
    /// What packing and unpacking have taken in all, and in this share.
    coded_ns: u64,
    share_coded_ns: u64,
}

impl Default for Flow {
    fn default() -> Self {
        let mean_answer_bytes = FIRST_GUESS_BYTES;
        Self {
            produced_bytes: 0,
            began_ns: 0,
            answered_by_ns: None,
            upkeep_left_ns: None,
            upkeep_ns: 0,
            mean_answer_bytes,
            share_ends_ns: TURN_SHARE_NS_MAX,
            late: false,
            coded_ns: 0,
            share_coded_ns: 0,
        }
    }
}

impl Flow {
    /// A turn begins.
    pub(super) fn begin_turn(&mut self, now_ns: u64) {
        if self.produced_bytes > 0 {
            self.answered_by_ns = Some(now_ns);
        }
        self.produced_bytes = 0;
        self.began_ns = now_ns;
        self.begin_share(now_ns);
    }

    /// A share of the turn's time begins.
    pub(super) fn begin_share(&mut self, now_ns: u64) {
        self.begin_share_of(TURN_SHARE_NS_MAX, now_ns);
    }

    /// Whether upkeep is left to the next turn, so that what this one answered is sent first. Turns
    /// without a request do it then; but it waits no longer than `UPKEEP_WAITS_NS_MAX`.
    pub(super) fn upkeep_waits(&self) -> bool {
        let had_ns = self.began_ns.saturating_sub(self.upkeep_ns);
        self.upkeep_left() && self.produced_bytes > 0 && had_ns < UPKEEP_WAITS_NS_MAX
    }

    /// Whether upkeep is known to have something to do.
    pub(super) fn upkeep_left(&self) -> bool {
        self.upkeep_left_ns.is_some()
    }

    /// Upkeep has had its share of this turn; `more` is left to be done at once.
    pub(super) fn end_upkeep(&mut self, more: bool) {
        self.upkeep_left_ns = more.then(|| self.upkeep_left_ns.unwrap_or(self.began_ns));
        self.upkeep_ns = self.began_ns;
    }

    /// The share of upkeep begins: a short one where somebody was answered lately, since others are
    /// likely to come meanwhile. It is half of what the turn took so far within narrow bounds, and
    /// wider ones once something is left all the time, lest a busy shard falls behind.
    pub(super) fn begin_upkeep(&mut self, now_ns: u64) {
        let since = |then_ns: u64| self.began_ns.saturating_sub(then_ns);
        let lately = self.answered_by_ns.is_some_and(|by_ns| since(by_ns) < ANSWERED_LATELY_NS);
        let busy = self.produced_bytes > 0 || lately;
        let behind = self.upkeep_left_ns.is_some_and(|left_ns| since(left_ns) >= UPKEEP_BEHIND_NS);
        let busy_max = if behind { TURN_SHARE_NS_MAX } else { BUSY_UPKEEP_NS_MAX };
        let half_ns = now_ns.saturating_sub(self.began_ns) / 2;
        let busy_ns = half_ns.clamp(BUSY_UPKEEP_NS_MIN, busy_max);
        self.begin_share_of(if busy { busy_ns } else { TURN_SHARE_NS_MAX }, now_ns);
    }

    fn begin_share_of(&mut self, share_ns: u64, now_ns: u64) {
        self.share_ends_ns = now_ns.saturating_add(share_ns);
        self.late = false;
        self.share_coded_ns = 0;
    }

    /// It is so late now.
    #[inline]
    pub(super) fn look(&mut self, now_ns: u64) {
        self.late |= now_ns >= self.share_ends_ns;
    }

    /// Packing and unpacking have taken so long on this shard since its start: a batch of values
    /// that are packed ends before the next look at the clock.
    #[inline]
    pub(super) fn coded(&mut self, coded_ns: u64) {
        if coded_ns != self.coded_ns {
            // The account begins anew when counters are reset.
            self.share_coded_ns += coded_ns.saturating_sub(self.coded_ns);
            self.coded_ns = coded_ns;
            self.late |= self.share_coded_ns >= TURN_SHARE_NS_MAX;
        }
    }

    /// This share of the turn's time is used up, whatever the clock says.
    pub(super) fn end_share(&mut self) {
        self.late = true;
    }

    /// Whether this share of the turn's time was over at the last look.
    #[inline]
    pub(super) fn late(&self) -> bool {
        self.late
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

    /// Whether this turn has produced enough or the share of its time is over.
    #[inline]
    pub(super) fn over(&self) -> bool {
        self.spent() || self.late
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
    fn upkeep_has_a_shorter_share_where_somebody_was_answered() {
        let mut flow = Flow::default();
        let ends_after = |flow: &mut Flow, now_ns, share_ns| {
            flow.begin_upkeep(now_ns);
            flow.look(now_ns + share_ns - 1);
            assert!(!flow.late());
            flow.look(now_ns + share_ns);
            assert!(flow.late());
        };
        for (produced, took_ns, share_ns) in [
            (0, 0, TURN_SHARE_NS_MAX),
            (5, 2 * BUSY_UPKEEP_NS_MIN, BUSY_UPKEEP_NS_MIN),
            (5, 2 * BUSY_UPKEEP_NS_MIN + 2000, BUSY_UPKEEP_NS_MIN + 1000),
            (5, 2 * BUSY_UPKEEP_NS_MAX + 2000, BUSY_UPKEEP_NS_MAX),
        ] {
            flow.begin_turn(1_000_000);
            flow.produced(produced);
            ends_after(&mut flow, 1_000_000 + took_ns, share_ns);
        }
        // The turn before answered: others may come in the midst of this one's upkeep.
        for (now_ns, share_ns) in [
            (1_200_000, BUSY_UPKEEP_NS_MIN),
            (1_200_000 + ANSWERED_LATELY_NS - 1, BUSY_UPKEEP_NS_MIN),
            (1_200_000 + ANSWERED_LATELY_NS, TURN_SHARE_NS_MAX),
        ] {
            flow.begin_turn(now_ns);
            ends_after(&mut flow, now_ns, share_ns);
        }
    }

    #[test]
    fn upkeep_that_falls_behind_gets_a_third_of_a_busy_shards_time() {
        let mut flow = Flow::default();
        let mut share_ends_us = |now_ns, more| {
            flow.begin_turn(now_ns);
            flow.produced(5);
            flow.begin_upkeep(now_ns + 300_000);
            flow.end_upkeep(more);
            (flow.share_ends_ns - now_ns) / 1000
        };
        let narrow_us = 300 + BUSY_UPKEEP_NS_MAX / 1000;
        assert_eq!(share_ends_us(1_000_000, true), narrow_us);
        assert_eq!(share_ends_us(1_000_000 + UPKEEP_BEHIND_NS - 1, true), narrow_us);
        assert_eq!(share_ends_us(1_000_000 + UPKEEP_BEHIND_NS, true), 450);
        assert_eq!(share_ends_us(1_000_000 + 2 * UPKEEP_BEHIND_NS, false), 450);
        assert_eq!(share_ends_us(1_000_000 + 3 * UPKEEP_BEHIND_NS, false), narrow_us);
    }

    #[test]
    fn upkeep_lets_answers_go_first_but_not_for_ever() {
        let mut flow = Flow::default();
        let mut waits = |now_ns, produced| {
            flow.begin_turn(now_ns);
            flow.produced(produced);
            let waits = flow.upkeep_waits();
            if !waits {
                flow.end_upkeep(true);
            }
            waits
        };
        let began_ns = 7_000_000;
        assert!(!waits(began_ns, 5), "nothing is known to be left");
        assert!(waits(began_ns + 1_000, 5));
        assert!(!waits(began_ns + 2_000, 0), "a turn without requests does it");
        assert!(waits(began_ns + 2_000 + UPKEEP_WAITS_NS_MAX - 1, 5));
        assert!(!waits(began_ns + 2_000 + UPKEEP_WAITS_NS_MAX, 5));
        flow.end_upkeep(false);
        flow.produced(5);
        assert!(!flow.upkeep_waits(), "something may have come due");
    }

    #[test]
    fn a_share_of_time_ends_and_the_next_begins() {
        let mut flow = Flow::default();
        flow.begin_turn(5_000_000);
        flow.look(5_000_000 + TURN_SHARE_NS_MAX - 1);
        assert!(!flow.late());
        flow.look(5_000_000 + TURN_SHARE_NS_MAX);
        assert!(flow.late());
        flow.begin_share(6_000_000);
        assert!(!flow.late());
        flow.end_share();
        flow.look(6_000_000);
        assert!(flow.late() && flow.over());
    }

    #[test]
    fn packing_uses_up_a_share_between_two_looks_at_the_clock() {
        let mut flow = Flow::default();
        flow.begin_turn(1_000);
        flow.coded(TURN_SHARE_NS_MAX - 1);
        assert!(!flow.late());
        flow.coded(TURN_SHARE_NS_MAX);
        assert!(flow.late());
        flow.begin_share(2_000);
        flow.coded(TURN_SHARE_NS_MAX);
        assert!(!flow.late(), "nothing was packed in this share");
        flow.coded(5);
        flow.coded(5 + TURN_SHARE_NS_MAX);
        assert!(flow.late());
    }

    #[test]
    fn a_turn_ends_when_it_has_produced_its_share() {
        let mut flow = Flow::default();
        flow.produced(OUTPUT_BYTES_PER_TURN_MAX - 1);
        assert!(!flow.spent());
        flow.produced(1);
        assert!(flow.spent());
        flow.begin_turn(0);
        assert!(!flow.spent());
    }
}
