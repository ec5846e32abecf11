//! Requests for keys, as a file recorded them.
//!
//! Owns the keys of a trace, their order, and the sizes the file gives them. Invariant: equal keys
//! have one number, numbers are given in the order of first appearance, and a key has the size of
//! its first request. Cost: the keys in memory, four bytes a request.

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
    /// A size for each key, or none at all.
    sizes: Vec<u32>,
}

/// A trace that is being read.
#[derive(Debug, Default)]
pub struct TraceBuilder {
    trace: Trace,
    by_name: HashMap<Vec<u8>, u32>,
    by_id: HashMap<u64, u32>,
}

impl Trace {
    /// Reads a trace of text:
    ///
    /// ```text
    /// one request a line:  KEY[ SIZE][ anything]      or KEY,SIZE,anything      # comment
    /// ```
    ///
    /// # Errors
    /// When reading fails, a key is longer than 250 bytes, or there is no request at all.
    pub fn read(from: impl BufRead) -> io::Result<Trace> {
        Trace::read_first(from, TRACE_REQUESTS_MAX)
    }

    /// Reads at most the first `requests_max` requests of a trace of text.
    ///
    /// # Errors
    /// As `read`.
    pub fn read_first(from: impl BufRead, requests_max: usize) -> io::Result<Trace> {
        let mut builder = TraceBuilder::default();
        for (index, line) in from.split(b'\n').enumerate() {
            if builder.len() == requests_max {
                break;
            }
            let line = line?;
            let mut fields = line.split(|byte| matches!(byte, b' ' | b'\t' | b',' | b'\r'));
            let Some(key) = fields.next().filter(|key| !key.is_empty() && key[0] != b'#') else {
                continue;
            };
            let size = fields.next().and_then(|size| std::str::from_utf8(size).ok()?.parse().ok());
            builder.name(key, size).map_err(|error| {
                io::Error::new(error.kind(), format!("line {}: {error}", index + 1))
            })?;
        }
        builder.finish()
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
    #[inline]
    pub fn key(&self, number: u64) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start..self.ends[number]]
    }

    /// The numbers of the keys asked for, in order.
    pub fn requests(&self) -> &[u32] {
        &self.requests
    }

    /// The size the file gives to key `number`, if it gives sizes to all.
    pub fn size(&self, number: u64) -> Option<u32> {
        self.sizes.get(number as usize).copied()
    }

    /// The key of the request at `place`, from the front again after the last one.
    #[inline]
    pub(super) fn request(&self, place: u64) -> u64 {
        u64::from(self.requests[(place % self.requests.len() as u64) as usize])
    }

    fn add(&mut self, key: &[u8], size: Option<u32>) -> u32 {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
        self.sizes.extend(size);
        self.ends.len() as u32 - 1
    }
}

impl TraceBuilder {
    /// Requests so far.
    pub fn len(&self) -> usize {
        self.trace.requests.len()
    }

    /// Whether there is no request yet.
    pub fn is_empty(&self) -> bool {
        self.trace.requests.is_empty()
    }

    /// A request for a key of text.
    ///
    /// # Errors
    /// When the key is too long or there are too many requests.
    pub fn name(&mut self, key: &[u8], size: Option<u32>) -> io::Result<()> {
        if key.len() > TRACE_KEY_LEN_MAX {
            let len = key.len();
            return Err(refused(format!("a key of {len} bytes, at most {TRACE_KEY_LEN_MAX}")));
        }
        let number = match self.by_name.get(key) {
            Some(&number) => number,
            None => {
                let number = self.trace.add(key, size);
                self.by_name.insert(key.to_vec(), number);
                number
            }
        };
        self.request(number)
    }

    /// A request for an identifier, whose key is its decimal digits.
    ///
    /// # Errors
    /// When there are too many requests.
    pub fn id(&mut self, id: u64, size: Option<u32>) -> io::Result<()> {
        let trace = &mut self.trace;
        let add = || trace.add(itoa::Buffer::new().format(id).as_bytes(), size);
        let number = *self.by_id.entry(id).or_insert_with(add);
        self.request(number)
    }

    fn request(&mut self, number: u32) -> io::Result<()> {
        if self.trace.requests.len() >= TRACE_REQUESTS_MAX {
            return Err(refused(format!("more than {TRACE_REQUESTS_MAX} requests")));
        }
        self.trace.requests.push(number);
        Ok(())
    }

    /// The trace.
    ///
    /// # Errors
    /// When it has no request.
    pub fn finish(self) -> io::Result<Trace> {
        let mut trace = self.trace;
        if trace.requests.is_empty() {
            return Err(refused("no request in it".to_owned()));
        }
        if trace.sizes.len() < trace.ends.len() {
            // Sizes of some keys only are no sizes.
            trace.sizes.clear();
        }
        Ok(trace)
    }
}

fn refused(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
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
        assert_eq!((trace.size(0), trace.size(1)), (Some(12), Some(9)));
    }

    #[test]
    fn sizes_of_some_keys_are_no_sizes() {
        let trace = Trace::read(&b"a 12\nb x\nc 7\n"[..]).unwrap();
        assert_eq!((trace.size(0), trace.size(1), trace.size(2)), (None, None, None));
    }

    #[test]
    fn identifiers_are_keys_of_digits() {
        let mut builder = TraceBuilder::default();
        for id in [70, u64::MAX, 70] {
            builder.id(id, None).unwrap();
        }
        let trace = builder.finish().unwrap();
        assert_eq!(trace.requests(), [0, 1, 0]);
        assert_eq!((trace.key(0), trace.key(1)), (&b"70"[..], &b"18446744073709551615"[..]));
    }

    #[test]
    fn a_part_is_the_beginning() {
        let trace = Trace::read_first(&b"a\nb\nc\n"[..], 2).unwrap();
        assert_eq!(trace.requests(), [0, 1]);
    }

    #[test]
    fn what_is_no_trace_is_refused_with_its_line() {
        assert!(Trace::read(&b"\n#x\n"[..]).unwrap_err().to_string().contains("no request"));
        let long = [b"k\n".to_vec(), vec![b'x'; 251]].concat();
        assert!(Trace::read(&long[..]).unwrap_err().to_string().contains("line 2"));
    }
}
