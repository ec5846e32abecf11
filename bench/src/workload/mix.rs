//! Which command comes next.
//!
//! Owns the closed list of commands the generator knows and their weights. Invariant: a command
//! comes as often as its weight says, in the mean. Cost: one random number and a few compares.

use rand::Rng;
use rand::rngs::SmallRng;
use serde::Serialize;

/// What a request does, as the figures are told apart by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Reads one value.
    Get,
    /// Writes one value.
    Set,
    /// Removes one key.
    Delete,
    /// Adds one to a counter.
    Incr,
    /// Reads many values.
    Mget,
    /// Writes many values.
    Mset,
    /// Sets a counter to zero: filling only.
    Zero,
    /// Opens a connection: measured, never drawn.
    Connect,
}

impl Kind {
    /// Every kind, in the order of reports.
    pub const ALL: [Kind; 8] = [
        Kind::Get,
        Kind::Set,
        Kind::Delete,
        Kind::Incr,
        Kind::Mget,
        Kind::Mset,
        Kind::Zero,
        Kind::Connect,
    ];

    /// The name in reports and in `--mix`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Get => "get",
            Kind::Set => "set",
            Kind::Delete => "delete",
            Kind::Incr => "incr",
            Kind::Mget => "mget",
            Kind::Mset => "mset",
            Kind::Zero => "zero",
            Kind::Connect => "connect",
        }
    }

    /// Whether values are written.
    pub fn writes_value(self) -> bool {
        matches!(self, Kind::Set | Kind::Mset)
    }
}

/// Commands with their weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Kinds with the sum of the weights up to and with theirs.
    cumulative: Vec<(Kind, u32)>,
}

impl Mix {
    /// One command and nothing else.
    pub fn only(kind: Kind) -> Mix {
        Mix { cumulative: vec![(kind, 1)] }
    }

    /// Reads and writes, the reads' share between 0 and 1.
    pub fn read_share(share: f64) -> Mix {
        let reads = (share.clamp(0.0, 1.0) * 10_000.0).round() as u32;
        Mix::weighted(&[(Kind::Get, reads), (Kind::Set, 10_000 - reads)])
    }

    fn weighted(weights: &[(Kind, u32)]) -> Mix {
        let mut sum = 0;
        let weights = weights.iter().filter(|(_, weight)| *weight > 0);
        let cumulative = weights.map(|&(kind, weight)| {
            sum += weight;
            (kind, sum)
        });
        Mix { cumulative: cumulative.collect() }
    }

    /// Understands `get=90,set=10`.
    pub fn parse(text: &str) -> Result<Mix, String> {
        let known = || "one of get, set, delete, incr, mget, mset".to_owned();
        let mut weights = Vec::new();
        for piece in text.split(',') {
            let (name, weight) = piece.split_once('=').unwrap_or((piece, "1"));
            let drawn = |kind: &Kind| !matches!(kind, Kind::Zero | Kind::Connect);
            let kind = Kind::ALL.into_iter().filter(drawn).find(|kind| kind.name() == name.trim());
            let kind = kind.ok_or_else(|| format!("`{name}` is not {}", known()))?;
            let weight: u32 = weight
                .trim()
                .parse()
                .ok()
                .filter(|weight| *weight <= 1_000_000)
                .ok_or_else(|| format!("`{weight}` is not a weight from 0 to 1000000"))?;
            weights.push((kind, weight));
        }
        let mix = Mix::weighted(&weights);
        if mix.cumulative.is_empty() {
            return Err(format!("`{text}` asks for nothing: give {} a weight", known()));
        }
        Ok(mix)
    }

    /// Whether `kind` ever comes.
    pub fn has(&self, kind: Kind) -> bool {
        self.cumulative.iter().any(|(known, _)| *known == kind)
    }

    #[inline]
    pub(super) fn draw(&self, rng: &mut SmallRng) -> Kind {
        let [(only, _)] = self.cumulative[..] else {
            let total = self.cumulative.last().expect("a mix is never empty").1;
            let ticket = rng.random_range(0..total);
            let found = self.cumulative.iter().find(|(_, upto)| ticket < *upto);
            return found.expect("a ticket is below the total").0;
        };
        only
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn commands_come_as_often_as_they_weigh() {
        let mix = Mix::parse("get=7,set=2,delete=1,incr=0").unwrap();
        let mut rng = SmallRng::seed_from_u64(1);
        let drawn: Vec<Kind> = (0..20_000).map(|_| mix.draw(&mut rng)).collect();
        let share = |kind| drawn.iter().filter(|k| **k == kind).count() as f64 / 20_000.0;
        assert!((share(Kind::Get) - 0.7).abs() < 0.02, "{}", share(Kind::Get));
        assert!((share(Kind::Delete) - 0.1).abs() < 0.02);
        assert!(!mix.has(Kind::Incr) && share(Kind::Incr) == 0.0);
        assert_eq!(Mix::read_share(1.0), Mix::weighted(&[(Kind::Get, 10_000)]));
    }

    #[test]
    fn what_is_no_mix_is_refused_by_name() {
        for text in ["", "get=0", "lpush=1", "zero", "get=x", "get=99999999"] {
            let refused = Mix::parse(text).unwrap_err();
            assert!(refused.contains('`'), "{text}: {refused}");
        }
    }
}
