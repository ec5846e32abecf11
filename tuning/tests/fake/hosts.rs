//! Hosts of three kinds: a tuned virtual machine, a neglected server, a container.
//!
//! Owns their files. Cost: some hundred small files for the server.

use std::fs;
use std::os::unix::fs::symlink;

use super::Fake;

const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n";

fn limits(nofile: &str, memlock: &str) -> String {
    format!("{LIMITS}Max open files   {nofile}   files\nMax locked memory   {memlock}   bytes\n")
}

/// Settings that leave nothing to wish for.
pub(crate) fn tuned(fake: Fake) -> Fake {
    fake.file("proc/sys/kernel/osrelease", "6.12.9\n")
        .file("proc/sys/kernel/io_uring_disabled", "0\n")
        .file("proc/sys/kernel/numa_balancing", "0\n")
        .file("proc/sys/vm/zone_reclaim_mode", "0\n")
        .file("proc/sys/vm/swappiness", "10\n")
        .file("proc/sys/vm/overcommit_memory", "1\n")
        .file("proc/sys/vm/nr_hugepages", "0\n")
        .file("proc/sys/net/core/somaxconn", "65535\n")
        .file("proc/sys/net/core/busy_poll", "50\n")
        .file("proc/sys/net/core/busy_read", "50\n")
        .file("proc/sys/net/ipv4/tcp_max_syn_backlog", "4096\n")
        .file("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
        .file("proc/swaps", "Filename Type Size Used Priority\n")
        .file("proc/self/status", "Seccomp:\t0\n")
        .file("proc/self/limits", &limits("65536 65536", "unlimited unlimited"))
        .file("sys/devices/system/cpu/isolated", "\n")
        .file("sys/devices/system/cpu/nohz_full", "(null)\n")
        .file("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
        .file("sys/kernel/mm/transparent_hugepage/defrag", "always [defer] madvise never\n")
        .file(&format!("{CLOCK}/current_clocksource"), "kvm-clock\n")
        .file(&format!("{CLOCK}/available_clocksource"), "tsc kvm-clock\n")
}

const CLOCK: &str = "sys/devices/system/clocksource/clocksource0";

/// Two CPUs, one queue, nothing off.
pub(crate) fn small_vm() -> Fake {
    tuned(Fake::machine(2, 1, 1).memory_mib(4096))
        .file("proc/sys/vm/swappiness", "60\n")
        .file("sys/class/net/lo/queues/rx-0/rps_cpus", "0\n")
        .file("sys/class/net/eth0/device/vendor", "x\n")
        .file("sys/class/net/eth0/queues/rx-0/rps_cpus", "0\n")
        .file("sys/class/net/eth0/queues/tx-0/tx_timeout", "0\n")
}

/// 64 CPUs, two threads a core, two nodes, eight queues, and everything as it should not be.
pub(crate) fn neglected_server() -> Fake {
    let mut fake = tuned(Fake::machine(64, 2, 2).memory_mib(256 * 1024))
        .file("proc/sys/kernel/osrelease", "5.10.0-30-amd64\n")
        .file("proc/sys/kernel/random/boot_id", "first\n")
        .file("proc/sys/kernel/numa_balancing", "1\n")
        .file("proc/sys/vm/zone_reclaim_mode", "3\n")
        .file("proc/sys/vm/swappiness", "60\n")
        .file("proc/sys/vm/overcommit_memory", "2\n")
        .file("proc/sys/vm/nr_hugepages", "512\n")
        .file("proc/sys/net/core/somaxconn", "128\n")
        .file("proc/sys/net/core/busy_read", "500\n")
        .file("proc/sys/net/ipv4/tcp_max_syn_backlog", "512\n")
        .file("proc/sys/net/ipv4/ip_local_port_range", "1024\t65535\n")
        .file("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 2097148 0 -2\n")
        .file("proc/self/status", "Seccomp:\t0\nCpus_allowed_list:\t0-63\n")
        .file("proc/self/limits", &limits("1024 4096", "65536 65536"))
        .file("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n")
        .file("sys/kernel/mm/transparent_hugepage/defrag", "[always] defer madvise never\n")
        .file(&format!("{CLOCK}/current_clocksource"), "hpet\n")
        .file(&format!("{CLOCK}/available_clocksource"), "tsc hpet acpi_pm\n")
        .file("sys/class/net/eth0/device/numa_node", "1\n")
        .file("sys/class/net/eth1/operstate", "down\n")
        .file("sys/class/net/eth1/queues/rx-0/rps_cpus", "0\n")
        .file("sys/class/net/eth1/device/numa_node", "1\n");
    for cpu in 0..64 {
        let path = format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor");
        fake = fake.file(&path, if cpu < 60 { "powersave\n" } else { "performance\n" });
    }
    for queue in 0..8 {
        let folder = "sys/class/net/eth0/queues";
        fake = fake
            .file(&format!("{folder}/rx-{queue}/rps_cpus"), "00000000,00000000\n")
            .file(&format!("{folder}/tx-{queue}/xps_cpus"), "00000000,00000000\n")
            .file(&format!("sys/class/net/eth0/device/msi_irqs/{}", 40 + queue), "msix\n")
            .file(&format!("proc/irq/{}/smp_affinity_list", 40 + queue), "0-63\n")
            .file(&format!("proc/irq/{}/effective_affinity_list", 40 + queue), "3\n");
    }
    fake
}

/// Half a CPU, 100 MiB, a filter, and settings that may not be written.
pub(crate) fn container() -> Fake {
    let fake = tuned(Fake::machine(8, 1, 1).memory_mib(16 * 1024))
        .file("proc/self/status", "Seccomp:\t2\n")
        .file("proc/self/cgroup", "0::/\n")
        .file("sys/fs/cgroup/cgroup.controllers", "cpu memory\n")
        .file("sys/fs/cgroup/cpu.max", "50000 100000\n")
        .file("sys/fs/cgroup/memory.max", "104857600\n")
        .file("proc/swaps", "Filename Type Size Used Priority\n/swap file 1024 0 -2\n");
    // Files that even root may read only stand in for what a container may not write.
    let path = fake.root().join("proc/sys/vm/swappiness");
    fs::remove_file(&path).expect("written above");
    symlink("/proc/sys/kernel/ngroups_max", path).expect("a link");
    fake
}
