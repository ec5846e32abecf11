//! The command line.
//!
//! Owns flags and exit codes: 0 when the run completed, 1 when it could not be done, 3 when the
//! server went away or fell silent, 4 when an answer was not what it must be. Invariant: reports go
//! to standard output, progress to standard error. Cost: the run's.

// `velodrome-bench load`.
mod load;
// `velodrome-bench peers`.
mod peers;
// `velodrome-bench ceiling`.
mod ceiling;
// `velodrome-bench report`.
mod report;
// `velodrome-bench suite`, `compare`, `echo`.
mod suite;
// `velodrome-bench trace`.
mod trace;
// `velodrome-bench density`.
mod density;
// `velodrome-bench micro`, `instructions`.
mod micro;
// Texts of flags that are more than a number.
mod units;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Exit code when the server went away or fell silent.
const EXIT_SERVER_GONE: u8 = 3;
/// Exit code when an answer was not what it must be.
const EXIT_WRONG_ANSWERS: u8 = 4;

/// Loads and measures caches: Velodrome, Redis, Valkey, memcached, Dragonfly.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
    /// Sends requests to a server and reports latencies, throughput and wrong answers.
    ///
    /// Exit codes: 0 all went well; 1 the run could not be done; 3 the server went away or fell
    /// silent; 4 an answer was not what it must be.
    Load(Box<load::LoadArgs>),
    /// Velodrome beside its peers: processor time an operation, throughput and latency, as ratios
    /// of interleaved rounds. Starts and stops all servers itself, on free loopback ports.
    Peers(Box<peers::PeersArgs>),
    /// The named scenarios on a node started for each, and the floor under them; writes a record.
    Suite(Box<suite::SuiteArgs>),
    /// The highest rate each server answers in time: an open loop whose rate is searched.
    Ceiling(Box<ceiling::CeilingArgs>),
    /// Renews PERFORMANCE.md and its plots from the committed records.
    Report(report::ReportArgs),
    /// Two records of the suite side by side.
    Compare(suite::CompareArgs),
    /// A server that sends back what it gets, on the same event loop.
    Echo(suite::EchoArgs),
    /// Replays a trace by the engine's policies at several sizes and says how much was missed.
    Trace(Box<trace::TraceArgs>),
    /// What an item takes in memory beside its key and value, fresh and after churn.
    Density(density::DensityArgs),
    /// One operation of codec or engine, so many times, for callgrind to count.
    Micro(micro::MicroArgs),
    /// Instructions of every such operation, by callgrind, beside their ceilings.
    Instructions(micro::InstructionsArgs),
}

/// How a run that completed turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    ServerGone,
    WrongAnswers,
}

/// Runs the program with these arguments, the first being its name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Cli { command } = Cli::parse_from(familiar(args));
    let outcome = watch_signals().and_then(|stop| match command {
        Measurement::Load(args) => load::run(&args, &stop),
        Measurement::Peers(args) => peers::run(&args, &stop).map(|()| Verdict::Good),
        Measurement::Suite(args) => suite::run(&args, &stop).map(|()| Verdict::Good),
        Measurement::Ceiling(args) => ceiling::run(&args, &stop).map(|()| Verdict::Good),
        Measurement::Report(args) => report::run(&args).map(|()| Verdict::Good),
        Measurement::Compare(args) => suite::compare(&args).map(|()| Verdict::Good),
        Measurement::Echo(args) => suite::echo(&args, &stop).map(|()| Verdict::Good),
        Measurement::Trace(args) => trace::run(&args, &stop).map(|()| Verdict::Good),
        Measurement::Density(args) => density::run(&args, &stop).map(|()| Verdict::Good),
        Measurement::Micro(args) => micro::micro(&args).map(|()| Verdict::Good),
        Measurement::Instructions(args) => micro::instructions(&args).map(|()| Verdict::Good),
    });
    match outcome {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::ServerGone) => ExitCode::from(EXIT_SERVER_GONE),
        Ok(Verdict::WrongAnswers) => ExitCode::from(EXIT_WRONG_ANSWERS),
        Err(failure) => {
            eprintln!("velodrome-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Lets the flags of other tools through: one dash before a word, and no command for `load`.
fn familiar(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    const WORDS: [&str; 4] = ["url", "keys", "size", "read"];
    let two_dashes = |arg: OsString| {
        let name = arg.to_str().and_then(|text| text.strip_prefix('-')).map(str::to_owned);
        let word = |name: &String| WORDS.contains(&name.split('=').next().unwrap_or_default());
        match name.filter(word) {
            Some(name) => format!("--{name}").into(),
            None => arg,
        }
    };
    let mut args: Vec<OsString> = args.into_iter().map(two_dashes).collect();
    let own = |arg: &OsString| {
        let arg = arg.to_str().unwrap_or_default();
        arg.starts_with('-') && !["-h", "--help", "-V", "--version"].contains(&arg)
    };
    if args.get(1).is_some_and(own) {
        args.insert(1, "load".into());
    }
    args
}

fn watch_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The second signal ends the process at once, whatever it is doing.
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(Failure::system("cannot watch for signals"))?;
    }
    Ok(stop)
}

/// Writes a whole file, with its folders.
fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    let refused = || Failure::system(format!("cannot write {}", path.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(refused())?;
    }
    std::fs::write(path, text).map_err(refused())
}

/// Asks for enough descriptors; what is refused shows when connections are opened.
fn raise_descriptors(connections: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let found = getrlimit(Resource::Nofile);
    let wanted = connections as u64 + 256;
    if found.current.is_some_and(|current| current < wanted) {
        let current = found.maximum.map_or(wanted, |maximum| maximum.min(wanted));
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..found });
    }
}

/// Prints a report; a reader that went away is no failure.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::system("cannot write the report")(error))
        }
        _ => Ok(()),
    }
}

/// A signal from the terminal ends the servers too: their end is not the news.
fn told(stop: &AtomicBool) -> impl Fn(Failure) -> Failure + '_ {
    move |failure| if stop.load(Ordering::Relaxed) { Failure::Interrupted } else { failure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_other_tools_are_understood() {
        let check = |before: &str, after: &str| {
            let args = before.split(' ').map(OsString::from);
            let found: Vec<String> =
                familiar(args).into_iter().map(|arg| arg.into_string().unwrap()).collect();
            assert_eq!(found.join(" "), after);
        };
        check("b -url h:1 -c 10 -d 30s", "b load --url h:1 -c 10 -d 30s");
        check("b load -keys=5 -size 9 -read 0.7", "b load --keys=5 --size 9 --read 0.7");
        check("b peers --rounds 3", "b peers --rounds 3");
        check("b --help", "b --help");
        check("b -V", "b -V");
    }
}
