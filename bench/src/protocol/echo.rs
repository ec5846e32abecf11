//! Reads that come back as they were sent.
//!
//! Invariant: only whole requests count. Cost: a compare of the request's head, so that an echo
//! server and not its client sets the pace.

use super::{Answer, NoAnswer};

const HEAD: &[u8] = b"*2\r\n$3\r\nGET\r\n$";

/// The request at the start of `bytes`, with its length.
#[inline]
pub(super) fn next(bytes: &[u8]) -> Result<Option<(usize, Answer<'_>)>, NoAnswer> {
    let seen = bytes.len().min(HEAD.len());
    if bytes[..seen] != HEAD[..seen] {
        return Err(NoAnswer::of(bytes));
    }
    let (mut at, mut len) = (HEAD.len(), 0);
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        len = len * 10 + usize::from(digit - b'0');
        at += 1;
        if at > HEAD.len() + 3 {
            return Err(NoAnswer::of(bytes));
        }
    }
    let end = at + 2 + len + 2;
    Ok((bytes.len() >= end).then_some((end, Answer::Echoed(end))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_wherever_they_are_cut() {
        let bytes = b"*2\r\n$3\r\nGET\r\n$12\r\nkey:\r\n123456\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(next(&bytes[..cut]), Ok(None), "{cut}");
        }
        let with_more = [&bytes[..], b"*2"].concat();
        assert_eq!(next(&with_more), Ok(Some((bytes.len(), Answer::Echoed(bytes.len())))));
        assert!(next(b"*2\r\n$3\r\nSET").is_err() && next(b"*2\r\n$3\r\nGET\r\n$12345").is_err());
    }
}
