//! `velodrome-weigh CASE TURNOVERS`: one case of `velodrome-bench density`, in this process.
//!
//! Owns the allocator, the node's, which the measuring program leaves to the system: where keys and
//! values lie changes how many instructions their copies take. Invariant: one line of JSON, or
//! exit code 1. Cost: the case's.

use std::process::ExitCode;

use velodrome_bench::density::{Case, measure_here};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let parsed = || -> Option<(Case, u64)> {
        let [case, turnovers] = &arguments[..] else { return None };
        Some((serde_json::from_str(case).ok()?, turnovers.parse().ok()?))
    };
    let Some((case, turnovers)) = parsed() else {
        eprintln!("velodrome-bench density starts this program");
        return ExitCode::FAILURE;
    };
    match measure_here(&case, turnovers) {
        Ok(line) => {
            println!("{}", serde_json::to_string(&line).expect("figures are plain data"));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{}: {failure}", case.name);
            ExitCode::FAILURE
        }
    }
}
