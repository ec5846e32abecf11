//! Tidying: how tables are trimmed and move into holes between them.
//!
//! Tables that grow or shrink leave holes. When these take more than their share, the last tables
//! of a size move into the holes of that size; who owns such a table is found by the key of any of
//! its entries. Invariant: after a step that had something left to do, holes are fewer. Cost: a
//! step moves `PACKED_TABLES_MAX` tables and `STEP_BYTES_MAX` bytes at most, and takes
//! `CLOSED_HOLES_MAX` holes away.

use crate::effect::Effects;
use crate::engine::Engine;
use crate::limits::{CLOSED_HOLES_MAX, PACKED_TABLES_MAX, STEP_BYTES_MAX};
use crate::stats::Work;
use crate::table::TABLE_BYTES_MAX;

impl<E: Effects> Engine<E> {
    /// Trims tables, moves some into holes, or gives memory back that no table needs. Returns
    /// whether there was anything to do.
    #[inline]
    pub(crate) fn tidy_step(&mut self) -> bool {
        if self.index.is_loose() {
            self.index.trim_step();
            return true;
        }
        // Retired tables are reached by no key.
        self.index.footprint.runs.is_untidy() && !self.index.is_draining() && self.tidy()
    }

    #[cold]
    fn tidy(&mut self) -> bool {
        let (mut work, mut holes) = (Work::default(), CLOSED_HOLES_MAX);
        while work.tables < PACKED_TABLES_MAX && work.bytes + TABLE_BYTES_MAX <= STEP_BYTES_MAX {
            let Some(entry) = self.index.footprint.runs.displaced(&mut holes) else { break };
            let moved = self.index.fill_hole(self.place_at(entry.address()));
            assert!(moved > 0, "the last table of a size is in the index");
            work.bytes += moved;
            work.tables += 1;
        }
        if work.tables == 0 {
            work.bytes = self.index.footprint.runs.release_step();
        }
        self.counters.longest_step.raise(work);
        true
    }
}
