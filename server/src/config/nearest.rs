//! The known name nearest to an unknown one, for "did you mean".
//!
//! Owns the distance: Levenshtein's, insertions, deletions and substitutions costing 1.
//! Cost: product of the two lengths, both short.

use super::limits::SUGGESTION_DISTANCE_MAX;

/// The nearest of `known` to `name`, if any is near enough to be a slip of the pen.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance_max = SUGGESTION_DISTANCE_MAX.min(name.len().div_ceil(3));
    known
        .into_iter()
        .map(|candidate| (distance(name.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= distance_max)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in
            [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("shards", "shard", 1)]
        {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["shards", "max-memory", "bind"];
        assert_eq!(nearest("shard", known), Some("shards"));
        assert_eq!(nearest("maxmemory", known), Some("max-memory"));
        assert_eq!(nearest("replicas", known), None);
    }
}
