//! What requests decode to, where they go, and that the table and the decoders agree.

use std::hash::{BuildHasher as _, RandomState};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use velodrome_net::command::flags::{NO_AUTH, READONLY, WRITE};
use velodrome_net::command::{
    COMMANDS, ClientCommand, ClientKind, ClusterCommand, Command, ExpireCondition, Expiry, Keys,
    Refused, Route, Scan, Set, SetCondition, SetReply, Spec, TimeUnit, keys_of,
};
use velodrome_net::resp::{
    ArgBuf, Args, Parsed, Proto, RequestLimits, RequestParser, encode_command,
};

/// Parses `request` and hands its arguments to `test`.
fn with_args<T>(request: &[&[u8]], test: impl FnOnce(Args<'_>) -> T) -> T {
    let mut bytes = Vec::new();
    encode_command(&mut bytes, request);
    let mut args = ArgBuf::new();
    let parsed = RequestParser::new().next(&bytes, &mut args, &RequestLimits::default());
    assert_eq!(parsed, Parsed::Command { consumed: bytes.len() });
    test(args.args(&bytes))
}

fn words(line: &str) -> Vec<&[u8]> {
    line.split(' ').map(str::as_bytes).collect()
}

#[track_caller]
fn check(line: &str, want: Command<'_>) {
    with_args(&words(line), |args| assert_eq!(Command::decode(args), Ok(want), "{line}"));
}

const SET: Set<'_> = Set {
    key: b"k",
    value: b"v",
    expiry: Expiry::None,
    condition: SetCondition::Always,
    reply: SetReply::Status,
};

#[test]
fn sets() {
    let check = |line, want| check(line, Command::Set(want));
    let old = SetReply::OldValue;
    check("SET k v", SET);
    check("set k v ex 5", Set { expiry: Expiry::Ex(5), ..SET });
    check("set k v PX 5 nx", Set { expiry: Expiry::Px(5), condition: SetCondition::Nx, ..SET });
    check("set k v XX EXAT 7", Set { expiry: Expiry::ExAt(7), condition: SetCondition::Xx, ..SET });
    check("set k v pxat 7 get", Set { expiry: Expiry::PxAt(7), reply: old, ..SET });
    check("set k v keepttl", Set { expiry: Expiry::Keep, ..SET });
    check("set k v EX 1 EX 2", Set { expiry: Expiry::Ex(2), ..SET });
    let condition = SetCondition::IfEq(b"nx");
    check("set k v ifeq nx get", Set { condition, reply: old, ..SET });
    check("SETEX k 9 v", Set { expiry: Expiry::Ex(9), ..SET });
    check("PSETEX k 9 v", Set { expiry: Expiry::Px(9), ..SET });
    check("SETNX k v", Set { condition: SetCondition::Nx, reply: SetReply::Count, ..SET });
    check("GETSET k v", Set { reply: old, ..SET });
}

#[test]
fn strings() {
    check("GeT k", Command::Get { key: b"k" });
    check("GETEX k", Command::GetEx { key: b"k", expiry: Expiry::None });
    check("GETEX k PERSIST", Command::GetEx { key: b"k", expiry: Expiry::Persist });
    check("GETEX k PXAT 3", Command::GetEx { key: b"k", expiry: Expiry::PxAt(3) });
    check("INCR k", Command::IncrBy { key: b"k", delta: 1 });
    check("DECR k", Command::IncrBy { key: b"k", delta: -1 });
    check("INCRBY k -7", Command::IncrBy { key: b"k", delta: -7 });
    check("DECRBY k -7", Command::IncrBy { key: b"k", delta: 7 });
    check("INCRBYFLOAT k 1.5e3", Command::IncrByFloat { key: b"k", delta: 1500.0 });
    check("SETRANGE k 4 v", Command::SetRange { key: b"k", offset: 4, value: b"v" });
    check("SUBSTR k 0 -1", Command::GetRange { key: b"k", start: 0, end: -1 });
    check("DELIFEQ k v", Command::DelIfEq { key: b"k", value: b"v" });
}

#[test]
fn keys_and_times() {
    let expire = |expiry, condition| Command::Expire { key: b"k", expiry, condition };
    check("EXPIRE k -5", expire(Expiry::Ex(-5), ExpireCondition::Always));
    check("PEXPIRE k 5 nx", expire(Expiry::Px(5), ExpireCondition::Nx));
    check("EXPIREAT k 5 xx lt", expire(Expiry::ExAt(5), ExpireCondition::XxLt));
    check("PEXPIREAT k 5 GT GT", expire(Expiry::PxAt(5), ExpireCondition::Gt));
    let ttl = |unit, absolute| Command::Ttl { key: b"k", unit, absolute };
    check("TTL k", ttl(TimeUnit::Seconds, false));
    check("PEXPIRETIME k", ttl(TimeUnit::Milliseconds, true));
    let scan = Scan { cursor: 0, pattern: None, count: 10, type_name: None };
    check("SCAN 0", Command::Scan(scan));
    let scan =
        Scan { cursor: u64::MAX, pattern: Some(b"a*"), count: 7, type_name: Some(b"string") };
    check("SCAN 18446744073709551615 match a* COUNT 7 type string", Command::Scan(scan));
    check("WAIT 1 500", Command::Wait { replicas: 1, timeout_ms: 500 });
}

#[test]
fn connections() {
    with_args(&words("HELLO 3 AUTH u p SETNAME n"), |args| {
        let Ok(Command::Hello(hello)) = Command::decode(args) else { panic!("no HELLO") };
        assert_eq!(hello.version, Some(Proto::Resp3));
        assert_eq!((hello.auth, hello.name), (Some((&b"u"[..], &b"p"[..])), Some(&b"n"[..])));
    });
    check("AUTH p", Command::Auth { user: None, password: b"p" });
    check("AUTH u p", Command::Auth { user: Some(b"u"), password: b"p" });
    check("SELECT 3", Command::Select { db: 3 });
    let pause = ClientCommand::Pause { timeout_ms: 100, writes_only: true };
    check("client PAUSE 100 write", Command::Client(pause));
    check("CLIENT no-evict off", Command::Client(ClientCommand::NoEvict { on: false }));
    let slot = ClusterCommand::GetKeysInSlot { slot: 16383, count: 2 };
    check("cluster getkeysinslot 16383 2", Command::Cluster(slot));
    with_args(&words("CLIENT LIST ID 3 7"), |args| match Command::decode(args) {
        Ok(Command::Client(ClientCommand::List(list))) => {
            assert_eq!(list.ids().map(Iterator::collect::<Vec<_>>), Some(vec![3, 7]));
        }
        other => panic!("{other:?}"),
    });
    let line = "CLIENT KILL TYPE replica LADDR 127.0.0.1:1 SKIPME no ID 4";
    with_args(&words(line), |args| match Command::decode(args) {
        Ok(Command::Client(ClientCommand::Kill(filter))) => {
            assert_eq!((filter.kind, filter.id), (Some(ClientKind::Replica), Some(4)));
            assert_eq!(filter.local_address, Some(&b"127.0.0.1:1"[..]));
            assert!(!filter.skip_me && filter.address.is_none());
        }
        other => panic!("{other:?}"),
    });
}

#[test]
fn many_keys() {
    with_args(&words("MSET a 1 b 2"), |args| {
        let Ok(Command::MSet { pairs }) = Command::decode(args) else { panic!("no MSET") };
        let rows: Vec<_> = pairs.iter().collect();
        assert_eq!(rows, [(&b"a"[..], Some(&b"1"[..])), (b"b", Some(b"2"))]);
        assert_eq!(Command::MSet { pairs }.route(), Route::Keys(pairs));
    });
    with_args(&words("EVAL s 2 a b x y"), |args| match Command::decode(args) {
        Ok(Command::Eval { script: b"s", keys, args }) => {
            assert_eq!((keys.len(), keys.key(1)), (2, &b"b"[..]));
            assert_eq!(args.iter().collect::<Vec<_>>(), [b"x", b"y"]);
        }
        other => panic!("{other:?}"),
    });
}

#[test]
fn routes() {
    let cases: &[(&str, Route<'_>)] = &[
        ("GET k", Route::Key(b"k")),
        ("SET k v", Route::Key(b"k")),
        ("DEL k", Route::Key(b"k")),
        ("MSET k v", Route::Key(b"k")),
        ("OBJECT ENCODING k", Route::Key(b"k")),
        ("MEMORY USAGE k", Route::Key(b"k")),
        ("EVAL s 1 k x", Route::Key(b"k")),
        ("EVAL s 0 x", Route::Connection),
        ("PING", Route::Connection),
        ("CLIENT ID", Route::Connection),
        ("CLIENT LIST", Route::AllShards),
        ("SCAN 0", Route::AllShards),
        ("DBSIZE", Route::AllShards),
        ("FLUSHALL", Route::AllShards),
        ("CONFIG GET a", Route::Connection),
        ("CLUSTER COUNTKEYSINSLOT 5", Route::Slot(5)),
        ("WATCH k", Route::Transaction),
        ("EXEC", Route::Transaction),
    ];
    for (line, want) in cases {
        with_args(&words(line), |args| {
            assert_eq!(Command::decode(args).map(|command| command.route()), Ok(*want), "{line}");
        });
    }
    with_args(&words("DEL a b"), |args| {
        let route = Command::decode(args).map(|command| command.route());
        assert_eq!(route, Ok(Route::Keys(Keys::plain(args.slice(1)))));
    });
}

/// Every command and sub-command with a body, containers that need a sub-command left out.
fn rows() -> impl Iterator<Item = &'static Spec> {
    let with_body = |spec: &&Spec| spec.subcommands.is_empty() || spec.name == "command";
    COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands)).filter(with_body)
}

/// A request of `len` arguments for the command of this row.
fn request_of(spec: &Spec, len: usize) -> Vec<&'static [u8]> {
    let mut request: Vec<&[u8]> = spec.full_name.split('|').map(str::as_bytes).collect();
    request.resize(len.max(request.len()), b"1");
    request
}

#[test]
fn the_table_and_the_decoders_agree_on_arity() {
    for spec in rows() {
        let len = spec.arity.unsigned_abs() as usize;
        with_args(&request_of(spec, len), |args| {
            assert_eq!(Spec::of(args).map(|spec| spec.full_name), Ok(spec.full_name));
            // Its own options may be wrong, but it is known and has enough arguments.
            match Command::decode(args) {
                Ok(_) | Err(Refused::Syntax | Refused::Text(_) | Refused::Quoting(_)) => {}
                Err(other) => panic!("{}: {other:?}", spec.full_name),
            }
        });
        let wrong = Err(Refused::WrongArity { command: spec.full_name });
        let least = spec.full_name.split('|').count();
        if len > least {
            with_args(&request_of(spec, len - 1), |args| {
                assert_eq!(Command::decode(args), wrong, "{} with too few", spec.full_name);
            });
        }
        if spec.arity > 0 {
            with_args(&request_of(spec, len + 1), |args| {
                assert_eq!(Command::decode(args), wrong, "{} with too many", spec.full_name);
            });
        }
    }
}

#[test]
fn the_table_is_complete() {
    let count = rows().count();
    assert!(count > 100, "{count} commands and sub-commands");
    for spec in rows() {
        let name = spec.full_name;
        assert!(!spec.summary.is_empty() && !spec.since.is_empty(), "{name}");
        assert!(!spec.group.is_empty() && !spec.complexity.is_empty(), "{name}");
        assert!(!(spec.flags.contains(WRITE) && spec.flags.contains(READONLY)), "{name}");
        let changes = spec.keys.iter().any(|keys| keys.flags.contains(&"update"));
        let scripted = spec.group == "scripting";
        assert!(!changes || scripted || spec.flags.contains(WRITE), "{name}");
    }
    let open: Vec<_> =
        rows().filter(|spec| spec.flags.contains(NO_AUTH)).map(|spec| spec.name).collect();
    assert_eq!(open, ["quit", "reset", "hello", "auth"]);
}

/// A key that the table points at is where the decoder finds it, for every one-key command.
#[test]
fn routes_follow_the_tables_keys() {
    for spec in rows() {
        let len = spec.arity.unsigned_abs() as usize;
        with_args(&request_of(spec, len), |args| {
            let (Some(keys), Ok(command)) = (spec.keys.first(), Command::decode(args)) else {
                return;
            };
            let at_its_key = matches!(command.route(), Route::Key(_));
            assert_eq!(spec.runs_at_its_key, at_its_key, "{}", spec.full_name);
            if command.route() != Route::Transaction {
                let key = args.get(keys.begin).as_ptr();
                match command.route() {
                    Route::Key(found) => {
                        assert_eq!(found.as_ptr(), key, "{}", spec.full_name);
                        assert_eq!(spec.only_key(args), Some(found), "{}", spec.full_name);
                    }
                    other => panic!("{}: {other:?}", spec.full_name),
                }
            }
        });
    }
}

/// Words that mean something somewhere.
const WORDS: &[&str] = &[
    "EX",
    "px",
    "EXAT",
    "NX",
    "xx",
    "GT",
    "lt",
    "GET",
    "IFEQ",
    "KEEPTTL",
    "PERSIST",
    "0",
    "1",
    "-1",
    "3",
    "9223372036854775807",
    "-9223372036854775808",
    "1.5",
    "",
    "k",
    "AUTH",
    "SETNAME",
    "MATCH",
    "COUNT",
    "TYPE",
    "ID",
    "SKIPME",
    "yes",
    "on",
    "OFF",
    "normal",
    "FILTERBY",
    "PATTERN",
    "ACLCAT",
    "SAMPLES",
    "SAVE",
    "ABORT",
    "async",
    "set",
    "eval",
    "client",
    "object",
];

/// Any words in any order, after every command's name.
#[test]
fn no_arguments_make_decoding_panic() {
    let seed = std::env::var("SEED").map_or_else(
        |_| RandomState::new().hash_one(0u8),
        |seed| seed.parse().expect("SEED is a number"),
    );
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..1000 {
        for spec in rows() {
            let mut request = request_of(spec, 0);
            for _ in 0..rng.random_range(0..8) {
                request.push(WORDS[rng.random_range(0..WORDS.len())].as_bytes());
            }
            with_args(&request, |args| match Command::decode(args) {
                Ok(command) => {
                    let _ = command.route();
                    accepted += 1;
                }
                Err(error) => {
                    let text = error.to_string();
                    let code = text.split(' ').next().unwrap_or("");
                    let shouted = code.len() > 2 && code.bytes().all(|b| b.is_ascii_uppercase());
                    assert!(shouted, "seed {seed} round {round}: {text}");
                    refused += 1;
                }
            });
            with_args(&request, |args| keys_of(args).map_or(0, Iterator::count));
        }
    }
    assert!(accepted > 10_000 && refused > 10_000, "{accepted} accepted, {refused} refused");
}

#[test]
fn commands_stay_small() {
    let size = size_of::<Result<Command<'_>, Refused>>();
    assert!(size <= 160, "{size} bytes are moved for every request");
}
