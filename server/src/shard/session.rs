//! One client connection as the server sees it.
//!
//! The socket and its buffers belong to the driver; here is what the protocol remembers: who the
//! client is, what it selected, what it queued, and the replies it still waits for.

use velodrome_net::ConnId;
use velodrome_net::resp::{Proto, RequestParser};

use crate::limits::{REPLIES_WAITING_MAX, STUCK_MS_MIN};
use crate::shard::argument_buffer::{ArgumentBuffer, ArgumentRange};
use crate::shard::parcel::Caller;
use crate::shard::received::Received;
use crate::shard::replies::ReplyQueue;

/// CLIENT REPLY: whether the client wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    /// Every reply is sent.
    On,
    /// None is sent.
    Off,
    /// The reply to the next command is not sent.
    SkipNext,
    /// The command at hand is not replied to.
    Skipping,
}

impl ReplyMode {
    /// The mode once the command at hand has been answered, or not.
    pub(crate) fn after_command(self) -> Self {
        match self {
            Self::SkipNext => Self::Skipping,
            Self::Skipping | Self::On => Self::On,
            Self::Off => Self::Off,
        }
    }
}

/// The commands queued since MULTI.
#[derive(Debug, Default)]
pub(crate) struct Queued {
    pub(crate) args: ArgumentBuffer,
    pub(crate) commands: Vec<ArgumentRange>,
    /// A command was refused while queueing: EXEC will abort.
    pub(crate) refused: bool,
}

/// What rarely matters: identity and figures for CLIENT LIST.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) lib_name: String,
    pub(crate) lib_version: String,
    /// The peer's address as CLIENT LIST shows it.
    pub(crate) peer: String,
    /// Our address as the client reached it.
    pub(crate) local: String,
    pub(crate) connected_ms: u64,
    pub(crate) no_evict: bool,
    pub(crate) input_bytes: u64,
}

/// A client connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) conn: ConnId,
    /// Unique within the node's life.
    pub(crate) id: u64,
    pub(crate) parser: RequestParser,
    /// Bytes received and not executed: an incomplete request, or requests that wait their turn.
    pub(crate) pending: Received,
    /// Its place among this turn's inputs.
    pub(crate) input: Option<usize>,
    pub(crate) replies: ReplyQueue,
    pub(crate) proto: Proto,
    pub(crate) db: u8,
    pub(crate) authenticated: bool,
    pub(crate) no_touch: bool,
    pub(crate) reply_mode: ReplyMode,
    /// A scattered command is under way: nothing further is executed until it is answered.
    pub(crate) scattering: bool,
    /// The peer does not take its replies.
    pub(crate) output_stalled: bool,
    /// CLIENT PAUSE holds its next command back.
    pub(crate) held: bool,
    /// Closes once its replies have left.
    pub(crate) closing: bool,
    /// The driver was told to stop reading.
    pub(crate) paused: bool,
    /// Stands in the shard's list of connections with work left.
    pub(crate) in_backlog: bool,
    pub(crate) active_ms: u64,
    /// Since when the peer has taken none of its replies.
    pub(crate) slow_since_ms: Option<u64>,
    /// What the peer had taken at the last look.
    pub(crate) sent_total: u64,
    /// The command at hand or, between commands, the last one; in full, as `client|list`.
    pub(crate) last_command: &'static str,
    pub(crate) queued: Option<Box<Queued>>,
    /// Shard and slot of every watched key.
    pub(crate) watching: Vec<(u16, u16)>,
    pub(crate) profile: Box<Profile>,
}

impl Session {
    /// A session that has just connected.
    pub(crate) fn new(conn: ConnId, id: u64, authenticated: bool, profile: Profile) -> Self {
        Self {
            conn,
            id,
            parser: RequestParser::default(),
            pending: Received::default(),
            input: None,
            replies: ReplyQueue::default(),
            proto: Proto::Resp2,
            db: 0,
            authenticated,
            no_touch: false,
            reply_mode: ReplyMode::On,
            scattering: false,
            output_stalled: false,
            held: false,
            closing: false,
            paused: false,
            in_backlog: false,
            active_ms: profile.connected_ms,
            slow_since_ms: None,
            sent_total: 0,
            last_command: "NULL",
            queued: None,
            watching: Vec::new(),
            profile: Box::new(profile),
        }
    }

    /// Whether its next command has to wait.
    pub(crate) fn stalled(&self) -> bool {
        self.scattering
            || self.output_stalled
            || self.held
            || self.closing
            || self.replies.len() >= REPLIES_WAITING_MAX
    }

    /// Bytes of memory held for what was received and not executed, between turns.
    pub(crate) fn memory_bytes(&self) -> usize {
        let queued = self.queued.as_ref().map_or(0, |queued| queued.args.memory_bytes());
        self.pending.memory_bytes() + queued
    }

    /// Whether its peer has sent nothing for so long, though it is read from and owes the rest of
    /// a request or of a transaction.
    pub(crate) fn is_silent(&self, now_ms: u64) -> bool {
        let waits_for_us = self.paused || self.in_backlog || self.stalled();
        !waits_for_us && self.memory_bytes() > 0 && now_ms >= self.active_ms + STUCK_MS_MIN
    }

    /// Who runs this session's commands.
    pub(crate) fn caller(&self) -> Caller {
        Caller { client: self.id, proto: self.proto, db: self.db, no_touch: self.no_touch }
    }

    /// RESET: everything a client may have changed, back to how it connected.
    pub(crate) fn reset(&mut self, authenticated: bool) {
        self.proto = Proto::Resp2;
        self.db = 0;
        self.authenticated = authenticated;
        self.no_touch = false;
        self.reply_mode = ReplyMode::On;
        self.queued = None;
        self.profile.name.clear();
        self.profile.no_evict = false;
    }
}
