//! Medians and ranges.
//!
//! Owns the summary of a handful of measurements. Invariant: `min <= median <= max`. Cost: one
//! sort.

use serde::{Deserialize, Serialize};

/// The middle and the edges of a set of measurements, in their unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The middle one; the mean of the middle two when their count is even.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Summarises `values`; `None` when there are none or one is not a number.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        if sorted.is_empty() || sorted.iter().any(|value| value.is_nan()) {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Spread { min: sorted[0], median, max: sorted[sorted.len() - 1] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_edges_do_not_depend_on_order() {
        let cases: [(&[f64], f64, f64, f64); 4] = [
            (&[3.0], 3.0, 3.0, 3.0),
            (&[2.0, 1.0], 1.0, 1.5, 2.0),
            (&[9.0, 1.0, 5.0], 1.0, 5.0, 9.0),
            (&[4.0, 1.0, 3.0, 2.0], 1.0, 2.5, 4.0),
        ];
        for (values, min, median, max) in cases {
            assert_eq!(Spread::of(values.iter().copied()), Some(Spread { min, median, max }));
        }
    }

    #[test]
    fn nothing_and_not_a_number_have_no_spread() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([1.0, f64::NAN]), None);
    }
}
