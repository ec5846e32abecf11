//! Requests out, answers in.
//!
//! Owns the hot path of the load. Invariant: answers are matched to requests in the order they
//! were sent. Cost: a draw, a few copies and a parse a request; no allocation for one key.

use velodrome_net::mono_ns;

use super::connection::Asked;
use super::judge::{Verdict, judge};
use super::worker::Worker;
use crate::failure::Failure;
use crate::limits::{FILL_BYTES_MAX, FILL_PIPELINE_MAX};
use crate::protocol::{Answer, Request};
use crate::workload::{Kind, Wanted};

impl Worker {
    /// Requests a connection may have on their way while filling.
    pub(super) fn fill_pipeline(&self) -> usize {
        let len_max = self.plan.workload.values.lengths().max() as usize;
        (FILL_BYTES_MAX / len_max.max(1)).clamp(1, FILL_PIPELINE_MAX)
    }

    /// Closed loop: the next requests of a connection whose last ones were answered.
    pub(super) fn ask_again(&mut self, slot: usize) {
        let connection = &self.connections[slot];
        if !connection.is_open() || !connection.asked.is_empty() || !self.may_send() {
            return;
        }
        let count = (self.running.pipeline as u64).min(self.running.budget);
        let at_ns = mono_ns();
        for _ in 0..count {
            self.ask(slot, at_ns);
        }
    }

    /// Open loop: what has come due, as far as connections have room.
    pub(super) fn send_due(&mut self) -> Result<(), Failure> {
        while self.may_send() && self.is_due() {
            let Some(slot) = self.connection_with_room() else { return Ok(()) };
            let room = self.running.pipeline - self.connections[slot].asked.len();
            for _ in 0..room {
                if !self.may_send() || !self.is_due() {
                    break;
                }
                let schedule = self.running.schedule.as_mut().expect("something was due");
                let at_ns = schedule.due_ns();
                schedule.advance();
                self.ask(slot, at_ns);
            }
            self.cursor = slot + 1;
            self.flush_if_many()?;
        }
        Ok(())
    }

    fn is_due(&self) -> bool {
        self.running.schedule.as_ref().is_some_and(|schedule| schedule.due_ns() <= self.now_ns)
    }

    /// The first connection from the cursor on that may send more.
    fn connection_with_room(&self) -> Option<usize> {
        let count = self.connections.len();
        (0..count).map(|step| (self.cursor + step) % count).find(|&slot| {
            let connection = &self.connections[slot];
            connection.is_open() && connection.asked.len() < self.running.pipeline
        })
    }

    /// Appends one request to a connection's output.
    #[inline]
    fn ask(&mut self, slot: usize, at_ns: u64) {
        let workload = &self.plan.workload;
        let wanted = if self.running.fill {
            let (threads, number) = (self.plan.threads as u64, self.number as u64);
            workload.fill(self.running.sent * threads + number, &mut self.draws)
        } else {
            workload.next(&mut self.draws)
        };
        self.running.sent += 1;
        self.running.budget -= 1;
        self.outstanding += 1;
        self.unflushed += 1;
        let connection = &mut self.connections[slot];
        connection.asked.push_back(Asked { kind: wanted.kind, key: wanted.key, at_ns });
        let id = connection.id.expect("an open connection has an id");
        self.encode(id, &wanted);
    }

    #[inline]
    fn encode(&mut self, id: velodrome_net::ConnId, wanted: &Wanted) {
        // A connection the driver gave up takes nothing more; its end is on the way as an event.
        let Some(out) = self.driver.output(id) else { return };
        let (workload, protocol) = (&self.plan.workload, self.plan.protocol);
        let template = match wanted.kind {
            Kind::Get => &self.get,
            Kind::Set => &self.set,
            _ => &None,
        };
        if let Some(template) = template {
            return template.append(wanted.key, &workload.values, out);
        }
        let (key, value) = (&mut self.key, &mut self.value);
        match wanted.kind {
            Kind::Get => {
                workload.keys.write(wanted.key, key);
                protocol.encode(&Request::Get(key), out);
            }
            Kind::Set => {
                workload.keys.write(wanted.key, key);
                workload.values.write(wanted.key, wanted.value_len, value);
                protocol.encode(&Request::Set(key, value, wanted.ttl_s), out);
            }
            Kind::Delete => {
                workload.keys.write(wanted.key, key);
                protocol.encode(&Request::Delete(key), out);
            }
            Kind::Incr => {
                workload.keys.write_counter(wanted.key, key);
                protocol.encode(&Request::Incr(key), out);
            }
            Kind::Zero => {
                workload.keys.write_counter(wanted.key, key);
                protocol.encode(&Request::Set(key, b"0", 0), out);
            }
            Kind::Mget | Kind::Mset => {
                let mut parts = Vec::new();
                for number in workload.many(wanted.key) {
                    workload.keys.write(number, key);
                    parts.push(key.clone());
                    if wanted.kind == Kind::Mset {
                        workload.values.write(number, wanted.value_len, value);
                        parts.push(value.clone());
                    }
                }
                let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                let request = match wanted.kind {
                    Kind::Mget => Request::Mget(&parts),
                    _ => Request::Mset(&parts),
                };
                protocol.encode(&request, out);
            }
            Kind::Connect => unreachable!("never drawn"),
        }
    }

    /// Bytes arrived: counts every whole answer and keeps the beginning of the next.
    #[inline]
    pub(super) fn received(&mut self, slot: usize, bytes: &[u8]) {
        self.tally.received_bytes += bytes.len() as u64;
        let mut rest = std::mem::take(&mut self.connections[slot].rest);
        let taken = if rest.is_empty() {
            self.answers(slot, bytes).map(|used| rest.extend_from_slice(&bytes[used..]))
        } else {
            rest.extend_from_slice(bytes);
            self.answers(slot, &rest).map(|used| drop(rest.drain(..used)))
        };
        if let Err(trouble) = taken {
            self.tally.wrong += 1;
            self.tally.note(|| trouble.clone());
            return self.drop_connection(slot, &trouble);
        }
        let connection = &mut self.connections[slot];
        connection.rest = rest;
        if connection.asked.is_empty() {
            let renewed_after = self.plan.reconnect_after.filter(|_| !self.running.fill);
            if renewed_after.is_some_and(|answers| connection.answered >= answers) {
                self.renew(slot);
            } else if self.running.schedule.is_none() {
                self.ask_again(slot);
            }
        }
    }

    /// Takes the whole answers at the start of `bytes`; the bytes they have, or why these are none.
    #[inline]
    fn answers(&mut self, slot: usize, bytes: &[u8]) -> Result<usize, String> {
        let connection = &mut self.connections[slot];
        let mut used = 0;
        while used < bytes.len() {
            let Some(&asked) = connection.asked.front() else {
                return Err(format!("{} bytes that answer nothing", bytes.len() - used));
            };
            let next = connection.parser.next(&bytes[used..], asked.kind);
            let Some((len, answer)) = next.map_err(|error| error.to_string())? else { break };
            used += len;
            connection.asked.pop_front();
            connection.answered += 1;
            self.outstanding -= 1;
            self.tally.record(asked.kind, self.now_ns.saturating_sub(asked.at_ns));
            match judge(&self.plan.workload, asked.kind, asked.key, &answer) {
                Verdict::Right => {}
                Verdict::Missing => self.tally.missing += 1,
                Verdict::Wrong => {
                    self.tally.wrong += 1;
                    self.tally.note(|| told("answered with", asked, &answer));
                }
                Verdict::Refused => {
                    self.tally.refused += 1;
                    self.tally.note(|| told("refused with", asked, &answer));
                }
            }
        }
        if used > 0 {
            self.running.last_answer_ns = self.now_ns;
        }
        Ok(used)
    }
}

fn told(how: &str, asked: Asked, answer: &Answer<'_>) -> String {
    let (kind, key) = (asked.kind.name(), asked.key);
    let shown = match answer {
        Answer::Value(bytes) | Answer::Refused(bytes) => {
            let cut = &bytes[..bytes.len().min(80)];
            format!("{} ({} bytes)", cut.escape_ascii(), bytes.len())
        }
        other => format!("{other:?}").chars().take(160).collect(),
    };
    format!("{kind} of key {key} was {how} {shown}")
}
