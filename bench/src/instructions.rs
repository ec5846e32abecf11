//! Instructions an operation takes, and the ceilings they must stay under.
//!
//! ```text
//! whole-get 512        one operation a line, the most instructions it may take; # comment
//! ```
//!
//! Owns counting with callgrind, and beside it what the lists of hot keys and large items cost:
//! what a program without them takes less. Invariant: an operation's figure is the difference of
//! two runs divided by the difference of their counts, so start and preparation cancel out, and a
//! busy machine changes nothing. Cost: two runs under callgrind an operation, a second or two each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::micro::Operation;

/// Operations of the shorter run; what happens once happens before.
const COUNT_SHORT: u64 = 20_000;
/// Operations of the longer run.
const COUNT_LONG: u64 = 60_000;

/// What the lists of hot keys and large items may cost of any operation.
const LISTS_PERCENT_MAX: f64 = 1.0;

/// The most instructions each operation may take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ceilings(BTreeMap<String, u64>);

/// An operation and the program that executes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The operation's name.
    pub name: String,
    program: PathBuf,
    arguments: Vec<String>,
}

/// One operation's figure beside its ceiling.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// The operation's name.
    pub name: String,
    /// Instructions of one operation, on average.
    pub instructions: f64,
    /// Its ceiling, if it has one.
    pub ceiling: Option<u64>,
}

/// What an operation takes with the lists of hot keys and large items, and without them.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// The operation's name.
    pub name: String,
    /// Instructions of one operation with the lists.
    pub with: f64,
    /// Instructions of one without them.
    pub without: f64,
}

impl Subject {
    /// The operations of `program`, which is this one.
    pub fn own(program: &Path) -> Vec<Subject> {
        let subject = |operation: Operation| Subject {
            name: operation.name().to_owned(),
            program: program.to_owned(),
            arguments: vec!["micro".to_owned(), operation.name().to_owned()],
        };
        Operation::ALL.map(subject).into()
    }

    /// The operations of another `program`, which names them, one a line, when it is started
    /// without arguments, and executes one when it is given its name and a count.
    ///
    /// # Errors
    /// When it cannot be started or names none.
    pub fn of(program: &Path) -> Result<Vec<Subject>, Failure> {
        let failed = Failure::system(format!("cannot start {}", program.display()));
        let output = Command::new(program).stdin(Stdio::null()).output().map_err(failed)?;
        let names = String::from_utf8_lossy(&output.stdout);
        let subject = |name: &str| Subject {
            name: name.to_owned(),
            program: program.to_owned(),
            arguments: vec![name.to_owned()],
        };
        let subjects: Vec<Subject> = names.lines().map(subject).collect();
        if subjects.is_empty() || !output.status.success() {
            return Err(Failure::Option(format!("{} names no operations", program.display())));
        }
        Ok(subjects)
    }

    /// Counts the instructions of one operation.
    ///
    /// # Errors
    /// When valgrind is missing or does not say what is expected.
    pub fn count(&self) -> Result<f64, Failure> {
        let short = self.collected(COUNT_SHORT)?;
        let long = self.collected(COUNT_LONG)?;
        Ok(long.saturating_sub(short) as f64 / (COUNT_LONG - COUNT_SHORT) as f64)
    }

    fn collected(&self, count: u64) -> Result<u64, Failure> {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(&self.program)
            .args(&self.arguments)
            .arg(count.to_string())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .output()
            .map_err(|source| Failure::ProgramMissing {
                program: "valgrind".to_owned(),
                source,
                hint: "install Debian's valgrind",
            })?;
        let text = String::from_utf8_lossy(&output.stderr);
        let found = total(&text).filter(|_| output.status.success());
        found.ok_or_else(|| Failure::Option(format!("callgrind of {}: {text}", self.name)))
    }
}

/// The instructions callgrind says it collected.
fn total(text: &str) -> Option<u64> {
    let after = |line: &str| Some(line.split_once("Collected :")?.1.trim().to_owned());
    text.lines().find_map(after)?.parse().ok()
}

impl Ceilings {
    /// Reads the file's text, which names only the operations of `subjects`.
    ///
    /// # Errors
    /// The line that is not understood.
    pub fn parse(text: &str, subjects: &[Subject]) -> Result<Ceilings, Failure> {
        let mut ceilings = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.starts_with('#') {
                continue;
            }
            let pair = line.split_once(' ').and_then(|(name, ceiling)| {
                subjects.iter().find(|subject| subject.name == name)?;
                Some((name.to_owned(), ceiling.trim().parse().ok()?))
            });
            let Some((name, ceiling)) = pair else {
                return Err(Failure::Option(format!(
                    "`{line}` is not OPERATION INSTRUCTIONS of what is counted"
                )));
            };
            ceilings.insert(name, ceiling);
        }
        Ok(Ceilings(ceilings))
    }

    /// A figure beside its ceiling.
    pub fn judge(&self, name: &str, instructions: f64) -> Counted {
        Counted { name: name.to_owned(), instructions, ceiling: self.0.get(name).copied() }
    }

    /// Brings every ceiling down to what was counted, and sets those that are missing. None is
    /// ever raised.
    pub fn lower(&mut self, counted: &[Counted]) {
        for one in counted {
            let found = one.instructions.ceil() as u64;
            let ceiling = self.0.entry(one.name.clone()).or_insert(found);
            *ceiling = (*ceiling).min(found);
        }
    }

    /// The file's text, in the order of `subjects`.
    pub fn text(&self, subjects: &[Subject]) -> String {
        let mut text = String::from(
            "# The most user-space instructions an operation may take: codec, engine, ring;\n\
             # release build, counted by callgrind (bench/instructions).\n\
             # A ceiling only ever goes down.\n",
        );
        for name in subjects.iter().map(|subject| &subject.name) {
            if let Some(ceiling) = self.0.get(name) {
                text += &format!("{name} {ceiling}\n");
            }
        }
        text
    }
}

impl Counted {
    /// Whether the ceiling holds, give or take so many percent of it; an operation without one is
    /// too high.
    pub fn is_low_enough(&self, tolerance_percent: u8) -> bool {
        let allowed = |ceiling: u64| ceiling * (100 + u64::from(tolerance_percent)) / 100;
        self.ceiling.is_some_and(|ceiling| self.instructions.floor() as u64 <= allowed(ceiling))
    }

    /// The figure in one line.
    pub fn line(&self, tolerance_percent: u8) -> String {
        let ceiling = self.ceiling.map_or("none".to_owned(), |ceiling| ceiling.to_string());
        let verdict = if self.is_low_enough(tolerance_percent) { "" } else { "  TOO HIGH" };
        let name = &self.name;
        format!("{name:<13} {:>8.1} instructions, ceiling {ceiling}{verdict}", self.instructions)
    }
}

impl Listing {
    /// The lists' part of the operation.
    fn percent(&self) -> f64 {
        (self.with - self.without) / self.with * 100.0
    }

    /// Whether the lists are cheap enough; what is no number is not.
    pub fn is_low_enough(&self) -> bool {
        self.percent() <= LISTS_PERCENT_MAX
    }

    /// The figures in one line.
    pub fn line(&self) -> String {
        let Listing { name, with, without } = self;
        let verdict = if self.is_low_enough() { "" } else { "  TOO HIGH" };
        format!(
            "{name:<13} {:>8.1} of {with:.1} for lists of keys, {:.2} %, at most \
             {LISTS_PERCENT_MAX} %{verdict}",
            with - without,
            self.percent(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_may_cost_a_hundredth() {
        let listing = |with, without| Listing { name: "get".to_owned(), with, without };
        assert!(listing(400.0, 396.0).is_low_enough() && listing(400.0, 401.0).is_low_enough());
        assert!(!listing(400.0, 395.9).is_low_enough() && !listing(f64::NAN, 1.0).is_low_enough());
        assert!(listing(400.0, 390.0).line().contains("10.0 of 400.0 for lists of keys, 2.50 %"));
        assert!(listing(400.0, 390.0).line().ends_with("TOO HIGH"));
    }

    #[test]
    fn callgrinds_total_is_found() {
        assert_eq!(total("==1== Callgrind\n==1== Collected : 123456\n"), Some(123_456));
        assert_eq!(total("==1== nothing"), None);
    }

    #[test]
    fn ceilings_go_down_and_never_up() {
        let subjects = Subject::own(Path::new("bench"));
        let parse = |text: &str| Ceilings::parse(text, &subjects).unwrap();
        let mut ceilings = parse("# x\nget 100\nset 50\n");
        let (get, set) = (ceilings.judge("get", 90.5), ceilings.judge("set", 51.0));
        let find = ceilings.judge("find", 10.0);
        assert!(get.is_low_enough(0) && !set.is_low_enough(0) && !find.is_low_enough(9));
        assert!(!set.is_low_enough(1) && set.is_low_enough(2));
        assert!(set.line(0).contains("TOO HIGH") && find.line(0).contains("none"));
        ceilings.lower(&[get, set, find]);
        assert_eq!(ceilings, parse("find 10\nget 91\nset 50"));
        assert_eq!(parse(&ceilings.text(&subjects)), ceilings);
    }

    #[test]
    fn lines_that_mean_nothing_are_refused() {
        let subjects = Subject::own(Path::new("bench"));
        for text in ["get", "get x", "fly 3"] {
            assert!(Ceilings::parse(text, &subjects).is_err(), "{text}");
        }
    }
}
