//! `velodrome-bench micro` and `instructions`.
//!
//! Owns the flags. Invariant: a ceiling that does not hold makes the program fail. Cost: see
//! `instructions`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{print, write_file};
use crate::failure::Failure;
use crate::instructions::{Ceilings, Counted, Listing, Subject};
use crate::micro::{self, Operation};

#[derive(Args)]
pub(super) struct MicroArgs {
    /// The operation: parse-get, parse-set, find, get, set, set-evicting, whole-get, whole-set.
    #[arg(value_parser = Operation::parse)]
    operation: Operation,
    /// How often it is executed.
    count: u64,
}

#[derive(Args)]
pub(super) struct InstructionsArgs {
    /// The file of ceilings.
    #[arg(long, default_value = "bench/instructions.ceilings")]
    ceilings: PathBuf,
    /// Bring the ceilings in the file down to what is counted, and set those that are missing.
    #[arg(long)]
    lower: bool,
    /// Percent by which ceilings may be missed: the system library copies and compares bytes in
    /// other ways on other processors.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, conflicts_with = "lower")]
    tolerance: u8,
    /// Count this program's operations too: started alone it names them, one a line, and with
    /// OPERATION COUNT it executes one. May be given more than once.
    #[arg(long, value_name = "PROGRAM")]
    beside: Vec<PathBuf>,
    /// This program built without the lists of hot keys and large items (feature `unranked`), to
    /// judge what they cost.
    #[arg(long, value_name = "PROGRAM")]
    unranked: Option<PathBuf>,
    /// Only these operations.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

pub(super) fn micro(args: &MicroArgs) -> Result<(), Failure> {
    micro::run(args.operation, args.count)
}

pub(super) fn instructions(args: &InstructionsArgs) -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(Failure::system("cannot find itself"))?;
    let mut subjects = Subject::own(&program);
    for other in &args.beside {
        subjects.extend(Subject::of(other)?);
    }
    let known = |name: &&String| subjects.iter().any(|subject| subject.name == **name);
    if let Some(name) = args.only.iter().find(|name| !known(name)) {
        return Err(Failure::Option(format!("`{name}` is not an operation")));
    }
    let mut ceilings = read(&args.ceilings, &subjects, args.lower)?;
    let wanted = |one: &&Subject| args.only.is_empty() || args.only.contains(&one.name);
    let mut counted: Vec<Counted> = Vec::new();
    for subject in subjects.iter().filter(wanted) {
        let one = ceilings.judge(&subject.name, subject.count()?);
        print(&one.line(args.tolerance))?;
        counted.push(one);
    }
    if args.lower {
        ceilings.lower(&counted);
        return write_file(&args.ceilings, &ceilings.text(&subjects));
    }
    let too_dear = match &args.unranked {
        Some(unranked) => judge_lists(unranked, &counted)?,
        None => 0,
    };
    let missed = counted.iter().filter(|one| !one.is_low_enough(args.tolerance)).count();
    match missed + too_dear {
        0 => Ok(()),
        _ => Err(Failure::Option(format!(
            "{missed} operations take too many instructions, lists of keys cost too much of \
             {too_dear}"
        ))),
    }
}

/// Counts the operations of `unranked` beside those counted. Returns of how many the lists take too
/// much.
fn judge_lists(unranked: &Path, counted: &[Counted]) -> Result<usize, Failure> {
    let mut too_dear = 0;
    for subject in Subject::own(unranked) {
        let Some(with) = counted.iter().find(|one| one.name == subject.name) else { continue };
        let (name, with, without) = (subject.name.clone(), with.instructions, subject.count()?);
        let listing = Listing { name, with, without };
        print(&listing.line())?;
        too_dear += usize::from(!listing.is_low_enough());
    }
    Ok(too_dear)
}

fn read(path: &Path, subjects: &[Subject], may_miss: bool) -> Result<Ceilings, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ceilings::parse(&text, subjects),
        Err(error) if may_miss && error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Ceilings::default())
        }
        Err(error) => Err(Failure::system(format!("cannot read {}", path.display()))(error)),
    }
}
