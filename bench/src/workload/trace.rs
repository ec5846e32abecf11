//! Keys replayed from a file.
//!
//! ```text
//! one request a line:  KEY[ anything]      or KEY,anything      # comment
//! ```
//!
//! Owns the keys of a trace and their order. Invariant: equal keys have one number, and numbers
//! are given in the order of first appearance. Cost: the file in memory, four bytes a request.

use std::collections::HashMap;
use std::io::{self, BufRead};

use crate::limits::{TRACE_KEY_LEN_MAX, TRACE_REQUESTS_MAX};

/// The requests of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    bytes: Vec<u8>,
    /// Where each key ends in `bytes`.
    ends: Vec<usize>,
    requests: Vec<u32>,
}

impl Trace {
    /// Reads a trace: the first field of every line is a key.
    ///
    /// # Errors
    /// When reading fails, a key is longer than 250 bytes, or there is no request at all.
    pub fn read(from: impl BufRead) -> io::Result<Trace> {
        let refused = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
        let mut trace = Trace::default();
        let mut numbers: HashMap<Vec<u8>, u32> = HashMap::new();
        for (index, line) in from.split(b'\n').enumerate() {
            let line = line?;
            let key = line.split(|byte| matches!(byte, b' ' | b'\t' | b',' | b'\r')).next();
            let Some(key) = key.filter(|key| !key.is_empty() && key[0] != b'#') else { continue };
            let place = index + 1;
            if key.len() > TRACE_KEY_LEN_MAX {
                let len = key.len();
                let text =
                    format!("line {place}: a key of {len} bytes, at most {TRACE_KEY_LEN_MAX}");
                return Err(refused(text));
            }
            if trace.requests.len() >= TRACE_REQUESTS_MAX {
                return Err(refused(format!("more than {TRACE_REQUESTS_MAX} requests")));
            }
            let number = *numbers.entry(key.to_vec()).or_insert_with(|| {
                trace.bytes.extend_from_slice(key);
                trace.ends.push(trace.bytes.len());
                trace.ends.len() as u32 - 1
            });
            trace.requests.push(number);
        }
        if trace.requests.is_empty() {
            return Err(refused("no request in the trace".to_owned()));
        }
        Ok(trace)
    }

    /// Distinct keys.
    pub fn distinct(&self) -> u64 {
        self.ends.len() as u64
    }

    /// Requests.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Never true: a trace without requests is refused.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The bytes of key `number`.
    pub(super) fn key(&self, number: u64) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start..self.ends[number]]
    }

    /// The key of the request at `place`, from the front again after the last one.
    #[inline]
    pub(super) fn request(&self, place: u64) -> u64 {
        u64::from(self.requests[(place % self.requests.len() as u64) as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_fields_are_keys_and_equal_keys_are_one() {
        let trace = Trace::read(&b"# head\nb 12\na,9\r\n\nb\n"[..]).unwrap();
        assert_eq!((trace.distinct(), trace.len()), (2, 3));
        let order: Vec<&[u8]> = (0..4).map(|place| trace.key(trace.request(place))).collect();
        assert_eq!(order, [&b"b"[..], b"a", b"b", b"b"]);
    }

    #[test]
    fn what_is_no_trace_is_refused_with_its_line() {
        assert!(Trace::read(&b"\n#x\n"[..]).is_err());
        let long = [b"k\n".to_vec(), vec![b'x'; 251]].concat();
        assert!(Trace::read(&long[..]).unwrap_err().to_string().contains("line 2"));
    }
}
