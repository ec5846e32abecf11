//! The coordinator's side of commands on several shards.
//!
//! Every such command is a plan of pieces on single slots or whole shards. The shards are entered
//! in ascending order, the last with its batch at once; the parts are combined when the last has
//! come. Invariant: what was started ends, and ends with exactly one reply.

use velodrome_net::command::{Command, Keys, Spec};
use velodrome_net::resp::{Args, Encoder, Reply};

use crate::execute;
use crate::limits::{MGET_REPLY_BYTES_MAX, UNPACKED_IN_ONE_PIECE_BYTES_MAX};
use crate::shard::Shard;
use crate::shard::answer::{self, After};
use crate::shard::gather::{Gather, Phase, Scattered};
use crate::shard::outlet::{Tail, settle};
use crate::shard::parcel::{Batch, Caller, Enter, Note};
use crate::shard::participate::CROWDED;
use crate::shard::plan::{Combine, Step, combine, integer_of};
use crate::shard::planner::Planner;
use crate::shard::replies::Ready;
use crate::shard::session::{ReplyMode, Session};
use crate::shard::transaction_id::TransactionId;
use crate::shard::wire::Wire;

impl Shard {
    /// Starts a scattered command; its session executes nothing more until it is answered.
    pub(super) fn start(&mut self, session: &mut Session, id: TransactionId, work: Scattered) {
        let place = session.replies.reserve(session.reply_mode != ReplyMode::On);
        session.scattering = true;
        let loose = work.loose;
        self.gathers.put(Gather::new(id, session.conn, place, session.proto, work));
        if loose {
            self.run_members(id);
        } else {
            self.enter_next(id);
        }
    }

    /// Asks the next shard to let the transaction in; with nobody to ask it has ended.
    fn enter_next(&mut self, id: TransactionId) {
        let Some(gather) = self.gathers.get(id) else { return };
        let Phase::Entering { at } = gather.phase else { return };
        let last = at + 1 == gather.work.members.len();
        let keep = gather.work.second_round.is_some();
        let watcher = gather.work.watcher;
        let Some(member) = gather.work.members.get_mut(at) else {
            return self.ended_early.push(id);
        };
        // With a second round to come everybody runs only when all are in.
        let batch = (last && !keep).then(|| std::mem::take(&mut member.batch));
        let slots = member.slots.clone();
        let shard = member.shard;
        let enter = Enter { transaction: id, slots, watcher, batch, keep };
        self.send(shard, Note::Enter(enter));
    }

    /// A shard has let the transaction in, or found a watched key changed.
    pub(super) fn entered(&mut self, id: TransactionId, clean: bool, wire: &mut impl Wire) {
        let Some(gather) = self.gathers.get(id) else { return };
        let Phase::Entering { at } = gather.phase else { return };
        if !clean {
            return self.give_up(id, at, |out| out.null_array(), wire);
        }
        if at + 1 < gather.work.members.len() {
            gather.phase = Phase::Entering { at: at + 1 };
            return self.enter_next(id);
        }
        gather.phase = Phase::Running;
        if gather.work.part_count == 0 {
            let shards: Vec<u16> = gather.work.members.iter().map(|member| member.shard).collect();
            shards.into_iter().for_each(|shard| self.send(shard, Note::Leave { transaction: id }));
            return self.finish(id, wire);
        }
        self.run_members(id);
    }

    /// Too many wait on the shard asked last.
    pub(super) fn crowded(&mut self, id: TransactionId, wire: &mut impl Wire) {
        let Some(gather) = self.gathers.get(id) else { return };
        let Phase::Entering { at } = gather.phase else { return };
        self.give_up(id, at, |out| out.error(CROWDED), wire);
    }

    /// Leaves the shards entered so far and answers without having run anything.
    fn give_up(
        &mut self,
        id: TransactionId,
        entered: usize,
        write: impl FnOnce(&mut Encoder<'_>),
        wire: &mut impl Wire,
    ) {
        let Some(gather) = self.gathers.take(id) else { return };
        for member in &gather.work.members[..entered] {
            self.send(member.shard, Note::Leave { transaction: id });
        }
        let mut bytes = Vec::new();
        write(&mut Encoder::new(&mut bytes, gather.proto));
        self.end(&gather, bytes, wire);
    }

    /// Tells every member to run what it has not run yet.
    fn run_members(&mut self, id: TransactionId) {
        let Some(gather) = self.gathers.get(id) else { return };
        gather.phase = Phase::Running;
        let keep = gather.work.second_round.is_some();
        let batches: Vec<(u16, Batch)> = gather
            .work
            .members
            .iter_mut()
            .map(|member| (member.shard, std::mem::take(&mut member.batch)))
            .collect();
        let loose = gather.work.loose;
        let last = batches.len().saturating_sub(1);
        for (at, (shard, batch)) in batches.into_iter().enumerate() {
            // The last one got its batch when it was asked to let us in.
            if loose || keep || at != last {
                self.send(shard, Note::Run { transaction: id, batch, keep });
            }
        }
    }

    /// A part's answer has come.
    pub(super) fn part_came(
        &mut self,
        id: TransactionId,
        part: u32,
        bytes: &[u8],
        tail: Tail,
        wire: &mut impl Wire,
    ) {
        let Some(gather) = self.gathers.get(id) else { return };
        let complete = match tail {
            Some(value) => gather.fill(part, &[bytes, &value, b"\r\n"]),
            None => gather.fill(part, &[bytes]),
        };
        if complete && !self.second_round(id) {
            self.finish(id, wire);
        }
    }

    /// MSETNX: runs the writes if no key was there; true when they are under way.
    fn second_round(&mut self, id: TransactionId) -> bool {
        let Some(gather) = self.gathers.get(id) else { return false };
        let Some(batches) = gather.work.second_round.take() else { return false };
        let found: i64 =
            gather.parts(0, gather.work.part_count).iter().map(|part| integer_of(part)).sum();
        let shards: Vec<u16> = gather.work.members.iter().map(|member| member.shard).collect();
        if found > 0 {
            let mut zero = Vec::new();
            Encoder::new(&mut zero, gather.proto).integer(0);
            gather.work.steps = vec![Step::Known(zero)];
            shards.into_iter().for_each(|shard| self.send(shard, Note::Leave { transaction: id }));
            return false;
        }
        gather.again(gather.work.part_count);
        for (shard, batch) in shards.into_iter().zip(batches) {
            self.send(shard, Note::Run { transaction: id, batch, keep: false });
        }
        true
    }

    /// Ends the scattered commands that had nobody to ask: an EXEC of nothing.
    pub(crate) fn end_early(&mut self, wire: &mut impl Wire) {
        while let Some(id) = self.ended_early.pop() {
            self.finish(id, wire);
        }
    }

    /// Combines the parts into the reply.
    fn finish(&mut self, id: TransactionId, wire: &mut impl Wire) {
        let Some(gather) = self.gathers.take(id) else { return };
        let mut bytes = Vec::new();
        if gather.work.array {
            let len = gather.work.steps.len();
            Encoder::new(&mut bytes, gather.proto).write(Reply::Array(len));
        }
        for step in &gather.work.steps {
            match step {
                Step::Known(known) => bytes.extend_from_slice(known),
                Step::Here { args, range } => {
                    self.run_for_exec(&gather, args.get(*range), &mut bytes);
                }
                Step::Parts { first, count, combine: Combine::Info(sections) } => {
                    let mut out = Encoder::new(&mut bytes, gather.proto);
                    answer::info(self, sections, &gather.parts(*first, *count), &mut out);
                }
                Step::Parts { combine: Combine::Memory(command), .. } => {
                    let mut out = Encoder::new(&mut bytes, gather.proto);
                    answer::memory(self, *command, &mut out);
                }
                Step::Parts { first, count, combine: how } => {
                    combine(&gather.parts(*first, *count), how, gather.proto, &mut bytes);
                }
            }
        }
        self.end(&gather, bytes, wire);
    }

    /// Runs a queued command about the connection itself, unless the connection has gone.
    fn run_for_exec(&mut self, gather: &Gather, args: Args<'_>, bytes: &mut Vec<u8>) {
        let Some(mut session) = self.take_session(gather.conn) else { return };
        let command = Command::decode(args).expect("queued after it was decoded");
        let mut out = Encoder::new(bytes, gather.proto);
        let after = answer::connection(self, &mut session, &command, &mut out);
        session.closing |= after == After::Close;
        self.put_session(session);
    }

    fn end(&mut self, gather: &Gather, bytes: Vec<u8>, wire: &mut impl Wire) {
        let session = self.take_session(gather.conn);
        // EXEC ends what was watched; a WATCH whose client has gone meanwhile has begun in vain.
        let begun_in_vain = gather.work.begins_to_watch.filter(|_| session.is_none());
        if let Some(watcher) = gather.work.watcher.or(begun_in_vain) {
            for member in &gather.work.members {
                self.send(member.shard, Note::Unwatch { watcher });
            }
        }
        let Some(mut session) = session else { return };
        session.scattering = false;
        session.replies.fill(gather.place, Ready { bytes, tail: None });
        settle(&mut session, wire);
        self.put_session(session);
        self.wake(gather.conn);
    }

    /// Scatters a command on keys of several shards.
    pub(super) fn scatter_keys(
        &mut self,
        session: &mut Session,
        command: &Command<'_>,
        keys: Keys<'_>,
    ) {
        let id = self.gathers.next_id(self.id);
        let mut planner = Planner::new(id);
        self.plan_keys(session.caller(), command, keys, &mut planner);
        let mut work = planner.finish();
        if work.part_count > 0 && matches!(command, Command::MSetNx { .. }) {
            let mut writes = Planner::new(id);
            self.plan_keys(session.caller(), &Command::MSet { pairs: keys }, keys, &mut writes);
            let members = writes.finish().members;
            work.second_round = Some(members.into_iter().map(|member| member.batch).collect());
        }
        self.start(session, id, work);
    }

    /// Whether a command that one shard can run would unpack so much that it takes turns, a piece
    /// a key. What is refused for its length is refused in one piece.
    pub(super) fn unpacks_much(
        &mut self,
        db: u8,
        command: &Command<'_>,
        keys: Keys<'_>,
        core: u16,
    ) -> bool {
        let (packed_items, packed_raw_bytes) = self.engine.packed();
        if packed_items == 0 || !matches!(command, Command::MGet { .. }) {
            return false;
        }
        let (unpacked, all) = if core == self.id {
            execute::lengths(&mut self.engine, &keys, db, self.moment.now_ms)
        } else {
            // A sibling's values are taken to be like these.
            let len = keys.len() * (packed_raw_bytes / packed_items) as usize;
            (len, len)
        };
        unpacked > UNPACKED_IN_ONE_PIECE_BYTES_MAX && all <= MGET_REPLY_BYTES_MAX
    }

    /// Adds one piece a key, and the step that combines them.
    pub(super) fn plan_keys(
        &self,
        caller: Caller,
        command: &Command<'_>,
        keys: Keys<'_>,
        planner: &mut Planner,
    ) {
        let mut refusal = Vec::new();
        let mut out = Encoder::new(&mut refusal, caller.proto);
        if execute::refuse_pairs(&self.engine, command, &mut out) {
            return planner.step(Step::Known(refusal));
        }
        let (name, how): (&[u8], Combine) = match command {
            Command::MGet { .. } => (b"GET", Combine::Array),
            Command::MSet { .. } => (b"SET", Combine::Ok),
            Command::MSetNx { .. } => (b"EXISTS", Combine::One),
            Command::Del { .. } => (b"DEL", Combine::Sum),
            Command::Exists { .. } => (b"EXISTS", Combine::Sum),
            Command::Touch { .. } => (b"TOUCH", Combine::Sum),
            _ => unreachable!("no other command has keys on several shards"),
        };
        for (key, value) in keys {
            let slot = velodrome_ring::slot(key);
            let core = self.table.core(slot);
            let value = value.filter(|_| matches!(command, Command::MSet { .. }));
            planner.piece(core, slot, caller, [name, key].into_iter().chain(value));
        }
        planner.step_of_last(keys.len() as u32, how);
    }

    /// Scatters a command that every shard has a part in.
    pub(super) fn scatter_to_all(
        &mut self,
        session: &mut Session,
        spec: &'static Spec,
        command: &Command<'_>,
        args: Args<'_>,
    ) {
        if let Command::Scan(scan) = command {
            let core = self.scanned_shard(scan.cursor);
            return self.send_request(session, core, 0, spec, args);
        }
        let id = self.gathers.next_id(self.id);
        let mut planner = Planner::new(id);
        self.plan_all_shards(session.caller(), command, args, &mut planner);
        let mut work = planner.finish();
        work.loose = overtakes_nothing(session) && !needs_one_moment(command);
        self.start(session, id, work);
    }

    /// Adds one piece a shard, and the step that combines them.
    pub(super) fn plan_all_shards(
        &self,
        caller: Caller,
        command: &Command<'_>,
        args: Args<'_>,
        planner: &mut Planner,
    ) {
        if let Command::Scan(scan) = command {
            let core = self.scanned_shard(scan.cursor);
            planner.touch_all(core);
            planner.piece_on(core, caller, args.iter());
            return planner.step_of_last(1, Combine::Same);
        }
        let count = self.facts.shard_count() as u16;
        for shard in 0..count {
            planner.touch_all(shard);
            planner.piece_on(shard, caller, args.iter());
        }
        planner.step_of_last(u32::from(count), answer::combine_of(command));
    }
}

/// Whether a piece that needs no slots comes after all that its client asked for before: what
/// waits for held slots would be overtaken, and a client would not see its own writes.
pub(super) fn overtakes_nothing(session: &Session) -> bool {
    session.replies.is_empty()
}

/// Whether a command on every shard changes data or settings, and so must take place in one order
/// with everything else.
fn needs_one_moment(command: &Command<'_>) -> bool {
    use velodrome_net::command::ConfigCommand;
    matches!(
        command,
        Command::FlushAll { .. }
            | Command::FlushDb { .. }
            | Command::Config(ConfigCommand::Set { .. })
    )
}
