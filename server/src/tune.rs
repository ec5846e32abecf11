//! The sub-command `velodrome tune`: looks at the host, sets what is safe, undoes it.
//!
//! Owns its arguments and exit codes: 0 all is well, 1 something important is off or could not be
//! done, 2 the arguments are not understood. Invariant: only `apply` and `undo` change anything.
//! Cost: some hundred small files read, one io_uring set up and dropped.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use velodrome_net::{Driver, DriverConfig, DriverKind};
use velodrome_tuning::{self as tuning, Finding, IoUring, Outcome, Verdict};

const NOT_UNDERSTOOD: u8 = 2;

const AFTER_HELP: &str = "\
Examples:
  velodrome tune check                 what is set badly, why it matters, how to change it
  velodrome tune apply --dry-run       what apply would set
  velodrome tune apply                 sets it until the next start of the host
  velodrome tune undo                  restores what was there before
  velodrome tune systemd --output DIR  units and a sysctl file, to keep it

Exit code: 0, or 1 when something important is off or could not be done, or 2 when the arguments
are not understood.";

#[derive(Parser)]
#[command(
    name = "velodrome tune",
    bin_name = "velodrome tune",
    about = "Looks at the host a node is to run on, sets what is safe, and undoes it",
    after_help = AFTER_HELP,
    max_term_width = 100,
    disable_help_subcommand = true
)]
struct Tune {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Print what the host has, what a node wants, why, and the command that changes it
    Check {
        #[command(flatten)]
        view: View,
        /// Say what is wanted and why of what is well, too
        #[arg(long)]
        explain: bool,
    },
    /// Set what is safe to set: sysctls and sysfs files; the previous values are kept
    Apply {
        #[command(flatten)]
        change: Change,
    },
    /// Restore what was there before apply
    Undo {
        #[command(flatten)]
        change: Change,
    },
    /// Print a systemd unit for hosts like this one, or write it with the sysctl file
    Systemd {
        #[command(flatten)]
        view: Root,
        /// Write the files into this folder
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    /// Print a file for /etc/sysctl.d
    Sysctl {
        #[command(flatten)]
        view: Root,
    },
}

#[derive(Args)]
struct Root {
    /// The host whose /proc and /sys stand under this folder, as a container may see its own
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

#[derive(Args)]
struct View {
    #[command(flatten)]
    at: Root,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Change {
    #[command(flatten)]
    view: View,
    /// Only print what would be done
    #[arg(long)]
    dry_run: bool,
    /// Where previous values are kept [default: /var/lib/velodrome/tune.json]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

impl Change {
    fn state(&self) -> PathBuf {
        let standard = || self.view.at.root.join(tuning::STATE_PATH);
        self.state.clone().unwrap_or_else(standard)
    }
}

/// Runs the sub-command when it is the first argument (`args` begins with the program's name);
/// `None` when the arguments are the node's own.
#[must_use]
pub fn run_if_asked(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut args = args.into_iter().skip(1).peekable();
    args.peek().filter(|first| *first == "tune")?;
    let tune = match Tune::try_parse_from(args) {
        Ok(tune) => tune,
        Err(error) => {
            // Help goes to standard output and is no error.
            let code = if error.use_stderr() { NOT_UNDERSTOOD } else { 0 };
            let _ = error.print();
            return Some(code.into());
        }
    };
    Some(match run(&tune.task) {
        Ok((text, good)) => {
            print(&text);
            u8::from(!good).into()
        }
        Err(error) => {
            eprintln!("velodrome tune: {error}");
            ExitCode::FAILURE
        }
    })
}

/// A reader that has seen enough is no error.
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// What to print, and whether all is well.
fn run(task: &Task) -> Result<(String, bool), String> {
    match task {
        Task::Check { view, explain } => Ok(check(view, *explain, &findings(&view.at)?)),
        Task::Apply { change } => {
            let (root, state) = (&change.view.at.root, change.state());
            let findings = findings(&change.view.at)?;
            let outcomes = tuning::apply(root, &state, &findings, change.dry_run)?;
            Ok(told(change, &outcomes, "nothing to set: what is safe to set is as wanted\n"))
        }
        Task::Undo { change } => {
            at(&change.view.at)?;
            let outcomes = tuning::undo(&change.view.at.root, &change.state(), change.dry_run)?;
            Ok(told(change, &outcomes, "nothing to undo\n"))
        }
        Task::Systemd { view, output } => systemd(&findings(view)?, output.as_deref()),
        Task::Sysctl { view } => Ok((tuning::sysctl_file(&findings(view)?), true)),
    }
}

/// The folder in which the host's files stand. Errors: there is none.
fn at(root: &Root) -> Result<&Path, String> {
    let shown = root.root.display();
    let proc = root.root.join("proc").is_dir() || root.root.join("sys").is_dir();
    if proc { Ok(&root.root) } else { Err(format!("--root {shown}: has neither proc nor sys")) }
}

fn findings(root: &Root) -> Result<Vec<Finding>, String> {
    let root = at(root)?;
    let here = root == Path::new("/");
    Ok(tuning::findings(root, if here { probe() } else { IoUring::NotTried }))
}

/// Sets up what a shard would and drops it.
fn probe() -> IoUring {
    match Driver::new(DriverConfig::default()) {
        Ok(driver) if driver.kind() == DriverKind::IoUring => IoUring::Works,
        Ok(driver) => IoUring::Refused(driver.fallback_reason().unwrap_or_default().to_owned()),
        Err(error) => IoUring::Refused(error.to_string()),
    }
}

fn check(view: &View, explain: bool, findings: &[Finding]) -> (String, bool) {
    let good = findings.iter().all(|finding| finding.verdict != Verdict::Important);
    if view.json {
        return (tuning::json(findings), good);
    }
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    (tuning::table(findings, io::stdout().is_terminal() && !plain, explain), good)
}

fn told(change: &Change, outcomes: &[Outcome], nothing: &str) -> (String, bool) {
    let good = !outcomes.iter().any(Outcome::is_failed);
    let text = match (change.view.json, outcomes.is_empty()) {
        (true, _) => tuning::outcomes_json(outcomes),
        (false, true) => nothing.to_owned(),
        (false, false) => tuning::outcomes_table(outcomes),
    };
    (text, good)
}

fn systemd(findings: &[Finding], output: Option<&Path>) -> Result<(String, bool), String> {
    let binary = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let files = tuning::systemd_files(findings, &binary.to_string_lossy());
    let mut told = String::new();
    for (name, text) in files {
        match output {
            None => told.push_str(&format!("# --- {name}\n{text}\n")),
            Some(folder) => {
                let path = folder.join(name);
                std::fs::create_dir_all(folder)
                    .and_then(|()| std::fs::write(&path, text))
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                told.push_str(&format!("{}\n", path.display()));
            }
        }
    }
    Ok((told, true))
}
