//! `mainstem buffer`: looks after the files of disk buffers that no pipeline has open.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use rt::storage::spool::{self, Fault};

use crate::output;

/// What to do with them.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say what is in a disk buffer and what is damaged. Ends with 1 when something is.
    Check(PathArgs),
    /// Cut what is damaged out of a disk buffer and say how much is lost. What is cut out is kept
    /// beside it, in files named after the place.
    Repair(PathArgs),
}

/// Options of `buffer`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// Options of `buffer check` and `buffer repair`.
#[derive(clap::Args)]
pub(crate) struct PathArgs {
    /// The buffer's directory: its field `path`.
    path: PathBuf,
}

/// Does it.
///
/// # Errors
/// The directory cannot be read or is in use.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    match &args.command {
        Command::Check(args) => check(args),
        Command::Repair(args) => repair(args),
    }
}

fn check(args: &PathArgs) -> Result<ExitCode, String> {
    let report = spool::check(&args.path).map_err(|e| e.to_string())?;
    let path = args.path.display();
    let spool::Report { segments, records, pending, bytes, torn, faults } = &report;
    let text = format!(
        "{path}: {segments} segments, {bytes} bytes, {records} batches, {pending} not delivered\n"
    );
    output::print(&text);
    if *torn > 0 {
        output::print(&format!("{path}: a crash left {torn} bytes that nobody was told of\n"));
    }
    print_faults(faults);
    if faults.is_empty() {
        output::print(&format!("{path}: OK\n"));
        return Ok(ExitCode::SUCCESS);
    }
    output::print(&format!("{path}: DAMAGED, see `mainstem buffer repair`\n"));
    Ok(ExitCode::FAILURE)
}

fn repair(args: &PathArgs) -> Result<ExitCode, String> {
    let done = spool::repair(&args.path).map_err(|e| e.to_string())?;
    let path = args.path.display();
    if done.faults.is_empty() {
        output::print(&format!("{path}: OK, nothing is damaged\n"));
        return Ok(ExitCode::SUCCESS);
    }
    print_faults(&done.faults);
    for removed in &done.removed {
        output::print(&format!("{}: keeps {} bytes\n", removed.path.display(), removed.bytes));
    }
    output::print(&format!("{path}: repaired, {} batches are lost\n", done.lost));
    Ok(ExitCode::SUCCESS)
}

fn print_faults(faults: &[Fault]) {
    for Fault { path, offset, what } in faults {
        output::print(&format!("{}: at byte {offset}: {what}\n", path.display()));
    }
}
