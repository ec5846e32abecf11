//! Which keys a pattern means: KEYS, SCAN MATCH, CONFIG GET.
//!
//! `*` any bytes, `?` one byte, `[ab]` `[a-z]` `[^a]` one byte of a class, `\` takes away a byte's
//! meaning; a class that is not closed ends with the pattern. Invariant: no pattern costs more
//! than its length times the text's: only the last `*` is ever tried again.

/// Whether `text` matches `pattern`.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    run(pattern, text, false)
}

/// Whether `text` matches `pattern`, letters in any case.
pub(crate) fn matches_any_case(pattern: &[u8], text: &[u8]) -> bool {
    run(pattern, text, true)
}

fn run(pattern: &[u8], text: &[u8], any_case: bool) -> bool {
    let (mut at, mut read) = (0, 0);
    // Where to go on when what follows the last star does not match: behind the star, and one
    // byte of text further than the last time.
    let mut retry = None;
    loop {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            if at == pattern.len() {
                return true;
            }
            retry = Some((at, read));
            continue;
        }
        match text.get(read) {
            None => return at == pattern.len(),
            Some(byte) => {
                if let Some(len) = one(&pattern[at..], *byte, any_case) {
                    (at, read) = (at + len, read + 1);
                    continue;
                }
            }
        }
        let Some((star, from)) = retry else { return false };
        retry = Some((star, from + 1));
        (at, read) = (star, from + 1);
    }
}

/// The length of the pattern's first element if it matches `byte`; no star is there.
fn one(pattern: &[u8], byte: u8, any_case: bool) -> Option<usize> {
    let same = |other: u8| fold(other, any_case) == fold(byte, any_case);
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', ..] => class(pattern, byte, any_case),
        [b'\\', escaped, ..] => same(*escaped).then_some(2),
        [plain, ..] => same(*plain).then_some(1),
    }
}

/// The length of the class that the pattern starts with if it holds `byte`.
fn class(pattern: &[u8], byte: u8, any_case: bool) -> Option<usize> {
    let byte = fold(byte, any_case);
    let negated = pattern.get(1) == Some(&b'^');
    let mut at = 1 + usize::from(negated);
    let mut found = false;
    loop {
        match &pattern[at..] {
            [] => break,
            [b'\\', escaped, ..] => {
                found |= fold(*escaped, any_case) == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [first, b'-', last, ..] => {
                let (first, last) = (fold(*first, any_case), fold(*last, any_case));
                found |= (first.min(last)..=first.max(last)).contains(&byte);
                at += 3;
            }
            [single, ..] => {
                found |= fold(*single, any_case) == byte;
                at += 1;
            }
        }
    }
    (found != negated).then_some(at)
}

fn fold(byte: u8, any_case: bool) -> u8 {
    if any_case { byte.to_ascii_lowercase() } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_redis() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("", "", true),
            ("", "a", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h*llo", "hllo", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("h[a-b]llo", "hcllo", false),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hello", false),
            ("a\\", "a\\", true),
            ("[\\]]", "]", true),
            ("[a\\-z]", "-", true),
            ("[a\\-z]", "b", false),
            ("[abc", "b", true),
            ("[abc", "d", false),
            ("[^]", "a", true),
            ("[", "a", false),
            ("[]", "a", false),
            ("[a-]", "b", false),
            ("user:*:name", "user:1:2:name", true),
            ("user:*:name", "user:1:names", false),
            ("*a*b*c", "xaybzc", true),
            ("*a*b*c", "xaybzcd", false),
            ("**a**", "bab", true),
            ("a*", "a", true),
            ("a?", "a", false),
            ("A", "a", false),
        ] {
            let found = matches(pattern.as_bytes(), text.as_bytes());
            assert_eq!(found, expected, "{pattern} on {text}");
        }
        assert!(matches_any_case(b"Max*[A-C]", b"maxmemoryb"));
        assert!(!matches_any_case(b"Max*[A-C]", b"maxmemoryd"));
    }

    #[test]
    fn many_stars_cost_no_more_than_the_product_of_the_lengths() {
        let pattern = b"*a".repeat(500);
        let text = [b"a".repeat(499), vec![b'b'; 5_000]].concat();
        assert!(!matches(&pattern, &text));
    }

    #[test]
    fn garbage_never_panics() {
        let mut state = 11_u64;
        for _ in 0..50_000 {
            let mut bytes = [0; 12];
            for byte in &mut bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = b"*?[]^-\\ab"[(state >> 33) as usize % 9];
            }
            let (pattern, text) = bytes.split_at((state >> 40) as usize % 12);
            matches(pattern, text);
        }
    }
}
