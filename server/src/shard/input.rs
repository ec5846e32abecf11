//! The bytes of a turn: parsed, hashed and prefetched in batches, then executed.
//!
//! A batch spans connections: while one command's index line travels to the cache, the next is
//! being parsed. Invariant: what a connection sent is executed in order and exactly once; what is
//! not executed in this turn is kept in its session. Cost: complete requests are never copied.

use std::cell::Cell;

use velodrome_engine::Key;
use velodrome_net::command::Spec;
use velodrome_net::resp::{ArgBuf, Args, Parsed, ProtocolError, RequestLimits, RequestParser};
use velodrome_net::{Chunk, ConnId};

use crate::limits::{
    COLLECTING_MS, COMMANDS_PER_BATCH_MAX, COMMANDS_PER_CONNECTION_PER_TURN_MAX,
    COMMANDS_PER_TURN_MAX, HEAVY_VALUE_BYTES, INPUT_STALL_BYTES,
};
use crate::shard::Shard;
use crate::shard::admission::is_long;
use crate::shard::on_key::Located;
use crate::shard::outlet::hold_while_waiting;
use crate::shard::parcel::Run;
use crate::shard::received::Received;
use crate::shard::session::Session;
use crate::shard::wire::Wire;

/// What one connection has to be executed in a turn.
#[derive(Debug)]
pub(crate) struct Input {
    conn: ConnId,
    bytes: Received,
    /// Everything before has been executed. A cell, since requests at hand borrow the bytes.
    done: Cell<usize>,
    /// Everything before has been parsed.
    parsed: usize,
    commands: usize,
    /// What follows `parsed` is not a whole request.
    incomplete: bool,
    /// Nothing more of it is parsed in this turn.
    ended: bool,
}

/// One request of a batch.
#[derive(Debug)]
struct Job {
    input: usize,
    start: usize,
    end: usize,
    spans: std::ops::Range<usize>,
    broken: Option<ProtocolError>,
}

/// A request whose data is on its way to the cache.
#[derive(Debug)]
struct Prepared<'a> {
    args: Args<'a>,
    /// The table's row, when the request names a command.
    spec: Option<&'static Spec>,
    /// The key, of a request that has just one.
    key: Option<Located<'a>>,
}

impl<'a> Prepared<'a> {
    /// Its key, if that is this shard's.
    fn own_key(&self) -> Option<&Key<'a>> {
        self.key.as_ref().and_then(|located| located.own.as_ref())
    }
}

/// The lists of a batch, empty between two of them.
#[derive(Debug, Default)]
pub(super) struct BatchLists {
    arguments: ArgBuf,
    jobs: Vec<Job>,
    prepared: Vec<Prepared<'static>>,
    /// Siblings' requests and their keys.
    pub(super) runs: Vec<Run>,
    pub(super) keys: Vec<Option<Key<'static>>>,
}

/// A list's memory for the next batch: what an allocator hands out instead is cold, and moves on.
pub(super) fn emptied<Old, New>(mut list: Vec<Old>) -> Vec<New> {
    list.clear();
    // Of the same size and alignment, so that collecting keeps the memory.
    list.into_iter().map(|_| unreachable!("the list is empty")).collect()
}

impl Shard {
    /// Takes in what a connection sent, to be executed by [`Shard::serve`] in this turn.
    pub(crate) fn receive(
        &mut self,
        conn: ConnId,
        chunk: Chunk,
        inputs: &mut Vec<Input>,
        wire: &mut impl Wire,
    ) {
        let now_ms = self.moment.now_ms;
        self.input_bytes += chunk.len() as u64;
        let Some(session) = self.session(conn) else { return };
        session.active_ms = now_ms;
        session.profile.input_bytes += chunk.len() as u64;
        let received = session.input.map_or(&session.pending, |input| &inputs[input].bytes).len();
        if is_long(received) {
            self.received_long(conn, chunk.len(), wire);
        }
        let Some(session) = self.session(conn) else { return };
        if let Some(input) = session.input {
            return inputs[input].bytes.join(&chunk);
        }
        if session.pending.is_empty() && !session.stalled() {
            session.input = Some(inputs.len());
            return inputs.push(Input::new(conn, Received::Chunk(chunk)));
        }
        session.pending.join(&chunk);
        // One that waits for its turn keeps its place among those that do.
        if !session.stalled() && !session.in_backlog {
            session.input = Some(inputs.len());
            let pending = std::mem::take(&mut session.pending);
            return inputs.push(Input::new(conn, pending));
        }
        if session.pending.len() > INPUT_STALL_BYTES && !session.paused {
            session.paused = true;
            wire.pause(conn);
        }
    }

    /// Executes what the inputs hold, as far as this turn's budget goes.
    pub(crate) fn serve(&mut self, inputs: &mut Vec<Input>, wire: &mut impl Wire) {
        // The turn may not be long enough for all: those that have waited longest come first.
        let received = inputs.len();
        self.take_backlog(inputs, wire);
        if inputs.is_empty() {
            return;
        }
        inputs.rotate_left(received);
        let mut arguments = std::mem::take(&mut self.lists.arguments);
        let mut jobs = std::mem::take(&mut self.lists.jobs);
        let mut budget = COMMANDS_PER_TURN_MAX;
        if self.served {
            self.flow.begin_share(wire.now_ns());
        }
        while budget > 0 && !self.flow.over() && self.unanswered < self.flow.window() {
            arguments.clear();
            jobs.clear();
            let batch_max = COMMANDS_PER_BATCH_MAX.min(budget);
            self.parse(inputs, &mut arguments, &mut jobs, batch_max, wire);
            if jobs.is_empty() {
                break;
            }
            budget -= jobs.len();
            self.execute(inputs, &arguments, &jobs, wire);
            if jobs.len() == batch_max {
                self.flow.look(wire.now_ns());
            }
        }
        (self.lists.arguments, self.lists.jobs) = (arguments, jobs);
        // Who got nothing of this turn goes before who got a part.
        inputs.sort_by_key(|input| input.done.get() > 0);
        inputs.drain(..).for_each(|input| self.keep_rest(input, wire));
    }

    /// Connections that have requests left from an earlier turn.
    fn take_backlog(&mut self, inputs: &mut Vec<Input>, wire: &mut impl Wire) {
        let now_ms = self.moment.now_ms;
        for _ in 0..self.backlog.len() {
            let Some(conn) = self.backlog.pop_front() else { break };
            let Some(session) = self.session(conn) else { continue };
            session.in_backlog = false;
            if session.stalled() {
                continue;
            }
            if session.paused {
                session.paused = false;
                session.active_ms = now_ms;
                wire.resume(conn);
            }
            if !session.pending.is_empty() {
                session.input = Some(inputs.len());
                let pending = std::mem::take(&mut session.pending);
                inputs.push(Input::new(conn, pending));
            }
        }
    }

    fn parse(
        &mut self,
        inputs: &mut [Input],
        arguments: &mut ArgBuf,
        jobs: &mut Vec<Job>,
        jobs_max: usize,
        wire: &mut impl Wire,
    ) {
        // When buffers get short, one request at a time, and none while a reply is unread.
        let short = self.buffers_short(wire);
        let stall_bytes = self.output_stall_bytes(wire);
        let (friends, strangers) = (self.request_limits(), RequestLimits::unauthenticated());
        for (index, input) in inputs.iter_mut().enumerate().filter(|(_, input)| !input.ended) {
            let Some(session) = self.session(input.conn) else {
                input.ended = true;
                continue;
            };
            session.output_stalled =
                wire.unsent_bytes(input.conn) > stall_bytes || short && !session.replies.is_empty();
            if session.output_stalled && !short {
                wire.notify_when_sent(input.conn);
            }
            if session.stalled() {
                input.ended = true;
                continue;
            }
            // Before authentication one request at a time: the next one's limits hang on it.
            let alone = !session.authenticated || short;
            let limits = if session.authenticated { &friends } else { &strangers };
            while jobs.len() < jobs_max && !input.ended {
                let parsed_all = !input.parse_one(index, session, arguments, jobs, limits);
                if parsed_all || alone {
                    break;
                }
            }
            if jobs.len() == jobs_max {
                return;
            }
        }
    }

    fn execute(
        &mut self,
        inputs: &mut [Input],
        arguments: &ArgBuf,
        jobs: &[Job],
        wire: &mut impl Wire,
    ) {
        let mut prepared = emptied(std::mem::take(&mut self.lists.prepared));
        for run in jobs.chunk_by(|one, next| one.input == next.input) {
            self.prepare(&inputs[run[0].input], arguments, run, &mut prepared);
        }
        prepared.iter_mut().filter_map(|item| item.key.as_mut()).for_each(|key| self.hash(key));
        self.engine.prefetch(prepared.iter().filter_map(Prepared::own_key));
        let mut first = 0;
        for run in jobs.chunk_by(|one, next| one.input == next.input) {
            // However late it is, a command is run.
            if first > 0 && self.flow.late() {
                break;
            }
            let input = &inputs[run[0].input];
            let collected = input.bytes.collected();
            if let Some(collected) = collected {
                self.engine.offer(collected);
            }
            self.execute_run(input, run, &prepared[first..], wire);
            if collected.is_some() {
                self.engine.end_offer();
            }
            first += run.len();
        }
        self.lists.prepared = emptied(prepared);
        for input in inputs {
            input.ended |= input.done.get() < input.parsed;
        }
    }

    /// Finds what requests of one connection will touch.
    fn prepare<'a>(
        &mut self,
        input: &'a Input,
        arguments: &'a ArgBuf,
        jobs: &[Job],
        prepared: &mut Vec<Prepared<'a>>,
    ) {
        let db = self.session(input.conn).map_or(0, |session| session.db);
        let bytes = input.bytes.as_slice();
        for job in jobs {
            let args = arguments.args_in(&bytes[job.start..job.end], job.spans.clone());
            let spec = if args.is_empty() { None } else { Spec::of_sound(args) };
            let key = spec.and_then(|spec| spec.only_key(args)).map(|bytes| self.locate(db, bytes));
            prepared.push(Prepared { args, spec, key });
        }
    }

    /// Executes requests of one connection until one has to wait for a later turn.
    fn execute_run(
        &mut self,
        input: &Input,
        jobs: &[Job],
        prepared: &[Prepared<'_>],
        wire: &mut impl Wire,
    ) {
        let Some(mut session) = self.take_session(input.conn) else { return };
        for (index, (job, item)) in jobs.iter().zip(prepared).enumerate() {
            let is_next = input.done.get() == job.start;
            let late = index > 0 && self.flow.late();
            if !is_next || late || !self.execute_one(&mut session, job, item, wire) {
                break;
            }
            input.done.set(job.end);
        }
        self.put_session(session);
    }

    /// Executes one request; false when it has to wait for a later turn.
    fn execute_one(
        &mut self,
        session: &mut Session,
        job: &Job,
        item: &Prepared<'_>,
        wire: &mut impl Wire,
    ) -> bool {
        if let Some(spec) = item.spec {
            session.last_command = spec.full_name;
        }
        if session.stalled() {
            return false;
        }
        let request_len = job.end - job.start;
        if request_len > HEAVY_VALUE_BYTES && !self.may_write(session, item) {
            return false;
        }
        let timed = item.spec.and_then(|spec| {
            let weight = self.command_times.weight_of(spec, item.args, request_len);
            self.begin_timing(weight, wire)
        });
        let waiting = self.unanswered;
        if let Some(broken) = &job.broken {
            self.refuse_protocol(session, broken, wire);
        } else if !self.run(session, item.spec, item.args, item.key.as_ref(), wire) {
            return false;
        }
        if let Some(timed) = timed {
            let whole = self.unanswered == waiting && !session.scattering;
            let client = (&*session.profile.peer, &*session.profile.name);
            self.end_timing(timed, whole, item.args, client, wire);
        }
        if let Some(spec) = item.spec {
            self.calls.count(spec);
        }
        true
    }

    /// Whether there is room for what a long request may write here.
    #[cold]
    fn may_write(&mut self, session: &Session, item: &Prepared<'_>) -> bool {
        let here = session.queued.is_none() && item.own_key().is_some();
        !here || self.has_room_for(item.args)
    }

    /// Keeps what was not executed for a later turn.
    fn keep_rest(&mut self, input: Input, wire: &mut impl Wire) {
        let conn = input.conn;
        // It may have gone with its last bytes.
        let Some(session) = self.session(conn) else { return self.let_go(input.bytes) };
        assert!(session.pending.is_empty(), "an input takes all that was pending");
        session.input = None;
        if !session.replies.is_empty() {
            hold_while_waiting(session, wire);
        }
        if session.closing {
            return self.let_go(input.bytes);
        }
        if input.done.get() < input.parsed {
            // What follows was parsed in vain; it will be parsed again from its start.
            session.parser = RequestParser::new();
        }
        let hidden = input.done.get() > 0 && input.bytes.has_more_behind();
        let awaits_bytes = input.incomplete && input.done.get() == input.parsed && !hidden;
        let argument = session.parser.pending_argument().filter(|_| awaits_bytes);
        let (pending, collected) = input.bytes.into_rest(input.done.get());
        session.pending = pending;
        if let Some(collected) = collected {
            self.engine.let_go(collected);
            self.done_long(conn);
        }
        if !awaits_bytes || self.collect(conn, argument, wire) {
            self.wake(conn);
        }
    }

    /// A connection's request goes on: makes sure that there is a place for the argument at hand.
    /// Returns whether there is something to parse already.
    fn collect(
        &mut self,
        conn: ConnId,
        argument: Option<(usize, usize)>,
        wire: &mut impl Wire,
    ) -> bool {
        let inline_len_max = self.engine.inline_len_max();
        let argument = argument.map(|(from, len)| from..from + len);
        if argument.as_ref().is_some_and(|it| it.len() > inline_len_max) {
            self.collects_until_ms = self.moment.now_ms + COLLECTING_MS;
        }
        let Some(session) = self.session(conn) else { return false };
        match session.pending.await_more(argument, inline_len_max) {
            Ok(moved) => moved,
            Err(error) => {
                tracing::warn!(%error, "a client's request has no place");
                wire.abort(conn);
                false
            }
        }
    }

    /// Whether long requests are being collected, or were of late: what is received is copied on.
    pub(crate) fn collects(&self) -> bool {
        self.moment.now_ms < self.collects_until_ms
    }

    /// Puts a connection that may go on into the next turn's work.
    pub(crate) fn wake(&mut self, conn: ConnId) {
        let Some(session) = self.session(conn) else { return };
        let has_work = session.paused || !session.pending.is_empty();
        if has_work && !session.in_backlog && !session.stalled() {
            session.in_backlog = true;
            self.backlog.push_back(conn);
        }
    }

    fn request_limits(&self) -> RequestLimits {
        RequestLimits::authenticated(self.config.value_len_max)
    }

    /// The peer has taken what was sent: a connection that waited for that may go on.
    pub(crate) fn sent(&mut self, conn: ConnId) {
        if let Some(session) = self.session(conn) {
            session.output_stalled = false;
            self.wake(conn);
        }
    }
}

impl Input {
    fn new(conn: ConnId, bytes: Received) -> Self {
        Self {
            conn,
            bytes,
            done: Cell::new(0),
            parsed: 0,
            commands: 0,
            incomplete: false,
            ended: false,
        }
    }

    /// Parses the next request into a job; false when there is none.
    fn parse_one(
        &mut self,
        index: usize,
        session: &mut Session,
        arguments: &mut ArgBuf,
        jobs: &mut Vec<Job>,
        limits: &RequestLimits,
    ) -> bool {
        let first = arguments.len();
        loop {
            let rest = &self.bytes.as_slice()[self.parsed..];
            let (consumed, broken) = match session.parser.next(rest, arguments, limits) {
                Parsed::Command { consumed } => (consumed, None),
                Parsed::Empty { consumed } => {
                    self.skip(index, consumed, jobs);
                    continue;
                }
                Parsed::Incomplete { .. } => {
                    (self.incomplete, self.ended) = (true, true);
                    return false;
                }
                Parsed::Refused(error) => {
                    self.ended = true;
                    (rest.len(), Some(error))
                }
            };
            let start = self.parsed;
            self.parsed += consumed;
            self.commands += 1;
            self.ended |= self.commands >= COMMANDS_PER_CONNECTION_PER_TURN_MAX;
            let spans = first..arguments.len();
            jobs.push(Job { input: index, start, end: self.parsed, spans, broken });
            return true;
        }
    }

    /// Passes over what asks for nothing: it is done with the request before it.
    fn skip(&mut self, index: usize, len: usize, jobs: &mut [Job]) {
        self.parsed += len;
        match jobs.last_mut() {
            Some(job) if job.input == index => job.end = self.parsed,
            _ => self.done.set(self.parsed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emptied_list_keeps_its_memory() {
        let list: Vec<Prepared<'_>> = Vec::with_capacity(COMMANDS_PER_BATCH_MAX);
        let before = list.as_ptr() as usize;
        let list: Vec<Prepared<'static>> = emptied(list);
        assert_eq!((list.as_ptr() as usize, list.len()), (before, 0));
        assert!(list.capacity() >= COMMANDS_PER_BATCH_MAX);
    }
}
