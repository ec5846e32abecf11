//! Whether an answer is one its request may have.
//!
//! Owns the rules. Invariant: no value passes that does not belong to its key. Cost: one compare
//! of the value's bytes.

use crate::protocol::Answer;
use crate::workload::{Kind, Workload};

/// What an answer turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it must be.
    Right,
    /// The key, or one of the keys, is not there.
    Missing,
    /// Not a possible answer.
    Wrong,
    /// The server said no.
    Refused,
}

/// Judges the answer to a request of `kind` about key `key`.
#[inline]
pub(super) fn judge(workload: &Workload, kind: Kind, key: u64, answer: &Answer<'_>) -> Verdict {
    let right = match (kind, answer) {
        (_, Answer::Refused(_)) => return Verdict::Refused,
        (Kind::Get, Answer::Value(bytes)) => workload.values.matches(key, bytes),
        (Kind::Get | Kind::Incr, Answer::Missing) => return Verdict::Missing,
        (Kind::Get, Answer::Echoed(_)) => true,
        (Kind::Set | Kind::Zero | Kind::Mset, Answer::Done) => true,
        (Kind::Delete, Answer::Number(0 | 1) | Answer::Missing) => true,
        (Kind::Incr, Answer::Number(count)) => *count >= 1,
        (Kind::Mget, Answer::Values(values)) => return judge_values(workload, key, values),
        (Kind::Mget, Answer::Named(values)) => return judge_named(workload, key, values),
        _ => false,
    };
    if right { Verdict::Right } else { Verdict::Wrong }
}

fn judge_values(workload: &Workload, first: u64, values: &[Option<&[u8]>]) -> Verdict {
    let matches = |(key, value): (u64, &Option<&[u8]>)| match value {
        Some(bytes) => workload.values.matches(key, bytes),
        None => true,
    };
    if values.len() != workload.multi_keys as usize
        || !workload.many(first).zip(values).all(matches)
    {
        Verdict::Wrong
    } else if values.contains(&None) {
        Verdict::Missing
    } else {
        Verdict::Right
    }
}

fn judge_named(workload: &Workload, first: u64, values: &[(&[u8], &[u8])]) -> Verdict {
    let (mut values, mut missing, mut expected) = (values.iter().peekable(), false, Vec::new());
    for key in workload.many(first) {
        workload.keys.write(key, &mut expected);
        match values.next_if(|(name, _)| *name == expected) {
            Some((_, bytes)) if workload.values.matches(key, bytes) => {}
            Some(_) => return Verdict::Wrong,
            None => missing = true,
        }
    }
    match (values.next(), missing) {
        (Some(_), _) => Verdict::Wrong,
        (None, true) => Verdict::Missing,
        (None, false) => Verdict::Right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{KeyDraw, KeySpace, Lengths, Mix, Values};

    fn workload() -> Workload {
        Workload {
            keys: KeySpace::numbered("k", 4, 10),
            draw: KeyDraw::Uniform,
            values: Values::new(Lengths::parse("20").unwrap()),
            mix: Mix::only(Kind::Get),
            ttl_s: None,
            multi_keys: 2,
            seed: 1,
        }
    }

    #[test]
    fn only_the_keys_own_value_is_right() {
        let workload = workload();
        let value = |key| {
            let mut bytes = Vec::new();
            workload.values.write(key, 20, &mut bytes);
            bytes
        };
        let (three, four) = (value(3), value(4));
        let check = |kind, answer: Answer<'_>, expected| {
            assert_eq!(judge(&workload, kind, 3, &answer), expected, "{kind:?} {answer:?}");
        };
        check(Kind::Get, Answer::Value(&three), Verdict::Right);
        check(Kind::Get, Answer::Value(&four), Verdict::Wrong);
        check(Kind::Get, Answer::Missing, Verdict::Missing);
        check(Kind::Get, Answer::Done, Verdict::Wrong);
        check(Kind::Get, Answer::Refused(b"ERR"), Verdict::Refused);
        check(Kind::Set, Answer::Done, Verdict::Right);
        check(Kind::Set, Answer::Missing, Verdict::Wrong);
        check(Kind::Delete, Answer::Missing, Verdict::Right);
        check(Kind::Delete, Answer::Number(2), Verdict::Wrong);
        check(Kind::Incr, Answer::Number(0), Verdict::Wrong);
        let (some_three, some_four) = (Some(&three[..]), Some(&four[..]));
        check(Kind::Mget, Answer::Values(vec![some_three, some_four]), Verdict::Right);
        check(Kind::Mget, Answer::Values(vec![some_three, None]), Verdict::Missing);
        check(Kind::Mget, Answer::Values(vec![some_four, some_three]), Verdict::Wrong);
        check(Kind::Mget, Answer::Values(vec![some_three]), Verdict::Wrong);
        let named = |names: &[(&'static str, &Vec<u8>)]| {
            let pairs: Vec<_> =
                names.iter().map(|(name, v)| (name.as_bytes(), v.to_vec())).collect();
            pairs
        };
        let check_named = |pairs: Vec<(&[u8], Vec<u8>)>, expected| {
            let pairs = pairs.iter().map(|(name, value)| (*name, &value[..])).collect();
            assert_eq!(judge(&workload, Kind::Mget, 3, &Answer::Named(pairs)), expected);
        };
        check_named(named(&[("k003", &three), ("k004", &four)]), Verdict::Right);
        check_named(named(&[("k004", &four)]), Verdict::Missing);
        check_named(named(&[("k003", &four)]), Verdict::Wrong);
        check_named(named(&[("k005", &three)]), Verdict::Wrong);
    }
}
