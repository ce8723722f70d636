//! `mainstem q`: evaluate q expressions and show the last value as a console does.

use std::process::ExitCode;

use crate::output;

/// Options of `q`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// An expression; several are evaluated in order in one session, and the last value is shown.
    #[arg(short, long = "eval", value_name = "EXPR", required = true, allow_hyphen_values = true)]
    eval: Vec<String>,
}

/// Evaluates them.
///
/// # Errors
/// None: an error of q is printed as q prints it, and the process fails.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let (shown, result) = q::run_expressions(&args.eval);
    output::print(&shown);
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            output::error(&format!("'{error}"));
            Ok(ExitCode::FAILURE)
        }
    }
}
