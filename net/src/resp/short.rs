//! Short requests that lie in the buffer whole: nearly all there are.
//!
//! ```text
//! *2\r\n   $3\r\n GET\r\n   $24\r\n …24 bytes… \r\n
//! 4 bytes  4 bytes         5 bytes
//! ```
//!
//! Owns the quick way through them, which keeps no progress. Invariant: it gives what the way for
//! requests of any form gives, or declines and leaves no trace. Cost: a few comparisons an
//! argument; what is declined is read again, at most [`ARGS_SHORT_MAX`] arguments.

use super::args::Span;
use super::limits::{ARGS_SHORT_MAX, RequestLimits};

/// Appends the spans of the request that `bytes` start with and gives its length; `None` when it
/// has another form, is not all there or is against the limits.
#[inline]
pub(super) fn request(
    bytes: &[u8],
    spans: &mut Vec<Span>,
    limits: &RequestLimits,
) -> Option<usize> {
    let [b'*', count @ b'1'..=b'9', b'\r', _, ..] = *bytes else { return None };
    let count = usize::from(count - b'0');
    if count > limits.args_max {
        return None;
    }
    let before = spans.len();
    spans.extend_from_slice(&[Span::of_request(0, 0); ARGS_SHORT_MAX]);
    spans.truncate(before + count);
    let consumed = arguments(bytes, &mut spans[before..], limits);
    if consumed.is_none() {
        spans.truncate(before);
    }
    consumed
}

/// Fills the spans of all arguments and gives the length of the request.
#[inline]
fn arguments(bytes: &[u8], spans: &mut [Span], limits: &RequestLimits) -> Option<usize> {
    let mut pos = 4;
    for span in spans {
        let (start, end) = argument(bytes, pos, limits)?;
        *span = Span::of_request(start, end - start);
        pos = end + 2;
    }
    // The last argument ends farthest from the start.
    (pos - 2 < limits.request_len_max).then_some(pos)
}

/// Where the argument that `pos` begins with starts and ends, its line end being there too.
#[inline]
fn argument(bytes: &[u8], pos: usize, limits: &RequestLimits) -> Option<(usize, usize)> {
    let digit = |byte: u8| usize::from(byte - b'0');
    let (len, start) = match *bytes.get(pos..)?.first_chunk()? {
        [b'$', ones @ b'0'..=b'9', b'\r', _] => (digit(ones), pos + 4),
        [b'$', tens @ b'1'..=b'9', ones @ b'0'..=b'9', b'\r'] => {
            (digit(tens) * 10 + digit(ones), pos + 5)
        }
        _ => {
            let (len, start) = number(bytes, pos, b'$')?;
            (len as usize, start)
        }
    };
    let end = start + len;
    let fits = end + 2 <= bytes.len() && len <= limits.arg_len_max;
    fits.then_some((start, end))
}

/// Reads `<kind><1 to 9 digits>\r?` at `pos`, the form nearly every count has; `None` sends the
/// caller to the form that handles everything. Gives the number and the offset behind the line.
#[inline]
pub(super) fn number(bytes: &[u8], pos: usize, kind: u8) -> Option<(u32, usize)> {
    let line = bytes.get(pos..)?;
    if line.len() < 4 || line[0] != kind {
        return None;
    }
    let mut number = u32::from(line[1].wrapping_sub(b'0'));
    if number > 9 || (number == 0 && line[2] != b'\r') {
        return None;
    }
    for (at, &byte) in line.iter().enumerate().take(11).skip(2) {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        if digit <= 9 && at < 10 {
            number = number * 10 + digit;
        } else if byte == b'\r' && at + 1 < line.len() {
            return Some((number, pos + at + 2));
        } else {
            return None;
        }
    }
    None
}
