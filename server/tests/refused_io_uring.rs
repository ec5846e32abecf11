//! A host that refuses io_uring: the node says so, falls back, and serves.
//!
//! Owns the launcher that forbids the three system calls to the node alone, as container runtimes
//! do by default. Invariant: this process stays as it is; the filter is put on between fork and
//! exec. Cost: a node's start a test.

#![allow(unsafe_code)]

mod node;

use std::os::unix::process::CommandExt;
use std::process::Command;

use node::{Node, Shape, binary, free_port, info, say};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

const CALLS: [(&str, i64); 3] =
    [("io_uring_setup", 425), ("io_uring_enter", 426), ("io_uring_register", 427)];
const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

/// The binary, for which the kernel answers these system calls with an error.
fn refused(error: u32) -> Command {
    let rules = CALLS.iter().map(|(_, number)| (*number, Vec::new())).collect();
    let arch = TargetArch::try_from(std::env::consts::ARCH).expect("a known processor");
    let (others, these) = (SeccompAction::Allow, SeccompAction::Errno(error));
    let filter = SeccompFilter::new(rules, others, these, arch).expect("a filter");
    let program = BpfProgram::try_from(filter).expect("a program");
    let mut command = binary();
    // SAFETY: between fork and exec the closure makes two system calls on a program that was built
    // before, and allocates nothing unless they fail.
    unsafe {
        command
            .pre_exec(move || seccompiler::apply_filter(&program).map_err(std::io::Error::other));
    }
    command
}

#[test]
fn the_node_falls_back_to_epoll() {
    for error in [EPERM, ENOSYS] {
        for shards in [1, 2] {
            let node = Node::start_as(&|| refused(error), Shape { shards, driver: "auto" }, &[]);
            let line = node.wait_for_log("epoll instead of io_uring");
            let mut client = node.connect();
            assert_eq!(say(&mut client, "MSET a 1 b 2 c 3 d 4"), "+OK");
            assert_eq!(say(&mut client, "MGET a b c d"), "[\"1\" \"2\" \"3\" \"4\"]");
            let server = info(&mut client, "server");
            assert_eq!(server["multiplexing_api"], "epoll");
            for (call, _) in CALLS {
                assert!(line.contains(call), "{call} is not in {line}");
                let reason = &server["multiplexing_fallback"];
                assert!(reason.contains(call), "{call} is not in {reason}");
            }
        }
    }
}

#[test]
fn a_node_that_must_have_io_uring_does_not_start() {
    for shards in [1, 2] {
        let shape = Shape { shards, driver: "io_uring" };
        let mut node = Node::spawn(refused(EPERM), shape, &[], free_port());
        let calls = CALLS.map(|(call, _)| call);
        node.ended().check_refused(&calls);
    }
}

#[test]
fn a_node_that_wants_epoll_never_asks() {
    let node = Node::start_as(&|| refused(EPERM), Shape { shards: 2, driver: "epoll" }, &[]);
    let server = info(&mut node.connect(), "server");
    assert_eq!(server["multiplexing_api"], "epoll");
    assert!(!server.contains_key("multiplexing_fallback"), "{server:?}");
}
