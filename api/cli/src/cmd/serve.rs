//! `mainstem serve`: all three control planes of one engine.

use std::process::ExitCode;

use crate::boot::Process;
use crate::options::{EndOptions, EngineOptions};
use crate::serve;

/// Options of `serve`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Listen on an address: NAME=ADDR with NAME one of benthos, kdb, nes, ipc, and port 0 for a
    /// free one. May be given several times, and then replaces the defaults, which are
    /// benthos=127.0.0.1:4195, kdb=127.0.0.1:5000, nes=127.0.0.1:8081 and ipc=127.0.0.1:5001.
    #[arg(long, value_name = "NAME=ADDR")]
    listen: Vec<String>,
    #[command(flatten)]
    engine: EngineOptions,
    #[command(flatten)]
    end: EndOptions,
}

const DEFAULTS: [&str; 4] =
    ["benthos=127.0.0.1:4195", "kdb=127.0.0.1:5000", "nes=127.0.0.1:8081", "ipc=127.0.0.1:5001"];

/// Serves until told to stop.
///
/// # Errors
/// What keeps it from serving.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let config = args.engine.config()?;
    let given: Vec<&str> = args.listen.iter().map(String::as_str).collect();
    let wanted = if given.is_empty() { DEFAULTS.to_vec() } else { given };
    let mut process = Process::start(&config, server::ports::by_stream(true))?;
    serve::all(&mut process, &wanted)?;
    process.until_signal(args.end.shutdown_timeout)?;
    Ok(ExitCode::SUCCESS)
}
