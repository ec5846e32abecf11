//! The kernel's version and settings, and the process's resource limits.
//!
//! Owns what a node's start looks at before it chooses a driver, a backlog and its buffers.
//! Invariant: read, never written. Cost: seven small files.

use crate::tree::Tree;

/// Bytes or descriptors without a bound.
const UNLIMITED: u64 = u64::MAX;

/// A soft and a hard limit of the process; `u64::MAX` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// In force now.
    pub soft: u64,
    /// How far the process may raise it itself.
    pub hard: u64,
}

/// When the kernel backs memory with huge pages of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HugePages {
    /// Everywhere.
    Always,
    /// Where asked.
    Madvise,
    /// Nowhere.
    Never,
}

/// What the kernel tells of itself; `None` is what it does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// As `uname -r` shows it.
    pub release: Option<String>,
    /// The first two numbers of the release.
    pub version: Option<(u32, u32)>,
    /// 0: io_uring is open to all; 1: to privileged processes and a group; 2: to none.
    pub io_uring_disabled: Option<u64>,
    /// The longest backlog of a listening socket.
    pub somaxconn: Option<u64>,
    /// 0: overcommit by judgement, 1: always, 2: never.
    pub overcommit_memory: Option<u64>,
    /// Transparent huge pages.
    pub huge_pages: Option<HugePages>,
    /// Bytes the process may lock in memory; older kernels charge io_uring's rings to it.
    pub memlock_bytes: Option<Limit>,
    /// Descriptors the process may hold.
    pub nofile: Option<Limit>,
}

impl Kernel {
    pub(crate) fn read(tree: &Tree) -> Kernel {
        let release = tree.read("proc/sys/kernel/osrelease");
        let limits = tree.read("proc/self/limits").unwrap_or_default();
        Kernel {
            version: release.as_deref().and_then(version),
            release,
            io_uring_disabled: tree.number("proc/sys/kernel/io_uring_disabled"),
            somaxconn: tree.number("proc/sys/net/core/somaxconn"),
            overcommit_memory: tree.number("proc/sys/vm/overcommit_memory"),
            huge_pages: huge_pages(tree),
            memlock_bytes: limit(&limits, "Max locked memory"),
            nofile: limit(&limits, "Max open files"),
        }
    }
}

/// `6.18.44-generic` is (6, 18); `5.15+` is (5, 15).
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The file shows all choices, the one in force in brackets.
fn huge_pages(tree: &Tree) -> Option<HugePages> {
    let choices = tree.read("sys/kernel/mm/transparent_hugepage/enabled")?;
    match choices.split_once('[')?.1.split_once(']')?.0 {
        "always" => Some(HugePages::Always),
        "madvise" => Some(HugePages::Madvise),
        "never" => Some(HugePages::Never),
        _ => None,
    }
}

/// One line of `/proc/self/limits`: the name, the soft limit, the hard limit, the unit.
fn limit(limits: &str, name: &str) -> Option<Limit> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    let mut values = line.split_ascii_whitespace().map(|value| match value {
        "unlimited" => Some(UNLIMITED),
        number => number.parse().ok(),
    });
    Some(Limit { soft: values.next()??, hard: values.next()?? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_shapes() {
        for (release, expected) in [
            ("6.18.44-fc-v657", Some((6, 18))),
            ("5.15", Some((5, 15))),
            ("5.10+", Some((5, 10))),
            ("6", None),
            ("", None),
            ("linux", None),
        ] {
            assert_eq!(version(release), expected, "{release}");
        }
    }

    #[test]
    fn limits_with_and_without_numbers() {
        let text = "Limit      Soft Limit  Hard Limit  Units\n\
                    Max open files   1024   unlimited   files\n\
                    Max locked memory   65536   x   bytes";
        let nofile = Limit { soft: 1024, hard: u64::MAX };
        assert_eq!(limit(text, "Max open files"), Some(nofile));
        assert_eq!(limit(text, "Max locked memory"), None);
        assert_eq!(limit(text, "Max stack size"), None);
    }
}
