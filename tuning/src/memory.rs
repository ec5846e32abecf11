//! How much memory a node takes unless told.
//!
//! Owns the shares. Invariant: what is taken leaves room for what `max_memory` does not count: the
//! clients' buffers, the kernel's sockets and the page cache of log and snapshot.
//! Cost: none.

use crate::host::Host;

/// Of a machine that others use too.
const MACHINE_PERCENT: u64 = 60;

/// Of a control group that is the node's own.
const CGROUP_PERCENT: u64 = 75;

/// Taken where the host does not tell what it has.
const UNKNOWN_BYTES: u64 = 256 << 20;

/// The default of `max_memory` in bytes: 60 % of the machine or 75 % of the control group's bound,
/// whichever is less, rounded down to 64 MiB (to 1 MiB below 1 GiB); 256 MiB where neither is
/// known.
#[must_use]
pub fn memory_default(host: &Host) -> u64 {
    let machine = host.memory_bytes.map(|bytes| share_of(bytes, MACHINE_PERCENT));
    let cgroup = host.cgroup.memory_bytes_max.map(|bytes| share_of(bytes, CGROUP_PERCENT));
    let share = machine.into_iter().chain(cgroup).min().unwrap_or(UNKNOWN_BYTES);
    let unit = if share < 1 << 30 { 1 << 20 } else { 64 << 20 };
    (share / unit).max(1) * unit
}

fn share_of(bytes: u64, percent: u64) -> u64 {
    (u128::from(bytes) * u128::from(percent) / 100) as u64
}
