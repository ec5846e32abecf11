//! The binary `velodrome`: starts a node.

use std::process::ExitCode;

use velodrome_server::capacity;
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
    let maxclients = loaded.config.maxclients;
    if let Err(descriptors) = capacity::raise_descriptors(maxclients) {
        tracing::warn!(descriptors, maxclients, "fewer file descriptors than --maxclients needs");
    }
    let file = std::path::absolute(&loaded.file).map(|path| path.display().to_string());
    Node::start(loaded.config, file.unwrap_or_default())?.run()
}
