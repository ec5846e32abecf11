//! HOTKEYS and BIGKEYS: what each shard knows, and what the node answers.
//!
//! A shard's part is a flat array of its own figures; who asked every shard ranks the keys of all
//! parts. Invariant: a key lies on one shard, so no key is counted in two parts. Cost: a shard has
//! at most a hundred hot keys and as many large items as its list.

use velodrome_engine::{Effects, Engine, HotKey, HotKeys, LargestItem};
use velodrome_net::resp::{Encoder, Reply};

use crate::limits::HOT_SHARE_MIN;

/// Writes a shard's part of HOTKEYS: all accesses, then key, database and accesses of each key.
pub(super) fn hot_keys<E: Effects>(engine: &mut Engine<E>, now_ms: u64, out: &mut Encoder<'_>) {
    let HotKeys { accesses, keys } = engine.hot_keys(usize::MAX, now_ms);
    out.array(1 + 3 * keys.len());
    out.integer(accesses as i64);
    for HotKey { db, key, accesses } in keys {
        out.bulk(&key);
        out.integer(db.into());
        out.integer(accesses as i64);
    }
}

/// Writes a shard's part of BIGKEYS: key, database and bytes of each item.
pub(super) fn big_keys<E: Effects>(
    engine: &Engine<E>,
    count: u64,
    now_ms: u64,
    out: &mut Encoder<'_>,
) {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let items = engine.largest_items(count, now_ms);
    out.array(3 * items.len());
    for LargestItem { db, key, bytes } in items {
        out.bulk(&key);
        out.integer(db.into());
        out.integer(bytes as i64);
    }
}

/// Writes the node's hottest keys.
pub(crate) fn combine_hot(parts: &[&[u8]], count: u64, out: &mut Encoder<'_>) {
    let mut accesses = 0;
    let mut ranked = Vec::new();
    for part in parts {
        let mut figures = Figures::of(part);
        accesses += figures.integer();
        ranked.extend(figures);
    }
    ranked.retain(|key| key.amount * HOT_SHARE_MIN > accesses);
    write(ranked, count, out, 4, |out, key| {
        out.bulk_str("accesses");
        out.integer(key.amount);
        out.bulk_str("percent");
        out.double((key.amount as f64 * 10_000.0 / accesses as f64).round() / 100.0);
    });
}

/// Writes the node's largest items.
pub(crate) fn combine_big(parts: &[&[u8]], count: u64, out: &mut Encoder<'_>) {
    let ranked = parts.iter().flat_map(|part| Figures::of(part)).collect();
    write(ranked, count, out, 3, |out, key| {
        out.bulk_str("bytes");
        out.integer(key.amount);
    });
}

/// One key of a part.
#[derive(Debug)]
struct Ranked<'a> {
    key: &'a [u8],
    db: i64,
    amount: i64,
}

/// Writes the first `count` by amount, each as a map of `fields`.
fn write(
    mut ranked: Vec<Ranked<'_>>,
    count: u64,
    out: &mut Encoder<'_>,
    fields: usize,
    rest: impl Fn(&mut Encoder<'_>, &Ranked<'_>),
) {
    ranked.sort_by_key(|key| std::cmp::Reverse(key.amount));
    ranked.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    out.write(Reply::Array(ranked.len()));
    for key in ranked {
        out.map(fields);
        out.bulk_str("key");
        out.bulk(key.key);
        out.bulk_str("db");
        out.integer(key.db);
        rest(out, &key);
    }
}

/// The elements of a part, which our own encoder has written.
struct Figures<'a>(&'a [u8]);

impl<'a> Figures<'a> {
    fn of(part: &'a [u8]) -> Self {
        let mut figures = Self(part);
        figures.integer();
        figures
    }

    /// The number in the next line, whatever the line says.
    fn integer(&mut self) -> i64 {
        let end = memchr::memchr(b'\r', self.0).expect("a line has an end");
        let digits = std::str::from_utf8(&self.0[1..end]).expect("our own numbers are text");
        self.0 = &self.0[end + 2..];
        digits.parse().expect("our own line holds a number")
    }

    fn bulk(&mut self) -> &'a [u8] {
        let len = self.integer() as usize;
        let bytes = &self.0[..len];
        self.0 = &self.0[len + 2..];
        bytes
    }
}

impl<'a> Iterator for Figures<'a> {
    type Item = Ranked<'a>;

    fn next(&mut self) -> Option<Ranked<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let key = self.bulk();
        Some(Ranked { key, db: self.integer(), amount: self.integer() })
    }
}

#[cfg(test)]
mod tests {
    use velodrome_net::resp::Proto;

    use super::*;

    fn part(total: Option<i64>, keys: &[(&str, i64)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut out = Encoder::new(&mut bytes, Proto::Resp2);
        out.array(usize::from(total.is_some()) + 3 * keys.len());
        total.into_iter().for_each(|total| out.integer(total));
        for (key, amount) in keys {
            out.bulk_str(key);
            out.integer(3);
            out.integer(*amount);
        }
        bytes
    }

    fn text(write: impl FnOnce(&mut Encoder<'_>)) -> String {
        let mut bytes = Vec::new();
        write(&mut Encoder::new(&mut bytes, Proto::Resp3));
        String::from_utf8(bytes).unwrap().replace("\r\n", " ")
    }

    #[test]
    fn shards_are_ranked_together() {
        let one = part(Some(8_000), &[("a", 200), ("b\r\n", 4_000)]);
        let two = part(Some(2_000), &[("cold", 100), ("c", 1_000)]);
        let parts = [&one[..], &two[..]];
        assert_eq!(
            text(|out| combine_hot(&parts, 10, out)),
            "*3 %4 $3 key $3 b  $2 db :3 $8 accesses :4000 $7 percent ,40 \
             %4 $3 key $1 c $2 db :3 $8 accesses :1000 $7 percent ,10 \
             %4 $3 key $1 a $2 db :3 $8 accesses :200 $7 percent ,2 "
        );
        assert_eq!(text(|out| combine_hot(&[&part(Some(0), &[])], 10, out)), "*0 ");
    }

    #[test]
    fn the_largest_of_all_shards_are_named() {
        let parts = [part(None, &[("a", 7), ("b", 5)]), part(None, &[("c", 6)]), part(None, &[])];
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        assert_eq!(
            text(|out| combine_big(&parts, 2, out)),
            "*2 %3 $3 key $1 a $2 db :3 $5 bytes :7 %3 $3 key $1 c $2 db :3 $5 bytes :6 "
        );
    }
}
