//! Which cores a child may run on.
//!
//! Owns the calling thread's affinity mask while a child is spawned: children inherit it, all their
//! threads included, with no window in which they run elsewhere. Invariant: the mask is what it was
//! before once the guard is dropped. Cost: two system calls a spawn.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::failure::Failure;

/// Keeps the calling thread on some cores until it is dropped.
pub struct Pinned {
    before: CpuSet,
}

impl Pinned {
    /// Pins the calling thread to `cores`.
    ///
    /// # Errors
    /// When one of them is not this process's to use.
    pub fn to(cores: &[usize]) -> Result<Pinned, Failure> {
        let refused = |error: rustix::io::Errno| {
            Failure::system(format!("cannot pin to cores {cores:?}"))(io::Error::from(error))
        };
        let before = sched_getaffinity(None).map_err(refused)?;
        let mut only = CpuSet::new();
        for &core in cores {
            if core >= CpuSet::MAX_CPU || !before.is_set(core) {
                return Err(Failure::Option(format!(
                    "core {core} is not among the {} cores this process may use; choose others",
                    before.count()
                )));
            }
            only.set(core);
        }
        sched_setaffinity(None, &only).map_err(refused)?;
        Ok(Pinned { before })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // The mask was in force before, so it is valid; a core unplugged since is the only refusal.
        let _ = sched_setaffinity(None, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_child_inherits_the_core_and_the_parent_gets_its_mask_back() {
        let before = sched_getaffinity(None).unwrap();
        let core = (0..CpuSet::MAX_CPU).rev().find(|&core| before.is_set(core)).unwrap();
        let pinned = Pinned::to(&[core]).unwrap();
        let output =
            Command::new("grep").args(["Cpus_allowed_list", "/proc/self/status"]).output().unwrap();
        drop(pinned);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.split_ascii_whitespace().last(), Some(core.to_string().as_str()));
        assert_eq!(sched_getaffinity(None).unwrap(), before);
    }

    #[test]
    fn a_core_outside_the_mask_is_refused() {
        assert!(matches!(Pinned::to(&[CpuSet::MAX_CPU - 1]), Err(Failure::Option(_))));
    }
}
