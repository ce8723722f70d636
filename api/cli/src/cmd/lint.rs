//! `mainstem lint`: what is wrong with configs, specs and queries, by file, line and column.

use std::path::Path;
use std::process::ExitCode;

use config::{Catalog, Override, Reading, Root};

use crate::load::{Environment, ReadOptions, doc, overrides, read, report, spec};
use crate::{output, paths};

/// Options of `lint`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Benthos configs (.yaml, .yml, .json), q specs (.q) and NebulaStream queries (.nes) to check;
    /// also patterns, directories, and `DIR/...` for all configs below DIR.
    files: Vec<String>,
    /// Complain about components and fields that are deprecated.
    #[arg(long)]
    deprecated: bool,
    /// Complain about components without a label.
    #[arg(long)]
    labels: bool,
    /// Do not complain about variables that are not set.
    #[arg(long)]
    skip_env_var_check: bool,
    /// Say of each file whether it is in order.
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    read: ReadOptions,
}

/// Checks them.
///
/// # Errors
/// A path that stands for several files and cannot be looked into. Complaints go to standard
/// error, and the process fails.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let catalog = args.read.templates.catalog(false)?;
    let environment = args.read.environment.read()?;
    let overrides = overrides(&args.read.set)?;
    let wrong = |text: String| format!("lint paths error: {text}");
    let files = paths::files(&args.files).map_err(wrong)?;
    let resources = paths::files(&args.read.resources).map_err(wrong)?;
    let all = files.iter().map(|path| (path, true)).chain(resources.iter().map(|p| (p, false)));
    let mut failed = false;
    for (path, main) in all {
        let set: &[Override] = if main { &overrides } else { &[] };
        let complained = complains(args, &catalog, &environment, set, path);
        let complained = complained.unwrap_or_else(|text| {
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

/// Whether there are complaints about a file.
fn complains(
    args: &Args,
    catalog: &Catalog,
    environment: &Environment,
    overrides: &[Override],
    path: &Path,
) -> Result<bool, String> {
    if !path.exists() {
        let name = path.display();
        return Err(format!("{name}(1,1) open {name}: no such file or directory"));
    }
    if let Some(lowered) = spec(path) {
        return lowered.map(|_| false);
    }
    let lookup = |name: &str| {
        let unset = args.skip_env_var_check.then(String::new);
        environment.get(name).or(unset)
    };
    let (deprecated, labels) = (args.deprecated, args.labels);
    let reading = Reading { overrides, deprecated, labels, ..Reading::new(Root::Config, &lookup) };
    let text = read(path)?;
    match reading.read(catalog, &text) {
        Ok(doc) => Ok(report(path, &text, &doc.lints)),
        // What the command line sets has no place in the file.
        Err(lint) if lint.line == 0 => doc(catalog, path, &text, &reading).map(|_| true),
        Err(lint) => Ok(report(path, &text, &[lint])),
    }
}
