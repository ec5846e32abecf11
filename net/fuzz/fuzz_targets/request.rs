//! Requests: whatever bytes arrive, cut wherever, the outcome is the same and decoding never
//! panics.
//!
//! The first bytes of the input say how the rest is cut: `cargo +nightly fuzz run request`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use velodrome_net::command::{Command, keys_of};
use velodrome_net::resp::{ArgBuf, Parsed, RequestLimits, RequestParser};

/// How many leading bytes give the lengths of pieces.
const CUTS: usize = 4;

fuzz_target!(|input: &[u8]| {
    if input.len() < CUTS {
        return;
    }
    let (cuts, stream) = input.split_at(CUTS);
    for limits in [RequestLimits::default(), RequestLimits::unauthenticated()] {
        let whole = feed(stream, &limits, &[]);
        assert_eq!(feed(stream, &limits, cuts), whole);
    }
});

/// Everything that can be seen of one stream: requests, bytes consumed, how it ended.
type Outcome = (Vec<Vec<Vec<u8>>>, usize, Option<String>);

fn feed(stream: &[u8], limits: &RequestLimits, cuts: &[u8]) -> Outcome {
    let (mut parser, mut args) = (RequestParser::new(), ArgBuf::new());
    let (mut requests, mut at) = (Vec::new(), 0);
    let mut cuts = cuts.iter().cycle();
    let mut arrived = 0;
    loop {
        let bytes = &stream[at..arrived];
        args.clear();
        match parser.next(bytes, &mut args, limits) {
            Parsed::Command { consumed } => {
                let request = args.args(bytes);
                requests.push(request.iter().map(<[u8]>::to_vec).collect());
                if let Ok(command) = Command::decode(request) {
                    let _ = command.route();
                }
                let _ = keys_of(request).map(Iterator::count);
                at += consumed;
            }
            Parsed::Empty { consumed } => at += consumed,
            Parsed::Incomplete { .. } if arrived == stream.len() => return (requests, at, None),
            Parsed::Incomplete { .. } => {
                let len = cuts.next().map_or(stream.len(), |cut| usize::from(*cut).max(1));
                arrived = stream.len().min(arrived + len);
            }
            Parsed::Refused(error) => return (requests, at, Some(error.to_string())),
        }
        assert!(at <= arrived);
    }
}
