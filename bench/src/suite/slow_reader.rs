//! A client that asks for much and reads little, beside the load.
//!
//! Owns one thread and its connection. Invariant: dropping it ends both. Cost: a few reads a
//! second.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::failure::Failure;
use crate::limits::SLOW_READ_LEN_MAX;
use crate::workload::KeySpace;

/// Requests it sends at once: far more than it will read.
const REQUESTS: u64 = 200;
/// Pause between two reads.
const PAUSE: Duration = Duration::from_millis(20);

/// The client.
pub(super) struct SlowReader {
    stop: Arc<AtomicBool>,
    stream: TcpStream,
    thread: Option<JoinHandle<()>>,
}

impl SlowReader {
    /// Connects and begins.
    pub(super) fn start(server: SocketAddr, key_len: usize) -> Result<SlowReader, Failure> {
        let refused = || Failure::system("the slow reader cannot connect");
        let stream = TcpStream::connect(server).map_err(refused())?;
        let mut own = stream.try_clone().map_err(refused())?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let keys = KeySpace::numbered("key:", key_len, REQUESTS);
            let (mut requests, mut key) = (Vec::new(), Vec::new());
            for number in 0..REQUESTS {
                keys.write(number, &mut key);
                velodrome_net::resp::encode_command(&mut requests, &[b"GET", &key]);
            }
            let mut some = vec![0; SLOW_READ_LEN_MAX];
            // A server that closes the connection has defended itself: that is its right.
            let mut going = own.write_all(&requests).is_ok();
            while going && !stopped.load(Ordering::Relaxed) {
                going = own.read(&mut some).is_ok_and(|count| count > 0);
                std::thread::sleep(PAUSE);
            }
        });
        Ok(SlowReader { stop, stream, thread: Some(thread) })
    }
}

impl Drop for SlowReader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
