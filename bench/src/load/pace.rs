//! When requests are sent: as soon as the last ones were answered, or at times set beforehand.
//!
//! Owns the open loop's schedule. Invariant: the times depend on rate and seed alone, never on the
//! server: a request that could not be sent in time keeps its time, and its latency counts from
//! there. Cost: an addition a request, and a logarithm with Poisson arrivals.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

/// Closed or open loop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// A connection sends again when its last requests were answered.
    Closed,
    /// Requests come due whatever the server does.
    Open {
        /// Requests a second of all threads together.
        rate_per_s: f64,
        /// How the time between two requests is spread.
        arrivals: Arrivals,
    },
}

/// The time between two requests of an open loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// Always the same.
    #[default]
    Constant,
    /// Exponentially distributed, as from many clients that do not know of each other.
    Poisson,
}

impl Arrivals {
    /// Understands `constant` and `poisson`.
    pub fn parse(text: &str) -> Result<Arrivals, String> {
        match text {
            "constant" => Ok(Arrivals::Constant),
            "poisson" => Ok(Arrivals::Poisson),
            other => Err(format!("`{other}` is not constant or poisson")),
        }
    }
}

/// One thread's times.
#[derive(Debug)]
pub(super) struct Schedule {
    start_ns: u64,
    gap_ns: f64,
    arrivals: Arrivals,
    rng: SmallRng,
    /// Nanoseconds from the start to the next request.
    next_ns: f64,
}

impl Schedule {
    /// Times from `start_ns` on, `rate_per_s` of them a second.
    pub(super) fn new(start_ns: u64, rate_per_s: f64, arrivals: Arrivals, seed: u64) -> Schedule {
        assert!(rate_per_s > 0.0);
        let (gap_ns, rng) = (1e9 / rate_per_s, SmallRng::seed_from_u64(seed));
        let mut schedule = Schedule { start_ns, gap_ns, arrivals, rng, next_ns: 0.0 };
        // Threads that start together would otherwise send together for ever.
        schedule.next_ns = schedule.gap_ns * schedule.rng.random::<f64>();
        schedule
    }

    /// When the next request is due.
    #[inline]
    pub(super) fn due_ns(&self) -> u64 {
        self.start_ns + self.next_ns as u64
    }

    /// Moves on to the request after the next.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.next_ns += match self.arrivals {
            Arrivals::Constant => self.gap_ns,
            Arrivals::Poisson => -(1.0 - self.rng.random::<f64>()).ln() * self.gap_ns,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_requests_come_due_as_the_rate_says() {
        for (arrivals, tolerance) in [(Arrivals::Constant, 1), (Arrivals::Poisson, 1500)] {
            let mut schedule = Schedule::new(1000, 100_000.0, arrivals, 4);
            let (mut due, mut last) = (0_i64, 0);
            while schedule.due_ns() < 1000 + 1_000_000_000 {
                assert!(schedule.due_ns() >= last);
                last = schedule.due_ns();
                schedule.advance();
                due += 1;
            }
            assert!((due - 100_000).abs() <= tolerance, "{arrivals:?}: {due}");
        }
    }
}
