//! The calling thread: pinning, priority, CPU time.
//!
//! Owns nothing; each function is one system call on the thread that makes it. Invariant: no other
//! thread is touched, though threads started later inherit. Cost: about a microsecond.

use std::io;

use rustix::process::setpriority_process;
use rustix::thread::{CpuSet as Mask, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use crate::limits::CPUS_MAX;

/// How much nicer than a shard the node's other threads are where they share its CPU: about
/// a tenth of a shard's weight.
const NICE: i32 = 10;

const _: () = assert!(CPUS_MAX == Mask::MAX_CPU, "every CPU of a set fits a mask");

/// Runs the calling thread on `cpu` alone. Errors: `InvalidInput` when there is no such CPU, or the
/// process may not use it.
pub fn pin_current_thread(cpu: usize) -> io::Result<()> {
    if cpu >= CPUS_MAX {
        let text = format!("cannot pin to CPU {cpu}: a CPU's number is below {CPUS_MAX}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let mut mask = Mask::new();
    mask.set(cpu);
    sched_setaffinity(None, &mask).map_err(|errno| {
        let error = io::Error::from(errno);
        io::Error::new(error.kind(), format!("cannot pin to CPU {cpu}: {error}"))
    })
}

/// Lets the calling thread yield to the shard whose CPU it shares. Linux keeps this per thread.
/// Errors: the kernel's; lowering needs no privilege.
pub fn lower_priority() -> io::Result<()> {
    Ok(setpriority_process(None, NICE)?)
}

/// CPU time the calling thread has used, in nanoseconds.
#[must_use]
pub fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::thread;

    use rustix::process::getpriority_process;
    use rustix::thread::{sched_getaffinity, sched_getcpu};

    use super::*;

    #[test]
    fn pins_the_calling_thread_alone() {
        let allowed = sched_getaffinity(None).expect("a mask");
        let cpus: Vec<usize> = (0..CPUS_MAX).filter(|&cpu| allowed.is_set(cpu)).collect();
        thread::spawn(move || {
            for cpu in cpus {
                pin_current_thread(cpu).expect("an allowed CPU");
                assert_eq!(sched_getcpu(), cpu);
            }
        })
        .join()
        .expect("no panic");
        assert_eq!(sched_getaffinity(None).expect("a mask"), allowed);
    }

    #[test]
    fn refuses_a_cpu_that_is_not_there() {
        for cpu in [CPUS_MAX - 1, CPUS_MAX, usize::MAX] {
            let error = pin_current_thread(cpu).expect_err("no host has it");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().contains(&format!("CPU {cpu}")), "{error}");
        }
    }

    #[test]
    fn lowers_the_calling_thread_alone() {
        let before = getpriority_process(None).expect("a priority");
        let lowered = || {
            lower_priority().expect("no privilege is needed");
            getpriority_process(None).expect("a priority")
        };
        assert_eq!(thread::spawn(lowered).join().expect("no panic"), NICE);
        assert_eq!(getpriority_process(None).expect("a priority"), before);
    }

    #[test]
    fn cpu_time_counts_work() {
        let start = thread_cpu_ns();
        let mut rounds = 0u64;
        while thread_cpu_ns() < start + 2_000_000 {
            rounds = black_box(rounds + 1);
            assert!(rounds < 1_000_000_000, "CPU time stands still");
        }
    }
}
