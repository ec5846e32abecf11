//! Reading hosts of all shapes: from files a test wrote, and the one it runs on.
//!
//! Owns what the reader must find, and that it finds nothing where nothing is told.
//! Cost: a second.

mod fake;

use fake::Fake;
use velodrome_tuning::{Cgroup, Cpu, CpuSet, Host, HugePages, Limit, memory_default};

const MIB: u64 = 1 << 20;

#[test]
fn a_virtual_machine_of_two_cores() {
    let host = Fake::machine(2, 1, 1)
        .memory_mib(4096)
        .file("proc/self/status", "Name:\tx\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n")
        .read("");
    assert_eq!(
        host.topology.cpus,
        [Cpu { id: 0, core: 0, node: 0 }, Cpu { id: 1, core: 1, node: 0 }]
    );
    assert_eq!(host.allowed().to_string(), "0-1");
    assert_eq!(host.cgroup, Cgroup::default());
    assert_eq!(host.memory_bytes, Some(4096 * MIB));
    assert_eq!(memory_default(&host), 38 * 64 * MIB);
    assert_eq!(
        host.to_string(),
        "CPUs: 2 (cores: 2, NUMA nodes: 1), memory: 4096 MiB, Linux of unknown release"
    );
}

#[test]
fn a_server_of_64_cpus_two_threads_a_core_and_two_nodes() {
    let host = Fake::machine(64, 2, 2).memory_mib(256 * 1024).read("0-63");
    assert_eq!(host.topology.core_count(), 32);
    assert_eq!(host.topology.node_count(), 2);
    assert_eq!(host.topology.siblings(5).to_string(), "5,37");
    assert_eq!(host.topology.siblings(37).to_string(), "5,37");
    assert_eq!(host.topology.cpu(15).map(|cpu| cpu.node), Some(0));
    assert_eq!(host.topology.cpu(16).map(|cpu| cpu.node), Some(1));
    assert_eq!(host.topology.cpu(47).map(|cpu| cpu.node), Some(0));
    assert_eq!(host.topology.cpu(64), None);
    assert!(host.topology.siblings(64).is_empty());
}

#[test]
fn newer_kernels_name_the_siblings_otherwise() {
    let host = Fake::empty()
        .file("sys/devices/system/cpu/online", "0-3")
        .file("sys/devices/system/cpu/cpu2/topology/core_cpus_list", "2-3")
        .file("sys/devices/system/cpu/cpu3/topology/core_cpus_list", "2-3")
        .read("");
    assert_eq!(host.topology.siblings(3).to_string(), "2-3");
    assert_eq!(host.topology.siblings(1).to_string(), "1");
}

#[test]
fn cpus_that_are_offline_or_outside_the_mask_are_not_allowed() {
    let host = Fake::empty().file("sys/devices/system/cpu/online", "0-2,5").read("1-4,5,900");
    assert_eq!(host.allowed().to_string(), "1-2,5");
    assert!(host.to_string().contains("allowed: 1-2,5"), "{host}");
}

#[test]
fn a_host_that_tells_nothing_has_one_cpu() {
    let host = Fake::empty().read("");
    assert_eq!(host.topology.cpus, [Cpu { id: 0, core: 0, node: 0 }]);
    assert_eq!(host.affinity, None);
    assert_eq!(host.memory_bytes, None);
    assert_eq!(host.kernel.release, None);
    assert_eq!(host.kernel.nofile, None);
    assert_eq!(memory_default(&host), 256 * MIB);
    let counted = Fake::empty().file(
        "proc/cpuinfo",
        "processor\t: 0\nmodel name\t: x\n\nprocessor\t: 1\nprocessor\t: x\n",
    );
    assert_eq!(counted.read("").topology.online().to_string(), "0-1");
}

#[test]
fn garbage_is_taken_as_nothing() {
    let host = Fake::empty()
        .file("sys/devices/system/cpu/online", "0-\u{fffd}")
        .file("proc/meminfo", "MemTotal: many kB\n")
        .file("proc/self/cgroup", "nonsense\n1\n:::\n0::\n")
        .file("sys/fs/cgroup/cgroup.controllers", "cpu memory")
        .file("sys/fs/cgroup/cpu.max", "100000 0")
        .file("sys/fs/cgroup/memory.max", "-1")
        .file("sys/kernel/mm/transparent_hugepage/enabled", "always")
        .read("");
    assert_eq!(host.topology.cpus.len(), 1);
    assert_eq!((host.memory_bytes, host.kernel.huge_pages), (None, None));
    assert_eq!(host.cgroup, Cgroup { version: Some(2), ..Cgroup::default() });
}

#[test]
fn version_2_takes_the_tightest_group_around() {
    let host = Fake::machine(8, 1, 1)
        .memory_mib(32 * 1024)
        .file("proc/self/cgroup", "0::/kube/pod/box\n")
        .file("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n")
        .file("sys/fs/cgroup/kube/cpu.max", "max 100000\n")
        .file("sys/fs/cgroup/kube/pod/cpu.max", "150000 100000\n")
        .file("sys/fs/cgroup/kube/pod/memory.max", "2147483648\n")
        .file("sys/fs/cgroup/kube/pod/box/cpu.max", "200000 100000\n")
        .file("sys/fs/cgroup/kube/pod/box/memory.max", "max\n")
        .file("sys/fs/cgroup/kube/pod/box/cpuset.cpus.effective", "2-5\n")
        .read("");
    let cpus = CpuSet::parse("2-5").ok();
    let expected = Cgroup {
        version: Some(2),
        cpu_quota_milli: Some(1500),
        memory_bytes_max: Some(2048 * MIB),
        cpus,
    };
    assert_eq!(host.cgroup, expected);
    assert_eq!(host.allowed().to_string(), "2-5");
    assert_eq!(memory_default(&host), 24 * 64 * MIB);
    let text = host.to_string();
    assert!(text.contains("quota: 1.5") && text.contains("(2048 MiB by control"), "{text}");
}

#[test]
fn a_container_that_sees_its_own_group_as_the_root() {
    for line in ["0::/", "0::/docker/0123/of/the/host", "0::/../../elsewhere"] {
        let host = Fake::machine(4, 1, 1)
            .file("proc/self/cgroup", line)
            .file("sys/fs/cgroup/cgroup.controllers", "cpu memory")
            .file("sys/fs/cgroup/cpu.max", "50000 100000")
            .file("sys/fs/cgroup/memory.max", "104857600")
            .read("");
        assert_eq!(host.cgroup.cpu_quota_milli, Some(500), "{line}");
        assert_eq!(memory_default(&host), 75 * MIB, "{line}");
    }
}

#[test]
fn version_1_has_a_folder_for_each_controller() {
    let host = Fake::machine(8, 1, 1)
        .memory_mib(16 * 1024)
        .file(
            "proc/self/cgroup",
            "9:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab\n3:cpuset:/docker/ab\n\
             1:name=systemd:/docker/ab\n0::/system.slice\n",
        )
        .file("sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_quota_us", "350000\n")
        .file("sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_period_us", "100000\n")
        .file("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n")
        .file("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
        .file("sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes", "1073741824\n")
        .file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
        .file("sys/fs/cgroup/cpuset/docker/ab/cpuset.cpus", "0-6\n")
        .file("sys/fs/cgroup/cpuset/docker/ab/cpuset.effective_cpus", "0-3\n")
        .file("sys/fs/cgroup/unified/cgroup.controllers", "\n")
        .read("");
    let expected = Cgroup {
        version: Some(1),
        cpu_quota_milli: Some(3500),
        memory_bytes_max: Some(1024 * MIB),
        cpus: CpuSet::parse("0-3").ok(),
    };
    assert_eq!(host.cgroup, expected);
    assert_eq!(memory_default(&host), 768 * MIB);
}

#[test]
fn settings_and_limits() {
    let host = Fake::empty()
        .file("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n")
        .file("proc/sys/kernel/io_uring_disabled", "2\n")
        .file("proc/sys/net/core/somaxconn", "4096\n")
        .file("proc/sys/vm/overcommit_memory", "1\n")
        .file("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
        .file(
            "proc/self/limits",
            "Limit                     Soft Limit           Hard Limit           Units     \n\
             Max open files            1024                 524288               files     \n\
             Max locked memory         8388608              unlimited            bytes     \n",
        )
        .read("");
    let kernel = host.kernel;
    assert_eq!(kernel.version, Some((6, 1)));
    assert_eq!(kernel.io_uring_disabled, Some(2));
    assert_eq!(kernel.somaxconn, Some(4096));
    assert_eq!(kernel.overcommit_memory, Some(1));
    assert_eq!(kernel.huge_pages, Some(HugePages::Madvise));
    assert_eq!(kernel.nofile, Some(Limit { soft: 1024, hard: 524_288 }));
    assert_eq!(kernel.memlock_bytes, Some(Limit { soft: 8_388_608, hard: u64::MAX }));
}

#[test]
fn this_very_host() {
    let host = Host::read_here();
    println!("{host}\n{host:?}");
    let allowed = host.allowed();
    assert!(!allowed.is_empty());
    assert!(host.affinity.is_some());
    assert!(host.kernel.version >= Some((4, 0)));
    assert!(host.memory_bytes > Some(64 * MIB));
    assert!(memory_default(&host) < host.memory_bytes.expect("known"));
    assert!(host.topology.cpus.iter().all(|cpu| host.topology.siblings(cpu.id).contains(cpu.id)));
}
