//! `mainstem template`: work with templates of components.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use config::Catalog;
use config::template::{TemplateDoc, parse_template};
use plan::{Diagnostic, Span};

use crate::load::{self, EnvironmentOptions, TemplateOptions};
use crate::output;
use crate::paths::{expand, read_text};

/// What to do with them.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Check templates and run their tests: say what is wrong, by file, line and column.
    Lint(LintArgs),
}

/// Options of `template`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// Options of `template lint`.
#[derive(clap::Args)]
pub(crate) struct LintArgs {
    /// Templates (.yaml, .yml); also patterns, and `DIR/...` for everything below DIR.
    files: Vec<String>,
    /// Say of each file whether it is in order.
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    environment: EnvironmentOptions,
    #[command(flatten)]
    templates: TemplateOptions,
}

/// Does it.
///
/// # Errors
/// Files that cannot be found, or templates that cannot be used.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let Command::Lint(args) = &args.command;
    let environment = args.environment.read()?;
    let catalog = args.templates.catalog(false)?.with_variables(environment.into_variables());
    let mut failed = false;
    for path in expand(&args.files).map_err(|e| format!("lint paths error: {e}"))? {
        let complained = complain(&catalog, &path);
        if args.verbose {
            let word = if complained { "FAILED" } else { "OK" };
            output::print(&format!("{path}: {word}\n"));
        }
        failed |= complained;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints what is wrong with a template; tells whether anything is.
fn complain(catalog: &Catalog, path: &str) -> bool {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) => {
            output::error(&format!("{path}(1,1) {error}"));
            return true;
        }
    };
    let TemplateDoc { lints, template } = parse_template(catalog, &text);
    let mut complained = load::report(Path::new(path), &text, &lints);
    let mut found = |line: u32, column: u32, why: &str| {
        complained = true;
        let span = Span { line: line.max(1), column: column.max(1), len: 1 };
        let excerpt = Diagnostic::error("template", "", span).excerpt(&text);
        let Span { line, column, .. } = span;
        output::error(&format!("{path}(1,1) {why}\n --> {path}:{line}:{column}{excerpt}"));
    };
    match template {
        Ok(template) => {
            for wrong in template.test(catalog) {
                found(wrong.line, wrong.column, &wrong.text);
            }
        }
        Err(error) => found(error.line, error.column, &error.text),
    }
    complained
}
