//! Globs over names of commands.
//!
//! Owns `*`, `?`, `[a-z]`, `[^a]` and `\`, as KEYS reads them, capitals making no difference.
//! Cost: a star that fails is tried again one byte on, from the last star only, so the work is at
//! most the product of both lengths.

/// Whether `text` matches `pattern` as a whole.
pub(super) fn matches_ignoring_case(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where to go on when what follows the last star does not match.
    let mut retry: Option<(usize, usize)> = None;
    while at_text < text.len() {
        if pattern.get(at_pattern) == Some(&b'*') {
            retry = Some((at_pattern + 1, at_text));
            at_pattern += 1;
        } else if let Some(len) = one(&pattern[at_pattern..], text[at_text]) {
            at_pattern += len;
            at_text += 1;
        } else if let Some((behind_star, from)) = retry {
            retry = Some((behind_star, from + 1));
            at_pattern = behind_star;
            at_text = from + 1;
        } else {
            return false;
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

/// Length of the element at the start of `pattern` if it matches `byte`.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => {
            let (len, matched) = in_class(class, byte);
            matched.then_some(len + 1)
        }
        [b'\\', escaped, ..] => escaped.eq_ignore_ascii_case(&byte).then_some(2),
        [literal, ..] => literal.eq_ignore_ascii_case(&byte).then_some(1),
        [] => None,
    }
}

/// Length of a class behind its `[`, the `]` included, and whether it holds `byte`.
fn in_class(class: &[u8], byte: u8) -> (usize, bool) {
    let byte = byte.to_ascii_lowercase();
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut matched = false;
    while at < class.len() && class[at] != b']' {
        let (low, high, len) = match class[at..] {
            [b'\\', escaped, ..] => (escaped, escaped, 2),
            [low, b'-', high, ..] if high != b']' => (low.min(high), low.max(high), 3),
            [single, ..] => (single, single, 1),
            [] => break,
        };
        matched |= (low.to_ascii_lowercase()..=high.to_ascii_lowercase()).contains(&byte);
        at += len;
    }
    ((at + 1).min(class.len()), matched != negated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let cases = [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("get", "GET", true),
            ("g?t", "get", true),
            ("g*t*", "getset", true),
            ("*set", "getset", true),
            ("*se", "getset", false),
            ("[a-h]et", "get", true),
            ("[^g]et", "get", false),
            ("[^g]et", "set", true),
            ("[", "a", false),
            ("[a", "a", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a", false),
            ("**a**", "bab", true),
            ("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ];
        for (pattern, text, want) in cases {
            let got = matches_ignoring_case(pattern.as_bytes(), text.as_bytes());
            assert_eq!(got, want, "{pattern:?} {text:?}");
        }
    }
}
