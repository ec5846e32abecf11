//! The host: what a node may use of it, and how its threads are laid on its CPUs.
//!
//! Owns what is read from `/sys`, `/proc` and the process's own limits, and the plan made from it;
//! knows nothing of the cache; and what is set badly, how to set it, and how to undo that.
//! Invariant: reading never fails and changes nothing: what the host does not tell is `None`; the
//! plan is a pure function of what was read; only `apply` and `undo` change anything.
//!
//! The modules below stand in reading order, and each imports only from those that follow it.

#![forbid(unsafe_code)]

// What is off, as a table for a person or JSON for a program.
mod report;
// A systemd unit and a sysctl file for hosts like this one.
mod unit;
// What is safe to set, set, with a record of what was there before.
mod apply;
// What was there before, restored.
mod undo;
// The record of what was changed.
mod record;
// Every check of the host.
mod checks;
// What one check says.
mod finding;
// Which CPU each shard and the control thread run on, and why.
mod plan;
// How much memory a node takes unless told.
mod memory;
// Everything known of the host.
mod host;
// CPUs, their SMT siblings and NUMA nodes.
mod topology;
// The control groups' bounds on CPUs and memory.
mod cgroup;
// The kernel's version and settings, and the process's resource limits.
mod kernel;
// Settings that are files, and which of them may be written.
mod knob;
// Files under a root that may be a test's.
mod tree;
// The calling thread: pinning, priority, CPU time.
mod thread;
// The process: descriptors and resident memory.
mod process;
// Sets of CPUs, as the kernel and users write them.
mod cpuset;
// Every bound of this crate.
pub mod limits;

pub use apply::apply;
pub use cgroup::Cgroup;
pub use checks::{IoUring, findings};
pub use cpuset::{CpuSet, CpuSetError};
pub use finding::{Finding, Setting, Verdict};
pub use host::Host;
pub use kernel::{HugePages, Kernel, Limit};
pub use memory::memory_default;
pub use plan::{Plan, PlanError, plan_shards};
pub use process::{raise_nofile, rss_bytes};
pub use record::{Done, Outcome, STATE_PATH};
pub use report::{json, outcomes_json, outcomes_table, table};
pub use thread::{lower_priority, pin_current_thread, thread_cpu_ns};
pub use topology::{Cpu, Topology};
pub use undo::undo;
pub use unit::{sysctl_file, systemd_files};
