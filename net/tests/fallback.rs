//! Where the host refuses io_uring the node must run all the same, and say why.
//!
//! A seccomp filter cannot be taken back, so each case runs in a child process: this binary again,
//! told by its environment what to be.

#![allow(unsafe_code)]

mod rig;

use std::io::{Read, Write};
use std::process::Command;
use std::thread;

use rig::{Rig, client, driver};
use velodrome_net::{DriverChoice, DriverError, DriverKind, Limits};

const CASE: &str = "VELODROME_TEST_REFUSED";

fn main() {
    match std::env::var(CASE).as_deref() {
        Ok("setup") => child(&[libc::SYS_io_uring_setup]),
        Ok("enter") => child(&[libc::SYS_io_uring_enter]),
        Ok("register") => child(&[libc::SYS_io_uring_register]),
        Ok("all") => child(&[
            libc::SYS_io_uring_setup,
            libc::SYS_io_uring_enter,
            libc::SYS_io_uring_register,
        ]),
        _ => parent(),
    }
}

fn parent() {
    for case in ["setup", "enter", "register", "all"] {
        let child = Command::new(std::env::current_exe().unwrap()).env(CASE, case).status();
        assert!(child.unwrap().success(), "refusing {case} breaks the fallback");
    }
    println!("fallback: 4 cases passed");
}

fn child(refused: &[libc::c_long]) {
    refuse(refused);
    let Err(DriverError::IoUringRefused(reason)) = driver(DriverChoice::IoUring, Limits::default())
    else {
        panic!("io_uring ran although it is refused");
    };
    for call in ["io_uring_setup", "io_uring_enter", "io_uring_register"] {
        assert!(reason.contains(call), "{reason}");
    }
    let auto = driver(DriverChoice::Auto, Limits::default()).unwrap();
    assert_eq!(auto.kind(), DriverKind::Epoll);
    assert_eq!(auto.fallback_reason(), Some(&*reason));
    let mut rig = Rig::new(DriverChoice::Auto);
    let addr = rig.addr;
    let talking = thread::spawn(move || {
        let mut client = client(addr);
        client.write_all(b"still here").unwrap();
        let mut got = [0; 10];
        client.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"still here");
    });
    rig.until("the client leaves", |rig| rig.closed == 1);
    talking.join().unwrap();
}

/// Makes the kernel answer EPERM to some system calls of this process, as container runtimes do.
fn refuse(calls: &[libc::c_long]) {
    const NUMBER_OFFSET: u32 = 0;
    let instruction =
        |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let mut program = vec![instruction(load, 0, 0, NUMBER_OFFSET)];
    for (at, call) in calls.iter().enumerate() {
        let to_refusal = (calls.len() - at) as u8;
        let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        program.push(instruction(equal, to_refusal, 0, *call as u32));
    }
    let answer = libc::BPF_RET | libc::BPF_K;
    program.push(instruction(answer, 0, 0, libc::SECCOMP_RET_ALLOW));
    program.push(instruction(answer, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: plain system calls; the filter program lives until they return.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER as libc::c_ulong;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, mode, &filter as *const libc::sock_fprog), 0);
    }
}
