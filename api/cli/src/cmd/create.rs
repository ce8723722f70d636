//! `mainstem create`: a config to begin with.

use std::process::ExitCode;

use config::Catalog;

use crate::output;

/// Options of `create`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Names of inputs, processors and outputs: lists parted by commas, with slashes between them,
    /// such as stdin/mapping,log/file. Without it, the config that is run by default.
    expression: Option<String>,
    /// Print no more than the input, the pipeline and the output.
    #[arg(short, long)]
    small: bool,
}

/// Prints it.
///
/// # Errors
/// A name that is no component.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let catalog = Catalog::new(&crate::registry::registry());
    let expression = args.expression.as_deref().unwrap_or_default();
    output::print(&format!("{}\n", config::create(&catalog, expression, args.small)?));
    Ok(ExitCode::SUCCESS)
}
