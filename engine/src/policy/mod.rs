//! Eviction policies: what goes when room is needed.
//!
//! One mechanism makes room, a policy says what pays; each is a small file here. Invariant: the
//! enum is closed, and every name it shows it also reads. Cost: a copy of one byte.

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
