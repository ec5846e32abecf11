//! One shard's dataset: index, items, expiry and eviction.
//!
//! Sans-I/O: time, bytes and randomness are arguments; nothing here knows sockets, files,
//! threads, clocks or other shards. Invariant: the list below is the layering, a file imports
//! only what stands below it. Cost: see each file.

// What is done a little every turn, and flushing.
mod upkeep;
// What becomes of items that wheel entries mean.
mod expiry;
// Slots and effects from and to other engines.
mod transfer;
// Scan, random key, keys of a slot.
mod enumerate;
// What finding a key takes.
mod effort;
// Hot keys, large items, what an item takes.
mod ranking;
// Increment, append, overwrite a range.
mod modify;
// Read, write, delete, touch, redate.
mod commands;
// Values that are written packed, or packed by a worker afterwards.
mod packing;
// How the memory limit holds after every operation.
mod room;
// How tables are trimmed and move into holes between them.
mod tidying;
// A segment pays, its survivors are copied forward.
mod cleaning;
// Which segment pays.
mod choosing;
// No item grows so old that it looks young again.
mod aging;
// Single items pay.
mod eviction;
// Queues of segments are walked record by record.
mod passing;
// Where a record that is copied or new goes.
mod streaming;
// The one way in which a key's state changes.
mod change;
// All parts of one shard's dataset, joined.
mod engine;
// What an engine is made from.
mod config;
// Which values are packed how.
mod compression;
// Values that a worker packs.
mod pack_queue;
// What packed values weigh.
mod tally;
// What goes when room is needed.
mod policy;
// How far a cleaning has come, or a walk over all records.
mod cleaner;
// Which keys had most accesses of late.
mod hot;
// The largest items.
mod largest;
// Which items may be out of time.
mod wheel;
// All databases' directories, and those on their way out.
mod index;
// How tables shrink that removals left too large.
mod trimming;
// One database's slots.
mod directory;
// One slot's tables.
mod node;
// The memory records lie in.
mod segments;
// Which of them are free.
mod vacant;
// What their accounts add up to.
mod totals;
// The places of dead records, for writes that need exactly their length.
mod holes;
// One segment's account.
mod segment;
// Segments in the order they were opened.
mod queues;
// The large values and where their records lie.
mod larges;
// One item's bytes.
mod record;
// A small hash table of addresses.
mod table;
// The memory tables lie in.
mod runs;
// One table's buckets there.
mod run;
// How long such runs are.
mod sizes;
// Eight entries of such a table.
mod bucket;
// The version each slot has reached.
mod sequences;
// What a caller sees of an item.
mod item;
// A packed value.
mod packed;
// What a caller asks of `set`.
mod write;
// What a change did.
mod effect;
// Counters.
mod stats;
// Keys and their hash.
mod key;
// A request collected where its value is to stay.
mod collected;
// One value in a mapping of its own.
mod large;
// Memory of the system.
mod mapping;
// How a value becomes shorter, and long again.
mod codec;
// Refusals.
mod refused;
// The order of a slot's changes.
mod version;
// Bounds.
pub mod limits;

pub use codec::{Codec, Packer};
pub use collected::Collected;
pub use compression::Compression;
pub use config::{Config, Limits};
pub use effect::{Cause, Change, Effect, Effects, OwnedChange, OwnedEffect};
pub use effort::Effort;
pub use engine::Engine;
pub use enumerate::Cursor;
pub use hot::{HotKey, HotKeys};
pub use item::{Item, ValueRef};
pub use key::{Key, KeyHasher};
pub use large::{LargeValue, StagedValue};
pub use limits::{DATABASES_MAX, SLOT_COUNT};
pub use pack_queue::{PackDone, PackJob};
pub use packed::Packed;
pub use policy::Policy;
pub use ranking::LargestItem;
pub use refused::{Refused, StartError};
pub use stats::{Progress, Stats, Work};
pub use transfer::{Record, SlotCursor};
pub use version::Version;
pub use write::{Condition, Deadline, NewValue, Stored, Write};
