//! Every bound of the server, with its unit in its name.

/// Commands that one turn of a shard executes; the rest wait their turn.
pub(crate) const COMMANDS_PER_TURN_MAX: usize = 4096;

/// Commands of one connection that one turn executes while others wait.
pub(crate) const COMMANDS_PER_CONNECTION_PER_TURN_MAX: usize = 1024;

/// Time after which a turn begins no more of what lies before it: of siblings' parcels, of clients'
/// requests, of transactions and of upkeep, each for itself. What has begun ends: a batch, one long
/// command, a step.
pub(crate) const TURN_SHARE_NS_MAX: u64 = 200_000;

/// For so long after an answer upkeep takes the shorter share.
pub(crate) const ANSWERED_LATELY_NS: u64 = 10_000_000;

/// The share of upkeep where somebody was answered lately is half of the turn, within these bounds.
pub(crate) const BUSY_UPKEEP_NS_MIN: u64 = 15_000;
/// Beyond this one it goes when something was left to be done for [`UPKEEP_BEHIND_NS`].
pub(crate) const BUSY_UPKEEP_NS_MAX: u64 = 50_000;

/// Upkeep that leaves something for so long has fallen behind.
pub(crate) const UPKEEP_BEHIND_NS: u64 = 100_000_000;

/// How long upkeep may be put off, turn by turn, so that answers are sent first.
pub(crate) const UPKEEP_WAITS_NS_MAX: u64 = 100_000;

/// Commands that are parsed and prefetched before the first of them is executed.
pub(crate) const COMMANDS_PER_BATCH_MAX: usize = 64;

/// How long turns receive little at a time after a piece of a large value has come.
pub(crate) const COLLECTING_MS: u64 = 1_000;

/// Keys that a command on several keys of one shard may have to be run in one piece.
pub(crate) const KEYS_IN_ONE_PIECE_MAX: usize = 256;

/// Bytes that an MGET on one shard may unpack to be run in one piece.
pub(crate) const UNPACKED_IN_ONE_PIECE_BYTES_MAX: usize = 256 << 10;

/// Bytes of a value from which on its writing may take long, so that it is timed.
pub(crate) const HEAVY_VALUE_BYTES: usize = 16 << 10;

/// Microseconds: a slow log that takes shorter commands has every command timed.
pub(crate) const TIME_ALL_BELOW_US: i64 = 1_000;

/// Pieces of held transactions that one turn runs.
pub(crate) const PIECES_PER_TURN_MAX: usize = 256;

/// Replies of one connection that may wait for sibling cores before its input is paused.
pub(crate) const REPLIES_WAITING_MAX: usize = 1024;

/// Room that a connection keeps for replies behind one that waits, while it has none.
pub(crate) const REPLIES_CAPACITY_KEPT_BYTES: usize = 512;

/// Work that may wait for held slots on one shard.
pub(crate) const HOLD_WAITERS_MAX: usize = 4096;

/// Unsent bytes at which a connection's further commands wait for its peer to read.
pub(crate) const OUTPUT_STALL_BYTES: usize = 1 << 20;

/// Unparsed bytes at which a stalled connection is no longer read from.
pub(crate) const INPUT_STALL_BYTES: usize = 256 << 10;

/// Bytes of MULTI's queue of one connection.
pub(crate) const MULTI_QUEUE_BYTES_MAX: usize = 64 << 20;

/// Buffer space a parcel keeps between journeys.
pub(crate) const PARCEL_CAPACITY_KEPT_BYTES: usize = 64 << 10;

/// Empty parcels a shard keeps to fill, for each shard of the node,
pub(crate) const OWN_EMPTIES_EACH_MAX: usize = 2;
/// and of each sibling's until it sends them home.
pub(crate) const HOMEWARD_EMPTIES_MAX: usize = 4;

/// Parcels that may lie between a pair of shards.
pub(crate) const PARCELS_PER_PAIR_MAX: usize = 64;

/// Steps of background work (expiry, eviction, compaction, freeing) that one turn does, whatever
/// the clock says,
pub(crate) const UPKEEP_STEPS_PER_TURN_MAX: usize = 64;
/// and those that make room for a large value or were asked for by MEMORY PURGE.
pub(crate) const MAINTENANCE_STEPS_PER_TURN_MAX: usize = 8;

/// Turns in which room is made for one large value before it is written whatever that takes.
pub(crate) const ROOM_TURNS_MAX: u32 = 1024;

/// Steps of KEYS that one turn does.
pub(crate) const SWEEP_STEPS_PER_TURN_MAX: usize = 8;

/// Items that one step of SCAN or KEYS looks at.
pub(crate) const SCAN_STEP_ITEMS_MAX: usize = 256;

/// Items that one SCAN looks at, whatever its COUNT.
pub(crate) const SCAN_ITEMS_MAX: usize = 1024;

/// Microseconds that a shard spins for its siblings' answers before it sleeps.
pub(crate) const SPIN_US_MAX: u64 = 20;

/// How long a stopping node waits for its connections.
pub(crate) const DRAIN_MS_MAX: u64 = 5_000;

/// How long a client may take to authenticate.
pub(crate) const HANDSHAKE_MS_MAX: u64 = 10_000;

/// Items a shard may hold at least: `--max-items` leaves a node as few shards as that takes.
pub(crate) const ITEMS_PER_SHARD_MIN: u64 = 64;

/// How often a shard with connections looks after idle and slow ones.
pub(crate) const TICK_MS: u64 = 100;

/// Unread output copied for one connection: 16 MiB, and what one turn may add before anybody looks.
/// Values sent from their place do not count, and whoever goes on reading is not closed.
pub(crate) const OUTPUT_BYTES_MAX: usize = (16 << 20) + OUTPUT_BYTES_PER_TURN_MAX;

/// Unread output that a connection may keep for [`OUTPUT_SLOW_MS_MAX`] without taking any of it.
pub(crate) const OUTPUT_SLOW_BYTES: usize = 8 << 20;

/// How long a peer may take nothing of [`OUTPUT_SLOW_BYTES`] or more.
pub(crate) const OUTPUT_SLOW_MS_MAX: u64 = 30_000;

/// Bytes of replies after which a turn leaves the remaining commands to the next.
pub(crate) const OUTPUT_BYTES_PER_TURN_MAX: usize = 4 << 20;

/// What the answers of all requests under way to siblings may be expected to weigh.
pub(crate) const ANSWER_BYTES_IN_FLIGHT_MAX: usize = 8 << 20;

/// Requests that may be under way to siblings, however heavy their answers.
pub(crate) const ANSWERS_IN_FLIGHT_MIN: usize = 64;

/// Requests that may be under way to siblings, however light their answers.
pub(crate) const ANSWERS_IN_FLIGHT_MAX: usize = 16_384;

/// How long the packing thread keeps its contexts while it has nothing to do.
pub(crate) const PACKER_IDLE_MS_MAX: u64 = 1_000;

/// How long one long request may be received while others wait for the buffers it takes.
pub(crate) const ADMITTED_MS_MAX: u64 = 30_000;

/// How long a peer must have taken nothing, or sent nothing of what it owes, to be closed when
/// buffers are short.
pub(crate) const STUCK_MS_MIN: u64 = 500;

/// Rounds in which a shard serves what it sends itself within a turn.
pub(crate) const OWN_ROUNDS_MAX: usize = 64;

/// Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn.
pub(crate) const LISTEN_BACKLOG: u32 = 4096;

/// Bytes of values that one MGET may copy into its reply.
pub(crate) const MGET_REPLY_BYTES_MAX: usize = 256 << 20;

/// Bytes of a value that may be a number with a fraction; Redis takes no longer ones either.
pub(crate) const FLOAT_LEN_BYTES_MAX: usize = (5 << 10) - 1;

/// Descriptors for listeners, rings, wake-ups and log files.
pub(crate) const DESCRIPTORS_BESIDE_CLIENTS: u64 = 128;

/// A key is hot that had more than one in so many of the node's accesses.
pub(crate) const HOT_SHARE_MIN: i64 = 100;

/// Changes of the node's limits that a quota under way may have missed.
pub(crate) const LIMIT_CHANGES_MAX: usize = 8;
