//! Sets of CPUs, as the kernel and users write them: `0,2-5`.
//!
//! Owns the notation. Invariant: the CPUs are ascending, distinct and below `CPUS_MAX`; what is
//! displayed parses to the same set. Cost: one number a CPU.

use std::{error, fmt};

use crate::limits::CPUS_MAX;

/// CPUs by number, ascending and distinct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuSet {
    cpus: Vec<usize>,
}

/// Why a text is no set of CPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CpuSetError {
    /// The text names no CPU.
    Empty,
    /// This part is neither a number nor a range.
    Part(String),
    /// This range ends before it begins.
    Backwards(String),
    /// This CPU's number is not below `CPUS_MAX`.
    TooLarge(String),
}

impl error::Error for CpuSetError {}

impl fmt::Display for CpuSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CpuSetError::Empty => f.write_str("no CPU is named: expected a list such as 0,2-5"),
            CpuSetError::Part(part) => {
                write!(f, "'{part}' is no CPU: expected a number or a range, as in 0,2-5")
            }
            CpuSetError::Backwards(part) => {
                write!(f, "'{part}' is a range that ends before it begins: expected low-high")
            }
            CpuSetError::TooLarge(part) => {
                write!(f, "'{part}' is too large: a CPU's number is below {CPUS_MAX}")
            }
        }
    }
}

impl CpuSet {
    /// The set that `text` names: numbers and inclusive ranges with commas between them, in any
    /// order, with blanks around them; a CPU may be named twice.
    pub fn parse(text: &str) -> Result<CpuSet, CpuSetError> {
        if text.trim().is_empty() {
            return Err(CpuSetError::Empty);
        }
        let mut cpus = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            let (low, high) = (number(low, part)?, number(high, part)?);
            if high < low {
                return Err(CpuSetError::Backwards(part.to_owned()));
            }
            cpus.extend(low..=high);
            // Keeps a list of ever the same range from growing beyond what it names.
            cpus.sort_unstable();
            cpus.dedup();
        }
        Ok(CpuSet { cpus })
    }

    /// The set a bit mask names, in the kernel's notation: hexadecimal groups of 32 bits with
    /// commas between them, the highest first.
    #[must_use]
    pub fn from_mask(text: &str) -> Option<CpuSet> {
        let mut cpus = Vec::new();
        for (group, text) in text.trim().rsplit(',').enumerate().take(CPUS_MAX / 32) {
            let bits = u32::from_str_radix(text, 16).ok()?;
            let set = (0..32).filter(|bit| bits >> bit & 1 == 1);
            cpus.extend(set.map(|bit| group * 32 + bit));
        }
        Some(cpus.into_iter().collect())
    }

    /// The set as a bit mask, in the kernel's notation, without leading zeros.
    #[must_use]
    pub fn to_mask(&self) -> String {
        let highest = self.cpus.last().copied().unwrap_or(0) / 32;
        let mut mask = String::new();
        for group in (0..=highest).rev() {
            let bits = self.iter().filter(|cpu| cpu / 32 == group);
            let bits = bits.fold(0u32, |bits, cpu| bits | 1 << (cpu % 32));
            match mask.is_empty() {
                true => mask = format!("{bits:x}"),
                false => mask.push_str(&format!(",{bits:08x}")),
            }
        }
        mask
    }

    /// The CPUs, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.cpus.iter().copied()
    }

    /// Whether `cpu` is in the set.
    #[must_use]
    pub fn contains(&self, cpu: usize) -> bool {
        self.cpus.binary_search(&cpu).is_ok()
    }

    /// How many CPUs the set has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cpus.len()
    }

    /// Whether the set has no CPU.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cpus.is_empty()
    }

    /// The CPUs of this set that are in `other` too.
    #[must_use]
    pub fn intersection(&self, other: &CpuSet) -> CpuSet {
        self.iter().filter(|&cpu| other.contains(cpu)).collect()
    }

    /// The CPUs of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &CpuSet) -> CpuSet {
        self.iter().filter(|&cpu| !other.contains(cpu)).collect()
    }
}

/// CPUs not below `CPUS_MAX` are left out.
impl FromIterator<usize> for CpuSet {
    fn from_iter<T: IntoIterator<Item = usize>>(cpus: T) -> CpuSet {
        let mut cpus: Vec<usize> = cpus.into_iter().filter(|&cpu| cpu < CPUS_MAX).collect();
        cpus.sort_unstable();
        cpus.dedup();
        CpuSet { cpus }
    }
}

/// The shortest notation: `0,2-5`; nothing for the empty set.
impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges = self.cpus.chunk_by(|&left, &right| left + 1 == right);
        for (index, range) in ranges.enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match *range {
                [only] => write!(f, "{comma}{only}")?,
                [low, .., high] => write!(f, "{comma}{low}-{high}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

fn number(text: &str, part: &str) -> Result<usize, CpuSetError> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CpuSetError::Part(part.to_owned()));
    }
    let cpu = text.parse().ok().filter(|&cpu: &usize| cpu < CPUS_MAX);
    cpu.ok_or_else(|| CpuSetError::TooLarge(part.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_displays() {
        for (text, displayed) in [
            ("0", "0"),
            ("0,2-5", "0,2-5"),
            (" 3 , 1-2\n", "1-3"),
            ("5-5,5,4", "4-5"),
            ("0-1023", "0-1023"),
            ("7,1,0,3", "0-1,3,7"),
        ] {
            let set = CpuSet::parse(text).expect(text);
            assert_eq!(set.to_string(), displayed, "{text}");
            assert_eq!(CpuSet::parse(displayed), Ok(set));
        }
    }

    #[test]
    fn masks() {
        for (list, mask, shown) in [
            ("0", "1", "00000001"),
            ("0-3", "f", "f"),
            ("4,32-33", "3,00000010", "00000000,00000003,00000010"),
            ("63", "80000000,00000000", "80000000,00000000"),
        ] {
            let set = CpuSet::parse(list).expect(list);
            assert_eq!(set.to_mask(), mask);
            assert_eq!(CpuSet::from_mask(shown), Some(set));
        }
        assert_eq!(CpuSet::from_mask("0,00000000"), Some(CpuSet::default()));
        assert_eq!(CpuSet::default().to_mask(), "0");
        assert_eq!(CpuSet::from_mask("0-3"), None);
    }

    #[test]
    fn refuses_with_the_part_at_fault() {
        for (text, expected) in [
            ("", CpuSetError::Empty),
            (" \n", CpuSetError::Empty),
            ("0,,1", CpuSetError::Part(String::new())),
            ("0,", CpuSetError::Part(String::new())),
            ("a", CpuSetError::Part("a".into())),
            ("-1", CpuSetError::Part("-1".into())),
            ("+1", CpuSetError::Part("+1".into())),
            ("1-", CpuSetError::Part("1-".into())),
            ("1-2-3", CpuSetError::Part("1-2-3".into())),
            ("0,5-2", CpuSetError::Backwards("5-2".into())),
            ("1024", CpuSetError::TooLarge("1024".into())),
            ("0-99999999999999999999", CpuSetError::TooLarge("0-99999999999999999999".into())),
        ] {
            assert_eq!(CpuSet::parse(text), Err(expected.clone()), "{text}");
            assert!(expected.to_string().contains("CPU") || text == "0,5-2");
        }
    }

    #[test]
    fn combines_sets() {
        let (left, right): (CpuSet, CpuSet) = ((0..6).collect(), [1, 3, 9].into_iter().collect());
        assert_eq!(left.intersection(&right).to_string(), "1,3");
        assert_eq!(left.difference(&right).to_string(), "0,2,4-5");
        assert!(left.intersection(&CpuSet::default()).is_empty());
        assert!(right.contains(9) && !right.contains(2));
    }
}
