//! Replies: measuring and building agree, in one piece and in two.
//!
//! The first byte of the input says where the rest is cut: `cargo +nightly fuzz run reply`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use velodrome_net::resp::ReplyParser;

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else { return };
    let whole = ReplyParser::new().next(bytes);
    if let Ok(Some((consumed, _))) = &whole {
        assert!(*consumed > 0 && *consumed <= bytes.len());
    }
    let mut parser = ReplyParser::new();
    let cut = bytes.len().min(usize::from(*cut));
    let in_pieces = match parser.next(&bytes[..cut]) {
        Ok(None) => parser.next(bytes),
        early => early,
    };
    assert!(in_pieces == whole || format!("{in_pieces:?}") == format!("{whole:?}"));
});
