//! The connection itself, and CLIENT: the rows of the table.
//!
//! Owns what is known about these commands; syntax is read elsewhere.

use crate::command::flags::{
    ADMIN, ALLOW_BUSY, ANYTIME_OUTSIDE_SCRIPTS, FAST, Flags, LOADING, NO_AUTH, STALE,
};
use crate::command::spec::{Arg, Spec, container};
use crate::command::syntax::{client, connection};

pub(super) const ROWS: &[Spec] = &[
    Spec::new("ping", -1, FAST, connection::ping)
        .about("connection", "1.0.0", "O(1)", "Asks for a sign of life")
        .categories(&["connection"])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .args(&[Arg::string("message").optional()]),
    Spec::new("echo", 2, LOADING.and(STALE).and(FAST), connection::echo)
        .about("connection", "1.0.0", "O(1)", "Sends a message back")
        .categories(&["connection"])
        .args(&[Arg::string("message")]),
    Spec::new(
        "quit",
        -1,
        ANYTIME_OUTSIDE_SCRIPTS.and(FAST).and(NO_AUTH).and(ALLOW_BUSY),
        connection::quit,
    )
    .about("connection", "1.0.0", "O(1)", "Closes the connection")
    .categories(&["connection"]),
    Spec::new(
        "reset",
        1,
        ANYTIME_OUTSIDE_SCRIPTS.and(FAST).and(NO_AUTH).and(ALLOW_BUSY),
        connection::reset,
    )
    .about("connection", "6.2.0", "O(1)", "Puts the connection back into its first state")
    .categories(&["connection"]),
    Spec::new(
        "hello",
        -1,
        ANYTIME_OUTSIDE_SCRIPTS.and(FAST).and(NO_AUTH).and(ALLOW_BUSY),
        connection::hello,
    )
    .about(
        "connection",
        "6.0.0",
        "O(1)",
        "Chooses the protocol version, and logs in and names the connection if asked",
    )
    .categories(&["connection"])
    .args(&[Arg::block(
        "arguments",
        &[
            Arg::integer("protover"),
            Arg::block("username_password", &[Arg::string("username"), Arg::string("password")])
                .after("AUTH")
                .optional(),
            Arg::string("clientname").after("SETNAME").optional(),
        ],
    )
    .optional()]),
    Spec::new(
        "auth",
        -2,
        ANYTIME_OUTSIDE_SCRIPTS.and(FAST).and(NO_AUTH).and(ALLOW_BUSY),
        connection::auth,
    )
    .about("connection", "1.0.0", "O(1)", "Logs in")
    .categories(&["connection"])
    .args(&[Arg::string("username").optional().since("6.0.0"), Arg::string("password")]),
    Spec::new("select", 2, LOADING.and(STALE).and(FAST), connection::select)
        .about("connection", "1.0.0", "O(1)", "Chooses the database")
        .categories(&["connection"])
        .args(&[Arg::integer("index")]),
    Spec::new("client", -2, Flags::NONE, container)
        .about("connection", "2.4.0", "As its sub-commands", "Deals with connections")
        .subcommands(CLIENT),
];

const CLIENT: &[Spec] = &[
    Spec::new("client|id", 2, ANYTIME_OUTSIDE_SCRIPTS, client::id)
        .about("connection", "5.0.0", "O(1)", "Tells this connection's number")
        .categories(&["connection"]),
    Spec::new("client|info", 2, ANYTIME_OUTSIDE_SCRIPTS, client::info)
        .about("connection", "6.2.0", "O(1)", "Describes this connection")
        .categories(&["connection"])
        .tips(&["nondeterministic_output"]),
    Spec::new("client|getname", 2, ANYTIME_OUTSIDE_SCRIPTS, client::getname)
        .about("connection", "2.6.9", "O(1)", "Tells this connection's name")
        .categories(&["connection"]),
    Spec::new("client|setname", 3, ANYTIME_OUTSIDE_SCRIPTS, client::setname)
        .about("connection", "2.6.9", "O(1)", "Names this connection")
        .categories(&["connection"])
        .args(&[Arg::string("connection-name")]),
    Spec::new("client|setinfo", 4, ANYTIME_OUTSIDE_SCRIPTS, client::setinfo)
        .about("connection", "7.2.0", "O(1)", "Tells the server which library is talking")
        .categories(&["connection"])
        .args(&[Arg::one_of(
            "attr",
            &[Arg::string("libname").after("LIB-NAME"), Arg::string("libver").after("LIB-VER")],
        )]),
    Spec::new("client|list", -2, ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN), client::list)
        .about(
            "connection",
            "2.4.0",
            "O(N) with N the number of connections",
            "Describes the open connections",
        )
        .categories(&["connection"])
        .tips(&["nondeterministic_output"])
        .args(&[
            Arg::one_of(
                "normal_master_replica_pubsub",
                &[
                    Arg::word("normal", "NORMAL"),
                    Arg::word("master", "MASTER"),
                    Arg::word("replica", "REPLICA"),
                    Arg::word("pubsub", "PUBSUB"),
                ],
            )
            .after("TYPE")
            .optional()
            .since("5.0.0"),
            Arg::block("id", &[Arg::integer("client-id").multiple()])
                .after("ID")
                .optional()
                .since("6.2.0"),
        ]),
    Spec::new("client|kill", -3, ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN), client::kill)
        .about("connection", "2.4.0", "O(N) with N the number of connections", "Closes connections")
        .categories(&["connection"])
        .args(&[Arg::one_of(
            "filter",
            &[
                Arg::string("ip:port"),
                Arg::one_of(
                    "new-format",
                    &[
                        Arg::integer("client-id").after("ID").optional().since("2.8.12"),
                        Arg::one_of(
                            "normal_master_slave_pubsub",
                            &[
                                Arg::word("normal", "NORMAL"),
                                Arg::word("master", "MASTER").since("3.2.0"),
                                Arg::word("slave", "SLAVE"),
                                Arg::word("replica", "REPLICA").since("5.0.0"),
                                Arg::word("pubsub", "PUBSUB"),
                            ],
                        )
                        .after("TYPE")
                        .optional()
                        .since("2.8.12"),
                        Arg::string("username").after("USER").optional(),
                        Arg::string("ip:port").after("ADDR").optional(),
                        Arg::string("ip:port").after("LADDR").optional().since("6.2.0"),
                        Arg::string("yes/no").after("SKIPME").optional(),
                        Arg::integer("maxage").after("MAXAGE").optional().since("7.4.0"),
                    ],
                )
                .multiple(),
            ],
        )]),
    Spec::new("client|reply", 3, ANYTIME_OUTSIDE_SCRIPTS, client::reply)
        .about("connection", "3.2.0", "O(1)", "Turns replies to this connection on and off")
        .categories(&["connection"])
        .args(&[Arg::one_of(
            "on_off_skip",
            &[Arg::word("on", "ON"), Arg::word("off", "OFF"), Arg::word("skip", "SKIP")],
        )]),
    Spec::new("client|pause", -3, ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN), client::pause)
        .about("connection", "2.9.50", "O(1)", "Holds the commands of all clients back for a while")
        .categories(&["connection"])
        .args(&[
            Arg::integer("timeout"),
            Arg::one_of("mode", &[Arg::word("write", "WRITE"), Arg::word("all", "ALL")])
                .optional()
                .since("6.2.0"),
        ]),
    Spec::new("client|unpause", 2, ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN), client::unpause)
        .about(
            "connection",
            "6.2.0",
            "O(N) with N the number of connections",
            "Lets paused clients go on",
        )
        .categories(&["connection"]),
    Spec::new("client|no-evict", 3, ANYTIME_OUTSIDE_SCRIPTS.and(ADMIN), client::no_evict)
        .about(
            "connection",
            "7.0.0",
            "O(1)",
            "Spares this connection when clients' memory runs short",
        )
        .categories(&["connection"])
        .args(&[Arg::one_of("enabled", &[Arg::word("on", "ON"), Arg::word("off", "OFF")])]),
    Spec::new("client|no-touch", 3, ANYTIME_OUTSIDE_SCRIPTS, client::no_touch)
        .about("connection", "7.2.0", "O(1)", "Keeps this connection's reads from counting as use")
        .categories(&["connection"])
        .args(&[Arg::one_of("enabled", &[Arg::word("on", "ON"), Arg::word("off", "OFF")])]),
    Spec::new("client|help", 2, LOADING.and(STALE), client::help)
        .about("connection", "5.0.0", "O(1)", "Explains the sub-commands")
        .categories(&["connection"]),
];
