//! Work that is done a slice at a time: KEYS, maintenance of the dataset.
//!
//! Cost: a turn does at most the steps of `limits.rs`, whatever is left to do.

use velodrome_engine::Cursor;
use velodrome_net::command::{Command, Scan};
use velodrome_net::resp::{Args, Encoder, Reply};

use crate::execute::{self, glob};
use crate::limits::{
    HEAVY_VALUE_BYTES, MAINTENANCE_STEPS_PER_TURN_MAX, ROOM_TURNS_MAX, SCAN_STEP_ITEMS_MAX,
    SWEEP_STEPS_PER_TURN_MAX, UPKEEP_STEPS_PER_TURN_MAX,
};
use crate::shard::Shard;
use crate::shard::answer;
use crate::shard::parcel::Request;
use crate::shard::participate::Running;
use crate::shard::wire::Wire;

/// Bits of a node-wide cursor that are the shard's own: slot and hash fragment.
const CURSOR_BITS: u32 = 44;

/// KEYS under way on this shard.
#[derive(Debug)]
pub(super) struct Sweep {
    from: u16,
    request: Request,
    pattern: Vec<u8>,
    cursor: Option<Cursor>,
    found: usize,
    elements: Vec<u8>,
    /// The batch that KEYS is a piece of: it goes on, and keeps its slots, when KEYS is done.
    batch: Option<Running>,
}

impl Shard {
    /// Runs a request that concerns the whole shard, or one of its slots.
    pub(super) fn run_on_shard(&mut self, from: u16, request: &Request, command: &Command<'_>) {
        match command {
            Command::Keys { pattern } => self.sweeps.push_back(Sweep {
                from,
                request: *request,
                pattern: pattern.to_vec(),
                cursor: Some(Cursor(0)),
                found: 0,
                elements: Vec::new(),
                batch: None,
            }),
            Command::Scan(scan) => self.scan(from, request, scan),
            _ => {
                let caller = request.caller;
                let mut parcel = std::mem::take(&mut self.outbox[usize::from(from)]);
                let mut out = Encoder::new(&mut parcel.replies, caller.proto);
                if !execute::on_shard(&mut self.engine, command, caller.db, &self.moment, &mut out)
                {
                    answer::on_every_shard(self, &caller, command, &mut out);
                }
                parcel.push_answer(request.ticket, None);
                let written = std::mem::replace(&mut self.outbox[usize::from(from)], parcel);
                assert!(written.is_empty(), "answering sends nothing besides");
            }
        }
    }

    /// The shard that a node-wide cursor stands in.
    pub(super) fn scanned_shard(&self, cursor: u64) -> u16 {
        let shard = cursor >> CURSOR_BITS;
        // A cursor that no SCAN gave ends the scan on the last shard.
        shard.min(self.facts.shard_count() as u64 - 1) as u16
    }

    fn scan(&mut self, from: u16, request: &Request, scan: &Scan<'_>) {
        let own = Cursor(scan.cursor & ((1 << CURSOR_BITS) - 1));
        let moment = self.moment_of(&request.caller);
        let page = execute::scan_page(&mut self.engine, scan, own, request.caller.db, &moment);
        let next_shard = u64::from(self.id) + 1;
        let next = match page.next {
            Some(cursor) => (u64::from(self.id) << CURSOR_BITS) | cursor.0,
            None if (next_shard as usize) < self.facts.shard_count() => next_shard << CURSOR_BITS,
            None => 0,
        };
        self.answer(from, request.ticket, request.caller.proto, |out| {
            out.write(Reply::Array(2));
            out.bulk_str(&next.to_string());
            out.write(Reply::Array(page.keys.len()));
            page.keys.iter().for_each(|key| out.bulk(key));
            None
        });
    }

    /// Lets a batch wait for the KEYS that was its last piece to be started.
    pub(super) fn wait_for_sweep(&mut self, batch: Running) {
        let sweep = self.sweeps.back_mut().expect("KEYS has just been started");
        sweep.batch = Some(batch);
    }

    /// Goes on with KEYS.
    pub(crate) fn sweep(&mut self) {
        for _ in 0..SWEEP_STEPS_PER_TURN_MAX {
            let Some(mut sweep) = self.sweeps.pop_front() else { return };
            let (db, now_ms) = (sweep.request.caller.db, self.moment.now_ms);
            if let Some(cursor) = sweep.cursor {
                let Sweep { pattern, found, elements, .. } = &mut sweep;
                let mut out = Encoder::new(elements, velodrome_net::resp::Proto::Resp2);
                let mut visit = |key: &[u8], _: &velodrome_engine::Item<'_>| {
                    if glob::matches(pattern, key) {
                        out.bulk(key);
                        *found += 1;
                    }
                };
                sweep.cursor =
                    self.engine.scan(db, cursor, SCAN_STEP_ITEMS_MAX, now_ms, &mut visit);
            }
            if sweep.cursor.is_some() {
                self.sweeps.push_back(sweep);
                continue;
            }
            let Sweep { from, request, found, elements, batch, .. } = sweep;
            self.answer(from, request.ticket, request.caller.proto, |out| {
                out.write(Reply::Array(found));
                out.encoded(&elements);
                None
            });
            if let Some(batch) = batch {
                self.running.push_front(batch);
            }
        }
    }

    /// Expires, evicts, compacts and frees within a turn's budget; returns whether more is to be
    /// done at once, and when there will be something to do by itself.
    pub(crate) fn maintain(&mut self, wire: &impl Wire) -> (bool, Option<u64>) {
        if self.flow.upkeep_waits() {
            return (true, None);
        }
        let now_ms = self.moment.now_ms;
        let known = self.flow.upkeep_left();
        if known {
            self.flow.begin_upkeep(wire.now_ns());
        }
        let mut progress = self.engine.maintain(now_ms, 1);
        if progress.more && !known {
            self.flow.begin_upkeep(wire.now_ns());
        }
        for _ in 1..UPKEEP_STEPS_PER_TURN_MAX {
            if !progress.more || self.flow.late() {
                break;
            }
            progress = self.engine.maintain(now_ms, 1);
            self.flow.look(wire.now_ns());
        }
        self.flow.end_upkeep(progress.more);
        (progress.more, progress.next_due_ms)
    }

    /// Makes room for a value about to be written, if it is large, within a turn's budget. False:
    /// the write waits for the next turn, but not for ever while others take what was made.
    #[inline]
    pub(super) fn has_room(&mut self, value_len: usize) -> bool {
        value_len < HEAVY_VALUE_BYTES || self.make_room(value_len)
    }

    #[cold]
    fn make_room(&mut self, value_len: usize) -> bool {
        let now_ms = self.moment.now_ms;
        let made = self.engine.make_room(value_len, now_ms, MAINTENANCE_STEPS_PER_TURN_MAX);
        self.room_turns = if made { 0 } else { self.room_turns + 1 };
        if self.room_turns == ROOM_TURNS_MAX {
            self.room_turns = 0;
            return true;
        }
        if !made {
            self.flow.end_share();
        }
        made
    }

    /// [`Shard::has_room`] for the value that a request of a sibling or a transaction may write.
    pub(super) fn has_room_for(&mut self, args: Args<'_>) -> bool {
        self.has_room(value_len_of(args))
    }

    /// Lets the commands that CLIENT PAUSE held back go on once it is over.
    pub(crate) fn end_pause(&mut self) {
        if self.client_pause.until_ms == 0 || self.client_pause.until_ms > self.moment.now_ms {
            return;
        }
        self.client_pause.until_ms = 0;
        let held: Vec<_> = self.sessions().filter(|s| s.held).map(|s| s.conn).collect();
        for conn in held {
            if let Some(session) = self.session(conn) {
                session.held = false;
                self.wake(conn);
            }
        }
    }
}

/// Bytes of the value that a request for one key writes, or a little other than none.
#[inline]
pub(super) fn value_len_of(args: Args<'_>) -> usize {
    args.iter().skip(2).take(2).map(<[u8]>::len).max().unwrap_or(0)
}
