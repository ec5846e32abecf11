//! A node: its shards, their threads, their listeners, from start to stop.
//!
//! Invariant: either every shard stands and listens, or the node ends with one line that says what
//! to do. Cost: nothing after the start; this thread sleeps until a signal comes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use velodrome_engine::KeyHasher;
use velodrome_net::{Driver, DriverConfig, Limits};
use velodrome_ring::{NodeId, SlotTable};
use velodrome_tuning::{self as tuning, Host, Plan};

use crate::capacity;
use crate::clock::Clock;
use crate::config::limits::CLIENTS_MAX;
use crate::config::{Config, DriverChoice};
use crate::dataset::{self, Origin};
use crate::facts::Facts;
use crate::limits::ITEMS_PER_SHARD_MIN;
use crate::listeners::{self, Listener};
use crate::mailbox::Mailboxes;
use crate::packing_worker::PackingWorker;
use crate::shard::Shard;
use crate::signals::{self, StopSignals};
use crate::turn::Turn;

/// A node that is running.
pub struct Node {
    mailboxes: Arc<Mailboxes>,
    packing: Arc<PackingWorker>,
    threads: Vec<JoinHandle<()>>,
    signals: StopSignals,
    /// The file of the Unix socket, to be removed at the end.
    unix_socket: Option<PathBuf>,
}

/// What every shard is built from.
#[derive(Clone)]
struct Blueprint {
    config: Config,
    facts: Arc<Facts>,
    mailboxes: Arc<Mailboxes>,
    packing: Arc<PackingWorker>,
    table: Arc<SlotTable>,
    clock: Clock,
    hasher: KeyHasher,
    memory_bytes_max: u64,
}

impl Node {
    /// Starts a node.
    ///
    /// # Errors
    /// One line for the operator: what is wrong and what to do.
    pub fn start(config: Config, config_file: String) -> Result<Self, String> {
        let signals = StopSignals::hold().map_err(|error| format!("signals: {error}"))?;
        let host = Host::read_here();
        let plan = plan(&config, &host)?;
        let listeners = listeners::bind(&config)?;
        let blueprint = blueprint(config, config_file, &host, &plan)?;
        let mut starting = Vec::new();
        let mut listeners = Some(listeners);
        for (id, cpu) in plan.shard_cpus.iter().enumerate() {
            // The first shard accepts for all of them.
            let listeners = listeners.take().unwrap_or_default();
            starting.push(start_shard(id as u16, *cpu, blueprint.clone(), listeners)?);
        }
        let mut threads = Vec::new();
        for (thread, ready) in starting {
            ready.recv().map_err(|_| "a shard ended while it started".to_owned())??;
            threads.push(thread);
        }
        if let Err(error) = tuning::pin_current_thread(plan.control_cpu) {
            tracing::warn!(%error, cpu = plan.control_cpu, "the control thread is not pinned");
        }
        if plan.shared
            && let Err(error) = tuning::lower_priority()
        {
            tracing::warn!(%error, "the control thread does not give way to its shard");
        }
        announce(&blueprint, &plan);
        let unix_socket = blueprint.config.unix_socket.clone();
        let Blueprint { mailboxes, packing, .. } = blueprint;
        Ok(Self { mailboxes, packing, threads, signals, unix_socket })
    }

    /// Runs until a signal or a client says to stop, then drains.
    pub fn run(mut self) -> Result<(), String> {
        let signal = self.signals.wait();
        tracing::info!(signal, "stopping: no new connections, open ones are drained");
        self.mailboxes.stop();
        let failed = self.threads.into_iter().filter_map(|thread| thread.join().err()).count();
        self.packing.stop();
        if let Some(path) = self.unix_socket
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(%error, path = %path.display(), "the socket's file stays behind");
        }
        if failed > 0 {
            return Err(format!("{failed} shards ended with an error; see the log above"));
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// Which shards run where, and what the log has to say about it.
fn plan(config: &Config, host: &Host) -> Result<Plan, String> {
    let cores = config.cores.as_deref().map(tuning::CpuSet::parse).transpose();
    let cores = cores.map_err(|error| format!("--cores: {error}"))?;
    let plan = tuning::plan_shards(host, cores.clone(), config.shards);
    let mut plan = plan.map_err(|error| error.to_string())?;
    let wanted = plan.shard_cpus.len() as u64;
    let most = config.max_items.map_or(wanted, |items| (items / ITEMS_PER_SHARD_MIN).max(1));
    if most < wanted {
        plan.notes.push(format!(
            "{most} instead of {wanted} shards: --max-items leaves fewer than \
             {ITEMS_PER_SHARD_MIN} items to each"
        ));
        plan.shard_cpus.truncate(most as usize);
    }
    Ok(plan)
}

fn blueprint(
    config: Config,
    config_file: String,
    host: &Host,
    plan: &Plan,
) -> Result<Blueprint, String> {
    let shards = plan.shard_cpus.len();
    let clock = Clock::anchor();
    let memory_default = capacity::memory_default(host, shards as u64);
    let machine_bytes = host.memory_bytes.unwrap_or(memory_default);
    let memory_bytes_max = config.memory_bytes_max(machine_bytes, memory_default);
    let random = Random::draw()?;
    let node_id = match &config.node_id {
        Some(name) => name.clone(),
        None => Random::draw()?.hex(),
    };
    let node = NodeId::of_name(&node_id);
    let mut facts = Facts::new(shards, clock.now_ms());
    facts.run_id = random.hex();
    facts.node_id = format!("{node}{node}{:.8}", node.to_string());
    facts.resp_port = config.resp_port;
    facts.config_file = config_file;
    facts.machine_memory_bytes = machine_bytes;
    facts.executable = std::env::current_exe().map_or(String::new(), |p| p.display().to_string());
    facts.memory_bytes_max = memory_bytes_max.into();
    let table = SlotTable::standalone(node, shards);
    let mailboxes = Arc::new(Mailboxes::new(shards));
    Ok(Blueprint {
        config,
        facts: Arc::new(facts),
        packing: PackingWorker::new(shards, plan.control_cpu, mailboxes.clone()),
        mailboxes,
        table: Arc::new(table.map_err(|error| error.to_string())?),
        clock,
        hasher: KeyHasher::new(random.secrets()),
        memory_bytes_max,
    })
}

type Ready = Receiver<Result<(), String>>;

/// Starts one shard's thread; it reports whether it stands.
fn start_shard(
    id: u16,
    cpu: usize,
    blueprint: Blueprint,
    listeners: Vec<Listener>,
) -> Result<(JoinHandle<()>, Ready), String> {
    let (report, ready) = channel();
    let body = move || run_shard(id, cpu, blueprint, listeners, &report);
    let thread = std::thread::Builder::new().name(format!("shard-{id}")).spawn(body);
    Ok((thread.map_err(|error| format!("a shard's thread could not be started: {error}"))?, ready))
}

fn run_shard(
    id: u16,
    cpu: usize,
    blueprint: Blueprint,
    listeners: Vec<Listener>,
    report: &Sender<Result<(), String>>,
) {
    if let Err(error) = tuning::pin_current_thread(cpu) {
        tracing::warn!(%error, shard = id, cpu, "the shard is not pinned");
    }
    let built = build(id, &blueprint, listeners);
    let failed = built.is_err();
    let (turn, outcome) = match built {
        Ok(turn) => (Some(turn), Ok(())),
        Err(error) => (None, Err(error)),
    };
    // Nobody listens any more when another shard has failed to start.
    let _ = report.send(outcome);
    let Some(turn) = turn.filter(|_| !failed) else { return };
    if let Err(error) = turn.run() {
        tracing::error!(%error, shard = id, "the kernel refused a shard's event loop");
        signals::ask_to_stop();
        panic!("shard {id}: {error}");
    }
}

fn build(id: u16, blueprint: &Blueprint, listeners: Vec<Listener>) -> Result<Turn, String> {
    let Blueprint { config, facts, mailboxes, packing, table, clock, hasher, memory_bytes_max } =
        blueprint;
    let origin = Origin { config, facts, hasher, memory_bytes_max: *memory_bytes_max };
    let engine = dataset::engine(id, &origin).map_err(|error| error.to_string())?;
    let driver = Driver::new(driver_config(config)).map_err(|error| error.to_string())?;
    if id == 0 {
        match driver.fallback_reason() {
            Some(reason) => tracing::warn!(reason, "epoll instead of io_uring"),
            None => tracing::info!(driver = driver.kind().name(), "kernel interface"),
        }
    }
    facts.set_driver(driver.kind().name(), driver.fallback_reason().unwrap_or_default());
    let mut shard = Shard::new(id, engine, config.clone(), facts.clone(), table.clone());
    shard.moment.now_ms = clock.now_ms();
    shard.moment.default_ttl_ms = config.default_ttl_ms;
    shard.set_client_memory_max(config.client_memory_bytes_max(*memory_bytes_max));
    // A sibling that needs quota asks by these figures, served or not.
    shard.publish();
    let mut turn = Turn::new(shard, driver, mailboxes.clone(), packing.clone(), *clock);
    mailboxes.set_waker(id, turn.waker());
    for (number, listener) in listeners.into_iter().enumerate() {
        let name = listener.name.clone();
        let listening = turn.driver().listen(listener.socket, number as u16);
        listening.map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(turn)
}

fn driver_config(config: &Config) -> DriverConfig {
    let choice = match config.driver {
        DriverChoice::Auto => velodrome_net::DriverChoice::Auto,
        DriverChoice::IoUring => velodrome_net::DriverChoice::IoUring,
        DriverChoice::Epoll => velodrome_net::DriverChoice::Epoll,
    };
    let shed_answer = b"-ERR max number of clients reached\r\n".to_vec();
    // A shard may come to hold all clients, and CONFIG SET may allow more of them.
    let limits = Limits { connections_max: CLIENTS_MAX as u32, ..Limits::default() };
    DriverConfig { choice, shed_answer, limits, ..DriverConfig::default() }
}

fn announce(blueprint: &Blueprint, plan: &Plan) {
    let facts = &blueprint.facts;
    plan.notes.iter().chain(&blueprint.config.not_yet()).for_each(|note| tracing::info!("{note}"));
    tracing::info!(
        shards = facts.shard_count(),
        cpus = ?plan.shard_cpus,
        max_memory_mb = blueprint.memory_bytes_max >> 20,
        listening = listeners::describe(&blueprint.config),
        "Velodrome {} is ready",
        env!("CARGO_PKG_VERSION"),
    );
}

/// Bytes that nobody can guess.
struct Random([u8; 20]);

impl Random {
    fn draw() -> Result<Self, String> {
        let mut bytes = [0; 20];
        getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers: {error}"))?;
        Ok(Self(bytes))
    }

    fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn secrets(&self) -> [u64; 2] {
        let word = |at: usize| u64::from_le_bytes(self.0[at..at + 8].try_into().expect("8 bytes"));
        [word(0), word(8)]
    }
}
