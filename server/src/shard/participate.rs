//! The participant's side of what siblings, and this shard itself, ask for.
//!
//! Requests on held slots wait; transactions are let in when their slots are free, run their batch
//! a slice a turn, and give their slots back. Invariant: a transaction's batch runs only while the
//! transaction holds every slot it touches, on every shard it touches.

use velodrome_engine::Key;
use velodrome_net::command::{Command, Route};
use velodrome_net::resp::{Args, Encoder, Proto};

use crate::execute;
use crate::shard::Shard;
use crate::shard::argument_buffer::{ArgumentBuffer, ArgumentRange};
use crate::shard::dispatch::slot_set;
use crate::shard::holds::{SlotSet, WaitersFull};
use crate::shard::outlet::Tail;
use crate::shard::parcel::{Batch, Caller, Enter, Note, Request, Ticket};
use crate::shard::transaction_id::TransactionId;
use crate::shard::wire::Wire;

/// Work that waits for held slots.
#[derive(Debug)]
pub(super) enum Work {
    Request { from: u16, request: Request, args: ArgumentBuffer, range: ArgumentRange },
    Enter { from: u16, enter: Enter },
}

/// A batch that runs a slice a turn.
#[derive(Debug)]
pub(crate) struct Running {
    from: u16,
    transaction: TransactionId,
    batch: Batch,
    next: usize,
    keep: bool,
}

/// What a command on a held slot is told when too many wait already.
pub(super) const CROWDED: &str =
    "TRYAGAIN Too many commands wait for a transaction on this key; try again";

impl Shard {
    /// Runs a request, or lets it wait for its slots; either way it is answered to `from`.
    pub(super) fn run_request(
        &mut self,
        from: u16,
        request: &Request,
        command: &Command<'_>,
        args: Args<'_>,
        key: Option<&Key<'_>>,
    ) {
        if !self.holds.idle() {
            let slots = slots_of(command, request.slot);
            if let Some(slots) = slots.filter(|slots| !self.holds.admits(slots)) {
                return self.request_waits(from, request, args, slots);
            }
        }
        self.run_admitted(from, request, command, key);
    }

    fn request_waits(&mut self, from: u16, request: &Request, args: Args<'_>, slots: SlotSet) {
        let mut kept = ArgumentBuffer::default();
        let range = kept.push(args.iter());
        let work = Work::Request { from, request: *request, args: kept, range };
        if self.holds.wait(slots, work) == Err(WaitersFull) {
            self.answer(from, request.ticket, request.caller.proto, |out| {
                out.error(CROWDED);
                None
            });
        }
    }

    /// Runs a request whose slots are free; `key` is what was fetched ahead for it.
    pub(super) fn run_admitted(
        &mut self,
        from: u16,
        request: &Request,
        command: &Command<'_>,
        key: Option<&Key<'_>>,
    ) {
        let caller = request.caller;
        if let Command::Watch { keys } = command {
            keys.iter().for_each(|(key, _)| self.begin_to_watch(&caller, request.slot, key));
            return self.answer(from, request.ticket, caller.proto, |out| {
                out.ok();
                None
            });
        }
        match command.route() {
            Route::Key(bytes) => {
                let key = match key.filter(|key| std::ptr::eq(key.bytes, bytes)) {
                    Some(key) => *key,
                    None => self.engine.hasher().key(caller.db, request.slot, bytes),
                };
                let moment = self.moment_of(&caller);
                let parcel = &mut self.outbox[usize::from(from)];
                let start = parcel.replies.len();
                let mut out = Encoder::new(&mut parcel.replies, caller.proto);
                let tail = execute::on_key(&mut self.engine, command, &key, &moment, &mut out);
                self.flow.produced(parcel.replies.len() - start);
                self.flow.coded(self.engine.coding_ns());
                parcel.push_answer(request.ticket, tail);
            }
            Route::Keys(_) => {
                let moment = self.moment_of(&caller);
                let parcel = &mut self.outbox[usize::from(from)];
                let start = parcel.replies.len();
                let mut out = Encoder::new(&mut parcel.replies, caller.proto);
                execute::on_keys(&mut self.engine, command, caller.db, &moment, &mut out);
                self.flow.produced(parcel.replies.len() - start);
                self.flow.coded(self.engine.coding_ns());
                parcel.push_answer(request.ticket, None);
            }
            _ => self.run_on_shard(from, request, command),
        }
    }

    /// A key is watched until its client says otherwise, or its time is up.
    fn begin_to_watch(&mut self, caller: &Caller, slot: u16, bytes: &[u8]) {
        let key = self.engine.hasher().key(caller.db, slot, bytes);
        let item = self.engine.peek(&key, self.moment.now_ms);
        let deadline_ms = item.and_then(|item| item.deadline_ms);
        let watch = &mut self.engine.effects_mut().watch;
        watch.watch(caller.client, caller.db, slot, bytes, deadline_ms);
    }

    /// Puts an answer into the parcel for `to`.
    pub(super) fn answer(
        &mut self,
        to: u16,
        ticket: Ticket,
        proto: Proto,
        write: impl FnOnce(&mut Encoder<'_>) -> Tail,
    ) {
        let parcel = &mut self.outbox[usize::from(to)];
        let tail = write(&mut Encoder::new(&mut parcel.replies, proto));
        parcel.push_answer(ticket, tail);
    }

    /// A transaction asks to be let in.
    pub(super) fn enter(&mut self, from: u16, enter: Enter) {
        if self.holds.admits(&enter.slots) {
            return self.let_in(from, enter);
        }
        let (transaction, slots) = (enter.transaction, enter.slots.clone());
        if self.holds.wait(slots, Work::Enter { from, enter }) == Err(WaitersFull) {
            self.send(from, Note::Crowded { transaction });
        }
    }

    fn let_in(&mut self, from: u16, enter: Enter) {
        let transaction = enter.transaction;
        let watch = &self.engine.effects_mut().watch;
        let now_ms = self.moment.now_ms;
        let clean = enter.watcher.is_none_or(|watcher| watch.clean(watcher, now_ms));
        if clean {
            self.holds.take(transaction, &enter.slots);
        }
        self.send(from, Note::Entered { transaction, clean });
        if let Some(batch) = enter.batch.filter(|_| clean) {
            self.start_batch(from, transaction, batch, enter.keep);
        }
    }

    /// Starts a batch whose slots are held.
    pub(super) fn start_batch(
        &mut self,
        from: u16,
        transaction: TransactionId,
        batch: Batch,
        keep: bool,
    ) {
        self.running.push_back(Running { from, transaction, batch, next: 0, keep });
    }

    /// Runs up to `pieces_max` pieces of the batches; returns how many it ran.
    pub(super) fn run_batches(&mut self, pieces_max: usize, wire: &mut impl Wire) -> usize {
        let mut pieces = 0;
        while pieces < pieces_max
            && !self.flow.late()
            && let Some(running) = self.running.pop_front()
        {
            pieces += self.run_slice(running, pieces_max - pieces, wire);
        }
        pieces
    }

    /// Runs up to `pieces_max` pieces of a batch; returns how many.
    fn run_slice(
        &mut self,
        mut running: Running,
        pieces_max: usize,
        wire: &mut impl Wire,
    ) -> usize {
        let first = running.next;
        let end = running.batch.requests.len().min(first + pieces_max);
        while running.next < end && !self.flow.late() {
            let request = running.batch.requests[running.next];
            let args = running.batch.args.get(request.args);
            if !self.has_room_for(args) {
                break;
            }
            let command = Command::decode(args).expect("a batch holds what was decoded");
            running.next += 1;
            self.run_timed(running.from, &request, &command, args, wire);
            if matches!(command, Command::Keys { .. }) {
                let pieces = running.next - first;
                self.wait_for_sweep(running);
                return pieces;
            }
        }
        let pieces = running.next - first;
        if running.next < running.batch.requests.len() {
            self.running.push_front(running);
        } else if !running.keep {
            self.leave(running.transaction);
        }
        pieces
    }

    /// Gives back what a transaction holds, and lets in who waited for it.
    pub(super) fn leave(&mut self, transaction: TransactionId) {
        self.holds.release(transaction);
        self.holds.forget(
            |work| matches!(work, Work::Enter { enter, .. } if enter.transaction == transaction),
        );
        while let Some((_, work)) = self.holds.next_ready() {
            match work {
                Work::Enter { from, enter } => self.let_in(from, enter),
                Work::Request { from, request, args, range } => {
                    let command = Command::decode(args.get(range)).expect("decoded before");
                    self.run_admitted(from, &request, &command, None);
                }
            }
        }
    }
}

/// The slots a request touches on this shard; `None` when it may run beside any transaction.
fn slots_of(command: &Command<'_>, slot: u16) -> Option<SlotSet> {
    match command.route() {
        Route::Key(_) => Some(SlotSet::One(slot)),
        Route::Keys(keys) => Some(slot_set(keys)),
        Route::Slot(slot) => Some(SlotSet::One(slot)),
        _ => None,
    }
}
