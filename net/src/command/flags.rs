//! What a command does and when it may.
//!
//! Owns the set of properties and their names on the wire.

/// A set of properties of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u32);

/// Changes data.
pub const WRITE: Flags = Flags(1);
/// Reads data.
pub const READONLY: Flags = Flags(1 << 1);
/// Is refused when memory is full and nothing can be evicted.
pub const DENYOOM: Flags = Flags(1 << 2);
/// Belongs to administrators.
pub const ADMIN: Flags = Flags(1 << 3);
/// Makes no sense in a script.
pub const NOSCRIPT: Flags = Flags(1 << 4);
/// Is answered while data is being loaded.
pub const LOADING: Flags = Flags(1 << 5);
/// Is answered by a replica that lost its primary.
pub const STALE: Flags = Flags(1 << 6);
/// Is kept out of the log of slow commands.
pub const SKIP_SLOWLOG: Flags = Flags(1 << 7);
/// Costs the same however much data there is.
pub const FAST: Flags = Flags(1 << 8);
/// Is answered before authentication.
pub const NO_AUTH: Flags = Flags(1 << 9);
/// Is refused inside a transaction.
pub const NO_MULTI: Flags = Flags(1 << 10);
/// Is answered while a script runs.
pub const ALLOW_BUSY: Flags = Flags(1 << 11);
/// Has keys whose place depends on other arguments.
pub const MOVABLE_KEYS: Flags = Flags(1 << 12);
/// Takes keys but may go without.
pub const NO_MANDATORY_KEYS: Flags = Flags(1 << 13);

/// Common to what a connection asks about itself.
pub const ANYTIME_OUTSIDE_SCRIPTS: Flags = NOSCRIPT.and(LOADING).and(STALE);

/// Names on the wire, in the order in which they are told.
const NAMES: &[(Flags, &str)] = &[
    (WRITE, "write"),
    (READONLY, "readonly"),
    (DENYOOM, "denyoom"),
    (ADMIN, "admin"),
    (NOSCRIPT, "noscript"),
    (LOADING, "loading"),
    (STALE, "stale"),
    (SKIP_SLOWLOG, "skip_slowlog"),
    (FAST, "fast"),
    (NO_AUTH, "no_auth"),
    (NO_MULTI, "no_multi"),
    (NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (MOVABLE_KEYS, "movablekeys"),
    (ALLOW_BUSY, "allow_busy"),
];

impl Flags {
    /// No property.
    pub const NONE: Self = Self(0);

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    #[inline]
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Names on the wire.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        NAMES.iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| *name)
    }
}
