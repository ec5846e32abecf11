//! The keeper: what a policy remembers, and what it says of a record.
//!
//! The access field of a record is the policy's; the keeper says what it becomes and what it
//! means. Invariant: any bits of the field have a meaning under every policy, so a change of
//! policy needs no stop; a walk makes all items equal afterwards. Cost: one branch an access,
//! always the same way.

use crate::key::Place;
use crate::policy::ghost::Ghost;
use crate::policy::idle::Idle;
use crate::policy::lfu::Lfu;
use crate::policy::lru::Lru;
use crate::policy::pool::Pool;
use crate::policy::{Order, Policy, s3fifo};
use crate::record::Record;

/// What a policy remembers.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    policy: Policy,
    /// Whether the access field holds times, which grow old.
    by_clock: bool,
    pub(crate) lru: Lru,
    pub(crate) lfu: Lfu,
    pub(crate) pool: Pool,
    pub(crate) ghost: Ghost,
    pub(crate) idle: Idle,
    /// Whether room had to be made under this policy yet.
    pub(crate) is_full: bool,
}

impl Keeper {
    /// The keeper of an empty store.
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, by_clock: goes_by_clock(policy), ..Self::default() }
    }

    /// What goes when a limit is reached.
    #[inline]
    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }

    /// Another policy from now on.
    pub(crate) fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
        self.by_clock = goes_by_clock(policy);
        self.pool.clear();
        self.is_full = false;
    }

    /// The access field of a new item, in a store of `items`.
    #[inline]
    pub(crate) fn fresh(&mut self, items: u64) -> u32 {
        if self.by_clock {
            return self.lru.tick(items);
        }
        match self.policy.order() {
            Order::Frequency => self.lfu.fresh(),
            _ => 0,
        }
    }

    /// Whether the access field holds times, which grow old.
    #[inline]
    pub(crate) fn has_ages(&self) -> bool {
        self.by_clock
    }

    /// The access field of an item that is used again; `None` if it stays. `access` reads the old
    /// one, which a clock does not ask for.
    #[inline]
    pub(crate) fn used(&mut self, access: impl FnOnce() -> u32, items: u64) -> Option<u32> {
        if self.by_clock {
            return Some(self.lru.tick(items));
        }
        self.counted(access())
    }

    /// The same by policies that count. A call of its own keeps the way by the clock short.
    #[inline(never)]
    fn counted(&mut self, access: u32) -> Option<u32> {
        match self.policy.order() {
            Order::Frequency => Some(self.lfu.used(access)),
            _ => s3fifo::used(access),
        }
    }

    /// The access field that makes all items equal.
    pub(crate) fn neutral(&self) -> u32 {
        match self.policy.order() {
            Order::Frequency => self.lfu.fresh(),
            Order::Queues => 0,
            _ => self.lru.access_of_age(0),
        }
    }

    /// What an item is worth: of two the lower goes first.
    #[inline]
    pub(crate) fn worth(&self, record: Record<'_>) -> u64 {
        let access = record.shape().access();
        match self.policy.order() {
            Order::Frequency => u64::from(self.lfu.counter(access)),
            Order::Deadline => record.deadline_ms().map_or(u64::MAX, |it| it.get()),
            Order::Recency => self.lru.last_used(access),
            Order::Chance | Order::Writing | Order::Queues | Order::Nothing => 0,
        }
    }

    /// Whether an item may go at all.
    #[inline]
    pub(crate) fn may_go(&self, record: Record<'_>) -> bool {
        match self.policy {
            Policy::NoEviction => false,
            policy => policy.spares_nothing() || record.deadline_ms().is_some(),
        }
    }

    /// Milliseconds since an item was used, as far as the policy knows.
    pub(crate) fn idle_ms(&self, access: u32, now_ms: u64) -> u64 {
        if !self.has_ages() {
            return 0;
        }
        let tick = self.lru.ticks().saturating_sub(u64::from(self.lru.age(access)));
        self.idle.since(tick, now_ms)
    }

    /// Time passes.
    pub(crate) fn advance(&mut self, now_ms: u64) {
        self.lfu.advance(now_ms);
        self.idle.note(self.lru.ticks(), now_ms);
    }
}

fn goes_by_clock(policy: Policy) -> bool {
    !matches!(policy.order(), Order::Frequency | Order::Queues)
}

/// What the ghost calls the key at `place`.
pub(crate) fn ghost_hash(place: Place) -> u64 {
    let word =
        (u64::from(place.fragment) << 18) ^ (u64::from(place.slot) << 4) ^ u64::from(place.db);
    let mixed = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 8
}
