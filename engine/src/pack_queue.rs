//! Values that a worker packs: those that would take the shard too long.
//!
//! ```text
//! write ─► waiting ─► PackJob ─► worker, on a thread of the caller's ─► PackDone ─► put in place
//! ```
//!
//! Invariant: a value is put in place only if its key still has the version at which it was taken
//! or got a new deadline only since; at most `PACK_QUEUE_MAX` wait and `PACK_JOBS_MAX` are under
//! way. Cost: a value inside its record is copied once to be handed out, a larger one is pinned.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::codec::{Codec, Packer};
use crate::key::Place;
use crate::large::{LargeValue, StagedValue};
use crate::limits::{PACK_JOBS_MAX, PACK_QUEUE_MAX};
use crate::version::Version;

/// A value by its place and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) place: Place,
    pub(crate) version: Version,
}

/// Values that wait for the worker, and those it has.
#[derive(Debug, Default)]
pub(crate) struct PackQueue {
    waiting: VecDeque<Candidate>,
    under_way: Vec<(u64, Candidate)>,
    last_id: u64,
}

impl PackQueue {
    /// Whether nothing waits and nothing is under way.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }

    /// Values that wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Lets a value wait. Returns whether there is room.
    pub(crate) fn push(&mut self, candidate: Candidate) -> bool {
        // Of a value written over and over only the last version is worth anything.
        if let Some(last) = self.waiting.back_mut()
            && last.place == candidate.place
        {
            *last = candidate;
            return true;
        }
        let room = self.waiting.len() < PACK_QUEUE_MAX;
        if room {
            self.waiting.push_back(candidate);
        }
        room
    }

    /// The value that has waited longest, if the worker may have one more.
    pub(crate) fn pop(&mut self) -> Option<Candidate> {
        if self.under_way.len() >= PACK_JOBS_MAX { None } else { self.waiting.pop_front() }
    }

    /// The worker gets a value. Returns what names it.
    pub(crate) fn begin(&mut self, candidate: Candidate) -> u64 {
        self.last_id += 1;
        self.under_way.push((self.last_id, candidate));
        self.last_id
    }

    /// The worker is done with a value.
    pub(crate) fn end(&mut self, id: u64) -> Option<Candidate> {
        let at = self.under_way.iter().position(|(of, _)| *of == id)?;
        Some(self.under_way.swap_remove(at).1)
    }

    /// An item got another deadline, and so a new version, with the value it had.
    #[cold]
    #[inline(never)]
    pub(crate) fn redated(&mut self, before: Candidate, version: Version) {
        let all = self.waiting.iter_mut().chain(self.under_way.iter_mut().map(|(_, of)| of));
        all.filter(|it| **it == before).for_each(|it| it.version = version);
    }

    /// Forgets what waits.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }
}

/// A value on its way to the worker.
#[derive(Debug)]
pub struct PackJob {
    pub(crate) id: u64,
    pub(crate) codec: Codec,
    pub(crate) raw: RawValue,
    /// Longer ones get a mapping of their own, which is made by the worker, too.
    pub(crate) inline_len_max: usize,
}

#[derive(Debug)]
pub(crate) enum RawValue {
    Copied(Box<[u8]>),
    Pinned(Arc<LargeValue>),
}

/// What the worker made of a value.
#[derive(Debug)]
pub struct PackDone {
    pub(crate) id: u64,
    /// None when packing it does not pay.
    pub(crate) packed: Option<PackedValue>,
    pub(crate) took_ns: u64,
}

#[derive(Debug)]
pub(crate) enum PackedValue {
    Short(Vec<u8>),
    Long(Arc<LargeValue>),
}

impl PackJob {
    /// Packs the value, which is let go then; `clock_ns` tells how long it takes.
    pub fn run(self, packer: &mut Packer, clock_ns: fn() -> u64) -> PackDone {
        let began_ns = clock_ns();
        let raw = match &self.raw {
            RawValue::Copied(bytes) => &bytes[..],
            RawValue::Pinned(large) => &large[..],
        };
        let mut packed = Vec::new();
        let pays = packer.pack(self.codec, raw, &mut packed);
        let packed = if pays { placed(packed, self.inline_len_max) } else { None };
        PackDone { id: self.id, packed, took_ns: clock_ns().saturating_sub(began_ns) }
    }
}

/// Packed bytes as they will be held; none when the system has no room for them.
fn placed(packed: Vec<u8>, inline_len_max: usize) -> Option<PackedValue> {
    if packed.len() <= inline_len_max {
        return Some(PackedValue::Short(packed));
    }
    let mut staged = StagedValue::new(packed.len()).ok()?;
    staged.extend(&packed);
    Some(PackedValue::Long(Arc::new(staged.finish())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(number: u32) -> Candidate {
        let place = Place { slot: 1, db: 0, fragment: number };
        Candidate { place, version: Version(u64::from(number)) }
    }

    #[test]
    fn waiting_and_work_under_way_are_bounded() {
        let mut queue = PackQueue::default();
        let taken = (0..1000).filter(|number| queue.push(candidate(*number))).count();
        assert_eq!((taken, queue.len()), (PACK_QUEUE_MAX, PACK_QUEUE_MAX));
        let ids: Vec<u64> = std::iter::from_fn(|| queue.pop().map(|it| queue.begin(it))).collect();
        assert_eq!(ids.len(), PACK_JOBS_MAX);
        assert_eq!(queue.end(ids[1]), Some(candidate(1)));
        assert_eq!(queue.end(ids[1]), None, "each is done once");
        assert_eq!(queue.pop(), Some(candidate(PACK_JOBS_MAX as u32)));
    }

    #[test]
    fn a_new_deadline_is_followed_and_a_rewritten_value_waits_once() {
        let mut queue = PackQueue::default();
        queue.push(candidate(1));
        queue.push(candidate(2));
        queue.push(Candidate { version: Version(9), ..candidate(2) });
        assert_eq!(queue.len(), 2);
        let first = queue.pop().expect("waits");
        let id = queue.begin(first);
        queue.redated(candidate(1), Version(7));
        queue.redated(candidate(2), Version(8));
        assert_eq!(queue.end(id).map(|it| it.version), Some(Version(7)));
        assert_eq!(queue.pop().map(|it| it.version), Some(Version(9)), "another version's");
        assert!(queue.is_idle());
    }
}
