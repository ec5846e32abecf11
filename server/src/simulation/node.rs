//! The shards of a simulated node, the mailboxes between them and the scheduler of everything.
//!
//! Invariant: parcels of a pair of shards arrive in order, and nothing else is promised. A turn
//! does what the shard's thread does in a turn. Cost: one turn is a few microseconds.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use velodrome_engine::{Compression, Engine, KeyHasher, PackJob, Packer};
use velodrome_net::{Chunk, ConnId};
use velodrome_ring::{NodeId, SlotTable};

use super::actor::{Actor, Client, Line};
use super::wire::SimulatedWire;
use crate::config::Config;
use crate::facts::Facts;
use crate::shard::Shard;
use crate::shard::consumers::Consumers;
use crate::shard::input::Input;
use crate::shard::parcel::{Note, Parcel};
use crate::shard::session::Profile;
use crate::shard::wire::Wire;

/// Wall time at which every node starts.
const START_MS: u64 = 1_800_000_000_000;
/// What a look at its clock takes the second shard, and the third twice: some run late often.
const PACE_NS: u64 = 40_000;
/// Address space of each shard: quota may move to it.
const ADDRESS_SPACE_BYTES: u64 = 64 << 20;
/// Steps after which a node that has not come to rest is stuck.
const STEPS_MAX: u64 = 400_000;
/// Rounds of all shards after which everything has come to rest, or never will.
const ROUNDS_MAX: usize = 4_000;

/// What may happen to a node, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) shards: usize,
    /// Steps in ten thousand that kill a client.
    pub(super) kills: u32,
    /// Steps in ten thousand that swap the slot table.
    pub(super) swaps: u32,
    /// Steps in ten thousand in which a client hangs up its half and waits for its replies.
    pub(super) half_closes: u32,
    /// Parcels that fit into a mailbox.
    pub(super) mailbox_parcels: usize,
    /// What an unread byte counts; above 1 slow readers stall their connections.
    pub(super) weight: usize,
    /// Work that may wait for held slots on a shard.
    pub(super) waiters_max: usize,
    /// Longest step of time, milliseconds.
    pub(super) step_ms_max: u64,
    /// Memory that each shard begins with.
    pub(super) quota_bytes: u64,
    /// Items that the node may hold.
    pub(super) items_max: Option<u64>,
    /// How values are packed.
    pub(super) compression: Compression,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            shards: 4,
            kills: 0,
            swaps: 0,
            half_closes: 0,
            mailbox_parcels: 2,
            weight: 1,
            waiters_max: 4096,
            step_ms_max: 20,
            quota_bytes: 2 << 20,
            items_max: None,
            compression: Compression::default(),
        }
    }
}

/// The table of a node alone with so many shards.
pub(super) fn table_of(shards: usize) -> Arc<SlotTable> {
    static TABLES: OnceLock<Vec<Arc<SlotTable>>> = OnceLock::new();
    let tables = TABLES.get_or_init(|| {
        let table = |n| SlotTable::standalone(NodeId(7), n).expect("few cores are possible");
        (1..=8).map(|n| Arc::new(table(n))).collect()
    });
    tables[shards - 1].clone()
}

/// A key of the family `name` whose slot lives on this shard of a node alone.
pub(super) fn key_on(shards: usize, shard: usize, name: &str) -> String {
    let table = table_of(shards);
    (0..)
        .map(|n| format!("{name}:{n}"))
        .find(|key| table.route(velodrome_ring::slot(key.as_bytes())).core == shard as u16)
        .expect("every shard has slots")
}

/// The shards of a node in such weather.
pub(super) fn shards_of(seed: u64, weather: &Weather) -> Vec<Shard> {
    let count = weather.shards;
    let mut facts = Facts::new(count, START_MS);
    facts.memory_bytes_max = (weather.quota_bytes * count as u64).into();
    facts.machine_memory_bytes = ADDRESS_SPACE_BYTES;
    let facts = Arc::new(facts);
    let table = table_of(count);
    let shard = |id: usize| {
        let hasher = KeyHasher::new([seed, 9]);
        let mut config =
            velodrome_engine::Config::for_memory(weather.quota_bytes, hasher, velodrome_ring::slot);
        config.address_space_bytes = ADDRESS_SPACE_BYTES;
        let share = |items: u64| (items + (count - 1 - id) as u64) / count as u64;
        config.limits.items_max = weather.items_max.map(share);
        config.compression = weather.compression;
        let engine = Engine::new(config, Consumers::default()).expect("2 MiB are enough");
        let config = Config { max_items: weather.items_max, ..Config::default() };
        let facts = facts.clone();
        let mut shard = Shard::new(id as u16, engine, config, facts, table.clone());
        shard.moment.now_ms = START_MS;
        shard.set_hold_waiters_max(weather.waiters_max);
        shard
    };
    (0..count).map(shard).collect()
}

/// A node and its clients.
pub(super) struct Node<A> {
    pub(super) rng: SmallRng,
    pub(super) shards: Vec<Shard>,
    pub(super) clients: Vec<Client<A>>,
    pub(super) steps: u64,
    weather: Weather,
    wires: Vec<SimulatedWire>,
    inputs: Vec<Vec<Input>>,
    /// `mail[to * shards + from]`
    mail: Vec<VecDeque<Parcel>>,
    unposted: Vec<Option<Parcel>>,
    half_closed: Vec<Vec<ConnId>>,
    free_places: Vec<Vec<u32>>,
    generation: u32,
    now_ms: u64,
    table: Arc<SlotTable>,
    /// What the packing worker has, by shard.
    jobs: Vec<(usize, PackJob)>,
    packer: Packer,
}

impl<A: Actor> Node<A> {
    pub(super) fn new(seed: u64, weather: Weather) -> Self {
        let count = weather.shards;
        Self {
            rng: SmallRng::seed_from_u64(seed),
            shards: shards_of(seed, &weather),
            clients: Vec::new(),
            steps: 0,
            weather,
            wires: (0..count)
                .map(|at| SimulatedWire::new(weather.weight).with_pace(at as u64 * PACE_NS))
                .collect(),
            inputs: (0..count).map(|_| Vec::new()).collect(),
            mail: (0..count * count).map(|_| VecDeque::new()).collect(),
            unposted: (0..count * count).map(|_| None).collect(),
            half_closed: vec![Vec::new(); count],
            free_places: (0..count).map(|_| (0..64).rev().collect()).collect(),
            generation: 0,
            now_ms: START_MS,
            table: table_of(count),
            jobs: Vec::new(),
            packer: Packer::default(),
        }
    }

    /// Connects a client to some shard.
    pub(super) fn connect(&mut self, actor: A) {
        let shard = self.rng.random_range(0..self.shards.len());
        let conn = self.open(shard);
        self.clients.push(Client::new(actor, shard, conn));
    }

    fn open(&mut self, shard: usize) -> ConnId {
        let place = self.free_places[shard].pop().expect("fewer clients than places");
        self.generation += 1;
        let conn = ConnId::new(self.generation, place);
        self.wires[shard].open(conn);
        self.shards[shard].open(conn, Profile::default());
        conn
    }

    /// Lets everything happen until every client has said and heard all, then hangs up and checks
    /// that nothing is left behind.
    pub(super) fn run(&mut self) {
        self.work();
        self.hang_up();
    }

    /// Lets everything happen until every client has said and heard all.
    pub(super) fn work(&mut self) {
        while !self.clients.iter().all(|client| client.done && client.line != Line::Cut) {
            self.step();
            assert!(self.steps < STEPS_MAX, "the clients do not come to an end: {}", self.state());
        }
        // No accidents from here on: what was asked for is answered.
        self.weather = Weather { kills: 0, swaps: 0, half_closes: 0, ..self.weather };
        for _ in 0..ROUNDS_MAX {
            if self.at_rest() {
                break;
            }
            self.round();
        }
        for (number, client) in self.clients.iter().enumerate() {
            assert!(client.actor.satisfied(), "client {number} waits: {}", self.state());
        }
    }

    /// Gives every slot to the next shard.
    pub(super) fn move_every_slot(&mut self) {
        let count = self.shards.len() as u16;
        let next = (0..16384).map(|slot| (slot, (self.table.route(slot).core + 1) % count));
        self.table = Arc::new(self.table.with_owner(NodeId(7), next));
        for shard in &mut self.shards {
            shard.table = self.table.clone();
        }
    }

    fn at_rest(&self) -> bool {
        let heard = |client: &Client<A>| client.outgoing.is_empty() && client.actor.satisfied();
        self.clients.iter().all(heard) && self.idle()
    }

    /// Whether no shard has anything to do or to send.
    fn idle(&self) -> bool {
        let has_work = |shard: &Shard| shard.has_work() || shard.awaits_siblings();
        self.mail.iter().all(VecDeque::is_empty)
            && self.unposted.iter().all(Option::is_none)
            && !self.shards.iter().any(has_work)
    }

    /// One turn of every shard, everything delivered and read.
    pub(super) fn round(&mut self) {
        self.now_ms += 1;
        for client in 0..self.clients.len() {
            self.read(client, usize::MAX);
        }
        for shard in 0..self.shards.len() {
            self.turn(shard, true);
        }
    }

    fn hang_up(&mut self) {
        for client in &mut self.clients {
            if client.line == Line::Open {
                client.line = Line::HalfClosed;
                self.half_closed[client.shard].push(client.conn);
            }
        }
        for _ in 0..ROUNDS_MAX {
            if self.wires.iter().all(|wire| wire.len() == 0) && self.idle() {
                break;
            }
            self.round();
        }
        for shard in &mut self.shards {
            let left = shard.leftovers();
            assert!(left.is_empty(), "shard {} keeps {left:?}", shard.id);
        }
        assert!(self.wires.iter().all(|wire| wire.len() == 0), "connections are left open");
        assert!(self.idle(), "{}", self.state());
    }

    /// What a stuck node looks like.
    fn state(&mut self) -> String {
        let lines = self.clients.iter().map(|client| (client.line, client.done));
        let lines: Vec<_> = lines.collect();
        let left: Vec<_> = self.shards.iter_mut().map(Shard::leftovers).collect();
        let mail: Vec<_> = self.mail.iter().map(VecDeque::len).collect();
        format!("step {}, clients {lines:?}, shards {left:?}, mail {mail:?}", self.steps)
    }

    /// One thing happens.
    pub(super) fn step(&mut self) {
        self.steps += 1;
        let client = self.rng.random_range(0..self.clients.len());
        if self.rng.random_ratio(self.weather.kills, 10_000) {
            self.kill(client);
        }
        if self.rng.random_ratio(self.weather.half_closes, 10_000) {
            self.half_close(client);
        }
        if self.rng.random_ratio(self.weather.swaps, 10_000) {
            self.swap_table();
        }
        match self.rng.random_range(0..100) {
            0..55 => {
                let shard = self.rng.random_range(0..self.shards.len());
                self.turn(shard, false);
            }
            55..80 => self.clients[client].speak(&mut self.rng, self.steps),
            80..98 => {
                let len = self.rng.random_range(1..600);
                self.read(client, len);
            }
            _ => self.now_ms += self.rng.random_range(0..=self.weather.step_ms_max),
        }
    }

    fn kill(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if matches!(client.line, Line::Open | Line::HalfClosed) && !client.done {
            client.line = Line::Cut;
            client.cut(self.steps);
            self.wires[client.shard].abort(client.conn);
        }
    }

    fn half_close(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if client.line == Line::Open && client.outgoing.is_empty() {
            client.line = Line::HalfClosed;
            self.half_closed[client.shard].push(client.conn);
        }
    }

    /// Moves slots between the shards, or only counts on their epochs, and tells every shard.
    fn swap_table(&mut self) {
        let cores = self.rng.random_range(1..=self.shards.len());
        let from = self.rng.random_range(0..16384_u16);
        let slots = from..=from.saturating_add(4000).min(16383);
        let next = match self.rng.random_range(0..4) {
            0 => {
                let core = self.rng.random_range(0..self.shards.len() as u16);
                self.table.with_owner(NodeId(7), slots.map(|slot| (slot, core)))
            }
            1 => self.table.with_state(slots, velodrome_ring::SlotState::Migrating),
            _ => self.table.with_cores(NodeId(7), cores).expect("few cores are possible"),
        };
        self.table = Arc::new(next);
        let by = self.rng.random_range(0..self.shards.len());
        for to in 0..self.shards.len() as u16 {
            self.shards[by].send(to, Note::Table(self.table.clone()));
        }
    }

    /// The client takes some of its replies; the end of its connection is noticed.
    fn read(&mut self, at: usize, len_max: usize) {
        let client = &mut self.clients[at];
        let bytes = self.wires[client.shard].take(client.conn, len_max);
        if !bytes.is_empty() {
            client.hear(&bytes, self.steps);
        }
    }

    /// What a shard's thread does in a turn; `all`: with everything that lies ready.
    fn turn(&mut self, at: usize, all: bool) {
        let now_ns = self.wires[at].now_ns();
        self.shards[at].begin_turn(self.now_ms, now_ns, &mut self.wires[at]);
        self.take_events(at, all);
        self.take_mail(at, all);
        let (shard, wire) = (&mut self.shards[at], &mut self.wires[at]);
        shard.serve(&mut self.inputs[at], wire);
        shard.settle_own(wire);
        self.close_those_done(at);
        self.post_mail(at);
        let shard = &mut self.shards[at];
        shard.end_pause();
        shard.maintain(&self.wires[at]);
        self.pack(at);
        let shard = &mut self.shards[at];
        if self.rng.random_ratio(1, 50) {
            shard.tick(0, &mut self.wires[at]);
        }
        shard.turns += 1;
    }

    /// The worker takes values of a shard, and brings one back some time.
    fn pack(&mut self, at: usize) {
        let shard = &mut self.shards[at];
        while let Some(job) = shard.engine.next_pack_job(self.now_ms) {
            self.jobs.push((at, job));
        }
        let own = self.jobs.iter().position(|(of, _)| *of == at);
        if let Some(own) = own.filter(|_| self.rng.random_ratio(1, 3)) {
            let (_, job) = self.jobs.swap_remove(own);
            let done = job.run(&mut self.packer, || 0);
            self.shards[at].engine.finish_pack(done, self.now_ms);
        }
    }

    fn take_events(&mut self, at: usize, all: bool) {
        for number in 0..self.clients.len() {
            if self.clients[number].shard == at && (all || self.rng.random_ratio(1, 2)) {
                self.take_bytes(number, all);
            }
        }
        for conn in self.wires[at].take_sent() {
            self.shards[at].sent(conn);
        }
        for number in 0..self.clients.len() {
            if self.clients[number].shard == at {
                self.take_end(number);
            }
        }
    }

    /// Bytes of a client arrive, cut anywhere.
    fn take_bytes(&mut self, number: usize, all: bool) {
        let client = &mut self.clients[number];
        let (at, conn) = (client.shard, client.conn);
        while !client.outgoing.is_empty() && self.wires[at].reads(conn) {
            let len = match self.rng.random_range(0..4) {
                0 => self.rng.random_range(1..=client.outgoing.len().min(8)),
                1 => self.rng.random_range(1..=client.outgoing.len()),
                _ => client.outgoing.len(),
            };
            let chunk = Chunk::copied(&client.outgoing[..len]);
            client.outgoing.drain(..len);
            self.shards[at].receive(conn, chunk, &mut self.inputs[at], &mut self.wires[at]);
            if !all && self.rng.random_ratio(2, 3) {
                return;
            }
        }
    }

    /// The end of a connection is told; a client with more to say connects anew.
    fn take_end(&mut self, number: usize) {
        let client = &mut self.clients[number];
        let (at, conn) = (client.shard, client.conn);
        if client.line == Line::Over || !self.wires[at].reap(conn) {
            return;
        }
        self.shards[at].closed(conn);
        self.half_closed[at].retain(|other| *other != conn);
        self.free_places[at].push(conn.index() as u32);
        if client.line != Line::Cut {
            let orderly = client.line == Line::HalfClosed;
            assert!(!orderly || client.actor.satisfied(), "closed with replies owed: {number}");
            client.cut(self.steps);
        }
        if client.done {
            client.line = Line::Over;
            return;
        }
        let shard = self.rng.random_range(0..self.shards.len());
        let conn = self.open(shard);
        let client = &mut self.clients[number];
        (client.shard, client.conn, client.line) = (shard, conn, Line::Open);
    }

    fn take_mail(&mut self, at: usize, all: bool) {
        let count = self.shards.len();
        for from in 0..count {
            let queue = &mut self.mail[at * count + from];
            let arrived = if all { queue.len() } else { self.rng.random_range(0..=queue.len()) };
            for parcel in queue.drain(..arrived) {
                self.shards[at].deliver(from as u16, parcel, &mut self.wires[at]);
            }
        }
    }

    fn post_mail(&mut self, from: usize) {
        let count = self.shards.len();
        for to in (0..count).filter(|to| *to != from) {
            let pair = to * count + from;
            let waiting = self.unposted[pair].take();
            let parcel = waiting.or_else(|| self.shards[from].take_parcel(to as u16));
            let full = self.mail[pair].len() >= self.weather.mailbox_parcels;
            match parcel {
                Some(parcel) if full => self.unposted[pair] = Some(parcel),
                Some(parcel) => self.mail[pair].push_back(parcel),
                None => {}
            }
        }
    }

    fn close_those_done(&mut self, at: usize) {
        let (shard, wire) = (&mut self.shards[at], &mut self.wires[at]);
        for conn in std::mem::take(&mut shard.to_kill) {
            wire.abort(conn);
        }
        self.half_closed[at].retain(|conn| {
            let done = shard.answered_all(*conn);
            if done {
                wire.close(*conn);
            }
            !done
        });
    }
}
