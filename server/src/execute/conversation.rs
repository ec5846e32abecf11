//! A conversation in the protocol's own bytes, for tests.
//!
//! Owns an engine and a time that stands still unless told. Requests are written as a person types
//! them; replies are compared as sent, line ends written as blanks.

use velodrome_engine::{Config, Engine, KeyHasher};
use velodrome_net::command::{Command, Route};
use velodrome_net::resp::{ArgBuf, Encoder, Parsed, Proto, RequestLimits, RequestParser};

use super::{Moment, on_key, on_keys, on_shard};

/// The wall time at which every conversation starts.
pub(super) const START_MS: u64 = 1_800_000_000_000;

/// One client and one shard.
pub(super) struct Conversation {
    pub(super) engine: Engine<()>,
    pub(super) moment: Moment,
    pub(super) db: u8,
}

impl Conversation {
    pub(super) fn new() -> Self {
        Self::with_value_len_max(64 << 20)
    }

    pub(super) fn with_value_len_max(value_len_max: usize) -> Self {
        let mut config = Config::for_memory(32 << 20, KeyHasher::new([1, 2]), velodrome_ring::slot);
        config.limits.value_len_max = value_len_max;
        let engine = Engine::new(config, ()).expect("the limits are possible");
        let moment = Moment { now_ms: START_MS, ..Moment::default() };
        Self { engine, moment, db: 0 }
    }

    /// Sends requests one after the other and compares the replies; `@ n` lets n milliseconds
    /// pass.
    pub(super) fn check(&mut self, exchanges: &[(&str, &str)]) {
        for (request, expected) in exchanges {
            if let Some(ms) = request.strip_prefix("@ ") {
                self.moment.now_ms += ms.parse::<u64>().expect("milliseconds");
                continue;
            }
            let reply = self.say(request);
            let shown = request.get(..request.len().min(200)).unwrap_or(request);
            assert_eq!(reply, *expected, "{shown}");
        }
    }

    /// Sends a request and returns the reply.
    pub(super) fn say(&mut self, request: &str) -> String {
        let mut words = ArgBuf::new();
        let line = format!("{request}\n");
        // Long values do not fit a line that is typed, so only the limit on lines is lifted.
        let limits = RequestLimits { inline_len_max: 1 << 26, ..RequestLimits::default() };
        let parsed = RequestParser::new().next(line.as_bytes(), &mut words, &limits);
        assert!(matches!(parsed, Parsed::Command { .. }), "{request}: {parsed:?}");
        let mut bytes = Vec::new();
        match Command::decode(words.args(line.as_bytes())) {
            Ok(command) => self.run(&command, &mut bytes),
            Err(refused) => Encoder::new(&mut bytes, Proto::Resp2).error(&refused.to_string()),
        }
        let reply = String::from_utf8(bytes).expect("tests speak text");
        reply.strip_suffix("\r\n").expect("a reply ends its line").replace("\r\n", " ")
    }

    fn run(&mut self, command: &Command<'_>, bytes: &mut Vec<u8>) {
        let mut out = Encoder::new(bytes, Proto::Resp2);
        let (engine, moment) = (&mut self.engine, &self.moment);
        match command.route() {
            Route::Key(key) => {
                let key = engine.hasher().key(self.db, velodrome_ring::slot(key), key);
                if let Some(tail) = on_key(engine, command, &key, moment, &mut out) {
                    bytes.extend_from_slice(&tail);
                    bytes.extend_from_slice(b"\r\n");
                }
            }
            Route::Keys(_) => on_keys(engine, command, self.db, moment, &mut out),
            _ => assert!(on_shard(engine, command, self.db, moment, &mut out), "{command:?}"),
        }
    }
}

/// A conversation of its own.
pub(super) fn check(exchanges: &[(&str, &str)]) {
    Conversation::new().check(exchanges);
}
