//! The table of `--check-config`: every setting, its value and where it comes from.
//!
//! Owns the layout only. Invariant: secrets are not printed. Cost: a few kilobytes of text.

use super::error::Origin;
use super::{Config, settings};

/// The table, one line a setting under its heading. `origins` follows `settings::all`.
pub(crate) fn table(config: &Config, origins: &[Origin]) -> String {
    let rows = || settings::all().map(|(_, setting)| setting.shown(config));
    let name_width = settings::all().map(|(_, setting)| setting.name.len()).max().unwrap_or(0);
    let value_width = rows().map(|value| value.chars().count().clamp(1, 32)).max().unwrap_or(0);
    let mut out = String::new();
    let mut heading = "";
    for ((group, setting), origin) in settings::all().zip(origins) {
        if group != heading {
            out.push_str(if heading.is_empty() { "" } else { "\n" });
            out.push_str(group);
            out.push('\n');
            heading = group;
        }
        let value = match setting.shown(config) {
            value if value.is_empty() => "-".into(),
            value => value,
        };
        let name = setting.name;
        out.push_str(&format!("  {name:name_width$}  {value:value_width$}  {origin}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_line_and_secrets_are_hidden() {
        let config = Config { requirepass: Some("hunter2".into()), ..Config::default() };
        let mut origins = vec![Origin::Default; settings::all().count()];
        origins[0] = Origin::Environment("VELODROME_BIND".into());
        let table = table(&config, &origins);
        assert!(!table.contains("hunter2"), "{table}");
        assert!(table.contains("(set, not shown)"), "{table}");
        assert!(table.contains("environment VELODROME_BIND"), "{table}");
        for (_, setting) in settings::all() {
            let lines =
                table.lines().filter(|line| line.split_whitespace().next() == Some(setting.name));
            assert_eq!(lines.count(), 1, "{}", setting.name);
        }
    }
}
