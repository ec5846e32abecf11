//! The configuration file: TOML or JSON, a flat list of keys.
//!
//! Owns the reading of a file into texts with lines. Invariant: every key comes with the line it
//! stands on, in both formats, and a key that stands twice is refused. Cost: one pass over at most
//! `FILE_LEN_MAX` bytes.

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

use super::limits::FILE_LEN_MAX;

/// One key of a file with its value as a flag would give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The key as written.
    pub(crate) key: String,
    /// Scalars as their text, lists joined by commas.
    pub(crate) text: String,
    /// Line of the key (TOML) or of its value (JSON), from 1.
    pub(crate) line: usize,
}

/// A line of a file and what is wrong there.
pub(crate) type Problem = (usize, String);

/// Reads the entries of a file. JSON is what ends in `.json` or begins with `{`.
pub(crate) fn entries(path: &str, text: &str) -> Result<Vec<Entry>, Vec<Problem>> {
    if text.len() > FILE_LEN_MAX {
        return Err(vec![(1, format!("the file is longer than {FILE_LEN_MAX} bytes"))]);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if path.ends_with(".json") || text.trim_start().starts_with('{') {
        json(text)
    } else {
        toml(text)
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..offset.min(text.len())]).count()
}

fn toml(text: &str) -> Result<Vec<Entry>, Vec<Problem>> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = line_at(text, error.span().map_or(0, |span| span.start));
        vec![(line, format!("this is not TOML: {}", error.message().replace('\n', ", ")))]
    })?;
    let mut entries = Vec::new();
    let mut problems = Vec::new();
    for (key, value) in table.get_ref() {
        let line = line_at(text, key.span().start);
        match toml_text(value.get_ref()) {
            Ok(text) => entries.push(Entry { key: key.get_ref().to_string(), text, line }),
            Err(reason) => problems.push((line, format!("{}: {reason}", key.get_ref()))),
        }
    }
    entries.sort_by_key(|entry| entry.line);
    problems.sort();
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

const SECTION: &str = "a section is not understood here: expected key = value, without sections";
const SCALAR: &str = "expected a text, a number, true or false, or a list of those";

fn toml_text(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => {
            Ok(number.as_str().replace('_', "").trim_start_matches('+').to_string())
        }
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            let number = u64::from_str_radix(&digits, number.radix());
            number.map(|number| number.to_string()).map_err(|_| SCALAR.into())
        }
        DeValue::Float(number) => Ok(number.as_str().to_string()),
        DeValue::Boolean(flag) => Ok(flag.to_string()),
        DeValue::Datetime(_) => Err(SCALAR.into()),
        DeValue::Table(_) => Err(SECTION.into()),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| match item.get_ref() {
                DeValue::Array(_) | DeValue::Table(_) => Err(SCALAR.to_string()),
                scalar => toml_text(scalar),
            });
            texts.collect::<Result<Vec<_>, _>>().map(|texts| texts.join(","))
        }
    }
}

/// The members of a JSON object in order, values unparsed so that their place is known.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of settings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

fn json(text: &str) -> Result<Vec<Entry>, Vec<Problem>> {
    let members: Members<'_> = serde_json::from_str(text)
        .map_err(|error| vec![(error.line().max(1), format!("this is not JSON: {error}"))])?;
    let mut entries: Vec<Entry> = Vec::new();
    let mut problems = Vec::new();
    for (key, raw) in members.0 {
        let offset = raw.get().as_ptr() as usize - text.as_ptr() as usize;
        let line = line_at(text, offset);
        let value = serde_json::from_str(raw.get()).unwrap_or_default();
        if entries.iter().any(|entry| entry.key == key) {
            problems.push((line, format!("{key}: this key stands twice")));
            continue;
        }
        match json_text(&value) {
            Ok(Some(text)) => entries.push(Entry { key, text, line }),
            Ok(None) => {}
            Err(reason) => problems.push((line, format!("{key}: {reason}"))),
        }
    }
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

/// The value as text; `null` says that the setting keeps its default.
fn json_text(value: &serde_json::Value) -> Result<Option<String>, String> {
    use serde_json::Value;
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(flag.to_string())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Object(_) => Err(SECTION.into()),
        Value::Array(items) => {
            let texts = items.iter().map(|item| match item {
                Value::Array(_) | Value::Object(_) | Value::Null => Err(SCALAR.to_string()),
                scalar => json_text(scalar).map(Option::unwrap_or_default),
            });
            texts.collect::<Result<Vec<_>, _>>().map(|texts| Some(texts.join(",")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[(&str, &str, usize)]) {
        let found = entries(path, text).unwrap();
        let found: Vec<_> =
            found.iter().map(|e| (e.key.as_str(), e.text.as_str(), e.line)).collect();
        assert_eq!(found, expected, "{path}");
    }

    fn check_refused(path: &str, text: &str, line: usize, part: &str) {
        let problems = entries(path, text).unwrap_err();
        assert_eq!(problems[0].0, line, "{problems:?}");
        assert!(problems[0].1.contains(part), "{problems:?}");
    }

    #[test]
    fn toml_entries_have_lines() {
        let text = "# a node\nshards = 2\nbind = [\n  '127.0.0.1',\n  '::1',\n]\ninsecure = true\n\
                    max_items = 1_000_000\nmax_memory = '4gb'\n";
        check(
            "velodrome.toml",
            text,
            &[
                ("shards", "2", 2),
                ("bind", "127.0.0.1,::1", 3),
                ("insecure", "true", 7),
                ("max_items", "1000000", 8),
                ("max_memory", "4gb", 9),
            ],
        );
    }

    #[test]
    fn json_entries_have_lines() {
        let text = "{\n \"node_id\": \"a\",\n \"port\": \":8080\",\n\n \
                    \"peers\": [\"b:1\", \"c:2\"],\n \"max_items\": 10, \"x\": null\n}\n";
        let expected = [
            ("node_id", "a", 2),
            ("port", ":8080", 3),
            ("peers", "b:1,c:2", 5),
            ("max_items", "10", 6),
        ];
        check("node.json", text, &expected);
        check("node.conf", text, &expected);
    }

    #[test]
    fn what_is_wrong_is_placed() {
        check_refused("a.toml", "shards = 2\nbind = \n", 2, "not TOML");
        check_refused("a.toml", "shards = 2\nshards = 3\n", 2, "not TOML");
        check_refused("a.toml", "shards = 2\n[server]\nport = 1\n", 2, "without sections");
        check_refused("a.toml", "x = 1\nday = 2020-01-01\n", 2, "expected a text");
        check_refused("a.json", "{\n\"shards\": 2,\n}", 3, "not JSON");
        check_refused("a.json", "{\n\"shards\": 2,\n\"shards\": 3}", 3, "stands twice");
        check_refused("a.json", "{\n\"server\": {\"port\": 1}}", 2, "without sections");
        check_refused("a.json", "[1]", 1, "not JSON");
    }
}
