//! The cluster and scripts: the rows of the table.
//!
//! Owns what is known about these commands; syntax is read elsewhere.

use crate::command::flags::{ADMIN, ALLOW_BUSY, FAST, Flags, LOADING, NOSCRIPT, STALE};
use crate::command::spec::{Arg, KEY, KeySpec, Spec, container};
use crate::command::syntax::{cluster, connection, scripts};

pub(super) const ROWS: &[Spec] = &[
    Spec::new("cluster", -2, Flags::NONE, container)
        .about("cluster", "3.0.0", "As its sub-commands", "Deals with the cluster")
        .subcommands(CLUSTER),
    Spec::new("readonly", 1, LOADING.and(STALE).and(FAST), connection::readonly)
        .about("cluster", "3.0.0", "O(1)", "Allows this connection to read from a replica")
        .categories(&["connection"]),
    Spec::new("readwrite", 1, LOADING.and(STALE).and(FAST), connection::readwrite)
        .about("cluster", "3.0.0", "O(1)", "Sends this connection's reads to primaries again")
        .categories(&["connection"]),
    Spec::new("asking", 1, FAST, connection::asking)
        .about(
            "cluster",
            "3.0.0",
            "O(1)",
            "Lets the next command reach a slot that is being moved here",
        )
        .categories(&["connection"]),
    Spec::new("eval", -3, NOSCRIPT.and(STALE), scripts::eval)
        .about(
            "scripting",
            "2.6.0",
            "The sum of the script's commands",
            "Runs a script that the server knows",
        )
        .categories(&["scripting"])
        .keys(&[KeySpec::counted(2, &["RW", "access", "update"])])
        .args(&[
            Arg::string("script"),
            Arg::integer("numkeys"),
            KEY.optional().multiple(),
            Arg::string("arg").optional().multiple(),
        ]),
    Spec::new("evalsha", -3, NOSCRIPT.and(STALE), scripts::evalsha)
        .about(
            "scripting",
            "2.6.0",
            "The sum of the script's commands",
            "Runs a script that the server knows, named by its SHA-1",
        )
        .categories(&["scripting"])
        .keys(&[KeySpec::counted(2, &["RW", "access", "update"])])
        .args(&[
            Arg::string("sha1"),
            Arg::integer("numkeys"),
            KEY.optional().multiple(),
            Arg::string("arg").optional().multiple(),
        ]),
    Spec::new("script", -2, Flags::NONE, container)
        .about("scripting", "2.6.0", "As its sub-commands", "Deals with scripts")
        .subcommands(SCRIPT),
];

const CLUSTER: &[Spec] = &[
    Spec::new("cluster|slots", 2, STALE, cluster::slots)
        .about(
            "cluster",
            "3.0.0",
            "O(N) with N the number of slot ranges",
            "Tells which nodes serve which slots",
        )
        .tips(&["nondeterministic_output"])
        .deprecated("7.0.0", "`CLUSTER SHARDS`"),
    Spec::new("cluster|shards", 2, STALE, cluster::shards)
        .about(
            "cluster",
            "7.0.0",
            "O(N) with N the number of slot ranges",
            "Tells which nodes serve which slots, with their health",
        )
        .tips(&["nondeterministic_output"]),
    Spec::new("cluster|nodes", 2, STALE, cluster::nodes)
        .about(
            "cluster",
            "3.0.0",
            "O(N) with N the number of nodes",
            "Describes every node, one a line",
        )
        .tips(&["nondeterministic_output"]),
    Spec::new("cluster|info", 2, STALE, cluster::info)
        .about("cluster", "3.0.0", "O(1)", "Reports on the cluster's state")
        .tips(&["nondeterministic_output"]),
    Spec::new("cluster|myid", 2, STALE, cluster::myid).about(
        "cluster",
        "3.0.0",
        "O(1)",
        "Tells this node's identifier",
    ),
    Spec::new("cluster|myshardid", 2, STALE, cluster::myshardid)
        .about("cluster", "7.2.0", "O(1)", "Tells the identifier of this node's group of replicas")
        .tips(&["nondeterministic_output"]),
    Spec::new("cluster|keyslot", 3, STALE, cluster::keyslot)
        .about("cluster", "3.0.0", "O(N) with N the key's length", "Tells a key's slot")
        .args(&[Arg::string("key")]),
    Spec::new("cluster|countkeysinslot", 3, STALE, cluster::countkeysinslot)
        .about("cluster", "3.0.0", "O(1)", "Counts the keys of a slot")
        .args(&[Arg::integer("slot")]),
    Spec::new("cluster|getkeysinslot", 4, STALE, cluster::getkeysinslot)
        .about(
            "cluster",
            "3.0.0",
            "O(N) with N the number of keys asked for",
            "Lists keys of a slot",
        )
        .tips(&["nondeterministic_output"])
        .args(&[Arg::integer("slot"), Arg::integer("count")]),
    Spec::new("cluster|replicas", 3, ADMIN.and(STALE), cluster::replicas)
        .about("cluster", "5.0.0", "O(1)", "Describes the replicas of a node")
        .tips(&["nondeterministic_output"])
        .args(&[Arg::string("node-id")]),
    Spec::new("cluster|slaves", 3, ADMIN.and(STALE), cluster::replicas)
        .about("cluster", "3.0.0", "O(1)", "Describes the replicas of a node, under its old name")
        .tips(&["nondeterministic_output"])
        .deprecated("5.0.0", "`CLUSTER REPLICAS`")
        .args(&[Arg::string("node-id")]),
    Spec::new("cluster|links", 2, STALE, cluster::links)
        .about(
            "cluster",
            "7.0.0",
            "O(N) with N the number of nodes",
            "Describes the connections between nodes",
        )
        .tips(&["nondeterministic_output"]),
    Spec::new("cluster|help", 2, LOADING.and(STALE), cluster::help).about(
        "cluster",
        "5.0.0",
        "O(1)",
        "Explains the sub-commands",
    ),
];

const SCRIPT: &[Spec] = &[
    Spec::new("script|load", 3, NOSCRIPT.and(STALE), scripts::load)
        .about("scripting", "2.6.0", "O(N) with N the script's length", "Makes a script known")
        .categories(&["scripting"])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .args(&[Arg::string("script")]),
    Spec::new("script|exists", -3, NOSCRIPT, scripts::exists)
        .about(
            "scripting",
            "2.6.0",
            "O(N) with N the number of scripts",
            "Tells which scripts are known",
        )
        .categories(&["scripting"])
        .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"])
        .args(&[Arg::string("sha1").multiple()]),
    Spec::new("script|flush", -2, NOSCRIPT, scripts::flush)
        .about("scripting", "2.6.0", "O(1)", "Forgets all scripts")
        .categories(&["scripting"])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .args(&[Arg::one_of("async", &[Arg::word("async", "ASYNC"), Arg::word("sync", "SYNC")])
            .optional()
            .since("6.2.0")]),
    Spec::new("script|kill", 2, NOSCRIPT.and(ALLOW_BUSY), scripts::kill)
        .about("scripting", "2.6.0", "O(1)", "Stops the script that is running")
        .categories(&["scripting"])
        .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
    Spec::new("script|help", 2, LOADING.and(STALE), scripts::help)
        .about("scripting", "5.0.0", "O(1)", "Explains the sub-commands")
        .categories(&["scripting"]),
];
