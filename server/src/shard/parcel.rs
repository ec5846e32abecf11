//! What one shard sends another in a turn: requests, answers and notes, in order.
//!
//! There is at most one parcel a turn and pair of shards, so what crosses is batched by
//! construction, and a parcel's buffers travel back and forth instead of being allocated anew:
//! who has emptied one sends it home in the next it fills itself.
//! Invariant: items are served in the order in which they were put in.

use std::collections::VecDeque;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use velodrome_engine::{Collected, LargeValue};
use velodrome_net::ConnId;
use velodrome_net::command::Spec;
use velodrome_net::resp::{Args, Proto};
use velodrome_ring::SlotTable;

use crate::limits::PARCEL_CAPACITY_KEPT_BYTES;
use crate::shard::argument_buffer::{ArgumentBuffer, ArgumentRange};
use crate::shard::holds::SlotSet;
use crate::shard::transaction_id::TransactionId;

/// Where an answer belongs on the shard that asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ticket {
    /// A place in a connection's queue of replies.
    Reply { conn: ConnId, place: u32 },
    /// One part of a command that was scattered.
    Part { transaction: TransactionId, part: u32 },
}

/// Who runs a command, as far as its execution on another shard needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The client's id, unique within the node.
    pub(crate) client: u64,
    /// The protocol its replies are encoded in.
    pub(crate) proto: Proto,
    /// The database its keys are in.
    pub(crate) db: u8,
    /// CLIENT NO-TOUCH: reads leave the recency of keys alone.
    pub(crate) no_touch: bool,
}

/// A command to run on the receiving shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) ticket: Ticket,
    pub(crate) caller: Caller,
    /// The slot of its key; meaningless for a command on the whole shard.
    pub(crate) slot: u16,
    pub(crate) args: ArgumentRange,
}

/// Commands of one transaction for one shard, with their own arguments.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) args: ArgumentBuffer,
    pub(crate) requests: Vec<Request>,
}

/// A transaction that asks to be let in.
#[derive(Debug)]
pub(crate) struct Enter {
    pub(crate) transaction: TransactionId,
    pub(crate) slots: SlotSet,
    /// The client whose watched keys must be unchanged.
    pub(crate) watcher: Option<u64>,
    /// What to run at once when this shard is the last that is asked; its slots are then given
    /// back, unless `keep`.
    pub(crate) batch: Option<Batch>,
    /// Keep the slots after the batch: a second one follows.
    pub(crate) keep: bool,
}

/// A part of a shard's quota, on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) bytes: u64,
    pub(crate) items: u64,
    /// The limits that it is a part of.
    pub(crate) of: Generations,
}

/// How often the node's limits have been changed: what is a part of others is to be scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Generations {
    pub(crate) bytes: u32,
    pub(crate) items: u32,
}

/// What is rare: transactions, connections handed over, control.
#[derive(Debug)]
pub(crate) enum Note {
    /// Asks for slots, and maybe to run a batch.
    Enter(Enter),
    /// The slots are held; `clean` says whether the watched keys are unchanged. When not clean
    /// nothing is held and nothing was run.
    Entered { transaction: TransactionId, clean: bool },
    /// Too many wait for held slots on the asked shard.
    Crowded { transaction: TransactionId },
    /// Runs a batch under slots already held, then gives them back unless `keep`.
    Run { transaction: TransactionId, batch: Batch, keep: bool },
    /// Gives back whatever the transaction holds or waits for.
    Leave { transaction: TransactionId },
    /// Forgets what a client watches.
    Unwatch { watcher: u64 },
    /// An accepted socket for the receiving shard to serve.
    Adopt { socket: OwnedFd, listener: u16 },
    /// A new slot table.
    #[cfg_attr(not(test), expect(dead_code, reason = "sent by a control plane of several nodes"))]
    Table(Arc<SlotTable>),
    /// Asks for a part of the receiving shard's quota.
    QuotaWanted(Quota),
    /// A part of the sending shard's quota, given away.
    QuotaGiven(Quota),
}

/// A request of a connection in a parcel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crossing {
    /// Its row, which the sender has looked up.
    pub(crate) spec: &'static Spec,
    /// The place of its reply.
    pub(crate) place: u32,
    pub(crate) args: ArgumentRange,
    /// As a [`Request`]'s.
    pub(crate) slot: u16,
    /// It may write so much that room is made for it ahead.
    pub(crate) heavy: bool,
}

impl Request {
    /// A request to be of these `Requests`, one after the other.
    pub(crate) fn by(run: &Requests) -> Self {
        let ticket = Ticket::Reply { conn: run.conn, place: 0 };
        Self { ticket, caller: run.caller, slot: 0, args: ArgumentRange::default() }
    }

    /// It is this one now.
    #[inline]
    pub(crate) fn becomes(&mut self, conn: ConnId, crossing: &Crossing) {
        self.ticket = Ticket::Reply { conn, place: crossing.place };
        (self.slot, self.args) = (crossing.slot, crossing.args);
    }
}

/// Whose requests are the next so many of a parcel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requests {
    pub(crate) conn: ConnId,
    pub(crate) caller: Caller,
    pub(crate) count: u32,
}

/// Requests of a connection that are served together, and which of a parcel's they are.
pub(crate) type Run = (Requests, Range<usize>);

/// An answer to a connection's request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) place: u32,
    /// Where its bytes end in the parcel's replies.
    pub(crate) end: u32,
}

/// One thing in a parcel.
#[derive(Debug)]
pub(crate) enum Item {
    /// Commands of a connection to run: the next of the parcel's `requests`.
    Requests(Requests),
    /// Answers to requests of a connection: the next so many of the parcel's `answers`.
    Answers { conn: ConnId, count: u32 },
    /// An answer that belongs elsewhere or has a tail: the next bytes of `replies` up to `end`.
    Answer { ticket: Ticket, end: u32, tail: Option<Arc<LargeValue>> },
    /// Anything else.
    Note(Box<Note>),
}

impl Item {
    /// Whether it is about nothing but quota.
    pub(crate) fn is_quota(&self) -> bool {
        let Item::Note(note) = self else { return false };
        matches!(**note, Note::QuotaWanted(_) | Note::QuotaGiven(_))
    }
}

/// What goes from one shard to another in a turn.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    /// The arguments of the requests.
    pub(crate) args: ArgumentBuffer,
    /// The bytes of the answers, back to back.
    pub(crate) replies: Vec<u8>,
    /// Bytes of `replies` whose answers have been served.
    pub(crate) answered: usize,
    pub(crate) items: VecDeque<Item>,
    /// Requests and answers lie apart from the items that say whose they are: a line of memory
    /// that goes from core to core holds two or eight of them.
    pub(crate) requests: Vec<Crossing>,
    /// Heavy requests that stay where they were received, by their place among `requests`: their
    /// values need not be copied. In order.
    attached: VecDeque<(usize, Collected)>,
    answers: Vec<Answer>,
    /// Empty ones on their way home, to be filled again: one shard may send more than it is sent.
    pub(crate) empties: Vec<Parcel>,
    /// Those of `requests` and `answers` that have been served.
    requests_taken: usize,
    answers_taken: usize,
}

impl Parcel {
    /// Whether there is nothing to send.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds a request of a connection.
    #[inline]
    pub(crate) fn push_request(&mut self, conn: ConnId, caller: Caller, request: Crossing) {
        self.requests.push(request);
        match self.items.back_mut() {
            Some(Item::Requests(it)) if it.conn == conn && it.caller == caller => it.count += 1,
            _ => self.items.push_back(Item::Requests(Requests { conn, caller, count: 1 })),
        }
    }

    /// Adds the arguments of the request that is added next, which lie in `collected`, if they do.
    pub(crate) fn attach(&mut self, args: Args<'_>, collected: Collected) -> Option<ArgumentRange> {
        let range = self.args.push_within(args, collected.as_bytes())?;
        self.attached.push_back((self.requests.len(), collected));
        Some(range)
    }

    /// Where the arguments of one of `requests` lie, if not in the parcel.
    #[inline]
    pub(crate) fn attached(&self, at: usize) -> Option<&Collected> {
        let find = || self.attached.iter().find(|it| it.0 == at).map(|it| &it.1);
        if self.requests[at].heavy { find() } else { None }
    }

    /// The arguments of one of `requests`.
    #[inline]
    pub(crate) fn args_of(&self, at: usize) -> Args<'_> {
        let range = self.requests[at].args;
        match self.attached(at) {
            Some(collected) => self.args.get_within(range, collected.as_bytes()),
            None => self.args.get(range),
        }
    }

    /// Takes one that a request brought which has been taken.
    pub(crate) fn take_attached(&mut self) -> Option<Collected> {
        let served = |it: &mut (usize, Collected)| it.0 < self.requests_taken;
        self.attached.pop_front_if(served).map(|it| it.1)
    }

    /// Adds the answer whose bytes are those of `replies` that were appended since the last one.
    #[inline]
    pub(crate) fn push_answer(&mut self, ticket: Ticket, tail: Option<Arc<LargeValue>>) {
        let end = self.replies.len() as u32;
        let Ticket::Reply { conn: to, place } = ticket else {
            return self.items.push_back(Item::Answer { ticket, end, tail });
        };
        if tail.is_some() {
            return self.items.push_back(Item::Answer { ticket, end, tail });
        }
        self.answers.push(Answer { place, end });
        match self.items.back_mut() {
            Some(Item::Answers { conn, count }) if *conn == to => *count += 1,
            _ => self.items.push_back(Item::Answers { conn: to, count: 1 }),
        }
    }

    /// The arguments of the request that is served next, if it is a heavy one.
    pub(crate) fn next_heavy(&self) -> Option<Args<'_>> {
        self.requests[self.requests_taken].heavy.then(|| self.args_of(self.requests_taken))
    }

    /// Takes up to `count_max` of the requests that are served next, heavy ones alone or first:
    /// adds whose they are, and which of `requests`, to `taken`.
    pub(crate) fn take_requests(&mut self, count_max: usize, taken: &mut Vec<Run>) {
        let first = self.requests_taken;
        while self.requests_taken - first < count_max
            && let Some(Item::Requests(all)) = self.items.front_mut()
        {
            let start = self.requests_taken;
            let count = (all.count as usize).min(first + count_max - start);
            let offered = self.requests[start..start + count].iter().enumerate();
            let heavy = |(at, it): (usize, &Crossing)| it.heavy && start + at > first;
            let end =
                offered.clone().find(|it| heavy(*it)).map_or(start + count, |it| start + it.0);
            if end == start {
                break;
            }
            taken.push((*all, start..end));
            self.requests_taken = end;
            all.count -= (end - start) as u32;
            if all.count > 0 {
                break;
            }
            self.items.pop_front();
        }
    }

    /// Takes the next `count` answers.
    pub(crate) fn take_answers(&mut self, count: u32) -> Range<usize> {
        let start = self.answers_taken;
        self.answers_taken += count as usize;
        start..self.answers_taken
    }

    /// An answer that was taken, and its bytes.
    #[inline]
    pub(crate) fn answer(&mut self, at: usize) -> (u32, &[u8]) {
        let Answer { place, end } = self.answers[at];
        (place, self.next_answer(end))
    }

    /// The bytes of the answer at hand, which end at `end`.
    #[inline]
    pub(crate) fn next_answer(&mut self, end: u32) -> &[u8] {
        let start = std::mem::replace(&mut self.answered, end as usize);
        &self.replies[start..self.answered]
    }

    /// Empties the parcel for its next journey.
    pub(crate) fn clear(&mut self) {
        self.args.clear(PARCEL_CAPACITY_KEPT_BYTES);
        self.replies.clear();
        self.replies.shrink_to(PARCEL_CAPACITY_KEPT_BYTES);
        self.requests.clear();
        self.requests.shrink_to(PARCEL_CAPACITY_KEPT_BYTES / size_of::<Crossing>());
        self.answers.clear();
        self.answers.shrink_to(PARCEL_CAPACITY_KEPT_BYTES / size_of::<Answer>());
        (self.answered, self.requests_taken, self.answers_taken) = (0, 0, 0);
        self.items.clear();
    }
}
