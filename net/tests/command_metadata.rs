//! What COMMAND says: read back through the client's parser in both versions, in the shapes that
//! redis-cli, redis-py and go-redis take for granted.

use velodrome_net::command::{COMMANDS, Command, Refused, find_full, help, keys_of, metadata};
use velodrome_net::resp::{
    ArgBuf, Encoder, Parsed, Proto, ReplyParser, RequestLimits, RequestParser, Value,
};

/// Runs a `COMMAND …` line and hands the reply to `test`.
fn with_reply<T>(line: &str, proto: Proto, test: impl FnOnce(Value<'_>) -> T) -> T {
    with_request(line, |command| {
        let Ok(Command::Command(command)) = command else { panic!("{line}: {command:?}") };
        let mut out = Vec::new();
        metadata::encode(&mut Encoder::new(&mut out, proto), command).expect(line);
        let (consumed, value) = ReplyParser::new().next(&out).unwrap().expect("one whole reply");
        assert_eq!(consumed, out.len(), "{line}: exactly one reply");
        test(value)
    })
}

fn with_request<T>(line: &str, test: impl FnOnce(Result<Command<'_>, Refused>) -> T) -> T {
    let bytes = format!("{line}\r\n").into_bytes();
    let mut args = ArgBuf::new();
    let parsed = RequestParser::new().next(&bytes, &mut args, &RequestLimits::default());
    assert_eq!(parsed, Parsed::Command { consumed: bytes.len() });
    test(Command::decode(args.args(&bytes)))
}

/// A reply as text: `[a [b] {k v} ~(x)]`, statuses with a plus sign.
fn show(value: &Value<'_>) -> String {
    let list = |items: &[Value<'_>]| items.iter().map(show).collect::<Vec<_>>().join(" ");
    match value {
        Value::Simple(text) => format!("+{}", String::from_utf8_lossy(text)),
        Value::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Null => "null".into(),
        Value::Array(items) => format!("[{}]", list(items)),
        Value::Set(items) => format!("~({})", list(items)),
        Value::Map(pairs) => {
            let pair = |(k, v): &(Value<'_>, Value<'_>)| format!("{} {}", show(k), show(v));
            format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(" "))
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check(line: &str, resp2: &str, resp3: &str) {
    for (proto, want) in [(Proto::Resp2, resp2), (Proto::Resp3, resp3)] {
        let got = with_reply(line, proto, |value| show(&value));
        assert_eq!(got, want, "{line} {proto:?}");
    }
}

#[test]
fn info_has_the_shape_of_redis() {
    check(
        "COMMAND INFO GET nosuch",
        "[[get 2 [+readonly +fast] 1 1 1 [+@read +@string +@fast] [] [[flags [+RO +access] \
         begin_search [type index spec [index 1]] find_keys [type range spec [lastkey 0 keystep 1 \
         limit 0]]]] []] null]",
        "[[get 2 ~(+readonly +fast) 1 1 1 ~(+@read +@string +@fast) ~() ~({flags ~(+RO +access) \
         begin_search {type index spec {index 1}} find_keys {type range spec {lastkey 0 keystep 1 \
         limit 0}}}) ~()] null]",
    );
    check(
        "COMMAND INFO mset",
        "[[mset -3 [+write +denyoom] 1 -1 2 [+@write +@string +@slow] \
         [request_policy:multi_shard response_policy:all_succeeded] [[flags [+OW +update] \
         begin_search [type index spec [index 1]] find_keys [type range spec [lastkey -1 keystep 2 \
         limit 0]]]] []]]",
        "[[mset -3 ~(+write +denyoom) 1 -1 2 ~(+@write +@string +@slow) \
         ~(request_policy:multi_shard response_policy:all_succeeded) ~({flags ~(+OW +update) \
         begin_search {type index spec {index 1}} find_keys {type range spec {lastkey -1 keystep 2 \
         limit 0}}}) ~()]]",
    );
    check(
        "COMMAND INFO client|kill",
        "[[client|kill -3 [+admin +noscript +loading +stale] 0 0 0 [+@admin +@slow +@dangerous \
         +@connection] [] [] []]]",
        "[[client|kill -3 ~(+admin +noscript +loading +stale) 0 0 0 ~(+@admin +@slow +@dangerous \
         +@connection) ~() ~() ~()]]",
    );
}

#[test]
fn every_row_has_ten_columns() {
    for line in ["COMMAND", "COMMAND INFO"] {
        with_reply(line, Proto::Resp2, |value| {
            let Value::Array(rows) = value else { panic!("no array") };
            assert_eq!(rows.len(), COMMANDS.len());
            for row in &rows {
                let Value::Array(columns) = row else { panic!("no row") };
                assert_eq!(columns.len(), 10);
                assert!(matches!(
                    columns[..6],
                    [
                        Value::Bulk(_),
                        Value::Integer(_),
                        Value::Array(_),
                        Value::Integer(_),
                        Value::Integer(_),
                        Value::Integer(_),
                    ]
                ));
            }
        });
    }
    with_reply("COMMAND COUNT", Proto::Resp3, |value| {
        assert_eq!(value, Value::Integer(COMMANDS.len() as i64));
    });
}

#[test]
fn docs() {
    check(
        "COMMAND DOCS expire",
        "[expire [summary Gives a key some seconds to live since 1.0.0 group generic complexity \
         O(1) arguments [[name key type key key_spec_index 0] [name seconds type integer] \
         [name condition type oneof since 7.0.0 flags [+optional] arguments \
         [[name nx type pure-token token NX] [name xx type pure-token token XX] \
         [name gt type pure-token token GT] [name lt type pure-token token LT]]]]]]",
        "{expire {summary Gives a key some seconds to live since 1.0.0 group generic complexity \
         O(1) arguments [{name key type key key_spec_index 0} {name seconds type integer} \
         {name condition type oneof since 7.0.0 flags ~(+optional) arguments \
         [{name nx type pure-token token NX} {name xx type pure-token token XX} \
         {name gt type pure-token token GT} {name lt type pure-token token LT}]}]}}",
    );
    check("COMMAND DOCS nosuch", "[]", "{}");
    with_reply("COMMAND DOCS", Proto::Resp3, |value| {
        let Value::Map(rows) = value else { panic!("no map") };
        assert_eq!(rows.len(), COMMANDS.len());
        for (name, docs) in rows {
            let Value::Map(fields) = docs else { panic!("no map") };
            let has = |field: &[u8]| fields.iter().any(|(name, _)| name.as_bytes() == Some(field));
            assert!(has(b"summary") && has(b"since") && has(b"group"), "{}", show(&name));
        }
    });
}

#[test]
fn lists() {
    let transactions = "[multi exec discard watch unwatch]";
    check("COMMAND LIST FILTERBY ACLCAT Transaction", transactions, transactions);
    check(
        "COMMAND LIST FILTERBY PATTERN *EXPIREAT",
        "[expireat pexpireat]",
        "[expireat pexpireat]",
    );
    check(
        "COMMAND LIST FILTERBY PATTERN client|[i-k]*",
        "[client|id client|info client|kill]",
        "[client|id client|info client|kill]",
    );
    check("COMMAND LIST FILTERBY MODULE any", "[]", "[]");
    with_reply("COMMAND LIST", Proto::Resp2, |value| {
        let Value::Array(names) = value else { panic!("no array") };
        assert!(names.len() > 100);
        for name in names {
            assert!(find_full(name.as_bytes().unwrap()).is_some());
        }
    });
}

#[test]
fn keys_of_command_lines() {
    let cases = [
        ("get a", "[a]"),
        ("mset a b c d", "[a c]"),
        ("mset a b c", "[a c]"),
        ("del a b c", "[a b c]"),
        ("eval x 0", "[]"),
        ("eval x 2 a b c", "[a b]"),
        ("eval x 3 a b c", "[a b c]"),
        ("eval x 5 a b c", "[]"),
        ("eval x y a b c", "[]"),
        ("object encoding k", "[k]"),
        ("memory usage k samples 3", "[k]"),
    ];
    for (line, want) in cases {
        check(&format!("COMMAND GETKEYS {line}"), want, want);
    }
    check("COMMAND GETKEYSANDFLAGS set a b", "[[a [+OW +update]]]", "[[a ~(+OW +update)]]");
    check(
        "COMMAND GETKEYSANDFLAGS set a b GET",
        "[[a [+RW +access +update]]]",
        "[[a ~(+RW +access +update)]]",
    );
    let refused = [
        ("nosuch a", "ERR Invalid command specified"),
        ("object nosuch k", "ERR Invalid command specified"),
        ("ping a", "ERR The command has no key arguments"),
        ("object help", "ERR The command has no key arguments"),
        ("get a b", "ERR Invalid number of arguments specified for command"),
    ];
    for (line, want) in refused {
        with_request(&format!("COMMAND GETKEYS {line}"), |command| {
            let Ok(Command::Command(command)) = command else { panic!("{line}: {command:?}") };
            let mut out = Vec::new();
            let refused = metadata::encode(&mut Encoder::new(&mut out, Proto::Resp2), command);
            assert_eq!(refused.map_err(|refused| refused.to_string()), Err(want.into()), "{line}");
            assert!(out.is_empty());
        });
    }
}

#[test]
fn help_comes_from_the_table() {
    for container in COMMANDS.iter().filter(|spec| !spec.subcommands.is_empty()) {
        let mut out = Vec::new();
        help::encode(&mut Encoder::new(&mut out, Proto::Resp2), container);
        let (consumed, value) = ReplyParser::new().next(&out).unwrap().expect("complete");
        assert_eq!(consumed, out.len());
        let Value::Array(lines) = value else { panic!("no array") };
        let text = show(&Value::Array(lines));
        for spec in container.subcommands {
            assert!(text.contains(&spec.name.to_ascii_uppercase()), "{}", spec.full_name);
        }
        assert!(container.subcommand(b"HELP").is_some(), "{} has no HELP", container.name);
    }
}

#[test]
fn keys_are_counted_before_they_are_read() {
    let bytes = b"*4\r\n$3\r\ndel\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n";
    let mut args = ArgBuf::new();
    RequestParser::new().next(bytes, &mut args, &RequestLimits::default());
    let keys = keys_of(args.args(bytes)).unwrap();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys.collect::<Vec<_>>(), [b"a", b"b", b"c"]);
}
