//! `mainstem echo`: a config as it is understood.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use config::{Catalog, Reading, Root};

use crate::load::{self, ConfigOptions, Environment};
use crate::output;

/// Options of `echo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A Benthos config (.yaml, .yml, .json). Without one, the config that is run by default.
    file: Option<PathBuf>,
    /// Set a field of the config, such as logger.level=DEBUG or pipeline.processors.0.label=a; may
    /// be given several times.
    #[arg(short, long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Read resources from a file, to see whether they can be read; may be given several times.
    #[arg(short, long = "resources", value_name = "FILE")]
    resources: Vec<String>,
    /// Read environment variables from a dotenv file; may be given several times.
    #[arg(short, long = "env-file", value_name = "FILE")]
    env_file: Vec<PathBuf>,
}

/// Prints it.
///
/// # Errors
/// What keeps the config from being read. Complaints are no errors here.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let catalog = Catalog::new(&crate::registry::registry());
    let environment = Environment::read(&args.env_file)?;
    let overrides = load::overrides(&args.set)?;
    let lookup = |name: &str| environment.get(name);
    let reading = Reading { overrides: &overrides, ..Reading::new(Root::Config, &lookup) };
    let file = args.file.clone().or_else(load::searched);
    let text = file.as_deref().map_or_else(|| Ok("{}\n".to_owned()), load::read)?;
    let name = file.as_deref().unwrap_or(Path::new("defaults"));
    let doc = load::doc(&catalog, name, &text, &reading)?;
    let options = ConfigOptions { resources: args.resources.clone(), ..ConfigOptions::default() };
    load::resources(&catalog, &options, &environment)?;
    output::print(&format!("{}\n", doc.normalised(&catalog)));
    Ok(ExitCode::SUCCESS)
}
