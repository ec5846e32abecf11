//! One shard's dataset: index, items, expiry and eviction.

// Stands in until the parts are joined.
mod engine;
// What a caller sees of an item.
mod item;
// What a caller asks of `set`.
mod write;
// What a change did.
mod effect;
// What an engine is made from.
mod config;
// Counters.
mod stats;
// Keys and their hash.
mod key;
// Values in mappings of their own.
mod large;
// Memory of the system.
mod mapping;
// Refusals.
mod refused;
// Versions.
mod version;
// Bounds.
pub mod limits;

pub use config::{Config, Limits};
pub use effect::{Cause, Change, Effect, Effects, OwnedChange, OwnedEffect};
pub use engine::{Cursor, Engine, Record, SlotCursor};
pub use item::{Item, ValueRef};
pub use key::{Key, KeyHasher};
pub use large::{LargeValue, StagedValue};
pub use limits::{DATABASES_MAX, SLOT_COUNT};
pub use refused::{Refused, StartError};
pub use stats::{Progress, Stats, Work};
pub use version::Version;
pub use write::{Condition, Deadline, NewValue, Stored, Write};
