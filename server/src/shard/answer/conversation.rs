//! A shard and one of its clients, for tests.
//!
//! Requests are written as a person types them; replies are compared as sent, line ends written as
//! blanks.

use std::sync::Arc;

use velodrome_engine::{Config as EngineConfig, Engine, KeyHasher};
use velodrome_net::ConnId;
use velodrome_net::command::{Command, Route};
use velodrome_net::resp::{ArgBuf, Encoder, Parsed, RequestLimits, RequestParser};
use velodrome_ring::{NodeId, SlotTable};

use crate::config::Config;
use crate::facts::Facts;
use crate::shard::Shard;
use crate::shard::consumers::Consumers;
use crate::shard::session::{Profile, Session};

use super::{connection, on_every_shard};

const START_MS: u64 = 1_800_000_000_000;
const MEMORY_BYTES: u64 = 32 << 20;

/// One client and one shard.
pub(super) struct Conversation {
    pub(super) shard: Shard,
    /// The client's session, or that of the first of several.
    pub(super) session: Session,
}

impl Conversation {
    /// A client with the id 7 that the shard does not list.
    pub(super) fn new() -> Self {
        let hasher = KeyHasher::new([1, 2]);
        let engine = EngineConfig::for_memory(MEMORY_BYTES, hasher, velodrome_ring::slot);
        let engine = Engine::new(engine, Consumers::default()).expect("the limits are possible");
        let mut facts = Facts::new(1, START_MS - 5_000);
        facts.node_id = "0123456789abcdef0123456789abcdef01234567".into();
        facts.memory_bytes_max = MEMORY_BYTES.into();
        facts.machine_memory_bytes = 1 << 30;
        let table = SlotTable::standalone(NodeId::of_name("test"), 1).expect("one shard");
        let mut shard = Shard::new(0, engine, Config::default(), Arc::new(facts), Arc::new(table));
        shard.moment.now_ms = START_MS;
        Self { shard, session: session(7) }
    }

    /// As many clients as said, with the ids from 1 on, all of which the shard lists.
    pub(super) fn with_clients(count: u64) -> Self {
        let mut conversation = Self::new();
        for id in 1..=count {
            conversation.shard.open(ConnId::new(0, id as u32), profile(id));
        }
        conversation.session.id = 1;
        conversation
    }

    /// Sends requests one after the other and compares the replies.
    pub(super) fn check(&mut self, exchanges: &[(&str, &str)]) {
        for (request, expected) in exchanges {
            assert_eq!(self.say(request), *expected, "{request}");
        }
    }

    /// The reply to a request; empty when there is none.
    pub(super) fn say(&mut self, request: &str) -> String {
        let mut words = ArgBuf::new();
        let line = format!("{request}\n");
        let limits = RequestLimits::default();
        let parsed = RequestParser::new().next(line.as_bytes(), &mut words, &limits);
        assert!(matches!(parsed, Parsed::Command { .. }), "{request}: {parsed:?}");
        let mut bytes = Vec::new();
        let mut out = Encoder::new(&mut bytes, self.session.proto);
        match Command::decode(words.args(line.as_bytes())) {
            Ok(command) if command.route() == Route::AllShards => {
                on_every_shard(&mut self.shard, &self.session.caller(), &command, &mut out);
            }
            Ok(command) => {
                connection(&mut self.shard, &mut self.session, &command, &mut out);
            }
            Err(refused) => out.error(&refused.to_string()),
        }
        let reply = String::from_utf8(bytes).expect("tests speak text");
        reply.strip_suffix("\r\n").unwrap_or(&reply).replace("\r\n", " ")
    }
}

fn session(id: u64) -> Session {
    Session::new(ConnId::new(0, id as u32), id, true, profile(id))
}

fn profile(id: u64) -> Profile {
    Profile {
        peer: format!("10.0.0.{id}:{}", id * 100),
        local: "127.0.0.1:6379".into(),
        connected_ms: START_MS - 1_000,
        ..Profile::default()
    }
}
