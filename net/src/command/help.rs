//! The HELP of a container.
//!
//! Owns the rendering of a row's arguments as the syntax that people read; the text comes from the
//! table, so that help cannot drift from what is understood.

use std::fmt::Write as _;

use crate::resp::Encoder;

use super::spec::{Arg, Spec};

/// Answers `<container> HELP`: two lines for each sub-command.
pub fn encode(out: &mut Encoder<'_>, container: &Spec) {
    out.array(1 + container.subcommands.len() * 2);
    let name = container.name.to_ascii_uppercase();
    out.simple(&format!("{name} <sub-command> [argument ...], where the sub-commands are:"));
    for spec in container.subcommands {
        let mut line = spec.name.to_ascii_uppercase();
        for arg in spec.args {
            line.push(' ');
            render(&mut line, arg);
        }
        out.simple(&line);
        out.simple(&format!("    {}.", spec.summary));
    }
}

/// Appends one argument: `[EX seconds|PX milliseconds]`, `key [key ...]`.
fn render(line: &mut String, arg: &Arg) {
    let mut once = String::new();
    if let Some(token) = arg.token {
        once.push_str(token);
    }
    if arg.kind != "pure-token" {
        if arg.token.is_some() {
            once.push(' ');
        }
        body(&mut once, arg);
    }
    let mut whole = once.clone();
    if arg.multiple {
        let _ = write!(whole, " [{once} ...]");
    }
    if arg.optional {
        let _ = write!(line, "[{whole}]");
    } else {
        line.push_str(&whole);
    }
}

fn body(line: &mut String, arg: &Arg) {
    match arg.kind {
        "oneof" | "block" => {
            let separator = if arg.kind == "oneof" { "|" } else { " " };
            for (at, part) in arg.args.iter().enumerate() {
                if at > 0 {
                    line.push_str(separator);
                }
                render(line, part);
            }
        }
        _ => line.push_str(arg.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::find_full;

    #[test]
    fn arguments_are_rendered() {
        let cases = [
            ("get", "key"),
            ("mget", "key [key ...]"),
            ("mset", "key value [key value ...]"),
            ("client|reply", "ON|OFF|SKIP"),
            ("expire", "key seconds [NX|XX|GT|LT]"),
        ];
        for (name, want) in cases {
            let spec = find_full(name.as_bytes()).expect(name);
            let mut line = Vec::new();
            for arg in spec.args {
                let mut text = String::new();
                render(&mut text, arg);
                line.push(text);
            }
            assert_eq!(line.join(" "), want, "{name}");
        }
    }
}
