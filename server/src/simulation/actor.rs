//! A simulated client: what it says, what it hears.
//!
//! Owns the bytes between a client and its shard in one direction, and the replies it has parsed.
//! Invariant: an actor hears exactly the replies its connection was sent, whole and in order.

use rand::rngs::SmallRng;
use velodrome_net::ConnId;
use velodrome_net::resp::{ReplyParser, Value, encode_command};

/// One request: its words.
pub(super) type Words = Vec<Vec<u8>>;

/// A request from text; words are parted by blanks.
pub(super) fn words(text: &str) -> Words {
    text.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// A reply that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(String),
    Null,
    Array(Vec<Answer>),
}

impl Answer {
    pub(super) fn ok() -> Self {
        Self::Simple("OK".into())
    }

    pub(super) fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    fn of(value: &Value<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match value {
            Value::Simple(bytes) => Self::Simple(text(bytes)),
            Value::Error(bytes) => Self::Error(text(bytes)),
            Value::Integer(number) => Self::Integer(*number),
            Value::Bulk(bytes) => Self::Bulk(text(bytes)),
            Value::Null => Self::Null,
            Value::Array(elements) => Self::Array(elements.iter().map(Self::of).collect()),
            other => panic!("not asked for in RESP2: {other:?}"),
        }
    }
}

/// What a client does.
pub(super) trait Actor {
    /// The next requests, sent in one go: none while it waits for replies, `None` at its end.
    fn speak(&mut self, rng: &mut SmallRng, at: u64) -> Option<Vec<Words>>;

    /// A reply has come.
    fn hear(&mut self, answer: Answer, at: u64);

    /// Its connection has gone; what it had not heard it never will.
    fn cut_off(&mut self, at: u64);

    /// Whether it has heard everything it asked for.
    fn satisfied(&self) -> bool;
}

/// How a client's connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Both ways.
    Open,
    /// The client sends no more and waits for the rest of its replies.
    HalfClosed,
    /// Gone; its end has not been told to the shard yet.
    Cut,
    /// Gone for good.
    Over,
}

/// One client with its connection.
pub(super) struct Client<A> {
    pub(super) actor: A,
    pub(super) shard: usize,
    pub(super) conn: ConnId,
    pub(super) line: Line,
    /// The actor has no more to say.
    pub(super) done: bool,
    /// What was said and has not reached the shard.
    pub(super) outgoing: Vec<u8>,
    received: Vec<u8>,
    parser: ReplyParser,
}

impl<A: Actor> Client<A> {
    pub(super) fn new(actor: A, shard: usize, conn: ConnId) -> Self {
        let parser = ReplyParser::new();
        let (outgoing, received) = (Vec::new(), Vec::new());
        Self { actor, shard, conn, line: Line::Open, done: false, outgoing, received, parser }
    }

    /// Lets the actor say what it wants to say.
    pub(super) fn speak(&mut self, rng: &mut SmallRng, at: u64) {
        if self.done || self.line != Line::Open {
            return;
        }
        match self.actor.speak(rng, at) {
            None => self.done = true,
            Some(requests) => {
                for request in requests {
                    let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
                    encode_command(&mut self.outgoing, &args);
                }
            }
        }
    }

    /// Takes bytes of replies in.
    pub(super) fn hear(&mut self, bytes: &[u8], at: u64) {
        self.received.extend_from_slice(bytes);
        while let Some((consumed, value)) =
            self.parser.next(&self.received).expect("a shard sends only replies")
        {
            let answer = Answer::of(&value);
            self.received.drain(..consumed);
            self.actor.hear(answer, at);
        }
    }

    /// The connection is gone, for whatever reason.
    pub(super) fn cut(&mut self, at: u64) {
        self.outgoing.clear();
        self.received.clear();
        self.parser = ReplyParser::new();
        self.actor.cut_off(at);
    }
}
