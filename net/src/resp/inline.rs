//! Requests typed by hand, with quotes and escapes.
//!
//! ```text
//! set key "two words\r\n"  'it\'s'  plain"glued"
//! ```
//!
//! Owns the splitting of one line. Double quotes know `\n \r \t \b \a \xHH` and any escaped byte,
//! single quotes only `\'`; a closing quote ends its word, which a blank or the line's end must
//! follow. A zero byte ends the line.
//! Cost: plain words stay in place, words with quotes are copied.

use super::args::{ArgBuf, Span};

/// A quote was not closed, or a closing quote is glued to what follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unbalanced;

/// Appends the words of `line` to `args` and returns how many there are.
pub(super) fn split(line: &[u8], args: &mut ArgBuf) -> Result<usize, Unbalanced> {
    let line = &line[..memchr::memchr(0, line).unwrap_or(line.len())];
    let mut count = 0;
    let mut at = 0;
    loop {
        while line.get(at).is_some_and(|byte| is_space(*byte)) {
            at += 1;
        }
        if at == line.len() {
            return Ok(count);
        }
        at = word(line, at, args)?;
        count += 1;
    }
}

/// Appends the word that starts at `start` and returns where it ends.
fn word(line: &[u8], start: usize, args: &mut ArgBuf) -> Result<usize, Unbalanced> {
    let plain = line[start..].iter().position(|byte| ends_word(*byte) || is_quote(*byte));
    let mut at = plain.map_or(line.len(), |len| start + len);
    if at == line.len() || !is_quote(line[at]) {
        args.spans.push(Span::of_request(start, at - start));
        return Ok(at);
    }
    let copy_start = args.unescaped.len();
    args.unescaped.extend_from_slice(&line[start..at]);
    while at < line.len() && !ends_word(line[at]) {
        match line[at] {
            b'"' => at = double_quoted(line, at + 1, &mut args.unescaped)?,
            b'\'' => at = single_quoted(line, at + 1, &mut args.unescaped)?,
            byte => {
                args.unescaped.push(byte);
                at += 1;
            }
        }
    }
    args.spans.push(Span::of_unescaped(copy_start, args.unescaped.len() - copy_start));
    Ok(at)
}

/// Copies from behind an opening `"` and returns the offset behind the closing one.
fn double_quoted(line: &[u8], mut at: usize, out: &mut Vec<u8>) -> Result<usize, Unbalanced> {
    loop {
        match line[at..] {
            [] => return Err(Unbalanced),
            [b'"', ..] => return closed(line, at),
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex(high) << 4 | hex(low));
                at += 4;
            }
            [b'\\', escaped, ..] => {
                out.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => other,
                });
                at += 2;
            }
            [byte, ..] => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

/// Copies from behind an opening `'` and returns the offset behind the closing one.
fn single_quoted(line: &[u8], mut at: usize, out: &mut Vec<u8>) -> Result<usize, Unbalanced> {
    loop {
        match line[at..] {
            [] => return Err(Unbalanced),
            [b'\'', ..] => return closed(line, at),
            [b'\\', b'\'', ..] => {
                out.push(b'\'');
                at += 2;
            }
            [byte, ..] => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

fn closed(line: &[u8], quote_at: usize) -> Result<usize, Unbalanced> {
    match line.get(quote_at + 1) {
        Some(byte) if !is_space(*byte) => Err(Unbalanced),
        _ => Ok(quote_at + 1),
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'')
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, want: &[&str]) {
        let mut args = ArgBuf::new();
        let count = split(line.as_bytes(), &mut args).unwrap_or_else(|_| panic!("{line}"));
        let words: Vec<_> = args.args(line.as_bytes()).iter().map(<[u8]>::to_vec).collect();
        let want: Vec<_> = want.iter().map(|word| word.as_bytes().to_vec()).collect();
        assert_eq!(words, want, "{line}");
        assert_eq!(count, want.len());
    }

    #[test]
    fn words() {
        check("", &[]);
        check("  \t ", &[]);
        check("PING", &["PING"]);
        check("  set  key value ", &["set", "key", "value"]);
        check(r#"set key "two words""#, &["set", "key", "two words"]);
        check(r#""" ''"#, &["", ""]);
        check(r#""a\nb\r\t\b\a\q\"""#, &["a\nb\r\t\x08\x07q\""]);
        check(r#""\x41\x7a\xzz""#, &["Azxzz"]);
        check(r"'it\'s' 'a\nb'", &["it's", r"a\nb"]);
        check(r#"plain"glued" x'y'"#, &["plainglued", "xy"]);
        check("a\x0bb \x0bc", &["a\x0bb", "c"]);
        check("a b\0c", &["a", "b"]);
    }

    #[test]
    fn unbalanced() {
        for line in [r#"""#, "'", r#""a"#, r#""a"b"#, "'a'b", r#""a\"#, r#""a\""#, r#""a"'b'"#] {
            assert_eq!(split(line.as_bytes(), &mut ArgBuf::new()), Err(Unbalanced), "{line}");
        }
    }
}
