//! MULTI, EXEC, DISCARD, WATCH and UNWATCH.
//!
//! EXEC becomes one scattered command over the slots of everything queued and watched. Invariant:
//! nothing queued is run unless every watched key is unchanged on every shard.

use velodrome_net::command::{Command, Flags, Refused, Route, flags};
use velodrome_net::resp::{Args, Encoder};

use crate::limits::MULTI_QUEUE_BYTES_MAX;
use crate::shard::Shard;
use crate::shard::answer::{self, After};
use crate::shard::outlet::reply;
use crate::shard::parcel::Note;
use crate::shard::plan::{Combine, Step};
use crate::shard::planner::Planner;
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
        command: &Command<'_>,
        of_command: Flags,
        args: Args<'_>,
        wire: &mut impl Wire,
    ) {
        let Some(queued) = session.queued.as_mut() else { return };
        let refused = if of_command.contains(flags::NO_MULTI) {
            Some(NOT_IN_MULTI)
        } else if queued.args.len_bytes() > MULTI_QUEUE_BYTES_MAX {
            Some(QUEUE_FULL)
        } else if let (Command::MSetNx { .. }, Route::Keys(keys)) = (command, command.route()) {
            self.only_shard_of(keys).is_none().then_some(NX_ACROSS)
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
        let mut planner = Planner::new(self.gathers.next_id(self.id));
        let watcher = (!session.watching.is_empty()).then_some(session.id);
        for (core, slot) in std::mem::take(&mut session.watching) {
            planner.touch(core, slot);
        }
        self.plan_queued(session, &queued, &mut planner, wire);
        let id = planner.id();
        let mut work = planner.finish();
        work.array = true;
        work.watcher = watcher;
        self.start(session, id, work);
    }

    /// Turns the queue into steps; what concerns the connection itself happens at once.
    fn plan_queued(
        &mut self,
        session: &mut Session,
        queued: &Queued,
        planner: &mut Planner,
        wire: &mut impl Wire,
    ) {
        for range in &queued.commands {
            let args = queued.args.get(*range);
            let command = Command::decode(args).expect("queued after it was decoded");
            match command.route() {
                Route::Key(key) => {
                    let slot = velodrome_ring::slot(key);
                    let core = self.table.route(slot).core;
                    planner.piece(core, slot, session.caller(), args.iter());
                    planner.step_of_last(1, Combine::Same);
                }
                Route::Keys(keys) => match self.only_shard_of(keys) {
                    Some(core) if matches!(command, Command::MSetNx { .. }) => {
                        keys.iter().for_each(|(key, _)| {
                            planner.touch(core, velodrome_ring::slot(key));
                        });
                        planner.piece_on(core, session.caller(), args.iter());
                        planner.step_of_last(1, Combine::Same);
                    }
                    _ => self.plan_keys(session.caller(), &command, keys, planner),
                },
                Route::Slot(slot) => {
                    let core = self.table.route(slot).core;
                    planner.piece(core, slot, session.caller(), args.iter());
                    planner.step_of_last(1, Combine::Same);
                }
                Route::AllShards => {
                    self.plan_all_shards(session.caller(), &command, args, planner);
                }
                _ => {
                    let mut bytes = Vec::new();
                    let mut out = Encoder::new(&mut bytes, session.proto);
                    if let After::Close = answer::connection(self, session, &command, &mut out) {
                        wire.close(session.conn);
                    }
                    planner.step(Step::Known(bytes));
                }
            }
        }
    }

    fn watch(&mut self, session: &mut Session, args: Args<'_>, keys: usize) {
        let mut planner = Planner::new(self.gathers.next_id(self.id));
        for key in args.slice(1) {
            let slot = velodrome_ring::slot(key);
            let core = self.table.route(slot).core;
            planner.piece(core, slot, session.caller(), [b"WATCH", key].into_iter());
            session.watching.push((core, slot));
        }
        planner.step_of_last(keys as u32, Combine::Ok);
        let id = planner.id();
        let mut work = planner.finish();
        work.loose = true;
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
