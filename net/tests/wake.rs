//! Timers and wake-ups: in time, in order, none lost.

mod rig;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rig::{both, driver};
use velodrome_net::{Driver, DriverChoice, Event, Limits, Wait, mono_ns};

fn next(driver: &mut Driver) -> Event {
    loop {
        if let Some(event) = driver.next_event() {
            return event;
        }
        driver.poll(Wait::Until(Some(mono_ns() + 30_000_000_000))).unwrap();
    }
}

#[test]
fn timers_fire_in_time_and_in_order() {
    both(|choice| {
        let mut driver = driver(choice, Limits::default()).unwrap();
        let start = mono_ns();
        for (after_ms, token) in [(30, 3), (10, 1), (20, 2), (30, 4)] {
            driver.set_timer(start + after_ms * 1_000_000, token);
        }
        for (after_ms, expected) in [(10, 1), (20, 2), (30, 3), (30, 4)] {
            match next(&mut driver) {
                Event::Timer { token } => assert_eq!(token, expected),
                other => panic!("{other:?}"),
            }
            assert!(mono_ns() - start >= after_ms * 1_000_000, "{expected} came early");
        }
        driver.set_timer(0, 9);
        driver.poll(Wait::Now).unwrap();
        assert!(matches!(driver.next_event(), Some(Event::Timer { token: 9 })));
    });
}

#[test]
fn no_wake_from_a_thread_is_lost() {
    both(|choice| {
        let mut driver = driver(choice, Limits::default()).unwrap();
        let (waker, mailbox) = (driver.waker(), Arc::new(AtomicU64::new(0)));
        let written = mailbox.clone();
        let posting = thread::spawn(move || {
            for round in 0..20_000_u64 {
                written.fetch_add(1, Ordering::Relaxed);
                waker.wake();
                if round % 64 == 0 {
                    thread::yield_now();
                }
            }
        });
        // Sleeps for ever: a lost wake-up would hang (and `next` reports nothing but Mailbox).
        while mailbox.load(Ordering::Relaxed) < 20_000 {
            assert!(matches!(next(&mut driver), Event::Mailbox));
        }
        posting.join().unwrap();
    });
}

#[test]
fn a_wake_before_the_wait_is_seen_at_once() {
    both(|choice| {
        let mut driver = driver(choice, Limits::default()).unwrap();
        driver.waker().wake();
        driver.poll(Wait::Until(None)).unwrap();
        assert!(matches!(driver.next_event(), Some(Event::Mailbox)));
        assert!(driver.next_event().is_none());
        driver.poll(Wait::Now).unwrap();
        assert!(driver.next_event().is_none(), "one wake, one report");
    });
}

/// Two drivers on two threads hand a ball back and forth, each sleeping until it comes.
fn ping_pong(one: DriverChoice, other: DriverChoice) {
    let ball = Arc::new(AtomicU64::new(0));
    let rounds = 4000;
    let (sender, receiver) = std::sync::mpsc::channel();
    let (back_sender, back_receiver) = std::sync::mpsc::channel();
    let play = move |driver: &mut Driver, peer: &velodrome_net::Waker, ball: &AtomicU64, mine| {
        let mut turns = 0;
        loop {
            let seen = ball.load(Ordering::Acquire);
            if seen >= rounds {
                // The last wake goes out with one more entry.
                driver.wake(peer);
                driver.poll(Wait::Now).unwrap();
                return;
            }
            if seen % 2 == mine {
                ball.store(seen + 1, Ordering::Release);
                driver.wake(peer);
            }
            driver.poll(Wait::Until(Some(mono_ns() + 30_000_000_000))).unwrap();
            while let Some(event) = driver.next_event() {
                assert!(matches!(event, Event::Mailbox));
            }
            turns += 1;
            assert!(turns < 10 * rounds, "turns without a ball");
        }
    };
    let there = ball.clone();
    let thread = thread::spawn(move || {
        let mut driver = driver(other, Limits::default()).unwrap();
        sender.send(driver.waker()).unwrap();
        let peer = back_receiver.recv().unwrap();
        play(&mut driver, &peer, &there, 1);
    });
    let mut driver = driver(one, Limits::default()).unwrap();
    back_sender.send(driver.waker()).unwrap();
    let peer = receiver.recv().unwrap();
    play(&mut driver, &peer, &ball, 0);
    thread.join().unwrap();
}

#[test]
fn drivers_wake_each_other() {
    both(|choice| ping_pong(choice, choice));
}

#[test]
fn different_drivers_wake_each_other() {
    both(|choice| ping_pong(choice, DriverChoice::Epoll));
}

#[test]
fn waking_a_driver_that_is_gone_harms_nobody() {
    both(|choice| {
        let gone = driver(choice, Limits::default()).unwrap();
        let waker = gone.waker();
        drop(gone);
        let mut driver = driver(choice, Limits::default()).unwrap();
        driver.wake(&waker);
        driver.poll(Wait::Now).unwrap();
        assert!(driver.next_event().is_none());
    });
}
