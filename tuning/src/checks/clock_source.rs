//! Where the kernel takes the time from.
//!
//! Owns which sources can be read without a system call. Cost: two small files.

use super::Check;
use super::sight::Sight;
use crate::finding::Look;

const FOLDER: &str = "sys/devices/system/clocksource/clocksource0";

/// Sources that are read in user space.
const QUICK: [&str; 4] = ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"];

pub(super) const CLOCK_SOURCE: Check = Check {
    name: "clock source",
    area: "CPU",
    wanted: "tsc, or the like",
    why: "every turn reads the clock; from a slow source that is a system call and a device's \
          register. The kernel drops tsc where it ran unevenly: look at its log before forcing it",
    look: clock_source,
};

fn clock_source(sight: &Sight) -> Look {
    let Some(current) = sight.tree.read(&format!("{FOLDER}/current_clocksource")) else {
        return Look::unknown();
    };
    if QUICK.contains(&current.as_str()) {
        return Look::good(current);
    }
    let available = sight.tree.read(&format!("{FOLDER}/available_clocksource"));
    let available = available.unwrap_or_default();
    let quick = available.split_ascii_whitespace().find(|name| QUICK.contains(name));
    match quick {
        Some(name) => {
            let setting = sight.setting(&format!("{FOLDER}/current_clocksource"), name);
            Look::important(current).setting(setting)
        }
        None => Look::advice(format!("{current}, and no better one"))
            .fix("dmesg | grep -i -e tsc -e clocksource"),
    }
}
