//! The server and what it records: the rows of the table.
//!
//! Owns what is known about these commands; syntax is read elsewhere.

use crate::command::flags::{
    ADMIN, ALLOW_BUSY, ANYTIME_OUTSIDE_SCRIPTS, FAST, Flags, LOADING, NO_MULTI, READONLY, STALE,
    WRITE,
};
use crate::command::spec::{Arg, KEY, KeySpec, Spec, container};
use crate::command::syntax::{introspection, server};

pub(super) const ROWS: &[Spec] = &[
    Spec::new("flushdb", -1, WRITE, server::flushdb)
        .about(
            "server",
            "1.0.0",
            "O(1) at once, O(N) in the background",
            "Deletes every key of the database",
        )
        .categories(&["keyspace", "dangerous"])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .args(&[Arg::one_of(
            "async",
            &[Arg::word("async", "ASYNC").since("4.0.0"), Arg::word("sync", "SYNC").since("6.2.0")],
        )
        .optional()]),
    Spec::new("flushall", -1, WRITE, server::flushall)
        .about(
            "server",
            "1.0.0",
            "O(1) at once, O(N) in the background",
            "Deletes every key of every database",
        )
        .categories(&["keyspace", "dangerous"])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .args(&[Arg::one_of(
            "async",
            &[Arg::word("async", "ASYNC").since("4.0.0"), Arg::word("sync", "SYNC").since("6.2.0")],
        )
        .optional()]),
    Spec::new("dbsize", 1, READONLY.and(FAST), server::dbsize)
        .about("server", "1.0.0", "O(1)", "Counts the keys of the database")
        .categories(&["keyspace"])
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
    Spec::new("info", -1, LOADING.and(STALE), server::info)
        .about("server", "1.0.0", "O(1)", "Reports on the server, section by section")
        .categories(&["dangerous"])
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .args(&[Arg::string("section").optional().multiple()]),
    Spec::new("time", 1, LOADING.and(STALE).and(FAST), server::time)
        .about("server", "2.6.0", "O(1)", "Tells the server's time")
        .tips(&["nondeterministic_output"]),
    Spec::new("role", 1, ANYTIME_OUTSIDE_SCRIPTS.and(FAST), server::role)
        .about("server", "2.8.12", "O(1)", "Tells the node's part in replication")
        .categories(&["admin", "dangerous"]),
    Spec::new(
        "shutdown",
        -1,
        ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN).and(NO_MULTI).and(ALLOW_BUSY),
        server::shutdown,
    )
    .about("server", "1.0.0", "O(1)", "Ends the server")
    .args(&[
        Arg::one_of("nosave_save", &[Arg::word("nosave", "NOSAVE"), Arg::word("save", "SAVE")])
            .optional(),
        Arg::word("now", "NOW").optional().since("7.0.0"),
        Arg::word("force", "FORCE").optional().since("7.0.0"),
        Arg::word("abort", "ABORT").optional().since("7.0.0"),
    ]),
    Spec::new("config", -2, Flags::NONE, container)
        .about("server", "2.0.0", "As its sub-commands", "Reads and changes the configuration")
        .subcommands(CONFIG),
    Spec::new("memory", -2, Flags::NONE, container)
        .about("server", "4.0.0", "As its sub-commands", "Looks at memory")
        .subcommands(MEMORY),
    Spec::new("slowlog", -2, Flags::NONE, container)
        .about("server", "2.2.12", "As its sub-commands", "Deals with the log of slow commands")
        .subcommands(SLOWLOG),
    Spec::new("latency", -2, Flags::NONE, container)
        .about("server", "2.8.13", "As its sub-commands", "Looks at latencies")
        .subcommands(LATENCY),
];

const CONFIG: &[Spec] = &[
    Spec::new("config|get", -3, ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN), introspection::config_get)
        .about("server", "2.0.0", "O(N) with N the number of settings", "Reads settings")
        .args(&[Arg::block("parameter", &[Arg::string("parameter")]).multiple()]),
    Spec::new("config|set", -4, ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN), introspection::config_set)
        .about(
            "server",
            "2.0.0",
            "O(N) with N the number of settings",
            "Changes settings while the server runs",
        )
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .args(&[Arg::block("parameter_value", &[Arg::string("parameter"), Arg::string("value")])
            .multiple()]),
    Spec::new(
        "config|resetstat",
        2,
        ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN),
        introspection::config_resetstat,
    )
    .about("server", "2.0.0", "O(1)", "Sets the counters of INFO back to zero"),
    Spec::new(
        "config|rewrite",
        2,
        ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN),
        introspection::config_rewrite,
    )
    .about("server", "2.8.0", "O(1)", "Writes the settings back into the configuration file"),
    Spec::new("config|help", 2, LOADING.and(STALE), introspection::config_help).about(
        "server",
        "5.0.0",
        "O(1)",
        "Explains the sub-commands",
    ),
];

const MEMORY: &[Spec] = &[
    Spec::new("memory|usage", -3, READONLY, server::memory_usage)
        .about("server", "4.0.0", "O(1)", "Tells how many bytes a key takes")
        .keys(&[KeySpec::one(2, &["RO"])])
        .args(&[KEY, Arg::integer("count").after("SAMPLES").optional()]),
    Spec::new("memory|stats", 2, Flags::NONE, server::memory_stats)
        .about("server", "4.0.0", "O(1)", "Reports on memory in detail")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    Spec::new("memory|doctor", 2, Flags::NONE, server::memory_doctor)
        .about("server", "4.0.0", "O(1)", "Says what about the node's memory deserves attention")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    Spec::new("memory|malloc-stats", 2, Flags::NONE, server::memory_malloc_stats)
        .about("server", "4.0.0", "O(1)", "Tells where the memory comes from")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    Spec::new("memory|purge", 2, Flags::NONE, server::memory_purge)
        .about("server", "4.0.0", "O(1)", "Gives a turn's worth of unused memory back")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    Spec::new("memory|help", 2, LOADING.and(STALE), server::memory_help).about(
        "server",
        "4.0.0",
        "O(1)",
        "Explains the sub-commands",
    ),
];

const SLOWLOG: &[Spec] = &[
    Spec::new("slowlog|get", -2, ADMIN.and(LOADING).and(STALE), server::slowlog_get)
        .about(
            "server",
            "2.2.12",
            "O(N) with N the number of entries",
            "Reads the latest slow commands",
        )
        .tips(&["request_policy:all_nodes", "nondeterministic_output"])
        .args(&[Arg::integer("count").optional()]),
    Spec::new("slowlog|len", 2, ADMIN.and(LOADING).and(STALE), server::slowlog_len)
        .about("server", "2.2.12", "O(1)", "Counts the slow commands on record")
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"]),
    Spec::new("slowlog|reset", 2, ADMIN.and(LOADING).and(STALE), server::slowlog_reset)
        .about("server", "2.2.12", "O(1)", "Empties the log of slow commands")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    Spec::new("slowlog|help", 2, LOADING.and(STALE), server::slowlog_help).about(
        "server",
        "6.2.0",
        "O(1)",
        "Explains the sub-commands",
    ),
];

const LATENCY: &[Spec] = &[
    Spec::new("latency|latest", 2, ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN), server::latency_latest)
        .about("server", "2.8.13", "O(1)", "Reports the latest spike of each kind")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    Spec::new("latency|history", 3, ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN), server::latency_history)
        .about("server", "2.8.13", "O(1)", "Lists the spikes of one kind")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .args(&[Arg::string("event")]),
    Spec::new("latency|reset", -2, ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN), server::latency_reset)
        .about("server", "2.8.13", "O(1)", "Forgets spikes")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .args(&[Arg::string("event").optional().multiple()]),
    Spec::new(
        "latency|histogram",
        -2,
        ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN),
        server::latency_histogram,
    )
    .about(
        "server",
        "7.0.0",
        "O(N) with N the number of commands",
        "Reports the distribution of commands' latencies",
    )
    .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
    .args(&[Arg::string("command").optional().multiple()]),
    Spec::new("latency|help", 2, LOADING.and(STALE), server::latency_help).about(
        "server",
        "2.8.13",
        "O(1)",
        "Explains the sub-commands",
    ),
];
