//! Processor time of all threads of a process.
//!
//! Owns reading `/proc/PID/task/*/schedstat`, whose first field is the nanoseconds a thread has run
//! in user and kernel mode together. Invariant: every live thread counts, kernel-made io_uring
//! workers of the process included; what a thread ran that ended between two readings is lost, so
//! servers whose threads come and go need another source. Cost: one small file a thread.

use std::fs;
use std::io;
use std::path::Path;

use crate::failure::Failure;

/// Nanoseconds all live threads of `pid` have run so far.
pub fn process_cpu_ns(pid: u32) -> Result<u64, Failure> {
    let path = format!("/proc/{pid}/task");
    threads_cpu_ns(Path::new(&path)).map_err(Failure::system(format!("cannot read {path}")))
}

fn threads_cpu_ns(tasks: &Path) -> io::Result<u64> {
    let mut total_ns = 0;
    for task in fs::read_dir(tasks)? {
        match fs::read_to_string(task?.path().join("schedstat")) {
            Ok(text) => total_ns += parse_schedstat(&text)?,
            // The thread ended after the folder was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total_ns)
}

fn parse_schedstat(text: &str) -> io::Result<u64> {
    let first = text.split_ascii_whitespace().next();
    first.and_then(|field| field.parse().ok()).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, format!("not a schedstat line: {text:?}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_field_counts() {
        assert_eq!(parse_schedstat("1234567 89 10\n").unwrap(), 1_234_567);
        assert!(parse_schedstat("").is_err());
        assert!(parse_schedstat("running 1 2").is_err());
    }

    #[test]
    fn own_time_grows_with_work_of_any_thread() {
        let before_ns = process_cpu_ns(std::process::id()).unwrap();
        let worker = std::thread::spawn(|| {
            let mut sum = 0u64;
            for number in 0..20_000_000u64 {
                sum = std::hint::black_box(sum ^ number.wrapping_mul(sum | 1));
            }
            // Read before the thread ends, since its time would be lost after.
            (sum, process_cpu_ns(std::process::id()).unwrap())
        });
        let (_, during_ns) = worker.join().unwrap();
        assert!(during_ns > before_ns + 1_000_000, "{before_ns} to {during_ns}");
    }

    #[test]
    fn a_missing_process_is_a_clear_failure() {
        let failure = process_cpu_ns(u32::MAX).unwrap_err();
        assert!(failure.to_string().contains("/proc/4294967295/task"), "{failure}");
    }
}
