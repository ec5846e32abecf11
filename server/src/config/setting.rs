//! One setting: its names everywhere, how its text becomes a value and back.
//!
//! Owns the derivation of names: the flag `--max-memory` is `max_memory` in a file and
//! `VELODROME_MAX_MEMORY` in the environment. Invariant: `set` leaves the configuration unchanged
//! when it refuses; what `show` gives, `set` reads back.

use super::Config;

/// An older or foreign name for a setting, and the unit its bare numbers have there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alias {
    /// The name: with dashes for flags and file keys, as is for the environment.
    pub(crate) name: &'static str,
    /// Appended to the value, as `mb` for `MAX_MEMORY_MB`.
    pub(crate) unit: &'static str,
}

/// How often a flag may be given and whether it takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One value.
    One,
    /// Several values: the flag may be repeated, its texts are joined by commas.
    List,
    /// The bare flag means `yes`.
    Switch,
    /// One value that is never printed.
    Secret,
}

/// One setting.
pub(crate) struct Setting {
    /// The flag without its dashes; other names derive from it.
    pub(crate) name: &'static str,
    /// What stands for the value in `--help`.
    pub(crate) value: &'static str,
    /// What it does, for a person.
    pub(crate) help: &'static str,
    /// Values and repetition.
    pub(crate) kind: Kind,
    /// Other flags and file keys.
    pub(crate) also: &'static [Alias],
    /// Other environment variables, weaker than the derived one.
    pub(crate) env: &'static [Alias],
    /// Reads the text into the configuration, or says what was expected.
    pub(crate) set: fn(&mut Config, &str) -> Result<(), String>,
    /// The text of the present value.
    pub(crate) show: fn(&Config) -> String,
}

/// A name whose bare numbers mean what they mean for the setting itself.
pub(crate) const fn plain(name: &'static str) -> Alias {
    Alias { name, unit: "" }
}

impl Setting {
    /// A setting with one value and no other names.
    pub(crate) const fn new(
        name: &'static str,
        value: &'static str,
        help: &'static str,
        set: fn(&mut Config, &str) -> Result<(), String>,
        show: fn(&Config) -> String,
    ) -> Setting {
        Setting { name, value, help, kind: Kind::One, also: &[], env: &[], set, show }
    }

    /// The same with another kind.
    pub(crate) const fn kind(mut self, kind: Kind) -> Setting {
        self.kind = kind;
        self
    }

    /// The same with other flags and file keys.
    pub(crate) const fn also(mut self, also: &'static [Alias]) -> Setting {
        self.also = also;
        self
    }

    /// The same with other environment variables.
    pub(crate) const fn env(mut self, env: &'static [Alias]) -> Setting {
        self.env = env;
        self
    }

    /// The environment variable that derives from the name.
    pub(crate) fn env_name(&self) -> String {
        format!("VELODROME_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The key in a file that derives from the name.
    pub(crate) fn file_key(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The unit of bare numbers if `name` (with dashes) is this setting's flag or file key.
    pub(crate) fn unit_of(&self, name: &str) -> Option<&'static str> {
        if name == self.name {
            return Some("");
        }
        self.also.iter().find(|alias| alias.name == name).map(|alias| alias.unit)
    }

    /// The present value as a table may print it.
    pub(crate) fn shown(&self, config: &Config) -> String {
        match (self.kind, (self.show)(config)) {
            (Kind::Secret, text) if !text.is_empty() => "(set, not shown)".into(),
            (_, text) => text,
        }
    }
}
