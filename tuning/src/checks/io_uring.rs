//! The kernel's release and whether io_uring may be used.
//!
//! Owns what stands between a shard and its ring: age, the switch, filters of system calls.
//! Cost: two small files.

use super::Check;
use super::sight::{IoUring, Sight};
use crate::finding::Look;

const AREA: &str = "Kernel";
const SWITCH_PATH: &str = "proc/sys/kernel/io_uring_disabled";

/// The oldest release whose io_uring has what a shard's ring is set up with.
const RELEASE_MIN: (u32, u32) = (6, 1);
/// From here on receive blocks are filled piece by piece and a wait can be batched.
const RELEASE_WANTED: (u32, u32) = (6, 12);
/// From here on there is a switch.
const RELEASE_OF_SWITCH: (u32, u32) = (6, 6);

pub(super) const RELEASE: Check = Check {
    name: "kernel release",
    area: AREA,
    wanted: "6.12 or newer",
    why: "6.1 runs completions only when a shard asks for them, without which every request costs \
          about twice; 6.12 fills receive blocks piece by piece and batches waits",
    look: release,
};

pub(super) const SWITCH: Check = Check {
    name: "io_uring switch",
    area: AREA,
    wanted: "0: open to all",
    why: "closed, a node falls back to epoll; opening it is a decision about the host's security, \
          so apply leaves it alone",
    look: switch,
};

pub(super) const PROBE: Check = Check {
    name: "io_uring",
    area: AREA,
    wanted: "works",
    why: "one ring a shard carries sockets, log and wake-ups in one system call a turn; without it \
          a node falls back to epoll",
    look: probe,
};

pub(super) const SECCOMP: Check = Check {
    name: "seccomp",
    area: AREA,
    wanted: "none, or one that allows io_uring",
    why: "container runtimes' default filters refuse io_uring_setup, io_uring_enter and \
          io_uring_register; a profile of your own can allow these three",
    look: seccomp,
};

fn release(sight: &Sight) -> Look {
    let kernel = &sight.host.kernel;
    let (Some(version), Some(release)) = (kernel.version, kernel.release.clone()) else {
        return Look::unknown();
    };
    let look = match version {
        version if version < RELEASE_MIN => Look::important(release),
        version if version < RELEASE_WANTED => Look::advice(release),
        _ => Look::good(release),
    };
    look.fix("install Linux 6.12 or newer and reboot")
}

fn switch(sight: &Sight) -> Look {
    let setting = sight.setting(SWITCH_PATH, "0");
    let look = match sight.host.kernel.io_uring_disabled {
        None if sight.host.kernel.version.is_some_and(|version| version < RELEASE_OF_SWITCH) => {
            return Look::good("none in this kernel");
        }
        None => return Look::unknown(),
        Some(0) => Look::good("0: open to all"),
        Some(1) if sight.io_uring == IoUring::Works => Look::advice("1: to the privileged only"),
        Some(1) => Look::important("1: to the privileged only"),
        Some(other) => Look::important(format!("{other}: closed")),
    };
    look.setting(setting)
}

fn probe(sight: &Sight) -> Look {
    match &sight.io_uring {
        IoUring::Works => Look::good("works"),
        // The reason says what to allow after a colon; here that has its own rows.
        IoUring::Refused(reason) => {
            Look::important(reason.split(':').next().unwrap_or(reason).to_owned())
                .fix("see the rows of release, switch, seccomp and memlock")
        }
        IoUring::NotTried => Look::unknown().wanted("works"),
    }
}

fn seccomp(sight: &Sight) -> Look {
    let fix = "docker run --security-opt seccomp=PROFILE.json IMAGE";
    match (sight.status("Seccomp"), &sight.io_uring) {
        (None, _) => Look::unknown(),
        (Some(0), _) => Look::good("none"),
        (Some(2), IoUring::Works) => Look::good("a filter that lets io_uring pass"),
        (Some(2), IoUring::NotTried) => Look::advice("a filter").fix(fix),
        (Some(2), IoUring::Refused(_)) => Look::important("a filter").fix(fix),
        (Some(mode), _) => Look::important(format!("mode {mode}")).fix(fix),
    }
}
