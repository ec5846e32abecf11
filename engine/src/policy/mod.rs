//! Eviction policies: what goes when room is needed.
//!
//! One mechanism makes room, a policy says what pays. Some give every item a worth and the least
//! worthy of samples goes (`lfu`, `ttl`, `random`, and all that spare items without a deadline),
//! some walk queues of segments in order (`fifo`, `s3fifo`), `lru` does both. Invariant: the enum
//! is closed, and every name it shows it also reads. Cost: a copy of one byte.

// What a policy remembers, and what it says of a record.
mod keeper;
// Names of items that left lately.
mod ghost;
// Items that may be evicted soon.
mod pool;
// What a segment would give.
mod prospect;
// The access clock as seconds.
mod idle;
// By recency.
mod lru;
// By frequency.
mod lfu;
// By two queues.
pub(crate) mod s3fifo;

pub(crate) use keeper::{Keeper, ghost_hash};
pub(crate) use pool::Candidate;
pub(crate) use prospect::Prospect;

/// What goes when a limit is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The least recently used item.
    #[default]
    Lru,
    /// The least often used item, by a logarithmic counter that fades.
    Lfu,
    /// The item written first.
    Fifo,
    /// Any item.
    Random,
    /// The item with the nearest deadline; items without one last.
    Ttl,
    /// New items pass a small queue, those used again move to the main one.
    S3Fifo,
    /// Nothing: a write without room is refused.
    NoEviction,
    /// The least recently used of the items with a deadline.
    VolatileLru,
    /// The least often used of the items with a deadline.
    VolatileLfu,
    /// Any item with a deadline.
    VolatileRandom,
    /// The item with the nearest deadline, never one without.
    VolatileTtl,
}

/// What a policy goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The last use.
    Recency,
    /// The number of uses.
    Frequency,
    /// The time of writing.
    Writing,
    /// Nothing.
    Chance,
    /// The deadline.
    Deadline,
    /// Time of writing and use, by queues.
    Queues,
    /// Nothing goes.
    Nothing,
}

impl Policy {
    /// Every policy.
    pub const ALL: [Self; 11] = [
        Self::Lru,
        Self::Lfu,
        Self::Fifo,
        Self::Random,
        Self::Ttl,
        Self::S3Fifo,
        Self::NoEviction,
        Self::VolatileLru,
        Self::VolatileLfu,
        Self::VolatileRandom,
        Self::VolatileTtl,
    ];

    /// What it goes by.
    #[inline]
    pub(crate) fn order(self) -> Order {
        match self {
            Self::Lru | Self::VolatileLru => Order::Recency,
            Self::Lfu | Self::VolatileLfu => Order::Frequency,
            Self::Fifo => Order::Writing,
            Self::Random | Self::VolatileRandom => Order::Chance,
            Self::Ttl | Self::VolatileTtl => Order::Deadline,
            Self::S3Fifo => Order::Queues,
            Self::NoEviction => Order::Nothing,
        }
    }

    /// Whether every item may go, with or without a deadline.
    pub(crate) fn spares_nothing(self) -> bool {
        use Policy::{Fifo, Lfu, Lru, Random, S3Fifo, Ttl};
        matches!(self, Lru | Lfu | Fifo | Random | Ttl | S3Fifo)
    }

    /// Whether writes may be refused for want of items that may go.
    pub fn refuses(self) -> bool {
        !self.spares_nothing()
    }

    /// Whether nothing may go.
    pub(crate) fn spares_all(self) -> bool {
        self == Self::NoEviction
    }

    /// Whether segments pay in the order they were filled in, record by record.
    pub(crate) fn walks_queues(self) -> bool {
        matches!(self, Self::Fifo | Self::S3Fifo)
    }

    /// Whether the policy counts uses, as OBJECT FREQ shows them.
    pub fn counts_uses(self) -> bool {
        self.order() == Order::Frequency
    }

    /// The policy's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lru => "lru",
            Self::Lfu => "lfu",
            Self::Fifo => "fifo",
            Self::Random => "random",
            Self::Ttl => "ttl",
            Self::S3Fifo => "s3fifo",
            Self::NoEviction => "noeviction",
            Self::VolatileLru => "volatile-lru",
            Self::VolatileLfu => "volatile-lfu",
            Self::VolatileRandom => "volatile-random",
            Self::VolatileTtl => "volatile-ttl",
        }
    }

    /// The name Redis has for it; where Redis lacks the policy, its own.
    pub fn redis_name(self) -> &'static str {
        match self {
            Self::Lru => "allkeys-lru",
            Self::Lfu => "allkeys-lfu",
            Self::Random => "allkeys-random",
            other => other.name(),
        }
    }

    /// The policy of a name, its own or Redis's, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let is = |policy: &Self| {
            name.eq_ignore_ascii_case(policy.name())
                || name.eq_ignore_ascii_case(policy.redis_name())
        };
        let s3fifo = name.eq_ignore_ascii_case("s3-fifo").then_some(Self::S3Fifo);
        Self::ALL.into_iter().find(is).or(s3fifo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for policy in Policy::ALL {
            assert_eq!(Policy::from_name(policy.name()), Some(policy));
            assert_eq!(Policy::from_name(policy.redis_name()), Some(policy));
            assert_eq!(Policy::from_name(&policy.name().to_uppercase()), Some(policy));
        }
        assert_eq!(Policy::from_name("S3-FIFO"), Some(Policy::S3Fifo));
        assert_eq!(Policy::from_name("best"), None);
    }
}
