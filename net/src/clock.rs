//! The monotonic clock, the only one the drivers read: timers and waits are measured on it.
//!
//! Cost: one vDSO call.

/// Nanoseconds since an arbitrary start, never going back; comparable across threads of one host.
pub fn mono_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Processor time that this thread has taken, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
