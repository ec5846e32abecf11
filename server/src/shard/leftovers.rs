//! What a shard still keeps for clients, for the simulation's tests.
//!
//! Invariant: with no client and nothing under way there is nothing to name here.

use crate::shard::Shard;
use crate::shard::holds::Holds;

impl Shard {
    /// Names everything that would not be there if nobody had ever connected.
    pub(crate) fn leftovers(&mut self) -> Vec<String> {
        let outgoing = self.outbox.iter().filter(|parcel| !parcel.is_empty()).count();
        let watched = usize::from(!self.engine.effects_mut().watch.is_empty());
        let counts = [
            ("held slots or waiters", usize::from(!self.holds.idle())),
            ("gathers", self.gathers.len()),
            ("running batches", self.running.len()),
            ("sweeps", self.sweeps.len()),
            ("unanswered requests", self.unanswered),
            ("bytes on their way to siblings", self.facts.crossing_bytes(self.id)),
            ("commands that ended early", self.ended_early.len()),
            ("parcels", outgoing),
            ("watch tables", watched),
            ("connections in the backlog", self.backlog.len()),
            ("sessions", self.sessions.iter().flatten().count()),
        ];
        assert_eq!(self.session_count, self.sessions.iter().flatten().count());
        let left = counts.into_iter().filter(|(_, count)| *count > 0);
        left.map(|(name, count)| format!("{count} {name}")).collect()
    }

    /// Bounds the work that waits for held slots; before anything waits.
    pub(crate) fn set_hold_waiters_max(&mut self, waiters_max: usize) {
        self.holds = Holds::with_waiters_max(waiters_max);
    }
}
