//! Logs of the node, structured, on standard output.
//!
//! Owns the one subscriber of the process. Pretty lines are for a terminal, one JSON object a line
//! for everything else. Standard output, because it is where Redis logs and what container
//! runtimes collect; what keeps a node from starting goes to standard error instead. Invariant:
//! started once. Cost: a disabled message costs one comparison; nothing on the path of a request
//! logs above `debug`.

use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, LogLevel};

/// The process's one subscriber, once it logs.
static STARTED: OnceLock<Logging> = OnceLock::new();

/// Logs from now on what is at least as severe as `level`, if the process logs.
pub fn set_level(level: LogLevel) {
    if let Some(logging) = STARTED.get() {
        logging.set_level(level);
    }
}

/// Changes the level while the node runs.
#[derive(Clone)]
pub struct Logging {
    level: reload::Handle<LevelFilter, Registry>,
}

/// Starts logging to standard output.
///
/// # Errors
/// When the process logs already.
pub fn start(format: LogFormat, level: LogLevel) -> Result<Logging, String> {
    let pretty = is_pretty(format, std::io::stdout().is_terminal());
    let (subscriber, logging) = subscriber(pretty, level, std::io::stdout);
    subscriber.try_init().map_err(|error| format!("logs cannot be started: {error}"))?;
    Ok(STARTED.get_or_init(|| logging).clone())
}

impl Logging {
    /// Logs from now on what is at least as severe as `level`.
    pub fn set_level(&self, level: LogLevel) {
        // The only failure is a subscriber that is gone: then nobody reads logs.
        let _ = self.level.reload(filter(level));
    }
}

/// Whether lines are for a person.
fn is_pretty(format: LogFormat, terminal: bool) -> bool {
    match format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

fn subscriber<W>(
    pretty: bool,
    level: LogLevel,
    writer: W,
) -> (Box<dyn tracing::Subscriber + Send + Sync>, Logging)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (level, handle) = reload::Layer::new(filter(level));
    let registry = Registry::default().with(level);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let subscriber: Box<dyn tracing::Subscriber + Send + Sync> = if pretty {
        let color = std::io::stdout().is_terminal();
        Box::new(registry.with(lines.with_ansi(color).with_target(false)))
    } else {
        Box::new(registry.with(lines.json().flatten_event(true).with_current_span(false)))
    };
    (subscriber, Logging { level: handle })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink {
        fn lines(&self) -> Vec<String> {
            let bytes = self.0.lock().unwrap().clone();
            String::from_utf8(bytes).unwrap().lines().map(String::from).collect()
        }
    }

    fn logged(pretty: bool, level: LogLevel, log: impl FnOnce(&Logging)) -> Vec<String> {
        let sink = Sink::default();
        let copy = sink.clone();
        let (subscriber, logging) = subscriber(pretty, level, move || copy.clone());
        tracing::subscriber::with_default(subscriber, || log(&logging));
        sink.lines()
    }

    #[test]
    fn json_lines_hold_the_fields() {
        let lines = logged(false, LogLevel::Info, |_| {
            tracing::info!(port = 6379, "listening");
            tracing::debug!("not shown");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!((&line["message"], &line["level"]), (&"listening".into(), &"INFO".into()));
        assert_eq!(line["port"], 6379);
        assert!(line["timestamp"].is_string());
    }

    #[test]
    fn the_level_changes_while_running() {
        let lines = logged(true, LogLevel::Error, |logging| {
            tracing::info!("before");
            logging.set_level(LogLevel::Debug);
            tracing::debug!("after");
            logging.set_level(LogLevel::Off);
            tracing::error!("never");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("after"));
    }

    #[test]
    fn the_format_follows_the_terminal_unless_told() {
        for (format, terminal, pretty) in [
            (LogFormat::Auto, true, true),
            (LogFormat::Auto, false, false),
            (LogFormat::Pretty, false, true),
            (LogFormat::Json, true, false),
        ] {
            assert_eq!(is_pretty(format, terminal), pretty);
        }
    }
}
