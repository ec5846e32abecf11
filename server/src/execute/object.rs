//! What is known about a key: TYPE, OBJECT, MEMORY USAGE.
//!
//! Invariant: looking at a key this way leaves its recency alone. Cost: one look.

use velodrome_engine::{Effects, Engine, Key, ValueRef};
use velodrome_net::command::ObjectCommand;
use velodrome_net::resp::{Encoder, parse_i64};

use super::moment::Moment;

/// Longest value that Redis keeps beside its header.
const EMBEDDED_LEN_MAX_BYTES: usize = 44;
/// Longest text that can be a 64-bit integer.
const INTEGER_LEN_MAX_BYTES: usize = 20;

/// OBJECT FREQ where uses are not counted.
const NOT_LFU: &str = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. \
                       Please note that when switching between policies at runtime LRU and LFU \
                       data will take some time to adjust.";
/// OBJECT IDLETIME where only uses are counted.
const IS_LFU: &str = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note \
                      that when switching between policies at runtime LRU and LFU data will take \
                      some time to adjust.";

/// TYPE
pub(super) fn type_name<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    let exists = engine.peek(key, moment.now_ms).is_some();
    out.simple(if exists { "string" } else { "none" });
}

/// OBJECT
pub(super) fn object<E: Effects>(
    engine: &mut Engine<E>,
    command: &ObjectCommand<'_>,
    key: &Key<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    let Some(item) = engine.peek(key, moment.now_ms) else { return out.null() };
    match command {
        ObjectCommand::Encoding { .. } => out.bulk_str(encoding(item.value)),
        ObjectCommand::RefCount { .. } => out.integer(1),
        ObjectCommand::Freq { .. } if !engine.policy().counts_uses() => out.error(NOT_LFU),
        ObjectCommand::Freq { .. } => {
            out.integer(engine.frequency(key).map_or(0, i64::from));
        }
        ObjectCommand::IdleTime { .. } if engine.policy().counts_uses() => out.error(IS_LFU),
        ObjectCommand::IdleTime { .. } => {
            let idle_ms = engine.idle_ms(key, moment.now_ms).unwrap_or(0);
            out.integer((idle_ms / 1000) as i64);
        }
        ObjectCommand::Help => unreachable!("OBJECT HELP names no key"),
    }
}

/// What Redis would call the representation of a string that SET has written.
fn encoding(value: ValueRef<'_>) -> &'static str {
    // Unpacking what is long would be in vain.
    match value.len() {
        ..=INTEGER_LEN_MAX_BYTES if parse_i64(&value.as_bytes()).is_some() => "int",
        ..=EMBEDDED_LEN_MAX_BYTES => "embstr",
        _ => "raw",
    }
}

/// MEMORY USAGE
pub(super) fn usage<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    match engine.item_bytes(key, moment.now_ms) {
        Some(bytes) => out.integer(bytes as i64),
        None => out.null(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::conversation::check;

    #[test]
    fn keys_are_described() {
        let long = "x".repeat(45);
        check(&[
            ("TYPE k", "+none"),
            ("OBJECT ENCODING k", "$-1"),
            ("MEMORY USAGE k", "$-1"),
            ("SET k 12", "+OK"),
            ("TYPE k", "+string"),
            ("OBJECT ENCODING k", "$3 int"),
            ("OBJECT REFCOUNT k", ":1"),
            ("MEMORY USAGE k", ":29"),
            ("SET k 9223372036854775808", "+OK"),
            ("OBJECT ENCODING k", "$6 embstr"),
            (&format!("SET k {}", &long[1..]), "+OK"),
            ("OBJECT ENCODING k", "$6 embstr"),
            (&format!("SET k {long} EX 10"), "+OK"),
            ("OBJECT ENCODING k", "$3 raw"),
            ("MEMORY USAGE k SAMPLES 5", ":77"),
            (&format!("SET k {}", "x".repeat(300_000)), "+OK"),
            ("MEMORY USAGE k", ":303135"),
        ]);
    }
}
