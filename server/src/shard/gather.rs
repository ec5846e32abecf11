//! A command that was scattered over shards, until its last part has come back.
//!
//! The coordinator enters the shards one after the other in ascending order, which is what keeps
//! two transactions from waiting for each other. The last shard gets its batch with the request to
//! enter, the others are told to run once everybody is in. Invariant: a gather always runs to its
//! end, whether its client lives or not, so no slot stays held.

use velodrome_net::ConnId;
use velodrome_net::resp::Proto;

use crate::shard::holds::SlotSet;
use crate::shard::parcel::Batch;
use crate::shard::plan::Step;
use crate::shard::transaction_id::TransactionId;

/// One shard's share of a scattered command.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) shard: u16,
    pub(crate) slots: SlotSet,
    /// What it runs; taken when it is sent.
    pub(crate) batch: Batch,
}

/// A scattered command, before it starts.
#[derive(Debug)]
pub(crate) struct Scattered {
    pub(crate) steps: Vec<Step>,
    pub(crate) part_count: u32,
    /// Ascending by shard.
    pub(crate) members: Vec<Member>,
    /// EXEC: the steps' replies are the elements of an array.
    pub(crate) array: bool,
    /// Take no slots: a reading of every shard that need not be one moment's.
    pub(crate) loose: bool,
    /// EXEC: the client whose watched keys must be unchanged.
    pub(crate) watcher: Option<u64>,
    /// WATCH: the client who begins to watch.
    pub(crate) begins_to_watch: Option<u64>,
    /// MSETNX: these run in a second round when the first one's integers sum to 0.
    pub(crate) second_round: Option<Vec<Batch>>,
}

/// Where a gather stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Asking `members[at]` to be let in.
    Entering { at: usize },
    /// Everybody is in; the parts are coming.
    Running,
}

/// A scattered command under way.
#[derive(Debug)]
pub(crate) struct Gather {
    pub(crate) id: TransactionId,
    pub(crate) conn: ConnId,
    /// The place of its reply in the connection's queue.
    pub(crate) place: u32,
    pub(crate) proto: Proto,
    pub(crate) phase: Phase,
    pub(crate) work: Scattered,
    parts: Vec<Option<(usize, usize)>>,
    bytes: Vec<u8>,
    missing: u32,
}

impl Gather {
    /// A gather about to enter its first shard.
    pub(crate) fn new(
        id: TransactionId,
        conn: ConnId,
        place: u32,
        proto: Proto,
        work: Scattered,
    ) -> Self {
        let missing = work.part_count;
        let parts = vec![None; missing as usize];
        let phase = Phase::Entering { at: 0 };
        Self { id, conn, place, proto, phase, work, parts, bytes: Vec::new(), missing }
    }

    /// Keeps one part's reply; true when it was the last that was missing.
    pub(crate) fn fill(&mut self, part: u32, bytes: &[&[u8]]) -> bool {
        let start = self.bytes.len();
        bytes.iter().for_each(|bytes| self.bytes.extend_from_slice(bytes));
        let slot = &mut self.parts[part as usize];
        assert!(slot.is_none(), "a part answers once");
        *slot = Some((start, self.bytes.len()));
        self.missing -= 1;
        self.missing == 0
    }

    /// The replies of `count` parts from `first`, all of which have come.
    pub(crate) fn parts(&self, first: u32, count: u32) -> Vec<&[u8]> {
        self.parts[first as usize..(first + count) as usize]
            .iter()
            .map(|part| part.expect("every part has answered"))
            .map(|(start, end)| &self.bytes[start..end])
            .collect()
    }

    /// Starts a second round of `part_count` parts.
    pub(crate) fn again(&mut self, part_count: u32) {
        self.bytes.clear();
        self.parts = vec![None; part_count as usize];
        self.missing = part_count;
    }
}

/// The gathers that one shard coordinates.
#[derive(Debug, Default)]
pub(crate) struct Gathers {
    places: Vec<Option<Gather>>,
    free: Vec<u32>,
    serial: u32,
}

impl Gathers {
    /// How many are under way.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The name of the gather that [`Gathers::put`] will keep next.
    pub(crate) fn next_id(&mut self, shard: u16) -> TransactionId {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            (self.places.len() - 1) as u32
        });
        self.serial = self.serial.wrapping_add(1);
        TransactionId { shard, place, serial: self.serial }
    }

    /// Keeps a gather under the id that it was given.
    pub(crate) fn put(&mut self, gather: Gather) {
        let place = gather.id.place as usize;
        assert!(self.places[place].is_none(), "one gather a place");
        self.places[place] = Some(gather);
    }

    /// The gather of this id, if it is still under way.
    pub(crate) fn get(&mut self, id: TransactionId) -> Option<&mut Gather> {
        self.places.get_mut(id.place as usize)?.as_mut().filter(|gather| gather.id == id)
    }

    /// Takes a gather out: it has ended.
    pub(crate) fn take(&mut self, id: TransactionId) -> Option<Gather> {
        self.get(id)?;
        self.free.push(id.place);
        self.places[id.place as usize].take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::plan::Combine;

    fn scattered(part_count: u32) -> Scattered {
        Scattered {
            steps: vec![Step::Parts { first: 0, count: part_count, combine: Combine::Sum }],
            part_count,
            members: Vec::new(),
            array: false,
            loose: false,
            watcher: None,
            begins_to_watch: None,
            second_round: None,
        }
    }

    #[test]
    fn parts_come_in_any_order() {
        let mut gathers = Gathers::default();
        let id = gathers.next_id(3);
        let conn = ConnId::new(1, 1);
        gathers.put(Gather::new(id, conn, 0, Proto::Resp2, scattered(2)));
        let gather = gathers.get(id).unwrap();
        assert!(!gather.fill(1, &[b":2", b"\r\n"]));
        assert!(gather.fill(0, &[b":1\r\n"]));
        assert_eq!(gather.parts(0, 2), [b":1\r\n", b":2\r\n"]);
        assert!(gathers.take(id).is_some() && gathers.get(id).is_none());
        let next = gathers.next_id(3);
        assert_eq!(next.place, id.place);
        assert_ne!(next, id);
        assert_eq!(gathers.len(), 1);
    }
}
