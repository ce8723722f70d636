//! `mainstem completions`: what a shell needs to complete command lines.

use std::process::ExitCode;

use clap_complete::Shell;

use crate::output;

/// Options of `completions`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// None.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let mut command = crate::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output::print(&String::from_utf8_lossy(&script));
    Ok(ExitCode::SUCCESS)
}
