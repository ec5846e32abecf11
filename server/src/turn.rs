//! A shard's thread: turn after turn, completions in, commands executed, replies out.
//!
//! This is where the shard, which knows no socket, meets the driver, which knows no command.
//! Invariant: the kernel is entered at most once a turn to wait, and never waited in while there is
//! work.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use velodrome_net::{CloseReason, ConnId, Driver, Event, Wait, Waker, mono_ns};

use crate::arrival;
use crate::clock::{Clock, boot_ns, thread_cpu_ns};
use crate::limits::{DRAIN_MS_MAX, TICK_MS};
use crate::mailbox::Mailboxes;
use crate::packing_worker::PackingWorker;
use crate::post::Post;
use crate::shard::Shard;
use crate::shard::input::Input;
use crate::shard::parcel::Note;
use crate::signals;
use crate::spin::Spin;

/// Tokens of the timers of periodic work and of the dataset's next deadline.
const TICK: u64 = 1;
const DUE: u64 = 2;

/// One shard with everything its thread needs.
pub(crate) struct Turn {
    shard: Shard,
    driver: Driver,
    mailboxes: Arc<Mailboxes>,
    packing: Arc<PackingWorker>,
    clock: Clock,
    inputs: Vec<Input>,
    post: Post,
    spin: Spin,
    /// Peers that send no more, whose requests may not all be answered yet.
    half_closed: Vec<ConnId>,
    tick_set: bool,
    tick_due: bool,
    due_set_ms: u64,
    maintain_at_once: bool,
    stop_at_ns: Option<u64>,
    /// When the turn before ended.
    ended_ns: u64,
}

impl Turn {
    /// A shard's thread around what was built for it.
    pub(crate) fn new(
        shard: Shard,
        driver: Driver,
        mailboxes: Arc<Mailboxes>,
        packing: Arc<PackingWorker>,
        clock: Clock,
    ) -> Self {
        let post = Post::new(shard.id, shard.facts.shard_count());
        Self {
            shard,
            driver,
            mailboxes,
            packing,
            clock,
            inputs: Vec::new(),
            post,
            spin: Spin::default(),
            half_closed: Vec::new(),
            tick_set: false,
            tick_due: false,
            due_set_ms: u64::MAX,
            maintain_at_once: false,
            stop_at_ns: None,
            ended_ns: boot_ns(),
        }
    }

    /// How this shard is woken.
    pub(crate) fn waker(&self) -> Waker {
        self.driver.waker()
    }

    /// The shard's driver, for its listeners.
    pub(crate) fn driver(&mut self) -> &mut Driver {
        &mut self.driver
    }

    /// Turns until the node stops.
    pub(crate) fn run(mut self) -> io::Result<()> {
        self.shard.turn_times.start(thread_cpu_ns());
        loop {
            let wait = self.wait();
            self.driver.poll(wait)?;
            let began_ns = boot_ns();
            self.shard.begin_turn(self.clock.ms_at(began_ns), began_ns, &mut self.driver);
            self.take_events();
            self.take_mail();
            self.shard.serve(&mut self.inputs, &mut self.driver);
            self.driver.receive_narrowly(self.shard.collects());
            self.shard.settle_own(&mut self.driver);
            if self.tick_due {
                self.tick();
            }
            self.close_those_done();
            self.post_mail();
            self.keep_house();
            self.end_turn();
            if self.stopped() {
                self.shard.publish();
                return Ok(());
            }
        }
    }

    /// Whether and how long the next entry into the kernel may wait.
    fn wait(&mut self) -> Wait {
        let busy = self.shard.has_work()
            || self.maintain_at_once
            || !self.post.is_done()
            || self.mailboxes.any(self.shard.id);
        let spins = !busy && self.shard.awaits_siblings() && self.spin.goes_on(mono_ns());
        if busy || spins { Wait::Now } else { Wait::Until(self.stop_at_ns) }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.driver.next_event() {
            match event {
                Event::Received { conn, bytes } => {
                    self.shard.receive(conn, bytes, &mut self.inputs, &mut self.driver);
                }
                Event::Accepted { listener, socket } => self.accepted(socket, listener),
                Event::AcceptFailed { error, .. } => {
                    tracing::warn!(%error, "a connection could not be accepted; trying again");
                }
                Event::Sent { conn } => self.shard.sent(conn),
                Event::PeerClosed { conn, reason: CloseReason::End } => self.half_closed.push(conn),
                Event::PeerClosed { conn, .. } => self.driver.abort(conn),
                Event::Closed { conn } => self.closed(conn),
                Event::Timer { token: TICK } => self.tick_due = true,
                Event::Timer { .. } => self.due_set_ms = u64::MAX,
                Event::Mailbox
                | Event::Connected { .. }
                | Event::ConnectFailed { .. }
                | Event::FileDone { .. }
                | Event::FileFailed { .. }
                | Event::LogDurable { .. } => {}
            }
        }
    }

    /// Hands an accepted socket to the shard with the fewest connections.
    fn accepted(&mut self, socket: std::os::fd::OwnedFd, listener: u16) {
        if self.mailboxes.stopping() {
            return;
        }
        let counts = &self.shard.facts.connections;
        let open: usize = counts.iter().map(|n| n.load(Ordering::Relaxed) as usize).sum();
        if open >= self.shard.config.maxclients {
            self.shard.rejected += 1;
            return arrival::turn_away(&socket);
        }
        let least = (0..counts.len()).min_by_key(|shard| counts[*shard].load(Ordering::Relaxed));
        let to = least.expect("a node has shards");
        counts[to].fetch_add(1, Ordering::Relaxed);
        if to == usize::from(self.shard.id) {
            self.adopt(socket, listener);
        } else {
            self.shard.send(to as u16, Note::Adopt { socket, listener });
        }
    }

    fn adopt(&mut self, socket: std::os::fd::OwnedFd, _listener: u16) {
        if self.stop_at_ns.is_some() {
            // It was on its way here when the node was told to stop.
            return self.count_closed();
        }
        let profile = arrival::profile(&socket);
        match self.driver.adopt(socket) {
            Ok(conn) => self.shard.open(conn, profile),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken over");
                self.count_closed();
            }
        }
    }

    fn closed(&mut self, conn: ConnId) {
        self.shard.closed(conn);
        self.half_closed.retain(|other| *other != conn);
        self.count_closed();
    }

    fn count_closed(&self) {
        self.shard.facts.connections[usize::from(self.shard.id)].fetch_sub(1, Ordering::Relaxed);
    }

    /// Serves what siblings have sent.
    fn take_mail(&mut self) {
        let id = self.shard.id;
        for from in 0..self.shard.facts.shard_count() as u16 {
            while !self.shard.has_undelivered()
                && let Some(parcel) = self.mailboxes.take(from, id)
            {
                self.spin.ends();
                self.shard.deliver(from, parcel, &mut self.driver);
            }
        }
        for (socket, listener) in std::mem::take(&mut self.shard.arrivals) {
            self.adopt(socket, listener);
        }
    }

    /// Sends what siblings are owed, and wakes those that sleep.
    fn post_mail(&mut self) {
        let Self { shard, mailboxes, post, driver, .. } = self;
        let take = |to| shard.take_parcel(to);
        post.send(mailboxes, take, |to| {
            if let Some(waker) = mailboxes.waker(to) {
                driver.wake(waker);
            }
        });
    }

    /// Closes connections whose peers send no more, once all they asked is answered.
    fn close_those_done(&mut self) {
        for conn in std::mem::take(&mut self.shard.to_kill) {
            self.driver.abort(conn);
        }
        let Self { shard, driver, half_closed, .. } = self;
        half_closed.retain(|conn| {
            let done = shard.answered_all(*conn);
            if done {
                driver.close(*conn);
            }
            !done
        });
    }

    /// Background work, and the timers that bring this thread back for more.
    fn keep_house(&mut self) {
        self.shard.end_pause();
        let (more, next_due_ms) = self.shard.maintain(&self.driver);
        self.maintain_at_once = more | self.packing.exchange(&mut self.shard);
        if let Some(due_ms) = next_due_ms.filter(|due_ms| *due_ms < self.due_set_ms) {
            self.due_set_ms = due_ms;
            let in_ms = due_ms.saturating_sub(self.shard.moment.now_ms);
            self.driver.set_timer(mono_ns().saturating_add(in_ms.saturating_mul(1_000_000)), DUE);
        }
        if !self.tick_set && self.shard.wants_ticks() {
            self.tick_set = true;
            self.driver.set_timer(mono_ns() + TICK_MS * 1_000_000, TICK);
        }
        if let Some(shutdown) = self.shard.shutdown_wanted.take() {
            let in_vain = shutdown.save == Some(true);
            let but = if in_vain { ", and to save, which it cannot" } else { "" };
            tracing::info!("a client asked the node to stop{but}");
            signals::ask_to_stop();
        }
    }

    /// Counts the turn, and measures it with its group when it is the last of it.
    fn end_turn(&mut self) {
        self.shard.turns += 1;
        let began_ns = std::mem::replace(&mut self.ended_ns, boot_ns());
        if self.shard.turn_times.add(self.ended_ns.saturating_sub(began_ns)) {
            self.shard.turns_took(thread_cpu_ns());
        }
    }

    /// Looks after the clients, once what they sent lies in their sessions again.
    fn tick(&mut self) {
        (self.tick_set, self.tick_due) = (false, false);
        self.shard.tick(self.driver.buffers_bytes(), &mut self.driver);
    }

    /// Whether the node stops and this shard is done.
    fn stopped(&mut self) -> bool {
        if !self.mailboxes.stopping() {
            return false;
        }
        if self.stop_at_ns.is_none() {
            self.stop_at_ns = Some(mono_ns() + DRAIN_MS_MAX * 1_000_000);
            self.driver.stop_listening();
            self.shard.stop(&mut self.driver);
        }
        let drained = self.shard.session_count() == 0 && self.driver.connections() == 0;
        drained || self.stop_at_ns.is_some_and(|at_ns| mono_ns() >= at_ns)
    }
}
