//! Trimming: how tables shrink that removals left loose.
//!
//! A removal shrinks its table only where that is far too large, so that many removals at once, as
//! when half of the items expire, cost few rebuilds. What is a little too large is shrunk by a pass
//! through all tables, once many removals have left a loose one. Invariant: a pass without changes
//! meanwhile leaves no loose table. Cost: a look at a table for each such removal at most; a step
//! looks at `TRIM_LOOKS_MAX` and ends with the first that it shrinks.

use crate::directory::Directory;
use crate::limits::{FRAGMENT_BITS, SLOT_COUNT, TRIM_LOOKS_MAX};
use crate::node::Footprint;

/// A pass begins when removals that left a loose table are more than this part of the items, and
/// than the tables.
const LOOSENED_SHARE: u64 = 32;
/// Bits below those of the database in a position: of the slot and the fragment.
const DATABASE_SHIFT: u32 = SLOT_COUNT.ilog2() + FRAGMENT_BITS;

/// How far trimming is.
#[derive(Debug, Default)]
pub(crate) struct Trimming {
    /// Where the pass goes on, `database | slot 14 | fragment 28`; 0 if there is none.
    at: u64,
    /// Tables that this pass looked at, and the one before.
    looks: u64,
    looks_before: u64,
}

impl Trimming {
    /// Whether a pass is under way or is to begin.
    #[inline]
    pub(crate) fn is_due(&self, loosened: u64, items: u64) -> bool {
        self.at != 0 || loosened > items / LOOSENED_SHARE + self.looks_before
    }

    /// Looks at some tables and shrinks one at most.
    pub(crate) fn step(&mut self, dbs: &mut [Option<Box<Directory>>], footprint: &mut Footprint) {
        if self.at == 0 {
            footprint.loosened = 0;
        }
        for _ in 0..TRIM_LOOKS_MAX {
            let db = self.at >> DATABASE_SHIFT;
            let Some(directory) = dbs.get_mut(db as usize) else {
                (self.at, self.looks_before) = (0, core::mem::take(&mut self.looks));
                return;
            };
            let slot = (self.at >> FRAGMENT_BITS) as usize % SLOT_COUNT;
            let next = directory.as_ref().and_then(|it| it.next_filled(slot));
            let (Some(directory), Some(next)) = (directory, next) else {
                self.at = (db + 1) << DATABASE_SHIFT;
                continue;
            };
            let begin = (db << DATABASE_SHIFT) | (u64::from(next) << FRAGMENT_BITS);
            let fragment = self.at.saturating_sub(begin) as u32;
            let (end, loose) = directory.trim(next, fragment, footprint);
            self.at = begin + u64::from(end);
            self.looks += 1;
            if loose {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::DATABASES_MAX;
    use crate::stats::Work;
    use crate::table::{Address, Entry};

    fn entry(i: u64) -> Entry {
        Entry::new(Address(i), (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 36) as u32)
    }

    /// Databases 0 and 15 with a slot of one table and one of many, two thirds of them removed
    /// again, so that some tables are loose.
    fn loosened(footprint: &mut Footprint) -> [Option<Box<Directory>>; DATABASES_MAX] {
        let mut dbs = [const { None }; DATABASES_MAX];
        for db in [0, DATABASES_MAX - 1] {
            let mut directory = Directory::new(footprint);
            for (slot, count) in [(0, 200), (7, 600), (8, 50_000), (16383, 700)] {
                (0..count).for_each(|i| directory.insert(slot, entry(i), footprint));
                (0..count / 3).for_each(|i| _ = directory.remove(slot, entry(i), footprint));
            }
            dbs[db] = Some(directory);
        }
        dbs
    }

    /// Goes through all tables once, and says in how many steps.
    fn pass(
        trimming: &mut Trimming,
        dbs: &mut [Option<Box<Directory>>],
        footprint: &mut Footprint,
    ) -> usize {
        for steps in 1.. {
            footprint.longest = Work::default();
            trimming.step(dbs, footprint);
            assert!(footprint.longest.tables <= 2, "a step shrinks one");
            if trimming.at == 0 {
                return steps;
            }
        }
        unreachable!()
    }

    #[test]
    fn a_pass_leaves_no_loose_table() {
        let mut footprint = Footprint::reserve(16 << 20).expect("reserves");
        let mut dbs = loosened(&mut footprint);
        let (mut trimming, before) = (Trimming::default(), footprint.runs.lent_bytes());
        let loosened = footprint.loosened;
        assert!(loosened > 0 && trimming.is_due(loosened, 31 * loosened));
        let steps = pass(&mut trimming, &mut dbs, &mut footprint);
        let trimmed = footprint.runs.lent_bytes();
        assert!(trimmed < before * 9 / 10 && steps > 100, "{before} bytes, {trimmed}, {steps}");
        assert!(!trimming.is_due(footprint.loosened, 0), "nothing was removed since");
        assert!(pass(&mut trimming, &mut dbs, &mut footprint) < 20, "nothing was left");
        assert_eq!(footprint.runs.lent_bytes(), trimmed);
    }
}
