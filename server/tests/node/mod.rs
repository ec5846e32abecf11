//! A running node: the real binary, started for one test and ended with it.
//!
//! Owns one child process, its folder and what it prints. Invariant: every wait is for the event
//! itself and fails the test at its deadline; `Drop` ends exactly the process it started. Cost: the
//! node's own start, some tens of milliseconds.

// Each test binary uses its own part of this module.
#![allow(dead_code, unused_macros, unused_imports)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use redis::{Connection, ConnectionLike, Value};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tempfile::TempDir;

/// How long anything may take on two busy cores.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// Ports that are tried when others take them first.
const PORTS_TRIED_MAX: usize = 8;

/// How a node is started: with how many shards, on which kernel interface.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) shards: usize,
    pub(crate) driver: &'static str,
}

impl Shape {
    /// One shard on the interface that every host has.
    pub(crate) const PLAIN: Shape = Shape { shards: 1, driver: "epoll" };
}

/// Makes each test four: one and two shards, on io_uring and on epoll.
macro_rules! on_every_shape {
    ($($test:ident,)+) => {
        on_every_shape! { io_uring_1, "io_uring", 1, $($test,)+ }
        on_every_shape! { io_uring_2, "io_uring", 2, $($test,)+ }
        on_every_shape! { epoll_1, "epoll", 1, $($test,)+ }
        on_every_shape! { epoll_2, "epoll", 2, $($test,)+ }
    };
    ($name:ident, $driver:literal, $shards:literal, $($test:ident,)+) => {
        mod $name {
            $(
                #[test]
                fn $test() {
                    crate::node::on($driver, $shards, super::$test);
                }
            )+
        }
    };
}
pub(crate) use on_every_shape;

/// Runs a test on one shape; says so where the host refuses io_uring.
pub(crate) fn on(driver: &'static str, shards: usize, test: impl FnOnce(Shape)) {
    if driver == "io_uring" && !io_uring_allowed() {
        return;
    }
    test(Shape { shards, driver });
}

/// Whether the host allows io_uring; a refusal is told where a gate finds it.
pub(crate) fn io_uring_allowed() -> bool {
    static REFUSAL: OnceLock<Option<String>> = OnceLock::new();
    let refusal = REFUSAL.get_or_init(|| {
        let choice = velodrome_net::DriverChoice::IoUring;
        let config = velodrome_net::DriverConfig { choice, ..Default::default() };
        velodrome_net::Driver::new(config).err().map(|error| error.to_string())
    });
    let Some(error) = refusal else { return true };
    let line = format!("skipped: io_uring refused: {error}");
    println!("{line}");
    if let Some(path) = std::env::var_os("VELODROME_SKIPS") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        writeln!(file.expect("the list of skips"), "{line}").expect("the list of skips");
    }
    false
}

/// What a process has printed so far.
#[derive(Default)]
struct Output {
    /// Lines, and whether there will be more.
    state: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

impl Output {
    /// Collects lines on a thread of its own until the other end is closed.
    fn collect(from: impl Read + Send + 'static) -> Arc<Output> {
        let output = Arc::new(Output::default());
        let shared = Arc::clone(&output);
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                shared.state.lock().unwrap().0.push(line);
                shared.changed.notify_all();
            }
            shared.state.lock().unwrap().1 = true;
            shared.changed.notify_all();
        });
        output
    }

    /// The first line that holds `part`; what came instead when there is none in time.
    fn wait_for(&self, part: &str) -> Result<String, String> {
        let until = Instant::now() + DEADLINE;
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(line) = state.0.iter().find(|line| line.contains(part)) {
                return Ok(line.clone());
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.1 || left.is_zero() {
                return Err(state.0.join("\n"));
            }
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Everything, once the other end is closed.
    fn all(&self) -> String {
        let state = self.state.lock().unwrap();
        let waited = self.changed.wait_timeout_while(state, DEADLINE, |state| !state.1).unwrap();
        assert!(!waited.1.timed_out(), "an ended process still prints");
        waited.0.0.join("\n")
    }
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Fails unless this is one clear line on standard error, with exit code 1, that holds `parts`.
    pub(crate) fn check_refused(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.starts_with("velodrome: "), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part} is not in {self:?}");
        }
    }
}

/// A node and everything around it that ends with it.
pub(crate) struct Node {
    child: Child,
    exited: Option<ExitStatus>,
    folder: TempDir,
    stdout: Arc<Output>,
    stderr: Arc<Output>,
    pub(crate) port: u16,
}

impl Node {
    /// Starts a node that is ready to serve.
    pub(crate) fn start(shape: Shape, args: &[&str]) -> Node {
        Node::start_as(&binary, shape, args)
    }

    /// Starts a node from a command that may restrict it.
    pub(crate) fn start_as(command: &dyn Fn() -> Command, shape: Shape, args: &[&str]) -> Node {
        for _ in 0..PORTS_TRIED_MAX {
            let mut node = Node::spawn(command(), shape, args, free_port());
            let Err(log) = node.stdout.wait_for("is ready") else { return node };
            let ended = node.ended();
            let port_lost = ended.stderr.contains(&node.port.to_string());
            assert!(port_lost, "the node does not start: {ended:?}\n{log}");
        }
        panic!("others take every free port first");
    }

    /// Starts a node without waiting for anything.
    pub(crate) fn spawn(mut command: Command, shape: Shape, args: &[&str], port: u16) -> Node {
        let folder = tempfile::tempdir().expect("a temporary folder");
        command
            .args(["--shards", &shape.shards.to_string(), "--driver", shape.driver])
            .args(["--resp-port", &port.to_string(), "--memcached-port=0", "--http-port=0"])
            .arg("--unix-socket")
            .arg(folder.path().join("socket"))
            .args(["--log-format", "json"])
            .args(args);
        Node::around(command, folder, port)
    }

    /// Runs the binary with no arguments but these, without waiting for anything.
    pub(crate) fn bare(args: &[&str]) -> Node {
        let mut command = binary();
        command.args(args);
        Node::around(command, tempfile::tempdir().expect("a temporary folder"), 0)
    }

    fn around(mut command: Command, folder: TempDir, port: u16) -> Node {
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let stdout = Output::collect(child.stdout.take().expect("piped"));
        let stderr = Output::collect(child.stderr.take().expect("piped"));
        Node { child, exited: None, folder, stdout, stderr, port }
    }

    /// Where the node's TCP clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Where its local clients connect.
    pub(crate) fn unix_socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// A connection that speaks RESP2.
    pub(crate) fn connect(&self) -> Connection {
        connect(&format!("redis://{}/", self.address()))
    }

    /// A connection that speaks RESP3.
    pub(crate) fn connect_resp3(&self) -> Connection {
        connect(&format!("redis://{}/?protocol=resp3", self.address()))
    }

    /// The first log line that holds `part`.
    pub(crate) fn wait_for_log(&self, part: &str) -> String {
        let found = self.stdout.wait_for(part);
        found.unwrap_or_else(|log| panic!("{part} is not in the log:\n{log}"))
    }

    /// Sends a signal to the node.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the node runs");
    }

    /// Waits for the node to end by itself.
    pub(crate) fn ended(&mut self) -> Ended {
        let code = self.wait_for_exit().code();
        Ended { code, stdout: self.stdout.all(), stderr: self.stderr.all() }
    }

    /// The signal that has ended the node, which is waited for.
    pub(crate) fn killed_by(&mut self) -> Option<i32> {
        let signal = self.wait_for_exit().signal();
        // Told to end this way, it has not crashed.
        self.exited = signal.map(|_| ExitStatus::from_raw(0)).or(self.exited);
        signal
    }

    /// Waits until the node serves, or has ended without.
    pub(crate) fn is_ready(&self) -> bool {
        self.stdout.wait_for("is ready").is_ok()
    }

    /// One figure of `/proc/PID/status`, in bytes: `VmRSS` now, `VmHWM` at most.
    pub(crate) fn memory_bytes(&self, field: &str) -> usize {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the node runs");
        let line = status.lines().find(|line| line.starts_with(field)).expect("a memory figure");
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    }

    /// How many descriptors the node has open.
    pub(crate) fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(folder).expect("the node runs").count()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn wait_for_exit(&mut self) -> ExitStatus {
        if let Some(status) = self.exited {
            return status;
        }
        let process = pidfd_open(self.pid(), PidfdFlags::empty()).expect("a child of this process");
        let timeout = Timespec { tv_sec: DEADLINE.as_secs() as i64, tv_nsec: 0 };
        let mut ends = [PollFd::new(&process, PollFlags::IN)];
        let count = poll(&mut ends, Some(&timeout)).expect("poll");
        assert_eq!(count, 1, "the node does not end");
        let status = self.child.wait().expect("it has ended");
        self.exited = Some(status);
        status
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let status = match self.exited {
            Some(status) => Some(status),
            None => {
                let before = self.child.try_wait().ok().flatten();
                let _ = self.child.kill();
                let _ = self.child.wait();
                before
            }
        };
        let crashed = status.is_some_and(|status| !matches!(status.code(), Some(0 | 1)));
        if std::thread::panicking() || crashed {
            let log = |output: &Output| output.state.lock().unwrap().0.join("\n");
            println!("the node printed:\n{}\n{}", log(&self.stdout), log(&self.stderr));
        }
        let ended = status.map(|status| (status.code(), status.signal()));
        assert!(!crashed || std::thread::panicking(), "the node has crashed: {ended:?}");
    }
}

/// The binary under test.
pub(crate) fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_velodrome"))
}

/// The binary, started by a shell that first does `prepare`, such as `ulimit -n 40`.
pub(crate) fn binary_after(prepare: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    let script = format!("{prepare} && exec \"$0\" \"$@\"");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_velodrome")]);
    shell
}

/// The same, without a capability that root has and that would undo it, such as `sys_resource`.
pub(crate) fn binary_without(capability: &str, prepare: &str) -> Command {
    let shell = binary_after(prepare);
    if !rustix::process::geteuid().is_root() {
        return shell;
    }
    let mut command = Command::new("setpriv");
    command.arg(format!("--bounding-set=-{capability}"));
    command.arg(shell.get_program()).args(shell.get_args());
    command
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound socket").port()
}

/// Connects with deadlines on everything.
pub(crate) fn connect(url: &str) -> Connection {
    let client = redis::Client::open(url).expect("a URL");
    let connection = client.get_connection_with_timeout(DEADLINE);
    let connection = connection.unwrap_or_else(|error| panic!("{url}: {error}"));
    connection.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    connection.set_write_timeout(Some(DEADLINE)).expect("a timeout");
    connection
}

/// Tries again until `done`; every attempt waits for an answer of the node.
pub(crate) fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !done() {
        assert!(Instant::now() < until, "not in time: {what}");
    }
}

/// Sends words separated by blanks and gives the reply as text.
pub(crate) fn say(connection: &mut Connection, words: &str) -> String {
    // Not `query`: it makes one error of a list that holds one.
    match connection.req_command(&command(words)) {
        Ok(value) => text_of(&value),
        Err(error) => match (error.code(), error.detail()) {
            (Some(code), detail) => format!("-{code} {}", detail.unwrap_or_default()),
            (None, _) => format!("broken: {error}"),
        },
    }
}

fn command(words: &str) -> redis::Cmd {
    let mut words = words.split_whitespace();
    let mut command = redis::cmd(words.next().expect("a command"));
    words.for_each(|word| {
        command.arg(word);
    });
    command
}

/// A reply as text: `+OK`, `:1`, `nil`, `"bytes"`, `[1 2]`, `{k v}`, `-ERR …`.
pub(crate) fn text_of(value: &Value) -> String {
    let all = |values: &[Value]| values.iter().map(text_of).collect::<Vec<_>>().join(" ");
    match value {
        Value::Nil => "nil".into(),
        Value::Int(number) => format!(":{number}"),
        Value::BulkString(bytes) => format!("\"{}\"", bytes.escape_ascii()),
        Value::VerbatimString { text, .. } => format!("\"{}\"", text.as_bytes().escape_ascii()),
        Value::Okay => "+OK".into(),
        Value::SimpleString(text) => format!("+{text}"),
        Value::Array(values) => format!("[{}]", all(values)),
        Value::Set(values) => format!("<{}>", all(values)),
        Value::Map(pairs) => {
            let pair =
                |(key, value): &(Value, Value)| format!("{} {}", text_of(key), text_of(value));
            format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(" "))
        }
        Value::Boolean(flag) => format!("#{flag}"),
        Value::Double(number) => format!(",{number}"),
        Value::ServerError(error) => {
            format!("-{} {}", error.code(), error.details().unwrap_or_default())
        }
        other => format!("{other:?}"),
    }
}

/// INFO's fields; `sections` may be empty.
pub(crate) fn info(connection: &mut Connection, sections: &str) -> HashMap<String, String> {
    let text: String = command(&format!("INFO {sections}")).query(connection).expect("INFO");
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// One number of INFO.
pub(crate) fn info_number(connection: &mut Connection, field: &str) -> u64 {
    let fields = info(connection, "everything");
    let value = fields.get(field).unwrap_or_else(|| panic!("INFO has no {field}: {fields:?}"));
    value.parse().unwrap_or_else(|_| panic!("{field} is no number: {value}"))
}
