//! MULTI, EXEC, DISCARD, WATCH and UNWATCH.
//!
//! EXEC becomes one scattered command over the slots of everything queued and watched. Invariant:
//! nothing queued is run unless every watched key is unchanged on every shard.

use velodrome_net::command::{ClientCommand, Command, Flags, Keys, Refused, Route, flags};
use velodrome_net::resp::{Args, Encoder, Proto};

use crate::limits::MULTI_QUEUE_BYTES_MAX;
use crate::shard::Shard;
use crate::shard::argument_buffer::ArgumentBuffer;
use crate::shard::outlet::reply;
use crate::shard::parcel::{Caller, Note};
use crate::shard::plan::{Combine, Step};
use crate::shard::planner::Planner;
use crate::shard::scatter::overtakes_nothing;
use crate::shard::session::{Queued, Session};
use crate::shard::wire::Wire;

const NESTED_MULTI: &str = "ERR MULTI calls can not be nested";
const EXEC_ALONE: &str = "ERR EXEC without MULTI";
const DISCARD_ALONE: &str = "ERR DISCARD without MULTI";
const LATE_WATCH: &str = "ERR WATCH inside MULTI is not allowed";
const ABORTED: &str = "EXECABORT Transaction discarded because of previous errors.";
const NOT_IN_MULTI: Refused = Refused::Text("ERR Command not allowed inside a transaction");
const QUEUE_FULL: Refused = Refused::Text("ERR the transaction's queue is full; EXEC or DISCARD");
const NX_ACROSS: Refused = Refused::Text(
    "CROSSSLOT MSETNX inside MULTI needs keys of one shard; give them one {hash tag}",
);

impl Shard {
    pub(super) fn run_transaction(
        &mut self,
        session: &mut Session,
        command: &Command<'_>,
        args: Args<'_>,
        wire: &mut impl Wire,
    ) {
        let queueing = session.queued.is_some();
        match command {
            Command::Multi if queueing => error(session, NESTED_MULTI, wire),
            Command::Exec if !queueing => error(session, EXEC_ALONE, wire),
            Command::Discard if !queueing => error(session, DISCARD_ALONE, wire),
            Command::Watch { .. } if queueing => error(session, LATE_WATCH, wire),
            Command::Multi => {
                session.queued = Some(Box::default());
                ok(session, wire);
            }
            Command::Exec => self.exec(session, wire),
            Command::Discard => {
                session.queued = None;
                self.unwatch(session);
                ok(session, wire);
            }
            Command::Watch { keys } => self.watch(session, args, keys.len()),
            _ => {
                self.unwatch(session);
                ok(session, wire);
            }
        }
    }

    /// Queues a command after MULTI.
    pub(super) fn queue(
        &mut self,
        session: &mut Session,
        command: Option<&Command<'_>>,
        of_command: Flags,
        args: Args<'_>,
        wire: &mut impl Wire,
    ) {
        let Some(queued) = session.queued.as_mut() else { return };
        // Within EXEC a command without a reply would leave a gap in the array.
        let mute = matches!(command, Some(Command::Client(ClientCommand::Reply { .. })));
        let refused = if mute || of_command.contains(flags::NO_MULTI) {
            Some(NOT_IN_MULTI)
        } else if queued.args.len_bytes() > MULTI_QUEUE_BYTES_MAX {
            Some(QUEUE_FULL)
        } else if let Some(Command::MSetNx { pairs }) = command {
            self.only_shard_of(*pairs).is_none().then_some(NX_ACROSS)
        } else {
            None
        };
        if let Some(refused) = refused {
            queued.refused = true;
            return error(session, &refused.to_string(), wire);
        }
        let range = queued.args.push(args.iter());
        queued.commands.push(range);
        reply(session, wire, |out| {
            out.simple("QUEUED");
            None
        });
    }

    fn exec(&mut self, session: &mut Session, wire: &mut impl Wire) {
        let Some(queued) = session.queued.take() else { return };
        if queued.refused {
            self.unwatch(session);
            return error(session, ABORTED, wire);
        }
        // What happened to a watched key elsewhere is not known here.
        if session.watching.iter().any(|(core, slot)| self.table.core(*slot) != *core) {
            self.unwatch(session);
            return reply(session, wire, |out| {
                out.null_array();
                None
            });
        }
        let mut planner = Planner::new(self.gathers.next_id(self.id));
        let watcher = (!session.watching.is_empty()).then_some(session.id);
        for (core, slot) in std::mem::take(&mut session.watching) {
            planner.touch(core, slot);
        }
        self.plan_queued(session.caller(), &queued, &mut planner);
        let id = planner.id();
        let mut work = planner.finish();
        work.array = true;
        work.watcher = watcher;
        self.start(session, id, work);
    }

    /// Turns the queue into steps.
    fn plan_queued(&self, mut caller: Caller, queued: &Queued, planner: &mut Planner) {
        for range in &queued.commands {
            let args = queued.args.get(*range);
            let command = match Command::decode(args) {
                Ok(command) => command,
                Err(refused) => {
                    planner.step(known_error(&refused, caller.proto));
                    continue;
                }
            };
            match command.route() {
                Route::Key(key) => {
                    let slot = velodrome_ring::slot(key);
                    let core = self.table.core(slot);
                    planner.piece(core, slot, caller, args.iter());
                    planner.step_of_last(1, Combine::Same);
                }
                Route::Keys(_) if is_script(&command) => planner.step(here(args)),
                Route::Keys(keys) if matches!(command, Command::MSetNx { .. }) => {
                    self.plan_set_if_none(caller, args, keys, planner);
                }
                Route::Keys(keys) => self.plan_keys(caller, &command, keys, planner),
                Route::Slot(slot) => {
                    let core = self.table.core(slot);
                    planner.piece(core, slot, caller, args.iter());
                    planner.step_of_last(1, Combine::Same);
                }
                Route::AllShards => self.plan_all_shards(caller, &command, args, planner),
                _ => {
                    if let Command::Select { db } = command {
                        caller.db = self.database(db).unwrap_or(caller.db);
                    }
                    planner.step(here(args));
                }
            }
        }
    }

    /// MSETNX runs in one piece; its keys may have been parted since it was queued.
    fn plan_set_if_none(
        &self,
        caller: Caller,
        args: Args<'_>,
        keys: Keys<'_>,
        planner: &mut Planner,
    ) {
        let Some(core) = self.only_shard_of(keys) else {
            return planner.step(known_error(&NX_ACROSS, caller.proto));
        };
        keys.iter().for_each(|(key, _)| planner.touch(core, velodrome_ring::slot(key)));
        planner.piece_on(core, caller, args.iter());
        planner.step_of_last(1, Combine::Same);
    }

    /// The database of this number, if the node has it.
    fn database(&self, db: i64) -> Option<u8> {
        u8::try_from(db).ok().filter(|db| *db < self.config.databases)
    }

    fn watch(&mut self, session: &mut Session, args: Args<'_>, keys: usize) {
        let mut planner = Planner::new(self.gathers.next_id(self.id));
        for key in args.slice(1) {
            let slot = velodrome_ring::slot(key);
            let core = self.table.core(slot);
            planner.piece(core, slot, session.caller(), [b"WATCH", key].into_iter());
            session.watching.push((core, slot));
        }
        planner.step_of_last(keys as u32, Combine::Ok);
        let id = planner.id();
        let mut work = planner.finish();
        work.loose = overtakes_nothing(session);
        work.begins_to_watch = Some(session.id);
        self.start(session, id, work);
    }

    /// Forgets what a client watches, on every shard.
    pub(super) fn unwatch(&mut self, session: &mut Session) {
        let mut cores: Vec<u16> = session.watching.drain(..).map(|(core, _)| core).collect();
        cores.sort_unstable();
        cores.dedup();
        for core in cores {
            self.send(core, Note::Unwatch { watcher: session.id });
        }
    }
}

/// Scripts are refused wherever their keys are.
fn is_script(command: &Command<'_>) -> bool {
    matches!(command, Command::Eval { .. } | Command::EvalSha { .. })
}

/// A step that was refused before anything runs.
fn known_error(refused: &Refused, proto: Proto) -> Step {
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, proto).error(&refused.to_string());
    Step::Known(bytes)
}

/// A step that runs on the client's own shard, once it is certain that the transaction runs.
fn here(args: Args<'_>) -> Step {
    let mut kept = ArgumentBuffer::default();
    let range = kept.push(args.iter());
    Step::Here { args: kept, range }
}

fn ok(session: &mut Session, wire: &mut impl Wire) {
    reply(session, wire, |out| {
        out.ok();
        None
    });
}

fn error(session: &mut Session, text: &str, wire: &mut impl Wire) {
    reply(session, wire, |out| {
        out.error(text);
        None
    });
}
