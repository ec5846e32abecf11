//! A server that sends back what it gets: the floor under every cache on this event loop.
//!
//! Owns nothing but its connections. Invariant: bytes come back in order, and a peer that does not
//! read is not read from. Cost: the event loop's and one copy.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use velodrome_net::{ConnId, Driver, DriverChoice, DriverConfig, Event, Wait, mono_ns};

use crate::failure::Failure;
use crate::limits::ECHO_UNSENT_BYTES_MAX;

/// How long the loop sleeps at most before it looks at the flag to stop.
const LOOK_EVERY_NS: u64 = 100_000_000;

/// Serves `socket`, which listens, until `stop` is set.
///
/// # Errors
/// When the event loop cannot be made or fails.
pub fn serve(socket: OwnedFd, choice: DriverChoice, stop: &AtomicBool) -> Result<(), Failure> {
    let config = DriverConfig { choice, ..DriverConfig::default() };
    let driver = Driver::new(config).map_err(|error| Failure::Option(error.to_string()));
    let mut driver = driver?;
    let failed = || Failure::system("the echo server's event loop failed");
    driver.listen(socket, 0).map_err(failed())?;
    while !stop.load(Ordering::Relaxed) {
        let until_ns = mono_ns() + LOOK_EVERY_NS;
        driver.poll(Wait::Until(Some(until_ns))).map_err(failed())?;
        while let Some(event) = driver.next_event() {
            answer(&mut driver, event);
        }
    }
    Ok(())
}

fn answer(driver: &mut Driver, event: Event) {
    match event {
        Event::Accepted { socket, .. } => {
            // One connection too many is closed; the others go on.
            let _: io::Result<ConnId> = driver.adopt(socket);
        }
        Event::Received { conn, bytes } => {
            if let Some(output) = driver.output(conn) {
                output.extend_from_slice(&bytes);
            }
            if driver.unsent_bytes(conn) > ECHO_UNSENT_BYTES_MAX {
                driver.pause(conn);
                driver.notify_when_sent(conn);
            }
        }
        Event::Sent { conn } => driver.resume(conn),
        Event::PeerClosed { conn, .. } => driver.close(conn),
        _ => {}
    }
}
