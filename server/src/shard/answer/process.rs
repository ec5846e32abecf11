//! What the kernel says about this process: memory and processor time.
//!
//! Cost: three small files of /proc, read when INFO asks; a figure that cannot be read is 0.

/// Ticks of processor time in a second, as /proc counts them on Linux.
const TICKS_PER_S: f64 = 100.0;

/// Figures of the process.
#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    /// Resident bytes now, and the most there ever were.
    pub(super) resident_bytes: u64,
    pub(super) resident_bytes_peak: u64,
    /// Seconds of processor time, of all threads, in the kernel and outside.
    pub(super) system_s: f64,
    pub(super) user_s: f64,
    /// Name and release of the kernel.
    pub(super) system: String,
}

impl Process {
    /// Reads them.
    pub(super) fn read() -> Self {
        let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let status = file("/proc/self/status");
        let (user_s, system_s) = processor_s(&file("/proc/self/stat"));
        let release = file("/proc/sys/kernel/osrelease");
        Self {
            resident_bytes: kibibytes(&status, "VmRSS:") << 10,
            resident_bytes_peak: kibibytes(&status, "VmHWM:") << 10,
            system_s,
            user_s,
            system: format!("Linux {} {}", release.trim_end(), std::env::consts::ARCH),
        }
    }
}

/// The number in a line such as `VmRSS:      1234 kB`.
fn kibibytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Fields 14 and 15 of a stat line, whose second field may hold blanks and parentheses.
fn processor_s(stat: &str) -> (f64, f64) {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_name.split_whitespace().skip(11);
    let mut next = || fields.next().and_then(|field| field.parse().ok()).unwrap_or(0.0);
    let user: f64 = next();
    let system: f64 = next();
    (user / TICKS_PER_S, system / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc_are_read() {
        assert_eq!(kibibytes("VmHWM:\t  20 kB\nVmRSS:\t  1234 kB\n", "VmRSS:"), 1234);
        assert_eq!(kibibytes("", "VmRSS:"), 0);
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(processor_s(stat), (2.5, 0.5));
        assert_eq!(processor_s("nonsense"), (0.0, 0.0));
        assert!(Process::read().resident_bytes > 0);
    }
}
