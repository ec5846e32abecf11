//! `velodrome-bench trace`.
//!
//! Owns the flags. Invariant: what was asked for is checked before the trace is read. Cost: one
//! pass of the trace a policy, size and number of shards.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args;
use velodrome_engine::Policy;
use velodrome_net::Address;

use super::{print, units, write_file};
use crate::failure::Failure;
use crate::limits::TRACE_SHARDS_MAX;
use crate::provenance::Provenance;
use crate::trace::figure::{Budget, Figure};
use crate::trace::format::Format;
use crate::trace::matrix::{Matrix, Server, Watch};
use crate::trace::objects::{Objects, Sizes};
use crate::trace::record::Record;
use crate::trace::{file, picture, table};

/// The sizes of objects in caches bounded by items: they do not matter there.
const SMALL: Sizes = Sizes::Drawn { min: 8, max: 8 };
/// And in caches bounded by bytes, when the trace has none.
const MIXED: Sizes = Sizes::Drawn { min: 50, max: 5_000 };

#[derive(Args)]
pub(super) struct TraceArgs {
    /// The trace; xz, zstd and gzip are decompressed.
    file: PathBuf,
    /// How it is written: text, u32be, u64be or oracle-general; told by name and content without.
    #[arg(long, value_parser = Format::parse)]
    format: Option<Format>,
    /// Replay only so many requests.
    #[arg(long, value_parser = units::whole)]
    limit: Option<u64>,
    /// Policies to replay it by.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "lru,lfu,fifo,random,s3fifo",
        value_parser = policy
    )]
    policies: Vec<Policy>,
    /// Sizes of the cache in items, such as 1000,10k.
    #[arg(long, value_delimiter = ',', value_parser = units::whole)]
    items: Vec<u64>,
    /// Sizes of the cache in bytes, such as 4mib,64mib.
    #[arg(long, value_delimiter = ',', value_parser = bytes, conflicts_with = "items")]
    bytes: Vec<u64>,
    /// Numbers of engines that share the size and the keys.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    shards: Vec<usize>,
    /// Bytes of values: trace, LENGTH, or MIN-MAX drawn by key, every octave equally likely. The
    /// trace's own, or 50-5000, for caches sized by bytes; 8 for others.
    #[arg(long, value_parser = Sizes::parse)]
    sizes: Option<Sizes>,
    /// Replay by exact simulations too: fifo, lru, lfu and s3fifo have one. Beside a server and by
    /// bytes they are charged for keys and values alone.
    #[arg(long)]
    exact: bool,
    /// Replay through the server at HOST:PORT instead, which is left as it is.
    #[arg(long, value_name = "HOST:PORT", value_parser = tcp)]
    over: Option<SocketAddr>,
    /// Let that server have each policy and size, by CONFIG SET, and EMPTY IT before each.
    #[arg(long, requires = "over")]
    configure: bool,
    /// Write all figures here, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write table and plots here, as one HTML file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the first plot here: objects missed by engines of the first number of shards.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn policy(text: &str) -> Result<Policy, String> {
    let known = || Policy::ALL.map(Policy::name).join(", ");
    Policy::from_name(text).ok_or_else(|| format!("`{text}` is not one of {}", known()))
}

/// Understands `1000000`, `500k`, `64m`, `4mib`.
fn bytes(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let known = [("gib", 30), ("mib", 20), ("kib", 10)];
    for (unit, shift) in known {
        if let Some(number) = lower.strip_suffix(unit) {
            let bytes = number.parse::<f64>().map(|number| number * f64::from(1 << shift));
            return match bytes {
                Ok(bytes) if bytes >= 1.0 && bytes < u64::MAX as f64 => Ok(bytes as u64),
                _ => Err(format!("`{text}` is not a size such as 4mib, 500k or 1000000")),
            };
        }
    }
    units::whole(&lower)
}

fn tcp(text: &str) -> Result<SocketAddr, String> {
    match units::target(text)?.address {
        Address::Tcp(address) => Ok(address),
        Address::Unix(_) => Err(format!("`{text}` is not HOST:PORT")),
    }
}

impl TraceArgs {
    fn matrix(&self) -> Result<Matrix, Failure> {
        let over = self.over.map(|address| Server { address, configured: self.configure });
        let budgets: Vec<Budget> = self
            .items
            .iter()
            .map(|items| Budget::Items(*items))
            .chain(self.bytes.iter().map(|bytes| Budget::Bytes(*bytes)))
            .collect();
        let as_it_is = over.is_some() && !self.configure;
        if budgets.is_empty() && !as_it_is {
            return Err(Failure::Option("give the cache's sizes: --items or --bytes".to_owned()));
        }
        if as_it_is && !budgets.is_empty() {
            return Err(Failure::Option("--over takes sizes with --configure only".to_owned()));
        }
        if self.shards.iter().any(|shards| !(1..=TRACE_SHARDS_MAX).contains(shards)) {
            return Err(Failure::Option(format!("--shards must be 1 to {TRACE_SHARDS_MAX}")));
        }
        let (policies, shards) = (self.policies.clone(), self.shards.clone());
        Ok(Matrix { policies, budgets, shards, exact: self.exact, over })
    }

    fn objects(&self) -> Result<(Objects, Sizes), Failure> {
        let limit = self.limit.map(|limit| limit as usize);
        let trace = file::read(&self.file, self.format, limit)?;
        let usual = match (self.bytes.is_empty(), trace.size(0)) {
            (true, _) => SMALL,
            (false, Some(_)) => Sizes::Trace,
            (false, None) => MIXED,
        };
        let sizes = self.sizes.unwrap_or(usual);
        Ok((Objects::new(trace, sizes).map_err(Failure::Option)?, sizes))
    }
}

pub(super) fn run(args: &TraceArgs, stop: &AtomicBool) -> Result<(), Failure> {
    let (matrix, of) = (args.matrix()?, Provenance::here());
    let (objects, sizes) = args.objects()?;
    let by_bytes = !args.bytes.is_empty();
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let title = format!(
        "{name}: {} requests for {} objects, {} bytes together, {}",
        objects.requests().len(),
        objects.count(),
        objects.bytes_of_all(),
        sizes.text()
    );
    eprintln!("{title}");
    let mut watch = Watch {
        stop,
        progress: &mut progress(std::io::stderr().is_terminal()),
        found: &mut |figure: &Figure| eprintln!("{}", table::line(figure)),
    };
    let figures = matrix.run(&objects, &mut watch)?;
    print(format!("{title}\n\n{}", table::text(&figures, by_bytes)).trim_end())?;
    if let Some(path) = &args.html {
        write_file(path, &picture::page(&title, &name, &figures, by_bytes))?;
    }
    if let Some(path) = &args.svg {
        write_file(path, &picture::file(&name, &figures, by_bytes))?;
    }
    let Some(path) = &args.json else { return Ok(()) };
    let record = Record {
        of,
        trace: name.into_owned(),
        requests: objects.requests().len(),
        objects: objects.count(),
        bytes_of_all: objects.bytes_of_all(),
        sizes: sizes.text(),
        sized_by: (if by_bytes { "bytes" } else { "items" }).to_owned(),
        figures,
    };
    let text = serde_json::to_string_pretty(&record).expect("figures are plain data");
    write_file(path, &(text + "\n"))
}

/// A line that renews itself, where there is a terminal to renew it on.
fn progress(terminal: bool) -> impl FnMut(&str, f64) {
    move |name, share| {
        if terminal {
            let mut out = std::io::stderr();
            let _ = write!(out, "\r\x1b[2K{name}: {:.0} %\r", share * 100.0);
            let _ = out.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_bytes_have_units() {
        assert_eq!((bytes("4mib"), bytes("1.5KiB")), (Ok(4 << 20), Ok(1536)));
        assert_eq!((bytes("2m"), bytes("1000")), (Ok(2_000_000), Ok(1000)));
        for text in ["", "mib", "0mib", "-1", "4 parsecs"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn policies_have_names_and_others_are_refused() {
        assert_eq!(policy("allkeys-lru"), Ok(Policy::Lru));
        assert!(policy("best").unwrap_err().contains("s3fifo"));
    }
}
