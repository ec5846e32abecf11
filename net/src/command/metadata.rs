//! What COMMAND answers about the table.
//!
//! Owns the shapes that redis-cli's hints and the cluster clients' routing read: arrays in RESP2,
//! maps and sets in RESP3.
//! Cost: the whole table is about 25 KB of INFO and 60 KB of DOCS.

use crate::resp::{Args, Encoder};

use super::glob::matches_ignoring_case;
use super::help;
use super::keys_of::{encode_keys, encode_keys_and_flags};
use super::refused::Refused;
use super::server::{CommandCommand, CommandFilter};
use super::spec::{Arg, FindKeys, KeySpec, Spec};
use super::table::{COMMANDS, find, find_full};

/// ACL categories in the order in which they are told.
const CATEGORIES: &[&str] = &[
    "keyspace",
    "read",
    "write",
    "string",
    "admin",
    "fast",
    "slow",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// Answers any `COMMAND …`.
///
/// # Errors
/// When a command line whose keys are asked for is none; nothing is written then.
pub fn encode(out: &mut Encoder<'_>, command: CommandCommand<'_>) -> Result<(), Refused> {
    match command {
        CommandCommand::All => encode_infos(out, None),
        CommandCommand::Count => out.integer(COMMANDS.len() as i64),
        CommandCommand::Info { names } => encode_infos(out, Some(names)),
        CommandCommand::Docs { names } => encode_all_docs(out, names),
        CommandCommand::List { filter } => encode_list(out, filter),
        CommandCommand::GetKeys { request } => return encode_keys(out, request),
        CommandCommand::GetKeysAndFlags { request } => {
            return encode_keys_and_flags(out, request);
        }
        CommandCommand::Help => {
            help::encode(out, find(b"command").expect("the table describes itself"));
        }
    }
    Ok(())
}

fn encode_infos(out: &mut Encoder<'_>, names: Option<Args<'_>>) {
    let Some(names) = names.filter(|names| !names.is_empty()) else {
        out.array(COMMANDS.len());
        COMMANDS.iter().for_each(|spec| encode_info(out, spec));
        return;
    };
    out.array(names.len());
    for name in names {
        match find_full(name) {
            Some(spec) => encode_info(out, spec),
            None => out.null(),
        }
    }
}

/// One command's row of `COMMAND INFO`, its sub-commands' rows inside.
pub fn encode_info(out: &mut Encoder<'_>, spec: &Spec) {
    let (first, last, step) = legacy_range(spec);
    out.array(10);
    out.bulk_str(spec.full_name);
    out.integer(i64::from(spec.arity));
    encode_set(out, spec.flags.names());
    out.integer(first);
    out.integer(last);
    out.integer(step);
    let categories = CATEGORIES.iter().filter(|category| spec.in_category(category));
    out.set(categories.clone().count());
    categories.for_each(|category| out.simple(&format!("@{category}")));
    out.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| out.bulk_str(tip));
    out.set(spec.keys.len());
    spec.keys.iter().for_each(|keys| encode_key_spec(out, keys));
    if spec.subcommands.is_empty() {
        out.set(0);
    } else {
        out.array(spec.subcommands.len());
        spec.subcommands.iter().for_each(|spec| encode_info(out, spec));
    }
}

/// First key, last key and step, as clients from before key specifications read them.
fn legacy_range(spec: &Spec) -> (i64, i64, i64) {
    match spec.keys {
        [KeySpec { begin, find: FindKeys::One, .. }, ..] => (*begin as i64, *begin as i64, 1),
        [KeySpec { begin, find: FindKeys::ToEnd { step }, .. }, ..] => {
            (*begin as i64, -1, *step as i64)
        }
        _ => (0, 0, 0),
    }
}

fn encode_set(out: &mut Encoder<'_>, names: impl Iterator<Item = &'static str> + Clone) {
    out.set(names.clone().count());
    names.for_each(|name| out.simple(name));
}

fn encode_key_spec(out: &mut Encoder<'_>, keys: &KeySpec) {
    out.map(3);
    out.bulk_str("flags");
    encode_set(out, keys.flags.iter().copied());
    out.bulk_str("begin_search");
    encode_typed(out, "index", &[("index", keys.begin as i64)]);
    out.bulk_str("find_keys");
    match keys.find {
        FindKeys::One => {
            encode_typed(out, "range", &[("lastkey", 0), ("keystep", 1), ("limit", 0)]);
        }
        FindKeys::ToEnd { step } => {
            let step = step as i64;
            encode_typed(out, "range", &[("lastkey", -1), ("keystep", step), ("limit", 0)]);
        }
        FindKeys::Counted => {
            encode_typed(out, "keynum", &[("keynumidx", 0), ("firstkey", 1), ("keystep", 1)]);
        }
    }
}

fn encode_typed(out: &mut Encoder<'_>, kind: &str, numbers: &[(&str, i64)]) {
    out.map(2);
    out.bulk_str("type");
    out.bulk_str(kind);
    out.bulk_str("spec");
    out.map(numbers.len());
    for (name, number) in numbers {
        out.bulk_str(name);
        out.integer(*number);
    }
}

fn encode_all_docs(out: &mut Encoder<'_>, names: Args<'_>) {
    if names.is_empty() {
        out.map(COMMANDS.len());
        COMMANDS.iter().for_each(|spec| encode_docs(out, spec));
        return;
    }
    let known = names.iter().filter_map(find_full);
    out.map(known.clone().count());
    known.for_each(|spec| encode_docs(out, spec));
}

/// One command's name and map of `COMMAND DOCS`, its sub-commands' inside.
pub fn encode_docs(out: &mut Encoder<'_>, spec: &Spec) {
    let with_args = usize::from(!spec.args.is_empty());
    let with_subcommands = usize::from(!spec.subcommands.is_empty());
    let with_deprecation = 3 * usize::from(spec.deprecated.is_some());
    out.bulk_str(spec.full_name);
    out.map(4 + with_deprecation + with_args + with_subcommands);
    encode_field(out, "summary", spec.summary);
    encode_field(out, "since", spec.since);
    encode_field(out, "group", spec.group);
    encode_field(out, "complexity", spec.complexity);
    if let Some((since, instead)) = spec.deprecated {
        out.bulk_str("doc_flags");
        encode_set(out, ["deprecated"].into_iter());
        encode_field(out, "deprecated_since", since);
        encode_field(out, "replaced_by", instead);
    }
    if with_args == 1 {
        encode_args(out, spec.args);
    }
    if with_subcommands == 1 {
        out.bulk_str("subcommands");
        out.map(spec.subcommands.len());
        spec.subcommands.iter().for_each(|spec| encode_docs(out, spec));
    }
}

fn encode_field(out: &mut Encoder<'_>, name: &str, text: &str) {
    out.bulk_str(name);
    out.bulk_str(text);
}

fn encode_args(out: &mut Encoder<'_>, args: &[Arg]) {
    out.bulk_str("arguments");
    out.array(args.len());
    args.iter().for_each(|arg| encode_arg(out, arg));
}

fn encode_arg(out: &mut Encoder<'_>, arg: &Arg) {
    let flags = [(arg.optional, "optional"), (arg.multiple, "multiple")];
    let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name);
    let has = [
        arg.kind == "key",
        arg.token.is_some(),
        arg.since.is_some(),
        flags.clone().count() > 0,
        !arg.args.is_empty(),
    ];
    out.map(2 + has.into_iter().filter(|has| *has).count());
    encode_field(out, "name", arg.name);
    encode_field(out, "type", arg.kind);
    if arg.kind == "key" {
        out.bulk_str("key_spec_index");
        out.integer(0);
    }
    if let Some(token) = arg.token {
        encode_field(out, "token", token);
    }
    if let Some(since) = arg.since {
        encode_field(out, "since", since);
    }
    if flags.clone().count() > 0 {
        out.bulk_str("flags");
        encode_set(out, flags);
    }
    if !arg.args.is_empty() {
        encode_args(out, arg.args);
    }
}

fn encode_list(out: &mut Encoder<'_>, filter: CommandFilter<'_>) {
    let passes = |spec: &&Spec| match filter {
        CommandFilter::All => true,
        CommandFilter::Module(_) => false,
        CommandFilter::AclCategory(category) => std::str::from_utf8(category)
            .is_ok_and(|category| spec.in_category(&category.to_ascii_lowercase())),
        CommandFilter::Pattern(pattern) => {
            matches_ignoring_case(pattern, spec.full_name.as_bytes())
        }
    };
    let all = COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands));
    let listed = all.filter(passes);
    out.array(listed.clone().count());
    listed.for_each(|spec| out.bulk_str(spec.full_name));
}
