//! One thread of the load: one loop, its connections, and what it saw.
//!
//! A turn takes what arrived, answers it with new requests, and enters the kernel once.
//! Invariant: every request is answered, or counted as unanswered. Cost: some hundred nanoseconds
//! a request beside the kernel's, so that one thread outruns a server's core.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use velodrome_net::{
    Batching, Driver, DriverChoice, DriverConfig, DriverKind, Event, Limits, Wait, mono_ns,
};

use super::connection::Connection;
use super::pace::{Pace, Schedule};
use super::plan::{Limit, Plan, Stage};
use super::tally::Tally;
use crate::failure::Failure;
use crate::limits::{BACKLOG_WAIT_MAX, REQUESTS_PER_ENTRY_MAX};
use crate::protocol::Template;
use crate::workload::Draws;

/// How long a thread sleeps at most before it looks at the flag to stop.
const LOOK_EVERY_NS: u64 = 50_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// What a thread tells.
pub(super) enum Message {
    /// All connections are open.
    Ready(DriverKind),
    /// One second of a stage is over.
    Second(usize, Box<Tally>),
    /// A stage is over.
    Ended(Box<StageEnd>),
    /// The thread cannot go on.
    Failed(Failure),
}

/// What a stage left.
#[derive(Debug, Default)]
pub(super) struct StageEnd {
    /// What was seen since the last whole second.
    pub(super) tally: Tally,
    pub(super) started_ns: u64,
    /// When the last answer came.
    pub(super) ended_ns: u64,
    /// Processor time of this thread.
    pub(super) busy_ns: u64,
    pub(super) lost: u64,
    pub(super) loss: Option<String>,
    pub(super) unanswered: u64,
    /// Requests of an open loop that came due and were never sent.
    pub(super) unsent: u64,
    pub(super) stalled: bool,
}

/// What is known of the stage at hand.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) fill: bool,
    pub(super) pipeline: usize,
    pub(super) schedule: Option<Schedule>,
    pub(super) until_ns: u64,
    /// Requests that may still be sent.
    pub(super) budget: u64,
    /// Requests sent so far.
    pub(super) sent: u64,
    pub(super) second_ends_ns: u64,
    pub(super) seconds: usize,
    pub(super) last_answer_ns: u64,
    pub(super) end: StageEnd,
}

/// One thread of the load.
pub(super) struct Worker {
    pub(super) plan: Arc<Plan>,
    pub(super) number: usize,
    pub(super) driver: Driver,
    pub(super) draws: Draws,
    pub(super) connections: Vec<Connection>,
    /// The connection of each of the driver's indices.
    pub(super) slots: Vec<u32>,
    pub(super) tally: Tally,
    pub(super) now_ns: u64,
    /// Connections being opened.
    pub(super) connecting: usize,
    /// Connections that are open.
    pub(super) open: usize,
    /// Requests without an answer.
    pub(super) outstanding: u64,
    /// Requests made since the last entry into the kernel.
    pub(super) unflushed: usize,
    /// The connection an open loop uses next.
    pub(super) cursor: usize,
    pub(super) running: Running,
    /// Reads and writes made beforehand, where keys and lengths allow it.
    pub(super) get: Option<Template>,
    pub(super) set: Option<Template>,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    pub(super) fn new(
        plan: Arc<Plan>,
        number: usize,
        stop: Arc<AtomicBool>,
    ) -> Result<Worker, Failure> {
        let count = share(plan.connections as u64, number, plan.threads) as usize;
        let driver = driver(plan.driver, count)?;
        let draws = plan.workload.draws(number as u64, plan.threads as u64);
        let connections = (0..count).map(|_| Connection::new(plan.protocol)).collect();
        let workload = &plan.workload;
        let get = Template::get(plan.protocol, &workload.keys);
        let set = Template::set(plan.protocol, &workload.keys, &workload.values);
        Ok(Worker {
            running: Running::idle(plan.pipeline),
            get,
            set: set.filter(|_| workload.ttl_s.is_none()),
            plan,
            number,
            driver,
            draws,
            connections,
            slots: Vec::new(),
            tally: Tally::default(),
            now_ns: mono_ns(),
            connecting: 0,
            open: 0,
            outstanding: 0,
            unflushed: 0,
            cursor: 0,
            key: Vec::new(),
            value: Vec::new(),
            stop,
        })
    }

    /// Runs one stage to its end, telling every second.
    pub(super) fn run(
        &mut self,
        stage: &Stage,
        tell: &Sender<Message>,
    ) -> Result<StageEnd, Failure> {
        self.now_ns = mono_ns();
        self.running = self.prepare(stage);
        let busy_before_ns = thread_cpu_ns();
        self.reopen_all();
        if self.running.schedule.is_none() {
            for slot in 0..self.connections.len() {
                self.ask_again(slot);
                self.flush_if_many()?;
            }
        }
        while !self.is_over() {
            self.turn()?;
            self.tell_seconds(tell);
        }
        let mut end = std::mem::take(&mut self.running.end);
        end.busy_ns = thread_cpu_ns() - busy_before_ns;
        end.tally = std::mem::take(&mut self.tally);
        end.unanswered += self.outstanding;
        end.ended_ns = self.running.last_answer_ns;
        end.unsent = self.unsent();
        Ok(end)
    }

    fn prepare(&self, stage: &Stage) -> Running {
        let mut running = Running::idle(self.plan.pipeline);
        running.end.started_ns = self.now_ns;
        running.last_answer_ns = self.now_ns;
        running.second_ends_ns = self.now_ns + SECOND_NS;
        running.until_ns = u64::MAX;
        let (limit, pace) = match stage {
            Stage::Fill => {
                running.fill = true;
                running.pipeline = self.fill_pipeline();
                (Limit::Requests(self.plan.workload.fill_count()), Pace::Closed)
            }
            Stage::Traffic { limit, pace } => (*limit, *pace),
        };
        running.budget = match limit {
            Limit::Seconds(seconds) => {
                running.until_ns = self.now_ns + (seconds * 1e9) as u64;
                u64::MAX
            }
            Limit::Requests(requests) => share(requests, self.number, self.plan.threads),
        };
        if let Pace::Open { rate_per_s, arrivals } = pace {
            let rate_per_s = rate_per_s / self.plan.threads as f64;
            let seed = self.plan.workload.seed ^ self.number as u64;
            running.schedule = Some(Schedule::new(self.now_ns, rate_per_s, arrivals, seed));
        }
        running
    }

    /// One pass: into the kernel, then everything that happened.
    pub(super) fn turn(&mut self) -> Result<(), Failure> {
        let wait = self.wait();
        self.enter(wait)?;
        while let Some(event) = self.driver.next_event() {
            self.take(event);
            self.flush_if_many()?;
        }
        self.send_due()
    }

    /// Enters the kernel; the clock is read when it comes back.
    fn enter(&mut self, wait: Wait) -> Result<(), Failure> {
        self.unflushed = 0;
        self.driver.poll(wait).map_err(Failure::system("the load's event loop failed"))?;
        self.now_ns = mono_ns();
        Ok(())
    }

    /// Hands many new requests to the kernel at once, rather than let the server wait for more.
    pub(super) fn flush_if_many(&mut self) -> Result<(), Failure> {
        if self.unflushed >= REQUESTS_PER_ENTRY_MAX { self.enter(Wait::Now) } else { Ok(()) }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Received { conn, bytes } => {
                if let Some(slot) = self.slot_of(conn) {
                    self.received(slot, &bytes);
                }
            }
            Event::Connected { conn } => self.connected(conn),
            Event::ConnectFailed { conn, error } => self.connect_failed(conn, &error),
            Event::PeerClosed { conn, reason } => self.peer_closed(conn, reason),
            Event::Closed { conn } => self.closed(conn),
            Event::Timer { token } => self.connect(token as usize),
            _ => {}
        }
    }

    fn wait(&self) -> Wait {
        let latest_ns = self.now_ns + LOOK_EVERY_NS;
        let Some(schedule) = self.running.schedule.as_ref().filter(|_| self.may_send()) else {
            return Wait::Until(Some(latest_ns.min(self.running.second_ends_ns)));
        };
        // A sleep shorter than this would end late: the loop spins instead.
        let spin_ns = match self.driver.kind() {
            DriverKind::IoUring => 150_000,
            DriverKind::Epoll => 2_000_000,
        };
        let due_ns = schedule.due_ns();
        if due_ns < self.now_ns + spin_ns {
            return Wait::Now;
        }
        Wait::Until(Some((due_ns - spin_ns).min(latest_ns).min(self.running.second_ends_ns)))
    }

    /// Whether the stage still sends.
    pub(super) fn may_send(&self) -> bool {
        let running = &self.running;
        if running.budget == 0 || self.stop.load(Ordering::Relaxed) {
            return false;
        }
        match &running.schedule {
            // What came due before the end is sent after it, within reason.
            Some(schedule) => {
                let patience_ns = BACKLOG_WAIT_MAX.as_nanos() as u64;
                schedule.due_ns() < running.until_ns
                    && self.now_ns < running.until_ns.saturating_add(patience_ns)
            }
            None => self.now_ns < running.until_ns,
        }
    }

    fn is_over(&mut self) -> bool {
        if self.stop.load(Ordering::Relaxed) {
            return true;
        }
        let sending = self.may_send();
        if self.outstanding == 0 && !sending {
            return true;
        }
        if self.open == 0 && self.connecting == 0 && !self.reopens() {
            return true;
        }
        let silence_ns = self.now_ns.saturating_sub(self.running.last_answer_ns);
        let stalled = self.outstanding > 0 && silence_ns as f64 > self.plan.timeout_s * 1e9;
        self.running.end.stalled |= stalled;
        stalled
    }

    /// Requests that came due and will not be sent.
    fn unsent(&mut self) -> u64 {
        let running = &mut self.running;
        let Some(schedule) = &mut running.schedule else { return 0 };
        let (end_ns, mut count) = (running.until_ns.min(self.now_ns), 0);
        while schedule.due_ns() < end_ns && count < running.budget {
            schedule.advance();
            count += 1;
        }
        count
    }

    fn tell_seconds(&mut self, tell: &Sender<Message>) {
        while self.now_ns >= self.running.second_ends_ns {
            let tally = Box::new(std::mem::take(&mut self.tally));
            // Nobody listens any more: the stage's end will find out.
            let _ = tell.send(Message::Second(self.running.seconds, tally));
            self.running.seconds += 1;
            self.running.second_ends_ns += SECOND_NS;
        }
    }
}

impl Running {
    fn idle(pipeline: usize) -> Running {
        Running {
            fill: false,
            pipeline,
            schedule: None,
            until_ns: 0,
            budget: 0,
            sent: 0,
            second_ends_ns: u64::MAX,
            seconds: 0,
            last_answer_ns: 0,
            end: StageEnd::default(),
        }
    }
}

fn driver(choice: DriverChoice, connections: usize) -> Result<Driver, Failure> {
    let limits = Limits { connections_max: connections as u32 * 2 + 16, ..Limits::default() };
    // Waiting for more completions would be charged to the server.
    let batching = Batching::Off;
    let config = DriverConfig { choice, limits, batching, ..DriverConfig::default() };
    Driver::new(config).map_err(|error| Failure::Option(error.to_string()))
}

/// The part of `total` that falls to one of `threads`.
pub(super) fn share(total: u64, number: usize, threads: usize) -> u64 {
    let (threads, number) = (threads as u64, number as u64);
    total / threads + u64::from(number < total % threads)
}

fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * SECOND_NS + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_the_whole() {
        for (total, threads) in [(10, 3), (2, 3), (0, 1), (7, 7)] {
            let shares: Vec<u64> = (0..threads).map(|n| share(total, n, threads)).collect();
            assert_eq!(shares.iter().sum::<u64>(), total, "{shares:?}");
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }
}
