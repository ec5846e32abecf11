//! Real clients: what they ask and what they are told, through the `redis` crate.
//!
//! Owns the conversations; what is sent as raw bytes is in `wire.rs`. Invariant: each test runs on
//! one and two shards, on io_uring and on epoll. Cost: a node and a second a test at most.

mod node;

use std::collections::{BTreeMap, HashMap};

use node::{DEADLINE, Node, Shape, connect, info_number, on_every_shape, say, text_of};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use redis::cluster::{ClusterClient, ClusterConnection, cluster_pipe};
use redis::{Connection, ConnectionLike, ProtocolVersion, Value};

/// The longest key, in bytes.
const KEY_LEN_MAX: usize = 65_535;

on_every_shape! {
    plain_commands,
    deadlines_and_conditions,
    commands_about_the_connection,
    commands_about_the_cluster,
    pipelines_agree_with_a_model,
    transactions,
    transactions_of_two_clients_meet,
    a_cluster_client_reaches_every_slot,
    databases_are_apart,
    keys_are_any_bytes,
    pages_and_lists_of_keys,
    two_hundred_connections,
}

/// Commands and the replies they get, in this order, on one connection. `a|b` is either of both.
fn check(connection: &mut Connection, cases: &[(&str, &str)]) {
    for (words, expected) in cases {
        let found = say(connection, words);
        let one_of = expected.split('|').any(|expected| expected == found);
        assert!(one_of, "{words}\n  found    {found}\n  expected {expected}");
    }
}

/// Runs cases over RESP2, RESP3 and the Unix socket; the keys are gone in between.
fn check_everywhere(shape: Shape, cases: &[(&str, &str)]) {
    let node = Node::start(shape, &[]);
    let unix = format!("redis+unix://{}", node.unix_socket().display());
    for mut connection in [node.connect(), node.connect_resp3(), connect(&unix)] {
        check(&mut connection, cases);
        check(&mut connection, &[("FLUSHALL", "+OK"), ("DBSIZE", ":0")]);
    }
}

fn plain_commands(shape: Shape) {
    check_everywhere(
        shape,
        &[
            ("PING", "+PONG"),
            ("PING hello", "\"hello\""),
            ("ECHO hello", "\"hello\""),
            ("GET k", "nil"),
            ("SET k v", "+OK"),
            ("GET k", "\"v\""),
            ("get k", "\"v\""),
            ("SET k w GET", "\"v\""),
            ("GETSET k x", "\"w\""),
            ("SETNX k y", ":0"),
            ("SETNX n y", ":1"),
            ("MSET a 1 b 2 c 3 d 4", "+OK"),
            ("MGET a b none c d a", "[\"1\" \"2\" nil \"3\" \"4\" \"1\"]"),
            ("MGET a", "[\"1\"]"),
            ("MSETNX e 5 a 9", ":0"),
            ("MSETNX e 5 f 6", ":1"),
            ("EXISTS a b none a", ":3"),
            ("TOUCH a b none", ":2"),
            ("DEL a b none", ":2"),
            ("UNLINK c d none", ":2"),
            ("EXISTS a", ":0"),
            ("INCR n", "-ERR value is not an integer or out of range"),
            ("INCR i", ":1"),
            ("INCRBY i 41", ":42"),
            ("DECR i", ":41"),
            ("DECRBY i 50", ":-9"),
            ("SET i 9223372036854775807", "+OK"),
            ("INCR i", "-ERR increment or decrement would overflow"),
            ("APPEND s hello", ":5"),
            ("APPEND s world", ":10"),
            ("STRLEN s", ":10"),
            ("GETRANGE s 0 4", "\"hello\""),
            ("SETRANGE s 5 W", ":10"),
            ("GET s", "\"helloWorld\""),
            ("GETDEL s", "\"helloWorld\""),
            ("GETDEL s", "nil"),
            ("TYPE k", "+string"),
            ("TYPE none", "+none"),
            ("DBSIZE", ":5"),
            ("NOSUCH a b", "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' "),
            ("GET", "-ERR wrong number of arguments for 'get' command"),
            ("SET k v NX XX", "-ERR syntax error"),
            ("SET k v EX none", "-ERR value is not an integer or out of range"),
            ("SET k v EX 0", "-ERR invalid expire time in 'set' command"),
            ("FLUSHDB", "+OK"),
            ("DBSIZE", ":0"),
        ],
    );
}

fn deadlines_and_conditions(shape: Shape) {
    check_everywhere(
        shape,
        &[
            ("SET k v EX 100", "+OK"),
            ("TTL k", ":100|:99"),
            ("SET k w KEEPTTL", "+OK"),
            ("TTL k", ":100|:99"),
            ("SET k v", "+OK"),
            ("TTL k", ":-1"),
            ("TTL none", ":-2"),
            ("PTTL none", ":-2"),
            ("SET k v PXAT 4000000000000", "+OK"),
            ("EXPIRETIME k", ":4000000000"),
            ("PEXPIRETIME k", ":4000000000000"),
            ("PERSIST k", ":1"),
            ("PERSIST k", ":0"),
            ("EXPIREAT k 4000000000 XX", ":0"),
            ("EXPIREAT k 4000000000 NX", ":1"),
            ("PEXPIREAT k 4000000000001 LT", ":0"),
            ("PEXPIREAT k 4000000000001 GT", ":1"),
            ("PEXPIRETIME k", ":4000000000001"),
            ("EXPIRE k 50", ":1"),
            ("TTL k", ":50|:49"),
            ("EXPIRE none 50", ":0"),
            ("PEXPIRE k -1", ":1"),
            ("EXISTS k", ":0"),
            ("SETEX k 100 v", "+OK"),
            ("PSETEX p 100000 v", "+OK"),
            ("TTL p", ":100|:99"),
            ("GETEX p PERSIST", "\"v\""),
            ("TTL p", ":-1"),
            ("GETEX p EX 10", "\"v\""),
            ("TTL p", ":10|:9"),
            ("SETEX k 0 v", "-ERR invalid expire time in 'setex' command"),
            ("EXPIRE k abc", "-ERR value is not an integer or out of range"),
            ("SET x v XX", "nil"),
            ("SET x v NX", "+OK"),
            ("SET x w NX", "nil"),
            ("SET x w NX GET", "\"v\""),
            ("SET x w XX", "+OK"),
            ("GET x", "\"w\""),
            ("OBJECT ENCODING x", "\"embstr\""),
            ("FLUSHALL ASYNC", "+OK"),
        ],
    );
    // A key is gone once its time has come, and is seen to go.
    let node = Node::start(shape, &[]);
    let mut connection = node.connect();
    check(&mut connection, &[("SET brief v PX 20", "+OK")]);
    node::eventually("the key expires", || say(&mut connection, "GET brief") == "nil");
    check(&mut connection, &[("TTL brief", ":-2"), ("DBSIZE", ":0")]);
}

fn commands_about_the_connection(shape: Shape) {
    let node = Node::start(shape, &[]);
    let (mut two, mut three) = (node.connect(), node.connect_resp3());
    for connection in [&mut two, &mut three] {
        check(
            connection,
            &[
                ("CLIENT GETNAME", "nil"),
                ("CLIENT SETNAME bob", "+OK"),
                ("CLIENT GETNAME", "\"bob\""),
                ("CLIENT SETINFO LIB-NAME rust", "+OK"),
                ("CLIENT NO-EVICT ON", "+OK"),
                ("CLIENT NO-TOUCH ON", "+OK"),
                ("HELLO 4", "-NOPROTO unsupported protocol version"),
                ("READONLY", "+OK"),
                ("READWRITE", "+OK"),
                ("SELECT 15", "+OK"),
                ("SELECT 16", "-ERR DB index is out of range"),
                ("SELECT 0", "+OK"),
                ("COMMAND GETKEYS MSET a 1 b 2", "[\"a\" \"b\"]"),
                (
                    "CONFIG SET nosuch 1",
                    "-ERR Unknown option or number of arguments for CONFIG \
                  SET - 'nosuch'",
                ),
            ],
        );
        let line = say(connection, "CLIENT INFO");
        for part in ["name=bob", "lib-name=rust", "db=0"] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
        assert!(say(connection, "COMMAND COUNT").starts_with(':'));
        assert!(say(connection, "COMMAND INFO get").contains("\"get\" :2 "));
        assert!(say(connection, "COMMAND DOCS get").contains("\"summary\""));
    }
    let list = say(&mut two, "CLIENT LIST");
    assert_eq!(list.matches("name=bob").count(), 2, "{list}");
    assert!(list.contains("resp=2") && list.contains("resp=3"), "{list}");
    let ids = [say(&mut two, "CLIENT ID"), say(&mut three, "CLIENT ID")];
    assert_ne!(ids[0], ids[1]);
    assert_eq!(say(&mut two, "CONFIG GET databases"), "[\"databases\" \"16\"]");
    assert_eq!(say(&mut three, "CONFIG GET databases"), "{\"databases\" \"16\"}");
    // HELLO chooses anew; RESET goes back to where the connection began.
    assert!(say(&mut two, "HELLO 3").starts_with('{'));
    check(&mut two, &[("SELECT 2", "+OK"), ("RESET", "+RESET"), ("CLIENT GETNAME", "nil")]);
    assert!(say(&mut two, "CLIENT INFO").contains("db=0 "));
    let fields = node::info(&mut two, "");
    assert_eq!(fields["multiplexing_api"], shape.driver);
    assert_eq!(fields["shards"], shape.shards.to_string());
    assert_eq!((&*fields["loading"], &*fields["connected_clients"]), ("0", "2"));
}

fn commands_about_the_cluster(shape: Shape) {
    let node = Node::start(shape, &[]);
    let mut connection = node.connect();
    let slots = say(&mut connection, "CLUSTER SLOTS");
    let mine = format!("[[:0 :16383 [\"127.0.0.1\" :{} ", node.port);
    assert!(slots.starts_with(&mine), "{slots}");
    check(
        &mut connection,
        &[
            ("CLUSTER KEYSLOT {user1000}.following", ":3443"),
            ("CLUSTER KEYSLOT 123456789", ":12739"),
            ("SET {user1000}.following v", "+OK"),
            ("CLUSTER COUNTKEYSINSLOT 3443", ":1"),
            ("CLUSTER GETKEYSINSLOT 3443 10", "[\"{user1000}.following\"]"),
            ("ASKING", "+OK"),
        ],
    );
    let text = say(&mut connection, "CLUSTER INFO");
    for part in ["cluster_state:ok", "cluster_slots_assigned:16384", "cluster_known_nodes:1"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let id = say(&mut connection, "CLUSTER MYID").trim_matches('"').to_owned();
    assert_eq!(id.len(), 40, "{id}");
    let nodes = say(&mut connection, "CLUSTER NODES");
    assert!(nodes.starts_with(&format!("\"{id} 127.0.0.1:{}@", node.port)), "{nodes}");
    assert!(nodes.contains("myself,master") && nodes.contains("0-16383"), "{nodes}");
}

/// What a node with only strings would hold.
#[derive(Default)]
struct Model(HashMap<String, Vec<u8>>);

impl Model {
    /// A random command and the reply it deserves.
    fn step(&mut self, random: &mut SmallRng) -> (redis::Cmd, Value) {
        let key = |random: &mut SmallRng| format!("key:{}", random.random_range(0..60));
        let (k, other) = (key(random), key(random));
        let number = random.random_range(-1000..1000_i64);
        let text = number.to_string().into_bytes();
        let bulk =
            |value: Option<&Vec<u8>>| value.map_or(Value::Nil, |v| Value::BulkString(v.clone()));
        let mut command;
        let reply = match random.random_range(0..9) {
            0 => {
                command = redis::cmd("GET");
                command.arg(&k);
                bulk(self.0.get(&k))
            }
            1 => {
                command = redis::cmd("SET");
                command.arg(&k).arg(&text);
                self.0.insert(k, text);
                Value::Okay
            }
            2 => {
                command = redis::cmd("DEL");
                command.arg(&k).arg(&other);
                let found = self.0.remove(&k).is_some() as i64;
                Value::Int(found + self.0.remove(&other).is_some() as i64)
            }
            3 => {
                command = redis::cmd("MGET");
                command.arg(&k).arg(&other).arg(&k);
                let (first, second) = (bulk(self.0.get(&k)), bulk(self.0.get(&other)));
                Value::Array(vec![first.clone(), second, first])
            }
            4 => {
                command = redis::cmd("MSET");
                command.arg(&k).arg(&text).arg(&other).arg("twin");
                self.0.insert(k, text);
                self.0.insert(other, b"twin".to_vec());
                Value::Okay
            }
            5 => {
                command = redis::cmd("APPEND");
                command.arg(&k).arg(&text);
                self.0.entry(k.clone()).or_default().extend(text);
                Value::Int(self.0[&k].len() as i64)
            }
            6 => {
                command = redis::cmd("EXISTS");
                command.arg(&k).arg(&other);
                let count = [&k, &other].iter().filter(|key| self.0.contains_key(**key)).count();
                Value::Int(count as i64)
            }
            7 => {
                command = redis::cmd("SETNX");
                command.arg(&k).arg(&text);
                let absent = !self.0.contains_key(&k);
                self.0.entry(k).or_insert(text);
                Value::Int(absent.into())
            }
            _ => {
                command = redis::cmd("INCRBY");
                let counter = format!("counter:{}", number.rem_euclid(20));
                command.arg(&counter).arg(number);
                let before = self.0.get(&counter).map_or(0, |v| number_of(v));
                let after = (before + number).to_string().into_bytes();
                self.0.insert(counter, after.clone());
                Value::Int(number_of(&after))
            }
        };
        (command, reply)
    }
}

fn number_of(text: &[u8]) -> i64 {
    std::str::from_utf8(text).unwrap().parse().unwrap()
}

fn pipelines_agree_with_a_model(shape: Shape) {
    let seed = 0x5eed_0006;
    println!("seed {seed:#x}");
    let mut random = SmallRng::seed_from_u64(seed);
    let node = Node::start(shape, &[]);
    let mut connections = [node.connect(), node.connect_resp3()];
    let mut model = Model::default();
    for round in 0..10 {
        let steps: Vec<_> = (0..1000).map(|_| model.step(&mut random)).collect();
        let bytes: Vec<u8> = steps.iter().flat_map(|(cmd, _)| cmd.get_packed_command()).collect();
        let connection = &mut connections[round % 2];
        let found = connection.req_packed_commands(&bytes, 0, steps.len()).expect("replies");
        for (index, ((command, expected), found)) in steps.iter().zip(&found).enumerate() {
            let sent = command.get_packed_command();
            let (found, expected) = (text_of(found), text_of(expected));
            assert_eq!(found, expected, "{round}/{index}: {}", sent.escape_ascii());
        }
    }
    let mut all: Vec<_> = model.0.keys().cloned().collect();
    all.sort();
    let mut found: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connections[0]).unwrap();
    found.sort();
    assert_eq!(found, all);
}

fn transactions(shape: Shape) {
    let node = Node::start(shape, &[]);
    for (mut mine, mut other) in
        [(node.connect(), node.connect()), (node.connect_resp3(), node.connect_resp3())]
    {
        check(
            &mut mine,
            &[
                ("FLUSHALL", "+OK"),
                ("MULTI", "+OK"),
                ("MULTI", "-ERR MULTI calls can not be nested"),
                ("SET a 1", "+QUEUED"),
                ("INCR b", "+QUEUED"),
                ("MGET a b c d", "+QUEUED"),
                ("INCR a", "+QUEUED"),
                ("EXEC", "[+OK :1 [\"1\" \"1\" nil nil] :2]"),
                ("EXEC", "-ERR EXEC without MULTI"),
                ("DISCARD", "-ERR DISCARD without MULTI"),
                ("MULTI", "+OK"),
                ("SET a lost", "+QUEUED"),
                ("DISCARD", "+OK"),
                ("GET a", "\"2\""),
                ("MULTI", "+OK"),
                ("SET a lost", "+QUEUED"),
                ("NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: "),
                ("EXEC", "-EXECABORT Transaction discarded because of previous errors."),
                ("GET a", "\"2\""),
                ("MULTI", "+OK"),
                ("SET t text", "+QUEUED"),
                ("INCR t", "+QUEUED"),
                ("INCR a", "+QUEUED"),
                ("EXEC", "[+OK -ERR value is not an integer or out of range :3]"),
                ("WATCH a b c d", "+OK"),
            ],
        );
        // Another client's write to any watched key, also to one that is absent, ends it.
        check(&mut other, &[("SET d new", "+OK")]);
        check(&mut mine, &[("MULTI", "+OK"), ("SET a lost", "+QUEUED"), ("EXEC", "nil")]);
        check(&mut mine, &[("WATCH a", "+OK")]);
        check(&mut other, &[("SET b unwatched", "+OK"), ("GET a", "\"3\"")]);
        check(&mut mine, &[("MULTI", "+OK"), ("INCR a", "+QUEUED"), ("EXEC", "[:4]")]);
        check(&mut mine, &[("WATCH a", "+OK"), ("UNWATCH", "+OK")]);
        check(&mut other, &[("SET a 10", "+OK")]);
        check(&mut mine, &[("MULTI", "+OK"), ("INCR a", "+QUEUED"), ("EXEC", "[:11]")]);
        check(&mut mine, &[("WATCH a", "+OK")]);
        check(&mut other, &[("DEL a", ":1"), ("SET a 11", "+OK")]);
        check(&mut mine, &[("MULTI", "+OK"), ("INCR a", "+QUEUED"), ("EXEC", "nil")]);
    }
}

/// Two clients that each move one from either end to the other, many times, lose nothing.
fn transactions_of_two_clients_meet(shape: Shape) {
    const MOVES: usize = 200;
    let node = Node::start(shape, &[]);
    let mut connection = node.connect();
    check(&mut connection, &[("MSET left 1000 right 1000", "+OK")]);
    std::thread::scope(|scope| {
        for (from, to) in [("left", "right"), ("right", "left")] {
            let mut connection = node.connect();
            scope.spawn(move || {
                for _ in 0..MOVES {
                    let keys = [from, to];
                    let moved = redis::transaction(&mut connection, &keys, |connection, pipe| {
                        let found: Vec<i64> =
                            redis::cmd("MGET").arg(&keys).query(&mut *connection)?;
                        assert_eq!(found[0] + found[1], 2000, "seen between two writes");
                        pipe.set(from, found[0] - 1).ignore().set(to, found[1] + 1).ignore();
                        pipe.query::<Option<()>>(connection)
                    });
                    moved.expect("a transaction");
                }
            });
        }
    });
    check(&mut connection, &[("MGET left right", "[\"1000\" \"1000\"]")]);
}

/// One key of every slot.
fn key_of_every_slot() -> Vec<String> {
    let mut found = BTreeMap::new();
    for number in 0.. {
        let key = format!("k{number}");
        found.entry(velodrome_ring::slot(key.as_bytes())).or_insert(key);
        if found.len() == 16384 {
            break;
        }
    }
    found.into_values().collect()
}

fn a_cluster_client_reaches_every_slot(shape: Shape) {
    let node = Node::start(shape, &[]);
    let keys = key_of_every_slot();
    for protocol in [ProtocolVersion::RESP2, ProtocolVersion::RESP3] {
        let url = format!("redis://{}/", node.address());
        let client = ClusterClient::builder([url]).use_protocol(protocol).retries(0).build();
        let mut cluster: ClusterConnection = client.unwrap().get_connection().expect("a cluster");
        cluster.set_read_timeout(Some(DEADLINE)).unwrap();
        for keys in keys.chunks(2048) {
            let mut pipe = cluster_pipe();
            keys.iter().for_each(|key| {
                pipe.cmd("SET").arg(key).arg(key).ignore();
            });
            pipe.query::<()>(&mut cluster).expect("every key is taken");
            let found: Vec<String> = redis::cmd("MGET").arg(keys).query(&mut cluster).unwrap();
            assert_eq!(found, keys);
        }
        let size: usize = redis::cmd("DBSIZE").query(&mut cluster).unwrap();
        assert_eq!(size, keys.len());
    }
}

fn databases_are_apart(shape: Shape) {
    let node = Node::start(shape, &[]);
    let mut zero = node.connect();
    let mut one = connect(&format!("redis://{}/1", node.address()));
    check(&mut zero, &[("MSET a zero b zero", "+OK")]);
    check(&mut one, &[("GET a", "nil"), ("MGET a b", "[nil nil]"), ("SET a one", "+OK")]);
    check(&mut zero, &[("GET a", "\"zero\""), ("DBSIZE", ":2")]);
    check(&mut one, &[("DBSIZE", ":1"), ("KEYS *", "[\"a\"]"), ("FLUSHDB", "+OK")]);
    check(&mut zero, &[("MGET a b", "[\"zero\" \"zero\"]")]);
    // A SELECT in the middle of a pipeline holds for what follows it.
    let mut pipe = redis::pipe();
    pipe.cmd("SET").arg("p").arg("0").cmd("SELECT").arg(1).cmd("GET").arg("p");
    pipe.cmd("SET").arg("p").arg("1").cmd("SELECT").arg(0).cmd("GET").arg("p");
    let found: Vec<Value> = pipe.query(&mut zero).unwrap();
    let found: Vec<String> = found.iter().map(text_of).collect();
    assert_eq!(found, ["+OK", "+OK", "nil", "+OK", "+OK", "\"0\""]);
    check(&mut one, &[("GET p", "\"1\""), ("FLUSHALL", "+OK")]);
    check(&mut zero, &[("DBSIZE", ":0")]);
}

fn keys_are_any_bytes(shape: Shape) {
    let node = Node::start(shape, &[]);
    let mut connection = node.connect_resp3();
    let all: Vec<u8> = (0..=255).collect();
    let longest = vec![b'k'; KEY_LEN_MAX];
    for key in [&all[..], b"", b"\r\n", b"*1\r\n$4\r\nPING\r\n", b"\0", &longest] {
        let value: Vec<u8> = key.iter().rev().copied().collect();
        redis::cmd("SET").arg(key).arg(&value).query::<()>(&mut connection).unwrap();
        let found: Vec<u8> = redis::cmd("GET").arg(key).query(&mut connection).unwrap();
        assert_eq!(found, value, "{}", key.escape_ascii());
        let found: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
        assert_eq!(found, [key]);
        let gone: i64 = redis::cmd("DEL").arg(key).query(&mut connection).unwrap();
        assert_eq!(gone, 1);
    }
    let too_long = vec![b'k'; KEY_LEN_MAX + 1];
    let refused = redis::cmd("SET").arg(&too_long).arg("v").query::<Value>(&mut connection);
    assert_eq!(refused.unwrap_err().code(), Some("ERR"));
    check(&mut connection, &[("PING", "+PONG"), ("DBSIZE", ":0")]);
}

fn pages_and_lists_of_keys(shape: Shape) {
    const KEYS: usize = 3000;
    let node = Node::start(shape, &[]);
    let mut connection = node.connect();
    let mut pipe = redis::pipe();
    (0..KEYS).for_each(|number| {
        pipe.set(format!("page:{number}"), number).ignore();
    });
    pipe.set("other", 1).ignore();
    pipe.query::<()>(&mut connection).unwrap();
    let (mut cursor, mut seen, mut pages) = (0_u64, Vec::new(), 0);
    loop {
        let page: (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg(&["MATCH", "page:*", "COUNT", "100", "TYPE", "string"])
            .query(&mut connection)
            .unwrap();
        (cursor, pages) = (page.0, pages + 1);
        seen.extend(page.1);
        assert!(pages <= KEYS, "SCAN has no end");
        if cursor == 0 {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), KEYS, "in {pages} pages");
    let found: Vec<String> = redis::cmd("KEYS").arg("page:1?").query(&mut connection).unwrap();
    assert_eq!(found.len(), 10, "{found:?}");
    draws_from_every_shard(&node);
}

/// RANDOMKEY comes to every key, whichever shard has it.
fn draws_from_every_shard(node: &Node) {
    let mut connection = node.connect();
    assert_eq!(say(&mut connection, "FLUSHALL"), "+OK");
    assert_eq!(say(&mut connection, "RANDOMKEY"), "nil");
    let mut pipe = redis::pipe();
    (0..16).for_each(|number| {
        pipe.set(number, number).ignore();
    });
    (0..3000).for_each(|_| {
        pipe.cmd("RANDOMKEY");
    });
    let drawn: std::collections::BTreeSet<u32> =
        pipe.query::<Vec<u32>>(&mut connection).unwrap().into_iter().collect();
    assert_eq!(drawn.len(), 16, "{drawn:?}");
}

fn two_hundred_connections(shape: Shape) {
    const CONNECTIONS: usize = 200;
    let node = Node::start(shape, &[]);
    let mut connections: Vec<Connection> = (0..CONNECTIONS).map(|_| node.connect()).collect();
    for (number, connection) in connections.iter_mut().enumerate() {
        let mut pipe = redis::pipe();
        pipe.set(number, number).ignore().incr("all", 1).ignore();
        connection.send_packed_command(&pipe.get_packed_pipeline()).unwrap();
    }
    for (number, connection) in connections.iter_mut().enumerate() {
        assert_eq!(connection.recv_response().unwrap(), Value::Okay);
        assert!(matches!(connection.recv_response().unwrap(), Value::Int(1..=200)));
        let found: usize = redis::cmd("GET").arg(number).query(connection).unwrap();
        assert_eq!(found, number);
    }
    check(&mut connections[0], &[("GET all", "\"200\"")]);
    assert_eq!(info_number(&mut connections[0], "connected_clients"), CONNECTIONS as u64);
    let mut last = connections.pop().unwrap();
    drop(connections);
    node::eventually("closed connections are counted off", || {
        info_number(&mut last, "connected_clients") == 1
    });
}
