//! What one shard sends another in a turn: requests, answers and notes, in order.
//!
//! There is at most one parcel a turn and pair of shards, so what crosses is batched by
//! construction, and a parcel's buffers travel back and forth instead of being allocated anew.
//! Invariant: items are served in the order in which they were put in.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use velodrome_engine::LargeValue;
use velodrome_net::ConnId;
use velodrome_net::command::Spec;
use velodrome_net::resp::Proto;
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
#[derive(Clone, Copy, Debug)]
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

/// One thing in a parcel.
#[derive(Debug)]
pub(crate) enum Item {
    /// A command to run, and its row, which the sender has looked up.
    Run(Request, &'static Spec),
    /// The answer to an earlier request: the next bytes of `replies` up to `end`.
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

/// An answer to a connection's command, as it is taken from a parcel.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) place: u32,
    /// Where its bytes end in the parcel's replies.
    pub(crate) end: u32,
    pub(crate) tail: Option<Arc<LargeValue>>,
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
}

impl Parcel {
    /// Whether there is nothing to send.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The bytes of the answer at hand, which end at `end`.
    pub(crate) fn next_answer(&mut self, end: u32) -> &[u8] {
        let start = std::mem::replace(&mut self.answered, end as usize);
        &self.replies[start..self.answered]
    }

    /// Takes the next item if it is an answer to a command of this connection.
    pub(crate) fn pop_answer_to(&mut self, to: ConnId) -> Option<Answer> {
        let place = match self.items.front()? {
            Item::Answer { ticket: Ticket::Reply { conn, place }, .. } if *conn == to => *place,
            _ => return None,
        };
        let Some(Item::Answer { end, tail, .. }) = self.items.pop_front() else { return None };
        Some(Answer { place, end, tail })
    }

    /// Empties the parcel for its next journey.
    pub(crate) fn clear(&mut self) {
        self.args.clear(PARCEL_CAPACITY_KEPT_BYTES);
        self.replies.clear();
        self.replies.shrink_to(PARCEL_CAPACITY_KEPT_BYTES);
        self.answered = 0;
        self.items.clear();
    }
}
