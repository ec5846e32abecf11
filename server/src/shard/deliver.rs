//! Parcels from siblings: requests to run, answers to our own, and notes.

use velodrome_engine::Key;
use velodrome_net::ConnId;
use velodrome_net::command::Spec;
use velodrome_net::resp::Args;

use crate::limits::COMMANDS_PER_BATCH_MAX;
use crate::shard::Shard;
use crate::shard::input::emptied;
use crate::shard::outlet::{send_ready, settle};
use crate::shard::parcel::{Item, Note, Parcel, Request, Run, Ticket};
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
            self.parcels.emptied(from, parcel);
        }
    }

    /// Serves a parcel's items; false when some are left for another turn.
    fn deliver_some(&mut self, from: u16, parcel: &mut Parcel, wire: &mut impl Wire) -> bool {
        // Quota changing hands is no work: else two full shards would keep each other awake.
        self.served |= parcel.items.iter().any(|item| !item.is_quota());
        while let Some(item) = parcel.items.front() {
            match item {
                Item::Requests(_) => {
                    if !self.run_requests(from, parcel, wire) {
                        return false;
                    }
                }
                Item::Answers { conn, .. }
                | Item::Answer { ticket: Ticket::Reply { conn, .. }, .. } => {
                    self.answered(*conn, parcel, wire);
                }
                Item::Answer { .. } | Item::Note(_) => match parcel.items.pop_front() {
                    Some(Item::Note(note)) => self.note(from, *note, wire),
                    Some(Item::Answer {
                        ticket: Ticket::Part { transaction, part },
                        end,
                        tail,
                    }) => {
                        let bytes = parcel.next_answer(end);
                        self.flow.answer_came(bytes.len());
                        self.part_came(transaction, part, bytes, tail, wire);
                    }
                    _ => unreachable!("the front is a note or a part's answer"),
                },
            }
        }
        true
    }

    /// Runs a batch of a sibling's requests, their index lines fetched ahead; false when the turn
    /// has no room for them.
    fn run_requests(&mut self, from: u16, parcel: &mut Parcel, wire: &mut impl Wire) -> bool {
        if self.flow.over() || parcel.next_heavy().is_some_and(|args| !self.has_room_for(args)) {
            return false;
        }
        let mut runs = std::mem::take(&mut self.lists.runs);
        runs.clear();
        parcel.take_requests(COMMANDS_PER_BATCH_MAX, &mut runs);
        let full = self.run_taken(from, parcel, &runs, wire);
        self.lists.runs = runs;
        while let Some(collected) = parcel.take_attached() {
            self.facts.crossed(from, collected.memory_bytes());
            self.engine.let_go(collected);
        }
        if full {
            self.flow.look(wire.now_ns());
        }
        true
    }

    /// Runs requests that were taken from a parcel; returns whether they are as many as may be.
    fn run_taken(
        &mut self,
        from: u16,
        parcel: &Parcel,
        runs: &[Run],
        wire: &mut impl Wire,
    ) -> bool {
        let mut keys: Vec<Option<Key<'_>>> = emptied(std::mem::take(&mut self.lists.keys));
        for (run, range) in runs {
            keys.extend(range.clone().map(|at| {
                let crossing = &parcel.requests[at];
                let bytes = crossing.spec.only_key(parcel.args_of(at))?;
                Some(self.engine.hasher().key(run.caller.db, crossing.slot, bytes))
            }));
        }
        self.engine.prefetch(keys.iter().flatten());
        let mut located = keys.iter();
        for (run, range) in runs {
            // One for all: what is copied for each is waited for.
            let mut request = Request::by(run);
            for (at, key) in range.clone().zip(&mut located) {
                let crossing = &parcel.requests[at];
                request.becomes(run.conn, crossing);
                let collected = parcel.attached(at);
                if let Some(collected) = collected {
                    self.engine.offer(collected);
                }
                let args = parcel.args_of(at);
                self.run_crossing(from, crossing.spec, &request, args, key.as_ref(), wire);
                if collected.is_some() {
                    self.engine.end_offer();
                }
            }
        }
        let full = keys.len() == COMMANDS_PER_BATCH_MAX;
        self.lists.keys = emptied(keys);
        full
    }

    /// Runs one request of a sibling's client.
    #[inline]
    fn run_crossing(
        &mut self,
        from: u16,
        spec: &Spec,
        request: &Request,
        args: Args<'_>,
        key: Option<&Key<'_>>,
        wire: &impl Wire,
    ) {
        // By reference, as in `Shard::run`.
        match &spec.decode(args) {
            Ok(command) => self.run_request_timed(from, request, command, args, key, wire),
            Err(refused) => {
                self.refused += 1;
                self.answer(from, request.ticket, request.caller.proto, |out| {
                    out.error(&refused.to_string());
                    None
                });
            }
        }
    }

    /// Answers have come to commands of a connection, the next in the parcel. What may leave does
    /// so together.
    fn answered(&mut self, conn: ConnId, parcel: &mut Parcel, wire: &mut impl Wire) {
        let mut session = self.take_session(conn);
        loop {
            match parcel.items.front() {
                Some(Item::Answers { conn: to, count }) if *to == conn => {
                    let count = *count;
                    parcel.items.pop_front();
                    self.take_answers(session.as_deref_mut(), count, parcel, wire);
                }
                Some(Item::Answer { ticket: Ticket::Reply { conn: to, place }, end, .. })
                    if *to == conn =>
                {
                    let (place, end) = (*place, *end);
                    let Some(Item::Answer { tail, .. }) = parcel.items.pop_front() else { break };
                    let bytes = parcel.next_answer(end).to_vec();
                    self.flow.answer_came(bytes.len());
                    self.unanswered -= 1;
                    if let Some(session) = &mut session {
                        session.replies.fill(place, Ready { bytes, tail });
                        send_ready(session, wire);
                    }
                }
                _ => break,
            }
        }
        let Some(mut session) = session else { return };
        settle(&mut session, wire);
        session.output_stalled &= !session.replies.is_empty();
        self.put_session(session);
        self.wake(conn);
    }

    /// Takes so many answers, which may be to a connection that has gone.
    fn take_answers(
        &mut self,
        mut session: Option<&mut Session>,
        count: u32,
        parcel: &mut Parcel,
        wire: &mut impl Wire,
    ) {
        self.unanswered -= count as usize;
        for at in parcel.take_answers(count) {
            let (place, bytes) = parcel.answer(at);
            self.flow.answer_came(bytes.len());
            let Some(session) = &mut session else { continue };
            let out = wire.output(session.conn);
            if !out.is_some_and(|out| session.replies.leave(place, bytes, out)) {
                take_answer(session, place, bytes, wire);
            }
        }
    }

    /// Whether requests to siblings are waiting for their answers.
    pub(crate) fn awaits_siblings(&self) -> bool {
        self.unanswered > 0
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
fn take_answer(session: &mut Session, place: u32, bytes: &[u8], wire: &mut impl Wire) {
    // Replies that were behind the answer before this one.
    send_ready(session, wire);
    if session.replies.is_front(place) {
        session.replies.drop_front();
        if let Some(out) = wire.output(session.conn) {
            out.extend_from_slice(bytes);
        }
    } else {
        session.replies.fill(place, Ready { bytes: bytes.to_vec(), tail: None });
    }
}
