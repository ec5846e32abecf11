//! Replies written by the encoder and read by the client's parser, cut anywhere, and garbage.

use std::hash::{BuildHasher as _, RandomState};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use velodrome_net::resp::{
    Encoder, Proto, ProtocolError, REPLY_DEPTH_MAX, Reply, ReplyKind, ReplyParser, Value,
};

/// A new seed every run, or the one in `SEED` to run a failure again.
fn fresh_seed() -> u64 {
    let fresh = || RandomState::new().hash_one(0u8);
    std::env::var("SEED").map_or_else(|_| fresh(), |seed| seed.parse().expect("SEED is a number"))
}

/// A reply that owns its content, in the terms of RESP3.
#[derive(Clone, Debug)]
enum Tree {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    NullArray,
    Double(f64),
    Boolean(bool),
    BigNumber(String),
    Verbatim(Vec<u8>),
    Array(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
    Set(Vec<Tree>),
    Push(Vec<Tree>),
}

fn write(out: &mut Encoder<'_>, tree: &Tree) {
    match tree {
        Tree::Simple(text) => out.write(Reply::Simple(text)),
        Tree::Error(text) => out.write(Reply::Error(text)),
        Tree::Integer(number) => out.write(Reply::Integer(*number)),
        Tree::Bulk(bytes) => out.write(Reply::Bulk(bytes)),
        Tree::Null => out.write(Reply::Null),
        Tree::NullArray => out.write(Reply::NullArray),
        Tree::Double(number) => out.write(Reply::Double(*number)),
        Tree::Boolean(truth) => out.write(Reply::Boolean(*truth)),
        Tree::BigNumber(digits) => out.write(Reply::BigNumber(digits)),
        Tree::Verbatim(text) => out.write(Reply::Verbatim { format: *b"txt", text }),
        Tree::Array(items) => {
            out.write(Reply::Array(items.len()));
            items.iter().for_each(|item| write(out, item));
        }
        Tree::Set(items) => {
            out.write(Reply::Set(items.len()));
            items.iter().for_each(|item| write(out, item));
        }
        Tree::Push(items) => {
            out.write(Reply::Push(items.len()));
            items.iter().for_each(|item| write(out, item));
        }
        Tree::Map(pairs) => {
            out.write(Reply::Map(pairs.len()));
            for (key, value) in pairs {
                write(out, key);
                write(out, value);
            }
        }
    }
}

/// Whether `value` is what `tree` becomes in this version of the protocol.
fn same(tree: &Tree, value: &Value<'_>, proto: Proto) -> bool {
    let all = |trees: &[Tree], values: &[Value<'_>]| {
        trees.len() == values.len() && trees.iter().zip(values).all(|(t, v)| same(t, v, proto))
    };
    match (proto, tree, value) {
        (_, Tree::Simple(a), Value::Simple(b)) | (_, Tree::Error(a), Value::Error(b)) => {
            a.as_bytes() == *b
        }
        (_, Tree::Integer(a), Value::Integer(b)) => a == b,
        (_, Tree::Bulk(a), Value::Bulk(b)) => a == b,
        (_, Tree::Null | Tree::NullArray, Value::Null) => true,
        (_, Tree::Array(a), Value::Array(b)) => all(a, b),
        (Proto::Resp2, Tree::Set(a) | Tree::Push(a), Value::Array(b)) => all(a, b),
        (Proto::Resp2, Tree::Map(a), Value::Array(b)) => {
            let flat: Vec<Tree> = a.iter().flat_map(|(k, v)| [k.clone(), v.clone()]).collect();
            all(&flat, b)
        }
        (Proto::Resp2, Tree::Double(a), Value::Bulk(b)) => {
            std::str::from_utf8(b).is_ok_and(|text| text.parse() == Ok(*a))
        }
        (Proto::Resp2, Tree::Boolean(a), Value::Integer(b)) => i64::from(*a) == *b,
        (Proto::Resp2, Tree::BigNumber(a), Value::Bulk(b)) => a.as_bytes() == *b,
        (Proto::Resp2, Tree::Verbatim(a), Value::Bulk(b)) => a == b,
        (Proto::Resp3, Tree::Set(a), Value::Set(b)) => all(a, b),
        (Proto::Resp3, Tree::Push(a), Value::Push(b)) => all(a, b),
        (Proto::Resp3, Tree::Map(a), Value::Map(b)) => {
            let pair = |((ak, av), (bk, bv)): (&(Tree, Tree), &(Value<'_>, Value<'_>))| {
                same(ak, bk, proto) && same(av, bv, proto)
            };
            a.len() == b.len() && a.iter().zip(b).all(pair)
        }
        (Proto::Resp3, Tree::Double(a), Value::Double(b)) => a == b,
        (Proto::Resp3, Tree::Boolean(a), Value::Boolean(b)) => a == b,
        (Proto::Resp3, Tree::BigNumber(a), Value::BigNumber(b)) => a.as_bytes() == *b,
        (Proto::Resp3, Tree::Verbatim(a), Value::Verbatim { format, text }) => {
            format == b"txt" && a == text
        }
        _ => false,
    }
}

fn tree(rng: &mut SmallRng, depth: usize) -> Tree {
    let bytes = |rng: &mut SmallRng| {
        let len = rng.random_range(0..20);
        (0..len).map(|_| rng.random()).collect::<Vec<u8>>()
    };
    let text = |rng: &mut SmallRng| format!("TEXT {}", rng.random::<u16>());
    let kinds = if depth == 0 { 10 } else { 14 };
    match rng.random_range(0..kinds) {
        0 => Tree::Simple(text(rng)),
        1 => Tree::Error(text(rng)),
        2 => Tree::Integer(rng.random::<i64>() >> rng.random_range(0..64)),
        3 => Tree::Bulk(bytes(rng)),
        4 => Tree::Null,
        5 => Tree::NullArray,
        6 => Tree::Double(f64::from(rng.random::<i32>()) / f64::from(rng.random_range(1..999))),
        7 => Tree::Boolean(rng.random()),
        8 => Tree::BigNumber(format!("{}", rng.random::<u128>())),
        9 => Tree::Verbatim(bytes(rng)),
        10 => Tree::Array(trees(rng, depth)),
        11 => Tree::Set(trees(rng, depth)),
        12 => Tree::Push(trees(rng, depth)),
        _ => Tree::Map(trees(rng, depth).into_iter().map(|key| (key, tree(rng, 0))).collect()),
    }
}

fn trees(rng: &mut SmallRng, depth: usize) -> Vec<Tree> {
    let len = rng.random_range(0..5);
    (0..len).map(|_| tree(rng, depth - 1)).collect()
}

#[test]
fn what_is_written_is_read() {
    let seed = fresh_seed();
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    for round in 0..20_000 {
        let tree = tree(&mut rng, 4);
        for proto in [Proto::Resp2, Proto::Resp3] {
            let mut bytes = Vec::new();
            write(&mut Encoder::new(&mut bytes, proto), &tree);
            let len = bytes.len();
            bytes.extend_from_slice(b"+next\r\n");
            let mut parser = ReplyParser::new();
            let (consumed, value) = parser.next(&bytes).unwrap().expect("the reply is complete");
            assert_eq!(consumed, len, "seed {seed} round {round} {proto:?} {tree:?}");
            assert!(same(&tree, &value, proto), "seed {seed} round {round} {tree:?} {value:?}");
            let skipped = ReplyParser::new().skip(&bytes).unwrap().expect("complete");
            assert_eq!(skipped.consumed, len);
            // The same parser, the same bytes, but arriving in pieces.
            let mut arrived = 0;
            let in_pieces = loop {
                arrived = len.min(arrived + rng.random_range(0..7));
                if let Some((consumed, value)) = parser.next(&bytes[..arrived]).unwrap() {
                    break (consumed, value);
                }
                assert!(arrived < len, "seed {seed} round {round}: a complete reply is taken");
            };
            assert_eq!(in_pieces, (consumed, value), "seed {seed} round {round}");
        }
    }
}

#[test]
fn kinds() {
    let cases: &[(&[u8], ReplyKind)] = &[
        (b"+OK\r\n", ReplyKind::Simple),
        (b"-ERR x\r\n", ReplyKind::Error),
        (b"!5\r\nERR x\r\n", ReplyKind::Error),
        (b":-7\r\n", ReplyKind::Integer(-7)),
        (b"$-1\r\n", ReplyKind::Null),
        (b"*-1\r\n", ReplyKind::Null),
        (b"_\r\n", ReplyKind::Null),
        (b"$3\r\nabc\r\n", ReplyKind::Bulk { len: 3 }),
        (b"=7\r\ntxt:abc\r\n", ReplyKind::Bulk { len: 3 }),
        (b",1.5\r\n", ReplyKind::Scalar),
        (b",nan\r\n", ReplyKind::Scalar),
        (b"#t\r\n", ReplyKind::Scalar),
        (b"(123\r\n", ReplyKind::Scalar),
        (b"*0\r\n", ReplyKind::Aggregate { len: 0 }),
        (b"%1\r\n+a\r\n*1\r\n:1\r\n", ReplyKind::Aggregate { len: 1 }),
        (b">1\r\n+a\r\n", ReplyKind::Push),
        (b"|1\r\n+a\r\n*1\r\n:1\r\n$1\r\nx\r\n", ReplyKind::Bulk { len: 1 }),
        (b"|0\r\n|1\r\n+a\r\n+b\r\n*2\r\n:1\r\n:2\r\n", ReplyKind::Aggregate { len: 2 }),
        (b"*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n", ReplyKind::Aggregate { len: 2 }),
    ];
    for (bytes, kind) in cases {
        let text = String::from_utf8_lossy(bytes);
        let mut parser = ReplyParser::new();
        for end in 0..bytes.len() {
            assert_eq!(parser.skip(&bytes[..end]), Ok(None), "{text} cut at {end}");
        }
        let skipped = parser.skip(bytes).unwrap().expect("complete");
        assert_eq!((skipped.consumed, skipped.kind), (bytes.len(), *kind), "{text}");
        assert!(ReplyParser::new().next(bytes).unwrap().is_some());
    }
    // One connection's parser remembers nothing of the reply before.
    let mut parser = ReplyParser::new();
    for (first, _) in cases {
        assert!(parser.skip(first).unwrap().is_some());
        for (second, kind) in cases {
            let skipped = parser.skip(second).unwrap().expect("complete");
            assert_eq!((skipped.consumed, skipped.kind), (second.len(), *kind));
        }
    }
}

#[test]
fn attributes_stand_with_their_reply() {
    let bytes = b"|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n*1\r\n|1\r\n+c\r\n:3\r\n#f\r\n";
    let (consumed, value) = ReplyParser::new().next(bytes).unwrap().expect("complete");
    assert_eq!(consumed, bytes.len());
    let pair = |name: &'static [u8], number| (Value::Simple(name), Value::Integer(number));
    let inner = Value::Attributed {
        attributes: vec![pair(b"c", 3)],
        value: Box::new(Value::Boolean(false)),
    };
    let want = Value::Attributed {
        attributes: vec![pair(b"a", 1), pair(b"b", 2)],
        value: Box::new(Value::Array(vec![inner])),
    };
    assert_eq!(value, want);
}

#[test]
fn malformed_replies() {
    let nested = |levels: usize| [b"*1\r\n".repeat(levels), b":1\r\n".to_vec()].concat();
    let cases: &[(&[u8], ProtocolError)] = &[
        (b"hello\r\n", ProtocolError::UnknownType(b'h')),
        (b"\r\n", ProtocolError::InvalidReply),
        (b"+a\n", ProtocolError::InvalidReply),
        (b":1x\r\n", ProtocolError::InvalidReply),
        (b"$-2\r\n", ProtocolError::InvalidReply),
        (b"$99999999999\r\n", ProtocolError::InvalidReply),
        (b"*99999999999\r\n", ProtocolError::InvalidReply),
        (b"%-1\r\n", ProtocolError::InvalidReply),
        (b"=3\r\nabc\r\n", ProtocolError::InvalidReply),
        (b"#x\r\n", ProtocolError::InvalidReply),
        (b",x\r\n", ProtocolError::InvalidReply),
        (b"_x\r\n", ProtocolError::InvalidReply),
        (&nested(REPLY_DEPTH_MAX + 2), ProtocolError::TooDeep),
    ];
    for (bytes, error) in cases {
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(ReplyParser::new().next(bytes), Err(*error), "{text}");
    }
    assert!(ReplyParser::new().next(&nested(REPLY_DEPTH_MAX)).unwrap().is_some());
}

#[test]
fn garbage_never_panics_and_is_cut_invariant() {
    const PIECES: &[&[u8]] = &[
        b"+OK\r\n",
        b"-E\r\n",
        b":1\r\n",
        b"$1\r\nx\r\n",
        b"$-1\r\n",
        b"*2\r\n",
        b"*1\r\n",
        b"%1\r\n",
        b"|1\r\n",
        b">1\r\n",
        b"~0\r\n",
        b"_\r\n",
        b"#t\r\n",
        b",1\r\n",
        b"=5\r\ntxt:a",
        b"\r\n",
        b"$",
        b"*",
        b"1",
        b"\r",
        b"\n",
        b"(1\r\n",
        b"!1\r\nx\r\n",
    ];
    let seed = fresh_seed();
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut complete = 0;
    for round in 0..200_000 {
        let count = rng.random_range(1..16);
        let pick = |_| PIECES[rng.random_range(0..PIECES.len())];
        let bytes = (0..count).map(pick).collect::<Vec<_>>().concat();
        let whole = ReplyParser::new().next(&bytes);
        let mut parser = ReplyParser::new();
        let mut arrived = 0;
        let in_pieces = loop {
            arrived = bytes.len().min(arrived + rng.random_range(1..9));
            match parser.next(&bytes[..arrived]) {
                Ok(None) if arrived < bytes.len() => {}
                other => break other,
            }
        };
        assert_eq!(in_pieces, whole, "seed {seed} round {round}");
        if let Ok(Some((consumed, _))) = whole {
            assert!(consumed <= bytes.len());
            complete += 1;
        }
    }
    assert!(complete > 10_000, "{complete} complete replies");
}
