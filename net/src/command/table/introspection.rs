//! COMMAND: the rows of the table.
//!
//! Owns what is known about these commands; syntax is read elsewhere.

use crate::command::flags::{LOADING, STALE};
use crate::command::spec::{Arg, Spec};
use crate::command::syntax::introspection;

pub(super) const ROWS: &[Spec] =
    &[Spec::new("command", -1, LOADING.and(STALE), introspection::command)
        .about("server", "2.8.13", "O(N) with N the number of commands", "Describes every command")
        .categories(&["connection"])
        .tips(&["nondeterministic_output_order"])
        .subcommands(COMMAND)];

const COMMAND: &[Spec] = &[
    Spec::new("command|count", 2, LOADING.and(STALE), introspection::command_count)
        .about("server", "2.8.13", "O(1)", "Counts the commands")
        .categories(&["connection"]),
    Spec::new("command|info", -2, LOADING.and(STALE), introspection::command_info)
        .about(
            "server",
            "2.8.13",
            "O(N) with N the number of names",
            "Describes these commands for clients",
        )
        .categories(&["connection"])
        .tips(&["nondeterministic_output_order"])
        .args(&[Arg::string("command-name").optional().multiple()]),
    Spec::new("command|docs", -2, LOADING.and(STALE), introspection::command_docs)
        .about(
            "server",
            "7.0.0",
            "O(N) with N the number of names",
            "Documents these commands for people",
        )
        .categories(&["connection"])
        .tips(&["nondeterministic_output_order"])
        .args(&[Arg::string("command-name").optional().multiple()]),
    Spec::new("command|list", -2, LOADING.and(STALE), introspection::command_list)
        .about(
            "server",
            "7.0.0",
            "O(N) with N the number of commands",
            "Lists the names of commands",
        )
        .categories(&["connection"])
        .tips(&["nondeterministic_output_order"])
        .args(&[Arg::one_of(
            "filterby",
            &[
                Arg::string("module-name").after("MODULE"),
                Arg::string("category").after("ACLCAT"),
                Arg::pattern("pattern").after("PATTERN"),
            ],
        )
        .after("FILTERBY")
        .optional()]),
    Spec::new("command|getkeys", -4, LOADING.and(STALE), introspection::command_getkeys)
        .about(
            "server",
            "2.8.13",
            "O(N) with N the number of arguments",
            "Finds the keys of a command line",
        )
        .categories(&["connection"]),
    Spec::new(
        "command|getkeysandflags",
        -4,
        LOADING.and(STALE),
        introspection::command_getkeysandflags,
    )
    .about(
        "server",
        "7.0.0",
        "O(N) with N the number of arguments",
        "Finds the keys of a command line and what is done to them",
    )
    .categories(&["connection"]),
    Spec::new("command|help", 2, LOADING.and(STALE), introspection::command_help)
        .about("server", "5.0.0", "O(1)", "Explains the sub-commands")
        .categories(&["connection"]),
];
