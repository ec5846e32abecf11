//! Prospects: what a segment would give if its least worthy items went.
//!
//! Invariant: the segment chosen gives a quarter of its bytes, as far as the samples tell. Cost:
//! a handful of samples a segment.

/// Sampled items are evicted with their segment when they are among the last of this many.
const LAST_SHARE: usize = 8;
/// A segment is worth copying when one part in this many is reclaimed.
const WORTHWHILE_SHARE: usize = 4;

/// What a segment would give.
#[derive(Clone, Debug)]
pub(crate) struct Prospect {
    pub(crate) number: u32,
    pub(crate) used: usize,
    pub(crate) live: usize,
    /// Worths of some of its live records that may go.
    pub(crate) worths: Vec<u64>,
    /// Live records looked at.
    pub(crate) seen: usize,
}

impl Prospect {
    /// The worth up to which items are evicted with their segment, from samples taken everywhere.
    pub(crate) fn cutoff(worths: &mut [u64]) -> u64 {
        if worths.is_empty() {
            return 0;
        }
        worths.sort_unstable();
        worths[worths.len() / LAST_SHARE]
    }

    /// Bytes that come back when items worth at most `cutoff` go.
    fn reclaimed(&self, cutoff: u64) -> usize {
        let going = self.worths.iter().filter(|worth| **worth <= cutoff).count();
        self.used - self.live + (self.live * going).checked_div(self.seen).unwrap_or(0)
    }

    /// The worth up to which items go if at least one part in `share` is to be reclaimed.
    pub(crate) fn cutoff_for(&mut self, cutoff: u64, share: usize) -> u64 {
        let wanted = self.used / share;
        if self.reclaimed(cutoff) >= wanted || self.worths.is_empty() {
            return cutoff;
        }
        let dead = self.used - self.live;
        let count = (wanted.saturating_sub(dead) * self.seen).div_ceil(self.live.max(1));
        self.worths.sort_unstable();
        cutoff.max(self.worths[count.clamp(1, self.worths.len()) - 1])
    }

    /// Whether enough comes back to be worth copying the rest.
    pub(crate) fn is_worthwhile(&self, cutoff: u64) -> bool {
        self.reclaimed(cutoff) * WORTHWHILE_SHARE >= self.used
    }

    /// The segment that pays, and the worth up to which its items are evicted.
    pub(crate) fn choose(prospects: &mut [Self], cutoff: u64) -> Option<(u32, u64)> {
        let best = prospects.iter_mut().max_by_key(|prospect| prospect.reclaimed(cutoff))?;
        Some((best.number, best.cutoff_for(cutoff, WORTHWHILE_SHARE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_segment_that_gives_most_pays() {
        let prospect = |number, live, worths: &[u64]| {
            let (worths, seen) = (worths.to_vec(), worths.len());
            Prospect { number, used: 1000, live, worths, seen }
        };
        let mut prospects = [prospect(1, 900, &[99, 98, 97, 9]), prospect(2, 900, &[8, 9, 9, 99])];
        assert_eq!(Prospect::choose(&mut prospects, 25), Some((2, 25)));
        let mut worthy = [prospect(3, 1000, &[91, 92, 93, 94])];
        assert!(!worthy[0].is_worthwhile(25));
        assert_eq!(Prospect::choose(&mut worthy, 25), Some((3, 91)));
        assert_eq!(Prospect::choose(&mut [], 25), None);
    }
}
