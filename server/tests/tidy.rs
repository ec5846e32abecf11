//! The house's rules, checked: sizes, headers, layers, walls, and where `unsafe` may stand.
//!
//! Owns the lists that say what is allowed. Invariant: a rule that is not checked here is no rule.
//! A wrong rule is changed here, not worked around. Cost: reads every source file once a check.

#[path = "tidy/source.rs"]
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use source::{Source, braces_end, identifier, line_of, words};

/// The folders of the workspace.
const FOLDERS: [&str; 6] = ["engine", "net", "ring", "tuning", "bench", "server"];

/// Which crates of the workspace a crate may use.
const WALLS: [(&str, &[&str]); 6] = [
    ("engine", &[]),
    ("net", &[]),
    ("ring", &[]),
    ("tuning", &[]),
    ("bench", &["net", "engine"]),
    ("server", &["engine", "net", "ring", "tuning"]),
];

/// The only files with `unsafe`, each a boundary to the kernel or to raw memory.
const UNSAFE_FILES: &[&str] = &[
    "engine/src/bucket.rs",
    "engine/src/mapping.rs",
    "engine/src/run.rs",
    "engine/src/runs.rs",
    "net/src/buffers.rs",
    "net/src/uring/receive_ring.rs",
    "net/src/uring/requests.rs",
    "net/src/uring/ring.rs",
    "net/tests/fallback.rs",
    "server/tests/refused_io_uring.rs",
];

/// Files that join things, which rot first.
const COORDINATORS: [&str; 7] = [
    "server/src/lib.rs",
    "server/src/main.rs",
    "server/src/node",
    "server/src/turn",
    "server/src/shard/dispatch",
    "server/src/execute/mod.rs",
    "server/src/shard/mod.rs",
];

/// What is handed time, bytes and randomness instead of taking them.
const SANS_IO: [&str; 4] = ["engine/", "ring/", "net/src/resp/", "net/src/command/"];

/// What sans-I/O code never names.
const OUTSIDE_WORLD: [&str; 8] = [
    "std::fs",
    "std::thread",
    "SystemTime",
    "Instant",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] =
    ["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"];

const FILE_LINES_MAX: usize = 600;
const COORDINATOR_LINES_MAX: usize = 300;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;
const VIOLATIONS_SHOWN_MAX: usize = 50;

fn all() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let found = source::sources(root, &FOLDERS);
    assert!(found.len() > FOLDERS.len(), "only {} files below {root:?}", found.len());
    found
}

/// Fails with the violations, one a line.
fn judge(rule: &str, violations: Vec<String>) {
    let count = violations.len();
    let shown = violations[..count.min(VIOLATIONS_SHOWN_MAX)].join("\n  ");
    assert!(count == 0, "{count} against the rule: {rule}\n  {shown}\n");
}

#[test]
fn every_file_says_what_it_owns() {
    let bare = all().into_iter().filter(|source| !source.text.starts_with("//! "));
    let violations = bare.map(|source| format!("{}:1", source.path)).collect();
    judge("a file opens with //!: what it owns, its invariant, its cost", violations);
}

/// The file that has to declare the module of this one, if it is one: where it may lie, and the
/// module's name.
fn declared_by(path: &str) -> Option<([String; 4], &str)> {
    let own = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs"))?;
    let (folder, name) = own.rsplit_once('/')?;
    let is_root = matches!(name, "lib" | "main") || !format!("{folder}/").contains("/src/");
    let parents = ["/mod.rs", "/lib.rs", "/main.rs", ".rs"].map(|end| format!("{folder}{end}"));
    (!is_root).then_some((parents, name))
}

#[test]
fn every_file_is_a_module() {
    let sources = all();
    let is_declared = |source: &Source| {
        // Programs are named by a manifest.
        let Some((parents, name)) = declared_by(&source.path) else { return true };
        let declaration = format!("mod {name};");
        let declares = |it: &Source| parents.contains(&it.path) && it.text.contains(&declaration);
        source.text.contains("\nfn main()") || sources.iter().any(declares)
    };
    let orphans = sources.iter().filter(|source| !is_declared(source));
    let violations: Vec<String> = orphans.map(|source| source.path.clone()).collect();
    judge("a file that no module declares is compiled by nobody: remove it", violations);
    assert!(declared_by("engine/src/policy/lru.rs").is_some_and(|(_, name)| name == "lru"));
}

#[test]
fn files_are_short() {
    let mut violations = Vec::new();
    for source in all() {
        let joins = COORDINATORS.iter().any(|prefix| source.path.starts_with(prefix));
        let lines_max = if joins { COORDINATOR_LINES_MAX } else { FILE_LINES_MAX };
        let lines = source.text.lines().count();
        if lines > lines_max {
            violations.push(format!("{}: {lines} lines, at most {lines_max}", source.path));
        }
    }
    judge("a file that got long holds more than one noun: split it", violations);
}

#[test]
fn lines_are_narrow() {
    let mut violations = Vec::new();
    for source in all() {
        for (index, line) in source.text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX {
                violations.push(format!("{}:{}: {columns} columns", source.path, index + 1));
            }
        }
    }
    judge("at most 100 columns", violations);
}

/// Every function with a body: its name, first line and number of lines.
fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for offset in words(code, "fn") {
        let rest = &code[offset..];
        let name = identifier(rest[2..].trim_start());
        let Some(body) = signature_len(rest).filter(|_| !name.is_empty()) else { continue };
        let Some(len) = braces_end(&rest[body..]) else { continue };
        let lines = 1 + rest[..body + len].matches('\n').count();
        found.push((name.to_string(), line_of(code, offset), lines));
    }
    found
}

/// The length of a signature before the brace of its body; `None` if it has no body.
fn signature_len(code: &str) -> Option<usize> {
    let mut depth = 0i32;
    for (offset, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(offset),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[test]
fn functions_are_short() {
    let mut violations = Vec::new();
    for source in all() {
        for (name, line, lines) in functions(&source.code) {
            if lines > FUNCTION_LINES_MAX {
                violations.push(format!("{}:{line}: {name} has {lines} lines", source.path));
            }
        }
    }
    judge("a function has at most 70 lines, typically 25", violations);
}

/// The map of a crate: its modules in order, and what the root re-exports from which.
#[derive(Default)]
struct Map {
    modules: Vec<String>,
    exports: BTreeMap<String, String>,
    /// Lines of `mod` without a comment above.
    unexplained: Vec<usize>,
}

impl Map {
    fn read(lib: &Source) -> Map {
        let mut map = Map::default();
        let texts: Vec<&str> = lib.text.lines().collect();
        for (index, line) in lib.shipped_code().lines().enumerate() {
            let mut tokens = line.split_whitespace().skip_while(|t| t.starts_with("pub"));
            let (Some("mod"), Some(name)) = (tokens.next(), tokens.next()) else { continue };
            map.modules.push(identifier(name).to_string());
            let above = texts[..index].iter().rev().find(|line| !line.trim().starts_with("#["));
            if !above.is_some_and(|line| line.trim().starts_with("//")) {
                map.unexplained.push(index + 1);
            }
        }
        map.read_exports(&lib.shipped_code());
        map
    }

    fn read_exports(&mut self, code: &str) {
        for statement in code.split(';') {
            let Some(start) = words(statement, "use").next() else { continue };
            let path = statement[start + 3..].trim();
            let path = path.trim_start_matches("crate::").trim_start_matches("self::");
            let module = identifier(path).to_string();
            for leaf in path.split([',', '{', '}']).filter_map(|part| part.split("::").last()) {
                let name = leaf.split_whitespace().last().unwrap_or_default();
                self.exports.insert(name.to_string(), module.clone());
            }
        }
    }

    fn rank(&self, name: &str) -> Option<usize> {
        let module = self.exports.get(name).map_or(name, String::as_str);
        self.modules.iter().position(|known| known == module)
    }
}

/// The names that directly follow `prefix` (`crate::`), one by one or in braces, with offsets.
fn first_segments(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for offset in words(code, prefix) {
        let rest = &code[offset + prefix.len()..];
        if !rest.starts_with('{') {
            found.push((offset, identifier(rest).to_string()));
            continue;
        }
        let group = &rest[1..braces_end(rest).unwrap_or(rest.len()) - 1];
        let mut depth = 0i32;
        for part in group.split_inclusive([',', '{', '}']) {
            let name = identifier(part.trim_start());
            if depth == 0 && !name.is_empty() {
                found.push((offset, name.to_string()));
            }
            depth += part.matches('{').count() as i32 - part.matches('}').count() as i32;
        }
    }
    found
}

/// Imports of `source`, a file of the crate at `folder`, that go upwards in the crate's map.
fn upward_imports(folder: &str, map: &Map, source: &Source) -> Vec<String> {
    let Some(inside) = source.path.strip_prefix(&format!("{folder}/src/")) else { return vec![] };
    let own = inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs");
    let Some(own_rank) = map.rank(own) else { return vec![] };
    let code = source.shipped_code();
    let mut imports = first_segments(&code, "crate::");
    if !inside.contains('/') {
        imports.extend(first_segments(&code, "super::"));
    }
    let upward =
        imports.into_iter().filter(|(_, name)| map.rank(name).is_some_and(|rank| rank < own_rank));
    upward
        .map(|(offset, name)| {
            let line = line_of(&code, offset);
            format!("{}:{line}: {own} uses {name}, which stands above it", source.path)
        })
        .collect()
}

#[test]
fn imports_go_downwards() {
    let sources = all();
    let mut violations = Vec::new();
    for folder in FOLDERS {
        let lib = sources.iter().find(|source| source.path == format!("{folder}/src/lib.rs"));
        let Some(lib) = lib else { continue };
        let map = Map::read(lib);
        for line in &map.unexplained {
            violations.push(format!("{}:{line}: a module without a // line above", lib.path));
        }
        for source in &sources {
            violations.extend(upward_imports(folder, &map, source));
        }
    }
    judge(
        "lib.rs lists modules in layers: a file imports only from those below its own",
        violations,
    );
}

#[test]
fn unsafe_stands_in_named_files_only() {
    let mut violations = Vec::new();
    let sources = all();
    for source in &sources {
        let named = UNSAFE_FILES.contains(&source.path.as_str());
        let uses: Vec<usize> = words(&source.code, "unsafe").collect();
        let allows = words(&source.code, "allow(unsafe_code)").next().is_some();
        let whole_file = source.code.contains("#![allow(unsafe_code)]");
        let path = &source.path;
        match (named, uses.first()) {
            (false, Some(offset)) => {
                let line = line_of(&source.code, *offset);
                violations.push(format!("{path}:{line}: unsafe in a file that is not named"));
            }
            (true, None) => violations.push(format!("{path}: named, but holds no unsafe")),
            (true, Some(_)) if !whole_file => {
                violations
                    .push(format!("{path}: expected #![allow(unsafe_code)] after its header"));
            }
            (false, None) if allows => {
                violations.push(format!("{path}: allows unsafe code and has none"));
            }
            _ => {}
        }
    }
    for path in UNSAFE_FILES {
        if !sources.iter().any(|source| source.path == *path) {
            violations.push(format!("{path}: named, but there is no such file"));
        }
    }
    judge("unsafe stands only in the files of UNSAFE_FILES in server/tests/tidy.rs", violations);
}

#[test]
fn crates_are_walls() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let sources = all();
    let mut violations = Vec::new();
    for (folder, allowed) in WALLS {
        let manifest = std::fs::read_to_string(root.join(folder).join("Cargo.toml"));
        let manifest: toml::Table = manifest.expect("a manifest").parse().expect("TOML");
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(toml::Value::Table(section)) = manifest.get(section) else { continue };
            for other in section.keys().filter_map(|name| name.strip_prefix("velodrome-")) {
                if !allowed.contains(&other) {
                    violations.push(format!("{folder}/Cargo.toml: depends on {other}"));
                }
            }
        }
        for source in sources.iter().filter(|s| s.path.starts_with(&format!("{folder}/"))) {
            for (offset, other) in source
                .code
                .match_indices("velodrome_")
                .map(|(offset, found)| (offset, identifier(&source.code[offset + found.len()..])))
            {
                let foreign = other != folder && FOLDERS.contains(&other);
                if foreign && !allowed.contains(&other) {
                    let line = line_of(&source.code, offset);
                    violations.push(format!("{}:{line}: uses {other}", source.path));
                }
            }
        }
    }
    judge(
        "engine, net, ring and tuning know nothing of each other; server introduces them",
        violations,
    );
}

#[test]
fn the_outside_world_is_an_argument() {
    let mut violations = Vec::new();
    for source in all() {
        let sans_io = SANS_IO.iter().any(|prefix| source.path.starts_with(prefix));
        if !sans_io {
            continue;
        }
        let code = source.shipped_code();
        let shipped = source.path.contains("/src/");
        for name in OUTSIDE_WORLD.iter().filter(|_| shipped) {
            for offset in words(&code, name) {
                let line = line_of(&code, offset);
                violations.push(format!("{}:{line}: names {name}", source.path));
            }
        }
        for offset in words(&source.code, "sleep") {
            let line = line_of(&source.code, offset);
            violations.push(format!("{}:{line}: sleeps", source.path));
        }
    }
    judge(
        "sans-I/O code takes time, bytes and randomness as arguments and never sleeps",
        violations,
    );
}

#[test]
fn names_say_what_is_inside() {
    let mut violations = Vec::new();
    for source in all() {
        let parts = source.path.split('/').map(|part| part.trim_end_matches(".rs"));
        for part in parts.filter(|part| EMPTY_NAMES.contains(part)) {
            violations.push(format!("{}: {part} says nothing", source.path));
        }
    }
    judge("one noun a file, and the noun is its name", violations);
}

#[test]
fn nothing_is_left_undone() {
    let mut violations = Vec::new();
    for source in all() {
        let mut tell = |text: &str, offset: usize, what: &str| {
            violations.push(format!("{}:{}: {what}", source.path, line_of(text, offset)));
        };
        for what in ["todo!", "unimplemented!", "dbg!"] {
            words(&source.code, what).for_each(|offset| tell(&source.code, offset, what));
        }
        for (offset, what) in source.code.match_indices("#[ignore") {
            tell(&source.code, offset, what);
        }
        for what in ["FIXME", "TODO", "XXX", "HACK"] {
            words(&source.comments, what).for_each(|offset| tell(&source.comments, offset, what));
        }
        for word in ["issue", "phase"] {
            let digit = |offset: &usize| {
                let after = source.comments[offset + word.len()..].trim_start_matches([' ', '#']);
                after.starts_with(|c: char| c.is_ascii_digit())
            };
            let numbered = words(&source.comments, word).filter(digit);
            numbered.for_each(|offset| tell(&source.comments, offset, "history belongs to git"));
        }
    }
    judge("no placeholder, no ignored test, no history in comments", violations);
}

mod tests {
    use super::*;

    #[test]
    fn functions_are_measured() {
        let code = "fn a() {\n}\nfn b(x: [u8; 4]);\nimpl X {\n\
                    fn c(x: [u8; 4]) -> u8 {\n  {}\n }\n}\n\
                    type F = fn(u8);\n";
        let expected = [("a".to_string(), 1, 2), ("c".to_string(), 5, 3)];
        assert_eq!(functions(code), expected);
    }

    #[test]
    fn upward_imports_are_found() {
        let lib = Source::new(
            "engine/src/lib.rs",
            "//! x\n// A.\nmod top;\nmod middle;\n// C.\npub mod low;\n\
             pub use top::{Top, deep::Deep};\n",
        );
        let map = Map::read(&lib);
        assert_eq!(map.modules, ["top", "middle", "low"]);
        assert_eq!(map.unexplained, [4]);
        let check = |path: &str, text: &str, count: usize| {
            let found = upward_imports("engine", &map, &Source::new(path, text));
            assert_eq!(found.len(), count, "{text}: {found:?}");
        };
        check("engine/src/middle.rs", "use crate::low::X;\n", 0);
        check("engine/src/middle.rs", "use crate::top::X;\n", 1);
        check("engine/src/middle.rs", "use crate::Top;\n", 1);
        check("engine/src/middle.rs", "use crate::{low::{a, top}, Deep, top::X};\n", 2);
        check("engine/src/middle.rs", "use super::top::X;\n", 1);
        check("engine/src/low/a.rs", "use super::top::X;\nfn f() { crate::middle::g() }\n", 1);
        check("engine/src/low.rs", "#[cfg(test)]\nmod tests { use crate::top; }\n", 0);
        check("net/src/low.rs", "use crate::top;\n", 0);
    }
}
