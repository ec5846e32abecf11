//! What is off, as a table for a person or JSON for a program.
//!
//! Owns the layout. Invariant: no line is longer than `COLUMNS_MAX` but for a command, which must
//! be fit to be copied; control characters of a host's files never reach a terminal.
//! Cost: some kilobytes of text.

use serde::Serialize;

use crate::finding::{Finding, Verdict};
use crate::limits::COLUMNS_MAX;
use crate::record::{Done, Outcome};

/// Columns before the text that explains a row.
const INDENT: usize = 10;
const NAME_WIDTH: usize = 20;
const FOUND_WIDTH: usize = 37;

const _: () = assert!(INDENT + NAME_WIDTH + FOUND_WIDTH < COLUMNS_MAX - 20, "room for the wanted");

/// The checks as a table; `colour` for a terminal, `explain` to say why of what is well, too.
#[must_use]
pub fn table(findings: &[Finding], colour: bool, explain: bool) -> String {
    let mut text = String::new();
    let mut area = "";
    for finding in findings {
        if finding.area != area {
            area = finding.area;
            text.push_str(&heading(area, colour));
        }
        push_row(&mut text, finding, colour, explain);
    }
    text.push('\n');
    text.push_str(&summary(findings));
    text
}

fn heading(area: &str, colour: bool) -> String {
    let line = if colour { format!("\x1b[1m{area}\x1b[0m") } else { area.to_owned() };
    format!("{line}\n")
}

fn mark(verdict: Verdict, colour: bool) -> String {
    let (word, code) = match verdict {
        Verdict::Good => ("ok", 32),
        Verdict::Unknown => ("?", 2),
        Verdict::Advice => ("better", 33),
        Verdict::Important => ("WRONG", 31),
    };
    let word = format!("{word:6}");
    if colour { format!("\x1b[{code}m{word}\x1b[0m") } else { word }
}

fn push_row(text: &mut String, finding: &Finding, colour: bool, explain: bool) {
    let wanted_width = COLUMNS_MAX - INDENT - NAME_WIDTH - FOUND_WIDTH;
    let found = wrap(&shown(&finding.found), FOUND_WIDTH - 2);
    let wanted = match finding.verdict {
        Verdict::Good if !explain => Vec::new(),
        _ => wrap(&format!("wanted: {}", finding.wanted), wanted_width),
    };
    for line in 0..found.len().max(wanted.len()) {
        let cell = |cells: &[String]| cells.get(line).cloned().unwrap_or_default();
        let (mark, name) = match line {
            0 => (mark(finding.verdict, colour), finding.check),
            _ => (" ".repeat(6), ""),
        };
        let row =
            format!("  {mark}  {name:NAME_WIDTH$}{:FOUND_WIDTH$}{}", cell(&found), cell(&wanted));
        text.push_str(row.trim_end());
        text.push('\n');
    }
    if explain || finding.verdict >= Verdict::Advice {
        push_advice(text, finding);
    }
}

fn push_advice(text: &mut String, finding: &Finding) {
    let indent = " ".repeat(INDENT);
    for line in wrap(finding.why, COLUMNS_MAX - INDENT) {
        text.push_str(&format!("{indent}{line}\n"));
    }
    if !finding.fix.is_empty() {
        text.push_str(&format!("{indent}-> {}\n", shown(&finding.fix)));
    }
}

fn count(findings: &[Finding], verdict: Verdict) -> usize {
    findings.iter().filter(|finding| finding.verdict == verdict).count()
}

fn summary(findings: &[Finding]) -> String {
    let [good, unknown, advice, important] =
        [Verdict::Good, Verdict::Unknown, Verdict::Advice, Verdict::Important]
            .map(|verdict| count(findings, verdict));
    let mut text =
        format!("{important} wrong, {advice} could be better, {good} ok, {unknown} unknown.\n");
    let off = findings.iter().filter(|finding| finding.verdict >= Verdict::Advice);
    let settings = off.flat_map(|finding| &finding.settings);
    let safe = settings.filter(|setting| setting.safe && setting.is_off()).count();
    if safe > 0 {
        text.push_str(&format!(
            "velodrome tune apply sets {safe} of the settings behind it, --dry-run shows them.\n"
        ));
    }
    text
}

/// The text in lines of at most `width` columns; a longer word has a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_ascii_whitespace() {
        let last = lines.len() - 1;
        let len = lines[last].chars().count();
        if len > 0 && len + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            let blank = if len == 0 { "" } else { " " };
            lines[last].push_str(&format!("{blank}{word}"));
        }
    }
    lines
}

/// The text without what a terminal would obey.
fn shown(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// The checks as JSON, one object.
#[must_use]
pub fn json(findings: &[Finding]) -> String {
    #[derive(Serialize)]
    struct Report<'a> {
        important: usize,
        advice: usize,
        good: usize,
        unknown: usize,
        checks: &'a [Finding],
    }
    pretty(&Report {
        important: count(findings, Verdict::Important),
        advice: count(findings, Verdict::Advice),
        good: count(findings, Verdict::Good),
        unknown: count(findings, Verdict::Unknown),
        checks: findings,
    })
}

/// What became of the settings as JSON, a list.
#[must_use]
pub fn outcomes_json(outcomes: &[Outcome]) -> String {
    pretty(&outcomes)
}

fn pretty(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("texts and numbers only");
    format!("{text}\n")
}

/// What became of the settings, a line each.
#[must_use]
pub fn outcomes_table(outcomes: &[Outcome]) -> String {
    let width = outcomes.iter().map(|one| one.setting.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Outcome { setting, from, to, done } in outcomes {
        let done = match done {
            Done::Set => "set".to_owned(),
            Done::Planned => "would be set".to_owned(),
            Done::Restorable => "would be restored".to_owned(),
            Done::Restored => "restored".to_owned(),
            Done::Left(why) => format!("left: {why}"),
            Done::Failed(why) => format!("FAILED: {why}"),
        };
        let from = from.as_deref().unwrap_or("-");
        text.push_str(&shown(&format!("{setting:width$}  {from} -> {to}  {done}")));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("immeasurable x", 4), ["immeasurable", "x"]);
        assert_eq!(shown("a\x1b[31m\nb"), "a?[31m?b");
    }
}
