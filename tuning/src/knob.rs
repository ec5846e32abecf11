//! The kernel's settings that are files: how they are named, read, compared and written.
//!
//! Owns the closed list of files that may ever be written. Invariant: nothing else is, whatever a
//! record of earlier changes says; a write counts only once the kernel shows the value.
//! Cost: one small file a call.

use std::io;

use crate::limits::VALUE_LEN_MAX;
use crate::tree::Tree;

/// What may be written, relative to the root; `*` stands for any letters within one name.
const WRITABLE: [&str; 11] = [
    "proc/sys/kernel/numa_balancing",
    "proc/sys/net/core/somaxconn",
    "proc/sys/net/ipv4/ip_local_port_range",
    "proc/sys/net/ipv4/tcp_max_syn_backlog",
    "proc/sys/vm/swappiness",
    "proc/sys/vm/zone_reclaim_mode",
    "sys/class/net/*/queues/rx-*/rps_cpus",
    "sys/class/net/*/queues/tx-*/xps_cpus",
    "sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
    "sys/kernel/mm/transparent_hugepage/defrag",
    "sys/kernel/mm/transparent_hugepage/enabled",
];

/// Whether the file at `path` is one that may be written.
pub(crate) fn is_writable(path: &str) -> bool {
    let fits = |pattern: &str| {
        let same = path.split('/').count() == pattern.split('/').count();
        same && path.split('/').zip(pattern.split('/')).all(|(name, wanted)| is_like(name, wanted))
    };
    WRITABLE.iter().any(|pattern| fits(pattern))
}

fn is_like(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(stem) => name.starts_with(stem) && name.len() > stem.len() && !name.starts_with('.'),
        None => name == pattern,
    }
}

/// The value of the setting at `path`, in a form that can be compared and written back.
pub(crate) fn read(tree: &Tree, path: &str) -> Option<String> {
    Some(canonical(path, &tree.read(path)?))
}

/// Of a list of choices the one in brackets; single blanks; masks without leading zeros.
fn canonical(path: &str, text: &str) -> String {
    let chosen = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let text = chosen.map_or(text, |(chosen, _)| chosen);
    if path.ends_with("_cpus") {
        let mask = text.trim_start_matches(['0', ',']);
        return if mask.is_empty() { "0".to_owned() } else { mask.to_owned() };
    }
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Sets the file at `path` to `value` and sees that it is so. Errors: a path that may not be
/// written, the kernel's refusal, or a kernel that kept something else.
pub(crate) fn write(tree: &Tree, path: &str, value: &str) -> io::Result<()> {
    if !is_writable(path) {
        return Err(io::Error::other("not a setting that may be changed"));
    }
    if value.len() > VALUE_LEN_MAX || value.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(io::Error::other("not a value of a setting"));
    }
    tree.write(path, value)?;
    match read(tree, path) {
        Some(shown) if shown == canonical(path, value) => Ok(()),
        shown => {
            let shown = shown.unwrap_or_else(|| "nothing".to_owned());
            Err(io::Error::other(format!("the kernel took it and shows {shown}")))
        }
    }
}

/// The setting's name as people know it: a sysctl's, else the file's absolute path.
pub(crate) fn name(path: &str) -> String {
    match path.strip_prefix("proc/sys/") {
        Some(sysctl) => sysctl.replace('/', "."),
        None => format!("/{path}"),
    }
}

/// The command that sets `path` to `value`.
pub(crate) fn command(path: &str, value: &str) -> String {
    match path.strip_prefix("proc/sys/") {
        Some(_) if value.contains(' ') => format!("sysctl -w {}='{value}'", name(path)),
        Some(_) => format!("sysctl -w {}={value}", name(path)),
        None => format!("echo {value} > {}", name(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_files_are_written() {
        for path in [
            "proc/sys/net/core/somaxconn",
            "sys/class/net/eth0/queues/rx-12/rps_cpus",
            "sys/devices/system/cpu/cpu63/cpufreq/scaling_governor",
        ] {
            assert!(is_writable(path), "{path}");
        }
        for path in [
            "etc/shadow",
            "proc/sys/kernel/core_pattern",
            "proc/sys/net/core/../../kernel/core_pattern",
            "sys/class/net/../queues/rx-0/rps_cpus",
            "sys/class/net/eth0/queues/rx-/rps_cpus",
            "sys/class/net/eth0/../queues/rx-0/rps_cpus",
            "/proc/sys/net/core/somaxconn",
            "proc/sys/net/core/somaxconn/",
            "",
        ] {
            assert!(!is_writable(path), "{path}");
        }
    }

    #[test]
    fn values_are_compared_by_meaning() {
        let choice = "sys/kernel/mm/transparent_hugepage/enabled";
        let mask = "sys/class/net/a/queues/rx-0/rps_cpus";
        for (path, shown, expected) in [
            (choice, "always [madvise] never", "madvise"),
            (choice, "madvise", "madvise"),
            (mask, "00000000,00000000", "0"),
            (mask, "00000000,00000100", "100"),
            (mask, "3,00000000", "3,00000000"),
            ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999", "32768 60999"),
        ] {
            assert_eq!(canonical(path, shown), expected);
        }
    }

    #[test]
    fn what_the_kernel_does_not_show_was_not_set() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let path = "proc/sys/vm/swappiness";
        std::fs::create_dir_all(root.path().join("proc/sys/vm")).expect("writable");
        let tree = Tree::new(root.path());
        let missing = write(&tree, path, "1").expect_err("there is no such file");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        // Takes everything and shows nothing.
        std::os::unix::fs::symlink("/dev/null", root.path().join(path)).expect("a link");
        let error = write(&tree, path, "1").expect_err("nothing is shown").to_string();
        assert!(error.starts_with("the kernel took it and shows"), "{error}");
        let error = write(&tree, path, "1\n2").expect_err("two lines").to_string();
        assert!(error.contains("not a value"), "{error}");
    }

    #[test]
    fn commands_can_be_pasted() {
        let command = |path| command(path, "1 2");
        assert_eq!(command("proc/sys/vm/swappiness"), "sysctl -w vm.swappiness='1 2'");
        assert_eq!(command("sys/a/b"), "echo 1 2 > /sys/a/b");
    }
}
