//! Aging: no item grows so old that it looks young again.
//!
//! The access clock has 20 bits. A walk over all records, begun every quarter of its range, sets
//! those older than half the range to that age. Invariant: ages beyond the range never occur as
//! long as `age_step` is called a few times in a quarter of a million accesses. Cost: one pass over
//! the record heads in as many ticks, which are 64 turnovers of a large store.

use crate::cleaner::Walk;
use crate::effect::Effects;
use crate::engine::Engine;
use crate::limits::{AGE_TICKS_MAX, STEP_ITEMS_MAX};
use crate::segment::State;
use crate::stats::Work;

impl<E: Effects> Engine<E> {
    /// Walks on over up to `STEP_ITEMS_MAX` records. Returns whether there is a walk to go on with.
    pub(crate) fn age_step(&mut self) -> bool {
        if self.walk.is_none() && self.keeper.has_ages() && self.keeper.lru.walk_is_due() {
            self.walk = Some(Walk::default());
        }
        let Some(mut walk) = self.walk else { return false };
        let mut work = Work::default();
        while work.items < STEP_ITEMS_MAX {
            if walk.segment as usize >= self.segments.count() {
                self.walk = None;
                return true;
            }
            // Segments are looked at like records: a walk over free ones is bounded too.
            work.items += 1;
            let segment = *self.segments.segment(walk.segment);
            let resumed = walk.offset == 0 || segment.serial == walk.serial;
            let ended = walk.offset >= segment.used as usize;
            if segment.state == State::Free || !resumed || ended {
                let (segment, levels) = (walk.segment + 1, walk.levels);
                walk = Walk { segment, levels, ..Walk::default() };
                continue;
            }
            walk.serial = segment.serial;
            let at = self.segments.address(walk.segment, walk.offset);
            let shape = self.segments.record(at).shape();
            if shape.is_dead() {
                // Its access field is a link now.
            } else if walk.levels {
                self.segments.set_access(at, self.keeper.neutral());
            } else if self.keeper.lru.age(shape.access()) > AGE_TICKS_MAX {
                let access = self.keeper.lru.access_of_age(AGE_TICKS_MAX);
                self.segments.set_access(at, access);
            }
            walk.offset += shape.len();
        }
        self.counters.longest_step.raise(work);
        self.walk = Some(walk);
        true
    }
}
