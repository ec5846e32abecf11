//! The slow log: the last commands of this shard that took longer than the setting says.
//!
//! Invariant: no more entries than `slowlog-max-len`, each of bounded size, the newest first; ids
//! rise over all shards of the node. Cost: a copy of some arguments a slow command.

use std::collections::VecDeque;

use velodrome_net::resp::{Args, Encoder};

/// Arguments of a command that are kept.
const ARGS_MAX: usize = 32;
/// Bytes of an argument that are kept.
const ARG_BYTES_MAX: usize = 128;
/// Commands whose arguments may be secrets.
const SECRETIVE: [&str; 3] = ["auth", "hello", "config|set"];

#[derive(Debug)]
struct Entry {
    id: u64,
    at_s: u64,
    took_us: u64,
    args: Vec<Vec<u8>>,
    peer: String,
    name: String,
}

/// What a command was and how long it took.
pub(crate) struct Slow<'a> {
    pub(crate) id: u64,
    pub(crate) at_s: u64,
    pub(crate) took_us: u64,
    /// The command's name in full.
    pub(crate) command: &'static str,
    pub(crate) args: Args<'a>,
    /// The client's address and name, where this shard knows them.
    pub(crate) client: (&'a str, &'a str),
}

/// Slow commands of one shard.
#[derive(Debug, Default)]
pub(crate) struct SlowLog(VecDeque<Entry>);

impl SlowLog {
    /// Enters a command and forgets the oldest beyond `len_max`.
    pub(crate) fn enter(&mut self, slow: &Slow<'_>, len_max: usize) {
        let (peer, name) = slow.client;
        self.0.push_front(Entry {
            id: slow.id,
            at_s: slow.at_s,
            took_us: slow.took_us,
            args: kept(slow),
            peer: peer.to_owned(),
            name: name.to_owned(),
        });
        self.0.truncate(len_max);
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets all entries.
    pub(crate) fn reset(&mut self) {
        self.0 = VecDeque::new();
    }

    /// Writes up to `count_max` entries as SLOWLOG GET does, the newest first.
    pub(crate) fn write(&self, count_max: usize, out: &mut Encoder<'_>) {
        out.array(self.0.len().min(count_max));
        for entry in self.0.iter().take(count_max) {
            out.array(6);
            out.integer(entry.id as i64);
            out.integer(entry.at_s as i64);
            out.integer(entry.took_us as i64);
            out.array(entry.args.len());
            entry.args.iter().for_each(|arg| out.bulk(arg));
            out.bulk_str(&entry.peer);
            out.bulk_str(&entry.name);
        }
    }
}

/// The arguments as far as they are kept.
fn kept(slow: &Slow<'_>) -> Vec<Vec<u8>> {
    let count = slow.args.len();
    let whole = if count > ARGS_MAX { ARGS_MAX - 1 } else { count };
    let words = slow.command.split('|').count();
    let secret = |index| index >= words && SECRETIVE.contains(&slow.command);
    let mut kept: Vec<Vec<u8>> = Vec::with_capacity(whole + 1);
    for (index, arg) in slow.args.iter().take(whole).enumerate() {
        kept.push(match arg.len() {
            _ if secret(index) => b"(redacted)".to_vec(),
            ..=ARG_BYTES_MAX => arg.to_vec(),
            len => {
                let more = format!("... ({} more bytes)", len - ARG_BYTES_MAX);
                [&arg[..ARG_BYTES_MAX], more.as_bytes()].concat()
            }
        });
    }
    if count > whole {
        kept.push(format!("... ({} more arguments)", count - whole).into_bytes());
    }
    kept
}

#[cfg(test)]
mod tests {
    use velodrome_net::resp::{Proto, Span};

    use super::*;

    fn written(log: &SlowLog) -> String {
        let mut bytes = Vec::new();
        log.write(10, &mut Encoder::new(&mut bytes, Proto::Resp2));
        String::from_utf8(bytes).unwrap()
    }

    fn enter(log: &mut SlowLog, id: u64, command: &'static str, arg: &str, count: usize) {
        let spans = vec![Span::of_request(0, arg.len()); count];
        let args = Args::new(arg.as_bytes(), &spans);
        let client = ("10.0.0.1:7", "me");
        log.enter(&Slow { id, at_s: 5, took_us: 9, command, args, client }, 2);
    }

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let mut log = SlowLog::default();
        (1..=3).for_each(|id| enter(&mut log, id, "get", "get", 1));
        let entry = |id| {
            format!(
                "*6\r\n:{id}\r\n:5\r\n:9\r\n*1\r\n$3\r\nget\r\n$10\r\n10.0.0.1:7\r\n$2\r\nme\r\n"
            )
        };
        assert_eq!(written(&log), format!("*2\r\n{}{}", entry(3), entry(2)));
        log.reset();
        assert_eq!((written(&log).as_str(), log.len()), ("*0\r\n", 0));
    }

    #[test]
    fn arguments_are_cut_and_secrets_left_out() {
        let mut log = SlowLog::default();
        enter(&mut log, 1, "mget", &"x".repeat(200), 40);
        let text = written(&log);
        assert!(text.contains("xx... (72 more bytes)\r\n"), "{text}");
        assert!(text.contains("*32\r\n") && text.contains("... (9 more arguments)"), "{text}");
        log.reset();
        enter(&mut log, 2, "config|set", "word", 4);
        assert!(written(&log).contains("*4\r\n$4\r\nword\r\n$4\r\nword\r\n$10\r\n(redacted)\r\n"));
    }
}
