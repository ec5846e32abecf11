//! A session with a server: its threads, the stages they run together, the server's account.
//!
//! Owns the threads. Invariant: dropping a session ends its threads and connections. Cost: the
//! caller's thread adds histograms once a second; given cores, it shares the last one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::outcome::{Outcome, Second, ServerCost};
use super::pace::Pace;
use super::plan::{Plan, Stage};
use super::tally::Tally;
use super::worker::{Message, StageEnd, Worker};
use crate::affinity::Pinned;
use crate::cpu_time::process_cpu_ns;
use crate::failure::Failure;
use crate::resident::resident_bytes;

/// How often the flag to stop is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Threads connected to a server, ready for stages.
pub struct Session {
    plan: Arc<Plan>,
    stop: Arc<AtomicBool>,
    threads: Vec<Thread>,
    messages: Receiver<Message>,
    server_pid: Option<u32>,
    driver: &'static str,
}

struct Thread {
    stages: Option<Sender<Stage>>,
    handle: Option<JoinHandle<()>>,
}

/// One second as it comes in: how many threads have told, and what.
struct Seconds {
    tallies: Vec<(usize, Tally)>,
    series: Vec<Second>,
    whole: Tally,
    cpu_ns: Option<u64>,
}

impl Session {
    /// Starts the threads and opens all connections. `server_pid` is the server's process when it
    /// runs on this host.
    ///
    /// # Errors
    /// When the plan cannot be run, or the server cannot be reached.
    pub fn start(plan: Plan, server_pid: Option<u32>) -> Result<Session, Failure> {
        plan.check()?;
        let plan = Arc::new(plan);
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, messages) = channel();
        let threads = (0..plan.threads).map(|number| {
            let (stages, orders) = channel();
            let (plan, stop, tell) = (plan.clone(), stop.clone(), tell.clone());
            let work = move || work(&plan, number, &stop, &orders, &tell);
            let handle = std::thread::Builder::new().name(format!("load-{number}")).spawn(work);
            let handle = handle.map_err(Failure::system("cannot start a thread"))?;
            Ok(Thread { stages: Some(stages), handle: Some(handle) })
        });
        let threads: Vec<Thread> = threads.collect::<Result<_, Failure>>()?;
        let mut session = Session { plan, stop, threads, messages, server_pid, driver: "" };
        for _ in 0..session.plan.threads {
            match session.messages.recv() {
                Ok(Message::Ready(kind)) => session.driver = kind.name(),
                Ok(Message::Failed(failure)) => return Err(failure),
                _ => return Err(Failure::Option("a load thread ended early".to_owned())),
            }
        }
        Ok(session)
    }

    /// The event loop's kind.
    pub fn driver(&self) -> &'static str {
        self.driver
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs one stage on all threads. `watch` is told every whole second; `interrupted` ends it.
    ///
    /// # Errors
    /// When a thread fails or the run is interrupted; a server's death is an outcome instead.
    pub fn run(
        &mut self,
        stage: Stage,
        interrupted: &AtomicBool,
        watch: &mut dyn FnMut(&Second),
    ) -> Result<Outcome, Failure> {
        stage.check()?;
        let cpu_before_ns = self.server_pid.and_then(|pid| process_cpu_ns(pid).ok());
        for thread in &self.threads {
            // A thread that ended has told why; the loop below finds it.
            let _ = thread.stages.as_ref().map(|stages| stages.send(stage));
        }
        let mut seconds = Seconds::new(cpu_before_ns);
        let mut ends = Vec::new();
        while ends.len() < self.threads.len() {
            if interrupted.load(Ordering::Relaxed) {
                self.stop.store(true, Ordering::Relaxed);
            }
            match self.messages.recv_timeout(LOOK_EVERY) {
                Ok(Message::Second(index, tally)) => {
                    let told = seconds.take(index, &tally, self.threads.len(), self.server_pid);
                    told.iter().for_each(&mut *watch);
                }
                Ok(Message::Ended(end)) => ends.push(*end),
                Ok(Message::Failed(failure)) => return Err(failure),
                Ok(Message::Ready(_)) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::Option("the load's threads ended early".to_owned()));
                }
            }
        }
        if interrupted.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        Ok(self.outcome(stage, seconds, &ends, cpu_before_ns))
    }

    fn outcome(
        &self,
        stage: Stage,
        mut seconds: Seconds,
        ends: &[StageEnd],
        cpu_before_ns: Option<u64>,
    ) -> Outcome {
        let started_ns = ends.iter().map(|end| end.started_ns).min().unwrap_or(0);
        let ended_ns = ends.iter().map(|end| end.ended_ns).max().unwrap_or(0);
        let mut outcome = Outcome {
            seconds: ended_ns.saturating_sub(started_ns) as f64 / 1e9,
            loss: ends.iter().find_map(|end| end.loss.clone()),
            stalled: ends.iter().any(|end| end.stalled),
            lost_connections: ends.iter().map(|end| end.lost).sum(),
            unanswered: ends.iter().map(|end| end.unanswered).sum(),
            unsent: ends.iter().map(|end| end.unsent).sum(),
            ..Outcome::default()
        };
        if let Stage::Traffic { pace: Pace::Open { rate_per_s, .. }, .. } = stage {
            outcome.offered_per_s = Some(rate_per_s);
        }
        ends.iter().for_each(|end| seconds.whole.add(&end.tally));
        // Seconds that not every thread saw: some had ended before.
        for (_, tally) in &seconds.tallies {
            seconds.whole.add(tally);
            seconds.series.push(Second::of(seconds.series.len() + 1, tally));
        }
        outcome.take(&seconds.whole);
        outcome.series = seconds.series;
        let wall_ns = (outcome.seconds * 1e9).max(1.0);
        let busy = ends.iter().map(|end| end.busy_ns as f64 / wall_ns);
        outcome.generator_busy = busy.fold(0.0, f64::max);
        outcome.server = self.cost(&outcome, cpu_before_ns);
        outcome
    }

    fn cost(&self, outcome: &Outcome, cpu_before_ns: Option<u64>) -> Option<ServerCost> {
        let pid = self.server_pid?;
        // A process that ended has no memory, and its threads' time is gone with them.
        let rss_bytes = resident_bytes(Path::new("/proc"), pid)?;
        let spent_ns = process_cpu_ns(pid).ok()?.checked_sub(cpu_before_ns?)? as f64;
        Some(ServerCost {
            pid,
            cpu_ns_per_op: spent_ns / outcome.answered.max(1) as f64,
            cores_busy: spent_ns / (outcome.seconds * 1e9).max(1.0),
            rss_bytes,
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in &mut self.threads {
            thread.stages = None;
        }
        for thread in &mut self.threads {
            if let Some(handle) = thread.handle.take() {
                let _ = handle.join();
            }
        }
    }
}

impl Seconds {
    fn new(cpu_ns: Option<u64>) -> Seconds {
        Seconds { tallies: Vec::new(), series: Vec::new(), whole: Tally::default(), cpu_ns }
    }

    /// Adds one thread's second; the second when every thread has told of it. Threads tell in
    /// order, so seconds are complete in order.
    fn take(
        &mut self,
        index: usize,
        tally: &Tally,
        threads: usize,
        pid: Option<u32>,
    ) -> Option<Second> {
        let place = index - self.series.len();
        while self.tallies.len() <= place {
            self.tallies.push((0, Tally::default()));
        }
        let (told, sum) = &mut self.tallies[place];
        *told += 1;
        sum.add(tally);
        if place > 0 || *told < threads {
            return None;
        }
        let (_, sum) = self.tallies.remove(0);
        let mut second = Second::of(index + 1, &sum);
        let cpu_ns = pid.and_then(|pid| process_cpu_ns(pid).ok());
        if let (Some(now_ns), Some(before_ns)) = (cpu_ns, self.cpu_ns) {
            let spent_ns = now_ns.saturating_sub(before_ns) as f64;
            second.cpu_ns_per_op = Some(spent_ns / sum.answered.max(1) as f64);
        }
        self.cpu_ns = cpu_ns;
        second.rss_bytes = pid.and_then(|pid| resident_bytes(Path::new("/proc"), pid));
        self.whole.add(&sum);
        self.series.push(second);
        Some(second)
    }
}

/// A thread's life: connect, then one stage after the other until the session ends.
fn work(
    plan: &Arc<Plan>,
    number: usize,
    stop: &Arc<AtomicBool>,
    orders: &Receiver<Stage>,
    tell: &Sender<Message>,
) {
    let outcome = || -> Result<(), Failure> {
        let core = plan.cores.get(number % plan.cores.len().max(1));
        let _pinned = core.map(|core| Pinned::to(&[*core])).transpose()?;
        let mut worker = Worker::new(plan.clone(), number, stop.clone())?;
        worker.connect_all()?;
        let _ = tell.send(Message::Ready(worker.driver.kind()));
        while let Ok(stage) = orders.recv() {
            let end = worker.run(&stage, tell)?;
            let _ = tell.send(Message::Ended(Box::new(end)));
        }
        Ok(())
    };
    if let Err(failure) = outcome() {
        let _ = tell.send(Message::Failed(failure));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Kind;

    #[test]
    fn a_second_is_told_when_every_thread_has() {
        let mut seconds = Seconds::new(None);
        let mut tally = Tally::default();
        tally.record(Kind::Get, 1000);
        assert_eq!(seconds.take(0, &tally, 2, None), None);
        assert_eq!(seconds.take(1, &tally, 2, None), None);
        let first = seconds.take(0, &tally, 2, None).unwrap();
        assert_eq!((first.at_s, first.answers_per_s), (1, 2.0));
        let second = seconds.take(1, &tally, 2, None).unwrap();
        assert_eq!((second.at_s, second.answers_per_s), (2, 2.0));
        assert_eq!(seconds.whole.answered, 4);
    }
}
