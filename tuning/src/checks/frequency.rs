//! How fast the CPUs run.
//!
//! Owns the governors of the CPUs the process may use. Cost: one small file a CPU.

use super::Check;
use super::sight::Sight;
use crate::finding::Look;

const WANTED: &str = "performance";

pub(super) const GOVERNOR: Check = Check {
    name: "governor",
    area: "CPU",
    wanted: WANTED,
    why: "a shard that sleeps between requests wakes on a slow CPU and is done before it speeds \
          up; the price is power",
    look: governor,
};

fn governor(sight: &Sight) -> Look {
    let path = |cpu| format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor");
    let settings = sight.host.allowed();
    let settings = settings.iter().map(|cpu| sight.setting(&path(cpu), WANTED));
    let settings: Vec<_> = settings.filter(|setting| setting.found.is_some()).collect();
    let off: Vec<_> = settings.iter().filter(|setting| setting.is_off()).collect();
    let Some(first) = off.first() else {
        let found = if settings.is_empty() { "none: not the system's to set" } else { WANTED };
        return settings.into_iter().fold(Look::good(found), Look::setting);
    };
    let name = first.found.as_deref().unwrap_or_default();
    let found = format!("{name} on {} of {} CPUs", off.len(), settings.len());
    let look = Look::advice(found).fix(
        "echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor >/dev/null",
    );
    settings.into_iter().fold(look, Look::setting)
}
