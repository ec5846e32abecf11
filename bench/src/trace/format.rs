//! The formats traces come in, and how one is recognised.
//!
//! ```text
//! text            one key a line, a size behind it or not
//! u32be, u64be    identifiers, big-endian, nothing else
//! oracle-general  records of 24 bytes, little-endian:
//!                 │ time u32 │ identifier u64 │ size u32 │ number of the next request i64 │
//! ```
//!
//! Owns names and recognition. Invariant: a format is guessed only when nothing else fits. Cost:
//! the first bytes of a file.

use std::collections::HashSet;
use std::path::Path;

/// Records looked at.
const RECORDS_SEEN_MAX: usize = 8_192;
/// Distinct pairs of words an identifier of eight bytes may have more than distinct words.
const PAIRS_MORE: f64 = 1.05;

/// Numbers of requests beyond any trace.
const NEXT_MAX: i64 = 1 << 40;

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of text.
    Text,
    /// Identifiers of four bytes.
    U32Be,
    /// Identifiers of eight bytes.
    U64Be,
    /// libCacheSim's records.
    OracleGeneral,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 4] =
        [Format::Text, Format::U32Be, Format::U64Be, Format::OracleGeneral];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::U32Be => "u32be",
            Format::U64Be => "u64be",
            Format::OracleGeneral => "oracle-general",
        }
    }

    /// Understands a name.
    ///
    /// # Errors
    /// The names there are.
    pub fn parse(name: &str) -> Result<Format, String> {
        let known = Format::ALL.map(Format::name).join(", ");
        let found = Format::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| format!("`{name}` is not one of {known}"))
    }

    /// Bytes of a record; of text there are none.
    pub fn record_len(self) -> Option<usize> {
        match self {
            Format::Text => None,
            Format::U32Be => Some(4),
            Format::U64Be => Some(8),
            Format::OracleGeneral => Some(24),
        }
    }

    /// The format of a file of this name that begins with these bytes.
    pub fn recognise(path: &Path, head: &[u8]) -> Option<Format> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if name.contains("oraclegeneral") {
            return Some(Format::OracleGeneral);
        }
        if is_text(head) {
            return Some(Format::Text);
        }
        if is_oracle_general(head) {
            return Some(Format::OracleGeneral);
        }
        identifiers(head)
    }
}

fn is_text(head: &[u8]) -> bool {
    let printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..) && *byte != 0x7f;
    let whole = match std::str::from_utf8(head) {
        Ok(_) => true,
        // A letter may be cut at the end.
        Err(error) => error.error_len().is_none(),
    };
    whole && head.iter().all(printable)
}

/// Whether time never goes back and the next request always comes later.
fn is_oracle_general(head: &[u8]) -> bool {
    let records = head.chunks_exact(24).take(RECORDS_SEEN_MAX);
    if records.len() == 0 {
        return false;
    }
    let mut before = 0;
    records.enumerate().all(|(number, record)| {
        let time = u32::from_le_bytes(record[..4].try_into().expect("four bytes"));
        let next = i64::from_le_bytes(record[16..].try_into().expect("eight bytes"));
        let later = next > number as i64 && next < NEXT_MAX;
        let sound = time >= before && (later || next == -1 || next == i64::MAX);
        before = time;
        sound
    })
}

/// Tells identifiers of eight bytes from those of four: half of one says what the other half is, or
/// nothing, while neighbours of four bytes each come in ever new pairs.
fn identifiers(head: &[u8]) -> Option<Format> {
    let (mut first, mut second, mut pairs) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut seen = 0;
    for pair in head.chunks_exact(8).take(RECORDS_SEEN_MAX) {
        first.insert(&pair[..4]);
        second.insert(&pair[4..]);
        pairs.insert(pair);
        seen += 1;
    }
    let halves = first.len().max(second.len());
    if pairs.len() as f64 > halves as f64 * PAIRS_MORE {
        return Some(Format::U32Be);
    }
    // Nothing was asked for twice: both readings are possible.
    (halves < seen).then_some(Format::U64Be)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(head: &[u8]) -> Option<Format> {
        Format::recognise(Path::new("x.trace"), head)
    }

    fn oracle(requests: &[(u32, u64, u32, i64)]) -> Vec<u8> {
        let record = |&(time, id, size, next): &(u32, u64, u32, i64)| {
            let parts = [&time.to_le_bytes()[..], &id.to_le_bytes(), &size.to_le_bytes()];
            [&parts.concat()[..], &next.to_le_bytes()].concat()
        };
        requests.iter().flat_map(record).collect()
    }

    #[test]
    fn names_are_understood_and_others_refused() {
        for format in Format::ALL {
            assert_eq!(Format::parse(format.name()), Ok(format));
        }
        assert!(Format::parse("csv").unwrap_err().contains("oracle-general"));
    }

    #[test]
    fn content_tells_the_format() {
        assert_eq!(guess(b"key:1\nkey:2 300\n"), Some(Format::Text));
        assert_eq!(guess("schl\u{fc}ssel\nb".as_bytes()), Some(Format::Text));
        let records = oracle(&[(1, 7, 100, 2), (1, 8, 5, -1), (2, 7, 100, i64::MAX)]);
        assert_eq!(guess(&records), Some(Format::OracleGeneral));
        let small = |n: u64| n * n % 97;
        let four: Vec<u8> = (0..1000).flat_map(|n| (small(n) as u32).to_be_bytes()).collect();
        assert_eq!(guess(&four), Some(Format::U32Be));
        let eight: Vec<u8> = (0..1000).flat_map(|n| small(n).to_be_bytes()).collect();
        assert_eq!(guess(&eight), Some(Format::U64Be));
        let spread = |n: u64| small(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hashed: Vec<u8> = (0..1000).flat_map(|n| spread(n).to_be_bytes()).collect();
        assert_eq!(guess(&hashed), Some(Format::U64Be));
    }

    #[test]
    fn names_help_and_doubt_is_admitted() {
        let path = Path::new("w01.oracleGeneral.zst");
        assert_eq!(Format::recognise(path, &[1; 5]), Some(Format::OracleGeneral));
        let fresh: Vec<u8> =
            (0..1000_u32).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes()).collect();
        assert_eq!(guess(&fresh), None, "nothing comes twice");
    }
}
