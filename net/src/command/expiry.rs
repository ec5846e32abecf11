//! When something ends, as a request says it.
//!
//! Owns the arithmetic from a raw number and its unit to an absolute deadline.
//! Invariant: a deadline never wraps around; what would overflow is refused.

/// What a command does to a key's deadline; numbers are as the request gave them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// Nothing said: SET drops the deadline, GETEX leaves it.
    #[default]
    None,
    /// `KEEPTTL`
    Keep,
    /// `PERSIST`
    Persist,
    /// Seconds from now.
    Ex(i64),
    /// Milliseconds from now.
    Px(i64),
    /// Seconds since 1970.
    ExAt(i64),
    /// Milliseconds since 1970.
    PxAt(i64),
}

impl Expiry {
    /// The deadline in milliseconds since 1970, when one is said; it may have passed, even lie
    /// before 1970. `wall_ms` is the present.
    ///
    /// # Errors
    /// When the deadline is beyond what 64 bits hold: answer `Refused::InvalidExpire`.
    pub fn deadline_ms(self, wall_ms: u64) -> Result<Option<i64>, DeadlineOverflow> {
        let now_ms = i64::try_from(wall_ms).map_err(|_| DeadlineOverflow)?;
        let deadline_ms = match self {
            Self::None | Self::Keep | Self::Persist => return Ok(None),
            Self::Ex(s) => s.checked_mul(1000).and_then(|ms| ms.checked_add(now_ms)),
            Self::Px(ms) => ms.checked_add(now_ms),
            Self::ExAt(s) => s.checked_mul(1000),
            Self::PxAt(ms) => Some(ms),
        };
        deadline_ms.map(Some).ok_or(DeadlineOverflow)
    }

    /// Whether it says nothing, or a positive number.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.raw().is_none_or(|(number, _)| number > 0)
    }

    /// The number and whether it counts seconds, when there is one.
    pub(super) fn raw(self) -> Option<(i64, bool)> {
        match self {
            Self::None | Self::Keep | Self::Persist => None,
            Self::Ex(s) | Self::ExAt(s) => Some((s, true)),
            Self::Px(ms) | Self::PxAt(ms) => Some((ms, false)),
        }
    }
}

/// A deadline is beyond what 64 bits hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadlineOverflow;

/// When `EXPIRE` and its relatives take place; no deadline counts as infinitely far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpireCondition {
    /// In any case.
    #[default]
    Always,
    /// If the key has no deadline.
    Nx,
    /// If the key has a deadline.
    Xx,
    /// If the new deadline is later.
    Gt,
    /// If the new deadline is earlier.
    Lt,
    /// If the key has a deadline and the new one is later.
    XxGt,
    /// If the key has a deadline and the new one is earlier.
    XxLt,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines() {
        let cases = [
            (Expiry::None, Ok(None)),
            (Expiry::Keep, Ok(None)),
            (Expiry::Ex(2), Ok(Some(3000))),
            (Expiry::Px(-5), Ok(Some(995))),
            (Expiry::ExAt(-7), Ok(Some(-7000))),
            (Expiry::PxAt(8), Ok(Some(8))),
            (Expiry::Ex(i64::MAX / 1000), Err(DeadlineOverflow)),
            (Expiry::Px(i64::MAX - 999), Err(DeadlineOverflow)),
            (Expiry::Px(i64::MAX - 1000), Ok(Some(i64::MAX))),
            (Expiry::ExAt(i64::MIN / 1000 - 1), Err(DeadlineOverflow)),
        ];
        for (expiry, want) in cases {
            assert_eq!(expiry.deadline_ms(1000), want, "{expiry:?}");
        }
    }
}
