//! What is refused and how it is worded, against texts collected from a Redis 7.0.
//!
//! Request lines are given as a person would type them.

use velodrome_net::command::{Command, Refused};
use velodrome_net::resp::{ArgBuf, Encoder, Parsed, Proto, RequestLimits, RequestParser};

fn decode(line: &str) -> Result<String, Refused> {
    let bytes = format!("{line}\r\n").into_bytes();
    let mut args = ArgBuf::new();
    let parsed = RequestParser::new().next(&bytes, &mut args, &RequestLimits::default());
    assert_eq!(parsed, Parsed::Command { consumed: bytes.len() }, "{line}");
    Command::decode(args.args(&bytes)).map(|command| format!("{command:?}"))
}

/// (request, the error's text)
const REFUSED: &[(&str, &str)] = &[
    ("GET", "ERR wrong number of arguments for 'get' command"),
    ("get a b", "ERR wrong number of arguments for 'get' command"),
    ("SET a b EX", "ERR syntax error"),
    ("SET a b EX 0", "ERR invalid expire time in 'set' command"),
    ("SET a b EX -1", "ERR invalid expire time in 'set' command"),
    ("SET a b EX 9223372036854776", "ERR invalid expire time in 'set' command"),
    ("SET a b PX abc", "ERR value is not an integer or out of range"),
    ("SET a b EX 9223372036854775807", "ERR invalid expire time in 'set' command"),
    ("SET a b EX 10 PX 10", "ERR syntax error"),
    ("SET a b NX XX", "ERR syntax error"),
    ("SET a b KEEPTTL EX 1", "ERR syntax error"),
    ("SET a b PERSIST", "ERR syntax error"),
    ("SET a b FOO", "ERR syntax error"),
    ("GETEX a PERSIST EX 1", "ERR syntax error"),
    ("GETEX a KEEPTTL", "ERR syntax error"),
    ("GETEX a NX", "ERR syntax error"),
    ("GETEX a EX", "ERR syntax error"),
    ("SETEX a 0 b", "ERR invalid expire time in 'setex' command"),
    ("SETEX a x b", "ERR value is not an integer or out of range"),
    ("PSETEX a -1 b", "ERR invalid expire time in 'psetex' command"),
    ("MSET a", "ERR wrong number of arguments for 'mset' command"),
    ("MSET a b c", "ERR wrong number of arguments for 'mset' command"),
    ("MSETNX a b c", "ERR wrong number of arguments for 'msetnx' command"),
    ("MSET", "ERR wrong number of arguments for 'mset' command"),
    ("INCRBY a x", "ERR value is not an integer or out of range"),
    ("INCRBY a 1.5", "ERR value is not an integer or out of range"),
    ("DECRBY a -9223372036854775808", "ERR decrement would overflow"),
    ("INCRBYFLOAT a x", "ERR value is not a valid float"),
    ("INCRBYFLOAT a nan", "ERR value is not a valid float"),
    ("SETRANGE a -1 x", "ERR offset is out of range"),
    ("SETRANGE a x x", "ERR value is not an integer or out of range"),
    ("GETRANGE a x 1", "ERR value is not an integer or out of range"),
    ("EXPIRE a x", "ERR value is not an integer or out of range"),
    ("EXPIRE a 1 FOO", "ERR Unsupported option FOO"),
    ("EXPIRE a x FOO", "ERR Unsupported option FOO"),
    ("EXPIRE a 1 NX XX", "ERR NX and XX, GT or LT options at the same time are not compatible"),
    ("EXPIRE a 1 NX GT", "ERR NX and XX, GT or LT options at the same time are not compatible"),
    ("EXPIRE a 1 GT LT", "ERR GT and LT options at the same time are not compatible"),
    ("EXPIRE a 9223372036854775807", "ERR invalid expire time in 'expire' command"),
    ("EXPIREAT a 9223372036854775807", "ERR invalid expire time in 'expireat' command"),
    ("EXPIRE a -9223372036854775807", "ERR invalid expire time in 'expire' command"),
    ("SCAN x", "ERR invalid cursor"),
    ("SCAN 18446744073709551616", "ERR invalid cursor"),
    ("SCAN 0 COUNT 0", "ERR syntax error"),
    ("SCAN 0 COUNT x", "ERR value is not an integer or out of range"),
    ("SCAN 0 MATCH", "ERR syntax error"),
    ("SCAN 0 FOO bar", "ERR syntax error"),
    ("SELECT x", "ERR value is not an integer or out of range"),
    (
        "SELECT 3000000000",
        "ERR value is out of range, value must between -2147483648 and 2147483647",
    ),
    ("HELLO x", "ERR Protocol version is not an integer or out of range"),
    ("HELLO 4", "NOPROTO unsupported protocol version"),
    ("HELLO 1", "NOPROTO unsupported protocol version"),
    ("HELLO 99999999999", "NOPROTO unsupported protocol version"),
    ("HELLO 2 FOO", "ERR Syntax error in HELLO option 'FOO'"),
    ("HELLO 2 AUTH a", "ERR Syntax error in HELLO option 'AUTH'"),
    ("HELLO 2 SETNAME", "ERR Syntax error in HELLO option 'SETNAME'"),
    ("CLIENT", "ERR wrong number of arguments for 'client' command"),
    ("CLIENT FOO", "ERR unknown subcommand 'FOO'. Try CLIENT HELP."),
    ("client foo bar", "ERR unknown subcommand 'foo'. Try CLIENT HELP."),
    ("CLIENT KILL", "ERR wrong number of arguments for 'client|kill' command"),
    ("CLIENT KILL ID x", "ERR client-id should be greater than 0"),
    ("CLIENT KILL ID 0", "ERR client-id should be greater than 0"),
    ("CLIENT KILL TYPE foo", "ERR Unknown client type 'foo'"),
    ("CLIENT KILL SKIPME x", "ERR syntax error"),
    ("CLIENT KILL FOO bar", "ERR syntax error"),
    ("CLIENT LIST TYPE foo", "ERR Unknown client type 'foo'"),
    ("CLIENT LIST FOO", "ERR syntax error"),
    ("CLIENT LIST ID", "ERR syntax error"),
    ("CLIENT LIST ID x", "ERR Invalid client ID"),
    ("CLIENT LIST ID 1 TYPE normal", "ERR Invalid client ID"),
    ("CLIENT LIST TYPE", "ERR syntax error"),
    ("CLIENT REPLY foo", "ERR syntax error"),
    ("CLIENT PAUSE x", "ERR timeout is not an integer or out of range"),
    ("CLIENT PAUSE -1", "ERR timeout is negative"),
    ("CLIENT PAUSE 1 foo", "ERR CLIENT PAUSE mode must be WRITE or ALL"),
    ("CLIENT NO-EVICT foo", "ERR syntax error"),
    ("CLIENT SETNAME", "ERR wrong number of arguments for 'client|setname' command"),
    ("CLIENT SETNAME a b", "ERR wrong number of arguments for 'client|setname' command"),
    ("CLIENT GETNAME a", "ERR wrong number of arguments for 'client|getname' command"),
    ("CLUSTER", "ERR wrong number of arguments for 'cluster' command"),
    ("CLUSTER FOO", "ERR unknown subcommand 'FOO'. Try CLUSTER HELP."),
    ("CONFIG", "ERR wrong number of arguments for 'config' command"),
    ("CONFIG GET", "ERR wrong number of arguments for 'config|get' command"),
    ("CONFIG SET a", "ERR wrong number of arguments for 'config|set' command"),
    ("CONFIG SET a b c", "ERR syntax error"),
    ("CONFIG FOO a", "ERR unknown subcommand 'FOO'. Try CONFIG HELP."),
    ("CONFIG RESETSTAT a", "ERR wrong number of arguments for 'config|resetstat' command"),
    ("COMMAND FOO", "ERR unknown subcommand 'FOO'. Try COMMAND HELP."),
    ("COMMAND GETKEYS", "ERR wrong number of arguments for 'command|getkeys' command"),
    ("COMMAND GETKEYS foo", "ERR wrong number of arguments for 'command|getkeys' command"),
    ("COMMAND GETKEYS get", "ERR wrong number of arguments for 'command|getkeys' command"),
    ("COMMAND GETKEYS ping", "ERR wrong number of arguments for 'command|getkeys' command"),
    ("COMMAND LIST FILTERBY foo bar", "ERR syntax error"),
    ("COMMAND LIST FOO", "ERR syntax error"),
    ("COMMAND COUNT x", "ERR wrong number of arguments for 'command|count' command"),
    ("OBJECT", "ERR wrong number of arguments for 'object' command"),
    ("OBJECT FOO", "ERR unknown subcommand 'FOO'. Try OBJECT HELP."),
    ("OBJECT ENCODING", "ERR wrong number of arguments for 'object|encoding' command"),
    ("MEMORY USAGE", "ERR wrong number of arguments for 'memory|usage' command"),
    ("MEMORY USAGE a FOO", "ERR syntax error"),
    ("MEMORY USAGE a SAMPLES x", "ERR value is not an integer or out of range"),
    ("MEMORY USAGE a SAMPLES -1", "ERR syntax error"),
    ("MEMORY FOO", "ERR unknown subcommand 'FOO'. Try MEMORY HELP."),
    ("WAIT x 0", "ERR value is not an integer or out of range"),
    ("WAIT 0 x", "ERR timeout is not an integer or out of range"),
    ("WAIT 0 -1", "ERR timeout is negative"),
    ("SLOWLOG GET x", "ERR count should be greater than or equal to -1"),
    ("SLOWLOG GET -2", "ERR count should be greater than or equal to -1"),
    ("SLOWLOG FOO", "ERR unknown subcommand 'FOO'. Try SLOWLOG HELP."),
    ("LATENCY FOO", "ERR unknown subcommand 'FOO'. Try LATENCY HELP."),
    ("LATENCY HISTORY", "ERR wrong number of arguments for 'latency|history' command"),
    ("FLUSHALL foo", "ERR syntax error"),
    ("FLUSHDB ASYNC SYNC", "ERR syntax error"),
    ("SHUTDOWN foo", "ERR syntax error"),
    ("SHUTDOWN SAVE NOSAVE", "ERR syntax error"),
    ("SHUTDOWN ABORT SAVE", "ERR syntax error"),
    ("SHUTDOWN ABORT NOW", "ERR syntax error"),
    ("SHUTDOWN NOW NOW ABORT", "ERR syntax error"),
    ("EVAL x", "ERR wrong number of arguments for 'eval' command"),
    ("EVAL x y", "ERR value is not an integer or out of range"),
    ("EVAL x -1", "ERR Number of keys can't be negative"),
    ("EVAL x 5 a", "ERR Number of keys can't be greater than number of args"),
    ("SCRIPT EXISTS", "ERR wrong number of arguments for 'script|exists' command"),
    ("SCRIPT FLUSH foo", "ERR SCRIPT FLUSH only support SYNC|ASYNC option"),
    ("SCRIPT FLUSH ASYNC x", "ERR SCRIPT FLUSH only support SYNC|ASYNC option"),
    ("SCRIPT FOO", "ERR unknown subcommand 'FOO'. Try SCRIPT HELP."),
    ("PING a b", "ERR wrong number of arguments for 'ping' command"),
    ("ECHO", "ERR wrong number of arguments for 'echo' command"),
    ("AUTH a b c", "ERR syntax error"),
    ("foo", "ERR unknown command 'foo', with args beginning with: "),
    ("foo bar baz", "ERR unknown command 'foo', with args beginning with: 'bar' 'baz' "),
    ("TYPE", "ERR wrong number of arguments for 'type' command"),
    ("KEYS", "ERR wrong number of arguments for 'keys' command"),
    ("MULTI x", "ERR wrong number of arguments for 'multi' command"),
    ("READONLY x", "ERR wrong number of arguments for 'readonly' command"),
    ("TIME x", "ERR wrong number of arguments for 'time' command"),
    ("cluster keyslot", "ERR wrong number of arguments for 'cluster|keyslot' command"),
    ("cluster getkeysinslot 1 x", "ERR value is not an integer or out of range"),
    ("SET k v IFEQ a NX", "ERR syntax error"),
    ("SET k v IFEQ", "ERR syntax error"),
    (
        "HELLO 3 SETNAME \"a b\"",
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ),
    (
        "CLIENT SETNAME \"a b\"",
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ),
    ("CLIENT SETINFO LIB-FOO x", "ERR Unrecognized option 'LIB-FOO'"),
    ("CLIENT HELP x", "ERR wrong number of arguments for 'client|help' command"),
    ("CLUSTER COUNTKEYSINSLOT 16384", "ERR Invalid slot"),
    ("CLUSTER GETKEYSINSLOT -1 5", "ERR Invalid slot or number of keys"),
    ("SCAN -1", "ERR invalid cursor"),
    ("a \"\\r\\n-x\"", "ERR unknown command 'a', with args beginning with: '  -x' "),
];

/// Requests whose syntax is right, whatever a server then makes of them.
const ACCEPTED: &[&str] = &[
    "SET a b PXAT 9223372036854775807",
    "SET a b EX 10 EX 20",
    "SET a b EX 9223372036854775",
    "SET a b NX NX",
    "EXPIRE a 1 XX GT",
    "PEXPIREAT a -9223372036854775808",
    "SCAN 18446744073709551615",
    "SCAN 0 TYPE foo",
    "SELECT 99",
    "SELECT -1",
    "HELLO 2 SETNAME a@b",
    "CLIENT KILL 1.2.3.4:5",
    "CLIENT KILL ID",
    "CLIENT KILL USER nobody",
    "CLIENT KILL ID 99999 ID 1",
    "CLIENT LIST ID 0",
    "COMMAND INFO foo",
    "COMMAND GETKEYS get a",
    "COMMAND GETKEYS get a b",
    "COMMAND GETKEYS ping a",
    "COMMAND GETKEYS mset a b c d",
    "COMMAND GETKEYS mset a b c",
    "COMMAND GETKEYS eval x 0",
    "COMMAND GETKEYS eval x 2 a b c",
    "COMMAND GETKEYS eval x 5 a b c",
    "COMMAND GETKEYS eval x y a b c",
    "COMMAND GETKEYS object encoding k",
    "COMMAND GETKEYS object foo k",
    "COMMAND GETKEYS object help",
    "COMMAND GETKEYS client id",
    "COMMAND GETKEYS memory usage k samples 3",
    "COMMAND GETKEYSANDFLAGS set a b",
    "COMMAND GETKEYSANDFLAGS mset a b c d",
    "COMMAND LIST FILTERBY ACLCAT bar",
    "COMMAND LIST FILTERBY MODULE bar",
    "COMMAND LIST FILTERBY PATTERN xget*",
    "COMMAND LIST FILTERBY ACLCAT transaction",
    "COMMAND DOCS nosuch",
    "WAIT -1 1",
    "SLOWLOG GET -1",
    "INFO a b c",
    "cluster info",
    "SHUTDOWN ABORT ABORT",
    "EVALSHA foo 0",
    "AUTH a",
    "INCRBYFLOAT a inf",
    "QUIT x",
    "COMMAND HELP",
    "PEXPIRE a 9223372036854775807",
    "SET k v IFEQ old GET",
    "SET k v get nx px 5",
    "CLIENT SETINFO lib-name redis-py",
    "CLIENT NO-TOUCH on",
    "CLIENT KILL MAXAGE 5 SKIPME no",
    "CLUSTER GETKEYSINSLOT 16383 10",
    "MEMORY USAGE k SAMPLES 0",
    "HELLO 3 AUTH u p SETNAME n",
];

#[test]
fn refusals_are_worded_as_in_redis() {
    for (line, want) in REFUSED {
        match decode(line) {
            Err(refused) => {
                let mut out = Vec::new();
                Encoder::new(&mut out, Proto::Resp2).error(&refused.to_string());
                assert_eq!(String::from_utf8_lossy(&out), format!("-{want}\r\n"), "{line}");
            }
            Ok(command) => panic!("{line} is accepted as {command}"),
        }
    }
}

#[test]
fn right_syntax_is_accepted() {
    for line in ACCEPTED {
        if let Err(refused) = decode(line) {
            panic!("{line}: {refused}");
        }
    }
}

#[test]
fn long_requests_are_quoted_in_part() {
    let long = "x".repeat(1000);
    let text = decode(&format!("{long} {long} {long}")).unwrap_err().to_string();
    let quoted = "x".repeat(128);
    let want = format!("ERR unknown command '{quoted}', with args beginning with: '{quoted}' ");
    assert_eq!(text, want);
}

#[test]
fn browsers_are_turned_away() {
    for line in ["POST / HTTP/1.1", "Host: localhost:6379", "post x"] {
        assert_eq!(decode(line), Err(Refused::CrossProtocol), "{line}");
    }
}
