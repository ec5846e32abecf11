//! Parcels from siblings: requests to run, answers to our own, and notes.

use velodrome_engine::Key;
use velodrome_net::ConnId;
use velodrome_net::command::Spec;
use velodrome_net::resp::Args;

use crate::limits::{COMMANDS_PER_BATCH_MAX, HEAVY_VALUE_BYTES};
use crate::shard::Shard;
use crate::shard::background::value_len_of;
use crate::shard::outlet::{Tail, send_ready, settle};
use crate::shard::parcel::{Answer, Item, Note, Parcel, Request, Ticket};
use crate::shard::replies::Ready;
use crate::shard::session::Session;
use crate::shard::wire::Wire;

impl Shard {
    /// Serves a parcel, in order, as far as this turn's share of replies goes.
    pub(crate) fn deliver(&mut self, from: u16, parcel: Parcel, wire: &mut impl Wire) {
        self.undelivered.push_back((from, parcel));
        self.deliver_waiting(wire);
    }

    /// Goes on with parcels that a turn had no room for.
    pub(crate) fn deliver_waiting(&mut self, wire: &mut impl Wire) {
        while let Some((from, mut parcel)) = self.undelivered.pop_front() {
            if !self.deliver_some(from, &mut parcel, wire) {
                return self.undelivered.push_front((from, parcel));
            }
            parcel.clear();
            if self.spare.len() < 2 * self.outbox.len() {
                self.spare.push(parcel);
            }
        }
    }

    /// Serves a parcel's items; false when some are left for another turn.
    fn deliver_some(&mut self, from: u16, parcel: &mut Parcel, wire: &mut impl Wire) -> bool {
        let mut batch = Vec::new();
        // Quota changing hands is no work: else two full shards would keep each other awake.
        self.served |= parcel.items.iter().any(|item| !item.is_quota());
        while let Some(item) = parcel.items.pop_front() {
            match item {
                Item::Run(request, spec) => {
                    let args = parcel.args.get(request.args);
                    if self.flow.over() || !self.has_room_for(args) {
                        parcel.items.push_front(Item::Run(request, spec));
                        return false;
                    }
                    batch.push((request, spec));
                    let Parcel { items, args, .. } = &mut *parcel;
                    let small = |item: &mut Item| {
                        let Item::Run(request, _) = item else { return false };
                        is_small(args.get(request.args))
                    };
                    while batch.len() < COMMANDS_PER_BATCH_MAX
                        && let Some(Item::Run(request, spec)) = items.pop_front_if(small)
                    {
                        batch.push((request, spec));
                    }
                    self.run_requests(from, parcel, &batch, wire);
                    if batch.len() == COMMANDS_PER_BATCH_MAX {
                        self.flow.look(wire.now_ns());
                    }
                    batch.clear();
                }
                Item::Answer { ticket: Ticket::Reply { conn, place }, end, tail } => {
                    let first = Answer { place, end, tail };
                    self.answered(conn, first, parcel, wire);
                }
                Item::Answer { ticket: Ticket::Part { transaction, part }, end, tail } => {
                    let bytes = parcel.next_answer(end);
                    self.flow.answer_came(bytes.len());
                    self.part_came(transaction, part, bytes, tail, wire);
                }
                Item::Note(note) => self.note(from, *note, wire),
            }
        }
        true
    }

    /// Runs sibling's requests, their index lines fetched ahead.
    fn run_requests(
        &mut self,
        from: u16,
        parcel: &Parcel,
        requests: &[(Request, &'static Spec)],
        wire: &impl Wire,
    ) {
        let mut ready: Vec<(Args<'_>, Option<Key<'_>>)> = Vec::with_capacity(requests.len());
        for (request, spec) in requests {
            let args = parcel.args.get(request.args);
            let key = spec
                .only_key(args)
                .map(|bytes| self.engine.hasher().key(request.caller.db, request.slot, bytes));
            ready.push((args, key));
        }
        self.engine.prefetch(ready.iter().filter_map(|(_, key)| key.as_ref()));
        for ((request, spec), (args, key)) in requests.iter().zip(&ready) {
            let decoded = &spec.decode(*args);
            let command = decoded.as_ref().expect("a sibling sends what it has decoded");
            self.run_request_timed(from, request, command, *args, key.as_ref(), wire);
        }
    }

    /// Answers have come to commands of a connection: `first`, and those that follow it in the
    /// parcel. What may leave does so together.
    fn answered(&mut self, conn: ConnId, first: Answer, parcel: &mut Parcel, wire: &mut impl Wire) {
        let mut session = self.take_session(conn);
        let mut next = Some(first);
        while let Some(Answer { place, end, tail }) = next {
            let bytes = parcel.next_answer(end);
            self.flow.answer_came(bytes.len());
            self.unanswered -= 1;
            if let Some(session) = &mut session {
                take_answer(session, place, bytes, tail, wire);
            }
            next = parcel.pop_answer_to(conn);
        }
        let Some(mut session) = session else { return };
        settle(&mut session, wire);
        session.output_stalled &= !session.replies.is_empty();
        self.put_session(session);
        self.wake(conn);
    }

    fn note(&mut self, from: u16, note: Note, wire: &mut impl Wire) {
        match note {
            Note::Enter(enter) => self.enter(from, enter),
            Note::Run { transaction, batch, keep } => {
                self.start_batch(from, transaction, batch, keep)
            }
            Note::Leave { transaction } => self.leave(transaction),
            Note::Entered { transaction, clean } => self.entered(transaction, clean, wire),
            Note::Crowded { transaction } => self.crowded(transaction, wire),
            Note::Unwatch { watcher } => self.engine.effects_mut().watch.forget(watcher),
            Note::Adopt { socket, listener } => self.arrivals.push((socket, listener)),
            Note::Table(table) => self.table = table,
            Note::QuotaWanted(quota) => self.quota_wanted(from, quota),
            Note::QuotaGiven(quota) => self.quota_given(from, quota),
        }
    }

    /// Sends a note to a shard, itself included.
    pub(crate) fn send(&mut self, to: u16, note: Note) {
        self.outbox[usize::from(to)].items.push_back(Item::Note(Box::new(note)));
    }
}

/// Puts an answer into its place, or straight out when everything before it has left.
fn take_answer(session: &mut Session, place: u32, bytes: &[u8], tail: Tail, wire: &mut impl Wire) {
    // Replies that were behind the answer before this one.
    send_ready(session, wire);
    if session.replies.is_front(place) && tail.is_none() {
        session.replies.drop_front();
        if let Some(out) = wire.output(session.conn) {
            out.extend_from_slice(bytes);
        }
    } else {
        session.replies.fill(place, Ready { bytes: bytes.to_vec(), tail });
    }
}

/// Whether a request writes so little that no room is made for it ahead.
fn is_small(args: Args<'_>) -> bool {
    value_len_of(args) < HEAVY_VALUE_BYTES
}
