//! What is known about a key: TYPE, OBJECT, MEMORY USAGE.
//!
//! Invariant: looking at a key this way leaves its recency alone. Cost: one look.

use velodrome_engine::{Effects, Engine, Item, Key, ValueRef};
use velodrome_net::command::ObjectCommand;
use velodrome_net::resp::{Encoder, parse_i64};

use super::moment::Moment;

/// Longest value that Redis keeps beside its header.
const EMBEDDED_LEN_MAX_BYTES: usize = 44;
/// Longest text that can be a 64-bit integer.
const INTEGER_LEN_MAX_BYTES: usize = 20;

/// Bytes of a record's fixed header: version, shape and home.
const RECORD_HEADER_BYTES: usize = 24;
/// Bytes of each of a record's optional words: deadline, client flags.
const RECORD_WORD_BYTES: usize = 8;
/// Bytes of a large value's number, which its record holds instead of it.
const LARGE_NUMBER_BYTES: usize = 4;
/// Bytes of an index entry with its control byte.
const INDEX_ENTRY_BYTES: usize = 9;

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
        ObjectCommand::Encoding { .. } => out.bulk_str(encoding(item.value.as_bytes())),
        ObjectCommand::RefCount { .. } => out.integer(1),
        ObjectCommand::Freq { .. } => out.error(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please \
             note that when switching between policies at runtime LRU and LFU data will take \
             some time to adjust.",
        ),
        ObjectCommand::IdleTime { .. } => out
            .error("ERR idle time in seconds is not tracked: recency is counted in accesses here"),
        ObjectCommand::Help => unreachable!("OBJECT HELP names no key"),
    }
}

/// What Redis would call the representation of a string that SET has written.
fn encoding(value: &[u8]) -> &'static str {
    if value.len() <= INTEGER_LEN_MAX_BYTES && parse_i64(value).is_some() {
        "int"
    } else if value.len() <= EMBEDDED_LEN_MAX_BYTES {
        "embstr"
    } else {
        "raw"
    }
}

/// MEMORY USAGE
pub(super) fn usage<E: Effects>(
    engine: &mut Engine<E>,
    key: &Key<'_>,
    moment: &Moment,
    out: &mut Encoder<'_>,
) {
    match engine.peek(key, moment.now_ms) {
        Some(item) => out.integer(bytes_of(key, &item) as i64),
        None => out.null(),
    }
}

/// Bytes an item takes: its record, its index entry and a large value's mapping.
fn bytes_of(key: &Key<'_>, item: &Item<'_>) -> usize {
    let words = usize::from(item.deadline_ms.is_some()) + usize::from(item.client_flags != 0);
    let (inline, mapped) = match item.value {
        ValueRef::Inline(bytes) => (bytes.len(), 0),
        ValueRef::Large(large) => (LARGE_NUMBER_BYTES, large.mapped_len()),
    };
    let record = RECORD_HEADER_BYTES + words * RECORD_WORD_BYTES + key.bytes.len() + inline;
    record.next_multiple_of(8) + INDEX_ENTRY_BYTES + mapped
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
            ("MEMORY USAGE k", ":41"),
            ("SET k 9223372036854775808", "+OK"),
            ("OBJECT ENCODING k", "$6 embstr"),
            (&format!("SET k {}", &long[1..]), "+OK"),
            ("OBJECT ENCODING k", "$6 embstr"),
            (&format!("SET k {long} EX 10"), "+OK"),
            ("OBJECT ENCODING k", "$3 raw"),
            ("MEMORY USAGE k SAMPLES 5", ":89"),
            (&format!("SET k {}", "x".repeat(300_000)), "+OK"),
            ("MEMORY USAGE k", ":303145"),
        ]);
    }
}
