//! `velodrome-bench density`.
//!
//! Owns the flags. Invariant: a record is written only when every case was measured. Cost: the
//! cases', half an hour for all.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::Args;

use super::{print, told, write_file};
use crate::density::{self, Case, Record};
use crate::failure::Failure;
use crate::limits::TURNOVERS_MAX;
use crate::provenance::Provenance;

#[derive(Args)]
pub(super) struct DensityArgs {
    /// Only cases whose names contain one of these; a record is written only where --json says.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// List the cases and end.
    #[arg(long)]
    list: bool,
    /// How often all items are replaced.
    #[arg(long, default_value_t = 10)]
    turnovers: u64,
    /// Factor on the numbers of items.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// The folder of the records.
    #[arg(long, default_value = "bench/records")]
    records: PathBuf,
    /// Write a record into that folder.
    #[arg(long)]
    record: bool,
    /// Write the record here.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The program that measures a case; the one beside this one without the flag.
    #[arg(long)]
    weigh: Option<PathBuf>,
}

pub(super) fn run(args: &DensityArgs, stop: &AtomicBool) -> Result<(), Failure> {
    if args.turnovers > TURNOVERS_MAX || !(args.scale > 0.0 && args.scale <= 1.0) {
        let text =
            format!("--turnovers must be at most {TURNOVERS_MAX}, --scale above 0, at most 1");
        return Err(Failure::Option(text));
    }
    let cases = cases(args)?;
    if args.list {
        let names = cases.iter().map(|case| format!("{:<16} {} items", case.name, case.items));
        return print(&names.collect::<Vec<_>>().join("\n"));
    }
    let (of, began) = (Provenance::here(), Instant::now());
    let own = std::env::current_exe().map_err(Failure::system("cannot find itself"))?;
    let program = args.weigh.clone().unwrap_or_else(|| own.with_file_name("velodrome-weigh"));
    let mut progress = |line: &str| eprintln!("{line}");
    let lines =
        density::run(&program, &cases, args.turnovers, stop, &mut progress).map_err(told(stop))?;
    let seconds = began.elapsed().as_secs_f64();
    let (turnovers, scale) = (args.turnovers, args.scale);
    let record = Record { of, turnovers, scale, seconds, lines };
    let texts: Vec<String> = record.lines.iter().map(|line| line.text()).collect();
    print(&format!("{}\n{seconds:.0} s together", texts.join("\n")))?;
    let own = args.record.then(|| record.of.path(&args.records, "density"));
    let text = serde_json::to_string_pretty(&record).expect("figures are plain data") + "\n";
    for path in args.json.iter().map(PathBuf::as_path).chain(own.iter().map(Path::new)) {
        write_file(path, &text)?;
        print(&path.display().to_string())?;
    }
    Ok(())
}

fn cases(args: &DensityArgs) -> Result<Vec<Case>, Failure> {
    let wanted =
        |case: &Case| args.only.is_empty() || args.only.iter().any(|part| case.name.contains(part));
    let scaled = |case: Case| Case { items: (case.items as f64 * args.scale) as u64, ..case };
    let cases: Vec<Case> = Case::all().into_iter().filter(wanted).map(scaled).collect();
    if cases.is_empty() {
        return Err(Failure::Option("no case has such a name; see --list".to_owned()));
    }
    Ok(cases)
}
