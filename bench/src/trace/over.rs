//! The replay over the network: GET, and SET when it is missing.
//!
//! Requests go out in batches. A batch ends before an object that is in it already, so no answer
//! depends on one that is still under way; what a batch missed is written ahead of the next one.
//!
//! Owns one connection. Invariant: every answer is checked, a value by its length. Cost: a round
//! trip a batch, so a trace that asks for few objects over and over goes slowly.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::figure::{Budget, Tally};
use super::objects::Objects;
use crate::failure::Failure;
use crate::limits::{REPLY_WAIT_MAX, TRACE_BATCH_BYTES_MAX, TRACE_BATCH_MAX};
use crate::protocol::{Answer, AnswerParser, Protocol, Request};
use crate::workload::Kind;

/// Bytes received at once.
const RECEIVE_LEN: usize = 64 << 10;
/// Memory of a server bounded by items.
const MEMORY_OF_ITEMS: &str = "1gb";

/// A server's answers to one connection.
struct Wire {
    stream: TcpStream,
    parser: AnswerParser,
    received: Vec<u8>,
    /// Bytes of `received` that have been taken.
    taken: usize,
    sent: Vec<u8>,
}

/// The replay of a trace by a server.
pub struct Over<'a> {
    objects: &'a Objects,
    wire: Wire,
    /// Objects in the batch, in order, and for each object the last batch it was in.
    batch: Vec<u32>,
    batches: Vec<u32>,
    number: u32,
    /// What the last batch missed.
    missed: Vec<u32>,
    noise: Vec<u8>,
    tally: Tally,
}

/// Gives a server a policy and a bound, and empties it.
///
/// # Errors
/// When it cannot be reached or refuses.
pub fn configure(address: SocketAddr, policy: &str, budget: Budget) -> Result<(), Failure> {
    let (memory, items) = match budget {
        Budget::Items(items) => (MEMORY_OF_ITEMS.to_owned(), items.to_string()),
        Budget::Bytes(bytes) => (bytes.to_string(), "0".to_owned()),
    };
    let mut wire = Wire::connect(address)?;
    wire.command(&["FLUSHALL"])?;
    wire.command(&["CONFIG", "SET", "maxmemory-policy", policy])?;
    wire.command(&["CONFIG", "SET", "max-items", &items])?;
    wire.command(&["CONFIG", "SET", "maxmemory", &memory])
}

impl<'a> Over<'a> {
    /// A connection to the server at `address`.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub fn new(objects: &'a Objects, address: SocketAddr) -> Result<Over<'a>, Failure> {
        Ok(Over {
            objects,
            wire: Wire::connect(address)?,
            batch: Vec::new(),
            batches: vec![0; objects.count()],
            number: 1,
            missed: Vec::new(),
            noise: (0..objects.value_len_max()).map(|at| at as u8).collect(),
            tally: Tally::default(),
        })
    }

    /// Asks for an object, when its batch is full.
    ///
    /// # Errors
    /// When the server goes away or answers what no cache answers.
    pub fn access(&mut self, object: u32) -> Result<(), Failure> {
        let there = self.batches[object as usize] == self.number;
        if there || self.batch.len() == TRACE_BATCH_MAX {
            self.send()?;
        }
        self.batches[object as usize] = self.number;
        self.batch.push(object);
        Ok(())
    }

    /// Asks for what is left. Returns what was found.
    ///
    /// # Errors
    /// As `access`.
    pub fn finish(mut self) -> Result<Tally, Failure> {
        self.send()?;
        self.send()?;
        Ok(self.tally)
    }

    fn send(&mut self) -> Result<(), Failure> {
        // Few bytes at a time, so that neither side waits for the other to read.
        let mut unanswered = 0;
        for object in std::mem::take(&mut self.missed) {
            let value = &self.noise[..self.objects.value_len(object)];
            self.wire.ask(&Request::Set(self.objects.key(object), value, 0));
            unanswered += 1;
            if self.wire.sent.len() >= TRACE_BATCH_BYTES_MAX {
                self.take_stored(std::mem::take(&mut unanswered))?;
            }
        }
        let batch = std::mem::take(&mut self.batch);
        for &object in &batch {
            self.wire.ask(&Request::Get(self.objects.key(object)));
        }
        self.take_stored(unanswered)?;
        self.take_values(&batch)?;
        self.number += 1;
        Ok(())
    }

    fn take_stored(&mut self, count: u64) -> Result<(), Failure> {
        self.wire.flush()?;
        for _ in 0..count {
            let stored = self.wire.answer(Kind::Set, |answer| match answer {
                Answer::Done => Ok(true),
                Answer::Refused(text) if text.starts_with(b"OOM") => Ok(false),
                other => Err(format!("{other:?} to SET")),
            })?;
            self.tally.refused += u64::from(!stored);
        }
        Ok(())
    }

    fn take_values(&mut self, batch: &[u32]) -> Result<(), Failure> {
        for &object in batch {
            let expected = self.objects.value_len(object);
            let hit = self.wire.answer(Kind::Get, |answer| match answer {
                Answer::Value(value) if value.len() == expected => Ok(true),
                Answer::Missing => Ok(false),
                Answer::Value(value) => {
                    Err(format!("{} bytes to GET, not {expected}", value.len()))
                }
                other => Err(format!("{other:?} to GET")),
            })?;
            self.tally.count(self.objects, object, hit);
            if !hit {
                self.missed.push(object);
            }
        }
        Ok(())
    }
}

impl Wire {
    fn connect(address: SocketAddr) -> Result<Wire, Failure> {
        let refused = |error| Failure::Unreachable(format!("{address}: {error}"));
        let stream = TcpStream::connect(address).map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        stream.set_read_timeout(Some(REPLY_WAIT_MAX)).map_err(refused)?;
        stream.set_write_timeout(Some(REPLY_WAIT_MAX)).map_err(refused)?;
        let (received, sent) = (Vec::new(), Vec::new());
        Ok(Wire { stream, parser: Protocol::Resp.parser(), received, taken: 0, sent })
    }

    fn ask(&mut self, request: &Request<'_>) {
        Protocol::Resp.encode(request, &mut self.sent);
    }

    /// Sends a command that is answered with OK.
    fn command(&mut self, args: &[&str]) -> Result<(), Failure> {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        velodrome_net::resp::encode_command(&mut self.sent, &args);
        self.flush()?;
        let request = args.join(&b' ').escape_ascii().to_string();
        self.answer(Kind::Set, |answer| match answer {
            Answer::Done => Ok(()),
            Answer::Refused(text) => Err(format!("{} to {request}", text.escape_ascii())),
            other => Err(format!("{other:?} to {request}")),
        })
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.stream.write_all(&self.sent).map_err(Failure::system("the server went away"))?;
        self.sent.clear();
        Ok(())
    }

    /// The next answer, as `judge` takes it.
    fn answer<T>(
        &mut self,
        kind: Kind,
        judge: impl FnOnce(Answer<'_>) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let wrong = |found: String| Failure::Option(format!("the server answered {found}"));
        loop {
            let bytes = &self.received[self.taken..];
            let found = self.parser.next(bytes, kind).map_err(|error| wrong(error.0))?;
            if let Some((len, answer)) = found {
                self.taken += len;
                return judge(answer).map_err(wrong);
            }
            self.receive().map_err(Failure::system("the server went away or fell silent"))?;
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        if self.taken > 0 {
            self.received.drain(..self.taken);
            self.taken = 0;
        }
        let len = self.received.len();
        self.received.resize(len + RECEIVE_LEN, 0);
        let more = self.stream.read(&mut self.received[len..])?;
        self.received.truncate(len + more);
        match more {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
