//! Commands on a shard as a whole: DBSIZE, FLUSHALL, RANDOMKEY, the keys of a slot.
//!
//! Each answers for this shard only; who asked every shard combines the parts. Cost: constant,
//! but for the keys of a slot, which are as many as were asked for.

use velodrome_engine::{Effects, Engine};
use velodrome_net::command::{ClusterCommand, Command};
use velodrome_net::resp::Encoder;

use super::key_list::KeyList;
use super::moment::Moment;
use super::ranking;

/// Runs this shard's part of a command on data that names no key; false, with nothing written,
/// when the command is none.
pub(crate) fn on_shard<E: Effects>(
    engine: &mut Engine<E>,
    command: &Command<'_>,
    db: u8,
    moment: &Moment,
    out: &mut Encoder<'_>,
) -> bool {
    match command {
        Command::DbSize => out.integer(engine.len(db) as i64),
        Command::FlushDb { .. } => {
            engine.flush(Some(db), moment.now_ms);
            out.ok();
        }
        Command::FlushAll { .. } => {
            engine.flush(None, moment.now_ms);
            out.ok();
        }
        Command::RandomKey => random_key(engine, db, moment, out),
        Command::HotKeys { .. } => ranking::hot_keys(engine, moment.now_ms, out),
        Command::BigKeys { count } => ranking::big_keys(engine, *count, moment.now_ms, out),
        Command::Cluster(ClusterCommand::CountKeysInSlot { slot }) => {
            out.integer(engine.slot_len(*slot) as i64);
        }
        Command::Cluster(ClusterCommand::GetKeysInSlot { slot, count }) => {
            slot_keys(engine, *slot, *count, moment, out);
        }
        _ => return false,
    }
    true
}

/// Writes a key with this shard's lot, or that there is none.
fn random_key<E: Effects>(engine: &mut Engine<E>, db: u8, moment: &Moment, out: &mut Encoder<'_>) {
    let lot = engine.lot(db);
    match engine.random_key(db, moment.now_ms) {
        Some(key) => {
            out.array(2);
            out.integer(lot as i64);
            out.bulk(key);
        }
        None => out.null(),
    }
}

/// Writes up to `count` keys of a slot.
fn slot_keys<E: Effects>(
    engine: &mut Engine<E>,
    slot: u16,
    count: u64,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    let count_max = count.min(engine.slot_len(slot)) as usize;
    let mut keys = KeyList::default();
    if count_max == 0 {
        return out.array(0);
    }
    engine.slot_keys(0, slot, count_max, moment.now_ms, &mut |key| keys.push(key));
    out.array(keys.len());
    keys.iter().for_each(|key| out.bulk(key));
}

#[cfg(test)]
mod tests {
    use super::super::conversation::Conversation;

    #[test]
    fn a_shard_is_counted_and_emptied() {
        let mut conversation = Conversation::new();
        conversation.check(&[
            ("DBSIZE", ":0"),
            ("RANDOMKEY", "$-1"),
            ("SET k v", "+OK"),
            ("DBSIZE", ":1"),
        ]);
        let drawn = conversation.say("RANDOMKEY");
        assert!(drawn.starts_with("*2 :") && drawn.ends_with(" $1 k"), "{drawn}");
        conversation.check(&[
            ("CLUSTER COUNTKEYSINSLOT 7629", ":1"),
            ("CLUSTER GETKEYSINSLOT 7629 10", "*1 $1 k"),
            ("CLUSTER GETKEYSINSLOT 7629 0", "*0"),
            ("CLUSTER COUNTKEYSINSLOT 1", ":0"),
            ("FLUSHDB", "+OK"),
            ("DBSIZE", ":0"),
            ("GET k", "$-1"),
        ]);
    }

    #[test]
    fn databases_are_apart() {
        let mut conversation = Conversation::new();
        conversation.check(&[("SET k 0", "+OK")]);
        conversation.db = 3;
        conversation.check(&[("GET k", "$-1"), ("SET k 3", "+OK"), ("FLUSHDB", "+OK")]);
        conversation.check(&[("SET k 3", "+OK")]);
        conversation.db = 0;
        conversation.check(&[("GET k", "$1 0"), ("FLUSHALL ASYNC", "+OK"), ("DBSIZE", ":0")]);
        conversation.db = 3;
        conversation.check(&[("DBSIZE", ":0")]);
    }
}
