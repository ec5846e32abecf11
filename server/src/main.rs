//! The binary `velodrome`: starts a node.

use std::process::ExitCode;

use velodrome_server::config::{Action, Config};
use velodrome_server::node::Node;

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
    let maxclients = loaded.config.maxclients as u64;
    if let Err(error) = velodrome_tuning::raise_nofile(maxclients + 128) {
        tracing::warn!(%error, maxclients, "fewer file descriptors than --maxclients asks for");
    }
    Node::start(loaded.config, String::new())?.run()
}
