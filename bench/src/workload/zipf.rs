//! A zipf distribution without a table.
//!
//! Owns sampling ranks 1..=n with probability proportional to rank^-s, by rejection from the
//! inverse of the integral (Hörmann and Derflinger, "Rejection-inversion to generate variates from
//! monotone discrete distributions", 1996). Invariant: exact for any n and s > 0. Cost: constant
//! memory; one to two rounds of an exponential and a logarithm a sample.

use rand::Rng;
use rand::rngs::SmallRng;

/// The distribution of ranks 1..=n.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zipf {
    count: f64,
    exponent: f64,
    /// The integral's values at both ends; samples are drawn between them.
    area_first: f64,
    area_last: f64,
    /// Below this distance to the rank a point is taken without looking at the curve.
    accept: f64,
}

impl Zipf {
    pub(super) fn new(count: u64, exponent: f64) -> Zipf {
        assert!(count > 0 && exponent > 0.0 && exponent.is_finite());
        let mut zipf =
            Zipf { count: count as f64, exponent, area_first: 0.0, area_last: 0.0, accept: 0.0 };
        zipf.area_first = zipf.area(1.5) - 1.0;
        zipf.area_last = zipf.area(zipf.count + 0.5);
        zipf.accept = 2.0 - zipf.area_inverse(zipf.area(2.5) - zipf.height(2.0));
        zipf
    }

    /// A rank, 1 the most frequent.
    #[inline]
    pub(super) fn sample(&self, rng: &mut SmallRng) -> u64 {
        loop {
            let share: f64 = rng.random();
            let point = self.area_last + share * (self.area_first - self.area_last);
            let x = self.area_inverse(point);
            let rank = x.round().clamp(1.0, self.count);
            if rank - x <= self.accept || point >= self.area(rank + 0.5) - self.height(rank) {
                return rank as u64;
            }
        }
    }

    /// x^-s.
    fn height(&self, x: f64) -> f64 {
        (-self.exponent * x.ln()).exp()
    }

    /// The integral of `height`, (x^(1-s) - 1) / (1 - s), stable where s is near 1.
    fn area(&self, x: f64) -> f64 {
        let log = x.ln();
        let t = (1.0 - self.exponent) * log;
        let ratio = if t.abs() > 1e-8 { t.exp_m1() / t } else { 1.0 + t / 2.0 };
        ratio * log
    }

    fn area_inverse(&self, area: f64) -> f64 {
        let t = (area * (1.0 - self.exponent)).max(-1.0);
        let ratio = if t.abs() > 1e-8 { t.ln_1p() / t } else { 1.0 - t / 2.0 };
        (ratio * area).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn ranks_come_as_often_as_the_formula_says() {
        const SAMPLES: u32 = 200_000;
        for (count, exponent) in [(1000_u64, 0.99), (1000, 1.0), (50, 1.5), (10, 0.5), (1, 0.99)] {
            let zipf = Zipf::new(count, exponent);
            let mut rng = SmallRng::seed_from_u64(3);
            let mut seen = vec![0_u32; count as usize + 1];
            (0..SAMPLES).for_each(|_| seen[zipf.sample(&mut rng) as usize] += 1);
            let weight = |rank: u64| (rank as f64).powf(-exponent);
            let total: f64 = (1..=count).map(weight).sum();
            for rank in [1, 2, 5, count / 2, count].into_iter().filter(|r| (1..=count).contains(r))
            {
                let expected = weight(rank) / total * f64::from(SAMPLES);
                let found = f64::from(seen[rank as usize]);
                let tolerance = 5.0 * expected.sqrt() + 1.0;
                let text = format!("rank {rank} of {count} at {exponent}: {found} for {expected}");
                assert!((found - expected).abs() < tolerance, "{text}");
            }
        }
    }
}
