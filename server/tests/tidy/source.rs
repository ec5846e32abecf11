//! Rust source as the tidy checks see it: code and comments apart, line by line.
//!
//! Owns a small lexer, enough to tell code from comments, strings and characters. Invariant:
//! `code` and `comments` have the lines and columns of `text`; what belongs to neither is blank.
//! Cost: one pass over the text.

use std::path::{Path, PathBuf};

/// One source file.
pub(crate) struct Source {
    /// Path from the root of the workspace, with `/`.
    pub(crate) path: String,
    /// The file as it is.
    pub(crate) text: String,
    /// Its code, with comments and the insides of strings blanked.
    pub(crate) code: String,
    /// Its comments, everything else blanked.
    pub(crate) comments: String,
}

impl Source {
    /// Splits `text`.
    pub(crate) fn new(path: &str, text: &str) -> Source {
        let chars: Vec<char> = text.chars().collect();
        let classes = classify(&chars);
        let pick = |wanted: Class| {
            let kept = chars.iter().zip(&classes);
            kept.map(|(c, class)| if *class == wanted || *c == '\n' { *c } else { ' ' }).collect()
        };
        Source {
            path: path.into(),
            text: text.into(),
            code: pick(Class::Code),
            comments: pick(Class::Comment),
        }
    }

    /// The code without what is compiled for tests only.
    pub(crate) fn shipped_code(&self) -> String {
        let mut code = self.code.clone();
        while let Some(start) = code.find("#[cfg(test)]") {
            let end = match item_end(&code[start..]) {
                Some(len) => start + len,
                None => code.len(),
            };
            let blank = code[start..end].replace(|c| c != '\n', " ");
            code.replace_range(start..end, &blank);
        }
        code
    }
}

/// The length of the item that `code` begins with: to its `;` or the end of its braces.
fn item_end(code: &str) -> Option<usize> {
    let body = code.find(['{', ';'])?;
    if code.as_bytes()[body] == b';' {
        return Some(body + 1);
    }
    braces_end(&code[body..]).map(|len| body + len)
}

/// The length up to and with the brace that closes the one `code` begins with.
pub(crate) fn braces_end(code: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (offset, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(offset + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The line, from 1, of a byte offset.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text[..offset].matches('\n').count()
}

/// The byte offsets at which `word` stands alone in `code`.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).map(|(offset, _)| offset).filter(move |offset| {
        let before = code[..*offset].chars().next_back();
        let after = code[offset + word.len()..].chars().next();
        let open = word.chars().next_back().is_some_and(part);
        !(before.is_some_and(part) || open && after.is_some_and(part))
    })
}

/// The identifier that `code` begins with, or "".
pub(crate) fn identifier(code: &str) -> &str {
    let end = code.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(code.len());
    &code[..end]
}

/// Every Rust file below the workspace's folders, and their folders' names.
pub(crate) fn sources(root: &Path, folders: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in folders {
        collect(&root.join(folder), &mut paths);
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).ok()?;
        let relative = path.strip_prefix(root).expect("below the root");
        Some(Source::new(&relative.to_string_lossy(), &text))
    };
    paths.into_iter().filter_map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target"
                && name != "node_modules"
                && !name.to_string_lossy().starts_with('.')
            {
                collect(&path, paths);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Code,
    Comment,
    Text,
}

fn classify(chars: &[char]) -> Vec<Class> {
    let mut classes = vec![Class::Code; chars.len()];
    let mut at = 0;
    while at < chars.len() {
        let (class, len) = token(chars, at);
        classes[at..at + len].fill(class);
        // The quotes of a text stay code, so that what stands around it keeps its shape.
        if class == Class::Text {
            classes[at] = Class::Code;
            classes[at + len - 1] = Class::Code;
        }
        at += len;
    }
    classes
}

/// The class and length of what begins at `at`; code is taken word by word, so that a prefix of a
/// string is seen as one.
fn token(chars: &[char], at: usize) -> (Class, usize) {
    let rest = &chars[at..];
    let next = rest.get(1).copied();
    match rest[0] {
        '/' if next == Some('/') => (Class::Comment, until(rest, |c| c == '\n')),
        '/' if next == Some('*') => (Class::Comment, block_comment(rest)),
        '"' => (Class::Text, string(rest)),
        '\'' => match character(rest) {
            Some(len) => (Class::Text, len),
            None => (Class::Code, 1),
        },
        c if c.is_alphabetic() || c == '_' => {
            let word = until(rest, |c| !(c.is_alphanumeric() || c == '_'));
            let prefix: String = rest[..word].iter().collect();
            let raw = ["r", "br", "cr"].contains(&prefix.as_str());
            match raw.then(|| raw_string(&rest[word..])).flatten() {
                Some(len) => (Class::Text, word + len),
                None => (Class::Code, word),
            }
        }
        _ => (Class::Code, 1),
    }
}

fn until(chars: &[char], stop: impl Fn(char) -> bool) -> usize {
    chars.iter().position(|c| stop(*c)).unwrap_or(chars.len())
}

fn block_comment(chars: &[char]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < chars.len() {
        match chars[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(chars.len())
}

fn string(chars: &[char]) -> usize {
    let mut at = 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The length of `#"…"#` with any number of `#`, if that is what stands here.
fn raw_string(chars: &[char]) -> Option<usize> {
    let hashes = until(chars, |c| c != '#');
    if chars.get(hashes) != Some(&'"') {
        return None;
    }
    let ends = |at: &usize| {
        chars[*at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    let close = (hashes + 1..chars.len()).find(ends);
    Some(close.map_or(chars.len(), |close| close + 1 + hashes))
}

/// The length of a character literal; a lifetime is none.
fn character(chars: &[char]) -> Option<usize> {
    if chars.get(1) == Some(&'\\') {
        let close = chars.iter().skip(3).position(|c| *c == '\'')?;
        return Some(close + 4);
    }
    (chars.get(2) == Some(&'\'')).then_some(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comments_and_texts_are_told_apart() {
        let text = "let a = \"x // { \\\" y\"; // unsafe {\n\
                    let b = r#\"}\"\"#; let c = '{'; /* a /* b */ c */ \
                    fn f<'a>(x: &'a u8) {} let d = b'\\''; let e = '\\u{7d}'; d();\n";
        let source = Source::new("x.rs", text);
        assert_eq!(source.code.chars().count(), text.chars().count());
        for gone in ["unsafe", "y", "c */", "7d"] {
            assert!(!source.code.contains(gone), "{gone}: {}", source.code);
        }
        for kept in ["let a = \"", "fn f<'a>(x: &'a u8) {}", "let d = b'", "d();"] {
            assert!(source.code.contains(kept), "{kept}: {}", source.code);
        }
        assert_eq!(source.code.matches('{').count(), 1);
        assert!(source.comments.contains("// unsafe {") && !source.comments.contains("let"));
    }

    #[test]
    fn code_for_tests_can_be_left_out() {
        let text =
            "use a;\n#[cfg(test)]\nmod tests {\n use crate::b;\n}\n#[cfg(test)]\nuse c;\nuse d;\n";
        let shipped = Source::new("x.rs", text).shipped_code();
        assert!(shipped.contains("use a;") && shipped.contains("use d;"));
        assert!(!shipped.contains("crate::b") && !shipped.contains("use c;"), "{shipped}");
        assert_eq!(shipped.matches('\n').count(), text.matches('\n').count());
    }

    #[test]
    fn words_stand_alone() {
        let code = "unsafe_code unsafe { my_unsafe } unsafe";
        assert_eq!(words(code, "unsafe").collect::<Vec<_>>(), [12, 33]);
        assert_eq!(words("todo!() autodo!()", "todo!").count(), 1);
        assert_eq!(identifier("abc::d"), "abc");
    }
}
