//! Miss ratios that libCacheSim found on the same public traces, caches sized in items.
//!
//! Owns the figures; sizes of objects were ignored. Invariant: a row has a figure for each of
//! [`NAMES`]. Cost: none.

/// The policies, those of ours by their names here.
pub(super) const NAMES: [&str; 7] = ["fifo", "lru", "lfu", "SIEVE", "s3fifo", "W-TinyLFU", "ARC"];

/// One trace and size.
#[derive(Debug)]
pub(super) struct Published {
    /// The trace.
    pub(super) trace: &'static str,
    /// Items the cache holds.
    pub(super) items: u64,
    /// Whether it is one of the trace's two larger sizes.
    pub(super) is_large: bool,
    /// Miss ratios, as [`NAMES`].
    pub(super) ratios: [f64; 7],
}

/// Every trace and size.
pub(super) const ALL: [Published; 7] = [
    of("web12", 137, true, [0.6237, 0.6030, 0.7831, 0.5975, 0.5904, 0.6474, 0.5931]),
    of("web12", 1375, true, [0.3546, 0.3152, 0.3984, 0.2828, 0.2788, 0.2943, 0.2913]),
    of("scarab-recs", 258, false, [0.8313, 0.8174, 0.8712, 0.7944, 0.7720, 0.8010, 0.7804]),
    of("scarab-recs", 2583, true, [0.6817, 0.6529, 0.6943, 0.5919, 0.5721, 0.5924, 0.5918]),
    of("scarab-recs", 25836, true, [0.4291, 0.3940, 0.4876, 0.3909, 0.3718, 0.3895, 0.3765]),
    of("orm-busy", 763, true, [0.2406, 0.2297, 0.8290, 0.2947, 0.2436, 0.4036, 0.2325]),
    of("orm-busy", 7634, true, [0.1321, 0.1199, 0.3506, 0.1188, 0.1111, 0.1170, 0.1196]),
];

const fn of(trace: &'static str, items: u64, is_large: bool, ratios: [f64; 7]) -> Published {
    Published { trace, items, is_large, ratios }
}

impl Published {
    /// What was published of this trace and size.
    pub(super) fn find(trace: &str, items: u64) -> Option<&'static Published> {
        ALL.iter().find(|row| row.trace == trace && row.items == items)
    }

    /// The policy's miss ratio.
    pub(super) fn ratio(&self, policy: &str) -> Option<f64> {
        let place = NAMES.iter().position(|name| *name == policy)?;
        Some(self.ratios[place])
    }

    /// The lowest of all.
    pub(super) fn best(&self) -> f64 {
        self.ratios.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_trace_size_and_policy() {
        let row = Published::find("scarab-recs", 2583).unwrap();
        assert_eq!((row.ratio("s3fifo"), row.ratio("random")), (Some(0.5721), None));
        assert_eq!(row.best(), 0.5721);
        assert!(Published::find("web12", 1).is_none());
    }
}
