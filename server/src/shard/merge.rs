//! Parts of several shards that are more than put one after the other: logs and histograms.
//!
//! Invariant: the parts come from our own encoder, so whatever they lack is our own fault. Cost:
//! rare commands; every part is walked once.

use hdrhistogram::Histogram;
use velodrome_net::command::{COMMANDS, Spec};
use velodrome_net::resp::{Encoder, ReplyParser, Value};

use crate::shard::plan::{header_of, text_of};
use crate::turn_times;

/// The elements of the parts' arrays, each with the integer it begins with.
fn elements<'a>(parts: &[&'a [u8]]) -> Vec<(i64, &'a [u8])> {
    let mut found = Vec::new();
    for part in parts {
        let (count, mut rest) = header_of(part);
        for _ in 0..count {
            let skipped = ReplyParser::new().skip(rest).expect("a sound part");
            let (element, after) = rest.split_at(skipped.expect("a whole part").consumed);
            let (_, inside) = header_of(element);
            found.push((header_of(inside).0, element));
            rest = after;
        }
    }
    found
}

fn write_array(elements: &[(i64, &[u8])], out: &mut Encoder<'_>) {
    out.array(elements.len());
    elements.iter().for_each(|(_, element)| out.encoded(element));
}

/// SLOWLOG GET: the entries with the highest ids first, `count_max` at most.
pub(super) fn newest(parts: &[&[u8]], count_max: usize, out: &mut Encoder<'_>) {
    let mut all = elements(parts);
    all.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    all.truncate(count_max);
    write_array(&all, out);
}

/// LATENCY HISTORY: the earliest first.
pub(super) fn earliest(parts: &[&[u8]], out: &mut Encoder<'_>) {
    let mut all = elements(parts);
    all.sort_by_key(|(at_s, _)| *at_s);
    write_array(&all, out);
}

/// LATENCY LATEST: a kind of spike once, with its latest and its longest.
pub(super) fn latest(parts: &[&[u8]], out: &mut Encoder<'_>) {
    let mut kinds: Vec<(&[u8], [i64; 3])> = Vec::new();
    for part in parts {
        let parsed = ReplyParser::new().next(part).expect("a sound part");
        let Some((_, Value::Array(elements))) = parsed else { continue };
        for element in elements {
            let Value::Array(fields) = element else { continue };
            use Value::{Bulk, Integer};
            let [Bulk(name), Integer(at_s), Integer(ms), Integer(most)] = fields[..] else {
                continue;
            };
            match kinds.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => {
                    let longest = known[2].max(most);
                    if at_s > known[0] {
                        *known = [at_s, ms, longest];
                    }
                    known[2] = longest;
                }
                None => kinds.push((name, [at_s, ms, most])),
            }
        }
    }
    out.array(kinds.len());
    for (name, figures) in kinds {
        out.array(4);
        out.bulk(name);
        figures.into_iter().for_each(|figure| out.integer(figure));
    }
}

/// LATENCY HISTOGRAM of the commands named, of all when none is.
pub(super) fn histograms(parts: &[&[u8]], names: &[Vec<u8>], out: &mut Encoder<'_>) {
    let mut found: Vec<(&Spec, Histogram<u64>)> = Vec::new();
    let all = || COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands));
    for line in parts.iter().flat_map(|part| lines(part)) {
        let (id, counts) = line.split_once(' ').expect("a line begins with an id");
        let id: u16 = id.parse().expect("a number");
        let Some(spec) = all().find(|spec| spec.id == id) else { continue };
        let known = found.iter().position(|(known, _)| known.id == id).unwrap_or_else(|| {
            found.push((spec, turn_times::empty()));
            found.len() - 1
        });
        turn_times::merge(&mut found[known].1, counts);
    }
    found.retain(|(spec, _)| names.is_empty() || names.iter().any(|name| means(name, spec)));
    out.map(found.len());
    for (spec, histogram) in found {
        out.bulk_str(spec.full_name);
        out.map(2);
        out.bulk_str("calls");
        out.integer(histogram.len() as i64);
        out.bulk_str("histogram_usec");
        write_doubling(&histogram, out);
    }
}

/// Whether `name` is the command's, or its container's.
fn means(name: &[u8], spec: &Spec) -> bool {
    let container = spec.full_name.split('|').next().unwrap_or_default();
    [spec.full_name, container].iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

fn lines(part: &[u8]) -> impl Iterator<Item = &str> {
    std::str::from_utf8(text_of(part)).expect("shards write text").lines()
}

/// How many calls took at most 1, 2, 4 … µs, where that is more than before.
fn write_doubling(histogram: &Histogram<u64>, out: &mut Encoder<'_>) {
    let mut steps: Vec<(u64, u64)> = Vec::new();
    let mut up_to_us = 1;
    loop {
        let count = histogram.count_between(0, up_to_us);
        if count > steps.last().map_or(0, |(_, before)| *before) {
            steps.push((up_to_us, count));
        }
        if count >= histogram.len() {
            break;
        }
        up_to_us *= 2;
    }
    out.map(steps.len());
    for (us, count) in steps {
        out.integer(us as i64);
        out.integer(count as i64);
    }
}

#[cfg(test)]
mod tests {
    use velodrome_net::command::find;
    use velodrome_net::resp::Proto;

    use super::*;

    fn check(merge: impl FnOnce(&[&[u8]], &mut Encoder<'_>), parts: &[&str], expected: &str) {
        let parts: Vec<String> = parts.iter().map(|part| part.replace(' ', "\r\n")).collect();
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        let mut bytes = Vec::new();
        merge(&parts, &mut Encoder::new(&mut bytes, Proto::Resp2));
        assert_eq!(String::from_utf8(bytes).unwrap().replace("\r\n", " "), expected);
    }

    #[test]
    fn elements_are_put_in_order() {
        let parts = ["*2 *1 :9 *1 :3 ", "*0 ", "*1 *2 :5 $1 x "];
        check(|parts, out| newest(parts, 2, out), &parts, "*2 *1 :9 *2 :5 $1 x ");
        check(earliest, &parts, "*3 *1 :3 *2 :5 $1 x *1 :9 ");
    }

    #[test]
    fn a_kind_of_spike_stands_once() {
        let parts = ["*1 *4 $4 turn :7 :2 :9 ", "*1 *4 $4 turn :8 :1 :3 "];
        check(latest, &parts, "*1 *4 $4 turn :8 :1 :9 ");
    }

    #[test]
    fn histograms_are_merged_and_doubled() {
        let id = find(b"get").unwrap().id;
        let text = format!("{id} 1 2 3 4 \n");
        let part = format!("${}\r\n{text}\r\n", text.len());
        let parts = [part.as_bytes(), part.as_bytes()];
        for (names, expected) in [
            (vec![], "*2 $3 get *4 $5 calls :12 $14 histogram_usec *4 :1 :4 :4 :12 "),
            (vec![b"set".to_vec()], "*0 "),
        ] {
            let mut bytes = Vec::new();
            histograms(&parts, &names, &mut Encoder::new(&mut bytes, Proto::Resp2));
            assert_eq!(String::from_utf8(bytes).unwrap().replace("\r\n", " "), expected);
        }
    }
}
