//! Requests made beforehand, with room for a key's digits and a value.
//!
//! ```text
//! │ *2 $3 GET $24 │ key: │ 00000000000000000000 │ … │   one copy, then the digits are patched in
//! ```
//!
//! Owns the places. Invariant: what is appended is what [`Protocol::encode`] would append. Cost: a
//! copy of the request and a division a two digits.

use super::{Protocol, Request};
use crate::workload::{KeySpace, Values};

/// A request whose key, and whose value if it has one, can be put in place.
#[derive(Clone, Debug)]
pub struct Template {
    bytes: Vec<u8>,
    /// Where the key's digits end.
    digits_end: usize,
    /// Where the value begins, and its length.
    value: Option<(usize, u32)>,
}

impl Template {
    /// Reads of any of `keys`; `None` where keys are not numbered.
    pub fn get(protocol: Protocol, keys: &KeySpace) -> Option<Template> {
        let key = numbered(keys)?;
        let mut bytes = Vec::new();
        protocol.encode(&Request::Get(&key), &mut bytes);
        let digits_end = place(&bytes, &key)? + key.len();
        Some(Template { bytes, digits_end, value: None })
    }

    /// Writes of any of `keys` with a value that lives for ever; `None` where keys are not numbered
    /// or values differ in length.
    pub fn set(protocol: Protocol, keys: &KeySpace, values: &Values) -> Option<Template> {
        let key = numbered(keys)?;
        let len = values.lengths().only()?;
        let mut value = Vec::new();
        values.write(0, len, &mut value);
        let mut bytes = Vec::new();
        protocol.encode(&Request::Set(&key, &value, 0), &mut bytes);
        let digits_end = place(&bytes, &key)? + key.len();
        let value = digits_end + place(&bytes[digits_end..], &value)?;
        Some(Template { bytes, digits_end, value: Some((value, len)) })
    }

    /// Appends the request about key `number`.
    #[inline]
    pub fn append(&self, number: u64, values: &Values, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        write_digits(number, &mut out[start..start + self.digits_end]);
        if let Some((at, len)) = self.value {
            let from = start + at;
            values.write_into(number, &mut out[from..from + len as usize]);
        }
    }
}

/// The first key, all of whose digits are zeros.
fn numbered(keys: &KeySpace) -> Option<Vec<u8>> {
    if keys.trace().is_some() {
        return None;
    }
    let mut key = Vec::new();
    keys.write(0, &mut key);
    Some(key)
}

fn place(bytes: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, part)
}

/// Writes `number` over the zeros at the end of `bytes`.
#[inline]
fn write_digits(mut number: u64, bytes: &mut [u8]) {
    const PAIRS: &[u8; 200] = &pairs();
    let mut end = bytes.len();
    while number >= 10 {
        let pair = (number % 100) as usize * 2;
        bytes[end - 2..end].copy_from_slice(&PAIRS[pair..pair + 2]);
        number /= 100;
        end -= 2;
    }
    if number > 0 {
        bytes[end - 1] = b'0' + number as u8;
    }
}

/// `00` to `99`.
const fn pairs() -> [u8; 200] {
    let mut pairs = [b'0'; 200];
    let mut at = 0;
    while at < 200 {
        pairs[at] += (at / 20) as u8;
        pairs[at + 1] += (at / 2 % 10) as u8;
        at += 2;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Lengths;

    #[test]
    fn a_template_makes_what_the_protocol_encodes() {
        let keys = KeySpace::numbered("key:", 24, 10_000_000_000);
        for (protocol, len) in
            Protocol::ALL.into_iter().flat_map(|it| [1, 15, 16, 17, 500].map(|len| (it, len)))
        {
            let values = Values::new(Lengths::fixed(len));
            let get = Template::get(protocol, &keys).unwrap();
            let set = Template::set(protocol, &keys, &values).unwrap();
            for number in [0, 1, 9, 10, 99, 100, 101, 12_345, 9_999_999_999] {
                let (mut key, mut value) = (Vec::new(), Vec::new());
                keys.write(number, &mut key);
                values.write(number, len, &mut value);
                let (mut expected, mut found) = (b"before".to_vec(), b"before".to_vec());
                protocol.encode(&Request::Get(&key), &mut expected);
                protocol.encode(&Request::Set(&key, &value, 0), &mut expected);
                get.append(number, &values, &mut found);
                set.append(number, &values, &mut found);
                assert_eq!(found, expected, "{protocol:?} {len} {number}");
            }
        }
    }

    #[test]
    fn lengths_that_vary_have_no_template() {
        let keys = KeySpace::numbered("key:", 24, 10);
        let values = Values::new(Lengths::parse("10-20").unwrap());
        assert!(Template::set(Protocol::Resp, &keys, &values).is_none());
    }
}
