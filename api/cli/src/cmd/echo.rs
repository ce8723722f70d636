//! `mainstem echo`: a config as it is understood.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use config::{Reading, Root};

use crate::load::{self, ReadOptions};
use crate::output;

/// Options of `echo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A Benthos config (.yaml, .yml, .json). Without one, the config that is run by default.
    file: Option<PathBuf>,
    #[command(flatten)]
    read: ReadOptions,
}

/// Prints it.
///
/// # Errors
/// What keeps the config from being read. Complaints are no errors here.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let catalog = args.read.templates.catalog(false)?;
    let environment = args.read.environment.read()?;
    let overrides = load::overrides(&args.read.set)?;
    let lookup = |name: &str| environment.get(name);
    let reading = Reading { overrides: &overrides, ..Reading::new(Root::Config, &lookup) };
    let file = args.file.clone().or_else(load::searched);
    let text = file.as_deref().map_or_else(|| Ok("{}\n".to_owned()), load::config_text)?;
    let name = file.as_deref().unwrap_or(Path::new("defaults"));
    let doc = load::doc(&catalog, name, &text, &reading)?;
    load::resources(&catalog, &args.read, &environment)?;
    output::print(&format!("{}\n", doc.normalised(&catalog)));
    Ok(ExitCode::SUCCESS)
}
