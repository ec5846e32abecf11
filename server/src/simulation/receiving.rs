//! Long requests on their way: what is held of them counts, is bounded, and is given back in steps.

use velodrome_engine::limits::STEP_BYTES_MAX;
use velodrome_net::{Chunk, ConnId};

use super::fairness::Absent;
use super::node::{Node, Weather};
use super::wire::SimulatedWire;
use crate::limits::{ADMITTED_MS_MAX, STUCK_MS_MIN};
use crate::shard::Shard;
use crate::shard::input::Input;
use crate::shard::session::Profile;
use crate::shard::wire::Wire;

const VALUE_LEN: usize = 8 << 20;
const PIECE_LEN: usize = 256 << 10;

/// One shard and its connections, a turn at a time.
struct Stage {
    node: Node<Absent>,
    wire: SimulatedWire,
    inputs: Vec<Input>,
    piece: Vec<u8>,
}

impl Stage {
    fn new(client_memory_bytes_max: u64) -> Self {
        let weather = Weather { shards: 1, quota_bytes: 64 << 20, ..Weather::default() };
        let mut node = Node::new(1, weather);
        node.shards[0].set_client_memory_max(client_memory_bytes_max);
        let piece = vec![b'v'; PIECE_LEN];
        Self { node, wire: SimulatedWire::new(1), inputs: Vec::new(), piece }
    }

    fn shard(&mut self) -> &mut Shard {
        &mut self.node.shards[0]
    }

    fn open(&mut self, place: u32) -> ConnId {
        let conn = ConnId::new(1, place);
        self.wire.open(conn);
        self.shard().open(conn, Profile::default());
        conn
    }

    fn send(&mut self, conn: ConnId, bytes: &[u8]) {
        let Self { node, wire, inputs, .. } = self;
        node.shards[0].receive(conn, Chunk::copied(bytes), inputs, wire);
    }

    fn send_piece(&mut self, conn: ConnId) {
        let piece = std::mem::take(&mut self.piece);
        self.send(conn, &piece);
        self.piece = piece;
    }

    /// Begins a request that sets a large value.
    fn begin(&mut self, conn: ConnId) {
        self.send(conn, format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${VALUE_LEN}\r\n").as_bytes());
        self.serve();
    }

    fn serve(&mut self) {
        let Self { node, wire, inputs, .. } = self;
        node.shards[0].serve(inputs, wire);
        node.shards[0].settle_own(wire);
        node.shards[0].turns += 1;
    }

    fn tick(&mut self) {
        let Self { node, wire, .. } = self;
        node.shards[0].tick(0, wire);
    }

    /// Tells the shard of connections that have ended.
    fn reap(&mut self, conns: &[ConnId]) -> usize {
        let gone: Vec<ConnId> = conns.iter().copied().filter(|it| self.wire.reap(*it)).collect();
        gone.iter().for_each(|conn| self.shard().closed(*conn));
        gone.len()
    }

    /// Lets memory be given back. Returns how many turns that took.
    fn settle(&mut self) -> usize {
        let now_ms = self.shard().moment.now_ms;
        let turns = (1..).find(|_| !self.shard().engine.maintain(now_ms, 1).more);
        let longest = self.shard().engine.stats().longest_step.bytes;
        assert!(longest <= STEP_BYTES_MAX, "{longest} bytes in a step");
        assert_eq!(self.shard().engine.pinned_bytes(), 0);
        turns.expect("an end")
    }
}

#[test]
fn what_a_client_leaves_behind_is_counted_and_given_back_in_steps() {
    const PIECES: usize = VALUE_LEN / PIECE_LEN / 2;
    for dies_with_its_last_bytes in [false, true] {
        let mut stage = Stage::new(u64::MAX);
        let conn = stage.open(0);
        stage.begin(conn);
        for number in 1..=PIECES {
            stage.send_piece(conn);
            if number == PIECES && dies_with_its_last_bytes {
                stage.shard().closed(conn);
            }
            stage.serve();
            stage.tick();
            let counted = stage.shard().client_bytes;
            assert!(counted >= number * PIECE_LEN, "{counted} bytes after {number} pieces");
            assert!(counted <= number * PIECE_LEN + 8192, "what has not come takes nothing");
        }
        if !dies_with_its_last_bytes {
            stage.shard().closed(conn);
            stage.tick();
            assert!(stage.shard().client_bytes >= PIECES * PIECE_LEN, "it is still there");
        }
        let turns = stage.settle();
        assert!(turns >= PIECES * PIECE_LEN / STEP_BYTES_MAX, "given back in {turns} steps");
        stage.tick();
        assert_eq!(stage.shard().client_bytes, 0);
        assert_eq!(stage.shard().engine.stats().large_bytes, 0);
    }
}

#[test]
fn a_client_that_falls_silent_is_closed_while_buffers_are_short() {
    let mut stage = Stage::new(1 << 20);
    let conns: Vec<ConnId> = (0..3).map(|place| stage.open(place)).collect();
    for conn in &conns {
        stage.begin(*conn);
        (0..3).for_each(|_| stage.send_piece(*conn));
        stage.serve();
        stage.tick();
    }
    assert_eq!(stage.reap(&conns), 0, "nobody has been silent for long");
    // The first is waited for, the others have been told to wait.
    for _ in 0..3 {
        stage.shard().moment.now_ms += STUCK_MS_MIN;
        stage.tick();
        stage.serve();
    }
    stage.reap(&conns);
    stage.settle();
    stage.tick();
    stage.serve();
    assert!(stage.shard().client_bytes <= 1 << 20, "{}", stage.shard().client_bytes);
    assert!(stage.shard().session_count() >= 1, "the limit is met, the rest may stay");
    let left: Vec<ConnId> = conns.into_iter().filter(|conn| stage.wire.reads(*conn)).collect();
    assert_eq!(left.len(), stage.shard().session_count(), "who is left is read from");
}

#[test]
fn long_requests_of_many_go_on_one_by_one_while_buffers_are_short() {
    const CLIENTS: usize = 8;
    const LIMIT: usize = VALUE_LEN;
    let mut stage = Stage::new(LIMIT as u64);
    let conns: Vec<ConnId> = (0..CLIENTS as u32).map(|place| stage.open(place)).collect();
    conns.iter().for_each(|conn| stage.begin(*conn));
    let mut left = [VALUE_LEN / PIECE_LEN; CLIENTS];
    for turn in 0.. {
        assert!(turn < 1000, "{left:?}");
        for (conn, left) in conns.iter().zip(&mut left) {
            if *left > 0 && stage.wire.reads(*conn) {
                stage.send_piece(*conn);
                *left -= 1;
                if *left == 0 {
                    stage.send(*conn, b"\r\n");
                }
            }
        }
        stage.serve();
        stage.settle();
        if turn % 10 == 0 {
            stage.tick();
            let most = LIMIT + VALUE_LEN + (CLIENTS + 1) * PIECE_LEN;
            assert!(stage.shard().client_bytes <= most, "{}", stage.shard().client_bytes);
        }
        let answered = |conn: &ConnId| stage.wire.output(*conn).is_some_and(|it| it == b"+OK\r\n");
        if conns.iter().all(answered) {
            break;
        }
        stage.shard().moment.now_ms += 1;
    }
    stage.tick();
    stage.serve();
    assert!(conns.iter().all(|conn| stage.wire.reads(*conn)), "all are read from again");
}

#[test]
fn who_holds_others_up_for_too_long_is_closed() {
    let mut stage = Stage::new(1 << 20);
    let conns: Vec<ConnId> = (0..2).map(|place| stage.open(place)).collect();
    conns.iter().for_each(|conn| stage.begin(*conn));
    for _ in 0..4 {
        conns.iter().for_each(|conn| stage.send_piece(*conn));
        stage.serve();
    }
    let slow = *conns.iter().find(|conn| stage.wire.reads(**conn)).expect("one goes on");
    let until_ms = stage.shard().moment.now_ms + ADMITTED_MS_MAX;
    while stage.shard().moment.now_ms <= until_ms {
        assert_eq!(stage.reap(&conns), 0);
        stage.send(slow, b"v");
        stage.serve();
        stage.tick();
        stage.shard().moment.now_ms += STUCK_MS_MIN / 2;
    }
    assert_eq!(stage.reap(&[slow]), 1);
    stage.settle();
    stage.tick();
    stage.serve();
    let other = conns.into_iter().find(|conn| *conn != slow).expect("there are two");
    assert!(stage.wire.reads(other), "its turn has come");
}
