//! Strings: the rows of the table.
//!
//! Owns what is known about these commands; syntax is read elsewhere.

use crate::command::flags::{DENYOOM, FAST, READONLY, WRITE};
use crate::command::spec::{Arg, KEY, KeySpec, Spec};
use crate::command::syntax::strings;

pub(super) const ROWS: &[Spec] = &[
    Spec::new("append", 3, WRITE.and(DENYOOM).and(FAST), strings::append)
        .about(
            "string",
            "2.0.0",
            "O(N) with N the bytes appended",
            "Puts bytes behind the end of a string, creating it if need be",
        )
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RW", "insert"])])
        .args(&[KEY, Arg::string("value")]),
    Spec::new("strlen", 2, READONLY.and(FAST), strings::strlen)
        .about("string", "2.2.0", "O(1)", "Tells how long a string is")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RO"])])
        .args(&[KEY]),
    Spec::new("get", 2, READONLY.and(FAST), strings::get)
        .about("string", "1.0.0", "O(1)", "Reads a string")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RO", "access"])])
        .args(&[KEY]),
    Spec::new("set", -3, WRITE.and(DENYOOM), strings::set)
        .about(
            "string",
            "1.0.0",
            "O(1)",
            "Writes a string, under conditions and with a time to live if asked",
        )
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RW", "access", "update", "variable_flags"])])
        .args(&[
            KEY,
            Arg::string("value"),
            Arg::one_of(
                "condition",
                &[
                    Arg::word("nx", "NX"),
                    Arg::word("xx", "XX"),
                    Arg::string("comparison-value").after("IFEQ").since("8.1.0"),
                ],
            )
            .optional()
            .since("2.6.12"),
            Arg::word("get", "GET").optional().since("6.2.0"),
            Arg::one_of(
                "expiration",
                &[
                    Arg::integer("seconds").after("EX").since("2.6.12"),
                    Arg::integer("milliseconds").after("PX").since("2.6.12"),
                    Arg::unix_time("unix-time-seconds").after("EXAT").since("6.2.0"),
                    Arg::unix_time("unix-time-milliseconds").after("PXAT").since("6.2.0"),
                    Arg::word("keepttl", "KEEPTTL").since("6.0.0"),
                ],
            )
            .optional(),
        ]),
    Spec::new("setex", 4, WRITE.and(DENYOOM), strings::setex)
        .about("string", "2.0.0", "O(1)", "Writes a string that lives for some seconds")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["OW", "update"])])
        .args(&[KEY, Arg::integer("seconds"), Arg::string("value")]),
    Spec::new("psetex", 4, WRITE.and(DENYOOM), strings::psetex)
        .about("string", "2.6.0", "O(1)", "Writes a string that lives for some milliseconds")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["OW", "update"])])
        .args(&[KEY, Arg::integer("milliseconds"), Arg::string("value")]),
    Spec::new("setnx", 3, WRITE.and(DENYOOM).and(FAST), strings::setnx)
        .about("string", "1.0.0", "O(1)", "Writes a string unless the key exists")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["OW", "insert"])])
        .args(&[KEY, Arg::string("value")]),
    Spec::new("getset", 3, WRITE.and(DENYOOM).and(FAST), strings::getset)
        .about("string", "1.0.0", "O(1)", "Writes a string and answers with the one before")
        .categories(&["string"])
        .deprecated("6.2.0", "`SET` with `GET`")
        .keys(&[KeySpec::one(1, &["RW", "access", "update"])])
        .args(&[KEY, Arg::string("value")]),
    Spec::new("getex", -2, WRITE.and(FAST), strings::getex)
        .about("string", "6.2.0", "O(1)", "Reads a string and changes its time to live")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RW", "access", "update"])])
        .args(&[
            KEY,
            Arg::one_of(
                "expiration",
                &[
                    Arg::integer("seconds").after("EX"),
                    Arg::integer("milliseconds").after("PX"),
                    Arg::unix_time("unix-time-seconds").after("EXAT"),
                    Arg::unix_time("unix-time-milliseconds").after("PXAT"),
                    Arg::word("persist", "PERSIST"),
                ],
            )
            .optional(),
        ]),
    Spec::new("getdel", 2, WRITE.and(FAST), strings::getdel)
        .about("string", "6.2.0", "O(1)", "Reads a string and deletes the key")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RW", "access", "delete"])])
        .args(&[KEY]),
    Spec::new("mget", -2, READONLY.and(FAST), strings::mget)
        .about("string", "1.0.0", "O(N) with N the number of keys", "Reads many strings at once")
        .categories(&["string"])
        .tips(&["request_policy:multi_shard"])
        .keys(&[KeySpec::to_end(1, 1, &["RO", "access"])])
        .args(&[KEY.multiple()]),
    Spec::new("mset", -3, WRITE.and(DENYOOM), strings::mset)
        .about("string", "1.0.1", "O(N) with N the number of keys", "Writes many strings at once")
        .categories(&["string"])
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
        .keys(&[KeySpec::to_end(1, 2, &["OW", "update"])])
        .args(&[Arg::block("key_value", &[KEY, Arg::string("value")]).multiple()]),
    Spec::new("msetnx", -3, WRITE.and(DENYOOM), strings::msetnx)
        .about(
            "string",
            "1.0.1",
            "O(N) with N the number of keys",
            "Writes many strings at once, or none if any key exists",
        )
        .categories(&["string"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_min"])
        .keys(&[KeySpec::to_end(1, 2, &["OW", "insert"])])
        .args(&[Arg::block("key_value", &[KEY, Arg::string("value")]).multiple()]),
    Spec::new("incr", 2, WRITE.and(DENYOOM).and(FAST), strings::incr)
        .about("string", "1.0.0", "O(1)", "Adds one to a counter")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RW", "access", "update"])])
        .args(&[KEY]),
    Spec::new("decr", 2, WRITE.and(DENYOOM).and(FAST), strings::decr)
        .about("string", "1.0.0", "O(1)", "Takes one from a counter")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RW", "access", "update"])])
        .args(&[KEY]),
    Spec::new("incrby", 3, WRITE.and(DENYOOM).and(FAST), strings::incrby)
        .about("string", "1.0.0", "O(1)", "Adds a whole number to a counter")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RW", "access", "update"])])
        .args(&[KEY, Arg::integer("increment")]),
    Spec::new("decrby", 3, WRITE.and(DENYOOM).and(FAST), strings::decrby)
        .about("string", "1.0.0", "O(1)", "Takes a whole number from a counter")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RW", "access", "update"])])
        .args(&[KEY, Arg::integer("decrement")]),
    Spec::new("incrbyfloat", 3, WRITE.and(DENYOOM).and(FAST), strings::incrbyfloat)
        .about("string", "2.6.0", "O(1)", "Adds a floating-point number to a counter")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RW", "access", "update"])])
        .args(&[KEY, Arg::double("increment")]),
    Spec::new("setrange", 4, WRITE.and(DENYOOM), strings::setrange)
        .about(
            "string",
            "2.2.0",
            "O(N) with N the bytes written",
            "Overwrites part of a string from an offset on",
        )
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RW", "update"])])
        .args(&[KEY, Arg::integer("offset"), Arg::string("value")]),
    Spec::new("getrange", 4, READONLY, strings::getrange)
        .about("string", "2.4.0", "O(N) with N the bytes read", "Reads part of a string")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RO", "access"])])
        .args(&[KEY, Arg::integer("start"), Arg::integer("end")]),
    Spec::new("substr", 4, READONLY, strings::getrange)
        .about(
            "string",
            "1.0.0",
            "O(N) with N the bytes read",
            "Reads part of a string, under its old name",
        )
        .categories(&["string"])
        .deprecated("2.0.0", "`GETRANGE`")
        .keys(&[KeySpec::one(1, &["RO", "access"])])
        .args(&[KEY, Arg::integer("start"), Arg::integer("end")]),
    Spec::new("delifeq", 3, WRITE.and(FAST), strings::delifeq)
        .about("string", "9.0.0", "O(1)", "Deletes a key if it holds a given value")
        .categories(&["string"])
        .keys(&[KeySpec::one(1, &["RW", "delete"])])
        .args(&[KEY, Arg::string("value")]),
];
