//! One shard: its dataset, its clients' sessions, and what it owes its siblings.
//!
//! The shard does no I/O: bytes, parcels and the time come in as arguments, replies go to a
//! [`Wire`], parcels wait in the outbox. So a whole node can be run in one thread from one seed.
//! Invariant: every request gets exactly one reply, in the order of its connection's requests.

// What is left behind, for the simulation.
#[cfg(test)]
mod leftovers;
// The bytes of a turn: parsing, prefetching and executing what connections sent.
pub(crate) mod input;
// One command of one client: who may run it, and where it runs.
mod dispatch;
// A command on one key.
mod on_key;
// Commands about the connection and the node.
mod answer;
// EXEC and everything about it.
mod multi;
// The coordinator's side of commands on several shards.
mod scatter;
// How a scattered command is put together.
mod planner;
// The participant's side: held slots, batches, and requests from siblings.
mod participate;
// Parcels in, and the answers they bring.
mod deliver;
// Work that is done a slice at a time.
mod background;
// Looking after clients.
mod housekeeping;
// Long requests that are received while buffers are short.
mod admission;
// The shard's part of the node's limits.
mod quota;
// A command under way on several shards.
pub(crate) mod gather;
// How many bytes of replies may come into being at once.
mod flow;
// Where a reply goes.
mod outlet;
// How parts become one reply.
pub(crate) mod plan;
// Logs and histograms of several shards.
mod merge;
// The slots that transactions keep to themselves.
pub(crate) mod holds;
// Who is told of every change.
pub(crate) mod consumers;
// What is timed.
mod timing;
// How long commands take.
mod command_times;
// The commands that took long.
mod slow_log;
// What took long, and when.
mod latency_events;
// How often each command was called.
pub(crate) mod calls;
// WATCH's consumer.
mod watch;
// The clients of a shard.
mod sessions;
// One client connection.
pub(crate) mod session;
// What a connection sent and nobody has executed.
pub(crate) mod received;
// Parcels that are empty.
mod parcel_pool;
// What goes from shard to shard.
pub(crate) mod parcel;
// Arguments that outlive their buffer.
pub(crate) mod argument_buffer;
// The replies that may not be sent yet.
pub(crate) mod replies;
// The name of a transaction.
pub(crate) mod transaction_id;
// The connections as the shard sees them.
pub(crate) mod wire;

use std::collections::VecDeque;
use std::sync::Arc;

use velodrome_engine::Engine;
use velodrome_net::ConnId;
use velodrome_net::command::Shutdown;
use velodrome_ring::SlotTable;

use crate::config::Config;
use crate::execute::Moment;
use crate::facts::Facts;
use crate::limits::{OWN_ROUNDS_MAX, PIECES_PER_TURN_MAX};
use crate::shard::admission::Admitted;
use crate::shard::background::Sweep;
use crate::shard::calls::Calls;
use crate::shard::command_times::CommandTimes;
use crate::shard::consumers::Consumers;
use crate::shard::flow::Flow;
use crate::shard::gather::Gathers;
use crate::shard::holds::Holds;
use crate::shard::input::BatchLists;
use crate::shard::latency_events::LatencyEvents;
use crate::shard::parcel::Parcel;
use crate::shard::parcel_pool::ParcelPool;
use crate::shard::participate::{Running, Work};
use crate::shard::quota::Whole;
use crate::shard::session::Session;
use crate::shard::slow_log::SlowLog;
use crate::shard::transaction_id::TransactionId;
use crate::shard::wire::Wire;
use crate::turn_times::TurnTimes;

/// One core's data and everything that is said about it.
pub(crate) struct Shard {
    pub(crate) id: u16,
    pub(crate) engine: Engine<Consumers>,
    pub(crate) config: Config,
    pub(crate) facts: Arc<Facts>,
    pub(crate) table: Arc<SlotTable>,
    pub(crate) moment: Moment,
    /// Connections paused until then by CLIENT PAUSE; the flag spares reads.
    pub(crate) client_pause: ClientPause,
    /// Sockets accepted here or handed here, to be adopted by the driver.
    pub(crate) arrivals: Vec<(std::os::fd::OwnedFd, u16)>,
    sessions: Vec<Option<Box<Session>>>,
    session_count: usize,
    outbox: Vec<Parcel>,
    /// Empty parcels whose buffers wait for their next journey.
    parcels: ParcelPool,
    holds: Holds<Work>,
    gathers: Gathers,
    running: VecDeque<Running>,
    sweeps: VecDeque<Sweep>,
    backlog: VecDeque<ConnId>,
    lists: BatchLists,
    scratch: Vec<u8>,
    /// Connections that CLIENT KILL ends once the turn has executed.
    pub(crate) to_kill: Vec<ConnId>,
    /// SHUTDOWN was asked for.
    pub(crate) shutdown_wanted: Option<Shutdown>,
    /// Commands executed for this shard's clients, and requests refused.
    pub(crate) commands: u64,
    pub(crate) refused: u64,
    /// The commands executed, by name.
    pub(crate) calls: Calls,
    /// Connections served since the start, and bytes they sent.
    pub(crate) accepted: u64,
    pub(crate) input_bytes: u64,
    /// Bytes that the peers of open connections had taken at the last tick, and of closed ones.
    pub(crate) output_bytes: u64,
    /// Connections turned away for want of room.
    pub(crate) rejected: u64,
    /// Turns of this shard.
    pub(crate) turns: u64,
    pub(crate) turn_times: TurnTimes,
    command_times: CommandTimes,
    slow_log: SlowLog,
    latency_events: LatencyEvents,
    /// Bytes of its connections' buffers at the last tick, and what all shards' may be.
    pub(crate) client_bytes: usize,
    client_memory_bytes_max: u64,
    /// The long request that is received while buffers are short.
    admitted: Option<Admitted>,
    /// Scattered commands without a shard to ask.
    ended_early: Vec<TransactionId>,
    flow: Flow,
    /// Parcels of siblings that this turn had no room for, oldest first.
    undelivered: VecDeque<(u16, Parcel)>,
    /// Requests sent to siblings and not answered yet.
    unanswered: usize,
    /// Turns in which room was made for a large value that waits for it.
    room_turns: u32,
    /// Until when turns receive little at a time, since long requests are collected.
    collects_until_ms: u64,
    /// Something was done for a sibling since the last tick.
    served: bool,
    /// The limits that this shard's quota is a part of.
    whole: Whole,
}

/// CLIENT PAUSE: until when, and whether reads go on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClientPause {
    pub(crate) until_ms: u64,
    pub(crate) writes_only: bool,
}

impl Shard {
    /// A shard of the node that `facts` describes.
    pub(crate) fn new(
        id: u16,
        engine: Engine<Consumers>,
        config: Config,
        facts: Arc<Facts>,
        table: Arc<SlotTable>,
    ) -> Self {
        let outbox = (0..facts.shard_count()).map(|_| Parcel::default()).collect();
        let command_times = CommandTimes::new(config.slowlog_slower_than_us);
        Self {
            whole: Whole::of(&facts, &config),
            parcels: ParcelPool::new(id, facts.shard_count()),
            id,
            engine,
            config,
            facts,
            table,
            moment: Moment::default(),
            client_pause: ClientPause::default(),
            arrivals: Vec::new(),
            sessions: Vec::new(),
            session_count: 0,
            outbox,
            holds: Holds::default(),
            gathers: Gathers::default(),
            running: VecDeque::new(),
            sweeps: VecDeque::new(),
            backlog: VecDeque::new(),
            lists: BatchLists::default(),
            scratch: Vec::new(),
            to_kill: Vec::new(),
            shutdown_wanted: None,
            commands: 0,
            refused: 0,
            calls: Calls::default(),
            accepted: 0,
            input_bytes: 0,
            output_bytes: 0,
            rejected: 0,
            turns: 0,
            turn_times: TurnTimes::default(),
            command_times,
            slow_log: SlowLog::default(),
            latency_events: LatencyEvents::default(),
            client_bytes: 0,
            client_memory_bytes_max: u64::MAX,
            admitted: None,
            ended_early: Vec::new(),
            flow: Flow::default(),
            undelivered: VecDeque::new(),
            unanswered: 0,
            room_turns: 0,
            collects_until_ms: 0,
            served: false,
        }
    }

    /// Whether there is work that needs no event to go on.
    pub(crate) fn has_work(&self) -> bool {
        !self.backlog.is_empty()
            || !self.running.is_empty()
            || !self.sweeps.is_empty()
            || !self.undelivered.is_empty()
            || !self.outbox[usize::from(self.id)].is_empty()
    }

    /// A turn begins at this wall time, with what the last one had no room for.
    pub(crate) fn begin_turn(&mut self, now_ms: u64, now_ns: u64, wire: &mut impl Wire) {
        self.moment.now_ms = now_ms;
        self.flow.begin_turn(now_ns);
        self.deliver_waiting(wire);
    }

    /// Serves what this shard sent itself: transactions, scattered commands, their answers.
    pub(crate) fn settle_own(&mut self, wire: &mut impl Wire) {
        self.sweep();
        if self.has_work() {
            self.flow.begin_share(wire.now_ns());
        }
        let mut pieces_left = PIECES_PER_TURN_MAX;
        for _ in 0..OWN_ROUNDS_MAX {
            pieces_left -= self.run_batches(pieces_left, wire);
            self.end_early(wire);
            let Some(parcel) = self.take_parcel(self.id) else { return };
            self.deliver(self.id, parcel, wire);
        }
    }

    /// Whether parcels of siblings wait already: more are left in the mailbox.
    pub(crate) fn has_undelivered(&self) -> bool {
        !self.undelivered.is_empty()
    }

    /// Whether a connection waits for no answer and has no request left to be run.
    pub(crate) fn answered_all(&mut self, conn: ConnId) -> bool {
        self.session(conn).is_none_or(|session| {
            let runnable = session.in_backlog || session.stalled() && !session.closing;
            session.replies.is_empty() && !session.scattering && !runnable
        })
    }

    /// The parcel for a sibling, if there is anything to send it.
    pub(crate) fn take_parcel(&mut self, to: u16) -> Option<Parcel> {
        let parcel = &mut self.outbox[usize::from(to)];
        (!parcel.is_empty()).then(|| {
            self.parcels.load(parcel, to);
            std::mem::replace(parcel, self.parcels.take())
        })
    }
}
