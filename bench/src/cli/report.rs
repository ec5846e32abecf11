//! `velodrome-bench report`: the document of what was measured, renewed from the records.
//!
//! Owns the flags. Invariant: nothing is measured here. Cost: reading a folder.

use std::path::PathBuf;

use clap::Args;

use super::print;
use crate::failure::Failure;
use crate::performance::{newest_folder, renew};

#[derive(Args)]
pub(super) struct ReportArgs {
    /// The folder of one machine's records; the one with the newest without the flag.
    #[arg(long)]
    machine: Option<PathBuf>,
    /// The folder of all records.
    #[arg(long, default_value = "bench/records")]
    records: PathBuf,
    /// The document whose blocks are renewed.
    #[arg(long, default_value = "PERFORMANCE.md")]
    document: PathBuf,
}

pub(super) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let folder = args.machine.clone().or_else(|| newest_folder(&args.records));
    let folder = folder.ok_or_else(|| {
        Failure::Option(format!("there is no record below {}", args.records.display()))
    })?;
    for path in renew(&folder, &args.document)? {
        print(&path.display().to_string())?;
    }
    Ok(())
}
