//! One page of SCAN and KEYS.
//!
//! Invariant: a key present throughout a scan is on exactly one of its pages, unless filtered.
//! Cost: at most `SCAN_ITEMS_MAX` items are looked at, whatever the filters let through.

use velodrome_engine::limits::SCAN_ITEMS_MAX as ENGINE_STEP_ITEMS_MAX;
use velodrome_engine::{Cursor, Effects, Engine};
use velodrome_net::command::Scan;

use crate::limits::SCAN_ITEMS_MAX;

use super::glob;
use super::key_list::KeyList;
use super::moment::Moment;

/// What one step of a scan found.
#[derive(Debug)]
pub(crate) struct Page {
    /// Where the scan goes on; `None` when this shard has no more.
    pub(crate) next: Option<Cursor>,
    /// The keys that the filters let through.
    pub(crate) keys: KeyList,
    /// How many items were looked at, let through or not.
    pub(crate) looked_at: usize,
}

/// Scans this shard from `cursor` on, about `scan.count` items far; `scan.cursor` is not read.
pub(crate) fn scan_page<E: Effects>(
    engine: &mut Engine<E>,
    scan: &Scan<'_>,
    cursor: Cursor,
    db: u8,
    moment: &Moment,
) -> Page {
    let count = scan.count.clamp(1, SCAN_ITEMS_MAX as u64) as usize;
    let typed = scan.type_name.is_none_or(|name| name.eq_ignore_ascii_case(b"string"));
    let wanted =
        |key: &[u8]| typed && scan.pattern.is_none_or(|pattern| glob::matches(pattern, key));
    let mut page = Page { next: Some(cursor), keys: KeyList::default(), looked_at: 0 };
    while page.looked_at < count
        && let Some(from) = page.next
    {
        let step = (count - page.looked_at).min(ENGINE_STEP_ITEMS_MAX);
        let (keys, looked_at) = (&mut page.keys, &mut page.looked_at);
        let before = *looked_at;
        page.next = engine.scan(db, from, step, moment.now_ms, &mut |key, _| {
            *looked_at += 1;
            if wanted(key) {
                keys.push(key);
            }
        });
        if *looked_at == before {
            // A step of empty slots or expired items counts too, else it could go on for long.
            *looked_at += 1;
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::conversation::Conversation;
    use super::*;

    fn scan_all(conversation: &mut Conversation, scan: &Scan<'_>) -> (BTreeSet<Vec<u8>>, usize) {
        let (mut found, mut pages) = (BTreeSet::new(), 0);
        let mut next = Some(Cursor::default());
        while let Some(cursor) = next {
            let moment = conversation.moment;
            let page = scan_page(&mut conversation.engine, scan, cursor, 0, &moment);
            assert!(page.looked_at <= SCAN_ITEMS_MAX + ENGINE_STEP_ITEMS_MAX);
            for key in page.keys.iter() {
                assert!(found.insert(key.to_vec()), "a key came twice");
            }
            (next, pages) = (page.next, pages + 1);
        }
        (found, pages)
    }

    #[test]
    fn pages_hold_every_key_once_and_filters_choose() {
        let mut conversation = Conversation::new();
        for number in 0..3_000 {
            conversation.check(&[(&format!("SET key:{number} v"), "+OK")]);
        }
        let scan = |pattern, count, type_name| Scan { cursor: 0, pattern, count, type_name };
        let (found, pages) = scan_all(&mut conversation, &scan(None, u64::MAX, None));
        assert_eq!(found.len(), 3_000);
        assert!(pages >= 2, "a page is bounded");
        let (found, _) = scan_all(&mut conversation, &scan(Some(b"key:1?"), 10, Some(b"String")));
        assert_eq!(found.len(), 10);
        let (found, _) = scan_all(&mut conversation, &scan(None, 100, Some(b"hash")));
        assert!(found.is_empty());
    }
}
