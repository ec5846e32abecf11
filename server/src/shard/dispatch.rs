//! One command of one client: who may run it, and where it runs.
//!
//! Commands on a key of this shard run here and now; everything else is sent where it belongs and
//! leaves a place in the connection's queue of replies. Invariant: one call, one reply or one
//! place for it.

use velodrome_net::command::{Command, Flags, Keys, Refused, Route, Spec, flags};
use velodrome_net::resp::{Args, ProtocolError};

use crate::execute::{self, Moment};
use crate::limits::KEYS_IN_ONE_PIECE_MAX;
use crate::shard::answer::{self, After};
use crate::shard::on_key::Located;
use crate::shard::outlet::{reply, settle};
use crate::shard::parcel::Caller;
use crate::shard::session::{ReplyMode, Session};
use crate::shard::wire::Wire;
use crate::shard::{Shard, holds::SlotSet};

const NOAUTH: &str = "NOAUTH Authentication required.";

impl Shard {
    /// Runs one request, whose row and key, if it has any, are `spec` and `key`; false when it has
    /// to wait for a later turn.
    pub(super) fn run(
        &mut self,
        session: &mut Session,
        spec: Option<&'static Spec>,
        args: Args<'_>,
        key: Option<&Located<'_>>,
        wire: &mut impl Wire,
    ) -> bool {
        let plain = session.authenticated && session.queued.is_none() && !self.pausing();
        match spec {
            Some(spec) if plain => match key {
                // The shard that has the key reads the rest of the request.
                Some(Located { slot, core, own: None, .. }) if spec.runs_at_its_key => {
                    self.send_request(session, *core, *slot, spec, args);
                }
                _ => self.decode_and_run(session, spec, args, key, wire),
            },
            _ => {
                if !self.run_with_care(session, args, wire) {
                    return false;
                }
            }
        }
        self.commands += 1;
        if session.reply_mode != ReplyMode::On {
            session.reply_mode = session.reply_mode.after_command();
        }
        true
    }

    /// Runs a request here, or sends it to where it belongs if it is a sound one.
    #[inline(always)]
    fn decode_and_run(
        &mut self,
        session: &mut Session,
        spec: &'static Spec,
        args: Args<'_>,
        key: Option<&Located<'_>>,
        wire: &mut impl Wire,
    ) {
        // By reference: a move of what was just written waits until all writes before it, of the
        // last value too, have reached the cache.
        match &spec.decode(args) {
            Ok(command) => match key {
                Some(located) if spec.runs_at_its_key => {
                    debug_assert_eq!(command.route(), Route::Key(located.bytes));
                    self.run_located(session, spec, command, args, located, wire);
                }
                _ => self.place(session, spec, command, args, wire),
            },
            Err(refused) => self.refuse(session, refused, wire),
        }
    }

    /// A request of a session that may not run just anything, or one that is no command.
    #[inline(never)]
    fn run_with_care(
        &mut self,
        session: &mut Session,
        args: Args<'_>,
        wire: &mut impl Wire,
    ) -> bool {
        let spec = match Spec::of(args) {
            Ok(spec) => spec,
            Err(refused) => {
                self.refuse(session, &refused, wire);
                return true;
            }
        };
        let command = spec.decode(args);
        if !session.authenticated && !spec.flags.contains(flags::NO_AUTH) {
            self.refuse(session, &Refused::Text(NOAUTH), wire);
        } else if self.pausing() && self.holds_back(spec.flags) {
            session.held = true;
            return false;
        } else if session.queued.is_some() && !command.as_ref().is_ok_and(runs_within_multi) {
            // A mistake in its arguments is answered when it runs, as everything else of it is.
            self.queue(session, command.ok().as_ref(), spec.flags, args, wire);
        } else {
            match command {
                Ok(command) => self.place(session, spec, &command, args, wire),
                Err(refused) => self.refuse(session, &refused, wire),
            }
        }
        true
    }

    /// Sends a command to where it runs.
    #[inline(never)]
    fn place(
        &mut self,
        session: &mut Session,
        spec: &'static Spec,
        command: &Command<'_>,
        args: Args<'_>,
        wire: &mut impl Wire,
    ) {
        match command.route() {
            Route::Key(bytes) => {
                let mut located = self.locate(session.db, bytes);
                self.hash(&mut located);
                self.run_located(session, spec, command, args, &located, wire);
            }
            Route::Keys(keys) => self.run_on_keys(session, spec, command, args, keys, wire),
            Route::Slot(slot) => {
                let core = self.table.core(slot);
                self.send_request(session, core, slot, spec, args);
            }
            Route::AllShards => self.scatter_to_all(session, spec, command, args),
            Route::Connection => self.run_here(session, command, wire),
            Route::Transaction => self.run_transaction(session, command, args, wire),
        }
    }

    /// Whether a command on this shard's keys may run at once: nobody holds slots, and nothing
    /// that its client asked for before waits for this shard.
    #[inline]
    pub(super) fn may_run_now(&self, session: &Session) -> bool {
        let waiting = !self.outbox[usize::from(self.id)].is_empty() || self.has_undelivered();
        let overtakes = waiting && !session.replies.is_empty();
        self.holds.idle() && !overtakes
    }

    fn run_on_keys(
        &mut self,
        session: &mut Session,
        spec: &'static Spec,
        command: &Command<'_>,
        args: Args<'_>,
        keys: Keys<'_>,
        wire: &mut impl Wire,
    ) {
        if matches!(command, Command::Eval { .. } | Command::EvalSha { .. }) {
            return self.run_here(session, command, wire);
        }
        let few = keys.len() <= KEYS_IN_ONE_PIECE_MAX;
        let only = self.only_shard_of(keys);
        match only.filter(|core| few && !self.unpacks_much(session.db, command, keys, *core)) {
            Some(core) if core == self.id && self.may_run_now(session) => {
                let moment = self.moment_of(&session.caller());
                let (engine, flow, db) = (&mut self.engine, &mut self.flow, session.db);
                reply(session, wire, |out| {
                    let start = out.written_len();
                    execute::on_keys(engine, command, db, &moment, out);
                    flow.produced(out.written_len() - start);
                    None
                });
            }
            Some(core) => self.send_request(session, core, 0, spec, args),
            None => self.scatter_keys(session, command, keys),
        }
    }

    /// The shard that has all these keys, if one has.
    pub(super) fn only_shard_of(&self, keys: Keys<'_>) -> Option<u16> {
        let mut cores = keys.iter().map(|(key, _)| self.table.core(velodrome_ring::slot(key)));
        let first = cores.next()?;
        cores.all(|core| core == first).then_some(first)
    }

    /// Runs a command about the connection or the node.
    fn run_here(&mut self, session: &mut Session, command: &Command<'_>, wire: &mut impl Wire) {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        let mut out = velodrome_net::resp::Encoder::new(&mut bytes, session.proto);
        let after = answer::connection(self, session, command, &mut out);
        let silent = bytes.is_empty();
        if !silent {
            reply(session, wire, |out| {
                out.encoded(&bytes);
                None
            });
        }
        bytes.shrink_to(crate::limits::PARCEL_CAPACITY_KEPT_BYTES);
        self.scratch = bytes;
        match after {
            After::Nothing => {}
            After::Unwatch => self.unwatch(session),
            After::Close => {
                session.closing = true;
                settle(session, wire);
            }
            After::Shutdown(shutdown) => self.shutdown_wanted = Some(shutdown),
        }
    }

    /// Answers a request that is no command.
    fn refuse(&mut self, session: &mut Session, refused: &Refused, wire: &mut impl Wire) {
        self.refused += 1;
        if let Some(queued) = &mut session.queued {
            queued.refused = true;
        }
        if *refused == Refused::CrossProtocol {
            session.closing = true;
            return wire.close(session.conn);
        }
        reply(session, wire, |out| {
            out.error(&refused.to_string());
            None
        });
    }

    /// Answers bytes that are no request, and hangs up.
    pub(super) fn refuse_protocol(
        &mut self,
        session: &mut Session,
        error: &ProtocolError,
        wire: &mut impl Wire,
    ) {
        self.refused += 1;
        reply(session, wire, |out| {
            out.protocol_error(*error);
            None
        });
        session.closing = true;
        settle(session, wire);
    }

    /// When a caller's command runs, and how.
    #[inline]
    pub(super) fn moment_of(&self, caller: &Caller) -> Moment {
        Moment { no_touch: caller.no_touch, ..self.moment }
    }

    /// Whether CLIENT PAUSE is in force.
    #[inline]
    fn pausing(&self) -> bool {
        self.client_pause.until_ms > self.moment.now_ms
    }

    fn holds_back(&self, of_command: Flags) -> bool {
        !self.client_pause.writes_only || of_command.contains(flags::WRITE)
    }
}

/// Commands that are not queued by MULTI.
fn runs_within_multi(command: &Command<'_>) -> bool {
    matches!(
        command,
        Command::Multi
            | Command::Exec
            | Command::Discard
            | Command::Watch { .. }
            | Command::Quit
            | Command::Reset
    )
}

/// The slots of keys, ascending and distinct.
pub(super) fn slot_set(keys: Keys<'_>) -> SlotSet {
    let mut slots: Vec<u16> = keys.iter().map(|(key, _)| velodrome_ring::slot(key)).collect();
    slots.sort_unstable();
    slots.dedup();
    SlotSet::Many(slots)
}
