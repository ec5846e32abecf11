//! Requests cut anywhere, sent in rows, sent by strangers, and garbage.

use std::hash::{BuildHasher as _, RandomState};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use velodrome_net::resp::{
    ArgBuf, INLINE_LEN_MAX_BYTES, Parsed, RequestLimits, RequestParser, encode_command,
};

/// A new seed every run, or the one in `SEED` to run a failure again.
fn fresh_seed() -> u64 {
    let fresh = || RandomState::new().hash_one(0u8);
    std::env::var("SEED").map_or_else(|_| fresh(), |seed| seed.parse().expect("SEED is a number"))
}

/// What one stream amounts to: its requests, and how it ended.
#[derive(Debug, PartialEq)]
struct Outcome {
    requests: Vec<Vec<Vec<u8>>>,
    consumed: usize,
    error: Option<String>,
}

/// Feeds `stream` in pieces of the lengths that `cuts` gives, as a server would.
fn feed(stream: &[u8], limits: &RequestLimits, mut cuts: impl FnMut() -> usize) -> Outcome {
    let mut parser = RequestParser::new();
    let mut args = ArgBuf::new();
    let mut outcome = Outcome { requests: Vec::new(), consumed: 0, error: None };
    let mut arrived = 0;
    loop {
        let bytes = &stream[outcome.consumed..arrived];
        args.clear();
        match parser.next(bytes, &mut args, limits) {
            Parsed::Command { consumed } => {
                assert!(!args.is_empty() && args.len() <= limits.args_max);
                let request = args.args(bytes).iter().map(<[u8]>::to_vec).collect();
                outcome.requests.push(request);
                outcome.consumed += consumed;
            }
            Parsed::Empty { consumed } => {
                assert!(args.is_empty() && consumed > 0);
                outcome.consumed += consumed;
            }
            Parsed::Incomplete { hint } => {
                assert!(args.is_empty() && hint > 0);
                if arrived == stream.len() {
                    return outcome;
                }
                arrived = stream.len().min(arrived + cuts().max(1));
            }
            Parsed::Refused(error) => {
                assert!(args.is_empty());
                outcome.error = Some(error.to_string());
                return outcome;
            }
        }
        assert!(outcome.consumed <= arrived, "more was consumed than had arrived");
    }
}

fn whole(stream: &[u8], limits: &RequestLimits) -> Outcome {
    feed(stream, limits, || stream.len())
}

const CORPUS: &[&[u8]] = &[
    b"*1\r\n$4\r\nPING\r\n",
    b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n",
    b"PING\r\nget  k\n\r\n\n  \r\nset k \"a b\\x41\" 'c\\'d'\r\n",
    b"*0\r\n*-1\r\n*-7\r\n*1\r\n$2\r\nab\r\n",
    b"*2\r\n$12\r\nhello\r\nworld\r\n$2\r\n\r\n\r\n*1\r\n$1\r\n*\r\n",
    b"*1\r\n$4\r\nPING\r\nPING\r\n*1\r\n$4\r\nPING\r\n",
    b"*1\r\n$000004\r\nPING\r\n",
    b"*1\r\n$4\r\nPING\r\n*x\r\n",
    b"*2\r\n$1\r\na\r\n!1\r\nb\r\n",
    b"*2\r\n$1\r\na\r\n\r\n",
    b"*2\r\n$1\r\na\r\n$-1\r\n",
    b"*1\r\n$99999999999\r\n",
    b"*2147483648\r\n",
    b"echo \"unbalanced\r\nping\r\n",
    b"echo \"a\"b\r\n",
    b"\0\0\0\r\nping\r\n",
    b"*1\r\n$1\r\na\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"*1\rX$1\rXaXX*1\r\n$1\r\nb\r\n",
];

#[test]
fn every_cut_gives_the_same() {
    for limits in [RequestLimits::default(), RequestLimits::unauthenticated()] {
        for stream in CORPUS {
            let want = whole(stream, &limits);
            assert_eq!(feed(stream, &limits, || 1), want, "{stream:?} byte by byte");
            for cut in 1..stream.len() {
                let mut cuts = [cut, stream.len()].into_iter();
                let got = feed(stream, &limits, || cuts.next().unwrap_or(1));
                assert_eq!(got, want, "{stream:?} cut at {cut}");
            }
        }
    }
}

#[test]
fn the_corpus_means_what_it_says() {
    let limits = RequestLimits::default();
    let requests = |at: usize| {
        let lines = whole(CORPUS[at], &limits).requests;
        lines.iter().map(|request| request.join(&b'|')).collect::<Vec<_>>()
    };
    assert_eq!(requests(1), [&b"GET|k"[..], b"SET|k|"]);
    assert_eq!(requests(2), [&b"PING"[..], b"get|k", b"set|k|a bA|c'd"]);
    assert_eq!(requests(3), [b"ab"]);
    assert_eq!(requests(4), [&b"hello\r\nworld|\r\n"[..], b"*"]);
    assert_eq!(requests(5), [b"PING", b"PING", b"PING"]);
    assert_eq!(requests(17), [b"a", b"b"]);
    let error = |at: usize| whole(CORPUS[at], &limits).error;
    assert_eq!(error(6).as_deref(), Some("Protocol error: invalid bulk length"));
    assert_eq!(error(8).as_deref(), Some("Protocol error: expected '$', got '!'"));
    assert_eq!(error(13).as_deref(), Some("Protocol error: unbalanced quotes in request"));
}

#[test]
fn pipelines() {
    let mut stream = Vec::new();
    let mut want = Vec::new();
    for number in 0..1000u32 {
        let value = vec![b'v'; number as usize % 70];
        let request: Vec<Vec<u8>> = vec![b"SET".into(), number.to_string().into(), value];
        let slices: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        encode_command(&mut stream, &slices);
        want.push(request);
    }
    let limits = RequestLimits::default();
    for len in [1, 7, 64, 1000, 16 * 1024, stream.len()] {
        let got = feed(&stream, &limits, || len);
        assert_eq!((got.requests.len(), got.consumed), (1000, stream.len()), "pieces of {len}");
        assert_eq!(got.requests, want, "pieces of {len}");
    }
}

/// Batches share one buffer: earlier requests stay readable while later ones are parsed.
#[test]
fn batches_share_a_buffer() {
    let stream = b"set a \"x y\"\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\nset b 'z z'\r\nget";
    let limits = RequestLimits::default();
    let (mut parser, mut args) = (RequestParser::new(), ArgBuf::new());
    let (mut at, mut batch) = (0, Vec::new());
    loop {
        let before = args.len();
        match parser.next(&stream[at..], &mut args, &limits) {
            Parsed::Command { consumed } => {
                batch.push((at, before..args.len()));
                at += consumed;
            }
            Parsed::Incomplete { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    let read = |index: usize| {
        let (at, range): &(usize, std::ops::Range<usize>) = &batch[index];
        let request = args.args_in(&stream[*at..], range.clone());
        request.iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    assert_eq!(batch.len(), 3);
    assert_eq!(read(0), [&b"set"[..], b"a", b"x y"]);
    assert_eq!(read(1), [&b"GET"[..], b"a"]);
    assert_eq!(read(2), [&b"set"[..], b"b", b"z z"]);
}

#[test]
fn strangers_are_held_shorter_than_friends() {
    let friend = RequestLimits::default();
    let stranger = RequestLimits::unauthenticated();
    let check = |stream: &[u8], error: Option<&str>| {
        assert_eq!(whole(stream, &friend).error, None);
        let got = whole(stream, &stranger).error;
        assert_eq!(got.as_deref(), error.map(|text| format!("Protocol error: {text}")).as_deref());
    };
    check(b"*10\r\n", None);
    check(b"*11\r\n", Some("unauthenticated multibulk length"));
    check(b"*1048576\r\n", Some("unauthenticated multibulk length"));
    check(b"*1\r\n$16384\r\n", None);
    check(b"*1\r\n$16385\r\n", Some("unauthenticated bulk length"));
    let mut most = Vec::new();
    let arg = vec![b'a'; 16 * 1024];
    encode_command(&mut most, &[&arg[..]; 10]);
    assert_eq!(whole(&most, &stranger).requests.len(), 1, "ten arguments of 16 KiB are allowed");
}

/// A line without end is refused as soon as it is too long, wherever it was cut.
#[test]
fn endless_lines() {
    let limits = RequestLimits::default();
    let cases = [
        ("", "too big inline request"),
        ("*", "too big mbulk count string"),
        ("*1\r\n$", "too big bulk count string"),
    ];
    for (start, error) in cases {
        let mut stream = start.as_bytes().to_vec();
        stream.resize(start.len() + INLINE_LEN_MAX_BYTES + 100, b'1');
        stream.extend_from_slice(b"\r\n");
        for len in [997, 16 * 1024, stream.len()] {
            let got = feed(&stream, &limits, || len);
            assert_eq!(got.error, Some(format!("Protocol error: {error}")), "pieces of {len}");
        }
    }
}

/// A request of very many arguments, a few bytes at a time: quadratic work would not end.
#[test]
fn pieces_are_never_read_twice() {
    let count = 200_000;
    let mut stream = format!("*{count}\r\n").into_bytes();
    for _ in 0..count {
        stream.extend_from_slice(b"$1\r\nx\r\n");
    }
    let limits = RequestLimits::default();
    let (mut parser, mut args) = (RequestParser::new(), ArgBuf::new());
    for end in (0..stream.len()).step_by(5) {
        let parsed = parser.next(&stream[..end], &mut args, &limits);
        assert!(matches!(parsed, Parsed::Incomplete { .. }));
        assert!(parser.memory_len() <= 16 * 7 + 4 * end, "memory is taken only as bytes arrive");
    }
    let parsed = parser.next(&stream, &mut args, &limits);
    assert_eq!(parsed, Parsed::Command { consumed: stream.len() });
    assert_eq!((args.len(), parser.memory_len()), (count, 0));
}

/// Bytes that look like the protocol more often than chance would have it.
fn garbage(rng: &mut SmallRng) -> Vec<u8> {
    const PIECES: &[&[u8]] = &[
        b"*",
        b"$",
        b"\r\n",
        b"\r",
        b"\n",
        b"1",
        b"2",
        b"3",
        b"0",
        b"-1",
        b"9999999",
        b"*1\r\n",
        b"*2\r\n",
        b"*3\r\n",
        b"$3\r\n",
        b"$0\r\n",
        b"$1\r\n",
        b"GET",
        b"a\r\n",
        b"abc\r\n",
        b"\"",
        b"'",
        b"\\",
        b"\\x4",
        b" ",
        b"\0",
        b"\xff",
        b"+OK\r\n",
        b"*11\r\n",
        b"$16385\r\n",
    ];
    let mut bytes = Vec::new();
    for _ in 0..rng.random_range(1..40) {
        if rng.random_ratio(1, 30) {
            bytes.push(rng.random());
        } else {
            bytes.extend_from_slice(PIECES[rng.random_range(0..PIECES.len())]);
        }
    }
    bytes
}

#[test]
fn garbage_is_cut_invariant() {
    let seed = fresh_seed();
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let small = RequestLimits {
        args_max: 5,
        arg_len_max: 40,
        request_len_max: 100,
        inline_len_max: 30,
        unauthenticated: false,
    };
    let (mut requests, mut errors) = (0, 0);
    for round in 0..200_000 {
        let stream = garbage(&mut rng);
        let limits = if round % 2 == 0 { small } else { RequestLimits::unauthenticated() };
        let want = whole(&stream, &limits);
        let longest = rng.random_range(1..12);
        let got = feed(&stream, &limits, || rng.random_range(1..=longest));
        assert_eq!(got, want, "seed {seed} round {round} {:?}", String::from_utf8_lossy(&stream));
        requests += want.requests.len();
        errors += usize::from(want.error.is_some());
    }
    assert!(requests > 10_000 && errors > 10_000, "{requests} requests, {errors} errors");
}
