//! `mainstem plan`: what a file lowers to.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::{load, output};

/// Options of `plan`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A Benthos config (.yaml, .yml, .json), a q spec (.q) or a NebulaStream query (.nes).
    file: PathBuf,
    #[command(flatten)]
    config: load::ConfigOptions,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Prints it.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let loaded = load::file(Some(&args.file), &args.config)?;
    if args.json {
        let text = serde_json::to_string_pretty(&loaded.plan).map_err(|e| e.to_string())?;
        output::print(&format!("{text}\n"));
    } else {
        output::print(&loaded.plan.to_string());
    }
    Ok(ExitCode::SUCCESS)
}
