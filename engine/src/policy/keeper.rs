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
        Self { policy, ..Self::default() }
    }

    /// What goes when a limit is reached.
    #[inline]
    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }

    /// Another policy from now on.
    pub(crate) fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
        self.pool.clear();
        self.is_full = false;
    }

    /// The access field of a new item, in a store of `items`.
    #[inline]
    pub(crate) fn fresh(&mut self, items: u64) -> u32 {
        match self.policy.order() {
            Order::Frequency => self.lfu.fresh(),
            Order::Queues => 0,
            _ => self.lru.tick(items),
        }
    }

    /// Whether the access field holds times, which grow old.
    pub(crate) fn has_ages(&self) -> bool {
        !matches!(self.policy.order(), Order::Frequency | Order::Queues)
    }

    /// The access field of an item that is used again; `None` if it stays.
    #[inline]
    pub(crate) fn used(&mut self, access: u32, items: u64) -> Option<u32> {
        match self.policy.order() {
            Order::Queues => s3fifo::used(access),
            Order::Frequency => Some(self.lfu.used(access)),
            _ => Some(self.lru.tick(items)),
        }
    }

    /// The access field of an item that is written again.
    #[inline]
    pub(crate) fn rewritten(&mut self, access: u32, items: u64) -> u32 {
        self.used(access, items).unwrap_or(access)
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

/// What the ghost calls the key at `place`.
pub(crate) fn ghost_hash(place: Place) -> u64 {
    let word =
        (u64::from(place.fragment) << 18) ^ (u64::from(place.slot) << 4) ^ u64::from(place.db);
    let mixed = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 8
}
