//! Keys of any type, and transactions: the rows of the table.
//!
//! Owns what is known about these commands; syntax is read elsewhere.

use crate::command::flags::{
    ALLOW_BUSY, ANYTIME_OUTSIDE_SCRIPTS, FAST, Flags, LOADING, NOSCRIPT, READONLY, SKIP_SLOWLOG,
    STALE, WRITE,
};
use crate::command::spec::{Arg, KEY, KeySpec, Spec, container};
use crate::command::syntax::keyspace;

pub(super) const ROWS: &[Spec] = &[
    Spec::new("del", -2, WRITE, keyspace::del)
        .about("generic", "1.0.0", "O(N) with N the number of keys", "Deletes keys")
        .categories(&["keyspace"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::to_end(1, 1, &["RM", "delete"])])
        .args(&[KEY.multiple()]),
    Spec::new("unlink", -2, WRITE.and(FAST), keyspace::del)
        .about(
            "generic",
            "4.0.0",
            "O(N) with N the number of keys",
            "Deletes keys, their memory being freed later",
        )
        .categories(&["keyspace"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::to_end(1, 1, &["RM", "delete"])])
        .args(&[KEY.multiple()]),
    Spec::new("exists", -2, READONLY.and(FAST), keyspace::exists)
        .about(
            "generic",
            "1.0.0",
            "O(N) with N the number of keys",
            "Counts how many of these keys exist",
        )
        .categories(&["keyspace"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::to_end(1, 1, &["RO"])])
        .args(&[KEY.multiple()]),
    Spec::new("touch", -2, READONLY.and(FAST), keyspace::touch)
        .about(
            "generic",
            "3.2.1",
            "O(N) with N the number of keys",
            "Marks keys as used and counts those that exist",
        )
        .categories(&["keyspace"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::to_end(1, 1, &["RO"])])
        .args(&[KEY.multiple()]),
    Spec::new("expire", -3, WRITE.and(FAST), keyspace::expire)
        .about("generic", "1.0.0", "O(1)", "Gives a key some seconds to live")
        .categories(&["keyspace"])
        .keys(&[KeySpec::one(1, &["RW", "update"])])
        .args(&[
            KEY,
            Arg::integer("seconds"),
            Arg::one_of(
                "condition",
                &[
                    Arg::word("nx", "NX"),
                    Arg::word("xx", "XX"),
                    Arg::word("gt", "GT"),
                    Arg::word("lt", "LT"),
                ],
            )
            .optional()
            .since("7.0.0"),
        ]),
    Spec::new("pexpire", -3, WRITE.and(FAST), keyspace::pexpire)
        .about("generic", "2.6.0", "O(1)", "Gives a key some milliseconds to live")
        .categories(&["keyspace"])
        .keys(&[KeySpec::one(1, &["RW", "update"])])
        .args(&[
            KEY,
            Arg::integer("milliseconds"),
            Arg::one_of(
                "condition",
                &[
                    Arg::word("nx", "NX"),
                    Arg::word("xx", "XX"),
                    Arg::word("gt", "GT"),
                    Arg::word("lt", "LT"),
                ],
            )
            .optional()
            .since("7.0.0"),
        ]),
    Spec::new("expireat", -3, WRITE.and(FAST), keyspace::expireat)
        .about("generic", "1.2.0", "O(1)", "Sets the second at which a key ends")
        .categories(&["keyspace"])
        .keys(&[KeySpec::one(1, &["RW", "update"])])
        .args(&[
            KEY,
            Arg::unix_time("unix-time-seconds"),
            Arg::one_of(
                "condition",
                &[
                    Arg::word("nx", "NX"),
                    Arg::word("xx", "XX"),
                    Arg::word("gt", "GT"),
                    Arg::word("lt", "LT"),
                ],
            )
            .optional()
            .since("7.0.0"),
        ]),
    Spec::new("pexpireat", -3, WRITE.and(FAST), keyspace::pexpireat)
        .about("generic", "2.6.0", "O(1)", "Sets the millisecond at which a key ends")
        .categories(&["keyspace"])
        .keys(&[KeySpec::one(1, &["RW", "update"])])
        .args(&[
            KEY,
            Arg::unix_time("unix-time-milliseconds"),
            Arg::one_of(
                "condition",
                &[
                    Arg::word("nx", "NX"),
                    Arg::word("xx", "XX"),
                    Arg::word("gt", "GT"),
                    Arg::word("lt", "LT"),
                ],
            )
            .optional()
            .since("7.0.0"),
        ]),
    Spec::new("ttl", 2, READONLY.and(FAST), keyspace::ttl)
        .about("generic", "1.0.0", "O(1)", "Tells how many seconds a key has to live")
        .categories(&["keyspace"])
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::one(1, &["RO", "access"])])
        .args(&[KEY]),
    Spec::new("pttl", 2, READONLY.and(FAST), keyspace::pttl)
        .about("generic", "2.6.0", "O(1)", "Tells how many milliseconds a key has to live")
        .categories(&["keyspace"])
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::one(1, &["RO", "access"])])
        .args(&[KEY]),
    Spec::new("expiretime", 2, READONLY.and(FAST), keyspace::expiretime)
        .about("generic", "7.0.0", "O(1)", "Tells the second at which a key ends")
        .categories(&["keyspace"])
        .keys(&[KeySpec::one(1, &["RO", "access"])])
        .args(&[KEY]),
    Spec::new("pexpiretime", 2, READONLY.and(FAST), keyspace::pexpiretime)
        .about("generic", "7.0.0", "O(1)", "Tells the millisecond at which a key ends")
        .categories(&["keyspace"])
        .keys(&[KeySpec::one(1, &["RO", "access"])])
        .args(&[KEY]),
    Spec::new("persist", 2, WRITE.and(FAST), keyspace::persist)
        .about("generic", "2.2.0", "O(1)", "Takes a key's time to live away")
        .categories(&["keyspace"])
        .keys(&[KeySpec::one(1, &["RW", "update"])])
        .args(&[KEY]),
    Spec::new("type", 2, READONLY.and(FAST), keyspace::type_of)
        .about("generic", "1.0.0", "O(1)", "Tells the type of a key's value")
        .categories(&["keyspace"])
        .keys(&[KeySpec::one(1, &["RO"])])
        .args(&[KEY]),
    Spec::new("keys", 2, READONLY, keyspace::keys)
        .about(
            "generic",
            "1.0.0",
            "O(N) with N the number of keys in the database",
            "Lists every key that matches a glob",
        )
        .categories(&["keyspace", "dangerous"])
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .args(&[Arg::pattern("pattern")]),
    Spec::new("scan", -2, READONLY, keyspace::scan)
        .about("generic", "2.8.0", "O(1) a call, O(N) in total", "Lists the keys piece by piece")
        .categories(&["keyspace"])
        .tips(&["nondeterministic_output", "request_policy:special"])
        .args(&[
            Arg::integer("cursor"),
            Arg::pattern("pattern").after("MATCH").optional(),
            Arg::integer("count").after("COUNT").optional(),
            Arg::string("type").after("TYPE").optional().since("6.0.0"),
        ]),
    Spec::new("randomkey", 1, READONLY, keyspace::randomkey)
        .about("generic", "1.0.0", "O(1)", "Picks any key")
        .categories(&["keyspace"])
        .tips(&["request_policy:all_shards", "nondeterministic_output"]),
    Spec::new("object", -2, Flags::NONE, container)
        .about("generic", "2.2.3", "As its sub-commands", "Looks behind a value")
        .subcommands(OBJECT),
    Spec::new("wait", 3, NOSCRIPT, keyspace::wait)
        .about(
            "generic",
            "3.0.0",
            "O(1)",
            "Waits until replicas have confirmed the writes of this connection",
        )
        .categories(&["connection"])
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .args(&[Arg::integer("numreplicas"), Arg::integer("timeout")]),
    Spec::new("multi", 1, ANYTIME_OUTSIDE_SCRIPTS.and(FAST).and(ALLOW_BUSY), keyspace::multi)
        .about("transactions", "1.2.0", "O(1)", "Begins a transaction")
        .categories(&["transaction"]),
    Spec::new("exec", 1, ANYTIME_OUTSIDE_SCRIPTS.and(SKIP_SLOWLOG), keyspace::exec)
        .about(
            "transactions",
            "1.2.0",
            "The sum of its commands'",
            "Runs the queued commands as one",
        )
        .categories(&["transaction"]),
    Spec::new("discard", 1, ANYTIME_OUTSIDE_SCRIPTS.and(FAST).and(ALLOW_BUSY), keyspace::discard)
        .about(
            "transactions",
            "2.0.0",
            "O(N) with N the number of queued commands",
            "Drops the queued commands",
        )
        .categories(&["transaction"]),
    Spec::new("watch", -2, ANYTIME_OUTSIDE_SCRIPTS.and(FAST).and(ALLOW_BUSY), keyspace::watch)
        .about(
            "transactions",
            "2.2.0",
            "O(N) with N the number of keys",
            "Makes the next transaction fail if one of these keys changes",
        )
        .categories(&["transaction"])
        .keys(&[KeySpec::to_end(1, 1, &["RO"])])
        .runs_here()
        .args(&[KEY.multiple()]),
    Spec::new("unwatch", 1, ANYTIME_OUTSIDE_SCRIPTS.and(FAST).and(ALLOW_BUSY), keyspace::unwatch)
        .about("transactions", "2.2.0", "O(1)", "Forgets the watched keys")
        .categories(&["transaction"]),
];

const OBJECT: &[Spec] = &[
    Spec::new("object|encoding", 3, READONLY, keyspace::object_encoding)
        .about("generic", "2.2.3", "O(1)", "Tells how a value is stored")
        .categories(&["keyspace"])
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::one(2, &["RO"])])
        .args(&[KEY]),
    Spec::new("object|freq", 3, READONLY, keyspace::object_freq)
        .about("generic", "4.0.0", "O(1)", "Tells how often a key is used, on a logarithmic scale")
        .categories(&["keyspace"])
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::one(2, &["RO"])])
        .args(&[KEY]),
    Spec::new("object|idletime", 3, READONLY, keyspace::object_idletime)
        .about("generic", "2.2.3", "O(1)", "Tells for how many seconds a key has not been used")
        .categories(&["keyspace"])
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::one(2, &["RO"])])
        .args(&[KEY]),
    Spec::new("object|refcount", 3, READONLY, keyspace::object_refcount)
        .about("generic", "2.2.3", "O(1)", "Tells how many references a value has")
        .categories(&["keyspace"])
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::one(2, &["RO"])])
        .args(&[KEY]),
    Spec::new("object|help", 2, LOADING.and(STALE), keyspace::object_help)
        .about("generic", "6.2.0", "O(1)", "Explains the sub-commands")
        .categories(&["keyspace"]),
];
