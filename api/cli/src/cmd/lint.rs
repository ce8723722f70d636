//! `mainstem lint`: what is wrong with configs, specs and queries, by file, line and column.

use std::path::PathBuf;
use std::process::ExitCode;

use config::{Root, parse_file};

use crate::load::{Environment, TemplateOptions, read, report, spec};
use crate::output;

/// Options of `lint`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Benthos configs (.yaml, .yml, .json), q specs (.q) and NebulaStream queries (.nes) to check.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Do not complain about variables that are not set.
    #[arg(long)]
    skip_env_var_check: bool,
    /// Say of each file whether it is in order.
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    templates: TemplateOptions,
}

/// Checks them.
///
/// # Errors
/// None: complaints go to standard error, and the process fails.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let catalog = args.templates.catalog(false)?;
    let environment = Environment::default();
    let lookup = |name: &str| {
        let unset = args.skip_env_var_check.then(String::new);
        environment.get(name).or(unset)
    };
    let mut failed = false;
    for path in &args.files {
        let checked = match spec(path) {
            Some(lowered) => lowered.map(|_| false),
            None => read(path).map(|text| {
                let doc = parse_file(&catalog, &text, Root::Config, &lookup);
                report(path, &text, &doc.map_or_else(|lint| vec![lint], |doc| doc.lints))
            }),
        };
        let complained = checked.unwrap_or_else(|text| {
            output::error(&text);
            true
        });
        if args.verbose {
            let word = if complained { "FAILED" } else { "OK" };
            output::print(&format!("{}: {word}\n", path.display()));
        }
        failed |= complained;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
