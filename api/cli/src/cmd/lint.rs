//! `mainstem lint`: what is wrong with configs, by file, line and column.

use std::path::PathBuf;
use std::process::ExitCode;

use config::{Catalog, Root, parse_file};

use crate::load::{Environment, read, report};
use crate::output;

/// Options of `lint`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configs to check.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Do not complain about variables that are not set.
    #[arg(long)]
    skip_env_var_check: bool,
    /// Say of each file whether it is in order.
    #[arg(long)]
    verbose: bool,
}

/// Checks them.
///
/// # Errors
/// None: complaints go to standard error, and the process fails.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let catalog = Catalog::new(&crate::registry::registry());
    let environment = Environment::default();
    let lookup = |name: &str| {
        let unset = args.skip_env_var_check.then(String::new);
        environment.get(name).or(unset)
    };
    let mut failed = false;
    for path in &args.files {
        let doc = read(path).and_then(|text| {
            parse_file(&catalog, &text, Root::Config, &lookup)
                .map_err(|e| format!("{}: {e}", path.display()))
        });
        let complained = match doc {
            Ok(doc) => report(path, &doc.lints),
            Err(text) => {
                output::error(&text);
                true
            }
        };
        if args.verbose {
            let word = if complained { "FAILED" } else { "OK" };
            output::print(&format!("{}: {word}\n", path.display()));
        }
        failed |= complained;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
