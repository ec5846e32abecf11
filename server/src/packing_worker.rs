//! The thread that packs what would take a shard too long.
//!
//! ```text
//! shard ─► jobs ─► worker ─► results of that shard ─► its waker
//! ```
//!
//! Invariant: a shard has at most `PACK_JOBS_MAX` jobs here, so that both queues have room for all
//! of them. Cost: the thread is started with the first job, gives way to the shards and sleeps
//! while there is none; it holds contexts of `PACKER_BYTES_MAX` at most, until it has had nothing
//! to do for a while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use velodrome_engine::limits::PACK_JOBS_MAX;
use velodrome_engine::{PackDone, PackJob, Packer};
use velodrome_tuning as tuning;

use crate::clock::thread_cpu_ns;
use crate::limits::PACKER_IDLE_MS_MAX;
use crate::mailbox::Mailboxes;
use crate::shard::Shard;

/// The node's worker, shared by its shards.
pub(crate) struct PackingWorker {
    jobs: ArrayQueue<(u16, PackJob)>,
    /// By shard.
    results: Vec<ArrayQueue<PackDone>>,
    mailboxes: Arc<Mailboxes>,
    cpu: usize,
    stopping: AtomicBool,
    thread: OnceLock<Thread>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl PackingWorker {
    /// A worker for so many shards that will run on this CPU.
    pub(crate) fn new(shards: usize, cpu: usize, mailboxes: Arc<Mailboxes>) -> Arc<Self> {
        Arc::new(Self {
            jobs: ArrayQueue::new(shards * PACK_JOBS_MAX),
            results: (0..shards).map(|_| ArrayQueue::new(PACK_JOBS_MAX)).collect(),
            mailboxes,
            cpu,
            stopping: AtomicBool::new(false),
            thread: OnceLock::new(),
            handle: Mutex::new(None),
        })
    }

    /// Takes what a shard has to be packed, and gives it one result. Returns whether more results
    /// are there.
    #[inline]
    pub(crate) fn exchange(self: &Arc<Self>, shard: &mut Shard) -> bool {
        let results = &self.results[usize::from(shard.id)];
        if let Some(done) = results.pop() {
            shard.engine.finish_pack(done, shard.moment.now_ms);
        }
        if shard.engine.has_pack_jobs() {
            self.take_jobs(shard);
        }
        !results.is_empty()
    }

    #[cold]
    fn take_jobs(self: &Arc<Self>, shard: &mut Shard) {
        while let Some(job) = shard.engine.next_pack_job(shard.moment.now_ms) {
            assert!(self.jobs.push((shard.id, job)).is_ok(), "a shard's jobs are bounded");
            self.thread.get_or_init(|| self.start()).unpark();
        }
    }

    fn start(self: &Arc<Self>) -> Thread {
        let worker = Arc::clone(self);
        let handle = std::thread::Builder::new().name("packing".into()).spawn(move || worker.run());
        // Nothing is lost without it: values stay raw.
        let handle = match handle {
            Ok(handle) => handle,
            Err(error) => {
                tracing::warn!(%error, "values are not packed: no thread for it");
                return std::thread::current();
            }
        };
        let thread = handle.thread().clone();
        *self.handle.lock().expect("nobody panics while starting") = Some(handle);
        thread
    }

    fn run(&self) {
        if let Err(error) = tuning::pin_current_thread(self.cpu) {
            tracing::debug!(%error, cpu = self.cpu, "the packing thread is not pinned");
        }
        if let Err(error) = tuning::lower_priority() {
            tracing::debug!(%error, "the packing thread does not give way to the shards");
        }
        let mut packer = Packer::default();
        while !self.stopping.load(Ordering::Acquire) {
            let Some((shard, job)) = self.jobs.pop() else {
                self.rest(&mut packer);
                continue;
            };
            let done = job.run(&mut packer, thread_cpu_ns);
            let _ = self.results[usize::from(shard)].push(done);
            if let Some(waker) = self.mailboxes.waker(shard) {
                waker.wake();
            }
        }
    }

    /// Sleeps until there may be a job; if none comes soon the contexts are given back.
    fn rest(&self, packer: &mut Packer) {
        if packer.is_empty() {
            return std::thread::park();
        }
        std::thread::park_timeout(Duration::from_millis(PACKER_IDLE_MS_MAX));
        if self.jobs.is_empty() {
            *packer = Packer::default();
        }
    }

    /// Ends the thread, if there is one, with the job it has.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        let handle = self.handle.lock().map(|mut handle| handle.take());
        if let Ok(Some(handle)) = handle {
            handle.thread().unpark();
            // Whatever ended it, no shard needs it any more.
            let _ = handle.join();
        }
    }
}
