//! The process: descriptors and resident memory.
//!
//! Owns nothing; each function is one or two system calls. Invariant: a limit is never lowered.
//! Cost: microseconds; not for the path of a request.

use std::{fs, io};

use rustix::param::page_size;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of descriptors the process may hold to `wanted`, or as far as the host lets
/// it, and returns the number in force. Errors: the kernel's, when it refuses even the process's
/// own hard limit.
pub fn raise_nofile(wanted: u64) -> io::Result<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(current) = current.filter(|&current| current < wanted) else {
        return Ok(current.unwrap_or(u64::MAX));
    };
    let within = maximum.is_none_or(|maximum| wanted <= maximum);
    let hard = if within { maximum } else { Some(wanted) };
    let whole = Rlimit { current: Some(wanted), maximum: hard };
    if setrlimit(Resource::Nofile, whole).is_ok() {
        return Ok(wanted);
    }
    let reachable = maximum.unwrap_or(current).min(wanted).max(current);
    setrlimit(Resource::Nofile, Rlimit { current: Some(reachable), maximum })?;
    Ok(reachable)
}

/// The process's resident memory in bytes. Errors: when `/proc` is not mounted.
pub fn rss_bytes() -> io::Result<u64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let pages = pages.ok_or_else(|| io::Error::other("/proc/self/statm has no second number"))?;
    Ok(pages * page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nofile_is_raised_and_never_lowered() {
        let before = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert_eq!(raise_nofile(1).expect("lowering is no request"), before);
        let wanted = before.saturating_add(1);
        let actual = raise_nofile(wanted).expect("the hard limit is ours");
        println!("{before} descriptors raised to {actual}, wanted {wanted}");
        assert!((before..=wanted).contains(&actual));
        assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), actual);
        let maximum = getrlimit(Resource::Nofile).maximum;
        let lowered = Rlimit { current: Some(actual - 1), maximum };
        setrlimit(Resource::Nofile, lowered).expect("lowering is free");
        assert_eq!(raise_nofile(actual).expect("the hard limit is ours"), actual);
        assert_eq!(getrlimit(Resource::Nofile).current, Some(actual));
    }

    #[test]
    fn resident_memory_grows_with_what_is_touched() {
        let before = rss_bytes().expect("/proc is mounted");
        let touched = vec![1u8; 64 << 20];
        let after = rss_bytes().expect("/proc is mounted");
        println!("{before} bytes resident, {after} with 64 MiB more");
        assert!(after >= before + (48 << 20), "{}", touched.len());
    }
}
