//! A server started for the run, pinned, and stopped by its process id.
//!
//! Owns the child process, its folder and its output. Invariant: a server listens on loopback only,
//! keeps nothing, and ends when its value is dropped; only SIGKILL to this program can leave it
//! behind. Cost: the server's own start.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use tempfile::TempDir;

use crate::affinity::Pinned;
use crate::failure::Failure;
use crate::limits::{MEMCACHED_MEMORY_MIB, OUTPUT_TAIL_LEN_MAX, START_WAIT_MAX, STOP_WAIT_MAX};
use crate::protocol::Protocol;

/// Pause between two looks at a server that is starting or ending.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Which server a program is: what flags it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Velodrome: one shard on each of its cores.
    Velodrome,
    /// The same, spoken to by memcached's protocol.
    VelodromeText,
    /// Redis or Valkey with persistence off.
    Redis,
    /// memcached with one thread.
    Memcached,
    /// Dragonfly with one thread and persistence off.
    Dragonfly,
    /// This program's echo server: the floor.
    Echo,
}

impl Kind {
    /// How the server is spoken to.
    pub fn protocol(self) -> Protocol {
        match self {
            Kind::Velodrome | Kind::Redis | Kind::Dragonfly => Protocol::Resp,
            Kind::VelodromeText | Kind::Memcached => Protocol::MemcachedText,
            Kind::Echo => Protocol::Echo,
        }
    }
}

/// Whether a program is there and can say its version.
pub fn is_installed(program: &Path) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What to start.
#[derive(Clone, Debug)]
pub struct ServerSpec {
    /// The name in the report.
    pub name: String,
    /// Which flags the program understands.
    pub kind: Kind,
    /// The program: a path or a name found in `PATH`.
    pub program: PathBuf,
    /// Flags after the run's own.
    pub extra_args: Vec<String>,
    /// Shards, a core each; other servers than Velodrome have one.
    pub shards: usize,
}

impl ServerSpec {
    fn args(&self, address: SocketAddr, cores: &[usize]) -> Vec<String> {
        let (ip, port) = (address.ip(), address.port());
        let list: Vec<String> = cores.iter().map(usize::to_string).collect();
        let (shards, list) = (cores.len(), list.join(","));
        let shard = format!("--shards {shards} --cores {list} --bind {ip} --http-port 0");
        let own = match self.kind {
            Kind::Velodrome => format!("{shard} --resp-port {port} --memcached-port 0"),
            Kind::VelodromeText => format!("{shard} --resp-port 0 --memcached-port {port}"),
            Kind::Redis => format!("--bind {ip} --port {port} --appendonly no --save"),
            Kind::Memcached => {
                format!("-l {ip} -p {port} -U 0 -t 1 -m {MEMCACHED_MEMORY_MIB} -c 20000 -u root")
            }
            Kind::Echo => format!("echo --bind {ip} --port {port}"),
            Kind::Dragonfly => {
                format!("--bind {ip} --port {port} --proactor_threads 1 --dbfilename=")
            }
        };
        let mut args: Vec<String> = own.split_ascii_whitespace().map(str::to_owned).collect();
        if self.kind == Kind::Redis {
            args.push(String::new());
        }
        args.extend(self.extra_args.iter().cloned());
        args
    }
}

/// A running server. Dropping it ends the process.
pub struct ServerProcess {
    name: String,
    kind: Kind,
    address: SocketAddr,
    child: Child,
    // Holds the working folder and the output until the server has ended.
    folder: TempDir,
}

impl ServerProcess {
    /// Starts `spec` on a free port of `ip`, on `cores` only, and waits until it answers.
    pub fn start(spec: &ServerSpec, ip: IpAddr, cores: &[usize]) -> Result<ServerProcess, Failure> {
        if !ip.is_loopback() {
            return Err(Failure::NotLoopback(ip));
        }
        let address = free_address(ip)?;
        let folder = TempDir::with_prefix("velodrome-bench-")
            .map_err(Failure::system("cannot make a temporary folder"))?;
        let output = File::create(folder.path().join("output"))
            .map_err(Failure::system("cannot write to the temporary folder"))?;
        let errors =
            output.try_clone().map_err(Failure::system("cannot write to the temporary folder"))?;
        // The child runs in its own folder, so a relative path must be resolved from here.
        let program = fs::canonicalize(&spec.program)
            .ok()
            .filter(|_| spec.program.components().count() > 1)
            .unwrap_or_else(|| spec.program.clone());
        let pinned = Pinned::to(cores)?;
        let child = Command::new(&program)
            .args(spec.args(address, cores))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|source| Failure::ProgramMissing {
                program: spec.program.display().to_string(),
                source,
                hint: "build or install it, or name it with its flag, such as --redis PATH",
            })?;
        drop(pinned);
        let mut server =
            ServerProcess { name: spec.name.clone(), kind: spec.kind, address, child, folder };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// The server's name in the report.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it is spoken to.
    pub fn protocol(&self) -> Protocol {
        self.kind.protocol()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + START_WAIT_MAX;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.not_started(format!("it ended with {status}")));
            }
            match ping(self.address, self.kind.protocol()) {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() >= deadline => {
                    let waited_s = START_WAIT_MAX.as_secs();
                    return Err(self.not_started(format!("no answer in {waited_s} s ({error})")));
                }
                Err(_) => thread::sleep(LOOK_EVERY),
            }
        }
    }

    fn not_started(&self, reason: String) -> Failure {
        let bytes = fs::read(self.folder.path().join("output")).unwrap_or_default();
        let tail = &bytes[bytes.len().saturating_sub(OUTPUT_TAIL_LEN_MAX)..];
        let output = String::from_utf8_lossy(tail).into_owned();
        Failure::NotStarted { server: self.name.clone(), reason, output }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + STOP_WAIT_MAX;
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago: the kernel hands it out and it is closed again at once.
fn free_address(ip: IpAddr) -> Result<SocketAddr, Failure> {
    TcpListener::bind((ip, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(Failure::system(format!("cannot find a free port on {ip}")))
}

fn ping(address: SocketAddr, protocol: Protocol) -> io::Result<()> {
    let (request, expected): (&[u8], &[u8]) = match protocol {
        Protocol::Resp => (b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
        Protocol::Echo => (b"PING!\r\n", b"PING!\r\n"),
        Protocol::MemcachedText | Protocol::MemcachedMeta | Protocol::MemcachedBinary => {
            (b"version\r\n", b"VERSION")
        }
    };
    let mut stream = TcpStream::connect_timeout(&address, START_WAIT_MAX)?;
    stream.set_read_timeout(Some(START_WAIT_MAX))?;
    stream.write_all(request)?;
    let mut reply = [0; 7];
    stream.read_exact(&mut reply)?;
    if reply[..] == *expected {
        return Ok(());
    }
    Err(io::Error::other(format!("answered {}", reply.escape_ascii())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn spec(kind: Kind, program: &str) -> ServerSpec {
        let extra_args = vec!["--one".to_owned(), "two three".to_owned()];
        ServerSpec { name: "it".to_owned(), kind, program: program.into(), extra_args, shards: 1 }
    }

    #[test]
    fn each_kind_gets_its_flags_and_the_extra_ones_last() {
        let address = SocketAddr::new(LOOPBACK, 7001);
        let velodrome = spec(Kind::Velodrome, "velodrome").args(address, &[3]);
        assert_eq!(velodrome[..4], ["--shards", "1", "--cores", "3"]);
        assert!(velodrome.windows(2).any(|pair| pair == ["--resp-port", "7001"]));
        assert_eq!(velodrome[velodrome.len() - 2..], ["--one", "two three"]);
        let redis = spec(Kind::Redis, "redis-server").args(address, &[3]);
        assert!(redis.windows(2).any(|pair| pair == ["--save", ""]));
        let memcached = spec(Kind::Memcached, "memcached").args(address, &[3]);
        assert!(memcached.windows(2).any(|pair| pair == ["-p", "7001"]));
        let text = spec(Kind::VelodromeText, "velodrome").args(address, &[3]);
        assert!(text.windows(2).any(|pair| pair == ["--memcached-port", "7001"]));
    }

    #[test]
    fn other_addresses_are_refused_before_anything_is_started() {
        let outside = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let refused = ServerProcess::start(&spec(Kind::Redis, "/nonexistent"), outside, &[0]);
        assert!(matches!(refused, Err(Failure::NotLoopback(_))));
    }

    #[test]
    fn a_missing_program_and_one_that_ends_are_clear_failures() {
        let core = (0..1024).find(|&core| Pinned::to(&[core]).is_ok()).unwrap();
        let missing = ServerProcess::start(&spec(Kind::Redis, "/nonexistent/x"), LOOPBACK, &[core]);
        let text = missing.err().unwrap().to_string();
        assert!(text.contains("/nonexistent/x") && text.contains("--redis"), "{text}");
        let ended = ServerProcess::start(&spec(Kind::Redis, "false"), LOOPBACK, &[core]);
        let text = ended.err().unwrap().to_string();
        assert!(text.contains("it did not start: it ended with exit status: 1"), "{text}");
    }
}
