//! The binary `velodrome`: starts a node.

use std::process::ExitCode;

use velodrome_server::config::{Action, Config};
use velodrome_server::node::Node;

/// Descriptors for listeners, rings, wake-ups and log files.
const DESCRIPTORS_BESIDE_CLIENTS: u64 = 128;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Some(code) = velodrome_server::tune::run_if_asked(std::env::args_os()) {
        return code;
    }
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("velodrome: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), String> {
    let loaded = Config::load_here().map_err(|error| error.to_string())?;
    match &loaded.action {
        Action::Print(text) => {
            print!("{text}");
            return Ok(());
        }
        Action::CheckConfig => {
            print!("{}", loaded.table());
            return Ok(());
        }
        Action::Start => {}
    }
    velodrome_server::logging::start(loaded.config.log_format, loaded.config.log_level)?;
    loaded.notes.iter().for_each(|note| tracing::info!("{note}"));
    raise_descriptors(loaded.config.maxclients);
    Node::start(loaded.config, String::new())?.run()
}

/// Asks for as many file descriptors as there may be connections, and some.
fn raise_descriptors(maxclients: usize) {
    let wanted = maxclients as u64 + DESCRIPTORS_BESIDE_CLIENTS;
    let descriptors = velodrome_tuning::raise_nofile(wanted).unwrap_or(0);
    if descriptors < wanted {
        tracing::warn!(
            descriptors,
            maxclients,
            "fewer file descriptors than --maxclients asks for"
        );
    }
}
