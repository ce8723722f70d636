//! `mainstem create`: a config to begin with.

use std::process::ExitCode;

use crate::load::{EnvironmentOptions, TemplateOptions};
use crate::output;

/// Options of `create`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Names of inputs, processors and outputs: lists parted by commas, with slashes between them,
    /// such as stdin/mapping,log/file. Without it, the config that is run by default.
    expression: Option<String>,
    /// Print no more than the input, the pipeline and the output, and of their fields only those
    /// that are often set.
    #[arg(short, long)]
    small: bool,
    #[command(flatten)]
    environment: EnvironmentOptions,
    #[command(flatten)]
    templates: TemplateOptions,
}

/// Prints it.
///
/// # Errors
/// A name that is no component.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    args.environment.read()?;
    let catalog = args.templates.catalog(false)?;
    let expression = args.expression.as_deref().unwrap_or_default();
    output::print(&format!("{}\n", config::create(&catalog, expression, args.small)?));
    Ok(ExitCode::SUCCESS)
}
