//! A command on one key: where the key is, and the command run or sent there.
//!
//! Invariant: a key is hashed by the shard that has it, and by no other. Cost: a slot and a look at
//! the table for every key, a hash for one of this shard, a copy of what crosses to another but for
//! large values.

use velodrome_engine::Key;
use velodrome_net::command::{Command, Spec};
use velodrome_net::resp::Args;

use crate::execute;
use crate::limits::HEAVY_VALUE_BYTES;
use crate::shard::Shard;
use crate::shard::argument_buffer::ArgumentRange;
use crate::shard::background::value_len_of;
use crate::shard::outlet::reply;
use crate::shard::parcel::Crossing;
use crate::shard::session::{ReplyMode, Session};
use crate::shard::wire::Wire;

/// A key whose slot is known.
#[derive(Debug)]
pub(super) struct Located<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) slot: u16,
    /// The shard that has it.
    pub(super) core: u16,
    /// The database selected when the batch was parsed.
    db: u8,
    /// Hashed, if it is this shard's.
    pub(super) own: Option<Key<'a>>,
}

impl Shard {
    /// Finds a key's shard.
    #[inline]
    pub(super) fn locate<'a>(&self, db: u8, bytes: &'a [u8]) -> Located<'a> {
        let slot = velodrome_ring::slot(bytes);
        Located { bytes, slot, core: self.table.core(slot), db, own: None }
    }

    /// Hashes a key that is this shard's: a sibling hashes for itself. Among many keys it is done
    /// once all are located, for whose each is cannot be guessed, and is long in coming.
    #[inline]
    pub(super) fn hash(&self, located: &mut Located<'_>) {
        if located.core == self.id {
            let key = self.engine.hasher().key(located.db, located.slot, located.bytes);
            located.own = Some(key);
        }
    }

    /// Runs a command on a key here, or sends it to the shard that has the key.
    #[inline(always)]
    pub(super) fn run_located(
        &mut self,
        session: &mut Session,
        spec: &'static Spec,
        command: &Command<'_>,
        args: Args<'_>,
        located: &Located<'_>,
        wire: &mut impl Wire,
    ) {
        let Some(key) = located.own.as_ref().filter(|_| self.may_run_now(session)) else {
            return self.send_request(session, located.core, located.slot, spec, args);
        };
        // The batch was hashed before a SELECT in it ran.
        if key.db == session.db {
            self.run_on_key(session, command, key, wire);
        } else {
            let key = self.engine.hasher().key(session.db, key.slot, key.bytes);
            self.run_on_key(session, command, &key, wire);
        }
    }

    /// Sends a command to the shard that runs it, this one included, and holds its reply's place.
    pub(super) fn send_request(
        &mut self,
        session: &mut Session,
        core: u16,
        slot: u16,
        spec: &'static Spec,
        args: Args<'_>,
    ) {
        let place = session.replies.reserve(session.reply_mode != ReplyMode::On);
        let heavy = args.len() > 2 && value_len_of(args) >= HEAVY_VALUE_BYTES;
        let attached = if heavy { self.attach(core, args) } else { None };
        let parcel = &mut self.outbox[usize::from(core)];
        let args = attached.unwrap_or_else(|| parcel.args.push_received(args));
        let request = Crossing { spec, place, args, slot, heavy };
        parcel.push_request(session.conn, session.caller(), request);
        self.unanswered += 1;
    }

    /// A long request that was collected goes to another shard as it lies, if it does.
    #[cold]
    fn attach(&mut self, core: u16, args: Args<'_>) -> Option<ArgumentRange> {
        let collected = self.engine.offered()?;
        let bytes = collected.memory_bytes();
        let range = self.outbox[usize::from(core)].attach(args, collected)?;
        self.facts.crosses(self.id, bytes);
        Some(range)
    }

    #[inline]
    fn run_on_key(
        &mut self,
        session: &mut Session,
        command: &Command<'_>,
        key: &Key<'_>,
        wire: &mut impl Wire,
    ) {
        let moment = self.moment_of(&session.caller());
        let (engine, flow) = (&mut self.engine, &mut self.flow);
        reply(session, wire, |out| {
            let start = out.written_len();
            let tail = execute::on_key(engine, command, key, &moment, out);
            flow.produced(out.written_len() - start);
            flow.coded(engine.coding_ns());
            tail
        });
    }
}
