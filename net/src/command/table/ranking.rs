//! Which keys are hot and which items are large: the rows of the table.
//!
//! Owns what is known about these commands, which are Velodrome's own; syntax is read elsewhere.

use crate::command::flags::{ADMIN, READONLY};
use crate::command::spec::{Arg, Spec};
use crate::command::syntax::ranking;

const ARGS: &[Arg] = &[Arg::integer("count").after("COUNT").optional()];
const TIPS: &[&str] =
    &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

pub(super) const ROWS: &[Spec] = &[
    Spec::new("hotkeys", -1, ADMIN.and(READONLY), ranking::hot_keys)
        .about(
            "server",
            "7.2.4",
            "O(1)",
            "Names the keys with more than 1 % of the last minute's traffic",
        )
        .tips(TIPS)
        .args(ARGS),
    Spec::new("bigkeys", -1, ADMIN.and(READONLY), ranking::big_keys)
        .about("server", "7.2.4", "O(1)", "Names the keys whose items take most memory")
        .tips(TIPS)
        .args(ARGS),
];
